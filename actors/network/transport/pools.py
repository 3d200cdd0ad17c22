"""Which connection a request gets. No I/O: who is told to dial does so elsewhere.

A *group* holds the connections to one origin of one pool. A connection of it is idle, in use, or being dialed; together they
are at most ``per_host``, and those of all groups at most ``total``. A request takes the connection that became idle last, else
a *place*, which is the right to dial. Where there is neither it waits, first come, first served:

    a group at its own limit      waits for one of its own connections
    a group with room             starves: all places are taken by others, and no connection is idle anywhere. Starving
                                  groups get the places that become free by turns, and one that waits for longer than a
                                  group's own requests gets the place of its connection.

So nobody waits while a connection is idle that could be used or closed. Each step costs the same however many wait.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, Protocol

import outcome
import trio

from partita.actors.network.http import NetError
from partita.actors.network.transport.limits import Limits, Statistics
from partita.actors.network.transport.requests import Origin

Key = tuple[str, Origin]
"""A pool and an origin."""


class Pooled(Protocol):
    """What the pools know of a connection."""

    group: Group
    idle_since: float
    closed: bool

    def is_spoiled(self) -> bool:
        """Whether the server has closed it, or has said something unasked, while it was idle."""
        ...

    def close(self) -> None:
        """Let it go at once."""
        ...

    def abort(self) -> None:
        """The same; what is under way on it fails with ``ERR_ABORTED``."""
        ...


class _Waiting:
    """A request that waits. ``number``: who came first."""

    __slots__ = ("fresh", "number", "task")

    def __init__(self, task: trio.lowlevel.Task, number: int, *, fresh: bool) -> None:
        self.task = task
        self.number = number
        self.fresh = fresh


class Group:
    """The connections to one origin of one pool. ``places`` counts all of them, those that are being dialed as well."""

    __slots__ = ("busy", "dialing", "idle", "key", "places", "waiting")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.places = 0
        self.idle: deque[Pooled] = deque()
        self.busy: dict[Pooled, None] = {}
        self.dialing: dict[trio.CancelScope, None] = {}
        self.waiting: OrderedDict[_Waiting, None] = OrderedDict()


class Pools:
    """All connections of a network, by pool and origin."""

    def __init__(self, limits: Limits) -> None:
        self.limits: Final = limits
        self.opened = 0
        self.reused = 0
        self._groups: dict[Key, Group] = {}
        self._places = 0
        self._idle: OrderedDict[Pooled, None] = OrderedDict()
        """Those of all groups, the one that is idle the longest first."""
        self._starving: OrderedDict[Group, None] = OrderedDict()
        self._numbers = 0

    @property
    def has_idle(self) -> bool:
        """Whether a connection is idle."""
        return bool(self._idle)

    # -- to get one -----------------------------------------------------------------------------------------------------

    def group(self, key: Key) -> Group:
        """The group of that key. One that holds nothing is forgotten."""
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key)
        return group

    def take(self, group: Group, *, fresh: bool = False) -> Pooled | bool:
        """A connection that was idle; True for a place; False when the request has to wait. ``fresh``: none but a place."""
        if group.waiting:
            return False
        while group.idle and not fresh:
            connection = group.idle.pop()
            del self._idle[connection]
            if not connection.is_spoiled():
                self._use(connection)
                return connection
            self._drop(connection)
        if group.places >= self.limits.per_host and group.idle:
            self._close_idle(group.idle[0])
        if group.places >= self.limits.per_host:
            return False
        if self._places >= self.limits.total:
            if not self._idle:
                return False
            oldest = next(iter(self._idle))
            self._close_idle(oldest)
            if oldest.group is not group:
                self._forget(oldest.group)
        group.places += 1
        self._places += 1
        return True

    async def wait(self, group: Group, *, fresh: bool = False) -> Pooled | None:
        """Wait in line for a connection; None for a place."""
        self._numbers += 1
        waiting = _Waiting(trio.lowlevel.current_task(), self._numbers, fresh=fresh)
        group.waiting[waiting] = None
        if group.places < self.limits.per_host:
            self._starving[group] = None

        def abort(_: object) -> trio.lowlevel.Abort:
            del group.waiting[waiting]
            if not group.waiting:
                self._starving.pop(group, None)
                self._forget(group)
            return trio.lowlevel.Abort.SUCCEEDED

        got: Pooled | None = await trio.lowlevel.wait_task_rescheduled(abort)
        return got

    def connected(self, connection: Pooled, *, idle_since: float | None = None) -> None:
        """A place has become a connection, in use; with ``idle_since``, one that nobody uses yet."""
        self.opened += 1
        connection.group.busy[connection] = None
        if idle_since is not None:
            self.release(connection, idle_since)

    def give_up(self, group: Group) -> None:
        """A place is not wanted any more: dialing has failed."""
        group.places -= 1
        self._places -= 1
        self._place_is_free(group)

    # -- to give it back ------------------------------------------------------------------------------------------------

    def release(self, connection: Pooled, now: float) -> None:
        """It can be used again."""
        group = connection.group
        if connection.closed:
            return
        if not group.waiting and not self._starving:
            del group.busy[connection]
            connection.idle_since = now
            group.idle.append(connection)
            self._idle[connection] = None
            return
        first = next(iter(group.waiting), None)
        if first is None or first.fresh or self._somebody_waits_longer(group, first):
            self.discard(connection)
            return
        del group.waiting[first]
        if not group.waiting:
            self._starving.pop(group, None)
        self.reused += 1
        trio.lowlevel.reschedule(first.task, outcome.Value(connection))

    def discard(self, connection: Pooled) -> None:
        """It is of no use any more."""
        if connection.closed:
            return
        group = connection.group
        group.busy.pop(connection, None)
        self._drop(connection)
        self._place_is_free(group)

    def expire(self, now: float) -> float | None:
        """Close what has been idle for too long; when to look again, None when nothing is idle."""
        while self._idle:
            oldest = next(iter(self._idle))
            until = oldest.idle_since + self.limits.idle_s
            if until > now:
                return until
            self._close_idle(oldest)
            self._forget(oldest.group)
        return None

    def abort(self, pool: str | None) -> None:
        """Close all connections of a pool (None: of all), and fail what waits for one."""
        for group in [group for group in self._groups.values() if pool is None or group.key[0] == pool]:
            waiting = list(group.waiting)
            group.waiting.clear()
            self._starving.pop(group, None)
            for one in waiting:
                aborted = NetError("ERR_ABORTED", "all connections were closed")
                trio.lowlevel.reschedule(one.task, outcome.Error(aborted))
            while group.idle:
                self._close_idle(group.idle[0])
            for connection in list(group.busy):
                connection.abort()  # whoever uses it gives it back
            for scope in list(group.dialing):
                scope.cancel()
            self._forget(group)
        self._feed_starving()

    def statistics(self) -> Statistics:
        """What there is."""
        groups = self._groups.values()
        in_use = sum(len(group.busy) for group in groups)
        return Statistics(
            dialing=self._places - in_use - len(self._idle),
            in_use=in_use,
            idle=len(self._idle),
            waiting=sum(len(group.waiting) for group in groups),
            opened=self.opened,
            reused=self.reused,
        )

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _use(self, connection: Pooled) -> None:
        connection.group.busy[connection] = None
        self.reused += 1

    def _close_idle(self, connection: Pooled) -> None:
        """Close an idle one; who gets its place is the caller's to say."""
        connection.group.idle.remove(connection)  # the oldest of its group, which stands first
        del self._idle[connection]
        self._drop(connection)

    def _drop(self, connection: Pooled) -> None:
        connection.close()
        connection.closed = True
        connection.group.places -= 1
        self._places -= 1

    def _somebody_waits_longer(self, group: Group, than: _Waiting) -> bool:
        """Whether the starving group that is next has waited for longer than the first of this one."""
        starving = next(iter(self._starving), group)
        return starving is not group and next(iter(starving.waiting)).number < than.number

    def _place_is_free(self, group: Group) -> None:
        if group.waiting:
            self._starving[group] = None
        self._feed_starving()
        self._forget(group)

    def _feed_starving(self) -> None:
        """Give free places to those that wait for one, by turns."""
        while self._starving and self._places < self.limits.total:
            group, _ = self._starving.popitem(last=False)
            first, _ = group.waiting.popitem(last=False)
            group.places += 1
            self._places += 1
            if group.waiting and group.places < self.limits.per_host:
                self._starving[group] = None
            trio.lowlevel.reschedule(first.task, outcome.Value(None))

    def _forget(self, group: Group) -> None:
        if not group.places and not group.waiting:
            self._groups.pop(group.key, None)
