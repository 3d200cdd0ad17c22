"""Which stored responses a request chooses, and what they look like as its answer (RFC 9111 4). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from partita.actors.cache import ranges
from partita.actors.cache.ranges import CachedSpan, Wanted
from partita.actors.cache.reading import Reading, age_field, read
from partita.actors.cache.requests import CacheQuery
from partita.actors.cache.vary import is_chosen
from partita.actors.network.fields import Fields
from partita.events.cache import CacheEntry
from partita.events.errors import KeyMissing, SecretErased

OK: Final = 200
PARTIAL: Final = 206
NOT_MODIFIED: Final = 304


class CachedHead(Struct, frozen=True, gc=False):
    """A response out of the cache. ``body``: where its bytes lie; ``then_network``: the network response's body follows them."""

    status: int
    reason: str
    headers: Fields
    body: tuple[CachedSpan, ...]
    then_network: bool = False


def chosen(entries: Iterable[CacheEntry], query: CacheQuery) -> list[Reading]:
    """The entries that the request chooses, the newest first. One whose fields cannot be read any more is none."""
    found: list[Reading] = []
    for entry in entries:
        if entry.site != query.site:
            continue
        try:
            reading = read(entry)
        except (KeyMissing, SecretErased):
            continue
        if not entry.vary or is_chosen(entry.vary, entry.url, query.headers, languages=reading.languages):
            found.append(reading)
    if len(found) > 1:
        found.sort(key=lambda one: one.entry.received_us, reverse=True)
    return found


def aged(reading: Reading, now_us: int) -> Fields:
    """The fields of a response that is used without asking the server (RFC 9111 4)."""
    return (*reading.unvalidated_headers, age_field(reading.age_us(now_us)))


def as_answer(reading: Reading, query: CacheQuery, range_: Wanted | bool, headers: Fields) -> CachedHead | None:
    """The stored response, with these fields, as the answer to a request; None when not all that it asks for is there."""
    entry = reading.entry
    if range_ is True:
        return None
    is_whole = entry.extent is None
    if query.method == "HEAD":
        return CachedHead(entry.status, entry.reason, headers, ()) if is_whole else None
    if range_ is False or (is_whole and entry.status != OK):
        return CachedHead(entry.status, entry.reason, headers, reading.spans) if is_whole else None
    found = ranges.taken(entry, range_)
    if found is None:
        return None
    start, stop = found
    part = ranges.as_part(headers, ranges.content_range(entry, start, stop), stop - start)
    return CachedHead(PARTIAL, "Partial Content", part, ranges.spans(entry.parts, start, stop))
