"""No faster than that: each download by its own rate, and all of a session by theirs.

Whoever has read a chunk waits until its time is over before it reads on, so that the server is held back by the connection
and nothing is piled up. What is owed is owed in bytes: a rate that is changed counts for that as well.
"""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.world import Door
from partita.events.points import reached
from partita.events.session import SessionState

BURST_S: Final = 0.1
"""So much of the time that nobody used may be made up for."""

LOOK_S: Final = 1.0
"""So long at most does a wait go on before the limit is looked at again."""


class Bucket:
    """What was let through: it is used up until ``free_at``, in monotonic seconds."""

    def __init__(self) -> None:
        self.free_at = 0.0
        self._rate = 0

    def taken(self, count: int, rate_bytes_s: int, now: float) -> float:
        """Take so many bytes; when that has been paid for. What is still owed is owed in bytes, whatever the rate was."""
        if self.free_at > now:
            self.free_at = now + (self.free_at - now) * self._rate / rate_bytes_s
        self._rate = rate_bytes_s
        self.free_at = max(self.free_at, now - BURST_S) + count / rate_bytes_s
        return self.free_at


class _Together(dict[str, Bucket]):
    """By partition: what its downloads have in common."""


class Pace:
    """That of one download."""

    def __init__(self, door: Door, rate_bytes_s: int) -> None:
        self._door = door
        self._clock = door.world.clock
        self._rate = rate_bytes_s
        self._own = Bucket()
        self._shared = door.world.shared.of(_Together).setdefault(door.partition, Bucket())

    @property
    def is_free(self) -> bool:
        """Whether nothing holds it back."""
        return not self._rate and not self._together()

    async def keep(self, count: int) -> None:
        """So many bytes have come: come back when more may. A limit that is changed meanwhile counts from then on."""
        rate, began = self._together(), self._clock.monotonic()
        own_s = self._own.taken(count, self._rate, began) - began if self._rate else 0.0
        shared_s = self._shared.taken(count, rate, began) - began if rate else 0.0
        while (left_s := max(own_s, shared_s)) > 0:
            reached("download.held_back")
            slept_s = min(left_s, LOOK_S)
            await self._clock.sleep(slept_s)
            own_s -= slept_s
            shared_s -= slept_s
            if (newest := self._together()) != rate:
                shared_s = max(shared_s, 0.0) * rate / newest if newest else 0.0
                rate = newest

    def _together(self) -> int:
        session = self._door.published("session")
        return session.downloads.limits.rate_bytes_s if isinstance(session, SessionState) else 0
