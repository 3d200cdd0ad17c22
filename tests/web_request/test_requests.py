"""Whole requests through their listeners, against a real server."""

from __future__ import annotations

import asyncio
import gc
import gzip
from pathlib import Path
from typing import Any

import pytest
from servers.loopback import LoopbackServer, redirects, sends

import partita
from partita.emitter import ListenerFailed
from partita.errors import NetError, WouldDeadlock
from partita.web_request import Details, WebRequest

ASKED = {"before_request", "before_send_headers", "headers_received"}
STAGES = (
    "before_request",
    "before_send_headers",
    "send_headers",
    "headers_received",
    "response_started",
    "before_redirect",
    "completed",
    "error_occurred",
)


class Told:
    """Everything that is said of requests, in order."""

    def __init__(self, web_request: WebRequest) -> None:
        self.all: list[tuple[str, Details]] = []
        self._flush = web_request._system.callbacks
        for stage in STAGES:
            getattr(web_request, f"add_{stage}")(lambda details, stage=stage: self.all.append((stage, details)))

    def stages(self) -> list[str]:
        self._flush.run(lambda: None).get(10)  # those who look on are told beside the request
        return [stage for stage, _ in self.all]

    def at(self, stage: str) -> list[Details]:
        self.stages()
        return [details for known, details in self.all if known == stage]


@pytest.fixture
def told(web_request: WebRequest) -> Told:
    return Told(web_request)


def blocked(future: partita.Future[Any]) -> bool:
    with pytest.raises(NetError) as raised:
        future.get()
    return raised.value.name == "ERR_BLOCKED_BY_CLIENT"


def test_a_request_comes_by_its_stages_in_order(session: partita.Session, told: Told, server: LoopbackServer) -> None:
    server.on("/", sends(b"hello", headers=[("X-A", "1"), ("X-A", "2")]))
    url = server.url("/")
    assert session.fetch(url, headers={"X-Mine": "yes"}).get().text == "hello"
    assert told.stages() == [
        "before_request", "before_send_headers", "send_headers", "headers_received", "response_started", "completed",
    ]  # fmt: skip
    details = [details for _, details in told.all]
    assert len({one.id for one in details}) == 1
    assert {one.url for one in details} == {url}
    assert {one.method for one in details} == {"GET"}
    assert {one.resource_type for one in details} <= {"xhr", "other"}
    assert [one.request_headers is not None for one in details] == [False, True, True, False, False, False]
    assert details[1].request_headers["x-mine"] == "yes"  # type: ignore[index]
    for one in details[3:]:
        assert one.response_headers is not None
        assert one.response_headers["x-a"] == ("1", "2")
        assert one.status_line == "HTTP/1.1 200 OK"
        assert one.status_code == 200
    assert details[-1].from_cache is False
    assert details[-1].error == "net::OK"
    assert details[-1].ip == "127.0.0.1"
    assert all(one.timestamp > 1e12 for one in details)


def test_a_redirect_begins_again_with_the_same_id(session: partita.Session, told: Told, server: LoopbackServer) -> None:
    server.on("/from", redirects("/to"))
    server.on("/to", sends(b"there"))
    assert session.fetch(server.url("/from")).get().text == "there"
    assert told.stages().count("before_request") == 2
    (redirect,) = told.at("before_redirect")
    assert redirect.url == server.url("/from")
    assert redirect.redirect_url == server.url("/to")
    assert redirect.status_code == 302
    assert len({details.id for _, details in told.all}) == 1
    assert len(told.at("completed")) == 1


@pytest.mark.parametrize("stage", sorted(ASKED))
def test_a_cancelled_request_fails_and_is_told_as_an_error(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer, stage: str
) -> None:
    server.on("/", sends(b"hello"))
    getattr(web_request, f"on_{stage}")(lambda details: {"cancel": True})
    assert blocked(session.fetch(server.url("/")))
    assert server.paths() == (["/"] if stage == "headers_received" else [])
    assert [one.error for one in told.at("error_occurred")] == ["net::ERR_BLOCKED_BY_CLIENT"]
    assert told.at("completed") == []


def test_cancel_goes_before_redirect(session: partita.Session, web_request: WebRequest, server: LoopbackServer) -> None:
    web_request.on_before_request(lambda details: {"cancel": True, "redirectURL": server.url("/else")})
    assert blocked(session.fetch(server.url("/")))
    assert server.paths() == []


