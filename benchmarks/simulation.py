"""Turns a second under the simulation kernel: 1,000 actors pass tokens on, and who goes next is drawn from the seed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import ABSENT, Bench, Row, interleaved, median
from benchmarks.workload import partition
from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.events.preferences import DownloadPathSet, PreferencesState, SetDownloadPath, SetUserAgent
from partita.events.system import Tell
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from partita.store.committer import Committer

WORKERS = 1_000


class Uncommitted(SimulatedDispatcher):
    """Takes the turns and leaves them queued: what the log costs is left out until it is closed."""

    def drive(self, committer: Committer[Any]) -> None:
        pass

    def undrive(self, committer: Committer[Any]) -> None:
        committer.stop()


def pass_on(state: PreferencesState, message: SetUserAgent, ctx: Context) -> Decision:  # noqa: ARG001
    """A token, so many hops from its end, goes to the neighbor."""
    left = int(message.user_agent)
    seen = DownloadPathSet(f"{left:060}")
    if not left:
        return Decision((seen,))
    neighbor = (int(ctx.actor[-3:]) + 1) % WORKERS
    return Decision((seen,), (Tell(f"worker/{neighbor:03}", SetUserAgent(str(left - 1))),))


def begin(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:  # noqa: ARG001
    """A token for each worker."""
    token = SetUserAgent(message.path)
    return Decision((), tuple(Tell(f"worker/{number:03}", token) for number in range(WORKERS)))


def seen(state: PreferencesState, event: DownloadPathSet) -> PreferencesState:
    return PreferencesState(state.user_agent, state.accept_languages, event.path)


BEHAVIORS: Mapping[str, Behavior[Any]] = {
    "session": Behavior("session", PreferencesState, {SetDownloadPath: begin}, {}),
    "worker": Behavior("worker", PreferencesState, {SetUserAgent: pass_on}, {DownloadPathSet: seen}),
}


def turn_us(kernel_class: type[SimulatedDispatcher], turns: int) -> float:
    """Microseconds a turn; the log is in memory."""
    kernel = kernel_class(seed=1)
    store = PartitionStore.in_memory(name="benchmark", random_bytes=os.urandom)
    hops = turns // WORKERS
    with partition(kernel, store, BEHAVIORS, kernel.clock) as running:
        running.call(SetDownloadPath("0"))  # everybody is there
        kernel.run_until_idle()
        before = running.position
        running.tell(SetDownloadPath(str(hops - 1)))
        began = time.perf_counter()
        kernel.run_until_idle()
        took_s = time.perf_counter() - began
        taken = running.position - before
        assert taken == hops * WORKERS
    kernel.close()
    return took_s / taken * 1e6


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    turns = bench.sizes.simulated_turns
    figures = interleaved(
        bench.sizes.rounds,
        {
            "bare": lambda: turn_us(Uncommitted, turns),
            "log": lambda: turn_us(SimulatedDispatcher, turns),
        },
    )
    return [
        Row(
            name=name,
            what=what,
            ours=f"{1e3 / median(figures[how]):.0f} k/s",
            peer=ABSENT,
            score=median(figures[how]),
            unit="µs",
            better="lower",
            goal=goal,
            rounds=figures[how],
        )
        for name, what, how, goal in (
            ("simulation-bare", "a turn under simulation, 1,000 actors, uncommitted", "bare", 5.0),
            ("simulation", "the same with the log, in memory", "log", 25.0),
        )
    ]
