"""No file runs ahead of the log: behind a checkpoint nothing is written before its report is durable (DESIGN, 5).

So that a crash costs one checkpoint's bytes, however fast they come and however slowly the log is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.simulations.life import CrashKind
    from partita.simulations.world import World


class NoFileIsAheadOfTheLog(Checker):
    """Looks at files when a process crashes: where one is longer than what was reported, the next process must know of that.

    Divided downloads are left out: their connections write behind each other's checkpoints.
    """

    name = "ahead"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._partitions: dict[str, Partition] = {}
        self._owed: dict[tuple[str, str], int] = {}

    def opened(self, partition: Partition) -> None:
        self._partitions[partition.key] = partition
        owed, self._owed = self._owed, {}
        if self.world.disk.lied or self.world.disk.damaged:
            return
        for (key, name), reported_bytes in owed.items():
            actor = partition.actors.get(name) if key == partition.key else None
            if actor is None or not isinstance(actor.state, DownloadState):
                continue
            known_bytes = actor.state.received_bytes
            if known_bytes < reported_bytes:
                what = f"{name} was written behind a checkpoint at {reported_bytes}, and the log knows of {known_bytes}"
                raise Broken(what, partition.position)

    def crashed(self, kind: CrashKind) -> None:  # noqa: ARG002
        partitions, self._partitions = self._partitions, {}
        self._owed = {
            (key, name): state.received_bytes
            for key, partition in partitions.items()
            for name, actor in tuple(partition.actors.items())
            if isinstance(state := actor.state, DownloadState)
            and state.phase == "receiving"
            and not state.segments
            and not state.pieces
            and (self.world.disk.size(state.part_path) or 0) > state.received_bytes
        }
