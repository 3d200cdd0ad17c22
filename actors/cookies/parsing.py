"""``Set-Cookie`` lines, read as RFC 6265bis 5.6 says and Chromium does.

A line is a text of octets, a character for a byte (Latin-1), as header fields are; what the jar holds is the same,
and is sent back as it came. Reading a line never fails half-way: it gives a :class:`ParsedCookie` with the attributes
that count, or the :class:`Refusal` that drops it. Whether its domain, path and prefix fit the URL is for
:mod:`.storing`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from partita.actors.cookies.dates import parse_cookie_date
from partita.actors.cookies.refusals import Refusal

if TYPE_CHECKING:
    from partita.events.cookies import Priority, SameSite

MAX_PAIR_BYTES: Final = 4096
"""Name and value together (RFC 6265bis 5.6, step 5)."""

MAX_ATTRIBUTE_BYTES: Final = 1024
"""An attribute's value; a longer one is ignored (RFC 6265bis 5.6, step 6 of the attributes)."""

_WHITESPACE: Final = " \t"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all but the tab (RFC 6265bis 5.6, step 1)
_MAX_AGE: Final = re.compile(r"-?[0-9]+")
_MAX_AGE_DIGITS: Final = 18  # beyond any cap on lifetimes, and within what int() reads at no cost

_SAME_SITE: Final[dict[str, SameSite]] = {"none": "no_restriction", "lax": "lax", "strict": "strict"}
_PRIORITY: Final[dict[str, Priority]] = {"low": "low", "medium": "medium", "high": "high"}


class ParsedCookie(Struct, frozen=True):
    """One line. ``attributes`` are all of them, in order, names in lower case; the other fields are what they come to.

    ``domain`` and ``path`` are None without the attribute. ``expires_s`` is in seconds since 1970, ``max_age_s`` in
    seconds from now; both None make a session cookie.
    """

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...] = ()
    domain: str | None = None
    path: str | None = None
    expires_s: int | None = None
    max_age_s: int | None = None
    secure: bool = False
    http_only: bool = False
    same_site: SameSite = "unspecified"
    priority: Priority = "medium"
    partitioned: bool = False


def parse_set_cookie(line: str) -> ParsedCookie | Refusal:
    """Read the value of one ``Set-Cookie`` header field."""
    if _CONTROL.search(line):
        return Refusal.DISALLOWED_CHARACTER
    pair, *pieces = line.split(";")
    name, equals, value = pair.partition("=")
    if not equals:  # a bare token is the value of a nameless cookie (RFC 6265bis 5.6, step 3)
        name, value = "", pair
    name, value = name.strip(_WHITESPACE), value.strip(_WHITESPACE)
    if refusal := pair_refusal(name, value):
        return refusal
    attributes = tuple(attribute for piece in pieces if (attribute := _attribute(piece)))
    if not attributes:
        return ParsedCookie(name, value)
    return _with_attributes(name, value, attributes)


def pair_refusal(name: str, value: str) -> Refusal | None:
    """What is wrong with a name and a value, whoever gave them; both are texts of octets."""
    if _CONTROL.search(name) or _CONTROL.search(value) or ";" in name or ";" in value:
        return Refusal.DISALLOWED_CHARACTER
    if not name and not value:
        return Refusal.NO_CONTENT
    if len(name) + len(value) > MAX_PAIR_BYTES:
        return Refusal.PAIR_TOO_LARGE
    return None


def _attribute(piece: str) -> tuple[str, str] | None:
    name, _, value = piece.partition("=")
    name, value = name.strip(_WHITESPACE).lower(), value.strip(_WHITESPACE)
    if not name or len(value) > MAX_ATTRIBUTE_BYTES:
        return None
    return name, value


def _with_attributes(name: str, value: str, attributes: tuple[tuple[str, str], ...]) -> ParsedCookie:
    """The last of several attributes of a name counts (RFC 6265bis 5.7); a date or age that is none never does."""
    expires_s = max_age_s = None
    for attribute, text in attributes:
        if attribute == "expires" and (date := parse_cookie_date(text)) is not None:
            expires_s = date
        elif attribute == "max-age" and _MAX_AGE.fullmatch(text):
            max_age_s = int(text[: _MAX_AGE_DIGITS + 1])
    last = dict(attributes)
    return ParsedCookie(
        name=name,
        value=value,
        attributes=attributes,
        domain=last.get("domain"),
        path=last.get("path"),
        expires_s=expires_s,
        max_age_s=max_age_s,
        secure="secure" in last,
        http_only="httponly" in last,
        same_site=_SAME_SITE.get(last.get("samesite", "").lower(), "unspecified"),
        priority=_PRIORITY.get(last.get("priority", "").lower(), "medium"),
        partitioned="partitioned" in last,
    )
