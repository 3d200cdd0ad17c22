"""A download that waits until it is time to try again."""

from __future__ import annotations

from typing import ClassVar

from partita.events.types import AwaitedEffect, Event, Outcome, Recovery


class RetryDue(Outcome, frozen=True, tag="downloads.retry_due/1"):
    """Told by what waits: it is time."""


class DownloadRetryPlanned(Event, frozen=True, tag="downloads.retry_planned/1"):
    """It goes on by itself at ``at_us`` (microseconds since 1970), for the ``attempt``-th time in a row (from 1)."""

    effect_id: str
    at_us: int
    attempt: int


class DownloadRetryDropped(Event, frozen=True, tag="downloads.retry_dropped/1"):
    """It no longer goes on by itself; attempts are counted anew."""


class WaitToRetry(AwaitedEffect, frozen=True, tag="downloads.wait_to_retry/1"):
    """Wait until ``due_us`` on the wall clock, and no longer than ``delay_s`` on the one that nobody sets."""

    recovery: ClassVar[Recovery | None] = "reissue"
    due_us: int
    delay_s: float
