"""The system's clock, randomness and disk."""

# System calls by their names: descriptors, flags and the order of syncs are the point here.
# ruff: noqa: PTH103, PTH105, PTH108, PTH112, PTH114, PTH116, PTH117, PTH120

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat
import struct
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import outcome
import trio

from partita.actors.kernel.file_ports import BodySource, Filled

BURST_S: Final = 0.25
"""A thread takes from a body for so long at most: then the loop has a say again."""
_BUFFER_BYTES: Final = 1 << 20
_FLOWING_BYTES: Final = 1 << 20  # what trickles in that time is not worth a thread

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NEW_FILE: Final = 0o666  # the user's umask takes away what it wants
_PRIVATE_FILE: Final = 0o600
_WRITING: Final = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_BLOCK_BYTES: Final = 512  # what st_blocks counts, whatever the file system's own are
_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE
_PREALLOCATE: Final = 42  # F_PREALLOCATE, with F_ALLOCATEALL and F_PEOFPOSMODE
_ALLOCATE_ALL: Final = 4
_FROM_THE_END: Final = 3
_FULL_SYNC: Final = 51  # F_FULLFSYNC: on macOS, fsync leaves the data in the drive's cache


class SystemClock:
    """The clock of the machine; it sleeps under trio."""

    def now_us(self) -> int:
        """See :class:`partita.actors.kernel.world.Clock`."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """See :class:`partita.actors.kernel.world.Clock`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :class:`partita.actors.kernel.world.Clock`."""
        await trio.sleep(seconds)


class FixedClock(SystemClock):
    """Wall time stands still at one moment; monotonic time and sleep are the machine's.

    ``moment`` is an ISO 8601 text with its zone (``"2015-12-31T00:00:00Z"``). Raises :class:`ValueError` for another.
    """

    def __init__(self, moment: str) -> None:
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError(f"{moment!r} has no zone; end it with 'Z' or an offset like '+02:00'")
        self._now_us = (parsed - _EPOCH) // _MICROSECOND

    def now_us(self) -> int:
        """The moment, in integer microseconds since 1970."""
        return self._now_us


class SystemEntropy:
    """The operating system's random numbers."""

    def random_bytes(self, count: int) -> bytes:
        """See :class:`partita.actors.kernel.world.Entropy`."""
        return secrets.token_bytes(count)


class DiskFile:
    """A file of the disk, open for writing. Each call blocks a thread of trio's, not the loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        self._buffer: memoryview | None = None

    async def reserve(self, size_bytes: int) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`. On Linux and macOS, where the file system can."""
        await trio.to_thread.run_sync(_reserve, self._open(), size_bytes)

    async def write(self, offset: int, data: bytes) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        await trio.to_thread.run_sync(_write_all, self._open(), offset, data)

    async def sync(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`."""
        await trio.to_thread.run_sync(_sync, self._open())

    async def finish(self, offset: int, data: bytes) -> None:
        """See :class:`partita.actors.kernel.file_steps.FinishingFile`."""
        await trio.to_thread.run_sync(self._finish, self._open(), offset, data)

    async def fill(self, offset: int, source: BodySource, most_bytes: int) -> Filled:
        """See :class:`partita.actors.kernel.file_ports.FillingFile`."""
        descriptor = self._open()
        if self._buffer is None:
            self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        work = partial(_fill, descriptor, offset, source, most_bytes, self._buffer)
        return await _until_stopped(work, source.stop)

    async def close(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`. It is closed also by a task that has been cancelled."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(os.close, descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file has been closed")
        return self._descriptor

    def _finish(self, descriptor: int, offset: int, data: bytes) -> None:
        self._descriptor = None  # in the thread: a task that was cancelled before it began still has it to close
        try:
            _write_all(descriptor, offset, data)
            _sync(descriptor)
        finally:
            os.close(descriptor)


