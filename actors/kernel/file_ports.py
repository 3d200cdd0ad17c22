"""The port ``files``: what lies outside the log, on a disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from msgspec import Struct


class BodySource(Protocol):
    """What is left of a response's body, for a thread that takes it straight from the connection."""

    def receive_into(self, buffer: memoryview) -> int:
        """Fill the beginning of ``buffer`` with what comes next; how many bytes those are.

        Waits for some milliseconds at most. 0: nothing came meanwhile, or nothing will. It raises nothing.
        """
        ...

    def stop(self) -> None:
        """Have :meth:`receive_into` come back within milliseconds, and give nothing from then on. From any thread."""
        ...


class BeingWrittenError(OSError):
    """``EBUSY``: somebody of this process has the file open for writing."""


class OpenFile(Protocol):
    """A file open for writing: it stays the same file when its name is given to another."""

    size_bytes: int
    """Its length when it was opened."""

    async def again(self) -> OpenFile:
        """The same file once more, to be written to beside this one, and closed on its own.

        Raises ``OSError``: ``FileNotFoundError`` when its name is no longer its own.
        """
        ...

    async def cut(self, size_bytes: int) -> None:
        """Have nothing behind so many bytes. Raises ``OSError``."""
        ...

    async def is_there(self) -> bool:
        """Whether its name is still its own: False once somebody has moved, deleted or replaced it. Also when it is closed."""
        ...

    async def reserve(self, size_bytes: int) -> None:
        """Have room on the disk for so many bytes; the file's length stays. Where that cannot be had, nothing happens.

        Raises ``OSError`` ``ENOSPC`` when there is no such room.
        """
        ...

    async def write(self, offset: int, data: bytes) -> None:
        """Write all of ``data`` at ``offset``. Raises ``OSError``."""
        ...

    async def sync(self) -> None:
        """Come back when everything written is on the disk. Raises ``OSError``."""
        ...

    async def close(self) -> None:
        """Close it; may be called twice."""
        ...


class Checkpoints(Struct, frozen=True):
    """Where a file is synced while it is filled: at ``first``, then every ``step_bytes``; each may come a block earlier.

    ``passed`` is then told how far the file is safe. Nothing is written behind a checkpoint before it has come back.
    """

    first: int
    step_bytes: int
    passed: Callable[[int], Awaitable[None]]


class Filled(Struct, frozen=True):
    """What a burst brought into a file. ``flows``: more was coming when it ended."""

    came_bytes: int
    flows: bool


@runtime_checkable
class FillingFile(OpenFile, Protocol):
    """An :class:`OpenFile` that takes a body without the loop: one thread receives and writes. Not all can do this."""

    async def fill(self, offset: int, end: int, source: BodySource, checkpoints: Checkpoints) -> Filled:
        """Write what comes to ``offset`` and behind it: for a moment, or up to ``end``, which is a checkpoint too.

        Where too many are at it, it comes back with nothing.

        Comes back when the thread has ended, also when it is cancelled: that stops ``source``, as does what ``passed`` raises.
        Raises that, and ``OSError``: the file's.
        """
        ...


class ReadableFile(Protocol):
    """A file open for reading: it stays the same file when its name is given to another."""

    size_bytes: int
    """Its length when it was opened."""
    modified_us: int
    """When it was last written to: integer microseconds since 1970."""

    async def read(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset`` on; fewer, or none, only at the file's end. Raises ``OSError``."""
        ...

    async def close(self) -> None:
        """Close it; may be called twice."""
        ...


class Files(Protocol):
    """Files outside the log: what is downloaded, and what ``file:`` URLs and protocol handlers name. Paths are absolute."""

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> OpenFile:
        """Create or open ``path`` for writing, missing folders included.

        ``emptied``: whether what is there goes. ``must_exist``: it is not created; ``FileNotFoundError``. ``private``: where it
        is created, nobody but the user may read it (0600).

        Raises ``OSError``: :class:`BeingWrittenError` when it is open for writing already, by whatever name. Two who write never
        mix their bytes.
        """
        ...

    async def open_to_read(self, path: str) -> ReadableFile:
        """Open what is there; it is not changed. Raises ``OSError``, also for what is no file (``EISDIR``, ``EACCES``)."""
        ...

    async def size(self, path: str) -> int | None:
        """Its length in bytes; None when there is no such file."""
        ...

    async def claim(self, path: str) -> bool:
        """Create ``path`` empty, folders included, durably; False when something of that name is there already."""
        ...

    async def free_bytes(self, path: str) -> int | None:
        """How much could be written to ``path``, with what has been reserved for it; None when nobody knows."""
        ...

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        """Move ``source`` over ``target``, durably (the folder is synced).

        ``over_nothing``: only where there is no ``target``, or an empty one that holds its name; else ``FileExistsError``.
        """
        ...

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        """Note on a file where it came from, where the platform has a place for that. Raises ``OSError``."""
        ...

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        """Remove it, durably; no error when it is not there. ``only_if_empty``: a name that was claimed, and nothing else."""
        ...
