"""The environment in memory: for partitions that leave nothing on the disk, for tests and for simulations."""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from partita.events.errors import StoreUnavailable
from partita.store.environment import KEY_BYTES, TABLES, Buffer, Table
from partita.store.gate import LOOK_AGAIN_S

Change = tuple[Table, bytes, bytes | None]
"""A key that was changed, and its value before: None where there was none."""


READER_S: Final = 5.0
"""Readers are short; nobody waits longer for one. For a writer, everybody waits."""


class Rows:
    """A sorted table. It is changed in place; a transaction notes how to undo that."""

    __slots__ = ("keys", "size_bytes", "values")

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.values: dict[bytes, bytes] = {}
        self.size_bytes = 0

    def put(self, key: bytes, value: bytes) -> bytes | None:
        old = self.values.get(key)
        if old is None:
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
            self.size_bytes += len(key)
        else:
            self.size_bytes -= len(old)
        self.values[key] = value
        self.size_bytes += len(value)
        return old

    def delete(self, key: bytes) -> bytes | None:
        old = self.values.pop(key, None)
        if old is not None:
            at = bisect_left(self.keys, key)
            del self.keys[at]
            self.size_bytes -= len(key) + len(old)
        return old


class _Active(NamedTuple):
    """A transaction that is under way."""

    transaction: weakref.ref[MemoryTransaction]
    thread: int
    writes: bool
    changes: list[Change]


class MemoryTables:
    """What lies below an environment: the tables, and whose turn it is. Several environments may share them."""

    def __init__(self) -> None:
        self.rows: dict[Table, Rows] = {table: Rows() for table in TABLES}
        self.version = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._active: _Active | None = None

    @property
    def active(self) -> MemoryTransaction | None:
        """The transaction that is under way."""
        return None if self._active is None else self._active.transaction()

    def begin(self, transaction: MemoryTransaction) -> None:
        """Called by a transaction, as its first act: it waits until no other thread's is under way.

        Not for one that nobody has any more (a Ctrl-C came between two steps of whoever had it), nor for a reader that stays
        for :data:`READER_S`: who holds on to such an exception holds on to its reader.
        """
        thread = threading.get_ident()
        try:
            with self._lock:
                waits = 0
                while (active := self._active) is not None:
                    if active.transaction() is None:
                        self._clear(active)
                    elif active.thread == thread:
                        raise RuntimeError("the transactions of one thread may not overlap")  # noqa: TRY301
                    elif not active.writes and waits * LOOK_AGAIN_S > READER_S:
                        self._clear(active)
                    else:
                        self._changed.wait(LOOK_AGAIN_S)
                        waits += 1
                self._active = _Active(weakref.ref(transaction), thread, transaction.writes, transaction.changes)
        except BaseException:
            self.ended(transaction, changed=False)
            raise

    def ended(self, transaction: MemoryTransaction, *, changed: bool) -> None:
        """Called by a transaction, as its last act; of one that is not under way, nothing comes."""
        with self._lock:
            if self.active is transaction:
                self.version += changed
                self._active = None
                self._changed.notify()

    def _clear(self, active: _Active) -> None:
        self.undo(active.changes)
        active.changes.clear()
        self._active = None

    def undo(self, changes: Sequence[Change]) -> None:
        """Take changes back, the last one first."""
        for table, key, old in reversed(changes):
            if old is None:
                self.rows[table].delete(key)
            else:
                self.rows[table].put(key, old)


class MemoryTransaction:
    """Changes are made in place and undone by :meth:`abort`: no other transaction runs at the same time.

    ``changes`` are those made so far, in order.
    """

    def __init__(self, tables: MemoryTables, *, write: bool) -> None:
        self._tables = tables
        self.writes = write
        self.changes: list[Change] = []
        self._open = True
        tables.begin(self)

    def get(self, table: Table, key: bytes) -> bytes | None:
        return self._rows(table).values.get(key)

    def put(self, table: Table, key: bytes, value: Buffer, *, append: bool = False) -> None:
        rows = self._writable(table)
        _check_key(key)
        if append and rows.keys and key <= rows.keys[-1]:
            raise ValueError(f"appended key {key!r} does not come after {rows.keys[-1]!r}")
        self.changes.append((table, key, rows.put(key, bytes(value))))

    def put_many(self, table: Table, items: Iterable[tuple[bytes, bytes]]) -> None:
        for key, value in items:
            self.put(table, key, value)

    def delete(self, table: Table, key: bytes) -> bool:
        old = self._writable(table).delete(key)
        if old is not None:
            self.changes.append((table, key, old))
        return old is not None

    def range(
        self, table: Table, start: bytes | None = None, *, backward: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        values = self._rows(table).values
        for key in self.keys(table, start, backward=backward):
            yield key, values[key]

    def keys(self, table: Table, start: bytes | None = None, *, backward: bool = False) -> Iterator[bytes]:
        keys = self._rows(table).keys
        if backward:
            last = len(keys) if start is None else bisect_right(keys, start)
            order = range(last - 1, -1, -1)
        else:
            order = range(0 if start is None else bisect_left(keys, start), len(keys))
        for at in order:
            self._rows(table)
            yield keys[at]

    def size_bytes(self, table: Table) -> int:
        return self._rows(table).size_bytes

    def count(self, table: Table) -> int:
        return len(self._rows(table).keys)

    def commit(self) -> None:
        self._rows("meta")
        self._end(changed=bool(self.changes))

    def abort(self) -> None:
        if not self._open:
            return
        self._tables.undo(self.changes)
        self._end(changed=False)

    def _end(self, *, changed: bool) -> None:
        self._open = False
        self.changes.clear()
        self._tables.ended(self, changed=changed)

    def _rows(self, table: Table) -> Rows:
        if not self._open:
            raise ValueError("the transaction has ended")
        return self._tables.rows[table]

    def _writable(self, table: Table) -> Rows:
        if not self.writes:
            raise ValueError("a transaction that was begun for reading cannot write")
        return self._rows(table)


class MemoryEnvironment:
    """Sorted tables in memory; one transaction at a time, of whatever kind."""

    def __init__(self) -> None:
        self._tables = MemoryTables()
        self._closed = False

    def begin(self, *, write: bool = False) -> MemoryTransaction:
        transaction = MemoryTransaction(self._tables, write=write)
        if self._closed:
            transaction.abort()
            raise StoreUnavailable("the partition has been closed")
        return transaction

    def sync(self) -> None:
        """Memory has nothing to sync."""

    def grow(self) -> None:
        """Memory is never full."""

    def version(self) -> int:
        return self._tables.version

    def reopen(self) -> None:
        """There is no handle to give up."""

    def close(self) -> None:
        self._closed = True


def _check_key(key: bytes) -> None:
    if not 0 < len(key) <= KEY_BYTES:
        raise ValueError(f"a key has 1 to {KEY_BYTES} bytes, not {len(key)}")
