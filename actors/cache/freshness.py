"""How old a response is, and how long it is fresh (RFC 9111 4.2). Pure. Times are integer microseconds."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from partita.actors.cache import dates
from partita.actors.cache.directives import Directives, delta_seconds, members, seconds
from partita.actors.network.fields import Fields, every, first

SECOND_US: Final = 1_000_000
FOREVER_US: Final = (1 << 31) * SECOND_US

HEURISTICALLY_CACHEABLE: Final = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
"""RFC 9110 15.1."""

_LASTING: Final = frozenset({300, 301, 308, 410})
"""Fresh for good when they do not say otherwise, in Chromium as well."""

_HEURISTIC_SHARE: Final = 10  # "a typical setting of this fraction might be 10%" (RFC 9111 4.2.2)


class Freshness(Struct, frozen=True, gc=False):
    """``lifetime_us``: how long it is fresh, counted from when the origin made it. ``explicit``: the origin said so.

    ``initial_age_us``: how old it was when it was received (RFC 9111 4.2.3).
    """

    lifetime_us: int
    explicit: bool
    initial_age_us: int


def of(status: int, headers: Fields, directives: Directives, *, requested_us: int, received_us: int) -> Freshness:
    """The freshness of a response, for a private cache: ``s-maxage`` says nothing to it."""
    date = first(headers, "date")
    made_us = dates.parsed(date) if date is not None else None
    second_us = received_us - received_us % SECOND_US  # a Date is cut to seconds as well
    if made_us is None:
        made_us = second_us
    apparent_us = max(0, second_us - made_us)
    age_us = _age_value_s(headers) * SECOND_US + max(0, received_us - requested_us)
    explicit_us = _explicit_us(headers, directives, made_us)
    lifetime_us = _heuristic_us(status, headers, directives, made_us) if explicit_us is None else explicit_us
    return Freshness(lifetime_us, explicit_us is not None, max(apparent_us, age_us))


def _age_value_s(headers: Fields) -> int:
    """The ``Age`` field: the first member of the first line; what is no number is ignored (RFC 9111 5.1)."""
    line = first(headers, "age")
    if line is None:
        return 0
    return delta_seconds(next(members(line), None)) or 0


def _explicit_us(headers: Fields, directives: Directives, made_us: int) -> int | None:
    max_age_s = seconds(directives, "max-age")
    if max_age_s is not None:
        return max_age_s * SECOND_US
    expires = every(headers, "expires")
    if not expires:
        return None
    expires_us = dates.parsed(expires[0])
    return 0 if expires_us is None else max(0, expires_us - made_us)


def _heuristic_us(status: int, headers: Fields, directives: Directives, made_us: int) -> int:
    """RFC 9111 4.2.2. What has to be validated when it is stale is not guessed to be fresh, as in Chromium."""
    if "must-revalidate" in directives or (status not in HEURISTICALLY_CACHEABLE and "public" not in directives):
        return 0
    if status in _LASTING:
        return FOREVER_US
    modified = first(headers, "last-modified")
    modified_us = dates.parsed(modified) if modified is not None else None
    return 0 if modified_us is None else max(0, made_us - modified_us) // _HEURISTIC_SHARE
