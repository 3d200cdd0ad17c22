"""httpx's own features on a session: authentication flows, event hooks, cookies, redirects, streams, timeouts."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import httpx
import pytest
import trio
from clients.seeing import Witness, moved_to
from servers.streams import StreamServer, Talk

import partita
from partita.errors import NetError

PATIENCE_S = 30.0
MIB = 1 << 20


def client_of(session: partita.Session, **options: Any) -> httpx.Client:
    return httpx.Client(transport=session.sync_transport(), **options)


def under_both(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main)
    asyncio.run(main())  # type: ignore[arg-type]


def text(talk: Talk) -> None:
    """In chunks, what came as a cookie."""
    for _ in talk.body():
        pass
    talk.head(200, ("Content-Type", "text/plain"))
    for part in ("cookies: ", talk.headers.get("cookie", "none"), "\n", "end"):
        talk.chunk(part.encode())
    talk.end()


class Digest:
    """Asks for a digest (RFC 7616), and knows the right answer."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    def __call__(self, talk: Talk) -> None:
        for _ in talk.body():
            pass
        given = talk.headers.get("authorization")
        self.seen.append(given)
        if given is None:
            challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
            cookie = ("Set-Cookie", "challenged=1; Path=/")
            talk.send(b"who?", ("WWW-Authenticate", challenge), cookie, status=401)
            return
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        first, second = (
            hashlib.sha256(part.encode()).hexdigest() for part in ("ann:r:secret", f"{talk.method}:{fields['uri']}")
        )
        mixed = ":".join((first, "n", fields["nc"], fields["cnonce"], "auth", second))
        right = hashlib.sha256(mixed.encode()).hexdigest() == fields["response"]
        assert talk.headers["cookie"] == "challenged=1"
        talk.send(b"welcome" if right else b"no", status=200 if right else 403)


def test_digest_authentication(server: StreamServer, session: partita.Session, witness: Witness) -> None:
    digest = Digest()
    url = server.on("/secret", digest)
    with client_of(session, auth=httpx.DigestAuth("ann", "secret")) as client:
        assert client.get(f"{url}?a=b").text == "welcome"
        assert client.post(url, content=b"x" * 1000).text == "welcome", "the nonce is used again"
    assert [given is None for given in digest.seen] == [True, False, False]
    witness.saw(("GET", "/secret", 401), ("GET", "/secret", 200), ("POST", "/secret", 200))
    assert witness.jar() == {"challenged": "1"}

    async def main() -> None:
        async with httpx.AsyncClient(transport=session.transport()) as client:
            response = await client.get(url, auth=httpx.DigestAuth("ann", "secret"))
            assert (response.text, [hop.status_code for hop in response.history]) == ("welcome", [401])

    under_both(main)


class TokenAuth(httpx.Auth):
    """httpx's documented example of a flow that reads a response's body, and asks twice."""

    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code == 401:
            request.headers["X-Token"] = response.text
            yield request


def test_an_authentication_flow_of_ones_own(server: StreamServer, session: partita.Session) -> None:
    def script(talk: Talk) -> None:
        body = b"".join(talk.body())
        if talk.headers.get("x-token") == "T":
            talk.send(b"in with " + body)
        else:
            talk.send(b"T", status=401)

    url = server.on("/own", script)
    with client_of(session, auth=TokenAuth()) as client:
        assert client.post(url, content=b"this").text == "in with this"


def test_event_hooks_redirects_and_cookies(
    server: StreamServer, base: str, session: partita.Session, witness: Witness
) -> None:
    server.on("/one", moved_to("/two", 302, "one=1; Path=/"))
    server.on("/two", moved_to("/three", 308, "two=2; Path=/"))
    server.on("/three", text)
    hooked: list[str] = []
    hooks = {
        "request": [lambda request: hooked.append(f"{request.method} {request.url.path}")],
        "response": [lambda response: hooked.append(f"{response.status_code}")],
    }
    with client_of(session, event_hooks=hooks, follow_redirects=True, base_url=base, cookies={"own": "0"}) as client:
        response = client.post("/one", data={"a": "b"})
        assert set(re.findall(r"\w+=\d", response.text)) == {"one=1", "two=2", "own=0"}
        assert [hop.status_code for hop in response.history] == [302, 308]
        assert dict(client.cookies) == {"own": "0", "one": "1", "two": "2"}
    assert hooked == ["POST /one", "302", "GET /two", "308", "GET /three", "200"]
    witness.saw(("POST", "/one", 302), ("GET", "/two", 308), ("GET", "/three", 200))
    assert witness.jar() == {"one": "1", "two": "2"}, "the client's own cookie is the client's"
    assert witness.cookies_in_log() == ["one", "two"]


