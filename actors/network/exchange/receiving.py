"""The steps from the head of a response to the end of its body: listeners, cookies, where it leads, the caller. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.network import fields, urls
from partita.actors.network.exchange import requests
from partita.actors.network.exchange.before import follow
from partita.actors.network.exchange.state import ExchangeState, Step
from partita.actors.network.exchange.words import (
    BodyBroke,
    BodyEnded,
    BodyLeft,
    BodyRead,
    Command,
    Deliver,
    Done,
    Drain,
    Fail,
    HookAnswered,
    Over,
    ReadBody,
    StoreCookies,
)
from partita.actors.network.http import NetError, RedirectRefused
from partita.actors.network.redirects import STATUSES, redirected
from partita.actors.network.responses import NULL_BODY_STATUSES
from partita.actors.protocols.schemes import standard_schemes
from partita.actors.web_request.answers import parsed_status_line, response_fields
from partita.actors.web_request.details import WebRequestResponse
from partita.events.cookies import CookiesReceived
from partita.events.secret import Secret

_CODINGS: Final = frozenset({"content-encoding", "transfer-encoding"})


def headers_received(exchange: ExchangeState) -> Command | Step:
    """FEATURES W12."""
    return exchange.ask("headers_received", _head_ready)


def headers_received_answered(exchange: ExchangeState, word: HookAnswered) -> Command | Step:
    """FEATURES W13 to W15."""
    answer = word.answer
    if answer is not None:
        if answer.cancel:
            return exchange.blocked()
        _replace_head(exchange, answer)
    return exchange.ask_next("headers_received", _head_ready)


def _replace_head(exchange: ExchangeState, answer: WebRequestResponse) -> None:
    """All fields, and with them the status line; the jar keeps the cookies that are left."""
    if answer.response_headers is None:
        return
    headers = response_fields(answer.response_headers)
    head = msgspec.structs.replace(exchange.head, headers=headers)
    line = parsed_status_line(answer.status_line) if answer.status_line is not None else None
    if line is not None:
        version, status, reason = line
        head = msgspec.structs.replace(head, http_version=version, status=status, reason=reason)
    exchange.head = head
    if not exchange.from_cache:
        exchange.cookie_lines = fields.every(headers, "set-cookie")


def _head_ready(exchange: ExchangeState) -> Step:  # noqa: ARG001  # what comes after a stage has one shape
    return Step.COOKIES


def cookies(exchange: ExchangeState) -> Command | Step:
    """FEATURES C30."""
    if not exchange.cookie_lines or not requests.has_credentials(exchange):
        return Step.REDIRECT
    context, partition_key = requests.cookie_context(exchange)
    url = urls.without_fragment(exchange.request.url)
    lines = tuple(Secret(line) for line in exchange.cookie_lines)
    return StoreCookies(CookiesReceived(url, lines, context=context, partition_key=partition_key))


def redirect(exchange: ExchangeState) -> Step:
    """Whether the response is the answer, or leads on."""
    head = exchange.head
    if head.status not in STATUSES:
        return Step.STARTED
    schemes = exchange.sight.session.protocols.schemes
    try:
        following = redirected(
            exchange.asked,
            head.status,
            head.headers,
            followed=len(exchange.hops),
            schemes=schemes,
            standard_schemes=standard_schemes(exchange.sight.session.protocols),
        )
    except (NetError, RedirectRefused) as error:
        return exchange.fail(error)
    if following is None:
        return Step.STARTED
    follow(exchange, following)
    exchange.after_drain = Step.BEFORE_REQUEST
    return Step.DRAIN


def drain(exchange: ExchangeState) -> Command:
    """A redirect's body may be worth keeping."""
    return Drain(exchange.store if exchange.after_drain is Step.BEFORE_REQUEST else None)


def drained(exchange: ExchangeState, word: Done) -> Step:  # noqa: ARG001
    """On to what it was drained for."""
    if exchange.after_drain is Step.BEFORE_REQUEST:
        exchange.begin_hop()
    return exchange.after_drain


def started(exchange: ExchangeState) -> Step:
    """FEATURES W16."""
    exchange.notify("response_started")
    is_empty = exchange.head.status in NULL_BODY_STATUSES or exchange.request.method == "HEAD"
    return Step.DELIVER if is_empty or not exchange.hooks_of("response_body") else Step.READ


def read(exchange: ExchangeState) -> Command:
    """Somebody wants to see the body before the caller does (WANTS 43)."""
    codings = fields.joined(exchange.head.headers, "content-encoding")
    return ReadBody(codings, cached=exchange.cached, store=exchange.store)


def body_read(exchange: ExchangeState, word: BodyRead) -> Step:
    """Here it is."""
    exchange.body = word.content
    return Step.REWRITE


def body_unreadable(exchange: ExchangeState, word: BodyBroke) -> Step:
    """It broke off, or its codings are damaged."""
    return exchange.fail(word.error)


def rewrite(exchange: ExchangeState) -> Command | Step:
    """Show it."""
    return exchange.ask("response_body", _rewritten)


def rewrite_answered(exchange: ExchangeState, word: HookAnswered) -> Command | Step:
    """What the next one sees, and the caller in the end."""
    answer = word.answer
    if answer is not None:
        if answer.cancel:
            return exchange.blocked()
        if answer.body is not None:
            exchange.body = answer.body
    return exchange.ask_next("response_body", _rewritten)


def _rewritten(exchange: ExchangeState) -> Command:
    length = (("Content-Length", str(len(exchange.body))),)
    headers = fields.replaced(fields.without(exchange.head.headers, _CODINGS), length)
    exchange.head = msgspec.structs.replace(exchange.head, headers=headers)
    exchange.step = Step.BODY
    return Deliver(exchange.request, exchange.head, tuple(exchange.hops), exchange.from_cache, body=exchange.body)


def deliver(exchange: ExchangeState) -> Command:
    """Hand it over."""
    exchange.step = Step.BODY
    return Deliver(
        exchange.request,
        exchange.head,
        tuple(exchange.hops),
        exchange.from_cache,
        cached=exchange.cached,
        store=exchange.store,
    )


def body_ended(exchange: ExchangeState, word: BodyEnded) -> Command:  # noqa: ARG001
    """FEATURES W18."""
    exchange.notify("completed", error="net::OK")
    return _over(exchange)


def body_broke(exchange: ExchangeState, word: BodyBroke) -> Command:
    """FEATURES W19."""
    exchange.notify("error_occurred", error=str(word.error))
    return _over(exchange)


def body_left(exchange: ExchangeState, word: BodyLeft) -> Command:  # noqa: ARG001
    """The caller wants no more of it."""
    exchange.notify("error_occurred", error="net::ERR_ABORTED")
    return _over(exchange)


def _over(exchange: ExchangeState) -> Command:
    exchange.step = Step.OVER
    return Over()


def failed(exchange: ExchangeState) -> Command:
    """FEATURES W19."""
    error = exchange.error
    assert error is not None, "what fails says why"
    exchange.notify("error_occurred", error=str(error) if isinstance(error, NetError) else "net::ERR_FAILED")
    exchange.step = Step.OVER
    return Fail(error)


def aborted(exchange: ExchangeState, word: BodyLeft) -> Step:  # noqa: ARG001
    """Its caller has gone before there was an answer."""
    return exchange.fail(NetError("ERR_ABORTED", "the request was stopped"))
