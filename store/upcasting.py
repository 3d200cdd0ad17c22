"""Old records made today's.

It is tried only when a record does not decode as it stands: the record is decoded without types, every tagged array in it
whose tag has an upcaster is handed to that, until its tag is today's, and the result is encoded again for the typed decoder.
An array is made newer before what is in it: its upcaster was written when its fields still had their old versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

import msgspec
from msgspec.msgpack import Decoder, Encoder

from partita.events.errors import LogDamaged
from partita.store.environment import Buffer

Upcaster = tuple[str, Callable[[list[object]], list[object]]]
"""The tag of the next version, and what makes its fields of the old ones."""

CHAIN: Final = 1000
"""More versions of one type than anybody writes: a chain as long as this goes round in a circle."""

_TAG: Final = re.compile(r"([a-z0-9_.]+)/(\d+)")
_decode: Final = Decoder().decode  # extensions stay as they are: nothing is opened to be made newer
_encode: Final = Encoder().encode


def upcast(payload: Buffer, upcasters: Mapping[str, Upcaster], position: int) -> bytes:
    """A record with every old version in it made today's. Raises :class:`LogDamaged` when it is no msgpack."""
    try:
        return _encode(_newer(_decode(payload), upcasters))
    except msgspec.DecodeError as error:
        raise LogDamaged(
            f"what was written at position {position} does not decode: {error}", position=position
        ) from error


def _newer(value: object, upcasters: Mapping[str, Upcaster]) -> object:
    if isinstance(value, list):
        fields = cast("list[object]", value)
        for _ in range(CHAIN):
            upcaster = upcasters.get(fields[0]) if fields and isinstance(fields[0], str) else None
            if upcaster is None:
                return [_newer(field, upcasters) for field in fields]
            tag, newer = upcaster
            fields = [tag, *newer(fields[1:])]
        raise ValueError(f"the upcasters of {fields[0]!r} go round in a circle")
    if isinstance(value, dict):
        return {key: _newer(field, upcasters) for key, field in value.items()}
    return value


def misfit(payload: bytes, tags: frozenset[str], position: int, error: str) -> tuple[str, str]:
    """The tag that made a record not fit, and what to say of it.

    ``position`` is where the record is; within a batch the turn's own is named. ``error`` is what the decoder said.
    """
    record = _decode(payload)
    turns = record if isinstance(record, list) else []
    whose: Iterator[tuple[int, object]] = ((_turn_position(turn, position), turn) for turn in turns)
    for at, turn in whose:
        for tag in _tags(turn):
            if tag not in tags:
                return tag, _unknown(tag, tags, at)
    found = re.search(r"\$\[(\d+)\]", error)
    index = int(found[1]) if found else 0
    turn = turns[index] if index < len(turns) else record
    tag = next(_tags(turn), "?")
    at = _turn_position(turn, position)
    return tag, f"{tag!r} at position {at} has fields that this partita does not understand: {error}"


def _unknown(tag: str, tags: frozenset[str], position: int) -> str:
    name, _, version = tag.rpartition("/")
    known = sorted(int(match[2]) for match in map(_TAG.fullmatch, tags) if match and match[1] == name)
    start = f"the log has {tag!r} at position {position}"
    if not known:
        return f"{start}, a type that this partita does not know: it was written by another version"
    newest = f"this partita knows {name}/{known[-1]}"
    if int(version) > known[-1]:
        return f"{start}, {newest}: it was written by a later version, one that knows {tag}"
    return f"{start}, {newest} and has no upcaster for it"


def _turn_position(turn: object, otherwise: int) -> int:
    if isinstance(turn, list) and turn and isinstance(turn[0], int):
        return turn[0]
    return otherwise


def _tags(value: object) -> Iterator[str]:
    """The tags in a record, outermost first."""
    if isinstance(value, list):
        if value and isinstance(value[0], str) and _TAG.fullmatch(value[0]):
            yield value[0]
        for field in value:
            yield from _tags(field)
    elif isinstance(value, dict):
        for field in value.values():
            yield from _tags(field)
