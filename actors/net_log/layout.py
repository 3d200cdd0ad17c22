"""Where in the file the entries of a net log stand, so that it is valid JSON at every moment. Pure.

A process can be killed in the middle of a write. The system then has written some of it: whole pages of the file, for each of
them is copied in one go. So a page changes from one moment to the next, and two pages do not. The file lives with that::

    {"constants": ... ,"events": [        written before the file gets its name
    {...},                                entries, which is all that stood there when the file was last written anew
    {...}      <- at                      the last one
                                          room: blanks, which mean nothing in JSON
    ]}                                    the end of the file, which never moves

An entry is put into the room with the comma before it, and never over the border of two pages. What a kill leaves of a write is
then a number of whole entries, between blanks. When the room is used up, or an entry is larger than a page, the file is
written anew beside the old one, with more room, and renamed over it. Because the room grows with the file, a byte is copied
two or three times in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from partita.actors.net_log.parts import split

PAGE_BYTES: Final = 4096
"""What a system writes whole, or not at all. None has smaller pages; for larger ones, it is on the safe side."""

TAIL: Final = b"]}"
"""How the file ends."""

LEAST_ROOM_BYTES: Final = 64 << 10
LEAST_LIMIT_BYTES: Final = 4 * PAGE_BYTES
"""A limit below this is taken for this: less could not hold the few entries of one request."""

BETWEEN: Final = b",\n"


class Placed(Struct, frozen=True):
    """What to write at the end of the entries, and the entries that found no room."""

    data: bytes
    left: Sequence[bytes]


def placed(entries: Sequence[bytes], at: int, end: int, *, first: bool) -> Placed:
    """Put entries between ``at`` and ``end``, each within a page. ``first``: there is none before them."""
    found: list[bytes] = []
    for number, entry in enumerate(entries):
        pieces = [entry] if _fits(entry) else split(entry)
        laid: list[bytes] = []
        place = at
        for piece in pieces:
            text = piece if first and not found and not laid else BETWEEN + piece
            blanks = _blanks_before(text, place)
            if blanks is None or place + blanks + len(text) > end:
                return Placed(b"".join(found), entries[number:])
            laid.append(b" " * blanks + text)
            place += blanks + len(text)
        found += laid
        at = place
    return Placed(b"".join(found), ())


def _fits(entry: bytes) -> bool:
    return len(entry) + len(BETWEEN) <= PAGE_BYTES


def _blanks_before(text: bytes, place: int) -> int | None:
    """How many, so that it stands within one page; None when it can not."""
    left = -place % PAGE_BYTES
    if len(text) <= (left or PAGE_BYTES):
        return 0
    return left if len(text) <= PAGE_BYTES else None


class Lines:
    """Takes the entries out of the text of a file, wherever it is cut."""

    def __init__(self, *, skip_first: bool = False) -> None:
        self._before = b""
        self._skip = skip_first

    def feed(self, text: bytes) -> list[bytes]:
        """The entries that are complete with this text."""
        *lines, self._before = (self._before + text).split(b"\n")
        return self._entries(lines)

    def rest(self) -> list[bytes]:
        """The last one."""
        last, self._before = self._before, b""
        return self._entries([last])

    def _entries(self, lines: Sequence[bytes]) -> list[bytes]:
        if self._skip and lines:
            lines, self._skip = lines[1:], False
        return [entry for line in lines if (entry := line.strip(b" ,"))]


class Size(Struct, frozen=True):
    """How large the part of the file that holds entries may become: ``limit_bytes``, None for no limit."""

    limit_bytes: int | None = None

    @classmethod
    def of(cls, max_file_size: int | None) -> Size:
        """For the option ``max_file_size`` (FEATURES N3)."""
        return cls(None if max_file_size is None else max(max_file_size, LEAST_LIMIT_BYTES))

    def shared(self, used_bytes: int, entries: Sequence[bytes]) -> tuple[int, Sequence[bytes]]:
        """How many bytes of the old entries stay, the newest, and which of the new ones go into the file.

        All of them, as long as there is room. When there is none any more, the oldest go, until half of the limit is free
        again: the file need not be written anew soon. A new entry that is larger than that half is given up alone.
        """
        if self.limit_bytes is None:
            return used_bytes, entries
        half = self.limit_bytes // 2
        taken = [entry for entry in entries if len(entry) + len(BETWEEN) <= half]
        new_bytes = total_bytes(taken)
        if used_bytes + new_bytes + len(TAIL) <= self.limit_bytes:
            return used_bytes, taken
        start = 0
        while new_bytes > half:
            new_bytes -= len(taken[start]) + len(BETWEEN)
            start += 1
        return (0 if start else min(used_bytes, half - new_bytes)), taken[start:]

    def room_after(self, used_bytes: int) -> int:
        """How much room is to follow so many bytes of entries: half as much again, and never more than the limit leaves."""
        wanted = max(LEAST_ROOM_BYTES, used_bytes // 2)
        return wanted if self.limit_bytes is None else max(0, min(wanted, self.limit_bytes - used_bytes - len(TAIL)))


def joined(entries: Sequence[bytes], *, first: bool) -> bytes:
    """The entries as they stand in a file; ``first``: there is none before them."""
    return b"".join(entry if first and not number else BETWEEN + entry for number, entry in enumerate(entries))


def total_bytes(entries: Iterable[bytes]) -> int:
    """How long they are as they stand in the file."""
    return sum(len(entry) + len(BETWEEN) for entry in entries)
