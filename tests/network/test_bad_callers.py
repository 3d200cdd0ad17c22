"""Redirects to where nobody should go, callers that inject, listeners that raise or never answer: the session goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from network.enduring import PATIENCE_S, failure, is_called, it_goes_on, streamed_failure
from servers.misbehaving import GOOD, MisbehavingServer, Wire, keeps, moves_to

import partita
from partita.actors.kernel.handler_table import HandlerLate
from partita.emitter import ListenerFailed
from partita.errors import CookieError, InvalidURL
from partita.web_request import Details, WebRequestResponse


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as running:
        yield running


# -- redirects --------------------------------------------------------------------------------------------------------------


def test_a_ring_of_redirects_ends_after_twenty(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    server.on("/a", moves_to("/b", 301))
    server.on("/b", moves_to("/c", 307))
    url = server.on("/c", moves_to("/a", 303))
    with it_goes_on(system, session, server):
        error = failure(session, url, cache="no-store")
        is_called(error, "ERR_TOO_MANY_REDIRECTS", -310)
        assert isinstance(error, httpx.TooManyRedirects)
        assert len([path for path in server.requests if path != "/good"]) == 21


@pytest.mark.parametrize(
    ("location", "name", "code"),
    [
        ("file:///etc/passwd", "ERR_UNSAFE_REDIRECT", -311),
        ("FILE:///etc/passwd", "ERR_UNSAFE_REDIRECT", -311),
        ("data:text/plain,hello", "ERR_UNSAFE_REDIRECT", -311),
        (" data:,x", "ERR_UNSAFE_REDIRECT", -311),
        ("javascript:alert(1)", "ERR_UNSAFE_REDIRECT", -311),
        ("about:blank", "ERR_UNSAFE_REDIRECT", -311),
        ("ftp://host/", "ERR_UNKNOWN_URL_SCHEME", -302),
        ("http://", "ERR_INVALID_REDIRECT", -303),
        ("http://[::1/", "ERR_INVALID_REDIRECT", -303),
        ("http://host:99999/", "ERR_INVALID_REDIRECT", -303),
    ],
)
def test_a_redirect_that_must_not_be_followed(
    server: MisbehavingServer, system: partita.System, session: partita.Session, location: str, name: str, code: int
) -> None:
    url = server.on("/away", moves_to(location))
    with it_goes_on(system, session, server):
        is_called(failure(session, url), name, code)
        is_called(streamed_failure(session, url), name, code)


# -- callers ----------------------------------------------------------------------------------------------------------------


def test_header_injection_is_refused_at_the_call_and_nothing_is_sent(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    url = server.url("/x")
    with it_goes_on(system, session, server):
        for fields in (
            {"A": "b\r\nEvil: c"}, {"A": "b\nEvil: c"}, {"A": "b\rc"}, {"A": "b\0c"}, {"A\r\nEvil": "c"}, {"A: b\r\nEvil": "c"},
            {"A ": "b"}, {" A": "b"}, {"A:": "b"}, {"": "b"}, {"Ä": "b"}, {"A": "€"}, {"Content-Length": "1"},
            {"Transfer-Encoding": "chunked"}, {"Cookie": "a=b\r\nEvil: c"}, {"User-Agent": "a\nb"},
        ):  # fmt: skip
            for call in (session.fetch, session.stream, session.download_url):
                with pytest.raises(ValueError):
                    call(url, headers=fields)
        for method in ("GET / HTTP/1.1\r\nEvil: c\r\n", "G T", "", "CONNECT"):
            with pytest.raises(ValueError):
                session.fetch(url, method=method)
        for wrong in (f"{url}\r\nEvil: c", f"{url}\0", "http://127.0.0.1\r\n/"):
            with pytest.raises(InvalidURL):
                session.fetch(wrong)
        with pytest.raises(ValueError):
            session.set_user_agent("Mine\r\nEvil: c")
        with pytest.raises(CookieError):
            session.cookies.set(url=url, name="a", value="b\r\nEvil: c").get(PATIENCE_S)
        with httpx.Client(transport=session.sync_transport()) as client, pytest.raises(ValueError):
            client.get(url, headers={"A": "b\r\nEvil: c"})
        assert set(server.requests) == {"/good"}


# -- listeners --------------------------------------------------------------------------------------------------------------


def test_a_listener_that_raises_refuses_the_request_and_is_reported(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    def raises(details: Details) -> None:
        raise LookupError("a defect of the listener's")

    with it_goes_on(system, session, server):
        bad = {"urls": [server.url("/bad")]}
        for hook in (
            session.web_request.on_before_request,
            session.web_request.on_before_send_headers,
            session.web_request.on_headers_received,
        ):
            url = server.on("/bad", keeps(GOOD))
            hook(bad, raises)
            with pytest.warns(ListenerFailed, match="a defect of the listener's"):
                is_called(failure(session, url), "ERR_BLOCKED_BY_CLIENT", -20)
            hook(None)
            assert session.fetch(url).get(PATIENCE_S).content == b"good"


def test_a_listener_that_never_answers_refuses_the_request_after_the_handler_timeout(tmp_path: Path) -> None:
    with (
        partita.System(data_dir=tmp_path, handler_timeout=0.1) as system,
        MisbehavingServer() as server,
    ):
        session = system.from_partition("persist:bad")
        with it_goes_on(system, session, server):
            kept: list[object] = []
            bad = {"urls": [server.url("/bad")]}
            session.web_request.on_before_request(bad, lambda details, callback: kept.append(callback))
            with pytest.warns(HandlerLate, match="did not answer within"):
                is_called(failure(session, server.url("/bad")), "ERR_BLOCKED_BY_CLIENT", -20)
            assert "/bad" not in server.requests
            for callback in kept:
                callback(WebRequestResponse())  # type: ignore[operator]  # nobody listens any more


def test_a_listener_that_says_nonsense_about_fields_is_not_followed_there(
    server: MisbehavingServer, system: partita.System, session: partita.Session
) -> None:
    heads: list[bytes] = []

    def answers(wire: Wire) -> None:
        heads.append(wire.head)
        wire.say(GOOD)

    def nonsense(details: Details) -> WebRequestResponse:
        return WebRequestResponse(request_headers={"A": "b\r\nEvil: c", "B\r\nEvil": "c", "Host": "evil", "Good": "1"})

    url = server.on("/fields", answers)
    session.web_request.on_before_send_headers({"urls": [url]}, nonsense)
    with it_goes_on(system, session, server):
        assert session.fetch(url).get(PATIENCE_S).content == b"good"
        assert b"Good: 1" in heads[0]
        assert not re.search(rb"(?im)^evil", heads[0])
