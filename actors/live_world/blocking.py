"""Calls that block, each on a thread of trio's: how many are under way can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

import outcome
import trio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

AT_ONCE: Final = 40
"""Threads at the same time; who comes later waits for one of them. As many as trio itself has."""


class BlockingCalls:
    """The calls of one port."""

    def __init__(self) -> None:
        self._places = trio.CapacityLimiter(AT_ONCE)

    @property
    def under_way(self) -> int:
        """How many have not come back yet."""
        return self._places.borrowed_tokens

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Call it, and come back with what it returns or raises. A cancellation waits for its end."""
        return await trio.to_thread.run_sync(function, *arguments, limiter=self._places)

    async def run_until_stopped(self, work: Callable[[], T], stop: Callable[[], None]) -> T:
        """The same for work that can be stopped: a cancellation does so, and still the end is waited for."""
        task, loop = trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()

        def ended(result: outcome.Outcome[T]) -> None:
            loop.run_sync_soon(trio.lowlevel.reschedule, task, result)

        def cancelled(_: object) -> trio.lowlevel.Abort:
            stop()
            return trio.lowlevel.Abort.FAILED

        async with self._places:
            trio.lowlevel.start_thread_soon(work, ended)
            value: T = await trio.lowlevel.wait_task_rescheduled(cancelled)
        await trio.lowlevel.checkpoint_if_cancelled()
        return value
