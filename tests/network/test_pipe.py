"""Pipes: two ends, each in a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
import trio

from partita.actors.network.http import NetError
from partita.actors.network.pipe import PipedUpload, PipeReader, pipe

PATIENCE_S = 30.0
RUNNERS: list[Callable[[Callable[[], Awaitable[Any]]], Any]] = [trio.run, lambda main: asyncio.run(main())]  # type: ignore[arg-type]


async def numbered(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d" % number


async def read(reader: PipeReader) -> list[bytes]:
    chunks = []
    while (chunk := await reader.next()) is not None:
        chunks.append(chunk)
    return chunks


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("writes", RUNNERS)
@pytest.mark.parametrize("reads", [*RUNNERS, None])
def test_a_body_goes_from_any_loop_to_any_reader(writes: Any, reads: Any) -> None:
    writer, reader = pipe()
    thread = in_thread(lambda: writes(lambda: writer.fill(numbered(500))))
    got = list(iter(reader.next_blocking, None)) if reads is None else reads(lambda: read(reader))
    thread.join(PATIENCE_S)
    assert got == [b"%d" % number for number in range(500)]
    assert reader.next_blocking() is None, "the end stays the end"


def test_the_writer_is_one_chunk_ahead_and_no_more() -> None:
    writer, reader = pipe()
    assert not writer.wanted().done
    first = writer.put(b"first")
    assert not first.done, "it is there, and nobody has asked for it"
    assert reader.next_blocking() == b"first"
    assert first.outcome() is True
    second = writer.put(b"second")
    assert not second.done
    writer.end()
    writer.end()
    assert (reader.next_blocking(), reader.next_blocking()) == (b"second", None)


def test_why_there_is_no_more_comes_behind_what_there_was() -> None:
    writer, reader = pipe()
    writer.put(b"so far")
    writer.fail(NetError("ERR_CONNECTION_RESET"))
    assert reader.next_blocking() == b"so far"
    with pytest.raises(NetError, match="ERR_CONNECTION_RESET"):
        reader.next_blocking()
    assert reader.next_blocking() is None


def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    writer, reader = pipe()

    async def main() -> None:
        with trio.move_on_after(0):
            await reader.next()
        writer.put(b"late")
        assert await reader.next() == b"late"

    trio.run(main)


def test_a_writer_that_is_stopped_says_so() -> None:
    writer, reader = pipe()

    async def main() -> None:
        async with aclosing(numbered(3)) as chunks:
            with trio.CancelScope() as scope:
                scope.cancel()
                await writer.fill(chunks)

    trio.run(main)
    assert reader.next_blocking() == b"0"
    with pytest.raises(NetError, match="ERR_ABORTED"):
        reader.next_blocking()


@pytest.mark.parametrize("goes", ["closes", "is forgotten"])
def test_a_reader_that_goes_is_noticed_wherever_the_writer_is(goes: str) -> None:
    for asked_before in (0, 1, 2):
        closed: list[str] = []
        writer, reader = pipe(lambda closed=closed: closed.append("closed"))  # type: ignore[misc]
        waiting = writer.wanted()
        for number in range(asked_before):
            waiting = writer.put(b"%d" % number)
            reader.next_blocking()
        waiting = writer.put(b"unread")

        async def cancelled_wait(waits: Callable[[], Awaitable[object]] = reader.next) -> None:
            with trio.move_on_after(0):
                await waits()

        trio.run(cancelled_wait)
        del cancelled_wait
        assert waiting.done
        ahead = writer.put(b"one ahead")
        assert not ahead.done
        if goes == "closes":
            reader.close()
            reader.close()
        del reader
        gc.collect()
        assert ahead.outcome() is False
        assert writer.put(b"for nobody").outcome() is False
        writer.end()
        assert closed == ["closed"]


def test_one_that_has_come_to_the_end_does_not_close_anything() -> None:
    closed: list[str] = []
    writer, reader = pipe(lambda: closed.append("closed"))
    writer.end()
    assert reader.next_blocking() is None
    reader.close()
    assert closed == []


def test_what_makes_an_upload_fails_for_the_network_by_name() -> None:
    writer, reader = pipe()
    upload = PipedUpload(reader, None)
    writer.fail(LookupError("no more of it"))

    async def main() -> None:
        with pytest.raises(NetError, match="ERR_ABORTED") as caught:
            async for _ in upload.chunks():
                pass
        assert "no more of it" in caught.value.detail
        assert isinstance(upload.failure, LookupError)

    trio.run(main)
