"""Stored entries as the rules see them: header fields in clear, directives parsed, ages computed. Pure, and remembered.

Reading an entry costs more than all the rest of a look-up, so what was read is kept for the entries used last. An entry never
changes, a changed one is another: what is remembered is right as long as it is of the very same one.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from partita.actors.cache import directives as cache_control
from partita.actors.cache import freshness
from partita.actors.cache.directives import Directives, members, named_fields
from partita.actors.cache.freshness import SECOND_US, Freshness
from partita.actors.cache.ranges import CachedSpan, spans
from partita.actors.exchanges.headers import sent
from partita.actors.network.fields import Fields, every, first, without
from partita.events.cache import CacheEntry

MOST_REMEMBERED: Final = 2048


class Reading(Struct, frozen=True):
    """A stored response.

    ``headers``: without ``Age``, which changes. ``unvalidated_headers``: those of them that may be shown before the server has
    said that they still hold (``no-cache`` with field names, RFC 9111 5.2.2.4).
    """

    entry: CacheEntry
    headers: Fields
    unvalidated_headers: Fields
    directives: Directives
    freshness: Freshness
    always_validates: bool
    languages: tuple[str, ...]
    spans: tuple[CachedSpan, ...]

    def age_us(self, now_us: int) -> int:
        """How old it is (RFC 9111 4.2.3)."""
        return self.freshness.initial_age_us + max(0, now_us - self.entry.received_us)

    def staleness_us(self, now_us: int) -> int:
        """How long it has been stale; not more than 0 when it is fresh."""
        return self.age_us(now_us) - self.freshness.lifetime_us + 1

    @property
    def must_revalidate(self) -> bool:
        """Whether it may in no case be used when it is stale (RFC 9111 5.2.2.2)."""
        return "must-revalidate" in self.directives or self.always_validates


_remembered: Final[dict[str, Reading]] = {}


def read(entry: CacheEntry) -> Reading:
    """What an entry says. Raises :class:`SecretErased`, :class:`KeyMissing` when its fields cannot be read any more."""
    known = _remembered.get(entry.id)
    if known is not None and known.entry is entry:
        return known
    reading = anew(entry)
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[entry.id] = reading
    return reading


def anew(entry: CacheEntry) -> Reading:
    """The same, not remembered."""
    headers = sent(entry.headers)
    directives = cache_control.of(every(headers, "cache-control"))
    limited_to = named_fields(directives, "no-cache")
    shown = without(headers, frozenset({"age"}))
    return Reading(
        entry=entry,
        headers=shown,
        unvalidated_headers=shown if limited_to is None else without(shown, limited_to),
        directives=directives,
        freshness=freshness.of(
            entry.status, headers, directives, requested_us=entry.requested_us, received_us=entry.received_us
        ),
        always_validates=("no-cache" in directives and limited_to is None) or _has_old_no_cache(headers, directives),
        languages=tuple(member.lower() for line in every(headers, "content-language") for member in members(line)),
        spans=spans(entry.parts),
    )


def _has_old_no_cache(headers: Fields, directives: Directives) -> bool:
    """``Pragma: no-cache`` of a response counts where nothing newer speaks, as in Chromium."""
    if directives:
        return False
    pragma = first(headers, "pragma")
    return pragma is not None and "no-cache" in [member.lower() for member in members(pragma)]


def age_field(age_us: int) -> tuple[str, str]:
    """The ``Age`` field (RFC 9111 5.1)."""
    return ("Age", str(min(age_us // SECOND_US, cache_control.LONGEST_S)))
