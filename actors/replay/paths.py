"""Paths into the states of actors: ``session.preferences.user_agent``, ``download/1a2b.phase``, ``session.cookies["sid"]``.

A path begins with an actor's name, of which ``kind/`` and the beginning of the id will do; without one, the session is
meant. Then come fields and keys, as in Python. A key in brackets may be given by its beginning where that is natural (the
first line of a cookie's slot: its name; the first digits of an id), and is looked for in the dictionaries inside a struct,
so that nobody has to know how the jar is divided.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from partita.actors.kernel.fold import Image
from partita.events.errors import InvalidQuery

_ID: Final = re.compile("[0-9a-f]{32}")
_ACTOR: Final = re.compile(r"[^.\[\]\s]*")


class _Missing:
    """Where nothing is: a field that this event has not, a key that is not there."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(absent)"


MISSING: Final = _Missing()


class Field(NamedTuple):
    """A step to a field of a struct."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class Key(NamedTuple):
    """A step to an item of a mapping or sequence."""

    key: str | int

    def __str__(self) -> str:
        return f"[{self.key!r}]"


Step = Field | Key


class Path(NamedTuple):
    """Where something stands in an actor's state."""

    actor: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.actor + "".join(map(str, self.steps))


def actor_named(name: str, actors: Mapping[str, object]) -> str | None:
    """The actor of this name, or the only one whose name begins so, from ``kind/`` on. None: there is none.

    Raises :class:`InvalidQuery` when several begin so.
    """
    if name in actors:
        return name
    found = [actor for actor in actors if "/" in name and actor.startswith(name)]
    if len(found) > 1:
        raise InvalidQuery(f"{len(found)} actors begin with {name!r}: {_listed(found)}")
    return found[0] if found else None


def parse_path(text: str, actors: Mapping[str, object]) -> Path:
    """The path that a text says. Raises :class:`InvalidQuery`."""
    match = _ACTOR.match(text)
    head = match.group() if match else ""
    actor = actor_named(head, actors)
    if actor is not None:
        return Path(actor, _steps(text, text[len(head) :]))
    if "/" in head:
        raise InvalidQuery(f"no actor's name begins with {head!r}: there are {_listed(list(actors))}")
    return Path("session", _steps(text, f".{text}"))


def value_at(images: Mapping[str, Image], path: Path) -> object:
    """What stands there, each step taken as it is written; ``MISSING`` when nothing does."""
    image = images.get(path.actor)
    return MISSING if image is None else value_in(image[0], path.steps)


def value_in(value: object, steps: tuple[Step, ...]) -> object:
    """The same from a state on."""
    for step in steps:
        if isinstance(step, Field):
            known = isinstance(value, msgspec.Struct) and step.name in value.__struct_fields__
            value = getattr(value, step.name) if known else MISSING
        else:
            value = _item(value, step.key)
        if value is MISSING:
            break
    return value


def resolved(value: object, steps: tuple[Step, ...]) -> tuple[Step, ...] | None:
    """The steps with every key in full, as it stands in ``value``; None when nothing stands there.

    Raises :class:`InvalidQuery` when a key is the beginning of several.
    """
    taken: tuple[Step, ...] = ()
    for step in steps:
        exact = (step,) if isinstance(step, Field) else steps_to_key(value, step.key)
        if exact is None:
            return None
        value = value_in(value, exact)
        if value is MISSING:
            return None
        taken += exact
    return taken


def steps_to_key(value: object, key: str | int) -> tuple[Step, ...] | None:
    """How to get from a value to the item of this key: the key itself, or by way of the dictionaries inside a struct."""
    if _item(value, key) is not MISSING:
        return (Key(key),)
    if not isinstance(key, str):
        return None
    level: list[tuple[tuple[Step, ...], object]] = [((), value)]
    while level:
        found = [
            (*steps, Key(each))
            for steps, holder in level
            if isinstance(holder, Mapping)
            for each in holder
            if _begins(each, key)
        ]
        if len(found) > 1:
            raise InvalidQuery(f"{len(found)} keys begin with {key!r}: {_listed([str(steps[-1]) for steps in found])}")
        if found:
            return found[0]
        level = [((*steps, step), part) for steps, holder in level for step, part in _dictionaries(holder)]
    return None


def _dictionaries(holder: object) -> Iterator[tuple[Step, object]]:
    """What may hold a key further in: of structs their fields, of dictionaries those of dictionaries."""
    if isinstance(holder, msgspec.Struct):
        for name in holder.__struct_fields__:
            part = getattr(holder, name)
            if isinstance(part, (Mapping, msgspec.Struct)):
                yield Field(name), part
    elif isinstance(holder, Mapping):
        for key, part in holder.items():
            if isinstance(part, Mapping):
                yield Key(key), part


def _item(value: object, key: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    if isinstance(value, Sequence) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return MISSING


def _begins(key: object, text: str) -> bool:
    if not isinstance(key, str):
        return False
    return key == text or key.startswith(f"{text}\n") or (_ID.fullmatch(key) is not None and key.startswith(text))


def _steps(text: str, rest: str) -> tuple[Step, ...]:
    try:
        node = ast.parse(f"_{rest}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidQuery(
            f"{text!r} is no path: write session.preferences.user_agent, or session.cookies['sid']"
        ) from error
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute) and not node.attr.startswith("_"):
            steps.append(Field(node.attr))
        elif isinstance(node, ast.Subscript) and _is_key(node.slice):
            steps.append(Key(ast.literal_eval(node.slice)))
        else:
            raise InvalidQuery(f"{text!r} is no path: after the actor come .field, ['key'] and [index] only")
        node = node.value
    return tuple(reversed(steps))


def _is_key(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (str, int)


def _listed(names: list[str], most: int = 5) -> str:
    text = ", ".join(names[:most])
    return text or "none" if len(names) <= most else f"{text}, …"
