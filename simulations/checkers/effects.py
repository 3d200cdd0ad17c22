"""No effect is carried out before the turn that asked for it is durable (output commit)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.world import Door
    from partita.events.types import Effect
    from partita.simulations.world import World


class EffectsAfterTheCommit(Checker):
    """Compares the turn of each effect with what a power cut would leave."""

    name = "effects"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._directories: dict[str, Path] = {}

    def opened(self, partition: Partition) -> None:
        if partition.store.directory is not None:
            self._directories[partition.key] = partition.store.directory

    def carried(self, effect: Effect, door: Door) -> None:
        directory = self._directories.get(door.partition)
        if directory is None or not isinstance(door.cause, int) or self.world.disk.lying:
            return
        durable = self.world.disk.durable_position(directory)
        if door.cause > durable:
            name = type(effect).__name__
            raise Broken(f"{name} is carried out, and its turn is not durable yet (the disk has {durable})", door.cause)
