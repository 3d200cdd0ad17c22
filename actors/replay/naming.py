"""What a query may name: the types of the vocabulary by class and by tag, and their fields."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, get_args, get_origin

import msgspec

from partita.events import vocabulary
from partita.events.system import Tell
from partita.events.turn import External, Turn
from partita.events.types import tag_of

TURN_NAMES: Final = frozenset({"position", "time", "actor", "cause", "message", "event", "effect", "turn"})
STATE_NAMES: Final = frozenset({"state", "session", "actors"})
"""``state`` is that of the turn's own actor, ``session`` the session's, ``actors["download/1a2b"]`` any one's."""


@cache
def types_by_name() -> dict[str, type[msgspec.Struct]]:
    """Every type that ``is`` can test: ``CookieStored``, ``cookies.stored``, ``cookies.stored/1``."""
    found: dict[str, type[msgspec.Struct]] = {}
    tagged = {*vocabulary.MESSAGES, *vocabulary.EVENTS, *vocabulary.STATES, *(map(_plain, vocabulary.EFFECTS))}
    for kind in sorted(tagged, key=tag_of):
        tag = tag_of(kind)
        for name in (kind.__name__, tag, tag.rpartition("/")[0]):
            found[name] = kind
    for struct in _reachable():
        found.setdefault(struct.__name__, struct)
    return found


@cache
def fields_of(kind: str) -> frozenset[str]:
    """The names of the fields of all ``events``, ``effects`` or ``messages``."""
    types = {
        "events": vocabulary.EVENTS,
        "effects": (*map(_plain, vocabulary.EFFECTS), *vocabulary.MESSAGES),  # a Tell is as good as what it tells
        "messages": vocabulary.MESSAGES,
    }[kind]
    return frozenset(name for each in types for name in each.__struct_fields__)


@cache
def attributes() -> frozenset[str]:
    """Every name that may stand behind a dot."""
    names: set[str] = set()
    structs: tuple[type[msgspec.Struct], ...] = (*_reachable(), Turn, External)
    for struct in structs:
        names.update(struct.__struct_fields__)
        names.update(
            name for base in struct.__mro__ for name, value in vars(base).items() if isinstance(value, property)
        )
    return frozenset(name for name in names if not name.startswith("_"))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean CookieStored?``, or nothing."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


@cache
def _reachable() -> tuple[type[msgspec.Struct], ...]:
    """All structs that a log can hold, nested ones included."""
    found: dict[type[msgspec.Struct], None] = {}
    waiting: list[Any] = [
        *vocabulary.MESSAGES,
        *vocabulary.EVENTS,
        *vocabulary.STATES,
        *map(_plain, vocabulary.EFFECTS),
    ]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind not in found:
                found[kind] = None
                waiting += [field.type for field in msgspec.structs.fields(kind)]
        else:
            waiting += _parts(kind)
    return tuple(found)


def _parts(kind: Any) -> Iterator[Any]:
    for part in (get_origin(kind), *get_args(kind)):
        if part is not None and (get_args(part) or isinstance(part, type)):
            yield part


def _plain(effect: Any) -> type[msgspec.Struct]:
    """``Tell`` itself for ``Tell[...]``."""
    return Tell if get_origin(effect) is Tell else effect