class ReadableDiskFile:
    """A file of the disk, open for reading."""

    def __init__(self, descriptor: int, size_bytes: int, modified_us: int) -> None:
        self._descriptor: int | None = descriptor
        self.size_bytes = size_bytes
        self.modified_us = modified_us

    async def read(self, offset: int, count: int) -> bytes:
        """See :class:`partita.actors.kernel.file_ports.ReadableFile`."""
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file has been closed")
        return await trio.to_thread.run_sync(_read, self._descriptor, offset, count)

    async def close(self) -> None:
        """See :class:`partita.actors.kernel.file_ports.ReadableFile`. It is closed also by a task that has been cancelled."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(os.close, descriptor)


class DiskFiles:
    """The port ``files`` on the machine's disk."""

    async def open(self, path: str, *, keep_bytes: int = 0, private: bool = False) -> DiskFile:
        """See :class:`partita.actors.kernel.file_ports.Files`. A symbolic link in the file's place is refused."""
        return DiskFile(await trio.to_thread.run_sync(_open, path, keep_bytes, private))

    async def open_to_read(self, path: str) -> ReadableDiskFile:
        """See :class:`partita.actors.kernel.file_ports.Files`. Links are followed."""
        return ReadableDiskFile(*await trio.to_thread.run_sync(_open_to_read, path))

    async def size(self, path: str) -> int | None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await trio.to_thread.run_sync(_size, path)

    async def claim(self, path: str) -> bool:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await trio.to_thread.run_sync(_claim, path)

    async def claim_both(self, path: str, beside: str) -> bool:
        """See :class:`partita.actors.kernel.file_steps.PlacingFiles`."""
        return await trio.to_thread.run_sync(_claim, path, beside)

    async def put_in_place(self, source: str, target: str, *, url: str, referrer: str, over_nothing: bool) -> None:
        """See :class:`partita.actors.kernel.file_steps.PlacingFiles`."""
        await trio.to_thread.run_sync(_put_in_place, source, target, url, referrer, over_nothing)

    async def free_bytes(self, path: str) -> int | None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        return await trio.to_thread.run_sync(_free_bytes, path)

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`."""
        await trio.to_thread.run_sync(_rename, source, target, over_nothing)

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`: attributes on Linux, a stream on Windows; on macOS nothing."""
        await trio.to_thread.run_sync(_mark, path, url, referrer)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        """See :class:`partita.actors.kernel.file_ports.Files`. It is removed also by a task that has been cancelled."""
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(_remove, path, only_if_empty)


async def _until_stopped(work: Callable[[], Filled], stop: Callable[[], None]) -> Filled:
    """``trio.to_thread.run_sync`` for work that can be stopped: a cancellation does so, and still the end is waited for."""
    task, loop = trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()

    def ended(result: outcome.Outcome[Filled]) -> None:
        loop.run_sync_soon(trio.lowlevel.reschedule, task, result)

    def cancelled(_: object) -> trio.lowlevel.Abort:
        stop()
        return trio.lowlevel.Abort.FAILED

    async with trio.to_thread.current_default_thread_limiter():
        trio.lowlevel.start_thread_soon(work, ended)
        filled: Filled = await trio.lowlevel.wait_task_rescheduled(cancelled)
    await trio.lowlevel.checkpoint_if_cancelled()
    return filled


def _fill(descriptor: int, offset: int, source: BodySource, most_bytes: int, buffer: memoryview) -> Filled:
    until = time.monotonic() + BURST_S
    came = size = 0
    while came < most_bytes:
        size = source.receive_into(buffer[: most_bytes - came])
        if size:
            _write_all(descriptor, offset + came, buffer[:size])
            came += size
        if not size or time.monotonic() >= until:
            break
    is_whole = came == most_bytes
    if is_whole:
        _sync(descriptor)
    return Filled(came, flows=is_whole or (came >= _FLOWING_BYTES and size > 0), synced=is_whole)


def _absolute(path: str) -> str:
    if not os.path.isabs(path):
        raise OSError(errno.EINVAL, "not an absolute path", path)
    if "\0" in path:
        raise OSError(errno.EINVAL, "a path cannot hold NUL", path)
    return path


def _make_folder_of(path: str) -> None:
    """Make it, and those that it lies in, durably."""
    folder = os.path.dirname(_absolute(path))
    missing = []
    while not os.path.isdir(folder) and (parent := os.path.dirname(folder)) != folder:
        missing.append(folder)
        folder = parent
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for made in missing:
        _sync_folder(os.path.dirname(made))


def _open(path: str, keep_bytes: int, private: bool) -> int:
    _make_folder_of(path)
    descriptor = os.open(path, _WRITING | os.O_CREAT, _PRIVATE_FILE if private else _NEW_FILE)
    try:
        if os.fstat(descriptor).st_size > keep_bytes:
            os.ftruncate(descriptor, keep_bytes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_to_read(path: str) -> tuple[int, int, int]:
    descriptor = os.open(_absolute(path), _READING)
    try:
        status = os.fstat(descriptor)
        _check_kind(status.st_mode, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size, status.st_mtime_ns // 1000


def _check_kind(mode: int, path: str) -> None:
    """A folder is no file; a pipe or a device may keep its reader waiting for ever."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    if not stat.S_ISREG(mode):
        raise PermissionError(errno.EACCES, "Not a regular file", path)


