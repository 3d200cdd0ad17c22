"""What the cache has for a request (RFC 9111 4, Fetch standard 4.6). Pure."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from partita.actors.cache import ranges, storing
from partita.actors.cache.ranges import Wanted
from partita.actors.cache.reading import Reading
from partita.actors.cache.requests import Asked, CacheQuery, asked, mode_fields, suffices
from partita.actors.cache.served import NOT_MODIFIED, CachedHead, aged, as_answer, chosen
from partita.actors.cache.validation import IN_A_304, conditions, not_modified, range_applies, strong_validator
from partita.actors.network.fields import Fields
from partita.events.cache import CacheEntry, CacheState


class Found(Struct, frozen=True):
    """What the cache has for a request.

    - ``use``: the answer is ``head``.
    - ``use_and_revalidate``: the answer is ``head``; then send the request in the background, with ``conditions``.
    - ``validate``: send it with ``conditions``, which replace fields of the same name.
    - ``miss``: send it, with ``conditions`` as well: they tell caches on the way what the mode means.
    - ``refuse``: only-if-cached, and nothing is there: ``ERR_CACHE_MISS``.

    ``entry`` is what the answer or the question is about, as it was found; ``head`` is None when it is stored in part and the
    question is for the rest. ``since``: the cache's marks at that time; None: whatever they are when the response comes.
    """

    verdict: Literal["miss", "use", "use_and_revalidate", "validate", "refuse"]
    head: CachedHead | None = None
    conditions: Fields = ()
    entry_id: str | None = None
    entry: CacheEntry | None = None
    since: tuple[int, int] | None = None


_REFUSE: Final = Found("refuse")
_GATEWAY_TIMEOUT: Final = Found("use", CachedHead(504, "Gateway Timeout", (("Content-Length", "0"),), ()))
_GREEDY: Final = ("force-cache", "only-if-cached")


def look_up(state: CacheState, query: CacheQuery, now_us: int) -> Found:
    """What the cache has for a request, as of ``now_us`` (microseconds since 1970)."""
    request = asked(query)
    found = _among_entries(state, query, request, now_us) if state.enabled and query.method in ("GET", "HEAD") else None
    if found is not None:
        return found
    if request.mode == "only-if-cached":
        return _REFUSE
    if request.mode == "default" and "only-if-cached" in request.directives:
        return _GATEWAY_TIMEOUT  # RFC 9111 5.2.1.7
    return Found("miss", conditions=mode_fields(request), since=state.marks(query.url))


def _among_entries(state: CacheState, query: CacheQuery, request: Asked, now_us: int) -> Found | None:
    mode = request.mode
    entries = state.entries(query.url)
    if not entries or mode == "reload" or (mode == "default" and "no-store" in request.directives):
        return None
    readings = chosen(entries, query)
    if mode == "no-store":
        is_asking = query.mode == "default" and request.own_conditions and readings
        return _by_own_conditions(readings[0], query, request, now_us) if is_asking else None
    for reading in readings:
        if mode in _GREEDY or (mode == "default" and suffices(reading, request, now_us)):
            head = as_answer(reading, query, request.range, aged(reading, now_us))
            if head is not None:
                return Found("use", head, entry_id=reading.entry.id, entry=reading.entry)
    if not readings or mode == "only-if-cached" or "only-if-cached" in request.directives:
        return None
    found = _asking(readings[0], query, request, now_us)
    return None if found is None else replace(found, since=state.marks(query.url))


def _asking(reading: Reading, query: CacheQuery, request: Asked, now_us: int) -> Found | None:
    """Ask whether the stored response still holds, or, when it has no validator, for another; None when it is no answer."""
    entry = reading.entry
    head = as_answer(reading, query, request.range, aged(reading, now_us))
    if head is None:
        return _asking_for_the_rest(reading, query, request)
    allowed_us = storing.seconds_us(reading.directives, "stale-while-revalidate")
    may_be_stale = (
        allowed_us >= reading.staleness_us(now_us) > 0
        and query.method == "GET"
        and request.mode == "default"
        and request.range is False
        and not request.directives
        and not reading.must_revalidate
    )
    verdict: Literal["use_and_revalidate", "validate"] = "use_and_revalidate" if may_be_stale else "validate"
    return Found(verdict, head, (*conditions(reading.headers), *mode_fields(request)), entry.id, entry)


def _asking_for_the_rest(reading: Reading, query: CacheQuery, request: Asked) -> Found | None:
    """The beginning is there: ask for what follows, if it is still of the same (RFC 9111 3.4)."""
    validator = strong_validator(reading.headers)
    missing = ranges.missing_after(reading.entry, request.range if isinstance(request.range, Wanted) else None)
    if validator is None or missing is None or query.method != "GET" or request.range is True:
        return None
    start, last = missing
    wanted = f"bytes={start}-{'' if last is None else last}"
    fields = (("Range", wanted), ("If-Range", validator), *mode_fields(request))
    return Found("validate", None, fields, reading.entry.id, reading.entry)


def _by_own_conditions(reading: Reading, query: CacheQuery, request: Asked, now_us: int) -> Found | None:
    """What answers a request that has conditions of its own: a stored response that is fresh, where they say enough."""
    names = {name.lower() for name, _ in query.headers}
    if not names.isdisjoint({"if-match", "if-unmodified-since"}) or not suffices(reading, request, now_us):
        return None
    headers = aged(reading, now_us)
    head: CachedHead | None
    if names.isdisjoint({"if-none-match", "if-modified-since"}):
        head = (
            as_answer(reading, query, request.range, headers) if range_applies(reading.headers, query.headers) else None
        )
    elif request.range is False and not_modified(reading.headers, query.headers):
        told = tuple(field for field in headers if field[0].lower() in IN_A_304)
        head = CachedHead(NOT_MODIFIED, "Not Modified", told, ())
    else:
        head = None
    return None if head is None else Found("use", head, entry_id=reading.entry.id, entry=reading.entry)
