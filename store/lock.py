"""One writer a partition.

The lock is the operating system's, on ``writer.lock`` in the partition's folder: it is released when its holder ends, however
that happens. The process id in the file only informs: the name of who has it, for the error message.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

from partita.events.errors import PartitionInUse, StoreUnavailable

LOCK_FILE: Final = "writer.lock"
TRIES: Final = 10
PAUSE_S: Final = 0.005

if sys.platform == "win32":
    import msvcrt

    _FAR: Final = 1 << 30  # a locked byte cannot be read by others on Windows: not one of the process id

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_held: set[str] = set()
_holding: Final = threading.Lock()


class WriterLock:
    """Held from its making until :meth:`release`. Raises :class:`PartitionInUse` when another has it, in this process too."""

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        self._key = os.path.normcase(directory.resolve())
        with _holding:
            if self._key in _held:
                pid = os.getpid()
                raise PartitionInUse(f"{directory} is already open for writing in this process ({pid})", pid=pid)
            self._descriptor = _locked(path)
            _held.add(self._key)
        with contextlib.suppress(OSError):  # on a full disk: it only informs, and deleting a partition there makes room
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, b"%d\n" % os.getpid())

    def release(self) -> None:
        """Let another write. Releasing twice does nothing."""
        with _holding:
            if self._key in _held and self._descriptor >= 0:
                _held.discard(self._key)
                os.close(self._descriptor)
                self._descriptor = -1


def is_locked(directory: Path) -> bool:
    """Whether a process writes the partition, or might: nobody can tell where the folder cannot be written to."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        _take(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path) -> int:
    tries = 0
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path.parent} cannot be written to: {error.strerror}") from error
        try:
            _take(descriptor)
        except OSError as error:
            pid = _holder(descriptor)
            os.close(descriptor)
            tries += 1
            if tries < TRIES:  # somebody may only have looked whether it is held
                time.sleep(PAUSE_S)
                continue
            whose = "another process" if pid is None else f"process {pid}"
            raise PartitionInUse(f"{path.parent} is open for writing in {whose}", pid=pid) from error
        if _is_still(descriptor, path):
            return descriptor
        os.close(descriptor)  # whoever held it deleted the partition: this file has no name any more


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _holder(descriptor: int) -> int | None:
    try:
        return int(os.read(descriptor, 32))
    except (OSError, ValueError):
        return None
