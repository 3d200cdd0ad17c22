"""Turns a second under the simulation kernel: actors pass tokens on, and who goes next is drawn from the seed.

Bare, with the log, and as a scenario has them: on the simulated disk, with every checker on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import ABSENT, TIMES, Bench, Row, interleaved, median, ratios
from benchmarks.workload import partition
from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.session.behavior import BEHAVIORS as SESSION
from partita.actors.session.behavior import CARRIERS
from partita.events.preferences import DownloadPathSet, PreferencesState, SetDownloadPath, SetUserAgent
from partita.events.system import Tell
from partita.simulations.checkers import ALWAYS
from partita.simulations.checkers.decisions import DecidesTheSame
from partita.simulations.processes import watched_behaviors
from partita.simulations.stage import KernelStage
from partita.simulations.watch import Watch
from partita.simulations.world import DATA_DIR, World
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from partita.simulations.checker import Checker
    from partita.store.committer import Committer

WORKERS = 1_000
RUN_TURNS = 1_000
"""Turns of a run that is checked: what checkers do at its end is shared by so many."""

RUN_WORKERS = 100
"""Actors of such a run."""


class Uncommitted(SimulatedDispatcher):
    """Takes the turns and leaves them queued: what the log costs is left out until it is closed."""

    def drive(self, committer: Committer[Any]) -> None:
        pass

    def undrive(self, committer: Committer[Any]) -> None:
        committer.stop()

    def wait_if_possible(self, future: Future[Any]) -> None:
        """What a closing waits for is durable no sooner than it is closed."""


def pass_on(state: PreferencesState, message: SetUserAgent, ctx: Context) -> Decision:  # noqa: ARG001
    """A token, so many hops from its end, goes to the neighbor; the message says how many neighbors there are."""
    hops, _, workers = message.user_agent.partition("/")
    left = int(hops)
    seen = DownloadPathSet(f"{left:060}")
    if not left:
        return Decision((seen,))
    neighbor = (int(ctx.actor[-3:]) + 1) % int(workers)
    return Decision((seen,), (Tell(f"worker/{neighbor:03}", SetUserAgent(f"{left - 1}/{workers}")),))


def begin(state: PreferencesState, message: SetDownloadPath, ctx: Context) -> Decision:  # noqa: ARG001
    """A token for each worker."""
    token = SetUserAgent(message.path)
    workers = int(message.path.partition("/")[2])
    return Decision((), tuple(Tell(f"worker/{number:03}", token) for number in range(workers)))


def seen(state: PreferencesState, event: DownloadPathSet) -> PreferencesState:
    return PreferencesState(state.user_agent, state.accept_languages, event.path)


BEHAVIORS: Mapping[str, Behavior[Any]] = {
    "session": SESSION["session"],
    "starter": Behavior("starter", PreferencesState, {SetDownloadPath: begin}, {}),
    "worker": Behavior("worker", PreferencesState, {SetUserAgent: pass_on}, {DownloadPathSet: seen}),
}


class DecidesAsHere(DecidesTheSame):
    """By the rules of this workload."""

    rules = BEHAVIORS


CHECKERS: Sequence[Callable[[World], Checker]] = tuple(
    DecidesAsHere if checker is DecidesTheSame else checker for checker in ALWAYS
)


def tokens(running: Partition, workers: int, hops: int) -> None:
    """Start one at each worker, each for so many hops: as many turns."""
    running.tell(SetDownloadPath(f"{hops - 1}/{workers}"), to="starter")


def turn_us(kernel_class: type[SimulatedDispatcher], turns: int) -> float:
    """Microseconds a turn; the log is in memory."""
    kernel = kernel_class(seed=1)
    store = PartitionStore.in_memory(name="benchmark", random_bytes=os.urandom)
    hops = turns // WORKERS
    with partition(kernel, store, BEHAVIORS, kernel.clock) as running:
        tokens(running, WORKERS, 1)  # everybody is there
        kernel.run_until_idle()
        before = running.position
        tokens(running, WORKERS, hops)
        began = time.thread_time()
        kernel.run_until_idle()
        took_s = time.thread_time() - began
        taken = running.position - before
        assert taken == hops * WORKERS
    kernel.close()
    return took_s / taken * 1e6


def run_us(runs: int, checkers: Sequence[Callable[[World], Checker]]) -> float:
    """Microseconds a turn of whole runs: opened on the simulated disk, closed at its end, opened once more."""
    began = time.thread_time()
    for seed in range(runs):
        _run(seed, checkers)
    return (time.thread_time() - began) / (runs * RUN_TURNS) * 1e6


def _run(seed: int, checkers: Sequence[Callable[[World], Checker]]) -> None:
    world = World(seed)
    world.heal()
    stage = world.stage
    assert isinstance(stage, KernelStage)
    watch = Watch(world, checkers)
    rules = watched_behaviors(BEHAVIORS, world.faults, watch) if checkers else BEHAVIORS

    def opened() -> PartitionStore:
        folder = world.begin().folders.at(DATA_DIR / "Partitions" / "main")
        return PartitionStore.open_in(folder, name="main", random_bytes=world.entropy.random_bytes)

    with watch.looking():
        with partition(stage.kernel, opened(), rules, world.clock, CARRIERS) as running:
            watch.opened(running)
            before = running.position
            tokens(running, RUN_WORKERS, RUN_TURNS // RUN_WORKERS)
            stage.kernel.run_until_idle()
            assert running.position - before == RUN_TURNS
            watch.ended(running)
        with partition(stage.kernel, opened(), rules, world.clock, CARRIERS) as running:
            watch.opened(running)
    assert not watch.violations, watch.violations
    world.close()


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    turns = bench.sizes.simulated_turns
    runs = max(1, turns // RUN_TURNS // 5)
    figures = interleaved(
        bench.sizes.rounds,
        {
            "bare": lambda: turn_us(Uncommitted, turns),
            "log": lambda: turn_us(SimulatedDispatcher, turns),
            "unchecked": lambda: run_us(runs, ()),
            "checked": lambda: run_us(runs, CHECKERS),
        },
    )
    checked = ratios(figures["checked"], figures["log"])
    return [
        *(
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
                ("simulation-run", "a turn of a run of 1,000 on the simulated disk, unchecked", "unchecked", None),
                ("simulation-checked", "the same with all checkers, their last looks included", "checked", 50.0),
            )
        ),
        Row(
            name="simulation-checkers",
            what="a checked turn of a run of 1,000 / a turn with the log",
            ours=f"{median(figures['checked']):.1f} µs",
            peer=f"{median(figures['log']):.1f} µs",
            score=median(checked),
            unit=TIMES,
            better="lower",
            goal=2.0,
            rounds=checked,
        ),
    ]
