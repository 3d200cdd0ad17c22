"""Byte ranges (RFC 9110 14, RFC 9111 3.3 and 3.4): what is asked for, what is there, and how they fit. Pure."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from partita.actors.network.fields import Fields, every
from partita.events.cache import CachedPart, CacheEntry, Extent

_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII)
_CONTENT_RANGE: Final = re.compile(r"bytes[ \t]+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)

_OF_A_PART: Final = frozenset({"content-range", "content-length"})


class CachedSpan(Struct, frozen=True, gc=False):
    """Bytes ``start`` to ``stop`` (not included) of a blob, which is named by its SHA-256, 32 bytes."""

    digest: bytes
    start: int
    stop: int


class Wanted(Struct, frozen=True, gc=False):
    """One range: from ``first`` on, to ``last`` included or to the end; with ``first`` None, the ``last`` bytes of all."""

    first: int | None
    last: int | None
    text: str = ""


def wanted(request: Fields) -> Wanted | bool:
    """The range that a request asks for; False when it asks for all, True when it asks for what is not answered from here."""
    lines = every(request, "range")
    if not lines:
        return False
    found = _RANGE.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        return True
    start = int(found[1]) if found[1] else None
    stop = int(found[2]) if found[2] else None
    if start is None and not stop:
        return True
    if start is not None and stop is not None and stop < start:
        return True
    return Wanted(start, stop, lines[0])


def extent_of(headers: Fields, request: Fields) -> Extent | None:
    """Which bytes a 206 brings; None when it does not say, or says nonsense (RFC 9110 14.4)."""
    lines = every(headers, "content-range")
    found = _CONTENT_RANGE.fullmatch(lines[0].strip(" \t")) if len(lines) == 1 else None
    if found is None:
        return None
    start, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if last < start or (total is not None and total <= last):
        return None
    return Extent(start, last, total, ", ".join(every(request, "range")))


def taken(entry: CacheEntry, range_: Wanted) -> tuple[int, int] | None:
    """From where to where of the stored body a range is; None when it is not there, or not all of it.

    A server may have sent fewer bytes than it said. Those are the first ones; and whoever asks the same gets the same.
    """
    size = entry.body_bytes
    extent = entry.extent or Extent(0, size - 1, size)
    if range_.text and range_.text == extent.asked:
        return 0, size
    wanted = _absolute(range_, extent.total_bytes)
    if wanted is None or (range_.first is None and size != extent.last_byte - extent.first_byte + 1):
        return None
    start, last = wanted
    begin = start - extent.first_byte
    if begin < 0 or begin >= size or last > extent.last_byte:
        return None
    return begin, min(size, last + 1 - extent.first_byte)


def _absolute(range_: Wanted, total: int | None) -> tuple[int, int] | None:
    """The first and the last byte that are wanted; None when that depends on a length that nobody knows."""
    if total is None:
        return None if range_.first is None or range_.last is None else (range_.first, range_.last)
    if range_.first is None:
        return max(0, total - (range_.last or 0)), total - 1
    return range_.first, total - 1 if range_.last is None else min(range_.last, total - 1)


def content_range(entry: CacheEntry, start: int, stop: int) -> str:
    """The ``Content-Range`` of that stretch of the stored body."""
    size = entry.body_bytes
    extent = entry.extent or Extent(0, size - 1, size)
    last = extent.first_byte + stop - 1 if (start, stop) != (0, size) else extent.last_byte
    total = "*" if extent.total_bytes is None else str(extent.total_bytes)
    return f"bytes {extent.first_byte + start}-{last}/{total}"


def as_part(headers: Fields, content_range_: str, length: int) -> Fields:
    """The fields of a response as those of a part of it."""
    kept = tuple(field for field in headers if field[0].lower() not in _OF_A_PART)
    return (*kept, ("Content-Range", content_range_), ("Content-Length", str(length)))


def as_whole(headers: Fields, length: int) -> Fields:
    """The fields of a part as those of the whole."""
    kept = tuple(field for field in headers if field[0].lower() not in _OF_A_PART)
    return (*kept, ("Content-Length", str(length)))


def missing_after(entry: CacheEntry, range_: Wanted | None) -> tuple[int, int | None] | None:
    """When the beginning of what is wanted is there: the first byte that is missing, and the last (None: all to the end).

    ``range_`` None wants all. None when the stored part does not help.
    """
    extent = entry.extent
    if extent is None or entry.body_bytes != extent.last_byte - extent.first_byte + 1:
        return None
    if range_ is None:
        begin, last = 0, None
    elif range_.first is None:
        return None
    else:
        begin, last = range_.first, range_.last
    missing = extent.last_byte + 1
    if not extent.first_byte <= begin < missing or (last is not None and last < missing):
        return None
    if extent.total_bytes is not None and missing >= extent.total_bytes:
        return None
    return missing, last


def spans(parts: tuple[CachedPart, ...], start: int = 0, stop: int | None = None) -> tuple[CachedSpan, ...]:
    """Where the bytes from ``start`` to ``stop`` of a body lie."""
    return tuple(
        CachedSpan(bytes.fromhex(part.digest), part.start, part.start + part.size_bytes)
        for part in cut(parts, start, stop)
    )


def cut(parts: tuple[CachedPart, ...], start: int = 0, stop: int | None = None) -> tuple[CachedPart, ...]:
    """The parts that hold the bytes from ``start`` to ``stop`` of a body."""
    if start == 0 and stop is None:
        return parts
    found: list[CachedPart] = []
    at = 0
    for part in parts:
        begin, end = max(start, at), at + part.size_bytes
        if stop is not None:
            end = min(stop, end)
        if begin < end:
            found.append(CachedPart(part.digest, end - begin, part.start + begin - at))
        at += part.size_bytes
    return tuple(found)


def joined(
    entry: CacheEntry, extent: Extent, parts: tuple[CachedPart, ...]
) -> tuple[Extent | None, tuple[CachedPart, ...]] | None:
    """A stored part and a new one of the same representation, as one; None when there is a gap between them.

    The extent is None when all is there now (RFC 9111 3.4).
    """
    old = entry.extent
    size = sum(part.size_bytes for part in parts)
    if old is None or entry.body_bytes != old.last_byte - old.first_byte + 1:
        return None
    if size != extent.last_byte - extent.first_byte + 1 or (
        old.total_bytes is not None and extent.total_bytes is not None and old.total_bytes != extent.total_bytes
    ):
        return None
    if extent.first_byte > old.last_byte + 1 or old.first_byte > extent.last_byte + 1:
        return None
    before = (
        cut(entry.parts, 0, max(0, extent.first_byte - old.first_byte)) if old.first_byte < extent.first_byte else ()
    )
    after = cut(entry.parts, extent.last_byte + 1 - old.first_byte) if old.last_byte > extent.last_byte else ()
    total = old.total_bytes if extent.total_bytes is None else extent.total_bytes
    whole = Extent(min(old.first_byte, extent.first_byte), max(old.last_byte, extent.last_byte), total)
    all_parts = (*before, *parts, *after)
    if whole.first_byte == 0 and total is not None and whole.last_byte == total - 1:
        return None, all_parts
    return whole, all_parts
