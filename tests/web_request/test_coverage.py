"""Whatever goes through the session comes by its listeners (FEATURES W21)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trio
from servers.loopback import LoopbackServer, sends

import partita
from partita.web_request import Details, WebRequest


def by_fetch(session: partita.Session, url: str) -> str:
    return session.fetch(url).get().text


def by_stream(session: partita.Session, url: str) -> str:
    with session.stream(url) as response:
        return response.read().decode()


def by_sync_transport(session: partita.Session, url: str) -> str:
    with httpx.Client(transport=session.sync_transport()) as client:
        return client.get(url).text


def by_async_transport(session: partita.Session, url: str) -> str:
    async def main() -> str:
        async with httpx.AsyncClient(transport=session.transport()) as client:
            return (await client.get(url)).text

    return trio.run(main)


def by_page(session: partita.Session, url: str) -> str:
    return session.new_page(url).fetch(url).get().text


@pytest.mark.parametrize("way", [by_fetch, by_stream, by_sync_transport, by_async_transport, by_page])
def test_every_way_to_ask(
    session: partita.Session,
    web_request: WebRequest,
    server: LoopbackServer,
    way: Callable[[partita.Session, str], str],
) -> None:
    server.on("/", sends(b"hello"))
    server.on("/else", sends(b"elsewhere"))
    asked: list[Details] = []
    web_request.on_before_send_headers(asked.append)
    web_request.on_before_request({"urls": [server.url("/")]}, lambda details: {"redirectURL": server.url("/else")})
    web_request.on_response_body(lambda details: (details.body or b"").upper())
    assert way(session, server.url("/")) == "ELSEWHERE"
    assert server.paths() == ["/else"]
    (details,) = asked
    assert details.url == server.url("/else")
    assert (details.web_contents_id is not None) is (way is by_page)


def test_what_a_protocol_handler_answers(session: partita.Session, web_request: WebRequest) -> None:
    session.protocol.handle("app", lambda request: httpx.Response(200, text=f"app {request.headers.get('x-signed')}"))
    web_request.on_before_send_headers(
        {"urls": ["app://*/*"]},
        lambda details: {"requestHeaders": {**(details.request_headers or {}), "X-Signed": "yes"}},
    )
    statuses: list[int | None] = []
    web_request.on_headers_received({"urls": ["app://*/*"]}, lambda details: statuses.append(details.status_code))
    assert session.fetch("app://bundle/index.html").get().text == "app yes"
    assert statuses == [200]


def test_a_file_and_that_a_listener_may_refuse_it(
    session: partita.Session, web_request: WebRequest, tmp_path: Path
) -> None:
    (tmp_path / "page.txt").write_text("a page")
    url = (tmp_path / "page.txt").as_uri()
    assert session.fetch(url).get().text == "a page"
    web_request.on_before_request({"urls": ["file://*"]}, lambda details: {"cancel": True})
    with pytest.raises(partita.NetError, match="ERR_BLOCKED_BY_CLIENT"):
        session.fetch(url).get()


def test_an_answer_from_the_cache(session: partita.Session, web_request: WebRequest, server: LoopbackServer) -> None:
    server.on("/", sends(b"hello", headers=[("Cache-Control", "max-age=1000")]))
    from_cache: list[bool | None] = []
    web_request.on_headers_received(lambda details: from_cache.append(details.from_cache))
    assert [session.fetch(server.url("/")).get().text for _ in range(2)] == ["hello", "hello"]
    web_request.on_response_body(lambda details: b"rewritten")
    assert session.fetch(server.url("/")).get().text == "rewritten"
    web_request.on_response_body(None)
    assert session.fetch(server.url("/")).get().text == "hello", "what is kept is what the server said"
    assert from_cache == [False, True, True, True]
    assert server.paths() == ["/"]
