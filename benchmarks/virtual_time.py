"""Sleeping and messaging in virtual time, beside simpy, looptime (asyncio) and trio's MockClock.

Everybody does the same: workers stand in rings of ten, in each ring a token goes round; who has it sleeps for a time of its
own, drawn beforehand, and passes it on. So many hops in all, and the same virtual time for everybody: it is compared.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections.abc import Callable, Generator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Final

from benchmarks.measuring import Bench, Row, compared, interleaved, not_installed
from benchmarks.simulation import Uncommitted
from benchmarks.workload import partition
from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.future import Future
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.kernel.world import Door
from partita.events.preferences import PreferencesState, SetUserAgent
from partita.events.types import Effect
from partita.store.partition import PartitionStore

RING: Final = 10
RINGS: Final = 100
LONGEST_US: Final = 10_000_000

Sleeps = list[list[float]]
"""For each ring, and each hop of its token: how long its holder sleeps, in seconds; whole microseconds."""


def drawn(hops: int) -> Sleeps:
    """So many hops in all, the same for everybody."""
    generator = random.Random(1)
    return [[generator.randrange(1, LONGEST_US) / 1e6 for _ in range(hops // RINGS)] for _ in range(RINGS)]


# -- ours ---------------------------------------------------------------------------------------------------------------


class Hold(Effect, frozen=True, tag="benchmark.hold/1"):
    """Sleep, then pass the token on."""

    ring: int
    hop: int


def hold(state: PreferencesState, message: SetUserAgent, ctx: Context) -> Decision:  # noqa: ARG001
    """The token has come: a turn, and an effect."""
    ring, _, hop = message.user_agent.partition("/")
    return Decision((), (Hold(int(ring), int(hop)),))


BEHAVIORS: Mapping[str, Behavior[Any]] = {
    kind: Behavior(kind, PreferencesState, {SetUserAgent: hold}, {}) for kind in ("session", "worker")
}


def actors(sleeps: Sleeps) -> float:
    """As actors of the simulation kernel: a turn a hop, whose effect sleeps and tells the next one. Virtual seconds."""
    kernel = Uncommitted(seed=1)
    arrived: Future[None] = Future()
    under_way = RINGS
    store = PartitionStore.in_memory(name="benchmark", random_bytes=os.urandom)

    async def carried(effect: Hold, door: Door) -> None:
        nonlocal under_way
        of_ring = sleeps[effect.ring]
        await kernel.clock.sleep(of_ring[effect.hop])
        following = effect.hop + 1
        if following < len(of_ring):
            worker = effect.ring * RING + following % RING
            door.tell(SetUserAgent(f"{effect.ring}/{following}"), to=f"worker/{worker}")
            return
        under_way -= 1
        if not under_way:
            arrived.set(None)

    with partition(kernel, store, BEHAVIORS, kernel.clock, {Hold: carried}) as running:
        for ring in range(RINGS):
            running.tell(SetUserAgent(f"{ring}/0"), to=f"worker/{ring * RING}")
        kernel.run_until(arrived)
        elapsed_s = kernel.clock.monotonic()
    kernel.close()
    return elapsed_s


class Inbox:
    """Of a coroutine of the simulation kernel."""

    def __init__(self) -> None:
        self._token: Future[int] = Future()

    def put(self, token: int) -> None:
        self._token.set(token)

    async def get(self) -> int:
        token = await self._token
        self._token = Future()
        return token


def coroutines(sleeps: Sleeps) -> float:
    """As coroutines of the simulation kernel, without actors: what the others are given. Virtual seconds."""
    kernel = SimulatedDispatcher(seed=1)
    arrived: Future[None] = Future()
    under_way = RING * RINGS
    inboxes = [Inbox() for _ in range(RING * RINGS)]

    async def worker(number: int) -> None:
        nonlocal under_way
        ring, place = divmod(number, RING)
        of_ring, inbox, neighbor = sleeps[ring], inboxes[number], inboxes[ring * RING + (place + 1) % RING]
        for _ in range(place, len(of_ring), RING):
            hop = await inbox.get()
            await kernel.clock.sleep(of_ring[hop])
            if hop + 1 < len(of_ring):
                neighbor.put(hop + 1)
        under_way -= 1
        if not under_way:
            arrived.set(None)

    for number in range(RING * RINGS):
        kernel.carry_out(lambda number=number: worker(number), "worker")  # type: ignore[misc]
    for ring in range(RINGS):
        inboxes[ring * RING].put(0)
    kernel.run_until(arrived)
    kernel.close()
    return kernel.clock.monotonic()


# -- theirs -------------------------------------------------------------------------------------------------------------


def with_simpy(sleeps: Sleeps) -> float:
    """As processes and stores of simpy. Virtual seconds."""
    import simpy

    environment = simpy.Environment()
    stores = [simpy.Store(environment) for _ in range(RING * RINGS)]

    def worker(number: int) -> Generator[Any, Any, None]:
        ring, place = divmod(number, RING)
        of_ring, store, neighbor = sleeps[ring], stores[number], stores[ring * RING + (place + 1) % RING]
        for _ in range(place, len(of_ring), RING):
            hop = yield store.get()
            yield environment.timeout(of_ring[hop])
            if hop + 1 < len(of_ring):
                neighbor.put(hop + 1)

    for number in range(RING * RINGS):
        environment.process(worker(number))
    for ring in range(RINGS):
        stores[ring * RING].put(0)
    environment.run()
    return float(environment.now)


def with_looptime(sleeps: Sleeps) -> float:
    """As tasks and queues of asyncio, on looptime's loop. Virtual seconds."""
    looptime: Any = import_module("looptime")  # untyped

    async def main() -> float:
        queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(RING * RINGS)]

        async def worker(number: int) -> None:
            ring, place = divmod(number, RING)
            of_ring, queue, neighbor = sleeps[ring], queues[number], queues[ring * RING + (place + 1) % RING]
            for _ in range(place, len(of_ring), RING):
                hop = await queue.get()
                await asyncio.sleep(of_ring[hop])
                if hop + 1 < len(of_ring):
                    neighbor.put_nowait(hop + 1)

        for ring in range(RINGS):
            queues[ring * RING].put_nowait(0)
        await asyncio.gather(*(worker(number) for number in range(RING * RINGS)))
        return asyncio.get_running_loop().time()

    loop = looptime.new_event_loop(start=0)
    try:
        return float(loop.run_until_complete(main()))
    finally:
        loop.close()


