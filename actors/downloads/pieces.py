"""Which bytes of a file are there: stretches ``(start, end)`` in order, none touching the next. Pure."""

from __future__ import annotations

from collections.abc import Iterable

Piece = tuple[int, int]
Pieces = tuple[Piece, ...]


def with_piece(pieces: Pieces, start: int, end: int) -> Pieces:
    """Joined with one more, which may overlap what is there."""
    if start >= end:
        return pieces
    before = tuple(piece for piece in pieces if piece[1] < start)
    behind = tuple(piece for piece in pieces if piece[0] > end)
    touching = [piece for piece in pieces if piece[1] >= start and piece[0] <= end]
    joined = (min([start, *(piece[0] for piece in touching)]), max([end, *(piece[1] for piece in touching)]))
    return (*before, joined, *behind)


def size_of(pieces: Pieces) -> int:
    """How many bytes they are."""
    return sum(end - start for start, end in pieces)


def first_missing(pieces: Pieces, start: int = 0) -> int:
    """The first byte from ``start`` on that is not there."""
    return next((end for begin, end in pieces if begin <= start < end), start)


def gaps(pieces: Iterable[Piece], total_bytes: int) -> Pieces:
    """What is missing of a file of that length; the pieces may come in any order here, and overlap."""
    found: list[Piece] = []
    at = 0
    for start, end in sorted(pieces):
        if start > at:
            found.append((at, min(start, total_bytes)))
        at = max(at, end)
    if at < total_bytes:
        found.append((at, total_bytes))
    return tuple(gap for gap in found if gap[0] < gap[1])
