"""The Referer field (Referrer Policy, W3C)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.pages.referrer import POLICIES, parsed_policy, policy_after, referrer_for, stripped
from partita.events.network import ReferrerPolicy

PAGE = "https://me:secret@shop.example/cart?id=7#top"
FULL = "https://shop.example/cart?id=7"
ORIGIN = "https://shop.example/"

SAME = "https://shop.example/api"
CROSS = "https://other.example/"
DOWN = "http://other.example/"

TABLE: dict[ReferrerPolicy, tuple[str | None, str | None, str | None]] = {
    # from https, to the same origin, to another one over https, to another one over http
    "": (FULL, ORIGIN, None),
    "no-referrer": (None, None, None),
    "no-referrer-when-downgrade": (FULL, FULL, None),
    "same-origin": (FULL, None, None),
    "origin": (ORIGIN, ORIGIN, ORIGIN),
    "strict-origin": (ORIGIN, ORIGIN, None),
    "origin-when-cross-origin": (FULL, ORIGIN, ORIGIN),
    "strict-origin-when-cross-origin": (FULL, ORIGIN, None),
    "unsafe-url": (FULL, FULL, FULL),
}


def test_the_table_has_every_policy() -> None:
    assert set(TABLE) == set(POLICIES)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_says_how_much_of_the_page_is_told(policy: ReferrerPolicy) -> None:
    assert tuple(referrer_for(PAGE, url, policy) for url in (SAME, CROSS, DOWN)) == TABLE[policy]


@pytest.mark.parametrize("policy", ["", "no-referrer-when-downgrade", "strict-origin"])
def test_from_http_nothing_is_a_downgrade(policy: ReferrerPolicy) -> None:
    assert referrer_for("http://shop.example/x", DOWN, policy) is not None


def test_this_machine_is_as_good_as_https() -> None:
    assert referrer_for(PAGE, "http://127.0.0.1:8080/", "strict-origin") == ORIGIN
    assert referrer_for("http://localhost/x", DOWN, "strict-origin") is None


def test_a_referrer_of_more_than_4096_characters_is_cut_to_its_origin() -> None:
    fits = FULL + "x" * (4096 - len(FULL))
    assert referrer_for(fits, SAME, "unsafe-url") == fits
    assert referrer_for(fits + "x", SAME, "unsafe-url") == ORIGIN
    assert referrer_for(fits + "#" + "x" * 99, SAME, "unsafe-url") == fits


@pytest.mark.parametrize(
    "page", ["about:blank", "data:text/html,x", "file:///home/me/x", "blob:https://a.example/1", ""]
)
def test_what_is_no_address_on_the_web_is_not_told(page: str) -> None:
    assert stripped(page) is None
    assert referrer_for(page, SAME, "unsafe-url") is None


def test_a_url_without_a_path_gets_one() -> None:
    assert stripped("https://shop.example") == "https://shop.example/"
    assert stripped("https://shop.example:8443#x") == "https://shop.example:8443/"


@pytest.mark.parametrize(
    ("values", "policy"),
    [
        ([], ""),
        ([""], ""),
        (["no-referrer"], "no-referrer"),
        (["No-Referrer"], "no-referrer"),
        (["origin, strict-origin"], "strict-origin"),
        (["origin,,\tunsafe-url ,"], "unsafe-url"),
        (["origin, made-up-in-2031"], "origin"),
        (["made-up"], ""),
        (["origin", "same-origin"], "same-origin"),
        (["origin", "made-up"], "origin"),
        (["never"], ""),
    ],
)
def test_the_last_policy_that_is_known_holds(values: list[str], policy: ReferrerPolicy) -> None:
    headers = tuple(("Referrer-Policy", value) for value in values)
    assert parsed_policy(headers) == policy
    assert policy_after("strict-origin", headers) == (policy or "strict-origin")


@given(st.sampled_from(POLICIES), st.sampled_from([SAME, CROSS, DOWN]), st.text(max_size=30))
def test_no_referrer_tells_a_password_or_a_fragment(policy: ReferrerPolicy, url: str, path: str) -> None:
    told = referrer_for(f"https://me:secret@shop.example/{path}#secret", url, policy)
    assert told is None or ("secret" not in told.replace(path, "") and "#" not in told)
