"""A file takes a body in a thread: whole blocks past the page cache, checkpoints on the way, and so many files at once."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing
from servers.loopback import PATIENCE_S

from partita.actors.kernel.file_ports import Checkpoints, Filled
from partita.actors.live_world import disk, filling
from partita.actors.live_world.files import DiskFile, DiskFiles
from partita.actors.live_world.filling import BLOCK_BYTES, BUFFER_BYTES, BURSTS_AT_ONCE, Buffers

DIRECT = getattr(os, "O_DIRECT", 0)
CONTENT = os.urandom(2 * BUFFER_BYTES + 3 * BLOCK_BYTES + 17)
FAR = 1 << 40
THIRD = BUFFER_BYTES // 3
THIRD_IN_BLOCKS = THIRD - THIRD % BLOCK_BYTES

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="O_DIRECT is Linux's")


class Flow:
    """A source that gives what it has piece by piece, until it is stopped. ``at``: called in the thread, in front of each."""

    def __init__(self, *pieces: bytes, at: Callable[[], object] = lambda: None) -> None:
        self.pieces = list(pieces)
        self.stopped = threading.Event()
        self._at = at

    def receive_into(self, buffer: memoryview) -> int:
        self._at()
        if self.stopped.is_set() or not self.pieces:
            return 0
        piece, rest = self.pieces[0][: len(buffer)], self.pieces[0][len(buffer) :]
        self.pieces[:1] = [rest] if rest else []
        buffer[: len(piece)] = piece
        return len(piece)

    def stop(self) -> None:
        self.stopped.set()


def with_file(path: Path, work: Callable[[DiskFile], Awaitable[None]]) -> None:
    path.touch()

    async def main() -> None:
        file = await DiskFiles().open(str(path), emptied=False)
        try:
            await work(file)
        finally:
            await file.close()

    trio.run(main)


def checkpoints(first: int, step_bytes: int, heard: Callable[[int], object] = bool) -> Checkpoints:
    async def passed(at: int) -> None:
        heard(at)

    return Checkpoints(first, step_bytes, passed)


def nowhere(heard: Callable[[int], object] = bool) -> Checkpoints:
    return checkpoints(FAR, FAR, heard)


class Writes:
    """How a file is written: for each call where, how much, and whether past the cache."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[int, int, bool]] = []
        self._write = disk.write_at
        monkeypatch.setattr(disk, "write_at", self.write)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        import fcntl  # not on Windows

        is_direct = bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & DIRECT)
        self.calls.append((offset, len(data), is_direct))
        return self._write(descriptor, data, offset)


# -- what comes -----------------------------------------------------------------------------------------------------------


def test_a_file_is_filled_until_it_is_enough_or_dry(tmp_path: Path) -> None:
    told: list[int] = []

    async def work(file: DiskFile) -> None:
        flow = Flow(b"abc", b"defg")
        assert await file.fill(0, 5, flow, nowhere(told.append)) == Filled(5, flows=True)
        assert told == [5]
        assert await file.fill(5, 10, flow, nowhere(told.append)) == Filled(2, flows=False)
        assert await file.fill(7, 12, flow, nowhere(told.append)) == Filled(0, flows=False)
        await file.close()
        with pytest.raises(OSError, match="closed"):
            await file.fill(0, 5, flow, nowhere())

    with_file(tmp_path / "f", work)
    assert told == [5]
    assert (tmp_path / "f").read_bytes() == b"abcdefg"


def test_what_trickles_does_not_keep_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "BURST_S", 0.0)

    async def work(file: DiskFile) -> None:
        slow, fast = Flow(b"a", b"b"), Flow(b"c" * (1 << 20), b"d")
        assert await file.fill(0, 4 << 20, slow, nowhere()) == Filled(1, flows=False)
        assert await file.fill(1, 4 << 20, fast, nowhere()) == Filled(1 << 20, flows=True)

    with_file(tmp_path / "f", work)


@pytest.mark.parametrize("offset", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BUFFER_BYTES - 1])
@pytest.mark.parametrize("count", [1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES, BUFFER_BYTES, len(CONTENT)])
def test_the_file_is_what_came_wherever_it_begins(offset: int, count: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT[:offset])

    async def work(file: DiskFile) -> None:
        flow = Flow(*(CONTENT[at : min(at + 70_001, count)] for at in range(0, count, 70_001)))
        came = 0
        while flow.pieces:
            came += (await file.fill(offset + came, FAR, flow, nowhere())).came_bytes
        assert came == count

    with_file(path, work)
    assert path.read_bytes() == CONTENT[:offset] + CONTENT[:count]


