"""The file that a download is received into: written in large pieces, synced at checkpoints, reported when safe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from partita.actors.kernel.file_ports import BodySource, Checkpoints, FillingFile, OpenFile
from partita.actors.kernel.file_steps import FinishingFile
from partita.actors.kernel.world import Clock
from partita.events.points import buggify

WRITE_BYTES: Final = 1 << 20
CHECKPOINT_BYTES: Final = 4 << 20
CHECKPOINT_S: Final = 0.5
"""There is a checkpoint after so many bytes or seconds. Each is a turn: a slow download has two a second at most in the log."""

Reporter = Callable[[int], Awaitable[None]]
"""Told how far the file is safe; it comes back when the log has it. Nothing more is written before, so a crash costs the bytes
of one checkpoint at most."""


class PartFile:
    """``received_bytes`` have come, ``synced_bytes`` of them are on the disk and have been reported.

    Where several connections write into one file, each has its own of these; then the numbers are where it stands. What a
    crash costs them all, and the turns that they have, are those of one: ``shared_by`` is how many they are.
    """

    def __init__(self, file: OpenFile, offset: int, clock: Clock, report: Reporter, *, shared_by: int = 1) -> None:
        self._checkpoint_bytes = max(WRITE_BYTES, CHECKPOINT_BYTES // shared_by)
        self._checkpoint_s = CHECKPOINT_S * shared_by
        self.received_bytes = offset
        self.synced_bytes = offset
        self._file = file
        self._clock = clock
        self._report = report
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._checked_at = clock.monotonic()

    async def add(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises :class:`OSError`."""
        if self.received_bytes + len(chunk) - self.synced_bytes > self._checkpoint_bytes:
            await self.checkpoint()
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        self.received_bytes += len(chunk)
        news = self.received_bytes - self.synced_bytes
        is_due = news >= self._checkpoint_bytes or self._clock.monotonic() - self._checked_at >= self._checkpoint_s
        if is_due or buggify("download.checkpoint_each_chunk"):
            await self.checkpoint()
        elif self._waiting_bytes >= WRITE_BYTES:
            await self._write()

    @property
    def opened(self) -> OpenFile:
        """The file itself."""
        return self._file

    @property
    def can_take(self) -> bool:
        """Whether :meth:`take` is to be had."""
        return isinstance(self._file, FillingFile)

    async def take(self, source: BodySource, end: int, passed: Callable[[], None]) -> bool:
        """Take what comes in one go, up to ``end``; whether more was coming. Raises :class:`OSError`.

        ``passed`` is called at each checkpoint. Raises what that does.
        """
        assert isinstance(self._file, FillingFile), "asked first: can_take"
        await self._write()
        first = max(self.received_bytes + 1, self.synced_bytes + self._checkpoint_bytes)

        async def checkpoint(synced_bytes: int) -> None:
            self.received_bytes = self.synced_bytes = synced_bytes
            self._checked_at = self._clock.monotonic()
            passed()
            await self._report(synced_bytes)

        begins_at = self.received_bytes
        filled = await self._file.fill(begins_at, end, source, Checkpoints(first, self._checkpoint_bytes, checkpoint))
        self.received_bytes = begins_at + filled.came_bytes
        if self._clock.monotonic() - self._checked_at >= self._checkpoint_s:
            await self.checkpoint()
        return filled.flows

    async def checkpoint(self) -> None:
        """Make everything that has come safe, and report it if it is news. Raises :class:`OSError`."""
        if await self.sync():
            await self._report(self.synced_bytes)

    async def sync(self) -> bool:
        """Make everything that has come safe; whether there was anything. Raises :class:`OSError`."""
        await self._write()
        self._checked_at = self._clock.monotonic()
        if self.synced_bytes == self.received_bytes:
            return False
        await self._file.sync()
        self.synced_bytes = self.received_bytes
        return True

    async def finish(self) -> None:
        """Make everything that has come safe; the file is closed then, where both are one step. Raises :class:`OSError`."""
        if self.synced_bytes < self.received_bytes and isinstance(self._file, FinishingFile):
            await self._file.finish(*self._taken())
            self.synced_bytes = self.received_bytes
        else:
            await self.sync()

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    async def _write(self) -> None:
        if self._waiting:
            await self._file.write(*self._taken())

    def _taken(self) -> tuple[int, bytes]:
        """Where what waits belongs, and what it is; it waits no more."""
        data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        offset = self.received_bytes - self._waiting_bytes
        self._waiting = []
        self._waiting_bytes = 0
        return offset, data
