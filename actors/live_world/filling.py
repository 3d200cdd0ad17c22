"""A thread takes a body into a file, in large pieces and past the page cache (decision 19).

What is downloaded is written once and seldom read at once: through the cache it would be copied once more, into pages that have
to be found for it, and drive out what is of use there. Direct I/O wants whole blocks, in memory as in the file; what lies in
front of them and behind goes through the cache, as does everything where the system or the file system has no direct I/O.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from partita.actors.kernel.file_ports import BodySource, Checkpoints, Filled
from partita.actors.live_world import disk

BURST_S: Final = 0.25
"""A thread takes from a body for so long at most: then the loop has a say again."""
BURSTS_AT_ONCE: Final = 8
"""More threads would bring no more, and each has a buffer."""
BUFFER_BYTES: Final = 4 << 20
BLOCK_BYTES: Final = 4096
"""A multiple of what any usual disk calls a block."""
_FLOWING_BYTES: Final = 1 << 20  # what trickles in that time is not worth a thread

Tell = Callable[[int], Callable[[], bool]]
"""Says how far the file is safe; returns what waits until that has been heard, and says whether to go on."""


class Buffers:
    """Room for so many bursts at once. For one loop: it gives them out."""

    def __init__(self, most: int = BURSTS_AT_ONCE) -> None:
        self._most = most
        self._made = 0
        self._spare: list[memoryview] = []

    def take(self) -> memoryview | None:
        """One that begins where a page does; None when all are in use."""
        if self._spare:
            return self._spare.pop()
        if self._made == self._most:
            return None
        self._made += 1
        return _memory()

    def give_back(self, buffer: memoryview) -> None:
        """One is kept when all are back: an idle session has no use for more."""
        self._spare.append(buffer)
        if len(self._spare) == self._made:
            del self._spare[1:]
            self._made = 1


def _memory() -> memoryview:
    """Pages of this process alone, which cost nothing before they are used."""
    if sys.platform == "win32":
        return memoryview(mmap.mmap(-1, BUFFER_BYTES))
    return memoryview(mmap.mmap(-1, BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


class Filling:
    """What fills a file, opened for writing, burst by burst."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_direct = sys.platform == "linux"

    def fill(
        self, offset: int, end: int, source: BodySource, checkpoints: Checkpoints, *, buffer: memoryview, tell: Tell
    ) -> Filled:
        """The thread's part of :meth:`partita.actors.kernel.file_ports.FillingFile.fill`."""
        until = time.monotonic() + BURST_S
        at = offset
        step = max(BLOCK_BYTES, checkpoints.step_bytes - checkpoints.step_bytes % BLOCK_BYTES)
        due = checkpoints.first - checkpoints.first % BLOCK_BYTES
        if due <= at:
            due = checkpoints.first if checkpoints.first > at else _block_behind(at)
        heard: Callable[[], bool] = _nothing_to_hear
        goes_on = True
        while goes_on and at < end:
            lies_at = at % BLOCK_BYTES  # so that what is a block in the file is one in memory
            piece = buffer[lies_at : lies_at + min(due, end) - at]
            size, flows = _received(source, piece, until)
            if not heard():
                break  # what was received meanwhile belongs to nobody any more
            self._write(at, piece[:size])
            at += size
            goes_on = flows and time.monotonic() < until
            if at in (due, end):
                disk.sync(self._descriptor)
                heard = tell(at)
                due = at - at % BLOCK_BYTES + step
        came = at - offset
        return Filled(came, flows=at == end or (came >= _FLOWING_BYTES and flows))

    def _write(self, offset: int, data: memoryview) -> None:
        written = 0
        begin = -offset % BLOCK_BYTES
        blocks = data[begin : len(data) - (offset + len(data)) % BLOCK_BYTES]
        if self._is_direct and blocks:
            disk.write_all(self._descriptor, offset, data[:begin])
            written = begin + self._write_direct(offset + begin, blocks)
        disk.write_all(self._descriptor, offset + written, data[written:])

    def _write_direct(self, offset: int, blocks: memoryview) -> int:
        """How many bytes were written so: all, or fewer where that cannot be done."""
        import fcntl  # noqa: PLC0415  # not on Windows

        written = 0
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
            while written < len(blocks):
                written += disk.write_at(self._descriptor, blocks[written:], offset + written)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._is_direct = False
        finally:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags)
        return written


def _nothing_to_hear() -> bool:
    """No checkpoint has been told yet."""
    return True


def _received(source: BodySource, piece: memoryview, until: float) -> tuple[int, bool]:
    """Fill the piece while there is time; how much of it is filled, and whether more was coming."""
    size = 0
    while size < len(piece):
        came = source.receive_into(piece[size:])
        if not came:
            return size, False
        size += came
        if time.monotonic() >= until:
            break
    return size, True


def _block_behind(at: int) -> int:
    """Where the next block begins."""
    return at - at % BLOCK_BYTES + BLOCK_BYTES
