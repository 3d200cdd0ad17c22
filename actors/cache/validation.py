"""Validators and conditions (RFC 9110 8.8 and 13, RFC 9111 4.3), and what a 304 changes (RFC 9111 3.2). Pure."""

from __future__ import annotations

from typing import Final

from partita.actors.cache import dates
from partita.actors.cache.directives import members
from partita.actors.cache.freshness import SECOND_US
from partita.actors.network.fields import Fields, every, first

NOT_STORED: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields of the connection, and of the proxy (RFC 9111 3.1)."""

_NOT_UPDATED: Final = frozenset({"content-encoding", "content-length", "content-range"})
"""They describe the stored bytes (RFC 9111 3.2)."""

_OF_ONE_MESSAGE: Final = frozenset({"age", "date"})
"""What a newer response does not say of itself, the older one's field does not say for it."""

IN_A_304: Final = frozenset(
    {"cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary", "age"}
)
"""What a 304 tells (RFC 9110 15.4.5)."""

_STRONG_AFTER_US: Final = 60 * SECOND_US


def storable(headers: Fields, received_us: int) -> Fields:
    """The fields that are stored. A response without a ``Date`` gets that of its arrival (RFC 9110 6.6.1)."""
    listed = {member.lower() for line in every(headers, "connection") for member in members(line)}
    dropped = NOT_STORED | listed
    kept = tuple(field for field in headers if field[0].lower() not in dropped)
    if first(kept, "date") is None:
        kept = (*kept, ("Date", dates.formatted(received_us)))
    return kept


def updated(stored: Fields, newer: Fields, received_us: int) -> Fields:
    """The stored fields as a 304 or a HEAD's response brings them up to date."""
    new = tuple(field for field in storable(newer, received_us) if field[0].lower() not in _NOT_UPDATED)
    named = {name.lower() for name, _ in new} | _OF_ONE_MESSAGE
    return (*(field for field in stored if field[0].lower() not in named), *new)


def conditions(headers: Fields) -> Fields:
    """The fields that ask whether a stored response still holds; empty when it has no validator."""
    found: list[tuple[str, str]] = []
    if etag := first(headers, "etag"):
        found.append(("If-None-Match", etag))
    if modified := first(headers, "last-modified"):
        found.append(("If-Modified-Since", modified))
    return tuple(found)


def strong_validator(headers: Fields) -> str | None:
    """An entity tag, or a date of last modification, that says that bytes are the same (RFC 9110 8.8.2.2, 8.8.3)."""
    etag = first(headers, "etag")
    if etag is not None:
        return etag if etag.startswith('"') else None
    modified, date = first(headers, "last-modified"), first(headers, "date")
    if modified is None or date is None:
        return None
    modified_us, date_us = dates.parsed(modified), dates.parsed(date)
    if modified_us is None or date_us is None or date_us - modified_us < _STRONG_AFTER_US:
        return None
    return modified


def contradicts(stored: Fields, newer: Fields) -> bool:
    """Whether a newer response has a strong validator that is not the stored one's: it speaks of other bytes."""
    etag = first(newer, "etag")
    return etag is not None and etag.startswith('"') and etag != first(stored, "etag")


def same_representation(stored: Fields, head: Fields, body_bytes: int | None) -> bool:
    """Whether a HEAD's response is about what is stored (RFC 9111 4.3.5)."""
    for name in ("etag", "last-modified"):
        validator = first(head, name)
        if validator is not None and validator != first(stored, name):
            return False
    length = first(head, "content-length")
    return length is None or body_bytes is None or length == str(body_bytes)


def not_modified(stored: Fields, request: Fields) -> bool:
    """Whether a stored response that is fresh answers the request's own conditions with a 304 (RFC 9111 4.3.2)."""
    tags = every(request, "if-none-match")
    if tags:
        etag = first(stored, "etag")
        asked = [_opaque(tag) for line in tags for tag in members(line)]
        return etag is not None and ("*" in asked or _opaque(etag) in asked)
    since = first(request, "if-modified-since")
    since_us = dates.parsed(since) if since is not None else None
    modified = first(stored, "last-modified") or first(stored, "date")
    modified_us = dates.parsed(modified) if modified is not None else None
    return since_us is not None and modified_us is not None and modified_us <= since_us


def range_applies(stored: Fields, request: Fields) -> bool:
    """Whether ``If-Range`` lets a range be taken from a stored response (RFC 9110 13.1.5)."""
    wanted = first(request, "if-range")
    return wanted is None or wanted == strong_validator(stored)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
