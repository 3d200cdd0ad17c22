"""A download whose user was told that it is completed is so, after every crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class CompletedWhenTold(Checker):
    """Users note in ``memory["completed"]`` of which downloads they were told so, by id."""

    name = "completions"

    def opened(self, partition: Partition) -> None:
        if self.world.disk.lied:
            return
        for download_id in self.world.memory.get("completed", ()):
            actor = partition.actors.get(f"download/{download_id}")
            phase = actor.state.phase if actor is not None and isinstance(actor.state, DownloadState) else "absent"
            if phase != "completed":
                raise Broken(f"the user of download/{download_id} was told that it is completed, and it is {phase}")

    def ended(self, partition: Partition) -> None:
        self.opened(partition)
