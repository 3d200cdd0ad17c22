"""What the network's response means to the cache (RFC 9111 3, 4.3 and 4.4; RFC 5861). Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from partita.actors.cache import ranges, storing
from partita.actors.cache.finding import Found
from partita.actors.cache.ranges import Wanted
from partita.actors.cache.reading import Reading, anew, read
from partita.actors.cache.requests import SAFE, Asked, CacheQuery, asked
from partita.actors.cache.served import NOT_MODIFIED, OK, PARTIAL, CachedHead, aged, as_answer, chosen
from partita.actors.cache.storing import Response, StoreOrder
from partita.actors.cache.validation import contradicts, same_representation, strong_validator, updated
from partita.actors.exchanges.headers import recorded
from partita.actors.network import urls
from partita.actors.network.fields import Fields, first, length_of
from partita.events.cache import CacheEntry, CacheState, FreshenEntry, InvalidateUrls, RemoveEntries
from partita.events.errors import KeyMissing, SecretErased
from partita.events.types import Message

_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_RANGE_NOT_SATISFIABLE: Final = 416
_IN_TROUBLE: Final = frozenset({500, 502, 503, 504})  # RFC 5861 4
_TELLS_NOTHING: Final = frozenset({206, 304, 401, 407, 408, 416, 421, 425, 429})
"""They say nothing of the representation that is stored."""

_UNREACHABLE: Final = frozenset(
    {
        "ERR_ADDRESS_UNREACHABLE",
        "ERR_CONNECTION_ABORTED",
        "ERR_CONNECTION_CLOSED",
        "ERR_CONNECTION_FAILED",
        "ERR_CONNECTION_REFUSED",
        "ERR_CONNECTION_RESET",
        "ERR_CONNECTION_TIMED_OUT",
        "ERR_EMPTY_RESPONSE",
        "ERR_INTERNET_DISCONNECTED",
        "ERR_NAME_NOT_RESOLVED",
        "ERR_NETWORK_CHANGED",
        "ERR_PROXY_CONNECTION_FAILED",
        "ERR_TIMED_OUT",
    }
)
"""Failures that are the network's or the server's. What was refused here, or is a matter of trust, is none of them."""


class Verdict(Struct, frozen=True):
    """What a response means.

    ``head`` None: it is the answer itself. Else ``head`` is, and the response's body is drained, unless ``head.then_network``.
    ``store``: its body is to be stored while it is read. ``tell``: for the session, now. ``again``: the response fits neither
    the request nor what is stored; drain it, and send the request once more without anything of the cache's.
    """

    head: CachedHead | None = None
    store: StoreOrder | None = None
    tell: tuple[Message, ...] = ()
    again: bool = False


def judge(  # noqa: PLR0917  # the exchange has them all apart
    state: CacheState,
    query: CacheQuery,
    found: Found,
    status: int,
    reason: str,
    http_version: str,
    headers: Fields,
    *,
    requested_us: int,
    received_us: int,
) -> Verdict:
    """What the network's response to ``query`` means. Times are when the request went out, and when the head came."""
    response = Response(status, reason, http_version, headers, requested_us, received_us)
    if query.method not in SAFE:
        return _after_unsafe(state, query, response)
    request = asked(query)
    if not state.enabled or request.mode == "no-store" or query.method not in ("GET", "HEAD"):
        return Verdict()
    if found.entry is not None and found.verdict in ("validate", "use_and_revalidate"):
        verdict = _about(state, query, request, found, response)
        if verdict is not None:
            return verdict
    readings = chosen(state.entries(query.url), query)
    if query.method == "HEAD":
        return _after_head(readings, response)
    return _new(state, query, request, found, readings=readings, response=response)


def judge_failure(
    state: CacheState,  # noqa: ARG001  # as the other questions
    query: CacheQuery,
    found: Found,
    error_name: str,
    now_us: int,
) -> CachedHead | None:
    """The stored response that may stand in for a server that cannot be reached (RFC 5861 4); None when none may."""
    return _in_trouble(query, asked(query), found, now_us) if error_name in _UNREACHABLE else None


def _about(state: CacheState, query: CacheQuery, request: Asked, found: Found, response: Response) -> Verdict | None:
    """The response to a question about a stored entry; None when it is a new one like any other."""
    assert found.entry is not None, "the question was about an entry"
    reading = read(found.entry)
    if found.head is None:
        if response.status == PARTIAL:
            return _completed(state, query, reading, found, response)
        if response.status in (NOT_MODIFIED, _RANGE_NOT_SATISFIABLE):
            return Verdict(tell=(RemoveEntries((found.entry.key,), "outdated"),), again=True)
        return None
    if response.status == NOT_MODIFIED:
        return _still_so(query, request, reading, response)
    if response.status in _IN_TROUBLE and (head := _in_trouble(query, request, found, response.received_us)):
        return Verdict(head=head)
    return None


def _still_so(query: CacheQuery, request: Asked, reading: Reading, response: Response) -> Verdict:
    """A 304: the entry has its fields now, and is the answer (RFC 9111 4.3.4)."""
    entry = reading.entry
    if contradicts(reading.headers, response.headers):
        return Verdict(tell=(RemoveEntries((entry.key,), "outdated"),), again=True)
    freshened = _freshened(reading, response)
    now = anew(
        replace(
            entry,
            headers=freshened.headers,
            requested_us=response.requested_us,
            received_us=response.received_us,
        )
    )
    age = first(response.headers, "age")
    headers = now.headers if age is None else (*now.headers, ("Age", age))
    head = as_answer(now, query, request.range, headers)
    tell = (
        () if "no-store" in now.directives else (freshened,)
    )  # then nothing of it may be kept, and what is stored stays
    return Verdict(head=head, tell=tell, again=head is None)


