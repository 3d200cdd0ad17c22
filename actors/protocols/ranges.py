"""A part of a body, where a request asks for one and its handler has given all (RFC 9110 14, WANTS 48 and 100). Pure."""

from __future__ import annotations

import re
from typing import Final, Literal

from partita.actors.network import fields
from partita.actors.network.fields import Fields

Part = tuple[int, int] | Literal["unsatisfiable"] | None
"""From which octet to before which; None is the whole."""

_RANGE: Final = re.compile(r"bytes=[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*", re.IGNORECASE | re.ASCII)


def part_asked_for(asked: Fields, headers: Fields, size_bytes: int) -> Part:
    """What the fields of a request ask for of a body that is ``size_bytes`` long and has these ``headers``.

    More than one range, another unit, and what is malformed ask for the whole (RFC 9110 14.2); so does ``If-Range`` of
    another version.
    """
    value = fields.first(asked, "range")
    parsed = None if value is None else _RANGE.fullmatch(value)
    if parsed is None or not _is_version(fields.first(asked, "if-range"), headers):
        return None
    first, last, suffix = parsed.groups()
    if suffix:
        length = min(int(suffix), size_bytes)
        return (size_bytes - length, size_bytes) if length else "unsatisfiable"
    start, stop = int(first), int(last) + 1 if last else size_bytes
    if start >= stop and last:
        return None
    return (start, min(stop, size_bytes)) if start < size_bytes else "unsatisfiable"


def _is_version(condition: str | None, headers: Fields) -> bool:
    """RFC 9110 13.1.5: compared strongly; a date has to be the very one."""
    if condition is None:
        return True
    if condition.startswith('"'):
        return condition == fields.first(headers, "etag")
    return condition == fields.first(headers, "last-modified")
