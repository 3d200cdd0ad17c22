"""The files port on the simulated disk: :class:`partita.actors.kernel.file_ports.Files`, with what the live one promises.

Each operation takes its time first, so that others come in between, and is then done in one step. What the live port shields
from cancellation, to close and to remove, takes no time.
"""

from __future__ import annotations

import contextlib
import errno
from typing import Final

from partita.actors.kernel.context import Random
from partita.actors.kernel.file_ports import BeingWrittenError, OpenFile
from partita.simulations.disk.file import File
from partita.simulations.disk.medium import Medium, crashed, os_error
from partita.simulations.disk.names import folder_of
from partita.simulations.life import Life

SLOWEST_S: Final = 30.0
FOLDER_BYTES: Final = 4096
PAGE_BYTES: Final = 4096


class SimulatedFile:
    """A file open for writing: it stays the same file when its name is given to another."""

    def __init__(self, medium: Medium, life: Life, path: str, file: File) -> None:
        self._medium = medium
        self._life = life
        self._path = path
        self._file: File | None = file
        self._opened = file
        self.size_bytes = len(file.content)
        self._lost = False  # a sync of another failed: this one is told of it, too, and once (Linux since 4.13)
        medium.opened[self] = None

    @property
    def life(self) -> Life:
        """Whose it is."""
        return self._life

    def writes_to(self, file: File) -> bool:
        """Whether it is that which is open here."""
        return self._file is file

    async def again(self) -> SimulatedFile:
        """See :class:`partita.actors.kernel.file_ports.OpenFile`; so for the rest."""
        await _arrived(self._medium, self._life)
        file = self._open()
        if self._medium.names.current.get(self._path) is not file:
            raise FileNotFoundError(errno.ENOENT, "It is another file, or none", self._path)
        return SimulatedFile(self._medium, self._life, self._path, file)

    async def cut(self, size_bytes: int) -> None:
        await _arrived(self._medium, self._life)
        self._open().cut(size_bytes)

    async def is_there(self) -> bool:
        await _arrived(self._medium, self._life)
        return self._medium.names.current.get(self._path) is self._opened

    async def reserve(self, size_bytes: int) -> None:
        await _arrived(self._medium, self._life)
        self._open()
        if size_bytes and self._medium.full:
            raise os_error(errno.ENOSPC, self._path)

    async def write(self, offset: int, data: bytes) -> None:
        medium = self._medium
        await _arrived(medium, self._life)
        file = self._open()
        data = bytes(data)
        if (refusal := medium.refuses("file")) is not None:
            number, particulars = refusal
            if number == errno.ENOSPC and particulars is not None:
                file.write(offset, data[: _written_bytes(particulars, file, offset, data)])
            raise os_error(number, self._path)
        strikes = medium.faults.strikes
        if (random := strikes("file.io_error")) is not None:
            file.write(offset, data[: _written_bytes(random, file, offset, data)])
            raise os_error(errno.EIO, self._path)
        if (random := strikes("crash.file_write")) is not None:
            file.write(offset, data[: _written_bytes(random, file, offset, data)])
            raise crashed(self._life, random, f"crash.file_write to {self._path}")
        file.write(offset, data)
        file.modified_us = medium.now_us()

    async def sync(self) -> None:
        medium = self._medium
        await _arrived(medium, self._life)
        file = self._open()
        strikes = medium.faults.strikes
        if (random := strikes("file.io_error")) is not None:
            file.fail_sync(random)
            for other in medium.opened:
                if isinstance(other, SimulatedFile) and other.writes_to(file):
                    other._lost = other is not self  # noqa: SLF001  # its own kind
            raise os_error(errno.EIO, self._path)
        if self._lost:
            self._lost = False
            raise os_error(errno.EIO, self._path)
        random = strikes("crash.file_sync")
        if random is None or random.below(2):
            if medium.lying:
                file.owe()
            else:
                file.sync()
        if random is not None:
            raise crashed(self._life, random, f"crash.file_sync of {self._path}")

    async def finish(self, offset: int, data: bytes) -> None:
        """See :class:`partita.actors.kernel.file_steps.FinishingFile`."""
        try:
            await self.write(offset, data)
            await self.sync()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close it; the system has closed those of a dead process."""
        self._file = None
        self._medium.opened.pop(self, None)

    def _open(self) -> File:
        if self._file is None:
            raise OSError(errno.EBADF, "the file has been closed")
        return self._file


class ReadableSimulatedFile:
    """A file open for reading."""

    def __init__(self, medium: Medium, life: Life, path: str, file: File) -> None:
        self._medium = medium
        self._life = life
        self._path = path
        self._file: File | None = file
        medium.opened[self] = None
        self.size_bytes = len(file.content)
        self.modified_us = file.modified_us

    @property
    def life(self) -> Life:
        """Whose it is."""
        return self._life

    def writes_to(self, file: File) -> bool:  # noqa: ARG002
        """No: it reads."""
        return False

    async def read(self, offset: int, count: int) -> bytes:
        """See :class:`partita.actors.kernel.file_ports.ReadableFile`; so for the rest."""
        medium = self._medium
        await _arrived(medium, self._life)
        if self._file is None:
            raise OSError(errno.EBADF, "the file has been closed")
        if medium.faults.strikes("file.io_error") is not None:
            raise os_error(errno.EIO, self._path)
        return bytes(self._file.content[offset : offset + count])

    async def close(self) -> None:
        self._file = None
        self._medium.opened.pop(self, None)


class SimulatedFiles:
    """The files of the disk, as one process sees them."""

    def __init__(self, medium: Medium, life: Life) -> None:
        self._medium = medium
        self._life = life

    async def open(
        self,
        path: str,
        *,
        emptied: bool = True,
        must_exist: bool = False,
        private: bool = False,  # noqa: ARG002
    ) -> SimulatedFile:
        """See :class:`partita.actors.kernel.file_ports.Files`; so for the rest. Creating a file needs no room."""
        medium = self._medium
        await _arrived(medium, self._life)
        refusal = medium.refuses("file")
        if refusal is not None and refusal[0] != errno.ENOSPC:
            raise os_error(refusal[0], path)
        names = medium.names
        names.make_folder(folder_of(_absolute(path)))
        file = names.current.get(path)
        if file is None:
            self._check_no_folder(path)
            if must_exist:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            file = File()
            file.modified_us = medium.now_us()
            names.link(path, file)
        if not isinstance(file, File):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        if medium.is_written(file):
            raise BeingWrittenError(errno.EBUSY, "It is being written to already", path)
        if emptied and file.content:
            file.cut(0)
        return SimulatedFile(medium, self._life, path, file)

    async def open_to_read(self, path: str) -> ReadableSimulatedFile:
        medium = self._medium
        await _arrived(medium, self._life)
        file = medium.names.current.get(_absolute(path))
        if file is None:
            self._check_no_folder(path)
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if not isinstance(file, File):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        if medium.faults.strikes("file.io_error") is not None:
            raise os_error(errno.EIO, path)
        return ReadableSimulatedFile(medium, self._life, path, file)

    async def size(self, path: str) -> int | None:
        await _arrived(self._medium, self._life)
        names = self._medium.names
        file = names.current.get(_absolute(path))
        if isinstance(file, File):
            return len(file.content)
        return FOLDER_BYTES if path in names.folders or file is not None else None

    async def claim(self, path: str) -> bool:
        return await self._claim(path)

    async def claim_both(self, path: str, beside: str) -> bool:
        return await self._claim(path, beside)

    async def _claim(self, *paths: str) -> bool:
        medium = self._medium
        await _arrived(medium, self._life)
        refusal = medium.refuses("file")
        if refusal is not None and refusal[0] != errno.ENOSPC:
            raise os_error(refusal[0], paths[0])
        names = medium.names
        names.make_folder(folder_of(_absolute(paths[0])))
        if any(path in names.current or path in names.folders for path in paths):
            return False
        for path in paths:
            names.link(path, File())
        medium.sync_folder(folder_of(paths[0]))
        return True

    async def put_in_place(
        self, opened: OpenFile, source: str, target: str, *, url: str, referrer: str, over_nothing: bool
    ) -> None:
        if not await opened.is_there():
            raise FileNotFoundError(errno.ENOENT, "It is another file, or none", source)
        with contextlib.suppress(OSError):
            await self.mark(source, url, referrer)
        await self.rename(source, target, over_nothing=over_nothing)

    async def free_bytes(self, path: str) -> int | None:  # noqa: ARG002
        await _arrived(self._medium, self._life)
        return 0 if self._medium.full else None

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        medium = self._medium
        await _arrived(medium, self._life)
        if medium.read_only:
            raise os_error(errno.EROFS, path)
        if (file := medium.names.current.get(_absolute(path))) is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if isinstance(file, File):
            file.marks = (url, referrer)

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        medium = self._medium
        await _arrived(medium, self._life)
        names = medium.names
        refusal = medium.refuses("file")
        if refusal is not None:
            raise os_error(refusal[0], target)
        names.make_folder(folder_of(_absolute(target)))
        if not isinstance(names.current.get(_absolute(source)), File):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", source)
        self._check_no_folder(target)
        there = names.current.get(target)
        if over_nothing and there is not None and not (isinstance(there, File) and not there.content):
            raise FileExistsError(errno.EEXIST, "Something else has got that name", target)
        end = medium.faults.strikes("crash.file_rename")
        failure = medium.faults.strikes("file.io_error")
        ends_at = end.below(3) if end is not None else None
        if end is not None and ends_at == 0:
            raise crashed(self._life, end, f"crash.file_rename, before {source} is renamed")
        if failure is not None and failure.below(2):
            raise os_error(errno.EIO, source)
        names.move(source, target)
        if end is not None and ends_at == 1:
            raise crashed(self._life, end, f"crash.file_rename, before the folder of {target} is synced")
        if failure is not None:
            raise os_error(errno.EIO, target)
        medium.sync_folder(folder_of(source))
        medium.sync_folder(folder_of(target))
        if end is not None:
            raise crashed(self._life, end, f"crash.file_rename, after {target} is there")

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        self._life.check()
        if self._medium.read_only:
            raise os_error(errno.EROFS, path)
        file = self._medium.names.current.get(_absolute(path))
        if isinstance(file, File) and not (only_if_empty and file.content):
            self._medium.names.unlink(path)
            self._medium.sync_folder(folder_of(path))

    def _check_no_folder(self, path: str) -> None:
        if path in self._medium.names.folders:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)


def _written_bytes(random: Random, file: File, offset: int, data: bytes) -> int:
    """How much of a write that breaks off has been done. What overwrites is copied page by page, each in one go."""
    written = random.below(len(data) + 1)
    if written == len(data) or offset + len(data) > len(file.content):
        return written
    return max(0, (offset + written) // PAGE_BYTES * PAGE_BYTES - offset)


async def _arrived(medium: Medium, life: Life) -> None:
    """Come back when the operation has taken its time. The process may have ended meanwhile."""
    life.check()
    slow = medium.faults.strikes("file.slow")
    await medium.sleep(medium.latency_s if slow is None else medium.latency_s + slow.random() * SLOWEST_S)
    life.check()


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise OSError(errno.EINVAL, "not an absolute path", path)
    if "\0" in path:
        raise OSError(errno.EINVAL, "a path cannot hold NUL", path)
    return path
