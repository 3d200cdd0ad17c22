"""``session.fetch``: its arguments, what its answer says, and how it is given up (FEATURES F12)."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from servers.loopback import LoopbackServer, redirects, sends
from servers.streams import StreamServer, Talk

import partita
from partita.errors import InvalidURL, NetError, SystemClosed

PATIENCE_S = 30.0


@pytest.fixture
def streams() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    return system.from_partition("fetches")


# -- what is refused at the call ----------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"redirect": "Follow"}, ValueError, "redirect is one of 'follow', 'manual', 'error', not 'Follow'"),
    ({"credentials": "none"}, ValueError, "credentials is one of"),
    ({"cache": "only"}, ValueError, "cache is one of 'default', 'no-store', 'reload', 'no-cache', 'force-cache'"),
    ({"resource_type": "page"}, ValueError, "resource_type is one of"),
    ({"timeout": 0}, ValueError, "above 0"),
    ({"timeout": float("inf")}, ValueError, "finite"),
    ({"timeout": "1"}, TypeError, "a number of seconds"),
    ({"bypass_custom_protocol_handlers": 1}, TypeError, "bypass_custom_protocol_handlers"),
    ({"method": "GET /"}, ValueError, "no HTTP method"),
    ({"method": "TRACE"}, ValueError, "cannot be fetched"),
    ({"method": None}, TypeError, "a method is a str"),
    ({"headers": {"X-A": "1\r\nX-B: 2"}}, ValueError, "line break"),
    ({"headers": {"X-A": "\0"}}, ValueError, "NUL"),
    ({"headers": {"X-A\r\nX-B": "1"}}, ValueError, "no name of a header field"),
    ({"headers": {"X A": "1"}}, ValueError, "no name of a header field"),
    ({"headers": {"": "1"}}, ValueError, "no name of a header field"),
    ({"headers": {"X-A": 1}}, TypeError, "pairs of str"),
    ({"headers": {"X-A": "€"}}, ValueError, "Latin-1"),
    ({"headers": {"Content-Length": "3"}}, ValueError, "belongs to the connection"),
    ({"headers": {"Transfer-Encoding": "chunked"}, "json": 1}, ValueError, "belongs to the connection"),
    ({"content": 5}, TypeError, "content"),
    ({"colour": "red"}, TypeError, "colour"),
]


@pytest.mark.parametrize(("options", "error", "text"), WRONG, ids=[str(wrong[0]) for wrong in WRONG])
def test_what_is_wrong_is_said_at_the_call_and_nothing_happens(
    server: LoopbackServer, session: partita.Session, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    url = server.on("/x", sends(b""))
    with pytest.raises(error, match=text):
        session.fetch(url, **options)
    with pytest.raises(error, match=text):
        session.stream(url, **options)
    session.flush().get()
    assert server.seen == []
    assert session._partition.carrying.calls == {}


@pytest.mark.parametrize(
    "url", ["", "/x", "data:,x", "blob:x", "javascript:1", "http://", "http://a b/", "http://a/\r\nb"]
)
def test_a_url_that_cannot_be_fetched_is_refused(session: partita.Session, url: str) -> None:
    with pytest.raises(InvalidURL):
        session.fetch(url)


def test_a_scheme_that_nobody_answers_for_fails(session: partita.Session) -> None:
    with pytest.raises(NetError, match="ERR_UNKNOWN_URL_SCHEME") as caught:
        session.fetch("ftp://host/").get()
    assert isinstance(caught.value, httpx.UnsupportedProtocol)


def test_a_file_is_fetched_as_well(session: partita.Session, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("kept here")
    url = (tmp_path / "a.txt").as_uri()
    response = session.fetch(url).get()
    assert (response.text, response.url.path) == ("kept here", str(tmp_path / "a.txt"))
    with session.stream(url) as streamed:
        assert streamed.read() == b"kept here"


def test_a_request_of_httpx_is_checked_as_well(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b""))
    with pytest.raises(ValueError, match="line break"):
        session.fetch(httpx.Request("GET", url, headers={"X-A": "1\r\nX-B: 2"}))
    assert session.fetch(httpx.Request("GET", url, headers={"X-A": "1"})).get().status_code == 200
    assert server.seen[0].header("x-a") == "1"


def test_a_whole_request_brings_its_own_method_fields_and_body(session: partita.Session) -> None:
    request = httpx.Request("GET", "http://127.0.0.1:1/")
    for options in (
        {"method": "POST"},
        {"headers": {"X-A": "1"}},
        {"content": b""},
        {"json": 1},
        {"data": {}},
        {"files": {}},
    ):
        with pytest.raises(TypeError, match=f"brings its own {next(iter(options))}: give one or the other"):
            session.fetch(request, **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="brings its own method, json"):
        session.stream(request, method="POST", json={})


def test_a_url_of_httpx_is_a_url(server: LoopbackServer, session: partita.Session) -> None:
    url = httpx.URL(server.on("/x", sends(b"x")))
    assert session.fetch(url).get(PATIENCE_S).text == "x"
    with session.stream(url) as response:
        assert response.read() == b"x"
    page = session.new_page(server.url("/"))
    assert page.fetch(url).get(PATIENCE_S).text == page.fetch(httpx.URL("x")).get(PATIENCE_S).text == "x"


def test_a_session_that_is_closed_says_so(session: partita.Session) -> None:
    session.close()
    with pytest.raises(SystemClosed):
        session.fetch("http://127.0.0.1:1/")


# -- what goes out ------------------------------------------------------------------------------------------------------------


def test_every_kind_of_body(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b""))
    cases: list[tuple[dict[str, Any], str | None, bytes]] = [
        ({}, None, b""),
        ({"content": b"\0\1"}, None, b"\0\1"),
        ({"content": "zwölf"}, None, "zwölf".encode()),
        ({"json": {"a": [1, None]}}, "application/json", b'{"a":[1,null]}'),
        ({"data": {"a": "1", "b": ["2", "3"]}}, "application/x-www-form-urlencoded", b"a=1&b=2&b=3"),
        ({"json": 1, "headers": {"Content-Type": "application/ld+json"}}, "application/ld+json", b"1"),
    ]
    for options, content_type, body in cases:
        session.fetch(url, method="POST", **options).get()
        seen = server.seen[-1]
        assert (seen.body, seen.header("content-type")) == (body, content_type)
        assert seen.header("content-length") == str(len(body))
    session.fetch(url, method="POST", files={"f": ("a.txt", b"text")}, data={"b": "1"}).get()
    assert b'filename="a.txt"' in server.seen[-1].body
    assert (server.seen[-1].header("content-type") or "").startswith("multipart/form-data; boundary=")


def test_a_password_in_a_url_becomes_a_field_before_it_is_said_to_anybody(
    server: LoopbackServer, session: partita.Session
) -> None:
    url = server.on("/x", sends(b""))
    response = session.fetch(url.replace("//", "//me:p%20w@")).get()
    assert str(response.url) == url
    assert server.seen[0].header("authorization") == "Basic bWU6cCB3"
    session.fetch(url.replace("//", "//me:pw@"), headers={"authorization": "Bearer t"}).get()
    assert server.seen[1].header("authorization") == "Bearer t"


# -- what comes back ----------------------------------------------------------------------------------------------------------


def test_the_answer_says_where_it_came_from(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/start", redirects("/end", cookies=("a=1",)))
    server.on("/end", sends(b"here", headers=[("Set-Cookie", "b=2"), ("Set-Cookie", "c=3")]))
    response = session.fetch(server.url("/start#top"), method="POST", json=1).get()
    assert str(response.url) == server.url("/end#top")
    assert [(str(hop.url), hop.status_code, hop.request.method) for hop in response.history] == [
        (server.url("/start#top"), 302, "POST")
    ]
    assert response.request.method == "GET"
    assert response.headers.get_list("set-cookie") == ["b=2", "c=3"]
    assert (response.reason_phrase, response.http_version) == ("OK", "HTTP/1.1")
    assert response.extensions["remote_address"] == "127.0.0.1"
    assert response.extensions["from_cache"] is False
    assert response.elapsed.total_seconds() > 0
    assert response.is_success
    assert isinstance(response, httpx.Response)


def test_responses_before_the_final_one_are_kept(streams: StreamServer, session: partita.Session) -> None:
    def hints(talk: Talk) -> None:
        talk.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        talk.send(b"page")

    (interim,) = session.fetch(streams.on("/hints", hints)).get().extensions["interim_responses"]
    assert (interim.status, interim.headers) == (103, (("Link", "</a.css>; rel=preload"),))


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
def test_a_response_that_has_no_body_has_an_empty_one(
    streams: StreamServer, session: partita.Session, method: str, status: int
) -> None:
    def script(talk: Talk) -> None:
        length = "5" if method == "HEAD" else "0"
        talk.raw(f"HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n".encode())

    url = streams.on("/x", script)
    assert session.fetch(url, method=method).get().content == b""
    with session.stream(url, method=method) as response:
        assert response.read() == b""


def test_content_that_cannot_be_decoded_fails_where_it_is_looked_at(
    server: LoopbackServer, session: partita.Session
) -> None:
    bad = server.on("/bad", sends(b"none of it", headers=[("Content-Encoding", "br")]))
    good = server.on("/good", sends(gzip.compress(b"{}"), headers=[("Content-Encoding", "gzip")]))
    future = session.fetch(bad)
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED"):
        future.get()
    assert isinstance(future.failure(), NetError)
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED"):
        session.fetch(bad).map(lambda response: response.content).get()
    assert session.fetch(good).map(lambda response: json.loads(response.content)).get() == {}
    raw = session.fetch(server.on("/raw", sends(b"as it is", headers=[("Content-Encoding", "aws-chunked")]))).get()
    assert raw.content == b"as it is"


def test_the_caches_modes(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b"kept", headers=[("Cache-Control", "max-age=600")]))
    with pytest.raises(NetError, match="ERR_CACHE_MISS"):
        session.fetch(url, cache="only-if-cached").get()
    came = [
        session.fetch(url, cache=mode).get().extensions["from_cache"]
        for mode in ("default", "default", "only-if-cached", "force-cache", "reload", "no-store")
    ]
    assert came == [False, True, True, True, False, False]
    assert session.fetch(url).get().content == b"kept"


# -- giving up ----------------------------------------------------------------------------------------------------------------


class Silent:
    """A server that says nothing; ``asked``: it has the request, ``gone``: its client has gone."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.gone = threading.Event()

    def __call__(self, talk: Talk) -> None:
        self.asked.set()
        talk.wait_for_the_client_to_go()
        self.gone.set()
        raise ConnectionError


