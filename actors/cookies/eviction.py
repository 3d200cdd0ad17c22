"""What the jar throws out when it is full, in Chromium's order (FEATURES C27).

A registrable domain may have 180 cookies; one more, and it is cut back to 150. All together may be 3,300; one more,
and those that nobody used for 30 days go until 3,000 are left (cookies in use are never thrown out for the sake of
others: a jar may hold more than 3,300 of them). Expired ones always go first, then by last access, and what is Secure
goes after what is not.

Partitioned cookies are counted apart (CHIPS): below each top-level site a registrable domain may have 180 of them, with
10 KiB of names and values; beyond either, expired ones go, then the least recently used, until it fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.actors.cookies.matching import is_expired
from partita.actors.cookies.suffixes import registrable_domain
from partita.events.cookies import CookieRemoved, CookiesState, Priority, StoredCookie, slot_of, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOMAIN_LIMIT: Final = 180
DOMAIN_KEPT: Final = 150
TOTAL_LIMIT: Final = 3_300
TOTAL_KEPT: Final = 3_000
PARTITION_LIMIT: Final = 180
PARTITION_BYTES: Final = 10 * 1024
SAFE_US: Final = 30 * 86_400 * 1_000_000

_TOTAL_CHECKED_EVERY: Final = 100  # beyond the limit; a walk over the whole jar for each new cookie would be dear

_QUOTA: Final[dict[Priority, int]] = {"low": 30, "medium": 50, "high": 70}
_ROUNDS: Final[tuple[tuple[Priority, bool], ...]] = (
    # the priority whose turn it is, and whether Secure cookies are spared
    ("low", True),
    ("low", False),
    ("medium", True),
    ("high", True),
    ("medium", False),
    ("high", False),
)


def over_domain_limit(state: CookiesState, domain: str, now_us: int) -> list[CookieRemoved]:
    """What has to go after an unpartitioned cookie of ``domain`` was stored."""
    bucket = state.stems.get(stem_of(domain), {})
    if len(bucket) <= DOMAIN_LIMIT:
        return []
    members = _of_site(bucket.values(), domain, None)
    if len(members) <= DOMAIN_LIMIT:
        return []
    removed, left = _expired_apart(members, now_us)
    if len(left) > DOMAIN_LIMIT:
        removed += _evicted(_purged(_least_recent_first(left), len(left) - DOMAIN_KEPT))
    return removed


def over_partition_limit(state: CookiesState, domain: str, partition_key: str, now_us: int) -> list[CookieRemoved]:
    """What has to go after a cookie of ``domain`` was stored below the top-level site ``partition_key``."""
    members = _of_site(state.stems.get(stem_of(domain), {}).values(), domain, partition_key)
    if len(members) <= PARTITION_LIMIT and sum(map(_size_bytes, members)) <= PARTITION_BYTES:
        return []
    removed, left = _expired_apart(members, now_us)
    count, used_bytes = len(left), sum(map(_size_bytes, left))
    for cookie in _least_recent_first(left):
        if count <= PARTITION_LIMIT and used_bytes <= PARTITION_BYTES:
            break
        count -= 1
        used_bytes -= _size_bytes(cookie)
        removed.append(CookieRemoved(cookie, "evicted"))
    return removed


def over_total_limit(state: CookiesState, now_us: int) -> list[CookieRemoved]:
    """What has to go after an unpartitioned cookie was added to the jar."""
    beyond = state.count - state.partitioned - TOTAL_LIMIT
    if beyond <= 0 or beyond % _TOTAL_CHECKED_EVERY != 1:
        return []
    everything = [
        cookie for bucket in state.stems.values() for cookie in bucket.values() if cookie.partition_key is None
    ]
    removed, left = _expired_apart(everything, now_us)
    goal = len(left) - TOTAL_KEPT
    if len(left) <= TOTAL_LIMIT:
        return removed
    unused = [cookie for cookie in _least_recent_first(left) if cookie.last_access_us < now_us - SAFE_US]
    for secure in (False, True):
        victims = [cookie for cookie in unused if cookie.secure == secure][:goal]
        removed += _evicted(victims)
        goal -= len(victims)
    return removed


def _of_site(cookies: Iterable[StoredCookie], domain: str, partition_key: str | None) -> list[StoredCookie]:
    site = registrable_domain(domain) or domain
    below = f".{site}"
    return [
        cookie
        for cookie in cookies
        if cookie.partition_key == partition_key and (cookie.domain == site or cookie.domain.endswith(below))
    ]


def _size_bytes(cookie: StoredCookie) -> int:
    return len(cookie.name) + len(cookie.value.reveal_text())


def _expired_apart(cookies: Iterable[StoredCookie], now_us: int) -> tuple[list[CookieRemoved], list[StoredCookie]]:
    expired: list[CookieRemoved] = []
    left: list[StoredCookie] = []
    for cookie in cookies:
        if is_expired(cookie, now_us):
            expired.append(CookieRemoved(cookie, "expired"))
        else:
            left.append(cookie)
    return expired, left


def _least_recent_first(cookies: Iterable[StoredCookie]) -> list[StoredCookie]:
    return sorted(cookies, key=lambda cookie: (cookie.last_access_us, cookie.creation_us))


def _evicted(cookies: Iterable[StoredCookie]) -> Iterator[CookieRemoved]:
    return (CookieRemoved(cookie, "evicted") for cookie in cookies)


def _purged(cookies: list[StoredCookie], goal: int) -> list[StoredCookie]:
    """``goal`` cookies, the least recently used first, in rounds; no round takes what is in its priority's quota."""
    purged: list[StoredCookie] = []
    gone: set[str] = set()
    for priority, spare_secure in _ROUNDS:
        of_priority = [cookie for cookie in cookies if cookie.priority == priority and slot_of(cookie) not in gone]
        spared = _QUOTA[priority]
        if len(of_priority) <= spared:
            continue
        if spare_secure:
            spared = max(spared, sum(cookie.secure for cookie in of_priority))
        victims = [cookie for cookie in of_priority if not (spare_secure and cookie.secure)]
        victims = victims[: min(goal - len(purged), len(of_priority) - spared)]
        purged += victims
        gone.update(slot_of(cookie) for cookie in victims)
    return purged
