"""The log is one order: positions follow each other, and time never goes back (DESIGN, decided in advance, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class OneOrder(Checker):
    """Reads the whole log at the end."""

    name = "order"

    def ended(self, partition: Partition) -> None:
        store = partition.store
        expected, time_us = store.first_position, 0
        for turn in store.turns(expected):
            if turn.position != expected:
                raise Broken(f"position {expected} should come next, and {turn.position} does", turn.position)
            if turn.time < time_us:
                raise Broken(
                    f"it was taken {(time_us - turn.time) / 1e6:g} s before the turn that it follows", turn.position
                )
            expected, time_us = turn.position + 1, turn.time
