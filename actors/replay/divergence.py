"""Where two values differ, field by field: for divergence reports, and for ``partita diff``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

ABSENT: Final = "(absent)"


class Difference(msgspec.Struct, frozen=True):
    """One field that differs. ``path`` reads like code: ``events[0].cookie.path``."""

    path: str
    left: object
    right: object


def differences(
    left: object, right: object, path: str = "", *, same: Callable[[object, object], bool] = operator.eq
) -> Iterator[Difference]:
    """Every leaf in which two values differ, in order. Structs, mappings and sequences are walked; all else is compared.

    ``same`` compares the leaves: who has no keys to a log's secrets gives one that can do without.
    """
    if left is right or (same is operator.eq and left == right):  # most are, and that is told sooner so
        return
    if isinstance(left, msgspec.Struct) and type(left) is type(right):
        for name in left.__struct_fields__:
            yield from differences(getattr(left, name), getattr(right, name), _join(path, name), same=same)
    elif isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in {**left, **right}:
            yield from differences(left.get(key, ABSENT), right.get(key, ABSENT), f"{path}[{key!r}]", same=same)
    elif _is_sequence(left) and _is_sequence(right):
        assert isinstance(left, Sequence)
        assert isinstance(right, Sequence)
        for index in range(max(len(left), len(right))):
            one = left[index] if index < len(left) else ABSENT
            other = right[index] if index < len(right) else ABSENT
            yield from differences(one, other, f"{path}[{index}]", same=same)
    elif not same(left, right):
        yield Difference(path or "(value)", left, right)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_sequence(value: object) -> bool:
    return isinstance(value, (tuple, list))
