"""What a download says that it has received is in its file: after a crash it asks for the rest only (DESIGN, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


DELETED: Final = "deleted"
"""In the world's memory under this name: the part files that somebody has deleted."""


class ReportedBytesAreThere(Checker):
    """Looks whenever a commit has been told, at the downloads that are being received."""

    name = "reported"

    def told(self, partition: Partition, position: int) -> None:
        disk = self.world.disk
        if disk.lied:
            return
        for name, actor in tuple(partition.actors.items()):
            state = actor.state
            if not isinstance(state, DownloadState) or state.phase != "receiving":
                continue
            if state.part_path in self.world.memory.get(DELETED, ()):
                continue  # it is told in the end, and begins again; another may have the name meanwhile
            size_bytes = disk.size(state.part_path)
            if size_bytes is None:  # it has its name already, and the turn that says so is on its way
                size_bytes = disk.size(state.target_path) or 0
            if size_bytes < state.received_bytes:
                what = f"{name} has received {state.received_bytes} bytes, and {size_bytes} are in its file"
                raise Broken(what, position)
