"""What a request says to the cache (RFC 9111 5.2.1, Fetch standard 4.6). Pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from partita.actors.cache import directives as cache_control
from partita.actors.cache.directives import NONE, Directives, delta_seconds, members
from partita.actors.cache.freshness import SECOND_US
from partita.actors.cache.ranges import Wanted, wanted
from partita.actors.cache.reading import Reading
from partita.actors.network.fields import Fields, first
from partita.events.network import CacheMode

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH"})
"""Every other method changes something, for all that anybody knows (RFC 9111 4.4)."""

CONDITIONAL: Final = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"})

_RELEVANT: Final = frozenset({"cache-control", "pragma", "range"}) | CONDITIONAL


class CacheQuery(Struct, frozen=True):
    """A request, as it is about to go out.

    ``url``: without fragment and userinfo. ``headers``: all that go out, since a response may vary by any of them. ``site``:
    the top-level site that isolates, empty without a page.
    """

    method: str
    url: str
    headers: Fields
    mode: CacheMode
    site: str


class Asked(Struct, frozen=True, gc=False):
    """``mode``: the request's cache mode, as the Fetch standard has it (4.6, step 8.17). ``own_conditions``: it has some."""

    mode: CacheMode
    directives: Directives
    range: Wanted | bool
    own_conditions: bool
    has_cache_control: bool
    has_pragma: bool


_PLAIN: Final[dict[CacheMode, Asked]] = {
    mode: Asked(mode, NONE, range=False, own_conditions=False, has_cache_control=False, has_pragma=False)
    for mode in ("default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached")
}


def asked(query: CacheQuery) -> Asked:
    """Read a request."""
    names = {name for field, _ in query.headers if (name := field.lower()) in _RELEVANT}
    if not names:
        return _PLAIN[query.mode]
    directives = cache_control.of(value for name, value in query.headers if name.lower() == "cache-control")
    if "pragma" in names and "cache-control" not in names:
        pragma = first(query.headers, "pragma") or ""
        if "no-cache" in [member.lower() for member in members(pragma)]:
            directives = {"no-cache": (None,)}  # RFC 9111 5.4
    own_conditions = not CONDITIONAL.isdisjoint(names)
    mode: CacheMode = query.mode
    if mode == "default" and own_conditions:
        mode = "no-store"
    return Asked(mode, directives, wanted(query.headers), own_conditions, "cache-control" in names, "pragma" in names)


def mode_fields(request: Asked) -> Fields:
    """The fields that tell caches on the way what the mode means (Fetch standard 4.6, steps 8.18 and 8.19)."""
    if request.mode == "no-cache" and not request.has_cache_control:
        return (("Cache-Control", "max-age=0"),)
    if request.mode in ("no-store", "reload"):
        fields: Fields = () if request.has_pragma else (("Pragma", "no-cache"),)
        return fields if request.has_cache_control else (*fields, ("Cache-Control", "no-cache"))
    return ()


def suffices(reading: Reading, request: Asked, now_us: int) -> bool:
    """Whether a stored response may be used as it is, by what the server and the request say (RFC 9111 4.2, 5.2.1)."""
    directives = request.directives
    if reading.always_validates or "no-cache" in directives:
        return False
    age_us, lifetime_us = reading.age_us(now_us), reading.freshness.lifetime_us
    is_fresh = lifetime_us > age_us
    if not directives:
        return is_fresh
    if (limit_us := _us(directives, "max-age")) is not None:
        reloading = limit_us == 0 and not (is_fresh and "immutable" in reading.directives)  # RFC 8246 2
        if reloading or 0 < limit_us < age_us:
            return False
    if (margin_us := _us(directives, "min-fresh")) is not None and lifetime_us - age_us < margin_us:
        return False
    return is_fresh or (not reading.must_revalidate and _allows_stale(directives, age_us - lifetime_us))


def _allows_stale(directives: Directives, staleness_us: int) -> bool:
    """RFC 9111 5.2.1.2."""
    arguments = directives.get("max-stale")
    if arguments is None:
        return False
    allowed_us = _us(directives, "max-stale")
    return arguments[0] is None or (allowed_us is not None and staleness_us <= allowed_us)


def _us(directives: Directives, name: str) -> int | None:
    arguments = directives.get(name)
    number = delta_seconds(arguments[0]) if arguments is not None else None
    return None if number is None else number * SECOND_US
