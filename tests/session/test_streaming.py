"""``session.stream``: bodies that are read while they come, and bodies that are made while they are sent."""

from __future__ import annotations

import asyncio
import gc
import gzip
import resource
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import trio
from servers.streams import StreamServer, Talk

import partita
from partita.errors import NetError

PATIENCE_S = 30.0
MIB = 1 << 20


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    return system.from_partition("streams")


class Steps:
    """The server goes on only when the test says so."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.go_on = threading.Semaphore(0)

    def __call__(self, talk: Talk) -> None:
        talk.head()
        for chunk in self.chunks:
            assert self.go_on.acquire(timeout=PATIENCE_S)
            talk.chunk(chunk)
        talk.end()


class Endless:
    """A body without an end; ``gone`` says that the client has had enough."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.sent_bytes = 0

    def __call__(self, talk: Talk) -> None:
        talk.head()
        try:
            while True:
                talk.chunk(bytes(65536))
                self.sent_bytes += 65536
        except OSError:
            self.gone.set()
            raise


def under_way(session: partita.Session) -> int:
    return session._partition.statistics().effects


def wait_until_nothing_is_under_way(session: partita.Session) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while under_way(session):
        assert time.monotonic() < deadline, "something is left under way"
        time.sleep(0.001)


# -- reading ----------------------------------------------------------------------------------------------------------------


def test_chunks_come_as_the_server_sends_them(server: StreamServer, session: partita.Session) -> None:
    script = Steps([b"one", b"two", b"three"])
    with session.stream(server.on("/steps", script)) as response:
        assert (response.status_code, response.http_version, response.reason_phrase) == (200, "HTTP/1.1", "Said")
        chunks = response.iter_bytes()
        for expected in script.chunks:
            script.go_on.release()
            assert next(chunks) == expected
        assert list(chunks) == []
        assert response.elapsed.total_seconds() > 0


def test_the_same_under_trio_in_its_own_loop(server: StreamServer, tmp_path: Path) -> None:
    script = Steps([b"data: one\n\n", b"data: two\n\n"])

    async def main() -> None:
        async with (
            partita.System(data_dir=tmp_path) as system,
            system.from_partition("a").stream(server.on("/steps", script)) as response,
        ):
            seen = []
            script.go_on.release()
            async for line in response.aiter_lines():
                seen.append(line)
                if not line:
                    script.go_on.release()
            assert seen == ["data: one", "", "data: two", ""]

    trio.run(main)


def test_the_same_under_trio_and_asyncio_with_the_session_on_its_own_thread(
    server: StreamServer, session: partita.Session
) -> None:
    async def read() -> None:
        script = Steps([b"one", b"two"])
        async with session.stream(server.on("/steps", script)) as response:
            seen = []
            script.go_on.release()
            async for chunk in response.aiter_bytes():
                seen.append(chunk)
                script.go_on.release()
            assert seen == script.chunks

    trio.run(read)
    asyncio.run(read())


def test_a_stream_is_read_as_httpx_reads(server: StreamServer, session: partita.Session) -> None:
    body = "zwölf Boxkämpfer\n".encode() * 1000
    packed = gzip.compress(body)

    def script(talk: Talk) -> None:
        talk.head(200, ("Content-Encoding", "gzip"), ("Content-Type", "text/plain; charset=utf-8"))
        for at in range(0, len(packed), 7):
            talk.chunk(packed[at : at + 7])
        talk.end()

    url = server.on("/packed", script)
    with session.stream(url) as response:
        assert response.read() == body
        assert (response.text, response.num_bytes_downloaded) == (body.decode(), len(packed))
    with session.stream(url) as response:
        assert b"".join(response.iter_raw()) == packed
        with pytest.raises(httpx.StreamConsumed):
            next(response.iter_bytes())
    with session.stream(url) as response:
        assert [len(chunk) for chunk in response.iter_bytes(4000)] == [4000] * 4 + [len(body) - 16000]
    with session.stream(url) as response:
        assert set(response.iter_lines()) == {"zwölf Boxkämpfer"}
    with session.stream(url) as response, pytest.raises(httpx.ResponseNotRead):
        _ = response.content
    with pytest.raises(httpx.StreamClosed):
        response.read()


