"""Whoever asks for a connection, gives one back, gives up or is aborted: what must hold of the pools holds after each step."""

from __future__ import annotations

from typing import Literal

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.network.http import NetError
from partita.actors.network.transport.limits import Limits
from partita.actors.network.transport.pools import Group, Pools
from partita.actors.network.transport.requests import origin_of

ORIGINS = [origin_of(f"http://{name}.test") for name in "abc"]


class Connection:
    """A connection without a stream."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.idle_since = 0.0
        self.closed = False
        self.spoiled = False
        self.aborted = False
        self.closings = 0

    def is_spoiled(self) -> bool:
        return self.spoiled

    def close(self) -> None:
        self.closings += 1

    def abort(self) -> None:
        self.aborted = True


class Requests:
    """Requests at the pools, each a task that holds what it got until it is told otherwise."""

    def __init__(self, limits: Limits, nursery: trio.Nursery) -> None:
        self.pools = Pools(limits)
        self.nursery = nursery
        self.made: list[Connection] = []
        self.held: list[Connection] = []
        self.waiting: list[trio.CancelScope] = []
        self.served: list[int] = []
        self.aborted = 0
        self.now = 0.0

    async def request(self, key: tuple[str, int], number: int, fresh: bool) -> None:
        group = self.pools.group((key[0], ORIGINS[key[1]]))
        got = self.pools.take(group, fresh=fresh)
        connection: object = got
        if got is False:
            with trio.CancelScope() as scope:
                self.waiting.append(scope)
                try:
                    connection = await self.pools.wait(group, fresh=fresh) or True
                except NetError:
                    self.aborted += 1
                    return
                finally:
                    self.waiting.remove(scope)
            if scope.cancelled_caught:
                return
        if connection is True:
            connection = Connection(group)
            self.made.append(connection)
            self.pools.connected(connection)
        assert isinstance(connection, Connection)
        assert not connection.closed
        assert connection.group is group
        assert not fresh or connection is self.made[-1]
        self.held.append(connection)
        self.served.append(number)

    def check(self, limits: Limits) -> None:
        there = self.pools.statistics()
        assert there.in_use == len(self.held)
        assert there.dialing == 0
        assert there.waiting == len(self.waiting)
        assert there.in_use + there.idle <= limits.total
        open_now = [connection for connection in self.made if not connection.closed]
        assert len(open_now) == there.in_use + there.idle
        assert all(connection.closings == connection.closed for connection in self.made if not connection.aborted)
        by_group: dict[Group, int] = {}
        for connection in open_now:
            by_group[connection.group] = by_group.get(connection.group, 0) + 1
        assert all(count == group.places <= limits.per_host for group, count in by_group.items())
        groups = set(self.pools._groups.values())
        assert all(group.places or group.waiting for group in groups), "empty groups are forgotten"
        for group in groups:
            if group.waiting:
                assert not group.idle
                blocked = group.places == limits.per_host or (there.in_use == limits.total and not there.idle)
                assert blocked, "somebody waits who need not"


Step = tuple[Literal["ask", "ask fresh", "give back", "drop", "stop waiting", "spoil", "expire", "abort"], int, int]
STEPS = st.tuples(
    st.sampled_from(
        ["ask", "ask", "ask", "ask fresh", "give back", "give back", "drop", "stop waiting", "spoil", "expire", "abort"]
    ),
    st.integers(0, 5),
    st.integers(0, 30),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=60), st.integers(1, 3), st.integers(1, 5))
def test_the_pools_keep_their_promises(steps: list[Step], per_host: int, total: int) -> None:
    limits = Limits(per_host=per_host, total=total, idle_s=5)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            requests = Requests(limits, nursery)
            pools = requests.pools
            for number, (what, where, which) in enumerate(steps):
                requests.now += 1
                key = ("xy"[where % 2], where // 2)
                held = requests.held
                if what.startswith("ask"):
                    nursery.start_soon(requests.request, key, number, what == "ask fresh")
                elif what == "give back" and held:
                    pools.release(held.pop(which % len(held)), requests.now)
                elif what == "drop" and held:
                    pools.discard(held.pop(which % len(held)))
                elif what == "stop waiting" and requests.waiting:
                    requests.waiting[which % len(requests.waiting)].cancel()
                elif what == "spoil" and requests.made:
                    requests.made[which % len(requests.made)].spoiled = True
                elif what == "expire":
                    until = pools.expire(requests.now)
                    assert until is None or until > requests.now
                elif what == "abort":
                    pools.abort(key[0])
                    for connection in [connection for connection in held if connection.aborted]:
                        held.remove(connection)
                        pools.discard(connection)
                await trio.testing.wait_all_tasks_blocked()
                requests.check(limits)
            while requests.held:
                pools.release(requests.held.pop(), requests.now)
                await trio.testing.wait_all_tasks_blocked()
            assert not requests.waiting, "everybody is served in the end"
            pools.abort(None)
            requests.check(limits)
            assert not pools._groups

    trio.run(main)


@pytest.mark.parametrize("count", [1000])
def test_those_that_wait_are_served_in_order_whatever_they_ask_for(count: int) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            requests = Requests(Limits(per_host=1, total=1), nursery)
            for number in range(count):
                nursery.start_soon(requests.request, ("x", 0), number, number % 3 == 0)
                await trio.testing.wait_all_tasks_blocked()
            for number in range(count):
                requests.pools.release(requests.held.pop(), number)
                await trio.testing.wait_all_tasks_blocked()
            assert requests.served == list(range(count))

    trio.run(main)
