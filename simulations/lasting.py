"""Effects that are under way as long as somebody wants them: who watches devices, and who has one open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.devices import BrokerState

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


def lasting(partition: Partition) -> frozenset[str]:
    """The ids of those effects of a partition: nobody has to wait for their end."""
    found: set[str] = set()
    for actor in list(partition.actors.values()):
        state = actor.state
        if isinstance(state, BrokerState):
            found.update(name for name, connection in state.connections.items() if connection.phase == "open")
            found.update({state.watch} - {""})
    return frozenset(found)


def is_busy(partition: Partition) -> bool:
    """Whether something is under way that comes to its end by itself."""
    under_way, lasts = partition.statistics(), lasting(partition)
    return bool(under_way.effects > len(lasts) or under_way.messages) or any(
        actor.pending.keys() - lasts for actor in partition.actors.values()
    )
