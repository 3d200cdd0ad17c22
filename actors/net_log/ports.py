"""What a log that is ended by its system's end still needs of the world: time to write what it has."""

from __future__ import annotations

from collections.abc import Awaitable

import trio


async def to_its_end(work: Awaitable[None]) -> None:
    """Await it, also in a task that has been cancelled.

    Under trio a cancelled task can await nothing any more; the simulation kernel cancels only the one wait.
    """
    if trio.lowlevel.in_trio_task():
        with trio.CancelScope(shield=True):
            await work
    else:
        await work