# -- past the page cache --------------------------------------------------------------------------------------------------


@on_linux
def test_whole_blocks_go_past_the_cache_and_the_rest_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = Writes(monkeypatch)

    async def work(file: DiskFile) -> None:
        await file.fill(5, FAR, Flow(bytes(3 * BLOCK_BYTES)), nowhere())
        await file.write(0, b"12345")

    with_file(tmp_path / "f", work)
    assert writes.calls == [
        (5, BLOCK_BYTES - 5, False),
        (BLOCK_BYTES, 2 * BLOCK_BYTES, True),
        (3 * BLOCK_BYTES, 5, False),
        (0, 5, False),
    ]


def cannot_at_all(_: int) -> bool:
    return True


def cannot_go_on(offset: int) -> bool:
    return offset > 0


@on_linux
@pytest.mark.parametrize("cannot", [cannot_at_all, cannot_go_on])
def test_a_file_system_without_direct_io_gets_all_of_it_through_the_cache(
    cannot: Callable[[int], bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As does one that stops in the middle of a block, or wants larger ones."""
    writes = Writes(monkeypatch)
    write = writes.write

    def writing(descriptor: int, data: memoryview, offset: int) -> int:
        import fcntl  # not on Windows

        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & DIRECT:
            if cannot(offset):
                raise OSError(errno.EINVAL, "Invalid argument")
            data = data[:BLOCK_BYTES]
        return write(descriptor, data, offset)

    monkeypatch.setattr(disk, "write_at", writing)

    async def work(file: DiskFile) -> None:
        flow = Flow(CONTENT)
        came = 0
        while flow.pieces:
            came += (await file.fill(came, FAR, flow, nowhere())).came_bytes

    with_file(tmp_path / "f", work)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert sum(is_direct for _, _, is_direct in writes.calls) == (0 if cannot is cannot_at_all else 1)


@on_linux
def test_a_disk_that_fails_directly_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "write_at", full)

    async def work(file: DiskFile) -> None:
        with pytest.raises(OSError, match="No space left"):
            await file.fill(0, FAR, Flow(CONTENT), nowhere())
        monkeypatch.undo()
        await file.write(1, b"by the cache again")

    with_file(tmp_path / "f", work)
    assert (tmp_path / "f").read_bytes() == b"\0by the cache again"


# -- checkpoints ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "first", "step", "expected"),
    [
        (0, 1 << 20, 1 << 20, [1 << 20, 2 << 20, 3 << 20]),
        (0, (1 << 20) + 5, 1 << 20, [1 << 20, 2 << 20, 3 << 20]),  # where a block ends
        (100, 50, 2 << 20, [BLOCK_BYTES, BLOCK_BYTES + (2 << 20)]),  # overdue
        (BLOCK_BYTES + 1, BLOCK_BYTES + 9, 1 << 20, [BLOCK_BYTES + 9, BLOCK_BYTES + (1 << 20)]),  # never later
        (0, THIRD, THIRD, [THIRD_IN_BLOCKS, 2 * THIRD_IN_BLOCKS, 3 * THIRD_IN_BLOCKS]),
        (0, 1 << 20, 100, [(1 << 20) + number * BLOCK_BYTES for number in range(4)]),  # a block at least
    ],
)
def test_it_is_synced_and_told_at_checkpoints(
    offset: int, first: int, step: int, expected: Sequence[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BURST_S", PATIENCE_S)
    told: list[int] = []
    synced: list[int] = []
    monkeypatch.setattr(disk, "sync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))

    async def work(file: DiskFile) -> None:
        flow = Flow(*(CONTENT[at : at + (1 << 18)] for at in range(0, expected[-1] - offset + 1, 1 << 18)))
        at = offset
        while flow.pieces and len(told) < len(expected):
            filled = await file.fill(
                at, FAR, flow, checkpoints(first if not told else told[-1] + step, step, told.append)
            )
            at += filled.came_bytes

    with_file(tmp_path / "f", work)
    assert told == synced
    assert told[: len(expected)] == [*expected]


def test_nothing_is_written_behind_a_checkpoint_that_has_not_been_heard(tmp_path: Path) -> None:
    path = tmp_path / "f"
    sizes: list[int] = []

    async def work(file: DiskFile) -> None:
        loop = trio.lowlevel.current_trio_token()
        received = trio.Event()

        def at() -> None:
            if len(flow.pieces) == 1:
                loop.run_sync_soon(received.set)

        async def passed(at: int) -> None:
            await received.wait()  # the next piece, and what comes behind it is asked for
            await trio.testing.wait_all_tasks_blocked()
            sizes.append(path.stat().st_size)
            assert at == sizes[-1]

        flow = Flow(bytes(BLOCK_BYTES), bytes(BLOCK_BYTES), b"end", at=at)
        filled = await file.fill(0, FAR, flow, Checkpoints(BLOCK_BYTES, FAR, passed))
        assert filled == Filled(2 * BLOCK_BYTES + 3, flows=False)

    with_file(path, work)
    assert sizes == [BLOCK_BYTES]


def test_what_is_raised_at_a_checkpoint_ends_the_burst_and_is_raised(tmp_path: Path) -> None:
    def unwanted(at: int) -> None:
        raise LookupError(at)

    async def work(file: DiskFile) -> None:
        flow = Flow(*[bytes(BLOCK_BYTES)] * 1000)
        with pytest.raises(LookupError, match=f"^{BLOCK_BYTES}$"):
            await file.fill(0, FAR, flow, checkpoints(BLOCK_BYTES, BLOCK_BYTES, unwanted))
        assert flow.stopped.is_set()

    with_file(tmp_path / "f", work)
    assert (tmp_path / "f").stat().st_size == BLOCK_BYTES


def test_what_was_received_when_a_checkpoint_was_given_up_is_not_written(tmp_path: Path) -> None:
    async def work(file: DiskFile) -> None:
        async def passed(at: int) -> None:
            scope.cancel()
            await trio.sleep_forever()

        flow = Flow(*[bytes(BLOCK_BYTES)] * 1000)
        with trio.CancelScope() as scope:
            await file.fill(0, FAR, flow, Checkpoints(BLOCK_BYTES, BLOCK_BYTES, passed))
        assert scope.cancelled_caught

    with_file(tmp_path / "f", work)
    assert (tmp_path / "f").stat().st_size == BLOCK_BYTES


# -- many, and the end ----------------------------------------------------------------------------------------------------


def test_who_is_cancelled_while_a_file_is_filled_stops_it_and_waits_for_its_end(tmp_path: Path) -> None:
    async def work(file: DiskFile) -> None:
        begun, stopped = trio.Event(), False
        loop = trio.lowlevel.current_trio_token()

        def at() -> None:
            nonlocal stopped
            loop.run_sync_soon(begun.set)
            stopped = flow.stopped.wait(PATIENCE_S)

        flow = Flow(b"abc", at=at)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(file.fill, 0, 3, flow, nowhere())
            await begun.wait()
            nursery.cancel_scope.cancel()
        assert stopped
        at_once = Flow(b"abc")
        with trio.CancelScope() as scope:
            scope.cancel()
            await file.fill(0, 3, at_once, nowhere())
        assert scope.cancelled_caught

    with_file(tmp_path / "f", work)
    assert (tmp_path / "f").read_bytes() == b""


def test_so_many_files_are_filled_at_once_and_the_others_come_by_chunks(tmp_path: Path) -> None:
    async def main() -> None:
        files = DiskFiles()
        opened = [await files.open(str(tmp_path / str(number))) for number in range(BURSTS_AT_ONCE + 1)]
        stands = trio.lowlevel.current_trio_token()
        begun, goes_on = trio.Semaphore(0), threading.Event()

        def at() -> None:
            stands.run_sync_soon(begun.release)
            goes_on.wait(PATIENCE_S)

        async with trio.open_nursery() as nursery:
            for file in opened[1:]:
                nursery.start_soon(file.fill, 0, 3, Flow(b"abc", at=at), nowhere())
            for _ in opened[1:]:
                await begun.acquire()
            assert await opened[0].fill(0, 3, Flow(b"abc"), nowhere()) == Filled(0, flows=False)
            goes_on.set()
        assert await opened[0].fill(0, 3, Flow(b"abc"), nowhere()) == Filled(3, flows=True)
        for file in opened:
            await file.close()

    trio.run(main)
    assert all(path.read_bytes() == b"abc" for path in tmp_path.iterdir())


def test_buffers_are_given_out_again_and_let_go_when_all_are_back() -> None:
    buffers = Buffers(2)
    one, two = buffers.take(), buffers.take()
    assert one is not None
    assert two is not None
    assert buffers.take() is None
    buffers.give_back(one)
    assert buffers.take() is one
    buffers.give_back(two)
    buffers.give_back(one)
    assert buffers.take() is two
    another = buffers.take()
    assert another is not None
    assert another is not one
