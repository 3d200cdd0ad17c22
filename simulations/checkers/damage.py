"""Damage is found, not hidden: a log that a bad disk has changed does not verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class DamageIsFound(Checker):
    """An opening that found it itself has done its part, and is not asked."""

    name = "damage"

    def opened(self, partition: Partition) -> None:
        damaged = self.world.disk.damaged
        if damaged and partition.store.verify().ok:
            raise Broken(f"the disk has changed {damaged[0]}, and the log verifies")
