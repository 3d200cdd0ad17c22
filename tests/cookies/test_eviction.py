"""What goes when the jar is full (FEATURES C27)."""

from __future__ import annotations

from typing import Any

import pytest
from cookies.jar import DAY, NEW_YEARS_EVE_2015_US, SECOND, Jar

from partita.actors.cookies.eviction import over_total_limit
from partita.events.cookies import CookieRemoved, CookiesState, StoredCookie, slot_of, stem_of
from partita.events.secret import Secret

URL = "https://www.example.com/"
NOW_S = NEW_YEARS_EVE_2015_US // SECOND


def fill(jar: Jar, count: int, prefix: str, attributes: str = "", url: str = URL) -> None:
    """A cookie a second, so that each is used later than the one before."""
    for number in range(count):
        jar.now_us += SECOND
        jar.receive(url, f"{prefix}{number}=v{attributes}")


def left(jar: Jar, prefix: str) -> list[int]:
    return [
        int(cookie.name.removeprefix(prefix))
        for bucket in jar.state.stems.values()
        for cookie in bucket.values()
        if cookie.name.startswith(prefix)
    ]


def test_a_domain_has_180_cookies_and_the_181st_cuts_it_to_150() -> None:
    jar = Jar()
    fill(jar, 180, "n")
    assert jar.state.count == 180
    jar.events.clear()
    fill(jar, 1, "last")
    assert jar.state.count == 150
    assert [event.cause for event in jar.events] == ["inserted"] + ["evicted"] * 31  # type: ignore[attr-defined]
    assert left(jar, "n") == list(range(31, 180))


def test_all_hosts_of_a_registrable_domain_share_its_limit() -> None:
    jar = Jar()
    fill(jar, 100, "a", url="https://a.example.com/")
    fill(jar, 80, "b", url="https://b.example.com/")
    fill(jar, 1, "c", url="https://example.com/")
    assert jar.state.count == 150
    assert left(jar, "a") == list(range(31, 100))


def test_domains_under_one_public_suffix_do_not_share_a_limit() -> None:
    jar = Jar()
    fill(jar, 120, "a", url="https://a.co.uk/")
    fill(jar, 120, "b", url="https://b.co.uk/")
    assert jar.state.count == 240


def test_expired_cookies_go_first_and_may_be_enough() -> None:
    jar = Jar()
    fill(jar, 5, "short", "; Max-Age=400")
    fill(jar, 175, "n")
    jar.now_us += 400 * SECOND
    jar.events.clear()
    fill(jar, 1, "last")
    assert [event.cause for event in jar.events] == ["inserted"] + ["expired"] * 5  # type: ignore[attr-defined]
    assert jar.state.count == 176


def test_what_was_used_lately_stays() -> None:
    from partita.events.cookies import TouchCookies

    jar = Jar()
    fill(jar, 180, "n")
    jar.now_us += 61 * SECOND
    jar.tell(TouchCookies(tuple(cookie.key for cookie in jar.get() if cookie.name in {"n0", "n5"})))
    fill(jar, 1, "last")
    assert left(jar, "n") == [0, 5, *range(33, 180)]


@pytest.mark.parametrize(
    ("fillings", "remaining"),
    [
        # no priority loses its quota while another has more than its own
        ([("low", 30, False), ("medium", 151, False)], {"low": 30, "medium": 120}),
        ([("low", 100, False), ("medium", 81, False)], {"low": 69, "medium": 81}),
        ([("low", 40, False), ("medium", 141, False)], {"low": 30, "medium": 120}),
        ([("medium", 50, False), ("high", 131, False)], {"medium": 50, "high": 100}),
        ([("low", 61, False), ("medium", 50, False), ("high", 70, False)], {"low": 30, "medium": 50, "high": 70}),
        # of one priority, what is Secure goes last, in the round that spares nothing
        ([("medium", 100, True), ("medium", 81, False)], {"mediumSecure": 100, "medium": 50}),
        ([("medium", 170, True), ("medium", 11, False)], {"mediumSecure": 150, "medium": 0}),
        ([("high", 181, True)], {"highSecure": 150}),
        # a low priority gives its Secure ones before a medium one gives any
        ([("low", 90, True), ("medium", 91, False)], {"lowSecure": 59, "medium": 91}),
    ],
)
def test_a_domain_is_cut_in_chromiums_rounds(fillings: list[Any], remaining: dict[str, int]) -> None:
    jar = Jar()
    for priority, count, secure in fillings:
        fill(jar, count, f"{priority}{'Secure' if secure else ''}_", f"; Priority={priority}{'; Secure' * secure}")
    assert {name: len(left(jar, f"{name}_")) for name in remaining} == remaining
    assert jar.state.count == 150


def full_jar(count: int, *, unused: int = 0, secure: int = 0, expired: int = 0) -> CookiesState:
    """``count`` cookies in 100 domains; some not used for a month, of those some Secure; some expired."""
    stems: dict[str, dict[str, StoredCookie]] = {}
    for number in range(count):
        used_us = NEW_YEARS_EVE_2015_US - (31 * DAY if number < unused else 29 * DAY) + number
        cookie = StoredCookie(
            name=f"n{number}",
            value=Secret("v"),
            domain=f"d{number % 100}.example{number % 100}.com",
            host_only=True,
            path="/",
            secure=number < secure,
            http_only=False,
            same_site="lax",
            creation_us=used_us,
            last_access_us=used_us,
            expiry_us=NEW_YEARS_EVE_2015_US if number >= count - expired else None,
            source_scheme="secure",
        )
        stems.setdefault(stem_of(cookie.domain), {})[slot_of(cookie)] = cookie
    return CookiesState(stems, count, NEW_YEARS_EVE_2015_US)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (full_jar(3_300, unused=3_300), (0, 0)),
        (full_jar(3_301, unused=3_301), (0, 301)),
        (full_jar(3_301, unused=100), (0, 100)),
        (full_jar(3_301), (0, 0)),
        (full_jar(3_301, unused=3_300, expired=1), (1, 0)),
        (full_jar(3_401, unused=3_400, expired=1), (1, 400)),
    ],
)
def test_the_jar_is_cut_to_3000_of_what_nobody_used_for_a_month(state: CookiesState, expected: tuple[int, int]) -> None:
    removed = over_total_limit(state, NEW_YEARS_EVE_2015_US)
    assert (_count(removed, "expired"), _count(removed, "evicted")) == expected


def test_the_insecure_go_before_the_secure() -> None:
    removed = over_total_limit(full_jar(3_301, unused=400, secure=200), NEW_YEARS_EVE_2015_US)
    assert [event.cookie.name for event in removed] == [f"n{number}" for number in (*range(200, 400), *range(101))]


def _count(removed: list[CookieRemoved], cause: str) -> int:
    return sum(event.cause == cause for event in removed)


def test_a_set_that_fills_the_jar_evicts_in_the_same_turn() -> None:
    jar = Jar()
    jar.state = full_jar(3_300, unused=3_300)
    assert jar.set(URL, "n", "v") == ["inserted"] + ["evicted"] * 301
    assert jar.state.count == 3_000
