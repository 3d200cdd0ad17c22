"""``partita.World``: a program against partita in a simulated world; and the scenarios that partita itself is tested by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.actors.session.behavior import BEHAVIORS, CARRIERS
from partita.simulations import world as simulated
from partita.simulations.audit import refusing
from partita.simulations.checkers import ALWAYS
from partita.simulations.life import Crash, Dead
from partita.simulations.outcome import Level, Outcome, Plan, Violation
from partita.simulations.processes import watched_behaviors, watched_carriers
from partita.simulations.run import run
from partita.simulations.scenario import scenarios
from partita.simulations.watch import Watch
from partita.store.partition import PartitionStore
from partita.system import System

__all__ = ["CheckFailed", "World", "run_seed", "scenario_names"]


class CheckFailed(AssertionError):
    """A checker complained. ``violations``: of what."""

    def __init__(self, seed: int, violations: list[Violation]) -> None:
        lines = [f"{violation.checker}: {violation.what}" for violation in violations]
        super().__init__(f"with the seed {seed}:\n" + "\n".join(lines))
        self.violations = violations


class _WatchedSystem(System):
    """Shows the checkers each partition when it is opened, and when it is about to be closed."""

    def __init__(self, watch: Watch, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch

    def adopt(self, store: PartitionStore, kernel: Kernel | None = None) -> Partition:
        partition = super().adopt(store, kernel)
        self._watch.opened(partition)
        partition.on_close(lambda: self._watch.ended(partition))
        return partition


class World(simulated.World):
    """A simulated world for a program of one's own: hosts, a disk, time, chance, and all that goes wrong.

    ::

        world = World(seed=7)

        @world.host("shop.test")
        def shop(request):
            return {"items": 3}

        with world.system() as system:
            session = system.from_partition("persist:shop")
            session.fetch("https://shop.test/").get()
        world.check()

    Everything runs on the calling thread: ``future.get()`` lets virtual time go on. Written so, a process never crashes; with
    :meth:`run` it does, and is begun again. ``quiet``: nothing goes wrong at all.
    """

    def __init__(self, seed: int, *, level: Level = "kernel", quiet: bool = False) -> None:
        super().__init__(seed, level=level)
        self._watch = Watch(self, ALWAYS)
        self._looking = self._watch.looking()
        self._looking.__enter__()
        self._systems: list[System] = []
        self._closed = False
        if quiet:
            self.heal()
        else:
            self.faults.hold("crash.")

    def host(self, name: str, app: Callable[..., Any] | None = None) -> Any:
        """Put up a host: a function of an ``httpx.Request``, async or not, or an ASGI application; a decorator without one.

        It returns an ``httpx.Response``, or a text, bytes, a dict (as JSON), or None (404).
        """
        return self.internet.host(name) if app is None else self.internet.host(name, app)

    def system(self, **options: Any) -> System:
        """A ``partita.System`` in this world, for a program that runs on this thread. ``options`` are its own."""
        stage = self.stage
        kernel = getattr(stage, "kernel", None)
        if kernel is None:
            raise TypeError("at the level of trio a program is async: give it to world.run()")
        return self._system(kernel, options)

    def _system(self, kernel: Kernel, options: dict[str, Any]) -> System:
        every = int(self.knobs.settings["snapshot.every_turns"])
        system = _WatchedSystem(
            self._watch,
            data_dir=simulated.DATA_DIR,
            world=self.begin(),
            kernel=kernel,
            behaviors=watched_behaviors(BEHAVIORS, self.faults, self._watch),
            carriers=watched_carriers(CARRIERS, self.faults, self._watch, self.stage.clock.sleep),
            **{"snapshot_every_turns": every, **options},
        )
        self._systems.append(system)
        return system

    def run(self, program: Callable[[System], Awaitable[None]], **options: Any) -> None:
        """Run ``await program(system)`` as a process: when it crashes it is begun again, on the disk that it left.

        Its own exceptions come out. Once it has come to its end, nothing goes wrong any more.
        """
        self.faults.release()
        ended = False

        async def process(kernel: Kernel) -> None:
            nonlocal ended
            system = self._system(kernel, options)
            await program(system)
            self.heal()
            system.close()
            ended = True

        while not ended:
            try:
                with refusing(level=self.level):
                    self.stage.live(process)
            except (Crash, Dead) as ending:
                crash = ending if isinstance(ending, Crash) else self.life.crash
                assert crash is not None, "only who has crashed is dead"
                self.crash(crash.kind)
                self._watch.crashed(crash.kind)

    def check(self) -> None:
        """Raise :class:`CheckFailed` when a checker has complained, of what is open now included."""
        for system in self._systems:
            for partition in system.partitions:
                self._watch.opened(partition)
        if self._watch.violations:
            raise CheckFailed(self.seed, self._watch.violations)

    def close(self) -> None:
        """End it. May be called twice."""
        if not self._closed:
            self._closed = True
            super().close()
            self._looking.__exit__(None, None, None)


def scenario_names() -> list[tuple[str, str]]:
    """The scenarios that there are, sorted: name, and what happens in it."""
    return [(scenario.name, scenario.summary) for scenario in scenarios().values()]


def run_seed(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Run a scenario with a seed; ``log_path``: where the log of its main partition is exported to.

    Raises :class:`KeyError` for a scenario that there is not.
    """
    return run(scenario, seed, System, level=level, plan=plan, log_path=log_path)
