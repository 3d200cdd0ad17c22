"""What a user was told is so: whatever was acknowledged is there, until that user changed it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class PromisesAreKept(Checker):
    """See :mod:`partita.simulations.promises`: users note there what they were told."""

    name = "promises"

    def opened(self, partition: Partition) -> None:
        if not self.world.disk.lied:
            self._check(partition)
        self.world.promises.look(partition)

    def ended(self, partition: Partition) -> None:
        if not self.world.disk.lied:
            self._check(partition)

    def _check(self, partition: Partition) -> None:
        for what in self.world.promises.broken(partition):
            raise Broken(what, partition.store.position)
