"""Carries out ``Revalidate``: a stored response that was served stale is asked for again, for the cache alone (RFC 5861 3)."""

from __future__ import annotations

import contextlib
from typing import Final

from partita.actors.kernel.world import Carriers, Door
from partita.actors.network.exchange import exchange
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing
from partita.events.network import Revalidate


async def revalidate(effect: Revalidate, door: Door) -> None:
    """Read the answer to its end: that is what stores it. What fails leaves the cache as it is."""
    asked = Outgoing(
        method="GET",
        url=effect.url,
        headers=effect.headers,
        redirect="manual",
        credentials=effect.credentials,
        timeout_s=effect.timeout_s,
        cache="no-cache",
        resource_type=effect.resource_type,
        initiator=effect.initiator,
    )
    with contextlib.suppress(NetError):
        answer = await exchange(door, asked)
        try:
            async for _ in answer.response.body():
                pass
        finally:
            await answer.response.close()


CARRIERS: Final[Carriers] = {Revalidate: revalidate}
"""What carries it out."""
