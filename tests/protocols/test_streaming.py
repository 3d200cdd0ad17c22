"""Bodies on their way from a handler: as fast as they are wanted, never in memory, closed when nobody wants more (R15)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import trio

import partita

MIB = 1024 * 1024
KINDS = ["plain", "async"]


class Source:
    """A stream that says how much of it was made, and when it was closed."""

    def __init__(self, count: int, chunk: bytes = b"x" * MIB, *, stuck_at: int | None = None) -> None:
        self.count, self.chunk, self.stuck_at = count, chunk, stuck_at
        self.made = 0
        self.closed = threading.Event()
        self.threads: set[threading.Thread] = set()

    def plain(self) -> Iterator[bytes]:
        try:
            for _ in range(self.count):
                self.made += 1
                self.threads.add(threading.current_thread())
                yield self.chunk
        finally:
            self.closed.set()

    async def under_a_loop(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.count):
                if number == self.stuck_at:
                    await partita.Future()
                self.made += 1
                self.threads.add(threading.current_thread())
                yield self.chunk
        finally:
            self.closed.set()


def register(session: partita.Session, source: Source, kind: str, how: str) -> None:
    def stream() -> Any:
        return source.plain() if kind == "plain" else source.under_a_loop()

    if how == "handle":
        session.protocol.handle("s", lambda request: httpx.Response(200, content=stream()))
    else:
        session.protocol.register_stream_protocol("s", lambda request: {"data": stream()})


@pytest.mark.parametrize("how", ["handle", "register"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_made_as_fast_as_it_is_read(session: partita.Session, kind: str, how: str) -> None:
    source = Source(1000)
    register(session, source, kind, how)
    with session.stream("s:x") as response:
        chunks = response.iter_raw()
        for read in range(1, 6):
            assert len(next(chunks)) == MIB
            assert source.made <= read + 4, "whoever is slow slows the handler down"
    assert source.closed.wait(10), "nobody wants more: it is closed"
    assert source.made < 20


@pytest.mark.parametrize("how", ["handle", "register"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_was_read_to_its_end_is_closed(session: partita.Session, kind: str, how: str) -> None:
    source = Source(50, b"0123456789")
    register(session, source, kind, how)
    assert session.fetch("s:x").get(10).content == b"0123456789" * 50
    assert source.closed.wait(10)


@pytest.mark.parametrize("place", ["no loop", "trio", "asyncio"])
def test_a_stream_that_is_stuck_is_cancelled_when_nobody_wants_it(session: partita.Session, place: str) -> None:
    source = Source(3, b"first", stuck_at=1)

    async def read_one() -> None:
        async with session.stream("s:x") as response:
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"first"
            await chunks.aclose()

    async def within(nap: Any) -> None:
        register(session, source, "async", "handle")
        await read_one()
        for _ in range(1000):
            if source.closed.is_set():
                return
            await nap(0.01)

    if place == "no loop":
        register(session, source, "async", "handle")
        with session.stream("s:x") as response:
            assert next(response.iter_raw()) == b"first"
    elif place == "trio":
        trio.run(within, trio.sleep)
    else:
        asyncio.run(within(asyncio.sleep))
    assert source.closed.wait(10)


@pytest.mark.parametrize("place", ["no loop", "trio", "asyncio"])
def test_a_handler_that_never_answers_is_cancelled_with_its_request(session: partita.Session, place: str) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        try:
            begun.set()
            await partita.Future()
        finally:
            ended.set()
        raise AssertionError

    async def within(nap: Any) -> None:
        session.protocol.handle("s", handler)
        asked = session.fetch("s:x")
        for _ in range(1000):
            if begun.is_set():
                asked.cancel()
            if ended.is_set():
                break
            await nap(0.01)
        with pytest.raises(partita.NetError, match="ERR_ABORTED"):
            await asked

    if place == "no loop":
        session.protocol.handle("s", handler)
        asked = session.fetch("s:x")
        assert begun.wait(10)
        asked.cancel()
        with pytest.raises(partita.NetError, match="ERR_ABORTED"):
            asked.get(10)
    elif place == "trio":
        trio.run(within, trio.sleep)
    else:
        asyncio.run(within(asyncio.sleep))
    assert ended.wait(10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_raises_breaks_the_body_off(session: partita.Session, kind: str) -> None:
    def plain() -> Iterator[bytes]:
        yield b"begun"
        raise ZeroDivisionError("over")

    async def under_a_loop() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ZeroDivisionError("over")

    session.protocol.register_stream_protocol("s", lambda request: plain() if kind == "plain" else under_a_loop())
    with pytest.raises(partita.NetError, match="ERR_FAILED") as caught:
        session.fetch("s:x").get(10)
    assert "ZeroDivisionError: over" in caught.value.detail


def test_a_stream_of_something_else_than_bytes_breaks_off(session: partita.Session) -> None:
    session.protocol.register_stream_protocol("s", lambda request: iter(["text"]))
    with pytest.raises(partita.NetError, match="ERR_FAILED"):
        session.fetch("s:x").get(10)


def test_a_plain_stream_is_read_on_the_callback_thread_and_holds_no_listener_up(session: partita.Session) -> None:
    source = Source(3, b"x")
    register(session, source, "plain", "register")
    listened = threading.Event()
    session.cookies.on("changed", lambda changed: listened.set())
    with session.stream("s:x") as response:
        chunks = response.iter_raw()
        next(chunks)
        session.cookies.set(url="http://h/", name="a", value="b").get(10)
        assert listened.wait(10), "between two chunks the thread is free"
        assert b"".join(chunks) == b"xx"
    assert {thread.name for thread in source.threads} == {"partita callbacks"}


def test_a_cancel_scope_around_a_stream_of_trio_holds(session: partita.Session) -> None:
    """All of a handler and its stream is one task: what it has opened stays open."""

    async def stream(send: Any) -> AsyncIterator[bytes]:
        with trio.fail_after(60):
            async with send:
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
                    yield b"x"

    async def handler(request: httpx.Request) -> httpx.Response:
        send, _ = trio.open_memory_channel[bytes](1)
        return httpx.Response(200, content=stream(send))

    session.protocol.handle("s", handler)
    assert session.fetch("s:x").get(10).content == b"xxx"


def test_files_of_trio_are_read_and_closed(session: partita.Session, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content" * 100_000)
    opened = []

    async def handler(request: Any) -> Any:
        file = await trio.open_file(path, "rb")
        opened.append(file)
        return file

    session.protocol.register_stream_protocol("s", handler)
    assert session.fetch("s:x").get(10).content == b"content" * 100_000
    assert opened[0].wrapped.closed


def test_what_a_handler_opened_is_closed_when_its_answer_cannot_be_used(session: partita.Session) -> None:
    sources = [Source(3), Source(3)]
    for stream in (sources[0].plain(), sources[1].under_a_loop()):
        if hasattr(stream, "__next__"):
            next(stream)
        else:
            trio.run(stream.__anext__)
        answer = {"data": stream, "headers": {"X": "line\nbreak"}}
        session.protocol.register_stream_protocol("s", lambda request, answer=answer: answer)
        with pytest.raises(partita.NetError, match="ERR_FAILED"):
            session.fetch("s:x").get(10)
        session.protocol.unregister_protocol("s")
    assert all(source.closed.wait(10) for source in sources)


def test_a_head_request_gets_no_body_and_the_stream_is_closed(session: partita.Session) -> None:
    source = Source(1000)
    register(session, source, "plain", "handle")
    response = session.fetch("s:x", method="HEAD").get(10)
    assert (response.status_code, response.content) == (200, b"")
    assert source.made <= 1


def test_a_closed_system_ends_its_handlers_and_their_threads(tmp_path: Any) -> None:
    before = set(threading.enumerate())
    ended = threading.Event()
    begun = threading.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        try:
            begun.set()
            await trio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("x")
        session.protocol.handle("s", handler)
        asked = session.fetch("s:x")
        assert begun.wait(10)
    assert ended.wait(10)
    with pytest.raises(partita.errors.PartitaError):
        asked.get(10)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("partita")]