def test_a_redirect_is_the_clients_to_follow_or_not(server: StreamServer, base: str, session: partita.Session) -> None:
    server.on("/round", moved_to("/round", 302))
    server.on("/old", moved_to("/new", 302))
    server.on("/new", text)
    with client_of(session, base_url=base) as client:
        response = client.get("/old")
        assert (response.status_code, response.has_redirect_location) == (302, True)
        assert response.next_request is not None
        assert client.send(response.next_request).text == "cookies: moved=1\nend"
        with pytest.raises(httpx.TooManyRedirects):
            client.get("/round", follow_redirects=True)


def test_a_body_goes_up_while_another_comes_down(server: StreamServer, base: str, session: partita.Session) -> None:
    def echo(talk: Talk) -> None:
        parts = list(talk.body())
        talk.head(200)
        for part in parts:
            talk.chunk(part)
        talk.end()

    server.on("/echo", echo)
    parts = [bytes((number,)) * 100_000 for number in range(40)]

    def made() -> Iterator[bytes]:
        yield from parts

    async def made_async() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    with client_of(session, base_url=base) as client, client.stream("POST", "/echo", content=made()) as response:
        assert b"".join(response.iter_bytes(50_000)) == b"".join(parts)
        assert response.num_bytes_downloaded == 4_000_000

    async def main() -> None:
        async with (
            httpx.AsyncClient(transport=session.transport(), base_url=base) as client,
            client.stream("POST", "/echo", content=made_async()) as response,
        ):
            assert b"".join([chunk async for chunk in response.aiter_raw()]) == b"".join(parts)

    under_both(main)


def test_lines_and_text_while_they_come(server: StreamServer, base: str, session: partita.Session) -> None:
    server.on("/lines", text)
    with client_of(session, base_url=base, cookies={"a": "b"}) as client:
        with client.stream("GET", "/lines") as response:
            assert next(response.iter_lines()) == "cookies: a=b"
        with client.stream("GET", "/lines") as response:
            assert "".join(response.iter_text()).endswith("\nend")


def test_each_timeout_has_httpxs_name(server: StreamServer, base: str, session: partita.Session) -> None:
    go_on = threading.Event()

    def silent(talk: Talk) -> None:
        go_on.wait(PATIENCE_S)

    def half(talk: Talk) -> None:
        talk.head(200)
        talk.chunk(b"half")
        go_on.wait(PATIENCE_S)

    server.on("/silent", silent)
    server.on("/half", half)
    try:
        with client_of(session, base_url=base, timeout=0.2) as client:
            for path in ("/silent", "/half"):
                with pytest.raises(httpx.ReadTimeout) as caught:
                    client.get(path)
                assert isinstance(caught.value, NetError)
                assert caught.value.name == "ERR_TIMED_OUT"
            with pytest.raises(httpx.TimeoutException), client.stream("GET", "/half") as response:
                for chunk in response.iter_bytes():
                    assert chunk == b"half"

        async def main() -> None:
            async with httpx.AsyncClient(transport=session.transport(), base_url=base, timeout=0.2) as client:
                with pytest.raises(httpx.TimeoutException):
                    await client.get("/silent")

        under_both(main)
    finally:
        go_on.set()


def test_a_client_in_each_thread(server: StreamServer, base: str, session: partita.Session) -> None:
    server.on("/text", text)
    came: list[str] = []

    def work() -> None:
        with client_of(session, base_url=base) as client:
            for _ in range(20):
                came.append(client.get("/text").text)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(came) == 160
    assert set(came) == {"cookies: none\nend"}
    assert server.connections <= 6
