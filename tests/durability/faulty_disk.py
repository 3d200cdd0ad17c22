"""A disk in memory whose commits fail when they are told to, as a full or broken one's do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from partita.events.errors import StoreFailed, StoreUnavailable
from partita.store import partition as stores
from partita.store.memory_environment import MemoryEnvironment, MemoryTransaction


class FaultyDisk(MemoryEnvironment):
    """``fail_next`` commits fail; with ``yet_written``, though what they wrote is there. While ``gone``, nothing can be done.

    ``commits`` counts those that were tried, ``reopenings`` how often it was opened anew. A commit sets ``committing`` and waits
    for ``go_on``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fail_next = 0
        self.fail_the = -1
        self.yet_written = False
        self.gone = False
        self.commits = 0
        self.reopenings = 0
        self.failed = threading.Event()
        self.committing = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def begin(self, *, write: bool = False) -> MemoryTransaction:
        if self.gone:
            raise StoreUnavailable("the disk is gone")
        return FaultyTransaction(self, super().begin(write=write)) if write else super().begin()  # type: ignore[return-value]

    def reopen(self) -> None:
        self.reopenings += 1
        if self.gone:
            raise StoreUnavailable("the disk is gone")
        super().reopen()


class FaultyTransaction:
    """A transaction for writing that may not get through."""

    def __init__(self, disk: FaultyDisk, transaction: MemoryTransaction) -> None:
        self._disk = disk
        self._transaction = transaction

    def __getattr__(self, name: str) -> object:
        return getattr(self._transaction, name)

    def commit(self) -> None:
        disk = self._disk
        disk.commits += 1
        disk.committing.set()
        assert disk.go_on.wait(60)
        if disk.fail_next > 0 or disk.commits == disk.fail_the:
            disk.fail_next = max(0, disk.fail_next - 1)
            if disk.yet_written:
                self._transaction.commit()
            else:
                self._transaction.abort()
            disk.failed.set()
            raise StoreFailed("committing: the disk is full")
        self._transaction.commit()


@contextmanager
def partitions_in_memory_on(disk: FaultyDisk) -> Iterator[None]:
    """The partition that is opened in memory within the block lives on this disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "MemoryEnvironment", lambda: disk)
        yield
