"""The simulated world: everything behind the ports, for one run of one seed.

It outlives the processes that run in it: the disk, the internet, the bus with its devices and the time go on when one crashes
and the next begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.world import World as Ports
from partita.simulations import clock, disk, internet, processes
from partita.simulations.clock import SimulatedClock
from partita.simulations.devices import bus
from partita.simulations.devices.bus import Bus
from partita.simulations.disk.disk import Disk
from partita.simulations.entropy import SimulatedEntropy
from partita.simulations.faults import Faults
from partita.simulations.internet.hosts import Internet
from partita.simulations.knobs import Knobs, drawn
from partita.simulations.life import CrashKind, Life
from partita.simulations.outcome import Level, Plan
from partita.simulations.promises import Promises
from partita.simulations.stage import KernelStage, Stage
from partita.simulations.streams import key_of
from partita.simulations.trio_stage import TrioStage

FAULTS: Final[Mapping[str, float]] = {
    **clock.FAULTS,
    **disk.FAULTS,
    **internet.FAULTS,
    **bus.FAULTS,
    **processes.FAULTS,
}
"""Every fault with its highest odds. A capability that adds a port adds its faults here."""

SETTINGS: Final[Mapping[str, Sequence[float]]] = {
    **clock.SETTINGS,
    **disk.SETTINGS,
    **internet.SETTINGS,
    **bus.SETTINGS,
    **processes.SETTINGS,
}

DATA_DIR: Final = Path("/simulated")
"""Where partitions lie on the simulated disk."""

NOTHING_LEFT_OUT: Final = Plan()


class World:
    """One run's world.

    ``without``: faults whose names begin so never strike (``("crash.",)``: the process never dies). ``knobs``: in place of those
    that the seed would draw.
    """

    def __init__(
        self,
        seed: int,
        *,
        level: Level = "kernel",
        plan: Plan = NOTHING_LEFT_OUT,
        without: tuple[str, ...] = (),
        settings: Mapping[str, Sequence[float]] | None = None,
        knobs: Knobs | None = None,
    ) -> None:
        self.seed = seed
        self.level: Level = level
        possible = {name: odds for name, odds in FAULTS.items() if not name.startswith(without)} if without else FAULTS
        self.knobs: Knobs = knobs or drawn(seed, possible, {**SETTINGS, **(settings or {})})
        only = None if plan.faults is None else frozenset(plan.faults)
        self.faults = Faults(seed, self.knobs.odds, only=only)
        schedule = key_of(seed, "schedule")
        self.stage: Stage = (
            KernelStage(schedule, draws_at_most=plan.schedule)
            if level == "kernel"
            else TrioStage(schedule, draws_at_most=plan.schedule)
        )
        virtual = self.stage.clock
        self.clock = SimulatedClock(virtual, self.faults, self.knobs.settings)
        self.entropy = SimulatedEntropy(key_of(seed, "entropy"))
        self.disk = Disk(self.faults, virtual.sleep, settings=self.knobs.settings)
        self.disk.now_us = self.clock.now_us
        self.internet = Internet(self.faults, virtual, settings=self.knobs.settings)
        self.bus = Bus(self.faults, virtual, settings=self.knobs.settings)
        self.life_number = 0
        self.life = Life(0)
        self.healed = False
        self.crashes = 0
        self.marks: dict[str, int] = {}
        self.promises = Promises()
        self.memory: dict[str, Any] = {}
        """What a scenario remembers of its run, across crashes: for its hosts, its users and its checkers."""

    # -- processes --------------------------------------------------------------------------------------------------

    def begin(self, *, beside: bool = False) -> Ports:
        """The ports of the next process; with ``beside``, of one that runs beside it."""
        self.life_number += 1
        life = Life(self.life_number)
        if not beside:
            self.life = life
        return Ports(
            clock=self.clock,
            entropy=self.entropy,
            network=self.internet.network(life) if self.level == "kernel" else self.internet.live_network(life),
            files=self.disk.files(life),
            handlers=HandlerTable(),
            folders=self.disk.folders(life),
            devices=self.bus.port(life),
        )

    def crash(self, kind: CrashKind) -> None:
        """The process is gone. What was in flight to and from it is, too."""
        self.crashes += 1
        self.stop(kind)

    def stop(self, kind: CrashKind = "kill") -> None:
        """The same, where nothing went wrong: the run ends before its process does."""
        self.life.alive = False
        self.bus.bury()
        self.disk.crash(kind)

    def heal(self) -> None:
        """Nothing goes wrong from here on."""
        self.healed = True
        self.faults.heal()
        self.disk.heal()
        self.bus.heal()

    def close(self) -> None:
        """Nothing runs in it any more."""
        self.stage.close()

    # -- points in production code ----------------------------------------------------------------------------------

    def buggify(self, name: str) -> bool:
        """See :func:`partita.events.points.buggify`."""
        return self.faults.strikes(f"buggify.{name}") is not None

    def reached(self, name: str) -> None:
        """See :func:`partita.events.points.reached`."""
        self.marks[name] = self.marks.get(name, 0) + 1
