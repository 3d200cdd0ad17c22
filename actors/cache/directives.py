"""``Cache-Control`` (RFC 9111 5.2): its directives, and the numbers that they carry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

LONGEST_S: Final = 1 << 31
"""What a number too large to be meant stands for (RFC 9111 1.2.2)."""

Directives = Mapping[str, tuple[str | None, ...]]
"""Each directive's name in lower case, with the arguments that it was given, in order; None where it had none."""

NONE: Final[Directives] = MappingProxyType({})


def of(lines: Iterable[str]) -> Directives:
    """The directives of the field's lines."""
    text = ", ".join(lines)
    return _parsed(text) if text else NONE


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Directives:
    found: dict[str, tuple[str | None, ...]] = {}
    for member in members(text):
        name, equals, argument = member.partition("=")
        key = name.strip(" \t").lower()
        if not equals:
            found[key] = (*found.get(key, ()), None)
            continue
        blank = " " if name != name.rstrip(" \t") else ""  # there is none in the grammar: it spoils the argument
        found[key] = (*found.get(key, ()), blank + unquoted(argument))
    return MappingProxyType(found)


def members(text: str) -> Iterator[str]:
    """The members of a comma-separated list that are not empty, without the space around them; quoted commas do not count."""
    start = at = 0
    quoted = False
    while at <= len(text):
        char = text[at] if at < len(text) else ","
        if at == len(text) or (char == "," and not quoted):
            if member := text[start:at].strip(" \t"):
                yield member
            start = at + 1
        elif char == '"':
            quoted = not quoted
        elif char == "\\" and quoted:
            at += 1
        at += 1


def unquoted(argument: str) -> str:
    """A token or a quoted string, as what it means (RFC 9110 5.6.4)."""
    if len(argument) < len('""') or argument[0] != '"' or argument[-1] != '"':
        return argument
    value: list[str] = []
    escaped = False
    for char in argument[1:-1]:
        if char == "\\" and not escaped:
            escaped = True
            continue
        value.append(char)
        escaped = False
    return "".join(value)


def delta_seconds(argument: str | None) -> int | None:
    """A number of seconds (RFC 9111 1.2.2); None when it is none."""
    if argument is None or not argument.isascii() or not argument.isdigit():
        return None
    return min(int(argument), LONGEST_S) if len(argument) <= len(str(LONGEST_S)) + 64 else LONGEST_S


def seconds(directives: Directives, name: str) -> int | None:
    """What the first such directive says; None when there is none, 0 when it says nothing that can be read.

    "Caches are encouraged to consider responses that have invalid freshness information to be stale" (RFC 9111 4.2.1).
    """
    arguments = directives.get(name)
    if arguments is None:
        return None
    return delta_seconds(arguments[0]) or 0


def named_fields(directives: Directives, name: str) -> frozenset[str] | None:
    """The fields that ``no-cache`` or ``private`` is limited to, in lower case; None when it is not limited, or not there."""
    arguments = directives.get(name)
    if arguments is None:
        return None
    fields: set[str] = set()
    for argument in arguments:
        if argument is None:
            return None
        fields.update(part.lower() for part in members(argument))
    return frozenset(fields) or None