def test_a_listener_redirects_as_a_server_would(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer
) -> None:
    server.on("/else", sends(b"elsewhere"))
    web_request.on_before_request({"urls": ["*://*/start*"]}, lambda details: {"redirectURL": server.url("/else")})
    assert session.fetch(server.url("/start")).get().text == "elsewhere"
    assert server.paths() == ["/else"]
    (redirect,) = told.at("before_redirect")
    assert (redirect.status_code, redirect.redirect_url) == (307, server.url("/else"))
    assert redirect.status_line == "HTTP/1.1 307 Internal Redirect"


def test_listeners_that_redirect_in_a_circle_are_stopped(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    web_request.on_before_request(lambda details: {"redirectURL": details.url + "x"})
    with pytest.raises(NetError) as raised:
        session.fetch(server.url("/")).get()
    assert raised.value.name == "ERR_TOO_MANY_REDIRECTS"


@pytest.mark.parametrize("target", ["not a url", "nothing://x", "http://"])
def test_a_redirect_to_what_is_no_url_fails(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer, target: str
) -> None:
    web_request.on_before_request(lambda details: {"redirectURL": target})
    with pytest.raises(NetError):
        session.fetch(server.url("/")).get()


def test_request_headers_are_replaced_as_a_whole(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    url = server.url("/")
    session.cookies.set(url=url, name="sid", value="1").get()
    web_request.on_before_send_headers(
        lambda details: {
            "requestHeaders": {"Cookie": "mine=2", "Origin": "https://a.test", "X-A": "1", "Bad Name": "2"}
        }
    )
    session.fetch(url).get()
    names = {name for name, _ in server.seen[0].headers}
    assert server.seen[0].header("cookie") == "mine=2"
    assert server.seen[0].header("origin") == "https://a.test"
    assert "user-agent" not in names
    assert "bad name" not in names
    assert dict(told.at("send_headers")[0].request_headers or {}).keys() >= {"Cookie", "Origin", "X-A"}


def test_no_listener_can_inject_a_line_or_break_the_framing(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    wrong = {"X-A": "1\r\nX-Injected: 2", "Content-Length": "500", "Transfer-Encoding": "chunked", "X-B": "3"}
    web_request.on_before_send_headers(lambda details: {"requestHeaders": wrong})
    assert session.fetch(server.url("/"), method="POST", content=b"body").get().text == "hello"
    seen = server.seen[0]
    assert seen.body == b"body"
    assert seen.header("x-b") == "3"
    assert seen.header("x-injected") is None
    assert seen.header("transfer-encoding") is None


def test_the_head_of_a_response_is_replaced_and_its_cookies_are_those_that_are_stored(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello", headers=[("Set-Cookie", "theirs=1"), ("X-Theirs", "1")]))
    answer = {"responseHeaders": {"Set-Cookie": ["mine=2", "more=3"], "X-Mine": "2"}, "statusLine": "HTTP/1.1 404 Gone"}
    web_request.on_headers_received(lambda details: answer)
    response = session.fetch(server.url("/")).get()
    assert (response.status_code, response.reason_phrase) == (404, "Gone")
    assert response.headers["x-mine"] == "2"
    assert "x-theirs" not in response.headers
    assert [cookie.name for cookie in session.cookies.get(url=server.url("/")).get()] == ["mine", "more"]
    assert told.at("completed")[0].status_line == "HTTP/1.1 404 Gone"


def test_a_status_line_alone_changes_nothing(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    web_request.on_headers_received(lambda details: {"statusLine": "HTTP/1.1 404 Gone"})
    assert session.fetch(server.url("/")).get().status_code == 200


def test_a_listener_may_make_a_redirect_of_a_response(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    server.on("/else", sends(b"elsewhere"))
    answer = {"responseHeaders": {"Location": "/else"}, "statusLine": "HTTP/1.1 302 Found"}
    web_request.on_headers_received({"urls": [server.url("/")]}, lambda details: answer)
    assert session.fetch(server.url("/")).get().text == "elsewhere"


def test_upload_data_is_shown_and_replaced(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    web_request.add_before_request(lambda details: {"uploadData": "replaced by one"})
    shown = Told(web_request)
    session.fetch(server.url("/"), method="POST", content=b"sent").get()
    assert server.seen[0].body == b"replaced by one"
    assert server.seen[0].header("content-length") == "15"
    part, after = (listening.at("before_request")[0].upload_data for listening in (told, shown))
    assert part is not None
    assert [(one.type, one.bytes) for one in part] == [("rawData", b"sent")]
    assert after is not None
    assert [one.bytes for one in after] == [b"replaced by one"]
    assert told.at("completed")[0].upload_data is None


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_is_shown_decoded_and_may_be_rewritten(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer, encoding: str
) -> None:
    body = b"a large body " * 10_000
    sent = gzip.compress(body) if encoding else body
    server.on("/", sends(sent, headers=[("Content-Encoding", encoding)] if encoding else None))
    seen: list[bytes | None] = []

    @web_request.add_response_body
    def first(details: Details) -> bytes:
        seen.append(details.body)
        return b"first"

    @web_request.add_response_body
    def second(details: Details) -> str:
        return f"{details.body!r} then second"

    response = session.fetch(server.url("/")).get()
    assert seen == [body]
    assert response.text == "b'first' then second"
    assert response.headers["content-length"] == str(len(response.content))
    assert "content-encoding" not in response.headers
    first.remove()
    second.remove()
    assert session.fetch(server.url("/")).get().content == body


def test_a_body_that_is_only_looked_at_stays_as_it_is(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    web_request.on_response_body(lambda details: None)
    assert session.fetch(server.url("/")).get().text == "hello"


def test_a_listener_that_raises_stops_its_request_and_nothing_else(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))

    @web_request.on_before_request({"urls": ["*://*/broken"]})
    def broken(details: Details) -> None:
        raise ZeroDivisionError

    with pytest.warns(ListenerFailed, match="ZeroDivisionError"):
        assert blocked(session.fetch(server.url("/broken")))
    assert session.fetch(server.url("/")).get().text == "hello"


def test_an_async_listener_may_ask_the_session_for_something_else_first(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/allowed", sends(b"no"))

    @web_request.on_before_request
    async def ask_first(details: Details) -> dict[str, bool] | None:
        if details.url.endswith("/allowed"):
            return None
        allowed = await session.fetch(server.url("/allowed"))
        return {"cancel": allowed.text == "no"}

    assert blocked(session.fetch(server.url("/")))
    assert server.paths() == ["/allowed"]


def test_a_failure_of_the_network_is_told_once(session: partita.Session, told: Told, server: LoopbackServer) -> None:
    with pytest.raises(NetError):
        session.fetch("http://127.0.0.1:1/").get()
    (failure,) = told.at("error_occurred")
    assert failure.error == "net::ERR_CONNECTION_REFUSED"
    assert failure.status_code is None
    assert told.at("completed") == []


def test_downloads_come_by_as_well(
    session: partita.Session, web_request: WebRequest, told: Told, server: LoopbackServer, tmp_path: Path
) -> None:
    server.on("/file", sends(b"content" * 100))
    session.set_download_path(str(tmp_path / "downloads"))
    web_request.on_before_send_headers(
        lambda details: {"requestHeaders": {**(details.request_headers or {}), "X-Signed": "yes"}}
    )
    item = session.download_url(server.url("/file")).get()
    assert item.finished().get() == "completed"
    assert server.seen[0].header("x-signed") == "yes"
    assert told.at("before_request")[0].url == server.url("/file")
    assert len(told.at("completed")) == 1


def test_after_the_last_listener_is_gone_requests_go_as_before(
    session: partita.Session, web_request: WebRequest, server: LoopbackServer
) -> None:
    server.on("/", sends(b"hello"))
    web_request.on_before_request(lambda details: {"cancel": True})
    assert blocked(session.fetch(server.url("/")))
    web_request.on_before_request(None)
    assert session.fetch(server.url("/")).get().text == "hello"


def test_waiting_in_the_asyncio_loop_that_is_asked_is_refused(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b"x"))

    async def main() -> None:
        looking_on = session.web_request.add_completed(lambda details: None)
        assert session.fetch(url).get().text == "x"  # nobody waits for one that looks on
        asked = session.web_request.add_before_request(lambda details: None)
        with pytest.raises(WouldDeadlock, match="await it"):
            session.fetch(url).get()
        with pytest.raises(WouldDeadlock), session.stream(url):
            pass
        with pytest.raises(TimeoutError):
            session.fetch(url).get(0.01)  # the caller's own bound
        assert (await session.fetch(url)).text == "x"
        assert (await asyncio.to_thread(session.fetch(url).get)).text == "x"
        asked.remove()
        assert session.fetch(url).get().text == "x"
        looking_on.remove()

    asyncio.run(main())
    gc.collect()  # what was refused is reported by nobody
