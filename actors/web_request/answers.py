"""What listeners answered, as the exchange uses it. Pure.

Chromium drops what cannot stand in a header field without a word (FEATURES W10), and so do these: a listener must be able to
neither inject a line nor break the framing of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from partita.actors.network.fields import Fields

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_BREAKS_A_LINE: Final = re.compile(r"[\0\r\n]")
_FRAMING: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"}
)
"""How a message is framed is the connection's to say (RFC 9112 6)."""

_STATUS_LINE: Final = re.compile(r"(HTTP/\d(?:\.\d)?)[ \t]+(\d{3})(?:[ \t]+([^\0\r\n]*))?", re.ASCII | re.IGNORECASE)
_LEAST_STATUS: Final = 100
_MOST_STATUS: Final = 599


def request_fields(headers: Mapping[str, str]) -> Fields:
    """The fields of a request, in order. Of two whose names differ in case only, the later stands in the place of the first."""
    fields: dict[str, tuple[str, str]] = {}
    for name, value in _valid(headers):
        if name.lower() not in _FRAMING:
            fields[name.lower()] = name, value
    return tuple(fields.values())


def response_fields(headers: Mapping[str, str | Sequence[str]]) -> Fields:
    """The fields of a response, in order: one for each value of a name."""
    return tuple(_valid(headers))


def parsed_status_line(text: str) -> tuple[str, int, str] | None:
    """Version (``HTTP/1.1``), status and reason of a status line (RFC 9112 4); None for what is none."""
    match = _STATUS_LINE.fullmatch(text.strip(" \t")) if isinstance(text, str) else None
    if match is None or not _LEAST_STATUS <= int(match[2]) <= _MOST_STATUS:
        return None
    return match[1].upper(), int(match[2]), (match[3] or "").rstrip(" \t")


def _valid(headers: Mapping[str, str | Sequence[str]]) -> Iterator[tuple[str, str]]:
    for name, given in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            continue
        for value in (given,) if isinstance(given, str) else given if isinstance(given, Sequence) else ():
            if isinstance(value, str) and not _BREAKS_A_LINE.search(value):
                octets = _octets(value.strip(" \t"))
                if octets is not None:
                    yield name, octets


def _octets(value: str) -> str | None:
    """A value as Latin-1 text that stands for its octets: what Latin-1 does not have goes out in UTF-8, as Chromium does it."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        try:
            return value.encode().decode("latin-1")
        except UnicodeEncodeError:  # half a surrogate pair
            return None
    return value
