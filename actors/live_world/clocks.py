"""The system's clock and randomness."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Final

import trio

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class SystemClock:
    """The clock of the machine; it sleeps under trio."""

    def now_us(self) -> int:
        """See :class:`partita.actors.kernel.world.Clock`."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """See :class:`partita.actors.kernel.world.Clock`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :class:`partita.actors.kernel.world.Clock`."""
        await trio.sleep(seconds)


class FixedClock(SystemClock):
    """Wall time stands still at one moment; monotonic time and sleep are the machine's.

    ``moment`` is an ISO 8601 text with its zone (``"2015-12-31T00:00:00Z"``). Raises :class:`ValueError` for another.
    """

    def __init__(self, moment: str) -> None:
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError(f"{moment!r} has no zone; end it with 'Z' or an offset like '+02:00'")
        self._now_us = (parsed - _EPOCH) // _MICROSECOND

    def now_us(self) -> int:
        """The moment, in integer microseconds since 1970."""
        return self._now_us


class SystemEntropy:
    """The operating system's random numbers."""

    def random_bytes(self, count: int) -> bytes:
        """See :class:`partita.actors.kernel.world.Entropy`."""
        return secrets.token_bytes(count)
