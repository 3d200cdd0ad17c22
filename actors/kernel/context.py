"""What ``decide`` knows of its turn: the time, and ids and random numbers that any replay draws again."""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Random:
    """SplitMix64: a generator of our own, the same in every version of Python, on every machine.

    (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014.) Not for keys.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits64(self) -> int:
        """64 random bits."""
        self._state = state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return state ^ (state >> 31)

    def random(self) -> float:
        """A number in [0, 1)."""
        return (self.bits64() >> 11) * (1.0 / (1 << 53))

    def below(self, bound: int) -> int:
        """An integer in [0, bound), without bias."""
        if bound <= 0:
            raise ValueError(f"below() needs a positive bound, not {bound}")
        most = _MASK - bound
        while (bits := self.bits64()) > most and bits >= (1 << 64) - (1 << 64) % bound:
            pass  # of the last, incomplete run of ``bound`` numbers
        return bits % bound

    def choice(self, options: Sequence[T]) -> T:
        """One of ``options``."""
        return options[self.below(len(options))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Fisher and Yates, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


class Context:
    """What one turn is given. ``position`` is the one that the turn has if it is recorded."""

    __slots__ = ("_drawn", "_random", "_seed", "actor", "now_us", "position")

    def __init__(self, *, seed: bytes, position: int = 0, now_us: int = 0, actor: str = "") -> None:
        self._seed = seed
        self.begin(position, now_us, actor)

    def begin(self, position: int, now_us: int, actor: str) -> None:
        """The next turn: whoever takes turns uses one context for all of them."""
        self.position = position
        self.now_us = now_us
        self.actor = actor
        self._drawn = 0
        self._random: Random | None = None

    @property
    def drew(self) -> bool:
        """Whether an id or random number was drawn: such a turn is recorded, so that its position is spent."""
        return self._drawn > 0

    def id(self) -> str:
        """A new identifier, 32 hexadecimal digits: a hash of the partition's seed, the position and a counter."""
        self._drawn += 1
        return self._hash(self._drawn, 16).hex()

    @property
    def random(self) -> Random:
        """The turn's random numbers."""
        if self._random is None:
            self._drawn += 1
            self._random = Random(int.from_bytes(self._hash(0, 8), "big"))
        return self._random

    def _hash(self, counter: int, size: int) -> bytes:
        content = self._seed + self.position.to_bytes(8, "big") + counter.to_bytes(4, "big")
        return hashlib.blake2b(content, digest_size=size, person=b"partita.ctx").digest()