def _freshened(reading: Reading, response: Response) -> FreshenEntry:
    fields = recorded(updated(reading.headers, response.headers, response.received_us))
    return FreshenEntry(reading.entry.key, fields, response.requested_us, response.received_us)


def _in_trouble(query: CacheQuery, request: Asked, found: Found, now_us: int) -> CachedHead | None:
    if found.entry is None or found.head is None or request.mode != "default" or "no-cache" in request.directives:
        return None
    try:
        reading = read(found.entry)
    except (KeyMissing, SecretErased):
        return None
    if reading.must_revalidate:
        return None
    allowed_us = max(
        storing.seconds_us(reading.directives, "stale-if-error"),
        storing.seconds_us(request.directives, "stale-if-error"),
    )
    if not allowed_us or reading.staleness_us(now_us) > allowed_us:
        return None
    return as_answer(reading, query, request.range, aged(reading, now_us))


def _completed(state: CacheState, query: CacheQuery, reading: Reading, found: Found, response: Response) -> Verdict:
    """The rest of what is stored in part (RFC 9111 3.4)."""
    request = asked(query)
    entry = reading.entry
    extent = ranges.extent_of(response.headers, ())
    range_ = request.range if isinstance(request.range, Wanted) else None
    missing = ranges.missing_after(entry, range_)
    same = strong_validator(response.headers) == strong_validator(reading.headers) is not None
    announced = length_of(response.headers)
    if (
        extent is None
        or missing is None
        or extent.first_byte != missing[0]
        or not same
        or entry.extent is None
        or announced not in (None, extent.last_byte - extent.first_byte + 1)
    ):
        return Verdict(tell=(RemoveEntries((entry.key,), "outdated"),), again=True)
    merged = updated(reading.headers, response.headers, response.received_us)
    order = storing.ordered(state, query, request, response, since=found.since, replaces=(entry,), joins=entry)
    if order is not None:
        content_range = first(response.headers, "content-range") or ""
        length = extent.last_byte - extent.first_byte + 1
        order = replace(order, headers=ranges.as_part(merged, content_range, length), extent=extent)
    total = extent.total_bytes if extent.total_bytes is not None else entry.extent.total_bytes
    if range_ is None:
        if total is not None and extent.last_byte != total - 1:
            return Verdict(tell=(RemoveEntries((entry.key,), "outdated"),), again=True)
        length = extent.last_byte + 1
        head = CachedHead(OK, "OK", ranges.as_whole(merged, length), ranges.spans(entry.parts), then_network=True)
        return Verdict(head=head, store=order)
    assert range_.first is not None, "the end of a representation is asked for as it is"
    start = range_.first - entry.extent.first_byte
    told = f"bytes {range_.first}-{extent.last_byte}/{'*' if total is None else total}"
    part = ranges.as_part(merged, told, extent.last_byte - range_.first + 1)
    body = ranges.spans(entry.parts, start, entry.body_bytes)
    return Verdict(head=CachedHead(PARTIAL, "Partial Content", part, body, then_network=True), store=order)


def _after_head(readings: list[Reading], response: Response) -> Verdict:
    """A HEAD's response brings stored ones up to date, or shows that they are not any more (RFC 9111 4.3.5)."""
    if response.status != OK:
        return Verdict()
    tell: list[Message] = []
    for reading in readings:
        entry = reading.entry
        length = entry.body_bytes if entry.extent is None else entry.extent.total_bytes
        if entry.status in (OK, PARTIAL) and same_representation(reading.headers, response.headers, length):
            tell.append(_freshened(reading, response))
        else:
            tell.append(RemoveEntries((entry.key,), "outdated"))
    return Verdict(tell=tuple(tell))


def _new(
    state: CacheState,
    query: CacheQuery,
    request: Asked,
    found: Found,
    *,
    readings: list[Reading],
    response: Response,
) -> Verdict:
    """A response that is about nothing that is stored: it takes the place of what the same request would choose."""
    joins: CacheEntry | None = None
    entries = [reading.entry for reading in readings]
    if response.status == PARTIAL:
        validator = strong_validator(response.headers)
        same = [
            reading.entry
            for reading in readings
            if validator is not None and strong_validator(reading.headers) == validator
        ]
        if any(entry.extent is None for entry in same):
            return Verdict()  # all of it is there, and still is what the server has
        joins = same[0] if same else None
    order = storing.ordered(state, query, request, response, since=found.since, replaces=entries, joins=joins)
    if order is not None:
        return Verdict(store=order)
    if response.status >= _FIRST_SERVER_ERROR or response.status in _TELLS_NOTHING or not entries:
        return Verdict()
    return Verdict(tell=(RemoveEntries(tuple(entry.key for entry in entries), "outdated"),))


def _after_unsafe(state: CacheState, query: CacheQuery, response: Response) -> Verdict:
    """RFC 9111 4.4; and the response to a POST that may answer a GET (RFC 9110 9.3.3)."""
    if not OK <= response.status < _FIRST_ERROR:
        return Verdict()
    touched = [query.url]
    for name in ("location", "content-location"):
        reference = first(response.headers, name)
        url = storing.resolved(query.url, reference) if reference is not None else None
        if url is not None and url not in touched and _same_origin(url, query.url):
            touched.append(url)
    tell = (InvalidateUrls(tuple(touched)),) if state.count else ()  # who caches nothing has no turn for each POST
    order = None
    request = asked(query)
    if state.enabled and request.mode != "no-store" and storing.answers_a_get(query, response):
        order = storing.ordered(state, query, request, response, since=(state.cleared, None))
    return Verdict(store=order, tell=tell)


def _same_origin(one: str, other: str) -> bool:
    try:
        return urls.origin(one) == urls.origin(other)
    except (KeyError, ValueError):  # a scheme that has no port
        return False
