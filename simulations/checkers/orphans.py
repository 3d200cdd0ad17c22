"""At the end nothing is left: no effect, waiting caller, message, open response, busy connection, open file, timer or task.

What lasts as long as somebody wants it is spared: who watches devices, and who has one open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker
from partita.simulations.lasting import lasting

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class NothingIsLeftBehind(Checker):
    """Looks when everybody has finished, before the partition is closed."""

    name = "orphans"

    def ended(self, partition: Partition) -> None:
        lasts = lasting(partition)
        pending = {
            name: sorted(actor.pending.keys() - lasts)
            for name, actor in partition.actors.items()
            if actor.pending.keys() - lasts
        }
        if pending:
            raise Broken(f"effects are in flight that nobody carries out: {pending}", partition.position)
        left = partition.statistics()
        if left.effects != len(lasts) or left.waiting or left.backlog or left.messages:
            raise Broken(f"left behind: {left}")
        if self.world.internet.open_responses:
            raise Broken(f"responses were never closed: {self.world.internet.open_responses}")
        if self.world.internet.in_use:
            raise Broken(f"connections in use, and nobody uses them: {self.world.internet.in_use}")
        if self.world.disk.open_files:
            raise Broken(f"{self.world.disk.open_files} files were never closed")
