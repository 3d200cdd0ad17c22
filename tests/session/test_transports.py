"""httpx's clients through a session: plain, under trio and under asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
import trio
from servers.loopback import LoopbackServer, redirects, sends
from servers.streams import StreamServer, Talk, free_port

import partita
from partita.errors import NetError

PATIENCE_S = 30.0


@pytest.fixture
def streams() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    return system.from_partition("clients")


def sync_client(session: partita.Session, **options: object) -> httpx.Client:
    return httpx.Client(transport=session.sync_transport(), **options)  # type: ignore[arg-type]


def async_client(session: partita.Session, **options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=session.transport(), **options)  # type: ignore[arg-type]


def run_under_both(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main)
    asyncio.run(main())  # type: ignore[arg-type]


def jar(session: partita.Session) -> dict[str, str]:
    return {cookie.name: cookie.value for cookie in session.cookies.get().get()}


# -- plain ------------------------------------------------------------------------------------------------------------------


def test_a_client_sends_and_stores_the_sessions_cookies(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/login", redirects("/home", cookies=("sid=1; Path=/",)))
    server.on("/home", sends(b"home"))
    session.cookies.set(url=server.url("/"), name="before", value="0").get()
    with sync_client(session) as client:
        response = client.get(server.url("/login"), follow_redirects=True)
        assert (response.text, [hop.status_code for hop in response.history]) == ("home", [302])
        assert str(response.url) == server.url("/home")
        assert client.get(server.url("/login")).status_code == 302
    assert [seen.header("cookie") for seen in server.seen] == ["before=0", "before=0; sid=1", "before=0; sid=1"]
    assert jar(session) == {"before": "0", "sid": "1"}
    assert not session.closed
    assert session.fetch(server.url("/home")).get().text == "home"


def test_the_session_knows_of_newer_cookies_than_the_client(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/set", sends(b"", headers=[("Set-Cookie", "token=old; Path=/"), ("Set-Cookie", "gone=1; Path=/")]))
    server.on("/x", sends(b""))
    with sync_client(session) as client:
        client.get(server.url("/set"))
        session.cookies.set(url=server.url("/"), name="token", value="new").get()
        session.cookies.remove(server.url("/"), "gone").get()
        client.get(server.url("/x"))
    assert server.seen[-1].header("cookie") == "token=new"


def test_what_the_program_gave_the_client_goes_out_and_wins(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/x", sends(b""))
    for name, value in (("a", "session"), ("b", "session")):
        session.cookies.set(url=server.url("/"), name=name, value=value).get()
    with sync_client(session, cookies={"a": "mine"}) as client:
        client.get(server.url("/x"), headers={"User-Agent": "Mine/1", "Accept": "text/plain"})
        client.get(server.url("/x"))
    first, second = server.seen
    assert sorted((first.header("cookie") or "").split("; ")) == ["a=mine", "b=session"]
    assert (first.header("user-agent"), first.header("accept")) == ("Mine/1", "text/plain")
    assert second.header("user-agent") == session.get_user_agent(), "httpx's own gives way"
    assert second.header("accept-language") is not None


def test_a_clients_requests_are_whole(streams: StreamServer, session: partita.Session) -> None:
    def echoes(talk: Talk) -> None:
        body = b"".join(talk.body())
        talk.send(b"%b %b %b" % (talk.method.encode(), talk.headers.get("content-type", "-").encode(), body))

    url = streams.on("/echo", echoes)
    with sync_client(session, base_url=url[: -len("/echo")]) as client:
        assert client.post("/echo", json={"a": 1}).text == 'POST application/json {"a":1}'
        assert client.put("/echo", data={"a": "b c"}).text == "PUT application/x-www-form-urlencoded a=b+c"
        assert client.delete("/echo").text == "DELETE - "
        assert b'filename="f.txt"' in client.post("/echo", files={"f": ("f.txt", b"text")}).content
        threads: list[int] = []

        def made() -> Iterator[bytes]:
            for part in (b"made ", b"here"):
                threads.append(threading.get_ident())
                yield part

        assert client.post("/echo", content=made()).text == "POST - made here"
        assert set(threads) == {threading.get_ident()}, "as with httpx, a plain body is made where it is sent"


def test_events_come_one_by_one(streams: StreamServer, session: partita.Session) -> None:
    go_on = threading.Semaphore(0)

    def events(talk: Talk) -> None:
        talk.head(200, ("Content-Type", "text/event-stream"))
        for number in range(3):
            assert go_on.acquire(timeout=PATIENCE_S)
            talk.chunk(b"data: %d\n\n" % number)
        talk.end()

    url = streams.on("/events", events)
    with sync_client(session) as client, client.stream("GET", url) as response:
        lines = response.iter_lines()
        for number in range(3):
            go_on.release()
            assert (next(lines), next(lines)) == (f"data: {number}", "")
        assert response.elapsed is not None if response.is_closed else True

    async def main() -> None:
        async with async_client(session) as client, client.stream("GET", url) as response:
            seen = []
            go_on.release()
            async for line in response.aiter_lines():
                if line:
                    seen.append(line)
                    go_on.release()
            assert seen == ["data: 0", "data: 1", "data: 2"]

    run_under_both(main)


# -- errors -----------------------------------------------------------------------------------------------------------------


def hangs_up(talk: Talk) -> None:
    raise ConnectionError


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_errors_are_of_the_classes_that_programs_look_for(
    kind: str, streams: StreamServer, session: partita.Session
) -> None:
    silent = threading.Event()
    slow = streams.on("/slow", lambda talk: silent.wait(PATIENCE_S))
    cases: list[tuple[str, type[Exception], str]] = [
        (f"http://127.0.0.1:{free_port()}/", httpx.ConnectError, "ERR_CONNECTION_REFUSED"),
        (slow, httpx.ReadTimeout, "ERR_TIMED_OUT"),
        (streams.on("/gone", hangs_up), httpx.RemoteProtocolError, "ERR_EMPTY_RESPONSE"),
        (
            streams.on("/garbage", lambda talk: talk.raw(b"HTTQ/1.1 200 Fine\r\n\r\n")),
            httpx.RemoteProtocolError,
            "ERR_INVALID_HTTP_RESPONSE",
        ),
        (
            streams.on("/coded", lambda talk: talk.send(b"none of it", ("Content-Encoding", "gzip"))),
            httpx.DecodingError,
            "ERR_CONTENT_DECODING_FAILED",
        ),
    ]

    async def get(url: str, timeout_s: float) -> None:
        async with async_client(session, timeout=timeout_s) as client:
            await client.get(url)

    for url, expected, name in cases:
        timeout_s = 0.2 if expected is httpx.ReadTimeout else PATIENCE_S
        with pytest.raises(expected, match=name) as caught:
            if kind == "async":
                trio.run(get, url, timeout_s)
            else:
                with sync_client(session, timeout=timeout_s) as client:
                    client.get(url)
        assert isinstance(caught.value, NetError)
        assert str(caught.value.request.url) == url
    silent.set()


def test_a_client_without_a_bound_on_reading_waits(streams: StreamServer, session: partita.Session) -> None:
    """So event streams are read: httpx's other bounds must not end them."""

    def late(talk: Talk) -> None:
        threading.Event().wait(1.2)
        talk.send(b"late")

    with sync_client(session, timeout=httpx.Timeout(1.0, read=None)) as client:
        assert client.get(streams.on("/late", late)).text == "late"


