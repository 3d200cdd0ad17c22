"""An entry that is too large for a page of the file, in several that are not; and those in one again. Pure.

Only whole entries of up to a page can be added to a log that has to be valid at every moment (see
:mod:`partita.actors.net_log.layout`). A larger one is added in parts: entries of the same type and source, whose parameters
``part`` and ``parts`` say which of how many each is. Lists go from part to part item by item, long texts in pieces, and what is
neither is made its JSON text; ``pieces`` names the texts whose next piece is in the next part. When the file is written anew, the
parts become the one entry again: only a log whose process was killed has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from partita.actors.net_log.constants import PHASES

PIECE_BYTES: Final = 3000
"""How much of one text a part holds at most, escaped as it stands in the file."""

_PART_BYTES: Final = 3400
"""Room for parameters in a part: what is left of a page beside the entry's other fields and one last piece."""

_SMALL_BYTES: Final = 256
"""A parameter of up to this size stands in the first part."""

_MARK: Final = b'"part":'

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.decode

Entry = dict[str, Any]


def split(entry: bytes) -> list[bytes]:
    """The entry in parts of less than a page each, in order; the phase ``end`` is the last one's, ``begin`` the first one's."""
    whole: Entry = _decode(entry)
    found: list[Entry] = [{}]
    sizes = [0]
    for name, value in sorted(whole.get("params", {}).items(), key=lambda item: len(_encode(item[1]))):
        for key, piece, more in _pieces(name, value):
            size = len(_encode(piece)) + len(name) + 8
            if sizes[-1] + size > _PART_BYTES:
                found.append({})
                sizes.append(0)
            sizes[-1] += size
            part = found[-1]
            if isinstance(piece, list):
                part.setdefault(key, []).extend(piece)
            else:
                part[key] = piece
            if more:
                part.setdefault("pieces", []).append(key)
                found.append({})
                sizes.append(0)
    ended = whole["phase"] == PHASES["end"]
    parts = []
    for number, parameters in enumerate(found):
        has_phase = number == (len(found) - 1 if ended else 0)
        phase = whole["phase"] if has_phase else PHASES["none"]
        parts.append(
            _encode({**whole, "params": {**parameters, "part": number + 1, "parts": len(found)}, "phase": phase})
        )
    return parts


def _pieces(name: str, value: object) -> Iterator[tuple[str, object, bool]]:
    """A parameter in pieces: its name, the piece, and whether the text goes on in the next one."""
    if len(_encode(value)) <= _SMALL_BYTES:
        yield name, value, False
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        for item in value:
            *before, last = _cut(item)
            for piece in before:
                yield name, [piece], True
            yield name, [last], False
    else:
        text = value if isinstance(value, str) else _encode(value).decode()
        *before, last = _cut(text)
        for piece in before:
            yield name, piece, True
        yield name, last, False


def _cut(text: str) -> list[str]:
    """Pieces of up to so many bytes; no character is cut."""
    if len(_encode(text)) <= PIECE_BYTES:
        return [text]
    step = max(1, PIECE_BYTES // max(len(_encode(char)) - 2 for char in set(text)))
    return [text[start : start + step] for start in range(0, len(text), step)]


def is_part(entry: bytes) -> bool:
    """Whether it may be a part: :class:`Merging` looks closer."""
    return _MARK in entry


class Merging:
    """Puts parts together again, as the entries of a file go by."""

    def __init__(self) -> None:
        self._open: Entry | None = None
        self._pieces: list[str] = []
        self._next = 1

    def feed(self, entry: bytes) -> list[bytes]:
        """What is complete with this entry: the entry itself, nothing yet, or the whole of several."""
        if not is_part(entry):
            return [*self.rest(), entry]
        part: Entry = _decode(entry)
        parameters = part.get("params", {})
        number, count = parameters.pop("part", None), parameters.pop("parts", None)
        if not isinstance(number, int) or not isinstance(count, int):
            return [*self.rest(), entry]
        pieces = parameters.pop("pieces", [])
        before = [] if self._open is not None and number == self._next else self.rest()
        if self._open is None:
            self._open = {**part, "params": {}}
        self._open["phase"] = self._open["phase"] or part["phase"]
        self._add(parameters)
        self._pieces = pieces
        self._next = number + 1
        return [*before, *self.rest()] if number == count else before

    def feed_all(self, entries: Iterable[bytes]) -> list[bytes]:
        """What is complete with these."""
        return [complete for entry in entries for complete in self.feed(entry)]

    def _add(self, parameters: Entry) -> None:
        assert self._open is not None
        known = self._open["params"]
        for name, value in parameters.items():
            if isinstance(value, list) and isinstance(known.get(name), list):
                if name in self._pieces:
                    known[name][-1] += value[0]
                    known[name] += value[1:]
                else:
                    known[name] += value
            elif name in self._pieces:
                known[name] += value
            else:
                known[name] = value

    def rest(self) -> list[bytes]:
        """What is there of an entry whose last parts are not."""
        left, self._open = self._open, None
        self._pieces, self._next = [], 1
        return [] if left is None else [_encode(left)]
