"""The seam below a persistent partition: where it lies, with its lock, its keys and its environment.

``partita.store.disk_folder`` is a folder of the file system, with LMDB in it; a simulated disk has folders of its own. The
order in which a partition is opened is written once, above this (:mod:`partita.store.opened`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from partita.store.environment import Environment


class KeyFile(Protocol):
    """The small file that holds a partition's keys. ``str()`` of it names it in errors."""

    def read(self) -> bytes:
        """All of it. Raises :class:`OSError` (``FileNotFoundError`` when there is none)."""
        ...

    def rewrite(self, content: bytes) -> None:
        """Replace it whole, durably: after a crash it is the old one or the new one. Raises :class:`OSError`."""
        ...


class Lock(Protocol):
    """The right to write, held until it is released or its process ends."""

    def release(self) -> None:
        """Let another write. Releasing twice does nothing."""
        ...


class Folder(Protocol):
    """Where one persistent partition lies."""

    directory: Path

    def prepare(self) -> None:
        """Make it if it is not there, and have it and the names in it on the disk: a process that was killed may not have.

        Raises :class:`StoreUnavailable`.
        """
        ...

    def lock(self) -> Lock:
        """Take the right to write. Raises :class:`PartitionInUse`, naming who has it, and :class:`StoreUnavailable`."""
        ...

    def data_bytes(self) -> int:
        """How long the environment's data are; 0 when there are none."""
        ...

    def environment(self, *, map_bytes: int, read_only: bool = False) -> Environment:
        """Open the environment in it, made durably when it is not there. Raises the errors of the store."""
        ...

    def keys(self) -> KeyFile:
        """Its key file, which need not be there."""
        ...

    def has_keys(self) -> bool:
        """Whether the key file is there."""
        ...

    def exists(self) -> bool:
        """Whether there is such a folder."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        ...

    def delete(self) -> None:
        """Delete it and all in it; fine when there is none. Raises :class:`PartitionInUse`, :class:`StoreUnavailable`."""
        ...

    def give_up(self) -> None:
        """Remove what a failed copy has left, as far as that can be done."""
        ...


class Folders(Protocol):
    """Where partitions lie."""

    def at(self, directory: Path) -> Folder:
        """The folder at an absolute path, whether it is there or not."""
        ...

    def below(self, directory: Path) -> list[Path]:
        """The paths of the folders in a directory, sorted; none when there is no such directory."""
        ...
