"""The port ``files`` on the machine's disk. Each call blocks a thread of trio's, not the loop."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Awaitable, Callable
from functools import partial

import outcome
import trio

from partita.actors.kernel.file_ports import BodySource, Checkpoints, Filled, OpenFile
from partita.actors.live_world import being_written, disk
from partita.actors.live_world.blocking import BlockingCalls
from partita.actors.live_world.filling import Buffers, Filling


class DiskFile:
    """A file of the disk, open for writing, and noted as such."""

    def __init__(self, descriptor: int, path: str, identity: disk.Identity, size_bytes: int, files: DiskFiles) -> None:
        self._descriptor: int | None = descriptor
        self._path = path
        self.identity = identity
        self.size_bytes = size_bytes
        self._filling = Filling(descriptor)
        self._files = files
        self._blocking = files.blocking

    async def again(self) -> DiskFile:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        self._open()
        opened = await self._blocking.run(being_written.open_again, self._path, self.identity)
        return DiskFile(*opened, self._files)

    async def cut(self, size_bytes: int) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        await self._blocking.run(os.ftruncate, self._open(), size_bytes)

    async def is_there(self) -> bool:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        return await self._blocking.run(disk.is_at, self._path, self.identity)

    async def reserve(self, size_bytes: int) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`. On Linux and macOS, where the file system can."""
        await self._blocking.run(disk.reserve, self._open(), size_bytes)

    async def write(self, offset: int, data: bytes) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        await self._blocking.run(disk.write_all, self._open(), offset, data)

    async def sync(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        await self._blocking.run(disk.sync, self._open())

    async def finish(self, offset: int, data: bytes) -> None:
        """See :class:`partita.actors.kernel.file_steps.FinishingFile`."""
        await self._blocking.run(self._finish, self._open(), offset, data)

    async def fill(self, offset: int, end: int, source: BodySource, checkpoints: Checkpoints) -> Filled:
        """See :class:`partita.actors.kernel.file_ports.FillingFile`."""
        self._open()
        buffer = self._files.buffers.take()
        if buffer is None:
            return Filled(0, flows=False)
        try:
            async with trio.open_nursery() as nursery:
                telling = _Telling(nursery, checkpoints.passed, source.stop)
                work = partial(self._filling.fill, offset, end, source, checkpoints, buffer=buffer, tell=telling.tell)
                # captured, and raised outside: no group of one error
                filled = await outcome.acapture(self._blocking.run_until_stopped, work, source.stop)
        finally:
            self._files.buffers.give_back(buffer)
        result = filled.unwrap()
        telling.check()
        return result

    async def close(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`. It is closed also by a task that has been cancelled."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with trio.CancelScope(shield=True):
                await self._blocking.run(self._close, descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file has been closed")
        return self._descriptor

    def _finish(self, descriptor: int, offset: int, data: bytes) -> None:
        self._descriptor = None  # in the thread: a task that was cancelled before it began still has it to close
        try:
            disk.write_all(descriptor, offset, data)
            disk.sync(descriptor)
        finally:
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        being_written.forget(self.identity)  # first: the next file may get the number of one that has been deleted
        os.close(descriptor)


class ReadableDiskFile:
    """A file of the disk, open for reading."""

    def __init__(self, descriptor: int, size_bytes: int, modified_us: int, blocking: BlockingCalls) -> None:
        self._descriptor: int | None = descriptor
        self._blocking = blocking
        self.size_bytes = size_bytes
        self.modified_us = modified_us

    async def read(self, offset: int, count: int) -> bytes:
        """See :class:`partita.actors.kernel.file_ports.ReadableFile`."""
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file has been closed")
        return await self._blocking.run(disk.read, self._descriptor, offset, count)

    async def close(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.ReadableFile`. It is closed also by a task that has been cancelled."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with trio.CancelScope(shield=True):
                await self._blocking.run(os.close, descriptor)


class DiskFiles:
    """The port ``files`` on the machine's disk."""

    def __init__(self) -> None:
        self.buffers = Buffers()
        self.blocking = BlockingCalls()

    @property
    def under_way(self) -> int:
        """See :class:`partita.actors.kernel.file_steps.BusyFiles`."""
        return self.blocking.under_way

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> DiskFile:
        """See :class:`partita.actors.kernel.file_ports.Files`. A symbolic link in the file's place is refused."""
        opened = await self.blocking.run(being_written.open_to_write, path, emptied, must_exist, private)
        return DiskFile(*opened, self)

    async def open_to_read(self, path: str) -> ReadableDiskFile:
        """See :class:`partita.actors.kernel.file_ports.Files`. Links are followed."""
        return ReadableDiskFile(*await self.blocking.run(disk.open_to_read, path), self.blocking)

    async def size(self, path: str) -> int | None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await self.blocking.run(disk.size, path)

    async def claim(self, path: str) -> bool:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await self.blocking.run(disk.claim, path)

    async def claim_both(self, path: str, beside: str) -> bool:
        """See :class:`partita.actors.kernel.file_steps.PlacingFiles`."""
        return await self.blocking.run(disk.claim, path, beside)

    async def put_in_place(
        self, opened: OpenFile, source: str, target: str, *, url: str, referrer: str, over_nothing: bool
    ) -> None:
        """See :class:`partita.actors.kernel.file_steps.PlacingFiles`."""
        identity = opened.identity if isinstance(opened, DiskFile) else None
        await self.blocking.run(disk.put_in_place, source, target, (url, referrer), over_nothing, identity)

    async def free_bytes(self, path: str) -> int | None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await self.blocking.run(disk.free_bytes, path)

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        await self.blocking.run(disk.rename, source, target, over_nothing)

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`: attributes on Linux, a stream on Windows; on macOS nothing."""
        await self.blocking.run(disk.mark, path, url, referrer)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`. It is removed also by a task that has been cancelled."""
        with trio.CancelScope(shield=True):
            await self.blocking.run(disk.remove, path, only_if_empty)


class _Telling:
    """Has checkpoints heard that a thread has passed."""

    def __init__(
        self, nursery: trio.Nursery, passed: Callable[[int], Awaitable[None]], stop: Callable[[], None]
    ) -> None:
        self._nursery = nursery
        self._passed = passed
        self._stop = stop
        self._loop = trio.lowlevel.current_trio_token()
        self._is_over = False
        self._failed: Exception | None = None

    def tell(self, at: int) -> Callable[[], bool]:
        """In the thread: have it heard; returns what waits for that, and says whether to go on."""
        heard = threading.Event()
        self._loop.run_sync_soon(self._nursery.start_soon, self._hear, at, heard)
        return lambda: heard.wait() and not self._is_over

    def check(self) -> None:
        """Raise what hearing it has raised."""
        if self._failed is not None:
            raise self._failed

    async def _hear(self, at: int, heard: threading.Event) -> None:
        is_heard = False
        try:
            await self._passed(at)
            is_heard = True
        except Exception as error:  # noqa: BLE001  # raised when the thread has ended
            self._failed = self._failed or error
            self._stop()
        finally:
            self._is_over = self._is_over or not is_heard  # also when it was cancelled
            heard.set()
