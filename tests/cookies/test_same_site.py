"""SameSite by the request's context, when sending and when storing (RFC 6265bis 5.2, 5.6.7, 5.7, 5.8.3)."""

from __future__ import annotations

from typing import Any

import pytest
from cookies.jar import DAY, SECOND, Jar

URL = "https://shop.example/"
CONTEXTS = ("strict", "lax", "lax_unsafe", "cross_site")


def four_cookies() -> Jar:
    jar = Jar()
    jar.receive(URL, "strict=1; SameSite=Strict", "lax=2; SameSite=Lax", "none=3; SameSite=None; Secure", "plain=4")
    return jar


@pytest.mark.parametrize(
    ("context", "new", "old"),
    [
        ("strict", "strict=1; lax=2; none=3; plain=4", "strict=1; lax=2; none=3; plain=4"),
        ("lax", "lax=2; none=3; plain=4", "lax=2; none=3; plain=4"),
        ("lax_unsafe", "none=3; plain=4", "none=3"),
        ("cross_site", "none=3", "none=3"),
    ],
)
def test_what_goes_along_depends_on_the_context_and_on_the_age(context: Any, new: str, old: str) -> None:
    jar = four_cookies()
    jar.now_us += 120 * SECOND
    assert jar.header(URL, context) == new
    jar.now_us += 4  # the fourth cookie of a turn is 3 µs younger
    assert jar.header(URL, context) == old


def test_a_cookie_that_is_set_again_with_the_same_value_is_as_old_as_it_was() -> None:
    jar = four_cookies()
    jar.now_us += 121 * SECOND
    jar.receive(URL, "plain=4; Max-Age=60")
    assert jar.header(URL, "lax_unsafe") == "none=3"
    jar.receive(URL, "plain=5")
    assert jar.header(URL, "lax_unsafe") == "none=3; plain=5"


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("attribute", ["", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=what"])
def test_only_a_cross_site_response_may_not_set_same_site_cookies(context: Any, attribute: str) -> None:
    jar = Jar()
    assert jar.receive(URL, f"n=v{attribute}", context=context) == ([] if context == "cross_site" else ["inserted"])


@pytest.mark.parametrize("context", CONTEXTS)
def test_any_response_may_set_a_secure_cookie_without_restriction(context: Any) -> None:
    jar = Jar()
    assert jar.receive(URL, "n=v; SameSite=None; Secure", "m=v; SameSite=None", context=context) == ["inserted"]


def test_a_cross_site_response_cannot_remove_a_same_site_cookie() -> None:
    jar = four_cookies()
    assert jar.receive(URL, "lax=; SameSite=Lax; Max-Age=0", "plain=; Max-Age=0", context="cross_site") == []
    assert jar.receive(URL, "none=; SameSite=None; Secure; Max-Age=0", context="cross_site") == ["expired-overwrite"]


def test_reading_the_jar_is_not_a_request() -> None:
    jar = four_cookies()
    jar.now_us += DAY
    assert jar.names(url=URL) == ["strict", "lax", "none", "plain"]
