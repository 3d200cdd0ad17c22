"""A completed download is, byte for byte, something that the server served under its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class BytesServed(Checker):
    """Compares files on the simulated disk with the entities of the simulated internet."""

    name = "bytes"

    def opened(self, partition: Partition) -> None:
        self._compare(partition)

    def ended(self, partition: Partition) -> None:
        self._compare(partition)

    def _compare(self, partition: Partition) -> None:
        if self.world.disk.lied:
            return  # files that were synced may be gone, too
        for name, actor in partition.actors.items():
            state = actor.state
            if not isinstance(state, DownloadState) or state.phase != "completed" or state.order is None:
                continue
            found = self.world.disk.content(state.target_path)
            if found is None:
                raise Broken(f"{name} is completed, and {state.target_path} is not there")
            served = self.world.internet.served.get(state.order.url, {}).values()
            if found not in served:
                raise Broken(
                    f"{name} is completed, and its {len(found)} bytes are none of the {len(served)} bodies that were served"
                )
