"""What the tests of the live port share: send a request, read all of it, see that nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from partita.actors.kernel.world import NetworkRequest, NetworkResponse
from partita.actors.network.http import NetError
from partita.actors.network.ports import LiveNetwork
from partita.actors.network.transport import Dialer, Limits

PATIENCE_S = 20.0


@asynccontextmanager
async def networking(dialer: Dialer | None = None, **limits: Any) -> AsyncIterator[LiveNetwork]:
    """A network that must have nothing under way at the end."""
    network = LiveNetwork(dialer, limits=Limits(**limits))
    try:
        with trio.fail_after(PATIENCE_S):
            yield network
        left = network.statistics()
        assert (left.in_use, left.dialing, left.waiting) == (0, 0, 0), left
    finally:
        await network.close()
    assert network.statistics().idle == 0


async def read(response: NetworkResponse) -> bytes:
    try:
        return b"".join([chunk async for chunk in response.body()])
    finally:
        await response.close()


async def got(network: LiveNetwork, url: str, method: str = "GET", **options: Any) -> bytes:
    """The body of the answer."""
    return await read(await network.send(NetworkRequest(method, url, **options)))


async def failure(network: LiveNetwork, url: str, method: str = "GET", **options: Any) -> NetError:
    """What the request fails with."""
    try:
        body = await got(network, url, method, **options)
    except NetError as error:
        return error
    raise AssertionError(f"it was answered: {body[:80]!r}")
