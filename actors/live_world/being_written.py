"""Which files of the disk this process has open for writing: no two who do not know of each other write into one.

A name that somebody has made free by deleting its file may be given anew while the first is still opening what it had there.
Locks of the system would say no more: those of a file are inherited by every process that is forked meanwhile.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from contextlib import ExitStack
from typing import Final

from partita.actors.kernel.file_ports import BeingWrittenError
from partita.actors.live_world import disk

_lock = threading.Lock()
_written: Final[Counter[disk.Identity]] = Counter()


def open_to_write(path: str, emptied: bool, must_exist: bool, private: bool) -> tuple[int, str, disk.Identity, int]:
    """A descriptor, the path, which file it is, and its length. Raises ``OSError``, ``EBUSY`` too: nothing is changed then."""
    with ExitStack() as undoing:
        descriptor, identity, size_bytes = disk.open_to_write(path, must_exist, private)
        undoing.callback(os.close, descriptor)
        _note_first(identity, path)
        undoing.callback(forget, identity)
        if emptied and size_bytes:
            os.ftruncate(descriptor, 0)
            size_bytes = 0
        undoing.pop_all()
    return descriptor, path, identity, size_bytes


def _note_first(identity: disk.Identity, path: str) -> None:
    with _lock:
        if identity in _written and _is_known(identity):
            raise BeingWrittenError(errno.EBUSY, "It is being written to already", path)
        _written[identity] += 1


def _is_known(identity: disk.Identity) -> bool:
    """Whether it tells files apart: some file systems of networks number none."""
    _, number = identity
    return number != 0


def _begin_in_child() -> None:
    """A process that was forked writes nothing of what its parent does."""
    global _lock  # noqa: PLW0603  # somebody may have held it
    _lock = threading.Lock()
    _written.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def open_again(path: str, identity: disk.Identity) -> tuple[int, str, disk.Identity, int]:
    """The same for who writes that file already: with a descriptor of its own, as direct I/O is a property of that."""
    descriptor, found, size_bytes = disk.open_to_write(path, must_exist=True, private=False)
    if found != identity:
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "It is another file", path)
    with _lock:
        _written[identity] += 1
    return descriptor, path, identity, size_bytes


def forget(identity: disk.Identity) -> None:
    """It is about to be closed, once."""
    with _lock:
        _written[identity] -= 1
        if _written[identity] <= 0:  # below: it was opened in the parent of this process
            del _written[identity]
