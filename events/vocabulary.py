"""Every type that a log may hold, found by its tag; and how an old version becomes today's.

A changed type gets a new version in its tag, and its old tag an entry in ``UPCASTERS`` of the module that owns it::

    UPCASTERS = {"cookies.set/1": ("cookies.set/2", lambda fields: [*fields, None])}

An upcaster is handed the record's fields (plain msgpack values, without the tag) and returns those of the newer version; it
may raise nothing. Old versions are chained until the newest is reached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import or_
from types import ModuleType
from typing import Any, Final, get_args

import msgspec

from partita.events import (
    cache,
    choosing,
    cookies,
    device_connections,
    devices,
    download_ledger,
    download_queue,
    download_retries,
    download_segments,
    downloads,
    exchanges,
    net_log,
    network,
    pages,
    permissions,
    preferences,
    protocols,
    session,
    system,
    web_request,
)
from partita.events.types import Effect, Event, Message, State, Tagged, tag_of

MODULES: Final[tuple[ModuleType, ...]] = (
    system,
    session,
    preferences,
    cookies,
    cache,
    network,
    web_request,
    protocols,
    downloads,
    download_ledger,
    download_queue,
    download_retries,
    download_segments,
    choosing,
    pages,
    permissions,
    devices,
    device_connections,
    net_log,
    exchanges,
)

Upcaster = tuple[str, Callable[[list[object]], list[object]]]


def _types(base: type[Tagged]) -> tuple[type[Any], ...]:
    """The tagged types of a kind, in the order of their tags."""
    found: dict[str, type[Tagged]] = {}
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
                tag = tag_of(value)
                if found.setdefault(tag, value) is not value:
                    raise TypeError(
                        f"the tag {tag!r} is given to both {found[tag]!r} and {value!r}: give one a name of its own"
                    )
    return tuple(found[tag] for tag in sorted(found))


def _union(types: tuple[Any, ...]) -> Any:
    return reduce(or_, types)


MESSAGES: Final = _types(Message)
EVENTS: Final = _types(Event)
STATES: Final = _types(State)

MessageUnion: Final[Any] = _union(MESSAGES)
EFFECTS: Final[tuple[Any, ...]] = tuple(
    system.Tell[MessageUnion] if effect is system.Tell else effect for effect in _types(Effect)
)
EventUnion: Final[Any] = _union(EVENTS)
EffectUnion: Final[Any] = _union(EFFECTS)
StateUnion: Final[Any] = _union(STATES)

UPCASTERS: Final[Mapping[str, Upcaster]] = {
    tag: upcaster for module in MODULES for tag, upcaster in getattr(module, "UPCASTERS", {}).items()
}

TAGS: Final[frozenset[str]] = frozenset(tag_of(t) for t in (*MESSAGES, *EVENTS, *STATES, *_types(Effect)))
"""Every tag that this version writes."""


def shapes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each tag with its fields and their types, as text, nested structs included: what the fingerprint is made of."""
    for struct in sorted({*MESSAGES, *EVENTS, *STATES, *_types(Effect)}, key=tag_of):
        yield tag_of(struct), tuple(_fields(struct, ()))


def _fields(struct: type[Any], above: tuple[type[Any], ...]) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        yield f"{field.name}: {field.type}"
        for part in (field.type, *get_args(field.type)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part not in above:
                yield from (f"{field.name}.{inner}" for inner in _fields(part, (*above, part)))


def _fingerprint() -> str:
    text = "\n".join(f"{tag} {fields}" for tag, fields in shapes())
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


FINGERPRINT: Final = _fingerprint()
"""Changes whenever a type does: a log's meta tells by it which vocabulary last wrote there."""
