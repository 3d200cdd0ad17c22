"""How long a connection is waited for, at the price of two dictionary entries a wait.

A cancel scope around each wait would cost a fifth of a small request. Here one task watches over all waits of a network: it
sleeps until the earliest deadline, and closes each connection whose own has passed, which ends its wait. A connection that
has kept somebody waiting for too long is of no use any more in any case.
"""

from __future__ import annotations

import contextlib
import math
from typing import Final, Protocol

import trio


class Watched(Protocol):
    """What is waited for."""

    def time_out(self) -> None:
        """End the wait that is under way."""
        ...


class Deadlines:
    """The waits of a network. It belongs to the trio run that first uses it."""

    def __init__(self) -> None:
        self._until: dict[Watched, float] = {}
        self._sleeping: trio.CancelScope | None = None

    def begin(self, watched: Watched, timeout_s: float) -> None:
        """A wait begins."""
        until = self._until[watched] = trio.current_time() + timeout_s
        if self._sleeping is None:
            self._sleeping = trio.CancelScope(deadline=until)
            trio.lowlevel.spawn_system_task(self._watch, name="deadlines")
        elif until < self._sleeping.deadline:
            self._sleeping.deadline = until

    def end(self, watched: Watched) -> None:
        """It is over."""
        self._until.pop(watched, None)

    async def _watch(self) -> None:
        """Until a whole sleep has passed in which nothing was waited for."""
        try:
            while self._sleeping is not None:
                with self._sleeping:
                    await trio.sleep_forever()
                now = trio.current_time()
                for watched in [watched for watched, until in self._until.items() if until <= now]:
                    del self._until[watched]
                    watched.time_out()
                earliest = min(self._until.values(), default=math.inf)
                self._sleeping = None if earliest == math.inf else trio.CancelScope(deadline=earliest)
        finally:
            self._sleeping = None


_NO_DEADLINE: Final = contextlib.nullcontext()


def within(timeout_s: float | None) -> contextlib.AbstractContextManager[object]:
    """A bound for a wait that nobody else watches over, which raises ``trio.TooSlowError``. None costs nothing."""
    return _NO_DEADLINE if timeout_s is None else trio.fail_after(timeout_s)
