"""``partita.World``: a program against partita in a simulated world; and the scenarios that partita itself is tested by."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from partita.actors.kernel.carrying import EffectDefect
from partita.actors.kernel.future import UnobservedFailure
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.partition import Partition
from partita.actors.session.behavior import BEHAVIORS, CARRIERS
from partita.emitter import ListenerFailed
from partita.events import points
from partita.events.errors import UsageError
from partita.simulations import world as simulated
from partita.simulations.audit import refusing
from partita.simulations.checkers import ALWAYS, WHEN_ALL_IS_DONE
from partita.simulations.clock import SimulatedClock
from partita.simulations.devices.bus import Bus
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.disk.disk import Disk
from partita.simulations.faults import Fault, Faults
from partita.simulations.internet import Internet
from partita.simulations.knobs import Knobs, drawn
from partita.simulations.lasting import lasting
from partita.simulations.life import Crash, CrashKind, Dead, Life
from partita.simulations.outcome import Level, Outcome, Plan, Violation
from partita.simulations.processes import watched_behaviors, watched_carriers
from partita.simulations.run import MOST_CRASHES, run
from partita.simulations.scenario import scenarios
from partita.simulations.stage import KernelStage
from partita.simulations.watch import Watch
from partita.store.partition import PartitionStore
from partita.system import System

__all__ = ["CheckFailed", "World", "run_seed", "scenario_names"]

T = TypeVar("T")

FAULTS: Final[Mapping[str, float]] = {**simulated.FAULTS, "crash.here": 0.5}
"""All that can go wrong in a world, each with its highest odds. ``crash.here``: where a program says :meth:`World.may_crash`."""

OF_PARTITA_ITSELF: Final = ("defect.", "outcome.", "disk.torn", "disk.stale_")
"""Faults that a user's program need not meet: defects of partita's own rules, and a disk that spoils what it has stored."""

SETTLES_S: Final = 3600.0
"""So long, in virtual seconds, effects have to come to their end when a program has."""

_QUIET: Final = {"clock.drift_ppm": 0.0, "clock.skew_s": 0.0}
_OF_USERS: Final = {"disk.lies": 0.0, "version.old": 0.0}


class CheckFailed(AssertionError):
    """A checker complained: partita broke a promise, or a listener raised. ``violations``: of what; ``struck``: the faults."""

    def __init__(self, seed: int, violations: Iterable[Violation], struck: Iterable[Fault] = ()) -> None:
        self.violations = tuple(violations)
        self.struck = tuple(struck)
        lines = [f"{violation.checker}: {violation.what}" for violation in self.violations]
        super().__init__("\n".join([f"with the seed {seed}:", *lines, f"struck before that: {_told(self.struck)}"]))


class World:
    """A simulated world for a program of one's own: hosts, a disk, time, chance, and all that goes wrong, drawn from ``seed``.

    ::

        with World(seed=7) as world:

            @world.host("shop.test")
            def shop(request):
                return {"items": 3}

            with world.system() as system:
                session = system.from_partition("persist:shop")
                assert session.fetch("https://shop.test/").get().json() == {"items": 3}
            world.check()

    Two ways to run a program. With :meth:`system` it is plain code on the calling thread: ``future.get()`` and
    :meth:`run_for` let virtual time go on, and the process ends where the code says :meth:`crash`. With :meth:`run` it is an
    async function, at both levels; its process crashes when the seed says so, and is begun again.

    ``level``: ``"kernel"``, or ``"trio"`` for the live kernel and HTTP stack in virtual time (only with :meth:`run`).
    ``faults``: what may go wrong. By default the seed draws from all that a program has to expect; names, or beginnings of
    names (``["network.", "crash."]``): it draws from these; a mapping (``{"network.reset": 0.3}``): exactly these, so likely
    each time they could. ``without``: beginnings of names to leave out. ``quiet``: nothing goes wrong, and the clock is right.
    ``settings``: values in place of drawn ones (``{"network.latency_s": 0.2}``).

    Raises :class:`ValueError` for a fault or a setting that there is not, and :class:`UsageError` while another world is open.
    """

    internet: Internet
    """Its hosts: ``world.internet.down("shop.test")``, ``up``; ``requests``, which they saw; ``served``."""
    clock: SimulatedClock
    """``now_us()`` is the wall clock as the program sees it, ``jump(seconds)`` sets it, ``monotonic()`` are virtual seconds."""
    disk: Disk
    """``world.disk.content("/downloads/report.pdf")``, ``paths()``."""
    bus: Bus
    """What is plugged in: ``world.bus.plugged``; ``carried``, the operations that reached a device."""
    faults: Faults
    """``world.faults.struck``: what went wrong so far, in order."""
    knobs: Knobs
    """What the seed drew: ``odds`` of the faults, ``settings``; ``print(world.knobs.told())``."""

    def __init__(
        self,
        seed: int,
        *,
        level: Level = "kernel",
        faults: Mapping[str, float] | Collection[str] | None = None,
        without: str | Collection[str] = (),
        quiet: bool = False,
        settings: Mapping[str, float] | None = None,
    ) -> None:
        if quiet and faults:
            raise ValueError("quiet=True is a world without faults: leave out one of the two")
        knobs = _knobs(seed, {} if quiet else faults, (without,) if isinstance(without, str) else tuple(without))
        fixed = _known({**_OF_USERS, **(_QUIET if quiet else {}), **(settings or {})}, simulated.SETTINGS, "setting")
        self.seed = seed
        self.level: Level = level
        self.knobs = Knobs(knobs.odds, {**knobs.settings, **fixed})
        self._world = simulated.World(seed, level=level, knobs=self.knobs)
        self.internet = self._world.internet
        self.clock = self._world.clock
        self.disk = self._world.disk
        self.bus = self._world.bus
        self.faults = self._world.faults
        self.host = self.internet.host
        """Put up a host: a function of an ``httpx.Request`` or an ASGI app; see :meth:`Internet.host`."""
        self._watch = Watch(self._world, [checker for checker in ALWAYS if checker not in WHEN_ALL_IS_DONE])
        self._systems: list[_WatchedSystem] = []
        self._running = False
        self._open = ExitStack()
        self.faults.hold("crash.")
        try:
            self._begin_to_look()
        except BaseException:
            self.close()
            raise

    # -- running a program ------------------------------------------------------------------------------------------

    def system(self, **options: Any) -> System:
        """A process begins: its ``partita.System``, for a program on this thread. ``options`` are the system's own."""
        stage = self._world.stage
        if self._running:
            raise UsageError("world.system() inside of world.run(): the program has been given its system")
        if not isinstance(stage, KernelStage):
            raise UsageError("at the level of trio a program is async: give it to world.run()")
        return self._system(stage.kernel, options)

    def run(self, program: Callable[[System], Awaitable[T]], **options: Any) -> T:
        """Run ``await program(system)`` as a process, to its end; what it returns.

        When the process crashes it is begun again, on the disk that it left; after some crashes it is spared. The program
        awaits futures of partita and :meth:`sleep`. What it raises comes out, and so does ``Stuck`` when it waits for what
        can never come; reaching for the real clock, files or sockets is refused (``Refused``). While the process ends in order,
        nothing goes wrong.
        """
        results: list[T] = []

        async def process(kernel: Kernel) -> None:
            system = self._system(kernel, options)
            result = await program(system)
            await self._close_in_peace(system)
            results.append(result)

        self.faults.release()
        self._running = True
        try:
            while not results:
                try:
                    with refusing(level=self.level):
                        self._world.stage.live(process)
                except (Crash, Dead) as ending:
                    crash = ending if isinstance(ending, Crash) else self._world.life.crash
                    assert crash is not None, "only who has crashed is dead"
                    self._crashed(crash.kind)
                    if self.crashes >= MOST_CRASHES:
                        self.faults.spare("crash.")
        finally:
            self._running = False
            self.faults.hold("crash.")
        return results[0]

    async def sleep(self, seconds: float) -> None:
        """In a program of :meth:`run`: do nothing for so many virtual seconds."""
        await self._world.stage.clock.sleep(seconds)

    def run_for(self, seconds: float) -> None:
        """In a program on this thread: let this much virtual time pass."""
        stage = self._world.stage
        if self._running or not isinstance(stage, KernelStage):
            raise UsageError("run_for() is for a program on this thread: in one of world.run(), await world.sleep(...)")
        stage.kernel.run_for(seconds)

    def crash(self, kind: CrashKind = "kill") -> None:
        """The process ends here and now: killed, or by a power cut (``"power"``), which may take what was not synced.

        A program of :meth:`run` does not come back from this, and is begun again (:attr:`crashes` tells how often it was). One
        on this thread goes on with another :meth:`system`; what it has of the old one is dead.
        """
        if self._running:
            raise self._world.life.end(Crash(kind, "world.crash()"))
        stage = self._world.stage
        assert isinstance(stage, KernelStage), "there is no other outside of run()"
        stage.kernel.crash()
        self._crashed(kind)

    def may_crash(self) -> None:
        """The process may crash here, when the seed says so: the fault ``crash.here``. In a program of :meth:`run` only."""
        if (random := self.faults.strikes("crash.here")) is not None:
            raise self._world.life.end(Crash(random.choice(["kill", "power"]), "world.may_crash()"))

    @property
    def crashes(self) -> int:
        """How often the process has crashed."""
        return self._world.crashes

    def heal(self) -> None:
        """Nothing goes wrong from here on."""
        self._world.heal()

    # -- devices ----------------------------------------------------------------------------------------------------

    def plug(self, device: SimulatedDevice) -> None:
        """Plug a device in: one of a subclass of ``SimulatedDevice``, which answers as hardware does. It outlives processes.

        Raises :class:`ValueError` when something is plugged in under its key.
        """
        self.bus.plug(device)

    def unplug(self, key: str) -> SimulatedDevice | None:
        """Pull it out, whatever is going on with it; returns it, None when nothing is plugged in under that key."""
        return self.bus.unplug(key)

    # -- what came of it --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise :class:`CheckFailed` when a checker has complained, of what is open now included."""
        stage = self._world.stage
        if not self._running and isinstance(stage, KernelStage):
            stage.kernel.settle()
        for system in self._systems:
            for partition in () if system.dead else system.partitions:
                self._watch.ended(partition)
        if self._watch.violations:
            raise CheckFailed(self.seed, self._watch.violations, self.faults.struck)

    def told(self) -> str:
        """On one line, what went wrong so far: for the report of a test that failed."""
        return f"{_told(self.faults.struck)}; crashes: {self.crashes}"

    def close(self) -> None:
        """End it, and every process in it. May be called twice."""
        for system in self._systems:
            system.disown()
        self._systems.clear()
        self._world.close()
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _begin_to_look(self) -> None:
        """Points in production code ask this world, and warnings of defects are complaints."""
        before = points.watch(self._world)
        self._open.callback(points.watch, before)
        if isinstance(before, simulated.World):
            raise UsageError(
                f"the world of seed {before.seed} is still open: close it before the next one (`with World(...)`)"
            )
        self._open.enter_context(warnings.catch_warnings())
        show = warnings.showwarning
        for category in (EffectDefect, ListenerFailed, UnobservedFailure):
            warnings.filterwarnings("always", category=category)

        def warned(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
            if issubclass(category, (EffectDefect, ListenerFailed)):
                if any(not system.ending and not system.dead for system in self._systems):
                    self._watch.complain("defects", str(message))
            elif self._world.life.alive or not issubclass(category, UnobservedFailure):
                show(message, category, *where, **options)  # what a dead process leaves behind concerns nobody

        warnings.showwarning = warned

    def _system(self, kernel: Kernel, options: dict[str, Any]) -> _WatchedSystem:
        world = self._world
        ports = world.begin()
        system = _WatchedSystem(
            self._watch,
            world.life,
            data_dir=simulated.DATA_DIR,
            world=ports,
            kernel=kernel,
            behaviors=watched_behaviors(BEHAVIORS, self.faults, self._watch),
            carriers=watched_carriers(CARRIERS, self.faults, self._watch, world.stage.clock.sleep),
            **{"snapshot_every_turns": int(self.knobs.settings["snapshot.every_turns"]), **options},
        )
        self._systems = [known for known in self._systems if not known.dead and not known.ending]
        self._systems.append(system)
        return system

    async def _close_in_peace(self, system: _WatchedSystem) -> None:
        """What is under way comes to its end, or had time enough; then the process ends in order."""
        self.faults.hold("")
        self.disk.heal()
        clock = self._world.stage.clock
        until_s = clock.monotonic() + SETTLES_S
        while clock.monotonic() < until_s and any(map(_is_busy, system.partitions)):
            await clock.sleep(60.0)
        system.close()

    def _crashed(self, kind: CrashKind) -> None:
        self._world.crash(kind)
        self._watch.crashed(kind)
        for system in self._systems:
            system.disown()


class _WatchedSystem(System):
    """Shows the checkers each partition when it is opened, and when it is about to be closed."""

    def __init__(self, watch: Watch, life: Life, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch
        self._life = life
        self.ending = False

    @property
    def dead(self) -> bool:
        """Whether its process has crashed."""
        return not self._life.alive

    def adopt(self, store: PartitionStore, kernel: Kernel | None = None) -> Partition:
        partition = super().adopt(store, kernel)
        self._watch.opened(partition)
        partition.on_close(lambda: self._watch.ended(partition))
        return partition

    def close(self) -> None:
        self.ending = True
        super().close()


def _is_busy(partition: Partition) -> bool:
    return partition.statistics().effects > len(lasting(partition)) or partition.committer.backlog > 0


def _knobs(seed: int, faults: Mapping[str, float] | Collection[str] | None, without: tuple[str, ...]) -> Knobs:
    """What may go wrong under a seed, and how the world is."""
    if isinstance(faults, Mapping):
        odds = {
            name: likely for name, likely in _known(faults, FAULTS, "fault").items() if not name.startswith(without)
        }
        return Knobs(odds, drawn(seed, {}, simulated.SETTINGS).settings)
    chosen = (faults,) if isinstance(faults, str) else None if faults is None else tuple(faults)
    for beginning in (*(chosen or ()), *without):
        if not any(name.startswith(beginning) for name in FAULTS):
            raise ValueError(_unknown("fault", beginning, FAULTS))
    possible = {
        name: odds
        for name, odds in FAULTS.items()
        if not name.startswith(without)
        and (not name.startswith(OF_PARTITA_ITSELF) if chosen is None else name.startswith(chosen))
    }
    return drawn(seed, possible, simulated.SETTINGS)


def _known(given: Mapping[str, float], known: Iterable[str], what: str) -> dict[str, float]:
    for name in given:
        if name not in known:
            raise ValueError(_unknown(what, name, known))
    return dict(given)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(known))}"
    return f"no {what} {name!r}: {hint}"


def _told(struck: Iterable[Fault]) -> str:
    """``network.reset 3 times, disk.full`` in the order in which each struck first."""
    counts: dict[str, int] = {}
    for fault in struck:
        counts[fault.name] = counts.get(fault.name, 0) + 1
    return ", ".join(name if count == 1 else f"{name} {count} times" for name, count in counts.items()) or "nothing"


def scenario_names() -> list[tuple[str, str]]:
    """The scenarios that there are, sorted: name, and what happens in it."""
    return [(scenario.name, scenario.summary) for scenario in scenarios().values()]


def run_seed(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Run a scenario with a seed; ``log_path``: where the log of its main partition is exported to.

    Raises :class:`KeyError` for a scenario that there is not.
    """
    return run(scenario, seed, System, level=level, plan=plan, log_path=log_path)