def _read(descriptor: int, offset: int, count: int) -> bytes:
    pieces = []
    while count:
        piece = _read_at(descriptor, offset, count)
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read_at(descriptor: int, offset: int, count: int) -> bytes:
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)
    return os.pread(descriptor, count, offset)


def _write_all(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        written = _write_at(descriptor, rest, offset)
        offset += written
        rest = rest[written:]


def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
    if sys.platform == "win32":
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)
    return os.pwrite(descriptor, data, offset)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  # not on Windows

        with contextlib.suppress(OSError):  # not every file system has it
            fcntl.fcntl(descriptor, _FULL_SYNC)
            return
    os.fsync(descriptor)


def _size(path: str) -> int | None:
    try:
        return os.stat(_absolute(path)).st_size
    except FileNotFoundError:
        return None


def _claim(*paths: str) -> bool:
    _make_folder_of(paths[0])
    made: list[str] = []
    try:
        for path in paths:
            os.close(os.open(path, _WRITING | os.O_CREAT | os.O_EXCL, _NEW_FILE))
            made.append(path)
    except OSError as error:
        for path in made:
            os.unlink(path)
        if isinstance(error, FileExistsError):
            return False
        raise
    _sync_folder(os.path.dirname(paths[0]))  # a name that the power takes back would be claimed a second time
    return True


def _reserve(descriptor: int, size_bytes: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        allocate = getattr(libc, "fallocate", None)  # os.posix_fallocate would make the file longer, or write zeros
        if allocate is None or not size_bytes:
            return
        allocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        failed = allocate(descriptor, _KEEP_SIZE, 0, size_bytes) and ctypes.get_errno() == errno.ENOSPC
    elif sys.platform == "darwin":
        import fcntl  # noqa: PLC0415  # not on Windows

        failed = False
        try:
            fcntl.fcntl(descriptor, _PREALLOCATE, struct.pack("=IiqqQ", _ALLOCATE_ALL, _FROM_THE_END, 0, size_bytes, 0))
        except OSError as error:
            failed = error.errno == errno.ENOSPC
    else:
        return
    if failed:
        raise OSError(errno.ENOSPC, f"there is no room for {size_bytes} bytes")


def _free_bytes(path: str) -> int | None:
    folder = os.path.dirname(_absolute(path))
    reserved = _reserved_bytes(path)
    while True:
        try:
            return shutil.disk_usage(folder).free + reserved
        except FileNotFoundError:
            folder, below = os.path.dirname(folder), folder
            if folder == below:
                return None
        except OSError:
            return None


def _reserved_bytes(path: str) -> int:
    try:
        status = os.stat(path)
    except OSError:
        return 0
    return max(0, getattr(status, "st_blocks", 0) * _BLOCK_BYTES - status.st_size)


def _mark(path: str, url: str, referrer: str) -> None:
    if sys.platform == "linux":
        os.setxattr(path, "user.xdg.origin.url", url.encode(), follow_symlinks=False)
        if referrer:
            os.setxattr(path, "user.xdg.referrer.url", referrer.encode(), follow_symlinks=False)
    elif sys.platform == "win32":
        lines = ["[ZoneTransfer]", "ZoneId=3", *([f"ReferrerUrl={referrer}"] if referrer else []), f"HostUrl={url}", ""]
        with open(f"{path}:Zone.Identifier", "w", encoding="utf-8", newline="\r\n") as stream:  # noqa: PTH123
            stream.write("\n".join(lines))


def _rename(source: str, target: str, over_nothing: bool) -> None:
    _make_folder_of(target)
    if over_nothing and os.path.lexists(target) and (os.path.islink(target) or os.stat(target).st_size):
        raise FileExistsError(errno.EEXIST, "Something else has got that name", target)
    os.replace(_absolute(source), target)
    for folder in {os.path.dirname(source), os.path.dirname(target)}:
        _sync_folder(folder)


def _put_in_place(source: str, target: str, url: str, referrer: str, over_nothing: bool) -> None:
    with contextlib.suppress(OSError):  # a file system may have no place for it
        _mark(source, url, referrer)
    _rename(source, target, over_nothing)


def _sync_folder(folder: str) -> None:
    if sys.platform == "win32":
        return  # a folder cannot be opened there; NTFS journals its names
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str, only_if_empty: bool) -> None:
    folder = os.path.dirname(_absolute(path))
    with contextlib.suppress(FileNotFoundError):
        if not only_if_empty or not os.stat(path).st_size:
            os.unlink(path)
            _sync_folder(folder)
