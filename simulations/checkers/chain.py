"""The log is what was written: checksums, chain, positions, index, snapshots, blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class ChainVerifies(Checker):
    """Has the whole log verified at each opening and at the end."""

    name = "chain"

    def opened(self, partition: Partition) -> None:
        self._verify(partition)

    def ended(self, partition: Partition) -> None:
        self._verify(partition)

    def _verify(self, partition: Partition) -> None:
        if self.world.disk.damaged:
            return  # then it must not verify: see the checker of damage
        found = partition.store.verify()
        if found.damage:
            damage = found.damage[0]
            raise Broken(f"the log does not verify: {damage.what}", damage.position)
