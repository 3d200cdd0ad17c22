"""What a query can do with the values that it meets.

Two things are unlike Python. What is not there (``MISSING``: a field that this event has not, a key that is not in the
state) takes every operation to ``MISSING``, as null does in SQL; a condition that is ``MISSING`` does not hold. And a
:class:`Secret` is compared by its value, but nothing that is made of it is ever anything but a truth value, a length, or a
``Secret`` again: what a query gives can be printed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from partita.actors.replay.paths import MISSING, actor_named, steps_to_key, value_in
from partita.events.errors import SecretErased
from partita.events.secret import Secret
from partita.events.system import Tell
from partita.events.types import State, Tagged, tag_of

TESTS: Final = frozenset({"startswith", "endswith", "isdigit", "isalpha", "isalnum", "isupper", "islower", "isspace"})
TEXTS: Final = frozenset({"lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix"})
PARTS: Final = frozenset(
    {"split", "rsplit", "partition", "rpartition", "find", "rfind", "count", "index", "replace", "hex", "decode"}
)
OF_MAPPINGS: Final = frozenset({"get", "keys", "values", "items"})
METHODS: Final = TESTS | TEXTS | PARTS | OF_MAPPINGS
"""The methods that a query may call, all of texts, bytes, sequences and mappings, and none of which changes anything."""


class Actors(Mapping[str, State]):
    """``actors["download/1a2b"]``: the states by the actors' names, of which unique beginnings will do."""

    def __init__(self, images: Mapping[str, tuple[State, Any]]) -> None:
        self._images = images

    def __getitem__(self, name: str) -> State:
        found = actor_named(name, self._images)
        if found is None:
            raise KeyError(name)
        return self._images[found][0]

    def __iter__(self) -> Any:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)


def truth(value: object) -> bool:
    """Whether a value that is there counts as true; a secret that was erased does not."""
    if not isinstance(value, Secret):
        return bool(value)
    return not value.erased and bool(value.reveal())


def attribute(value: object, name: str) -> object:
    """A field of a struct, or one that it gives by a property."""
    return getattr(value, name, MISSING) if isinstance(value, msgspec.Struct) else MISSING


def item(value: object, key: object) -> object:
    """``value[key]``; of a struct, what its dictionaries have under that key."""
    refuse_secrets(value, key)
    if isinstance(key, slice):
        return value[key] if isinstance(value, (str, bytes, tuple, list)) else MISSING
    try:
        if isinstance(value, (Mapping, str, bytes, tuple, list)):
            return value[key]  # type: ignore[index,call-overload]
    except (KeyError, IndexError):
        pass
    if isinstance(value, (Mapping, msgspec.Struct)) and isinstance(key, str) and not isinstance(value, Actors):
        steps = steps_to_key(value, key)
        return MISSING if steps is None else value_in(value, steps)
    return MISSING


def is_of(value: object, types: tuple[type, ...]) -> bool:
    """Whether it is one of these types; a ``Tell`` is also what it tells."""
    return isinstance(value, types) or (isinstance(value, Tell) and isinstance(value.message, types))


def compared(sign: str, left: object, right: object) -> object:
    """``left sign right``; secrets take part with their values."""
    if left is MISSING or right is MISSING:
        return MISSING
    if sign in ("in", "not in"):
        found = _contains(right, left)
        return found if found is MISSING else found is (sign == "in")
    if isinstance(left, Secret) or isinstance(right, Secret):
        try:
            left, right = _alike(left, right)
        except SecretErased:
            return MISSING
    return _COMPARISONS[sign](left, right)


def _contains(container: object, value: object) -> object:
    try:
        if isinstance(container, Secret):
            container, value = _alike(container, value)
        if isinstance(container, (str, bytes)):
            return _alike(value, container)[0] in container  # type: ignore[operator]
    except SecretErased:
        return MISSING
    if isinstance(container, Mapping):
        return value in container
    if isinstance(container, Iterable):
        return any(compared("==", value, each) is True for each in container)
    raise TypeError(f"nothing can be in {_kind(container)}")


def _alike(left: object, right: object) -> tuple[object, object]:
    """Both values opened; as texts, where one of them is."""
    left, right = _opened(left), _opened(right)
    if isinstance(left, str) and isinstance(right, bytes):
        return left, right.decode("latin-1")
    if isinstance(left, bytes) and isinstance(right, str):
        return left.decode("latin-1"), right
    return left, right


def _opened(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


_COMPARISONS: Final[dict[str, Callable[[Any, Any], object]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
}


def computed(sign: str, left: Any, right: Any) -> object:
    """Numbers by all signs; texts and sequences by ``+``."""
    if left is MISSING or right is MISSING:
        return MISSING
    refuse_secrets(left, right)
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if not numbers and not (sign == "+" and isinstance(left, (str, bytes, tuple, list))):
        raise TypeError(f"{_kind(left)} {sign} {_kind(right)}: arithmetic is for numbers, and + for texts as well")
    return _ARITHMETIC[sign](left, right)


_ARITHMETIC: Final[dict[str, Callable[[Any, Any], object]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def method(value: Any, name: str, arguments: Sequence[Any]) -> object:
    """``value.name(*arguments)``, for the methods of ``METHODS``."""
    if value is MISSING or any(each is MISSING for each in arguments):
        return MISSING
    refuse_secrets(*arguments)
    if isinstance(value, Secret):
        return _of_secret(value, name, arguments)
    if not isinstance(value, (str, bytes, tuple, list, Mapping)) or not hasattr(value, name):
        raise TypeError(f"{_kind(value)} has no method {name}()")
    found = getattr(value, name)(*arguments)
    return tuple(found) if name in ("keys", "values", "items") else found


def _of_secret(secret: Secret, name: str, arguments: Sequence[Any]) -> object:
    if name not in TESTS | TEXTS:
        raise TypeError(
            f"a secret has no {name}() here: compare it, or ask len(), startswith(), endswith(), lower() and the like"
        )
    try:
        found = getattr(secret.reveal_text(), name)(*arguments)
    except SecretErased:
        return MISSING
    return found if isinstance(found, bool) else Secret(found)


def _length(value: Any) -> object:
    try:
        return len(_opened(value))  # type: ignore[arg-type]
    except SecretErased:
        return MISSING


def _tag(value: object) -> object:
    return tag_of(value) if isinstance(value, Tagged) else MISSING


FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "bool": truth,
    "float": float,
    "int": int,
    "len": _length,
    "list": list,
    "max": max,
    "min": min,
    "round": round,
    "set": set,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tag": _tag,
    "tuple": tuple,
}
"""What a query may call by name; ``tag(event)`` is the tag of a struct."""

_OPEN_SECRETS: Final = frozenset({"len", "bool", "str"})
"""Functions that take a secret: its length, whether it is empty, and its dots."""


def called(name: str, arguments: Sequence[object]) -> object:
    """``name(*arguments)``, for the functions of ``FUNCTIONS``."""
    if any(each is MISSING for each in arguments):
        return MISSING
    if name not in _OPEN_SECRETS:
        refuse_secrets(*arguments)
    return FUNCTIONS[name](*arguments)


def refuse_secrets(*values: object) -> None:
    """Raises :class:`TypeError` when one is a secret: what would come out could be printed."""
    if any(isinstance(value, Secret) for value in values):
        raise TypeError(
            "a secret can be compared, and asked len(), startswith(), endswith(), lower() and the like; no more"
        )


def _kind(value: object) -> str:
    return type(value).__name__
