"""Carries out ``WaitToRetry``: waits."""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.world import Door
from partita.events.download_retries import RetryDue, WaitToRetry
from partita.events.downloads import DownloadState

LOOKS_EVERY_S: Final = 1.0
"""The wall clock may be set while one waits: it is looked at so often."""

SHORTEST_S: Final = 0.001
"""A sleep too short to move a clock would be slept for ever."""


async def wait_to_retry(effect: WaitToRetry, door: Door) -> RetryDue:
    """Come back when it is due by the wall clock, and at the latest after the delay; at once when it was given up."""
    clock = door.world.clock
    actor = door.actor
    latest = clock.monotonic() + effect.delay_s
    while True:
        state = door.published(actor)
        if not isinstance(state, DownloadState) or state.retry_id != effect.id:
            break
        left_s = min((effect.due_us - clock.now_us()) / 1e6, latest - clock.monotonic())
        if left_s <= 0:
            break
        await clock.sleep(max(SHORTEST_S, min(left_s, LOOKS_EVERY_S)))
    return RetryDue(effect.id)
