"""A file: what the system holds of it, what the disk holds of it, and what is on its way from the one to the other."""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.context import Random

SECTOR_BYTES: Final = 512
"""What a disk writes whole, or not at all."""

LIES_ABOUT: Final = 64
"""So many things at most does a lying disk owe; what is older has come to rest by itself."""

Write = tuple[int, bytes | None]
"""Where, and what; None cuts the file off there."""


class File:
    """``content`` is what is read; ``durable`` is what a power cut leaves, with a drawn part of what is ``unsynced``."""

    __slots__ = ("_durable", "_synced", "content", "diverged", "forsworn", "marks", "modified_us", "owed", "unsynced")

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.marks: tuple[str, str] | None = None  # where it came from: its URL, and what led there
        self.modified_us = 0  # by the wall clock, in microseconds since 1970
        self._durable = bytearray(content)
        self._synced: list[Write] = []  # on the disk, and not in _durable yet: few files ever see a power cut
        self.unsynced: list[Write] = []
        self.owed = 0  # how many of the unsynced a lying disk has said to be synced
        self.diverged = False  # a sync failed: what was to be synced by it never will be
        self.forsworn = False  # and something was among it that a lying disk had said to be synced before

    @property
    def durable(self) -> bytearray:
        """What is on the disk."""
        for offset, data in self._synced:
            _apply(self._durable, offset, data)
        self._synced.clear()
        return self._durable

    def write(self, offset: int, data: bytes) -> None:
        """Write into the system's buffers; what lies between the end and ``offset`` becomes zeros."""
        self.unsynced.append((offset, data))
        _apply(self.content, offset, data)

    def cut(self, length: int) -> None:
        """Cut it off, in the system's buffers."""
        self.unsynced.append((length, None))
        del self.content[length:]

    def sync(self) -> None:
        """Have all of it on the disk."""
        self._synced += self.unsynced
        self.unsynced.clear()
        self.owed = 0

    def owe(self) -> None:
        """Say that it is on the disk."""
        excess = len(self.unsynced) - LIES_ABOUT
        if excess > 0:
            self._synced += self.unsynced[:excess]
            del self.unsynced[:excess]
        self.owed = len(self.unsynced)

    def fail_sync(self, random: Random) -> None:
        """A sync has failed: of what was to be synced some is on the disk, and the system takes all of it for clean.

        (The "fsync gate": a second sync has nothing to do, and comes back as if all were well.)
        """
        for number, write in enumerate(self.unsynced):
            if random.below(2):
                self._synced.append(write)
            else:
                self.forsworn = self.forsworn or number < self.owed
        self.unsynced.clear()
        self.owed = 0
        self.diverged = True

    def lose(self, random: Random | None) -> bool:
        """The power is cut: of each unsynced write all, nothing or its first sectors are there; without ``random``, all.

        Returns whether something was lost that had been said to be synced.
        """
        broken = self.forsworn
        if random is not None:
            for number, (offset, data) in enumerate(self.unsynced):
                kept = data if data is None else data[: _kept_bytes(random, offset, len(data))]
                if data is None and random.below(2):
                    broken = broken or number < self.owed
                    continue
                self._synced.append((offset, kept))
                broken = broken or (number < self.owed and kept != data)
            self.unsynced.clear()
            self.owed = 0
            self.content = bytearray(self.durable)
        else:
            self.sync()
            if self.diverged:
                self.content = bytearray(self.durable)
        self.diverged = self.forsworn = False
        return broken


def _kept_bytes(random: Random, offset: int, size_bytes: int) -> int:
    """How much of a write is there: as often all of it as nothing, else it ends where a sector does."""
    if random.below(2):
        return random.choice((0, size_bytes))
    ends = range(SECTOR_BYTES - offset % SECTOR_BYTES, size_bytes, SECTOR_BYTES)
    return random.choice(ends) if ends else 0


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if not data:
        return
    gap = offset - len(content)
    if gap > 0:
        content.extend(bytes(gap))
    content[offset : offset + len(data)] = data
