"""The log's environment on the simulated disk: sorted tables in memory, with what can befall a commit.

A commit is one of: refused (the disk is full or read-only, the map needs room), failed by its fsync (then the handle is of no
use until it is reopened, and nobody knows before whether it came through), cut off by the end of the process, or done.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from partita.events.errors import LogDamaged, StoreError, StoreFailed, StoreUnavailable
from partita.simulations.disk.file import LIES_ABOUT
from partita.simulations.disk.medium import TEXTS, Damage, Medium, crashed
from partita.simulations.life import Life
from partita.store.codec import key_position, unwrapped
from partita.store.environment import Buffer, RoomNeeded, Table
from partita.store.memory_environment import Change, MemoryTables, MemoryTransaction


class StoredTables(MemoryTables):
    """The data of one environment, with what a lying disk owes of it."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.owed: deque[list[Change]] = deque()
        self.replaced: dict[bytes, bytes] = {}
        """Turns that were taken back, by key: another record has their place, or will have."""

    def owe(self, changes: list[Change]) -> None:
        """Say that a commit is on the disk."""
        self.owed.append(changes)
        if len(self.owed) > LIES_ABOUT:
            self.owed.popleft()

    def take_back(self, count: int) -> None:
        """Undo so many of the commits that are owed, the last one first."""
        for _ in range(count):
            changes = self.owed.pop()
            turns = self.rows["turns"].values
            self.replaced.update((key, turns[key]) for table, key, _ in changes if table == "turns" and key in turns)
            self.undo(changes)
            self.version += 1

    def durable_turns(self) -> Mapping[bytes, bytes]:
        """The table of turns as a power cut would leave it at worst."""
        values = self.rows["turns"].values
        loose = list(self.owed)
        if self.active is not None:
            loose.append(self.active.changes)
        if not loose:
            return values
        before = dict(values)
        for changes in reversed(loose):
            for table, key, old in reversed(changes):
                if table != "turns":
                    continue
                if old is None:
                    before.pop(key, None)
                else:
                    before[key] = old
        return before

    def durable_position(self) -> int:
        """The last position in :meth:`durable_turns`; 0 when there is none."""
        turns = self.durable_turns()
        if not turns:
            return 0
        keys = self.rows["turns"].keys
        last = keys[-1] if turns is self.rows["turns"].values else max(turns)
        try:
            return unwrapped(key_position(last), turns[last], check=False).last
        except LogDamaged:  # what is there is no batch: a torn header, or a record that is none of a log's
            return int.from_bytes(last, "big")


class Handle:
    """The one opening of an environment in a process; ``users`` counts those who share it."""

    def __init__(self, medium: Medium, life: Life, tables: StoredTables) -> None:
        self.medium = medium
        self.life = life
        self.tables = tables
        self.where = str(tables.directory)
        self.users = 0
        self.needs_room = False
        self.refusal: type[StoreError] | None = None

    def check(self) -> None:
        """Raise what stands against using it."""
        self.life.check()
        if self.refusal is StoreUnavailable:
            raise StoreUnavailable(f"the log in {self.where} could not be opened again after a failure")
        if self.refusal is not None:
            raise StoreFailed(f"the log in {self.where} is of no use after a failed sync: open it again")


class SimulatedTransaction(MemoryTransaction):
    """A transaction that the process may not survive."""

    def __init__(self, handle: Handle, *, write: bool) -> None:
        super().__init__(handle.tables, write=write)
        self._handle = handle

    def put(self, table: Table, key: bytes, value: Buffer, *, append: bool = False) -> None:
        super().put(table, key, value, append=append)
        tables = self._handle.tables
        if (on_write := self._handle.medium.on_write) is not None:
            on_write(tables.directory, table, key, tables.rows[table].values[key])

    def commit(self) -> None:
        handle = self._handle
        if not self._open or not self.changes:  # without a change, nothing is written
            super().commit()
            return
        handle.life.check()
        strikes = handle.medium.faults.strikes
        if (random := strikes("crash.before_commit")) is not None:
            self.abort()
            raise crashed(handle.life, random, f"crash.before_commit in {handle.where}")
        self._check_accepted()
        if (random := strikes("crash.during_commit")) is not None:
            self._settle(came_through=random.below(2) == 1)
            raise crashed(handle.life, random, f"crash.during_commit in {handle.where}")
        if (random := strikes("disk.io_error")) is not None:
            self._settle(came_through=random.below(2) == 1)
            handle.refusal = StoreFailed
            raise StoreFailed(f"committing: {TEXTS[errno.EIO]}")
        random = strikes("crash.after_commit")
        self._settle(came_through=True, acknowledged=random is None)
        if random is not None:
            raise crashed(handle.life, random, f"crash.after_commit in {handle.where}")

    def _check_accepted(self) -> None:
        handle = self._handle
        if (refusal := handle.medium.refuses("disk")) is not None:
            self.abort()
            raise StoreFailed(f"committing: {TEXTS[refusal[0]]}")
        if handle.needs_room or handle.medium.faults.strikes("disk.room") is not None:
            handle.needs_room = True
            self.abort()
            raise RoomNeeded("committing: the map is full")

    def _settle(self, *, came_through: bool, acknowledged: bool = False) -> None:
        if not came_through:
            self.abort()
            return
        changes, self.changes = self.changes, []
        tables, medium = self._handle.tables, self._handle.medium
        self._end(changed=True)
        medium.commits += 1
        if medium.lying:
            tables.owe(changes)
        ledger = medium.ledgers[tables.directory.as_posix()]
        turns = tables.rows["turns"].values
        for table, key, old in changes:
            if table == "turns":
                value = turns.get(key)
                if value is None and old is not None:
                    tables.replaced[key] = old
                if value is not None and acknowledged:
                    ledger[key] = value
                elif ledger.get(key) != value:
                    ledger.pop(key, None)
            if medium.damaged:
                medium.forget_damage(tables.directory, table, key)


