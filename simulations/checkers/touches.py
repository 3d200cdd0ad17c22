"""A cookie's last use is recorded once a minute at most, however often it is sent (DESIGN, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.cookies import CookiesTouched
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

LEAST_US = 60_000_000


class TouchesAreRare(Checker):
    """Reads the whole log at the end."""

    name = "touches"

    def ended(self, partition: Partition) -> None:
        touched: dict[object, int] = {}
        for turn in partition.store.folding_turns(partition.store.first_position):
            for event in turn.events:
                if not isinstance(event, CookiesTouched):
                    continue
                for key in event.keys:
                    last = touched.get(key)
                    if last is not None and turn.time - last < LEAST_US:
                        raise Broken(
                            f"{key} was touched {(turn.time - last) / 1e6:g} s after the last time", turn.position
                        )
                    touched[key] = turn.time
