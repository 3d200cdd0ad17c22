"""Which file has which name, and since when for certain.

A change of names is on the disk when the folder that it happened in has been synced. Until then a power cut may take it back,
together with all that happened later in the same folder: file systems keep a folder's changes in their order. A rename from
one folder to another is one change, there or not there in both.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Generic, TypeVar

NodeT = TypeVar("NodeT")


def folder_of(path: str) -> str:
    """The folder that a path lies in."""
    return path.rpartition("/")[0] or "/"


class _Change(Generic[NodeT]):
    """``names``: each name with what has it from now on, None for nothing. ``owed``: a lying disk says that it is synced."""

    __slots__ = ("folders", "names", "owed")

    def __init__(self, folders: tuple[str, ...], names: tuple[tuple[str, NodeT | None], ...]) -> None:
        self.folders = folders
        self.names = names
        self.owed = False


class Names(Generic[NodeT]):
    """``current`` is what a process sees, path to node."""

    def __init__(self) -> None:
        self.current: dict[str, NodeT] = {}
        self.folders: dict[str, None] = {"/": None}
        self._durable: dict[str, NodeT] = {}
        self._journal: list[_Change[NodeT]] = []

    def make_folder(self, path: str) -> None:
        """Make a folder and those that it lies in. Raises ``OSError`` when a file is in the way."""
        missing = []
        while path not in self.folders:
            if path in self.current:
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
            missing.append(path)
            path = folder_of(path)
        for folder in reversed(missing):
            self.folders[folder] = None

    def link(self, path: str, node: NodeT) -> None:
        """Give a name to something."""
        self._change((folder_of(path),), ((path, node),))

    def unlink(self, path: str) -> None:
        """Take a name away."""
        self._change((folder_of(path),), ((path, None),))

    def move(self, source: str, target: str) -> None:
        """Rename, over whatever has the name."""
        node = self.current[source]
        self._change((folder_of(source), folder_of(target)), ((source, None), (target, node)))

    def sync(self, folder: str) -> None:
        """Have the names in a folder on the disk, and with them whatever they hang together with."""
        if not self._journal:
            return
        together = {folder}
        due: list[_Change[NodeT]] = []
        rest: list[_Change[NodeT]] = []
        for change in reversed(self._journal):
            if together.isdisjoint(change.folders):
                rest.append(change)
            else:
                together.update(change.folders)
                due.append(change)
        for change in reversed(due):
            _apply(self._durable, change)
        self._journal = rest[::-1]

    def owe(self, folder: str, at_most: int) -> None:
        """Say that the names in a folder are on the disk. Beyond ``at_most`` changes, the oldest are."""
        for change in self._journal:
            change.owed = change.owed or folder in change.folders
        while len(self._journal) > at_most:
            _apply(self._durable, self._journal.pop(0))

    def sync_all(self) -> None:
        """Have all names on the disk."""
        for change in self._journal:
            _apply(self._durable, change)
        self._journal.clear()

    def lose(self, loses: Callable[[], bool]) -> bool:
        """The power is cut: each change that is not synced is asked for whether it is lost.

        Returns whether one was that had been said to be synced.
        """
        broken = False
        lost: set[str] = set()
        for change in self._journal:
            if not lost.isdisjoint(change.folders) or loses():
                lost.update(change.folders)
                broken = broken or change.owed
            else:
                _apply(self._durable, change)
        self._journal.clear()
        self.current = dict(self._durable)
        return broken

    def remove_folder(self, path: str) -> None:
        """Remove a folder and all in it, for good."""
        below = path + "/"
        self._journal = [
            change for change in self._journal if not all(f == path or f.startswith(below) for f in change.folders)
        ]
        for name in [name for name in self.current if name.startswith(below)]:
            del self.current[name]
            self._durable.pop(name, None)
        for folder in [folder for folder in self.folders if folder == path or folder.startswith(below)]:
            del self.folders[folder]

    def _change(self, folders: tuple[str, ...], names: tuple[tuple[str, NodeT | None], ...]) -> None:
        change = _Change(folders, names)
        self._journal.append(change)
        _apply(self.current, change)


def _apply(names: dict[str, NodeT], change: _Change[NodeT]) -> None:
    for name, node in change.names:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