class SimulatedEnvironment:
    """An :class:`~partita.store.environment.Environment` on the simulated disk."""

    def __init__(self, handle: Handle, *, read_only: bool = False) -> None:
        self._handle = handle
        self._read_only = read_only
        self._closed = False
        handle.users += 1

    def begin(self, *, write: bool = False) -> SimulatedTransaction:
        self._check()
        if write and self._read_only:
            raise StoreFailed(f"beginning a transaction: the log in {self._handle.where} was opened for reading")
        return SimulatedTransaction(self._handle, write=write)

    def sync(self) -> None:
        """Commits are durable; a lying disk does not become honest by being asked twice."""
        self._check()

    def grow(self) -> None:
        self._check()
        self._handle.needs_room = False

    def version(self) -> int:
        self._check()
        return self._handle.tables.version

    def reopen(self) -> None:
        handle = self._handle
        handle.life.check()
        strikes = handle.medium.faults.strikes("disk.reopen")
        handle.refusal = None if strikes is None else StoreUnavailable
        handle.check()

    def close(self) -> None:
        """Let go of it. A process that has crashed has let go of everything already."""
        if self._closed:
            return
        self._closed = True
        handle = self._handle
        handle.users -= 1
        if not handle.users:
            handle.medium.handles.pop((handle.life.number, handle.tables.directory.as_posix()), None)

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the log in {self._handle.where} has been closed")
        self._handle.check()


def cut_power(medium: Medium, tables: StoredTables) -> None:
    """What a power cut does to an environment: a lying disk takes commits back, and now and then a record is damaged."""
    strikes = medium.faults.strikes
    if tables.owed:
        if (random := strikes("power.commits")) is not None:
            tables.take_back(1 + random.below(len(tables.owed)))
            medium.lied = True
        if tables.owed and (random := strikes("disk.torn")) is not None:
            last = next((key for table, key, old in tables.owed[-1] if table == "turns" and old is None), None)
            value = tables.rows["turns"].values.get(last) if last is not None else None
            if last is not None and value:
                torn = bytearray(value)
                torn[random.below(len(torn))] ^= 1 + random.below(255)
                _damage(medium, tables, Damage(tables.directory, "turns", last, "torn"), bytes(torn))
        tables.owed.clear()
    turns = tables.rows["turns"]
    if len(turns.keys) > 1 and (random := strikes("disk.stale_page")) is not None:
        at = 1 + random.below(len(turns.keys) - 1)
        earlier, later = turns.values[turns.keys[random.below(at)]], turns.keys[at]
        if earlier != turns.values[later]:
            _damage(medium, tables, Damage(tables.directory, "turns", later, "stale"), earlier)
    # The last record is left alone: nothing that comes after it could tell.
    damaged = {damage.key for damage in medium.damaged if damage.directory == tables.directory}
    rewritten = [
        key
        for key in turns.keys[:-1]
        if key not in damaged and key in tables.replaced and tables.replaced[key] != turns.values[key]
    ]
    if rewritten and (random := strikes("disk.stale_rewrite")) is not None:
        key = random.choice((rewritten[-1], random.choice(rewritten)))  # the newest is not behind a snapshot yet
        _damage(medium, tables, Damage(tables.directory, "turns", key, "stale"), tables.replaced[key])


def _damage(medium: Medium, tables: StoredTables, damage: Damage, value: bytes) -> None:
    tables.rows[damage.table].put(damage.key, value)
    medium.forget_damage(damage.directory, damage.table, damage.key)
    medium.damaged.append(damage)