def with_trio(sleeps: Sleeps) -> float:
    """As tasks and memory channels of trio, on its MockClock. Virtual seconds."""
    import trio
    import trio.testing

    async def main() -> float:
        channels = [trio.open_memory_channel[int](1) for _ in range(RING * RINGS)]

        async def worker(number: int) -> None:
            ring, place = divmod(number, RING)
            of_ring, inbox, outbox = sleeps[ring], channels[number][1], channels[ring * RING + (place + 1) % RING][0]
            for _ in range(place, len(of_ring), RING):
                hop = await inbox.receive()
                await trio.sleep(of_ring[hop])
                if hop + 1 < len(of_ring):
                    outbox.send_nowait(hop + 1)

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for ring in range(RINGS):
                channels[ring * RING][0].send_nowait(0)
            for number in range(RING * RINGS):
                nursery.start_soon(worker, number)
        return trio.current_time() - began

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


OURS: Final[Mapping[str, Callable[[Sleeps], float]]] = {"actors": actors, "coroutines": coroutines}
PEERS: Final[Mapping[str, tuple[str, Callable[[Sleeps], float]]]] = {
    "simpy": ("simpy", with_simpy),
    "looptime": ("looptime on asyncio", with_looptime),
    "trio": ("trio's MockClock", with_trio),
}


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    sleeps = drawn(bench.sizes.hops)
    hops = RINGS * len(sleeps[0])
    virtual_s = max(map(math.fsum, sleeps))
    absent: set[str] = set()

    def per_second(run: Callable[[Sleeps], float]) -> float:
        began = time.thread_time()
        took_virtual_s = run(sleeps)
        rate = hops / (time.thread_time() - began)
        assert math.isclose(took_virtual_s, virtual_s, rel_tol=1e-6), f"{took_virtual_s} s instead of {virtual_s}"
        return rate

    contenders: dict[str, Callable[[Sleeps], float]] = dict(OURS)
    for name, (_, run) in PEERS.items():
        try:
            run(drawn(RINGS))
        except ImportError:
            absent.add(name)
        else:
            contenders[name] = run
    figures = interleaved(bench.sizes.rounds, {name: partial(per_second, run) for name, run in contenders.items()})
    found = []
    for ours, what in (
        ("actors", "a hop of actors, each a turn and an effect"),
        ("coroutines", "the same of coroutines"),
    ):
        for name, (title, _) in PEERS.items():
            label = f"{what} / {title}"
            row = f"hops-{ours}-{name}"
            if name in absent:
                found.append(not_installed(row, label))
            else:
                found.append(compared(row, label, figures, ours=ours, peer=name))
    return found