def test_too_many_redirects_are_the_clients_to_count(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/loop", redirects("/loop"))
    with sync_client(session, follow_redirects=True, max_redirects=3) as client, pytest.raises(httpx.TooManyRedirects):
        client.get(url)


# -- under trio and asyncio -------------------------------------------------------------------------------------------------


def test_a_hundred_at_once(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/n", lambda seen, reply: reply.send(seen.path.partition("?")[2].encode()))

    async def under_trio() -> None:
        async with async_client(session) as client, trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(get, client, number)

    async def under_asyncio() -> None:
        async with async_client(session) as client:
            await asyncio.gather(*(get(client, number) for number in range(100)))

    async def get(client: httpx.AsyncClient, number: int) -> None:
        response = await client.get(server.url(f"/n?{number}"))
        assert response.text == str(number)

    trio.run(under_trio)
    asyncio.run(under_asyncio())
    assert server.connections <= 6, "connections of one host"
    with sync_client(session) as client:
        threads = [threading.Thread(target=lambda: client.get(server.url("/n?1"))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert len(server.seen) == 220


def test_a_session_and_a_client_in_the_same_trio_loop(server: LoopbackServer, tmp_path: Path) -> None:
    server.on("/login", redirects("/home", cookies=("sid=1; Path=/",)))
    server.on("/home", sends(b"home"))

    async def main() -> None:
        async with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:same-loop")
            async with async_client(session, follow_redirects=True) as client:
                assert (await client.get(server.url("/login"))).text == "home"

    trio.run(main)
    assert server.seen[-1].header("cookie") == "sid=1"


def test_bodies_are_made_and_read_under_both(streams: StreamServer, session: partita.Session) -> None:
    def echoes(talk: Talk) -> None:
        talk.head()
        for part in talk.body():
            talk.chunk(part)
        talk.end()

    url = streams.on("/echo", echoes)

    async def parts() -> AsyncIterator[bytes]:
        for number in range(500):
            yield b"%04d" % number * 100

    async def main() -> None:
        async with async_client(session) as client, client.stream("POST", url, content=parts()) as response:
            got = b"".join([chunk async for chunk in response.aiter_bytes()])
        assert got == b"".join([part async for part in parts()])

    run_under_both(main)


def test_a_client_that_goes_early_frees_the_connection(streams: StreamServer, session: partita.Session) -> None:
    gone = threading.Semaphore(0)

    def endless(talk: Talk) -> None:
        talk.head()
        try:
            while True:
                talk.chunk(bytes(65536))
        finally:
            gone.release()

    def silent(talk: Talk) -> None:
        talk.wait_for_the_client_to_go()
        gone.release()
        raise ConnectionError

    url, nothing = streams.on("/endless", endless), streams.on("/silent", silent)

    async def main() -> None:
        async with (
            async_client(session) as client,
            client.stream("GET", url) as response,
            aclosing(response.aiter_bytes()) as chunks,
        ):
            await anext(chunks)

    async def late_under_trio() -> None:
        async with async_client(session, timeout=None) as client:
            with trio.move_on_after(0.05):
                await client.get(nothing)

    async def late_under_asyncio() -> None:
        async with async_client(session, timeout=None) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get(nothing), 0.05)

    async def abandoned() -> None:
        client = async_client(session)
        response = await client.send(client.build_request("GET", url), stream=True)
        await anext(response.aiter_bytes())
        kept.append(response)

    kept: list[httpx.Response] = []
    run_under_both(main)
    trio.run(late_under_trio)
    asyncio.run(late_under_asyncio())
    asyncio.run(abandoned())
    for _ in range(5):
        assert gone.acquire(timeout=PATIENCE_S)


def test_a_session_that_closes_under_a_client_is_an_error_of_it(
    streams: StreamServer, session: partita.Session
) -> None:
    held = threading.Event()

    def holds(talk: Talk) -> None:
        talk.head()
        talk.chunk(b"so far")
        held.wait(PATIENCE_S)

    with sync_client(session) as client:
        with client.stream("GET", streams.on("/holds", holds)) as response:
            chunks = response.iter_bytes()
            assert next(chunks) == b"so far"
            session.close()
            with pytest.raises(httpx.TransportError, match="ERR_ABORTED"):
                next(chunks)
        held.set()
        with pytest.raises(NetError, match="ERR_ABORTED") as caught:
            client.get(streams.on("/x", holds))
        assert isinstance(caught.value.__cause__, partita.errors.SystemClosed)

    async def main() -> None:
        async with async_client(session) as client:
            with pytest.raises(httpx.TransportError, match="ERR_ABORTED"):
                await client.get(streams.on("/x", holds))

    run_under_both(main)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_session_that_closes_before_the_answer_is_an_error_of_the_client(
    kind: str, streams: StreamServer, system: partita.System, session: partita.Session
) -> None:
    asked, held = threading.Event(), threading.Event()

    def holds(talk: Talk) -> None:
        asked.set()
        held.wait(PATIENCE_S)

    url = streams.on("/holds", holds)
    raised: list[BaseException] = []

    def get() -> None:
        async def main() -> None:
            async with async_client(session) as client:
                await client.get(url)

        try:
            if kind == "async":
                trio.run(main)
            else:
                with sync_client(session) as client:
                    client.get(url)
        except BaseException as error:  # it is looked at below
            raised.append(error)

    asking = threading.Thread(target=get)
    asking.start()
    assert asked.wait(PATIENCE_S)
    session.close()
    asking.join(PATIENCE_S)
    held.set()
    assert [(type(error), str(error)) for error in raised] == [(NetError, "net::ERR_ABORTED")]
