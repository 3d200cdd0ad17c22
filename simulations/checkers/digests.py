"""A download that is completed has the digest that was asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from partita.actors.downloads.integrity import parsed
from partita.events.downloads import DownloadState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class DigestsHold(Checker):
    """Looks at the files at the end."""

    name = "digests"

    def ended(self, partition: Partition) -> None:
        if self.world.disk.lied:
            return
        for name, actor in partition.actors.items():
            state = actor.state
            if not isinstance(state, DownloadState) or state.phase != "completed" or state.order is None:
                continue
            wanted = parsed(state.order.options.integrity)
            content = self.world.disk.content(state.target_path)
            if wanted is not None and content is not None:
                algorithm, digests = wanted
                if hashlib.new(algorithm, content).digest() not in digests:
                    raise Broken(
                        f"{name} is completed, and its {len(content)} bytes have another digest than was asked for"
                    )