def test_nothing_comes_that_is_not_read(server: StreamServer, session: partita.Session) -> None:
    script = Endless()
    with session.stream(server.on("/endless", script)) as response:
        chunks = response.iter_raw()
        read_bytes = sum(len(next(chunks)) for _ in range(20))
        stands_at = -1
        while stands_at != script.sent_bytes:  # until the socket's buffers are full
            stands_at = script.sent_bytes
            time.sleep(0.05)
        assert script.sent_bytes - read_bytes < 32 * MIB
    assert script.gone.wait(PATIENCE_S)
    wait_until_nothing_is_under_way(session)


def test_a_reader_that_goes_early_frees_the_connection(server: StreamServer, session: partita.Session) -> None:
    def in_the_middle() -> None:
        with session.stream(url) as response:
            next(response.iter_bytes())

    def unread() -> None:
        with session.stream(url):
            pass

    def with_an_error() -> None:
        with pytest.raises(ZeroDivisionError), session.stream(url) as response:
            for _ in response.iter_bytes():
                _ = 1 / 0

    def forgotten() -> None:
        response = session.stream(url).__enter__()
        next(response.iter_bytes())

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            async with session.stream(url) as response:
                async for _ in response.aiter_bytes():
                    scope.cancel()

    async def end_of_its_loop() -> None:
        response = await session.stream(url).__aenter__()
        kept.append(response)
        await anext(response.aiter_bytes())

    kept: list[httpx.Response] = []
    for leave in (
        in_the_middle,
        unread,
        with_an_error,
        forgotten,
        lambda: trio.run(cancelled),
        lambda: asyncio.run(end_of_its_loop()),
    ):
        script = Endless()
        url = server.on("/endless", script)
        leave()
        gc.collect()
        assert script.gone.wait(PATIENCE_S), leave
        wait_until_nothing_is_under_way(session)


def test_a_body_that_is_short_needs_no_more_of_the_kernel(server: StreamServer, session: partita.Session) -> None:
    url = server.on("/short", lambda talk: talk.send(b"all of it"))
    with session.stream(url) as response:
        wait_until_nothing_is_under_way(session)
        assert response.read() == b"all of it"
    with session.stream(url, method="HEAD") as response:
        assert (response.headers["content-length"], response.read()) == ("9", b"")


def test_a_body_that_breaks_off_breaks_off_where_it_is_read(server: StreamServer, session: partita.Session) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.chunk(b"so far")
        raise ConnectionError

    url = server.on("/broken", script)
    with session.stream(url) as response:
        chunks = response.iter_bytes()
        assert next(chunks) == b"so far"
        with pytest.raises(NetError, match="ERR_INCOMPLETE_CHUNKED_ENCODING") as caught:
            next(chunks)
        assert str(caught.value.request.url) == url
        assert isinstance(caught.value, httpx.RemoteProtocolError)


def test_a_session_that_closes_ends_its_streams(server: StreamServer, session: partita.Session) -> None:
    script = Steps([b"one", b"never"])
    with session.stream(server.on("/steps", script)) as response:
        script.go_on.release()
        chunks = response.iter_bytes()
        assert next(chunks) == b"one"
        threading.Timer(0.05, session.close).start()
        with pytest.raises(NetError, match="ERR_ABORTED"):
            next(chunks)
    script.go_on.release()


def test_a_bomb_is_given_up_where_it_is_read(server: StreamServer, session: partita.Session) -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    url = server.on("/bomb", lambda talk: talk.send(bomb, ("Content-Encoding", "gzip")))
    with session.stream(url) as response, pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED") as caught:
        for _ in response.iter_bytes():
            pass
    assert str(caught.value.request.url) == url
    with pytest.raises(NetError, match="ERR_CONTENT_DECODING_FAILED"):
        session.fetch(url).get()
    assert session.fetch(server.on("/well", lambda talk: talk.send(b"well"))).get().text == "well"


def test_a_stream_is_one_request(server: StreamServer, session: partita.Session) -> None:
    streamed = session.stream(server.on("/short", lambda talk: talk.send(b"")))
    assert server.requests == 0, "it is sent when the block begins"
    with streamed:
        pass
    with pytest.raises(RuntimeError, match="one request"), streamed:
        pass


# -- sending ----------------------------------------------------------------------------------------------------------------


def counts(talk: Talk) -> None:
    total = sum(map(len, talk.body()))
    framing = talk.headers.get("content-length") or talk.headers["transfer-encoding"]
    talk.send(f"{total} {framing}".encode())


