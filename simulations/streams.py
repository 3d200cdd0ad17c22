"""Random streams that do not disturb each other.

Three are drawn from one seed: the schedule (who goes next), the faults, the users. Each draws on a generator of its own, and
faults and users' steps are keyed by name and number besides: taking one of them away, as shrinking does, leaves all others
as they were.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from partita.actors.kernel.context import Random

Stream = Literal["schedule", "faults", "users", "knobs", "entropy"]

_ODD = 0x9E3779B97F4A7C15
"""2**64 over the golden ratio: spreads consecutive numbers over all 64 bits (Knuth, TAOCP 3, 6.4)."""


def key_of(seed: int, stream: Stream, name: str = "") -> int:
    """64 bits that stand for a stream of a seed, or for one name in it. The same on every machine."""
    text = f"{seed}/{stream}/{name}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=b"partita.sim").digest(), "big")


def stream_of(seed: int, stream: Stream, name: str = "") -> Random:
    """The random numbers of a stream."""
    return Random(key_of(seed, stream, name))


def numbered(key: int, number: int) -> Random:
    """The random numbers of the ``number``-th thing under a key."""
    return Random(key ^ (number * _ODD))
