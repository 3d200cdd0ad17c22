"""The rules of a private HTTP cache (RFC 9111, Fetch standard 4.6): what the exchange asks. Pure.

::

    look_up ──▶ miss, validate ──▶ the network ──▶ judge ──▶ the network's response, perhaps stored while it is read
       │                              │              └────▶ the stored response (304, the rest of a part), brought up to date
       │                              └───▶ judge_failure ──▶ the stored response, where it may be stale (RFC 5861)
       ├──────▶ use
       ├──────▶ use_and_revalidate: answer, and ask the network in the background
       └──────▶ refuse: only-if-cached, and nothing is there (FEATURES F12i)

A request with conditions of its own does not see the cache (Fetch standard 4.6, step 8.17), with one exception: a stored
response that is fresh answers with a 304 when they say that the caller has it already (RFC 9111 4.3.2).

What each function looks at stands in a module of its own: ``directives`` (Cache-Control), ``dates``, ``freshness``, ``vary``,
``validation``, ``ranges``, ``requests`` (what a request says), ``reading`` (what an entry says), ``storing``.
"""

from __future__ import annotations

from typing import Final

from partita.actors.cache.finding import Found, look_up
from partita.actors.cache.freshness import SECOND_US
from partita.actors.cache.judging import Verdict, judge, judge_failure
from partita.actors.cache.ranges import CachedSpan
from partita.actors.cache.requests import CacheQuery
from partita.actors.cache.served import CachedHead
from partita.actors.cache.storing import StoreOrder
from partita.events.cache import CacheState, RemoveEntries, TouchEntries
from partita.events.types import Message

__all__ = [
    "CacheQuery",
    "CachedHead",
    "CachedSpan",
    "Found",
    "StoreOrder",
    "Verdict",
    "judge",
    "judge_failure",
    "look_up",
    "missing",
    "used",
]

TOUCHED_AFTER_US: Final = 60 * SECOND_US
"""A last use is noted again when the one on record is older than this (DESIGN, 6)."""


def used(state: CacheState, found: Found, now_us: int) -> Message | None:
    """What to tell when ``found`` was the answer; None when its last use is on record as it is."""
    if found.entry is None or now_us - found.entry.last_used_us <= TOUCHED_AFTER_US:
        return None
    entry = state.find(found.entry.key)  # it may have been noted, or removed, since it was found
    if entry is None or now_us - entry.last_used_us <= TOUCHED_AFTER_US:
        return None
    return TouchEntries((entry.key,))


def missing(found: Found) -> Message | None:
    """What to tell when the body of what was found is not there."""
    return RemoveEntries((found.entry.key,), "missing") if found.entry is not None else None
