"""The machine of an exchange, as conversations: feed this, expect that."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from network.conversation import NOW_US, Conversation

from partita.actors.network.exchange.machine import ENTER, TABLE, OutOfTurn
from partita.actors.network.exchange.requests import Sight
from partita.actors.network.exchange.sending import RETRIES
from partita.actors.network.exchange.state import Step
from partita.actors.network.exchange.words import (
    AskHook,
    AskScheme,
    Begin,
    BodyBroke,
    BodyEnded,
    BodyLeft,
    BodyRead,
    CacheBroke,
    CacheOpened,
    Deliver,
    Done,
    Drain,
    Fail,
    Head,
    HeadCame,
    HookAnswered,
    OpenCached,
    Over,
    ReadBody,
    Send,
    SendFailed,
    Word,
)
from partita.actors.network.http import NetError, RedirectRefused
from partita.actors.web_request.details import WebRequestResponse
from partita.events.cookies import SetCookie
from partita.events.protocols import SchemeHandler, SetSchemeHandler
from partita.events.secret import Secret
from partita.events.web_request import RequestFilter, SetHook

WORDS: tuple[Word, ...] = (
    Begin(),
    HookAnswered(None),
    HeadCame(Head(200, "OK", "HTTP/1.1", ())),
    SendFailed(NetError("ERR_FAILED")),
    CacheOpened(),
    CacheBroke(),
    Done(),
    BodyRead(b""),
    BodyEnded(),
    BodyBroke(NetError("ERR_FAILED")),
    BodyLeft(),
)


def stale() -> NetError:
    error = NetError("ERR_CONNECTION_RESET")
    error.stale_connection = True
    return error


def failed(talk: Conversation, command: object, name: str) -> None:
    error = talk.expect(command, Fail).error
    assert str(error) == f"net::{name}"
    assert talk.machine.is_over


def hooked(talk: Conversation, *stages: str) -> None:
    """Listeners of these stages, each named for its stage."""
    for stage in stages:
        talk.tell(SetHook(stage, stage, RequestFilter(("<all_urls>",))))  # type: ignore[arg-type]


def test_a_word_leads_somewhere_or_is_refused_from_every_step() -> None:
    waiting = {step for step, _ in TABLE}
    assert waiting | ENTER.keys() | {Step.OVER} == set(Step)
    assert {type(word) for word in WORDS} == set(get_args(Word))
    for step, word in product(Step, WORDS):
        if (step, type(word)) in TABLE:
            continue
        talk = Conversation()
        talk.machine.step = step
        with pytest.raises(OutOfTurn, match=type(word).__name__):
            talk.machine.feed(word, Sight(talk.state, NOW_US))


def test_the_caller_may_leave_whenever_the_machine_waits() -> None:
    waiting = {step for step, word in TABLE if word is not BodyLeft}
    assert {step for step, word in TABLE if word is BodyLeft} == waiting


def test_a_plain_request_is_sent_and_delivered() -> None:
    talk = Conversation()
    sent = talk.sent(talk.begin())
    assert sent["Accept"] == "*/*"
    assert "Cookie" not in sent
    delivered = talk.expect(talk.head(200), Deliver)
    assert delivered.head.status == 200
    assert not delivered.from_cache
    assert isinstance(talk.say(BodyEnded()), Over)
    assert talk.machine.is_over


def test_the_cookies_of_a_redirect_go_along_to_where_it_leads() -> None:
    talk = Conversation()
    talk.begin()
    command = talk.head(302, ("Location", "/home"), ("Set-Cookie", "sid=1; Path=/; Secure"), reason="Found")
    talk.expect(command, Drain)
    command = talk.say(Done())
    assert talk.sent(command)["Cookie"] == "sid=1"
    delivered = talk.expect(talk.head(200), Deliver)
    assert [hop.status for hop in delivered.hops] == [302]
    assert delivered.request.url == "https://shop.test/home"


def test_a_callers_own_cookies_are_sent_beside_those_of_the_jar_and_win_by_name() -> None:
    talk = Conversation(headers=(("Cookie", "a=mine; c=3"),))
    for name, value in (("a", "jar"), ("b", "jar")):
        talk.tell(SetCookie("https://shop.test/", name, Secret(value)))
    assert talk.sent(talk.begin())["Cookie"] == "b=jar; a=mine; c=3"


def test_without_credentials_no_cookie_is_sent_or_kept() -> None:
    talk = Conversation(credentials="omit")
    talk.tell(SetCookie("https://shop.test/", "sid", Secret("1")))
    before = talk.state.cookies
    assert "Cookie" not in talk.sent(talk.begin())
    talk.expect(talk.head(200, ("Set-Cookie", "two=2")), Deliver)
    assert talk.state.cookies is before


def test_a_redirect_too_many_fails() -> None:
    talk = Conversation()
    command: object = talk.begin()
    for number in range(20):
        talk.expect(command, Send)
        talk.expect(talk.head(307, ("Location", f"/{number}")), Drain)
        command = talk.say(Done())
    failed(talk, talk.head(307, ("Location", "/again")), "ERR_TOO_MANY_REDIRECTS")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "data:text/plain,x", "about:blank", "javascript:alert(1)"])
def test_a_redirect_to_an_unsafe_scheme_fails(location: str) -> None:
    talk = Conversation()
    talk.begin()
    failed(talk, talk.head(302, ("Location", location)), "ERR_UNSAFE_REDIRECT")


def test_a_redirect_is_refused_where_the_caller_wants_none() -> None:
    talk = Conversation(redirect="error")
    talk.begin()
    assert isinstance(talk.expect(talk.head(302, ("Location", "/x")), Fail).error, RedirectRefused)


def test_a_redirect_is_handed_over_where_the_caller_follows_himself() -> None:
    talk = Conversation(redirect="manual")
    talk.begin()
    assert talk.expect(talk.head(302, ("Location", "/x")), Deliver).head.status == 302


def test_a_dead_kept_connection_is_tried_again_on_a_new_one() -> None:
    talk = Conversation(method="POST", body=b"order")
    talk.begin()
    for _ in range(RETRIES):
        again = talk.expect(talk.say(SendFailed(stale())), Send)
        assert again.request.on_new_connection
        assert again.request.body == b"order"
    failed(talk, talk.say(SendFailed(stale())), "ERR_CONNECTION_RESET")


def test_a_connection_that_breaks_after_it_was_new_is_not_tried_again() -> None:
    talk = Conversation()
    talk.begin()
    failed(talk, talk.say(SendFailed(NetError("ERR_CONNECTION_RESET"))), "ERR_CONNECTION_RESET")


class OneWay:
    """A body that can be sent once."""

    size_bytes = None

    def chunks(self) -> object:
        raise AssertionError


def test_a_body_that_can_be_sent_once_is_not_sent_again() -> None:
    talk = Conversation(method="POST", body=OneWay())
    talk.begin()
    failed(talk, talk.head(307, ("Location", "/x")), "ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED")
    talk = Conversation(method="POST", body=OneWay())
    talk.begin()
    failed(talk, talk.say(SendFailed(stale())), "ERR_CONNECTION_RESET")


# -- the cache ----------------------------------------------------------------------------------------------------------


FRESH = (("Cache-Control", "max-age=60"), ("ETag", '"1"'), ("Content-Length", "0"))


def stored(*headers: tuple[str, str]) -> Conversation:
    """An exchange whose response was stored."""
    talk = Conversation()
    talk.begin()
    delivered = talk.expect(talk.head(200, *headers), Deliver)
    assert delivered.store is not None
    message = delivered.store.finished((), complete=True)
    assert message is not None
    talk.tell(message)
    talk.say(BodyEnded())
    return talk


def test_a_fresh_response_is_served_without_a_word_to_the_network() -> None:
    talk = stored(*FRESH).again()
    talk.expect(talk.begin(), OpenCached)
    delivered = talk.expect(talk.say(CacheOpened()), Deliver)
    assert delivered.from_cache
    assert delivered.head.status == 200


def test_a_stale_response_is_asked_about_and_served_when_nothing_has_changed() -> None:
    first = stored(*FRESH)
    first.passes(120)
    talk = first.again()
    assert talk.sent(talk.begin())["If-None-Match"] == '"1"'
    talk.expect(talk.head(304, ("ETag", '"1"'), ("X-New", "1"), reason="Not Modified"), Drain)
    talk.expect(talk.say(Done()), OpenCached)
    delivered = talk.expect(talk.say(CacheOpened()), Deliver)
    assert delivered.head.status == 200
    assert dict(delivered.head.headers)["X-New"] == "1"
    assert not delivered.from_cache
    talk = talk.again()
    talk.expect(talk.begin(), OpenCached)


def test_a_stored_response_whose_body_is_gone_is_fetched_anew() -> None:
    talk = stored(*FRESH).again()
    talk.begin()
    talk.expect(talk.say(CacheBroke()), Drain)
    assert "If-None-Match" not in talk.sent(talk.say(Done()))
    assert not talk.expect(talk.head(200), Deliver).from_cache


def test_a_body_that_vanished_while_it_was_validated_is_fetched_without_a_condition() -> None:
    first = stored(*FRESH)
    first.passes(120)
    talk = first.again()
    talk.begin()
    talk.head(304, ("ETag", '"1"'))
    talk.expect(talk.say(Done()), OpenCached)
    talk.expect(talk.say(CacheBroke()), Drain)
    assert "If-None-Match" not in talk.sent(talk.say(Done()))


def test_only_if_cached_never_goes_to_the_network() -> None:
    talk = Conversation(cache="only-if-cached")
    failed(talk, talk.begin(), "ERR_CACHE_MISS")
    talk = stored(*FRESH).again(cache="only-if-cached")
    talk.begin()
    failed(talk, talk.say(CacheBroke()), "ERR_CACHE_MISS")


# -- webRequest ---------------------------------------------------------------------------------------------------------


def test_the_stages_come_in_order_and_each_once() -> None:
    talk = Conversation()
    stages = [
        "before_request",
        "before_send_headers",
        "send_headers",
        "headers_received",
        "response_started",
        "completed",
    ]
    hooked(talk, *stages)
    seen = []
    command: object = talk.begin()
    while not isinstance(command, Over):
        if isinstance(command, AskHook):
            seen.append(command.hook)
            command = talk.say(HookAnswered(None))
        elif isinstance(command, Send):
            seen += [name for name, _ in talk.noticed]
            talk.noticed.clear()
            command = talk.head(200)
        else:
            talk.expect(command, Deliver)
            command = talk.say(BodyEnded())
    assert [*seen, *(name for name, _ in talk.noticed)] == stages
    assert talk.noticed[-1][1].error == "net::OK"


@pytest.mark.parametrize("stage", ["before_request", "before_send_headers", "headers_received"])
def test_a_listener_cancels(stage: str) -> None:
    talk = Conversation()
    hooked(talk, stage, "error_occurred")
    command: object = talk.begin()
    if isinstance(command, Send):
        command = talk.head(200)
    assert isinstance(command, AskHook)
    failed(
        talk,
        talk.say(HookAnswered(WebRequestResponse(cancel=True, redirect_url="https://b/"))),
        "ERR_BLOCKED_BY_CLIENT",
    )
    assert [(name, details.error) for name, details in talk.noticed] == [
        ("error_occurred", "net::ERR_BLOCKED_BY_CLIENT")
    ]


def test_a_listener_redirects_as_a_server_would_with_307() -> None:
    talk = Conversation(method="POST", body=b"x")
    hooked(talk, "before_request", "before_redirect")
    talk.begin()
    command = talk.say(HookAnswered(WebRequestResponse(redirect_url="https://other.test/y")))
    assert talk.expect(command, AskHook).details.url == "https://other.test/y"
    sent = talk.expect(talk.say(HookAnswered(None)), Send)
    assert (sent.request.url, sent.request.method, sent.request.body) == ("https://other.test/y", "POST", b"x")
    [(name, details)] = talk.noticed
    assert (name, details.redirect_url, details.status_line) == (
        "before_redirect",
        "https://other.test/y",
        "HTTP/1.1 307 Internal Redirect",
    )
    assert [hop.status for hop in talk.expect(talk.head(200), Deliver).hops] == [307]


def test_a_listener_that_redirects_for_ever_is_stopped() -> None:
    talk = Conversation()
    hooked(talk, "before_request")
    command: object = talk.begin()
    for _ in range(20):
        talk.expect(command, AskHook)
        command = talk.say(HookAnswered(WebRequestResponse(redirect_url="https://shop.test/")))
    failed(
        talk, talk.say(HookAnswered(WebRequestResponse(redirect_url="https://shop.test/"))), "ERR_TOO_MANY_REDIRECTS"
    )


def test_a_listener_replaces_all_header_fields_of_the_request() -> None:
    talk = Conversation()
    hooked(talk, "before_send_headers")
    assert "User-Agent" in talk.expect(talk.begin(), AskHook).details.request_headers
    sent = talk.sent(talk.say(HookAnswered(WebRequestResponse(request_headers={"X-Only": "1"}))))
    assert sent == {"X-Only": "1"}


def test_a_listener_replaces_the_body_that_is_sent() -> None:
    talk = Conversation(method="POST", body=b"old")
    hooked(talk, "before_request")
    assert talk.expect(talk.begin(), AskHook).details.upload_data[0].bytes == b"old"
    sent = talk.expect(talk.say(HookAnswered(WebRequestResponse(upload_data=b"new"))), Send)
    assert sent.request.body == b"new"


def test_the_jar_keeps_the_cookies_that_a_listener_leaves() -> None:
    talk = Conversation()
    hooked(talk, "headers_received")
    talk.begin()
    talk.head(200, ("Set-Cookie", "no=1"))
    answer = WebRequestResponse(response_headers={"Set-Cookie": ["yes=1"]}, status_line="HTTP/1.1 404 Gone Fishing")
    delivered = talk.expect(talk.say(HookAnswered(answer)), Deliver)
    assert (delivered.head.status, delivered.head.reason) == (404, "Gone Fishing")
    assert talk.again().sent(talk.again().begin())["Cookie"] == "yes=1"


def test_a_listener_rewrites_the_body() -> None:
    talk = Conversation()
    hooked(talk, "response_body", "completed")
    talk.begin()
    command = talk.head(200, ("Content-Encoding", "gzip"), ("Content-Length", "20"))
    assert talk.expect(command, ReadBody).content_encoding == "gzip"
    assert talk.expect(talk.say(BodyRead(b"as it was")), AskHook).details.body == b"as it was"
    delivered = talk.expect(talk.say(HookAnswered(WebRequestResponse(body=b"as it is"))), Deliver)
    assert delivered.body == b"as it is"
    assert dict(delivered.head.headers) == {"Content-Length": "8"}


def test_who_looks_on_hears_how_it_ends() -> None:
    for word, error in (
        (BodyBroke(NetError("ERR_CONNECTION_RESET")), "net::ERR_CONNECTION_RESET"),
        (BodyLeft(), "net::ERR_ABORTED"),
    ):
        talk = Conversation()
        hooked(talk, "error_occurred")
        talk.begin()
        talk.head(200)
        talk.say(word)
        assert [details.error for _, details in talk.noticed] == [error]


# -- schemes ------------------------------------------------------------------------------------------------------------


def test_a_scheme_nobody_handles_is_unknown() -> None:
    talk = Conversation("app://x/")
    failed(talk, talk.begin(), "ERR_UNKNOWN_URL_SCHEME")


def test_a_scheme_with_a_handler_is_asked_for_and_left_out_when_that_is_wanted() -> None:
    handler = SchemeHandler("app", "handle", "response", 1)
    talk = Conversation("app://x/")
    talk.tell(SetSchemeHandler(handler))
    assert talk.expect(talk.begin(), AskScheme).handler == handler
    bypassed = talk.again(bypass_custom_protocol_handlers=True)
    failed(bypassed, bypassed.begin(), "ERR_UNKNOWN_URL_SCHEME")


def test_a_server_may_redirect_to_a_scheme_with_a_handler() -> None:
    talk = Conversation()
    talk.tell(SetSchemeHandler(SchemeHandler("app", "handle", "response", 1)))
    talk.begin()
    talk.expect(talk.head(302, ("Location", "app://x/y")), Drain)
    assert talk.expect(talk.say(Done()), AskScheme).request.url == "app://x/y"


def test_a_file_is_read_past_the_cache() -> None:
    talk = Conversation("file:///etc/hosts")
    assert talk.expect(talk.begin(), AskScheme).handler is None
    assert talk.expect(talk.head(200), Deliver).store is None


def test_words_are_refused_out_of_turn() -> None:
    talk = Conversation()
    with pytest.raises(OutOfTurn):
        talk.say(Done())
    talk.begin()
    with pytest.raises(OutOfTurn):
        talk.say(Begin())
