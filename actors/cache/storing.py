"""Which responses are stored, and as what (RFC 9111 3). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from partita.actors.cache import directives as cache_control
from partita.actors.cache import freshness, ranges, vary
from partita.actors.cache.directives import Directives, delta_seconds, named_fields
from partita.actors.cache.freshness import HEURISTICALLY_CACHEABLE, SECOND_US
from partita.actors.cache.requests import Asked, CacheQuery
from partita.actors.cache.served import NOT_MODIFIED, OK, PARTIAL
from partita.actors.cache.validation import conditions, storable, strong_validator
from partita.actors.exchanges.headers import recorded
from partita.actors.network.fields import Fields, every, first, length_of
from partita.actors.network.http import URL, UnreadableURL
from partita.events.cache import CachedPart, CacheEntry, CacheState, DiscardParts, Extent, StoreEntry, VaryValue
from partita.events.types import Message

ENTRY_SHARE: Final = 8
"""No entry may be larger than this part of the cache, as in Chromium."""

_LAST_STATUS: Final = 599
_REDIRECTION: Final = 300
_UNDERSTOOD: Final = HEURISTICALLY_CACHEABLE | frozenset(
    {201, 202, 205, 302, 303, 307, 400, 401, 402, 403, 406, 407, 408, 409, 411, 412, 413, 415, 417, 421, 422, 426}
    | {428, 429, 431, 451, 500, 502, 503, 504, 505, 511}
)
"""Statuses whose rules of caching are kept here: what ``must-understand`` asks for (RFC 9111 5.2.2.3)."""

_OF_ONE_RANGE: Final = frozenset({416})
"""They answer a range and say nothing of the whole."""


class StoreOrder(Struct, frozen=True):
    """A response that is to be stored, once its body has been read.

    ``limit_bytes``: a longer body is not stored. ``joins``: the stored part that the new bytes go together with. ``since``: the
    marks of :class:`~partita.events.cache.StoreEntry`.
    """

    site: str
    url: str
    status: int
    reason: str
    http_version: str
    headers: Fields
    vary: tuple[VaryValue, ...]
    requested_us: int
    received_us: int
    extent: Extent | None
    joins: CacheEntry | None
    replaces: tuple[str, ...]
    limit_bytes: int
    since: tuple[int, int | None]

    def finished(self, parts: tuple[CachedPart, ...], *, complete: bool) -> Message | None:
        """What to tell when the body has ended, or, not ``complete``, broke off: what came of it may be kept as a part."""
        status, headers = self.status, self.headers
        size = sum(part.size_bytes for part in parts)
        extent = self.extent
        if not complete:
            extent = self._what_came(size)
            if extent is None:
                return DiscardParts(parts) if parts else None
        if self.extent is not None and extent is not None:
            if not size:
                return None
            together = ranges.joined(self.joins, extent, parts) if self.joins is not None else None
            extent, parts = (extent, parts) if together is None else together
            if together is not None and extent is None:
                status = OK
                headers = ranges.as_whole(headers, sum(part.size_bytes for part in parts))
        return StoreEntry(
            site=self.site,
            url=self.url,
            status=status,
            reason="OK" if status != self.status else self.reason,
            http_version=self.http_version,
            headers=recorded(headers),
            vary=self.vary,
            requested_us=self.requested_us,
            received_us=self.received_us,
            parts=parts,
            extent=extent,
            replaces=self.replaces,
            since=self.since[0],
            url_since=self.since[1],
        )

    def _what_came(self, size: int) -> Extent | None:
        """Of a body that broke off: which bytes are there; None when they are of no use (RFC 9111 3.3)."""
        if not size or strong_validator(self.headers) is None:
            return None
        if self.extent is not None:
            asked_for = self.extent.last_byte - self.extent.first_byte + 1
            if size > asked_for:
                return None
            return Extent(self.extent.first_byte, self.extent.first_byte + size - 1, self.extent.total_bytes)
        length = length_of(self.headers)
        refuses = (first(self.headers, "accept-ranges") or "").lower() == "none"
        if self.status != OK or length is None or size >= length or refuses:
            return None
        return Extent(0, size - 1, length)


class Response(Struct, frozen=True):
    """A response of the network. ``requested_us``, ``received_us``: when the request went out, and when the head came."""

    status: int
    reason: str
    http_version: str
    headers: Fields
    requested_us: int
    received_us: int


def ordered(
    state: CacheState,
    query: CacheQuery,
    request: Asked,
    response: Response,
    *,
    since: tuple[int, int | None] | None,
    replaces: Sequence[CacheEntry] = (),
    joins: CacheEntry | None = None,
) -> StoreOrder | None:
    """What to store of a response; None when it may not be stored, or when there would be no use in it."""
    directives = cache_control.of(every(response.headers, "cache-control"))
    if not _may_be_stored(response, request, directives):
        return None
    names = vary.nominated(response.headers)
    extent = ranges.extent_of(response.headers, query.headers) if response.status == PARTIAL else None
    limit_bytes = state.max_size_bytes // ENTRY_SHARE
    length = length_of(response.headers)
    if (
        names is None
        or request.range is True
        or (response.status == PARTIAL and extent is None)
        or (length is not None and length > limit_bytes)
        or not (_is_of_use(response, directives) or query.mode in ("force-cache", "only-if-cached"))
    ):
        return None
    return StoreOrder(
        site=query.site,
        url=query.url,
        status=response.status,
        reason=response.reason,
        http_version=response.http_version,
        headers=storable(response.headers, response.received_us),
        vary=vary.chosen_by(query.url, names, query.headers),
        requested_us=response.requested_us,
        received_us=response.received_us,
        extent=extent,
        joins=joins,
        replaces=tuple(entry.id for entry in replaces),
        limit_bytes=limit_bytes,
        since=state.marks(query.url) if since is None else since,
    )


def _may_be_stored(response: Response, request: Asked, directives: Directives) -> bool:
    """RFC 9111 3."""
    status = response.status
    if not OK <= status <= _LAST_STATUS or status == NOT_MODIFIED or status in _OF_ONE_RANGE:
        return False
    if "no-store" in request.directives:
        return False
    if "must-understand" in directives:
        if status not in _UNDERSTOOD:
            return False
    elif "no-store" in directives:
        return False
    return (
        status in HEURISTICALLY_CACHEABLE
        or not {"public", "private", "max-age"}.isdisjoint(directives)
        or first(response.headers, "expires") is not None
    )


def _is_of_use(response: Response, directives: Directives) -> bool:
    """Whether a later request could be answered with it: it is fresh for a while, or can be validated, or may be stale."""
    if conditions(response.headers):
        return True
    if "no-cache" in directives and named_fields(directives, "no-cache") is None:
        return False
    found = freshness_of(response, directives)
    windows_us = seconds_us(directives, "stale-while-revalidate") + seconds_us(directives, "stale-if-error")
    return found.lifetime_us + windows_us > found.initial_age_us


def freshness_of(response: Response, directives: Directives) -> freshness.Freshness:
    """How long a response of the network is fresh."""
    return freshness.of(
        response.status,
        response.headers,
        directives,
        requested_us=response.requested_us,
        received_us=response.received_us,
    )


def seconds_us(directives: Directives, name: str) -> int:
    """What a directive allows, in microseconds; 0 when it is not there, or not to be read."""
    arguments = directives.get(name)
    number = delta_seconds(arguments[0]) if arguments is not None else None
    return (number or 0) * SECOND_US


def answers_a_get(query: CacheQuery, response: Response) -> bool:
    """Whether the response to a POST may be stored for a later GET: it says that it is what lies there (RFC 9110 9.3.3)."""
    location = first(response.headers, "content-location")
    if query.method != "POST" or not OK <= response.status < _REDIRECTION or location is None:
        return False
    directives = cache_control.of(every(response.headers, "cache-control"))
    return resolved(query.url, location) == query.url and freshness_of(response, directives).explicit


def resolved(base: str, reference: str) -> str | None:
    """The URL that a reference names, without a fragment; None when it names none."""
    try:
        return str(URL(base).join(reference)).partition("#")[0]
    except (UnreadableURL, ValueError):
        return None
