"""What a download may be asked for besides its URL, and what the session allows them all (FEATURES L9, WANTS: retries, queue)."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

MOST_ATTEMPTS: Final = 1000
LONGEST_S: Final = 86_400.0
"""No waiting time of a policy is longer than a day."""
MOST_FACTOR: Final = 100.0
MOST_SEGMENTS: Final = 16


class RetryPolicy(Struct, frozen=True, array_like=True, gc=False):
    """Go on by itself after an interruption that may pass: exponential back-off with jitter.

    ``attempts``: so many in a row without a byte of progress. The n-th waits ``first_s`` times ``factor`` to the n-th, at most
    ``cap_s`` seconds, and up to ``jitter`` (0 to 1) of that more or less. ``resume_on_open``: also at the next opening, when
    the process has ended meanwhile.
    """

    attempts: int = 5
    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 60.0
    jitter: float = 0.5
    resume_on_open: bool = False

    def delay_s(self, attempt: int, drawn: float) -> float:
        """Seconds before the ``attempt``-th (from 0); ``drawn`` is a random number in [0, 1)."""
        delay = min(self.first_s, self.cap_s)
        for _ in range(attempt):  # powers of floats differ from machine to machine, products do not
            if delay >= self.cap_s or self.factor == 1:
                break
            delay = min(delay * self.factor, self.cap_s)
        return delay * (1 + self.jitter * (2 * drawn - 1))


class DownloadOptions(Struct, frozen=True, array_like=True, gc=False):
    """How one download is brought.

    ``priority``: the higher, the earlier it leaves the queue. ``rate_bytes_s``: no faster than that; 0 is no limit.
    ``integrity``: digests that the file must have, as in Subresource Integrity (``"sha256-<base64>"``, blanks between several).
    ``segments``: over so many connections at a time, where the server sends ranges of a file that it can name.
    """

    retry: RetryPolicy | None = None
    priority: int = 0
    rate_bytes_s: int = 0
    integrity: str = ""
    segments: int = 1


class DownloadLimits(Struct, frozen=True, array_like=True, gc=False):
    """What the downloads of a session may do together: how many at a time, of one host, and how many bytes a second (0: any)."""

    concurrent: int = 32
    per_host: int = 6
    rate_bytes_s: int = 0


NO_OPTIONS: Final = DownloadOptions()
NO_LIMITS: Final = DownloadLimits()


def check_options(options: DownloadOptions) -> None:
    """Raise :class:`ValueError` for what makes no sense; the digests are looked at where files are verified."""
    if options.rate_bytes_s < 0:
        raise ValueError(f"rate_bytes_s is 0 or more, not {options.rate_bytes_s}")
    if not 1 <= options.segments <= MOST_SEGMENTS:
        raise ValueError(f"segments is 1 to {MOST_SEGMENTS}, not {options.segments}")
    policy = options.retry
    if policy is None:
        return
    if not 0 <= policy.attempts <= MOST_ATTEMPTS:
        raise ValueError(f"retry.attempts is 0 to {MOST_ATTEMPTS}, not {policy.attempts}")
    for name, value, least, most in (
        ("first_s", policy.first_s, 0.0, LONGEST_S),
        ("factor", policy.factor, 1.0, MOST_FACTOR),
        ("cap_s", policy.cap_s, 0.0, LONGEST_S),
        ("jitter", policy.jitter, 0.0, 1.0),
    ):
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError(f"retry.{name} is {least:g} to {most:g}, not {value}")


def check_limits(limits: DownloadLimits) -> None:
    """Raise :class:`ValueError` for limits under which nothing could be downloaded."""
    if limits.concurrent < 1 or limits.per_host < 1 or limits.rate_bytes_s < 0:
        raise ValueError(f"at least one download at a time, of a host too, and no rate below 0: not {limits}")
