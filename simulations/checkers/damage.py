"""Damage is found, not hidden: a log that a bad disk has changed does not verify, and what is read of it is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker
from partita.store.codec import key_position

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class DamageIsFound(Checker):
    """An opening that found it itself has done its part, and is not asked."""

    name = "damage"

    def opened(self, partition: Partition) -> None:
        store = partition.store
        damaged = [damage for damage in self.world.disk.damaged if damage.directory == store.directory]
        if not damaged:
            return
        if store.verify().ok:
            raise Broken(f"the disk has changed {damaged[0]}, and the log verifies")
        snapshot = store.newest_snapshot()
        for damage in damaged:
            position = key_position(damage.key)
            if snapshot is None or position > snapshot.position:
                raise Broken(f"the disk has changed {damage}, which the opening has read", position)
