"""Methods and header fields: checked where they come in, and put together as they go out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Fields = tuple[tuple[str, str], ...]
"""Header fields in order. Values are Latin-1 text, as HTTP's octets are (RFC 9110 5.5)."""

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_NORMALIZED: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})  # Fetch standard 2.2.1
_FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})  # Fetch standard 2.2.1
_FRAMING: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"}
)

_OWN: Final = frozenset({"user-agent", "accept", "accept-encoding", "accept-language"})
_COOKIE: Final = frozenset({"cookie"})


def check_method(method: str) -> str:
    """The method as it goes out. Raises :class:`TypeError` or :class:`ValueError` for one that cannot."""
    if not isinstance(method, str):
        raise TypeError(f"a method is a str, not {type(method).__name__}")
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is no HTTP method")
    upper = method.upper()
    if upper in _FORBIDDEN_METHODS:
        raise ValueError(f"the method {method!r} cannot be fetched")
    return upper if upper in _NORMALIZED else method


def check_fields(headers: Iterable[tuple[str, str]]) -> Fields:
    """Header fields as a caller gave them, without the space around their values.

    Raises :class:`TypeError` or :class:`ValueError` that names the field. Fields that say how a message is framed
    belong to the connection, and are refused.
    """
    checked = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"header fields are pairs of str; got {name!r}: {type(value).__name__}")
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header field")
        if name.lower() in _FRAMING:
            raise ValueError(f"the header field {name!r} belongs to the connection and cannot be set")
        trimmed = value.strip(" \t\r\n")
        if any(char in "\0\r\n" for char in trimmed):
            raise ValueError(f"the value of the header field {name!r} holds a line break or NUL")
        try:
            trimmed.encode("latin-1")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"the value of the header field {name!r} holds {trimmed[error.start]!r}; only Latin-1 goes out"
            ) from None
        checked.append((name, trimmed))
    return tuple(checked)


def first(headers: Fields, name: str) -> str | None:
    """The value of the first field of that name, in lower case; None when there is none."""
    for given, value in headers:
        if given.lower() == name:
            return value
    return None


def length_of(headers: Fields) -> int | None:
    """The ``Content-Length``; None when it is not known, or is a number that no body can have."""
    length = first(headers, "content-length")
    return int(length) if length is not None and length.isascii() and length.isdigit() and len(length) <= 18 else None  # noqa: PLR2004  # 64 bits hold 18 digits


def every(headers: Fields, name: str) -> tuple[str, ...]:
    """The values of all fields of that name, in lower case."""
    return tuple([value for given, value in headers if given.lower() == name])


def joined(headers: Fields, name: str) -> str:
    """The values of all fields of that name, in lower case, as one (RFC 9110 5.3); empty when there is none."""
    return ", ".join(every(headers, name))


def replaced(headers: Fields, new: Fields) -> Fields:
    """The fields with those of ``new`` in place of all of the same names."""
    return (*without(headers, frozenset(name.lower() for name, _ in new)), *new)


def without(headers: Fields, names: frozenset[str]) -> Fields:
    """The fields that have none of these names, in lower case."""
    return tuple(field for field in headers if field[0].lower() not in names)


def outgoing(given: Fields, *, own: Fields, cookie: str | None) -> Fields:
    """All fields of a request but those of the connection: what the caller gave wins over the session's own.

    ``cookie`` is the whole ``Cookie`` field, the caller's part included; None leaves what was given.
    """
    named = {name.lower() for name, _ in given}
    kept = own if named.isdisjoint(_OWN) else tuple(field for field in own if field[0].lower() not in named)
    if cookie is None:
        return (*kept, *given)
    if "cookie" in named:
        given = without(given, _COOKIE)
    return (*kept, *given, ("Cookie", cookie))
