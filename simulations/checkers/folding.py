"""The state in memory is the fold of the log, from its beginning and by today's rules, whatever snapshots say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.actors.kernel.fold import Fold
from partita.actors.replay.divergence import differences
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class StateIsTheFold(Checker):
    """Looks when nothing is on its way to the disk."""

    name = "fold"

    def opened(self, partition: Partition) -> None:
        self._compare(partition)

    def ended(self, partition: Partition) -> None:
        self._compare(partition)

    def _compare(self, partition: Partition) -> None:
        store = partition.store
        if partition.position != store.position or store.first_position > 1:
            return  # memory runs ahead, or history was given up
        images = Fold(partition.behaviors).run(store.folding_turns(1)).images
        for name, actor in partition.actors.items():
            state, pending = images.get(name, (actor.rules.initial(), {}))
            for found in differences(state, actor.state, name):
                raise Broken(
                    f"{found.path} is {found.right!r} in memory, and {found.left!r} by the log", store.position
                )
            if dict(pending) != dict(actor.pending):
                raise Broken(
                    f"{name} waits for {sorted(actor.pending)} in memory, and for {sorted(pending)} by the log",
                    store.position,
                )