def test_a_fetch_that_is_cancelled_fails_and_lets_go_of_its_connection(
    streams: StreamServer, session: partita.Session
) -> None:
    silent = Silent()
    future = session.fetch(streams.on("/silent", silent))
    assert silent.asked.wait(PATIENCE_S)
    future.cancel()
    with pytest.raises(NetError, match="ERR_ABORTED") as caught:
        future.get(PATIENCE_S)
    assert caught.value.code == -3
    assert silent.gone.wait(PATIENCE_S)
    future.cancel()


def test_one_that_is_done_is_not_cancelled(server: LoopbackServer, session: partita.Session) -> None:
    future = session.fetch(server.on("/x", sends(b"here")))
    assert future.get().text == "here"
    future.cancel()
    assert future.get().text == "here"


def test_one_that_was_not_sent_yet_never_is(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b""))
    gate = threading.Event()
    session._partition.kernel.call_soon(lambda: gate.wait(PATIENCE_S))
    future = session.fetch(url)
    future.cancel()
    gate.set()
    with pytest.raises(NetError, match="ERR_ABORTED"):
        future.get(PATIENCE_S)
    session.flush().get()
    assert server.seen == []


def test_a_task_that_is_cancelled_means_its_request_as_well(streams: StreamServer, session: partita.Session) -> None:
    async def under_trio(url: str) -> None:
        with trio.move_on_after(0.05):
            await session.fetch(url)

    async def under_asyncio(url: str) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.fetch(url), 0.05)  # type: ignore[arg-type]  # any awaitable will do

    for run in (lambda url: trio.run(under_trio, url), lambda url: asyncio.run(under_asyncio(url))):
        silent = Silent()
        run(streams.on("/silent", silent))
        assert silent.gone.wait(PATIENCE_S)


def test_a_wait_in_a_thread_that_takes_too_long_leaves_the_request_alone(
    streams: StreamServer, session: partita.Session
) -> None:
    go_on = threading.Event()

    def late(talk: Talk) -> None:
        go_on.wait(PATIENCE_S)
        talk.send(b"late")

    future = session.fetch(streams.on("/late", late))
    with pytest.raises(TimeoutError):
        future.get(0.01)
    go_on.set()
    assert future.get(PATIENCE_S).text == "late"
