"""Who is told that turns are durable is told the truth, and what was acknowledged is there after every crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker
from partita.store.codec import key_position

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class DurableWhenTold(Checker):
    """A disk that lies about its syncs is the one excuse."""

    name = "durability"

    def told(self, partition: Partition, position: int) -> None:
        directory = partition.store.directory
        if directory is None or self.world.disk.lying:
            return
        durable = self.world.disk.durable_position(directory)
        if position > durable:
            raise Broken(
                f"turns up to {position} are said to be durable, and the disk has them up to {durable}", position
            )

    def opened(self, partition: Partition) -> None:
        directory = partition.store.directory
        if directory is None or self.world.disk.lied:
            return
        disk = self.world.disk
        found = disk.turns(directory)
        damaged = {damage.key for damage in disk.damaged}
        for key, value in disk.acknowledged(directory).items():
            if key not in damaged and found.get(key) != value:
                raise Broken("a batch that was acknowledged is not there any more", key_position(key))
