"""The environment on the disk: LMDB.

- The map is large and sparse (1 TiB), so that it never grows where the system allows that; where it refuses, it starts
  smaller and doubles when it is full.
- ``set_mapsize`` with a transaction alive in this process is undefined, and the binding does not refuse it; changing the
  map therefore waits until no transaction is alive, and holds new ones back (:class:`~partita.store.gate.Gate`).
- LMDB may be opened once in a process: its locks are the process's. All environments of one folder share one handle, so
  that the writing process can read its own log like anybody else.
- No ``writemap`` (a full disk would be SIGBUS), sync on. Never across a fork.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import lmdb

from partita.events.errors import LogDamaged, StoreError, StoreFailed, StoreUnavailable
from partita.store.environment import KEY_BYTES, TABLES, Buffer, RoomNeeded, Table, Unreadable
from partita.store.gate import Gate, Pass
from partita.store.lmdb_file import check_data_file, is_unborn, reserve_lock_file

DATA_FILE: Final = "data.mdb"
LOCK_FILE: Final = "lock.mdb"
# Windows gives a map its room on the disk at once.
MAP_BYTES: Final = (1 << 26) if sys.platform == "win32" else (1 << 40)
SMALLEST_MAP_BYTES: Final = 1 << 20
READERS: Final = 512

_DAMAGE: Final = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError)


def _code(error: lmdb.Error) -> int:
    return int(getattr(error, "code", 0))


def translated(error: lmdb.Error, doing: str) -> StoreError:
    if isinstance(error, lmdb.MapFullError):
        return RoomNeeded(f"{doing}: the map is full")
    if isinstance(error, lmdb.DiskError) or _code(error) == errno.ENOSPC:
        return StoreFailed(f"{doing}: the disk is full ({error})")
    if isinstance(error, _DAMAGE):
        return Unreadable(f"{doing}: the file contradicts itself ({error})")
    return StoreFailed(f"{doing}: {error}")


class _Handle:
    """The one opening of a folder's environment in this process."""

    def __init__(self, directory: Path, *, read_only: bool, map_bytes: int) -> None:
        self.directory = directory
        self.read_only = read_only
        self.gate = Gate()
        self.users = 0
        self._map_bytes = map_bytes
        self._environment: lmdb.Environment | None = None
        self.databases: dict[Table, lmdb._Database] = {}
        self._open()

    @property
    def environment(self) -> lmdb.Environment:
        if self._environment is None:
            raise StoreUnavailable(f"the log in {self.directory} could not be opened again after a failure")
        return self._environment

    def _open(self) -> None:
        data = self.directory / DATA_FILE
        if not self.read_only:
            if data.exists() and is_unborn(data):
                os.truncate(data, 0)
            reserve_lock_file(self.directory / LOCK_FILE, readers=READERS)
        if self.read_only or (data.exists() and data.stat().st_size):
            check_data_file(data)
        map_bytes = self._map_bytes
        while True:
            try:
                self._environment = self._opened(map_bytes)
                break
            except lmdb.MemoryError as error:  # the system refuses a map of that size
                if map_bytes <= SMALLEST_MAP_BYTES:
                    raise StoreUnavailable(f"{data} cannot be mapped: {error}") from error
                map_bytes = max(map_bytes // 16, SMALLEST_MAP_BYTES)
            except (lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.CorruptedError) as error:
                raise LogDamaged(f"{data} cannot be opened: {error}", position=1) from error
            except (lmdb.Error, OSError) as error:
                raise StoreUnavailable(f"the log in {self.directory} cannot be opened: {error}") from error
        self._map_bytes = map_bytes
        try:
            self.databases = self._tables(self._environment)
        except BaseException:
            self._environment.close()
            self._environment = None
            raise

    def _opened(self, map_bytes: int) -> lmdb.Environment:
        def opened(*, lock: bool) -> lmdb.Environment:
            return lmdb.open(
                os.fspath(self.directory),
                map_size=map_bytes,
                max_dbs=len(TABLES) + 1,
                max_readers=READERS,
                mode=0o600,
                readonly=self.read_only,
                lock=lock,
                create=not self.read_only,
            )

        try:
            return opened(lock=True)
        except (lmdb.ReadonlyError, lmdb.LockError, lmdb.Error) as error:
            unwritable = isinstance(error, (lmdb.ReadonlyError, lmdb.LockError)) or _code(error) in {
                errno.EACCES,
                errno.EROFS,
                errno.EPERM,
                errno.ENOENT,
            }
            if not self.read_only or not unwritable:
                raise
            # The table of readers cannot be written here: on a folder that is read-only nobody writes the log either.
            return opened(lock=False)

    def _tables(self, environment: lmdb.Environment) -> dict[Table, lmdb._Database]:
        try:
            with environment.begin() as transaction:
                names = {bytes(key) for key, _ in transaction.cursor()}
                expected = {table.encode() for table in TABLES}
                if names - expected or (self.read_only and not names):
                    raise StoreUnavailable(f"{self.directory} holds an LMDB environment, but no partition")
            if names == expected:  # a write transaction each, in which nothing is written, and so nothing synced
                return {table: environment.open_db(table.encode(), create=False) for table in TABLES}
            with environment.begin(write=True) as transaction:
                return {table: environment.open_db(table.encode(), txn=transaction) for table in TABLES}
        except lmdb.Error as error:
            raise translated(error, f"opening the log in {self.directory}") from error

    def reopen(self, *, read_only: bool | None = None) -> None:
        with self.gate.alone():
            if self._environment is not None:
                self._environment.close()
                self._environment = None
            if read_only is not None:
                self.read_only = read_only
            self._open()

    def set_map(self, map_bytes: int) -> None:
        """0 takes the size that another process has given it."""
        with self.gate.alone():
            try:
                self.environment.set_mapsize(map_bytes)
            except lmdb.Error as error:
                raise translated(error, "changing the size of the map") from error

    def grow(self) -> None:
        with self.gate.alive():
            map_bytes = int(self.environment.info()["map_size"])
        self.set_map(2 * map_bytes)

    def close(self) -> None:
        with self.gate.alone():
            if self._environment is not None:
                self._environment.close()
                self._environment = None


_handles: dict[str, _Handle] = {}
_opening = threading.Lock()


class LmdbTransaction:
    """A transaction of LMDB, whose errors are ours."""

    __slots__ = ("_databases", "_directory", "_ended", "_entered", "_transaction")

    def __init__(self, handle: _Handle, entered: Pass, transaction: lmdb.Transaction) -> None:
        self._entered = entered
        self._databases = handle.databases
        self._directory = handle.directory
        self._transaction = transaction
        self._ended = False

    def get(self, table: Table, key: bytes) -> bytes | None:
        try:
            value = self._transaction.get(key, db=self._databases[table])
        except lmdb.Error as error:
            raise translated(error, f"reading {table}") from error
        return None if value is None else bytes(value)

    def put(self, table: Table, key: bytes, value: Buffer, *, append: bool = False) -> None:
        try:
            done = self._transaction.put(key, value, append=append, db=self._databases[table])
        except lmdb.BadValsizeError as error:
            raise ValueError(f"a key has 1 to {KEY_BYTES} bytes, not {len(key)}") from error
        except lmdb.ReadonlyError as error:
            raise ValueError("a transaction that was begun for reading cannot write") from error
        except lmdb.Error as error:
            raise translated(error, f"writing {table}") from error
        if not done:
            raise ValueError(f"appended key {key!r} does not come after the last one")

    def put_many(self, table: Table, items: Iterable[tuple[bytes, bytes]]) -> None:
        try:
            self._transaction.cursor(self._databases[table]).putmulti(items)
        except lmdb.Error as error:
            raise translated(error, f"writing {table}") from error

    def delete(self, table: Table, key: bytes) -> bool:
        try:
            return self._transaction.delete(key, db=self._databases[table])
        except lmdb.ReadonlyError as error:
            raise ValueError("a transaction that was begun for reading cannot write") from error
        except lmdb.Error as error:
            raise translated(error, f"deleting from {table}") from error

    def range(
        self, table: Table, start: bytes | None = None, *, backward: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        try:
            cursor = self._at(table, start, backward=backward)
            if cursor is not None:
                for key, value in cursor.iterprev() if backward else cursor.iternext():
                    yield bytes(key), bytes(value)
        except lmdb.Error as error:
            raise translated(error, f"reading {table}") from error

    def keys(self, table: Table, start: bytes | None = None, *, backward: bool = False) -> Iterator[bytes]:
        try:
            cursor = self._at(table, start, backward=backward)
            if cursor is not None:
                for key in cursor.iterprev(values=False) if backward else cursor.iternext(values=False):
                    yield bytes(key)
        except lmdb.Error as error:
            raise translated(error, f"reading {table}") from error

    def _at(self, table: Table, start: bytes | None, *, backward: bool) -> lmdb.Cursor | None:
        """A cursor at the first key of a range; None when the range is empty."""
        cursor = self._transaction.cursor(self._databases[table])
        if start is None:
            found = cursor.last() if backward else cursor.first()
        else:
            found = cursor.set_range(start)
            if backward and not found:
                found = cursor.last()
            elif backward and bytes(cursor.key()) != start:
                found = cursor.prev()
        return cursor if found else None

    def size_bytes(self, table: Table) -> int:
        stat = self._transaction.stat(self._databases[table])
        return int(stat["psize"] * (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]))

    def count(self, table: Table) -> int:
        return int(self._transaction.stat(self._databases[table])["entries"])

    @property
    def number(self) -> int:
        """The last commit that it sees, if it reads."""
        return int(self._transaction.id())

    def commit(self) -> None:
        try:
            self._transaction.commit()
        except lmdb.Error as error:
            failure = translated(error, "committing")
            if isinstance(failure, RoomNeeded):
                raise failure from error
            raise StoreFailed(f"{failure}{self._free()}") from error
        finally:
            self._end()

    def abort(self) -> None:
        if not self._ended:
            self._transaction.abort()
            self._end()

    def _free(self) -> str:
        """How much room the disk has: LMDB calls a write that a full disk cut short an input/output error."""
        try:
            return f"; {shutil.disk_usage(self._directory).free} bytes are free on its disk"
        except OSError:
            return ""

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._entered.give_back()


class LmdbEnvironment:
    """A folder with ``data.mdb`` and ``lock.mdb`` in it.

    ``map_bytes`` is the size of the map at first, in bytes. A read-only environment opens an existing folder and never
    writes; when the folder cannot be written to, it does without LMDB's table of readers.
    """

    def __init__(self, directory: Path, *, read_only: bool = False, map_bytes: int = MAP_BYTES) -> None:
        self._key = os.path.normcase(directory.resolve())
        self._closed = False
        with _opening:
            handle = _handles.get(self._key)
            if handle is None:
                handle = _Handle(directory, read_only=read_only, map_bytes=map_bytes)
                _handles[self._key] = handle
            elif handle.read_only and not read_only:
                handle.reopen(read_only=False)
            handle.users += 1
        self._handle = handle

    def begin(self, *, write: bool = False) -> LmdbTransaction:
        handle = self._handle
        while True:
            if self._closed:
                raise StoreUnavailable(f"the log in {handle.directory} has been closed")
            entered = handle.gate.enter()
            try:
                return LmdbTransaction(handle, entered, handle.environment.begin(write=write))
            except lmdb.MapResizedError:
                entered.give_back()
                handle.set_map(0)
            except lmdb.Error as error:
                entered.give_back()
                raise translated(error, "beginning a transaction") from error
            except BaseException:
                entered.give_back()
                raise

    def sync(self) -> None:
        with self._handle.gate.alive():
            try:
                self._handle.environment.sync(True)
            except lmdb.Error as error:
                raise translated(error, "syncing") from error

    def grow(self) -> None:
        self._handle.grow()

    def version(self) -> int:
        # Not info(): the meta page that it counts is seen before its sync has ended, and by readers only after it.
        transaction = self.begin()
        try:
            return transaction.number
        finally:
            transaction.abort()

    def reopen(self) -> None:
        self._handle.reopen()

    def clear_dead_readers(self) -> int:
        """Free the places of readers whose processes have ended; how many there were."""
        with self._handle.gate.alive():
            return int(self._handle.environment.reader_check())

    def close(self) -> None:
        with _opening:
            if self._closed:
                return
            self._closed = True
            self._handle.users -= 1
            if not self._handle.users:
                del _handles[self._key]
                self._handle.close()
