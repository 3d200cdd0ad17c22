"""Deadlines for what waits at a simulated device, at both levels, and under the live kernel as well."""

from __future__ import annotations

import trio

from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Clock
from partita.simulations.internet.deadlines import Within


async def rung_within(clock: Clock, seconds: float | None, bell: Future[None]) -> bool:
    """Wait for ``bell``, but so long at most (None: as long as it takes); whether it rang."""
    if trio.lowlevel.in_trio_task():
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            await bell
            return True
        return False
    try:
        await Within(clock, seconds, bell)
    except TimeoutError:
        return False
    return True
