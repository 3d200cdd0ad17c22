"""States kept in memory at some positions of a log, so that those at any other are a short fold away.

States are immutable, and share what has not changed; but each dictionary that changes is copied whole, so a keyframe costs
what its dictionaries do not share with the keyframe before. That is what is counted and bounded: when all of them together
have too many entries of their own, every second one goes, and the distance between them doubles.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from partita.actors.kernel.fold import Image
from partita.events.types import State


class Frame(NamedTuple):
    """All actors after the turn at ``position``; 0 and nobody before the first."""

    position: int
    time: int
    images: Mapping[str, Image]

    @property
    def states(self) -> dict[str, State]:
        """The state of every actor, by its name."""
        return {name: state for name, (state, _) in self.images.items()}


class Keyframes:
    """Frames in the order of their positions, ``spacing`` apart, with at most ``most_entries`` entries of their own."""

    def __init__(self, spacing: int, most_entries: int) -> None:
        self.spacing = spacing
        self._most_entries = most_entries
        self._positions: list[int] = []
        self._frames: dict[int, Frame] = {}
        self._entries: dict[int, int] = {}
        self._total = 0

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def entries(self) -> int:
        """How many dictionary entries they hold that they do not share."""
        return self._total

    def add(self, frame: Frame) -> None:
        """Keep this one."""
        if frame.position in self._frames:
            return
        at = bisect_right(self._positions, frame.position)
        before = self._frames[self._positions[at - 1]] if at else None
        self._positions.insert(at, frame.position)
        self._frames[frame.position] = frame
        self._count(before, frame)
        while self._total > self._most_entries and len(self._positions) > 2:  # noqa: PLR2004  # nothing to thin out
            self._thin_out()

    def at_or_before(self, position: int) -> Frame | None:
        """The nearest one that is not after a position."""
        at = bisect_right(self._positions, position)
        return self._frames[self._positions[at - 1]] if at else None

    def _thin_out(self) -> None:
        self._positions = self._positions[::2]
        self._frames = {position: self._frames[position] for position in self._positions}
        self._entries.clear()
        self._total = 0
        self.spacing *= 2
        before: Frame | None = None
        for frame in self._frames.values():
            self._count(before, frame)
            before = frame

    def _count(self, before: Frame | None, frame: Frame) -> None:
        entries = 1 + own_entries(None if before is None else before.images, frame.images)
        self._entries[frame.position] = entries
        self._total += entries


def own_entries(old: Any, new: object) -> int:
    """How many dictionary entries ``new`` holds that it does not share with ``old``, its like at an earlier time."""
    if new is old:
        return 0
    if isinstance(new, Mapping):
        before = old if isinstance(old, Mapping) else {}
        return len(new) + sum(
            own_entries(before.get(key), value) for key, value in new.items() if value is not before.get(key)
        )
    if isinstance(new, msgspec.Struct):
        fields = new.__struct_fields__
        alike = type(old) is type(new)
        return sum(own_entries(getattr(old, name) if alike else None, getattr(new, name)) for name in fields)
    if isinstance(new, tuple):
        parts = old if isinstance(old, tuple) and len(old) == len(new) else (None,) * len(new)
        return sum(map(own_entries, parts, new))
    return 0
