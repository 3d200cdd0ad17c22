"""Connections without a request: opened ahead of one (FEATURES F10), closed all at once (F11)."""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.world import Carriers, Door
from partita.actors.network.http import NetError
from partita.events.network import CloseConnections, OpenConnections

MOST_SOCKETS: Final = 6
"""Sockets that one call may ask for (FEATURES F10b)."""


async def open_connections(effect: OpenConnections, door: Door) -> None:
    """Open them. Whether it succeeds is nobody's business: the request will see."""
    await door.world.network.preconnect(door.partition, effect.url, effect.num_sockets)


async def close_connections(effect: CloseConnections, door: Door) -> None:
    """Answer the call when all are closed."""
    call = door.call(effect.call_id)
    try:
        await door.world.clock.sleep(0)  # tasks begin in any order: by then, requests begun before are under way
        await door.world.network.close_connections(door.partition)
    except BaseException as error:
        if call is not None:
            call.reject(error if isinstance(error, Exception) else NetError("ERR_ABORTED", "the system is closing"))
        raise
    if call is not None:
        call.resolve(None)


CONNECTING: Final[Carriers] = {OpenConnections: open_connections, CloseConnections: close_connections}
"""To be among the carriers of the network."""