def parts(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield b"%06d" % number


async def async_parts(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        await trio.lowlevel.checkpoint() if trio.lowlevel.in_trio_run() else await asyncio.sleep(0)
        yield b"%06d" % number


def test_a_body_is_made_while_it_is_sent(server: StreamServer, session: partita.Session, tmp_path: Path) -> None:
    url = server.on("/count", counts)
    assert session.fetch(url, method="POST", content=parts(1000)).get().text == "6000 chunked"
    with session.stream(url, method="PUT", content=parts(10)) as response:
        assert response.read() == b"60 chunked"
    (tmp_path / "file").write_bytes(bytes(2 * MIB))
    with (tmp_path / "file").open("rb") as file:
        assert session.fetch(url, method="PUT", content=file).get().text == f"{2 * MIB} {2 * MIB}"
    with (tmp_path / "file").open("rb") as file:
        answer = session.fetch(url, method="POST", files={"file": file}, data={"name": "x"}).get().text
        total, framing = answer.split()
        assert total == framing
        assert int(total) > 2 * MIB
    request = httpx.Request("POST", url, content=parts(3))
    assert session.fetch(request).get().text == "18 chunked"
    assert session.fetch(url, method="POST", content=iter([])).get().text == "0 chunked"


def test_an_async_body_is_made_in_the_loop_of_its_caller(server: StreamServer, session: partita.Session) -> None:
    url = server.on("/count", counts)
    threads: list[int] = []

    async def noting() -> AsyncIterator[bytes]:
        async for part in async_parts(100):
            threads.append(threading.get_ident())
            yield part

    async def main() -> None:
        response = await session.fetch(url, method="POST", content=noting())
        assert response.text == "600 chunked"
        async with session.stream(url, method="POST", content=noting()) as streamed:
            assert await streamed.aread() == b"600 chunked"

    trio.run(main)
    asyncio.run(main())
    assert set(threads) == {threading.get_ident()}
    assert session.fetch(url, method="POST", content=async_parts(10)).get().text == "60 chunked"


def test_what_a_stream_raises_is_raised_where_the_request_was_begun(
    server: StreamServer, session: partita.Session
) -> None:
    def failing() -> Iterator[bytes]:
        yield b"so far"
        raise LookupError("no more of it")

    url = server.on("/count", counts)
    with pytest.raises(LookupError, match="no more of it"):
        session.fetch(url, method="POST", content=failing()).get()
    with pytest.raises(LookupError), session.stream(url, method="POST", content=failing()):
        pass
    with pytest.raises(TypeError, match="made of bytes"):
        session.fetch(url, method="POST", content=iter(["text"])).get()  # type: ignore[arg-type]
    wait_until_nothing_is_under_way(session)


def test_sending_stops_when_the_answer_has_come(server: StreamServer, session: partita.Session) -> None:
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(65536)
        finally:
            ended.set()

    def refuses(talk: Talk) -> None:
        next(talk.body())
        talk.send(b"too much", status=413)
        talk.wait_for_the_client_to_go()
        raise ConnectionError

    response = session.fetch(server.on("/refuses", refuses), method="POST", content=endless()).get(PATIENCE_S)
    assert (response.status_code, response.text) == (413, "too much")
    assert ended.wait(PATIENCE_S)


def test_a_stream_cannot_be_sent_twice_and_bytes_can(server: StreamServer, session: partita.Session) -> None:
    def moves(talk: Talk) -> None:
        for _ in talk.body():
            pass
        talk.send(b"", ("Location", "/count"), status=int(talk.path.partition("?")[2]))

    url = server.on("/moves", moves)
    server.on("/count", counts)
    with pytest.raises(NetError, match="ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED") as caught:
        session.fetch(f"{url}?307", method="POST", content=parts(10)).get()
    assert caught.value.code == -25
    assert session.fetch(f"{url}?307", method="POST", content=b"again").get().text == "5 5"


def test_a_hundred_mebibytes_go_up_and_come_down_in_little_memory(
    server: StreamServer, session: partita.Session
) -> None:
    def echoes(talk: Talk) -> None:
        talk.head()
        for part in talk.body():
            talk.chunk(part)
        talk.end()

    def some() -> Iterator[bytes]:
        block = bytes(MIB)
        for _ in range(100):
            yield block

    url = server.on("/count", counts)
    session.fetch(url, method="POST", content=iter([bytes(4 * MIB)])).get()  # what is set up once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert session.fetch(url, method="POST", content=some()).get(120).text == f"{100 * MIB} chunked"
    down = server.on("/down", lambda talk: [talk.head(), *(talk.chunk(bytes(MIB)) for _ in range(100)), talk.end()])
    with session.stream(down) as response:
        assert sum(map(len, response.iter_bytes())) == 100 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 * 1024
