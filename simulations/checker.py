"""What a checker is: one property that must hold in every run, watched all the time. A file each, in ``checkers/``.

A capability brings its own. Every method may be left out; each is called between two steps of the simulation, and raises
:class:`Broken` when the property does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.world import Door
    from partita.events.types import Effect
    from partita.simulations.life import CrashKind
    from partita.simulations.world import World


class Broken(AssertionError):
    """The property does not hold. ``position``: of the log, where one can be named."""

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.position = position


class Checker:
    """Watches one run."""

    name: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    def opened(self, partition: Partition) -> None:
        """A process has opened the partition: what the one before left has been settled."""

    def told(self, partition: Partition, position: int) -> None:
        """Those who follow the log were told that all turns up to this one are durable."""

    def carried(self, effect: Effect, door: Door) -> None:
        """An effect is about to be carried out."""

    def crashed(self, kind: CrashKind) -> None:
        """The process has crashed."""

    def ended(self, partition: Partition) -> None:
        """Nothing goes wrong any more, everybody has had time to finish, and the partition is about to be closed."""
