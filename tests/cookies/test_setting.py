"""``cookies.set``: its details, its refusals, and what ``changed`` tells (FEATURES C5 to C28)."""

from __future__ import annotations

from typing import Any

import pytest
from cookies.jar import DAY, NEW_YEARS_EVE_2015_US, SECOND, Jar, fields

from partita.actors.cookies.matching import target_of
from partita.actors.cookies.refusals import Refusal
from partita.events.errors import CookieError, PartitaError

NOW_S = NEW_YEARS_EVE_2015_US // SECOND
HTTPS = "https://www.example.com/a/b"


def test_a_registered_scheme_has_cookies_as_well() -> None:
    jar = Jar()
    with pytest.raises(CookieError, match="from a scheme that does not support cookies"):
        jar.set("app://bundle/a/b", "n", "v")
    assert jar.set("app://bundle/a/b", "n", "v", custom_schemes=("app",)) == ["inserted"]
    assert jar.names(url="app://bundle/a/c") == []
    assert jar.names(url="app://bundle/a/c", custom_schemes=("app",)) == ["n"]
    assert jar.header("app://bundle/a/c") is None, "what answers for it is no network"


def test_a_cookie_needs_nothing_but_a_url_and_a_name_or_value() -> None:
    jar = Jar()
    assert jar.set(HTTPS, "n", "v") == ["inserted"]
    [cookie] = jar.get()
    assert fields(cookie, "name", "value", "domain", "host_only", "path", "secure", "http_only", "same_site") == {
        "name": "n",
        "value": "v",
        "domain": "www.example.com",
        "host_only": True,
        "path": "/a",
        "secure": False,
        "http_only": False,
        "same_site": "lax",
    }
    assert cookie.expiry_us is None
    assert cookie.source_scheme == "secure"
    assert cookie.creation_us == cookie.last_access_us == jar.now_us


@pytest.mark.parametrize(
    ("url", "details", "stored"),
    [
        (HTTPS, {"domain": "example.com"}, {"domain": "example.com", "host_only": False}),
        (HTTPS, {"domain": ".example.com"}, {"domain": "example.com", "host_only": False}),
        (HTTPS, {"domain": "EXAMPLE.com"}, {"domain": "example.com", "host_only": False}),
        ("http://127.0.0.1/", {"domain": "127.0.0.1"}, {"domain": "127.0.0.1", "host_only": True}),
        ("http://[::1]/", {"domain": "[::1]"}, {"domain": "[::1]", "host_only": True}),
        ("http://localhost/", {"domain": "localhost"}, {"domain": "localhost", "host_only": True}),
        ("http://WWW.Example.com:8080/", {}, {"domain": "www.example.com", "host_only": True}),
        ("https://example.com", {}, {"path": "/"}),
        ("https://example.com/a/b/", {}, {"path": "/a/b"}),
        ("https://example.com/a", {"path": "/other"}, {"path": "/other"}),
        ("https://example.com/a/b", {"path": "no-slash"}, {"path": "/"}),
        (HTTPS, {"same_site": "no_restriction"}, {"same_site": "no_restriction", "secure": True}),
        (HTTPS, {"same_site": "strict"}, {"same_site": "strict", "secure": False}),
        (HTTPS, {"same_site": "unspecified"}, {"same_site": "unspecified", "secure": False}),
        ("http://localhost/", {"secure": True}, {"secure": True, "source_scheme": "nonsecure"}),
        ("ws://example.com/", {}, {"source_scheme": "nonsecure"}),
        ("wss://example.com/", {"secure": True}, {"source_scheme": "secure"}),
        ("https://bücher.example/", {}, {"domain": "xn--bcher-kva.example"}),
        (HTTPS, {"expiration_date": NOW_S + 60.5}, {"expiry_us": NEW_YEARS_EVE_2015_US + 60_500_000}),
        (HTTPS, {"expiration_date": float("nan")}, {"expiry_us": None}),
        (HTTPS, {"expiration_date": float("inf")}, {"expiry_us": NEW_YEARS_EVE_2015_US + 400 * DAY}),
        (HTTPS, {"expiration_date": 1e300}, {"expiry_us": NEW_YEARS_EVE_2015_US + 400 * DAY}),
        (HTTPS, {"creation_date": NOW_S - 5.0}, {"creation_us": NEW_YEARS_EVE_2015_US - 5 * SECOND}),
        (HTTPS, {"creation_date": NOW_S + 5.0}, {"creation_us": NEW_YEARS_EVE_2015_US}),
        (
            HTTPS,
            {"creation_date": NOW_S - 9.0, "last_access_date": NOW_S - 5.0},
            {"last_access_us": NEW_YEARS_EVE_2015_US - 5 * SECOND},
        ),
    ],
)
def test_a_detail_is_stored_as_electron_stores_it(url: str, details: dict[str, Any], stored: dict[str, Any]) -> None:
    jar = Jar()
    assert jar.set(url, "n", "v", **details) == ["inserted"]
    [cookie] = jar.get()
    assert fields(cookie, *stored) == stored


@pytest.mark.parametrize(
    ("url", "name", "value", "details", "reason"),
    [
        ("", "n", "v", {}, Refusal.INVALID_DOMAIN),
        ("asdf", "n", "v", {}, Refusal.INVALID_DOMAIN),
        ("http://[half", "n", "v", {}, Refusal.INVALID_DOMAIN),
        ("https://electronjs.org", "n", "", {"domain": "wssss.iamabaddomain.fun"}, Refusal.INVALID_DOMAIN),
        (HTTPS, "n", "v", {"domain": "com"}, Refusal.INVALID_DOMAIN),
        (HTTPS, "n", "v", {"domain": "ample.com"}, Refusal.INVALID_DOMAIN),
        (HTTPS, "n", "v", {"domain": "deeper.www.example.com"}, Refusal.INVALID_DOMAIN),
        ("https://a.co.uk/", "n", "v", {"domain": ".co.uk"}, Refusal.INVALID_DOMAIN),
        ("https://me.github.io/", "n", "v", {"domain": "github.io"}, Refusal.INVALID_DOMAIN),
        ("http://1.2.3.4/", "n", "v", {"domain": "3.4"}, Refusal.INVALID_DOMAIN),
        ("https://bücher.example/", "n", "v", {"domain": "bücher.example"}, Refusal.DOMAIN_NOT_ASCII),
        (HTTPS, "n", "test;test", {}, Refusal.DISALLOWED_CHARACTER),
        (HTTPS, "n;", "v", {}, Refusal.DISALLOWED_CHARACTER),
        (HTTPS, "n", "v\n", {}, Refusal.DISALLOWED_CHARACTER),
        (HTTPS, "\x7f", "v", {}, Refusal.DISALLOWED_CHARACTER),
        (HTTPS, "", "", {}, Refusal.NO_CONTENT),
        (HTTPS, "a=b", "v", {}, Refusal.FAILURE_TO_STORE),
        (HTTPS, " n", "v", {}, Refusal.FAILURE_TO_STORE),
        (HTTPS, "n", "v ", {}, Refusal.FAILURE_TO_STORE),
        (HTTPS, "n", "v", {"path": "/a;b"}, Refusal.FAILURE_TO_STORE),
        (HTTPS, "n", "v", {"last_access_date": 1.0}, Refusal.FAILURE_TO_STORE),
        (HTTPS, "n", "v" * 4096, {}, Refusal.PAIR_TOO_LARGE),
        (HTTPS, "n", "é" * 2048, {}, Refusal.PAIR_TOO_LARGE),
        (HTTPS, "n", "v", {"path": "/" * 1025}, Refusal.ATTRIBUTE_TOO_LARGE),
        (HTTPS, "n", "v", {"domain": "a" * 1025}, Refusal.ATTRIBUTE_TOO_LARGE),
        ("file://host/x", "n", "v", {}, Refusal.NONCOOKIEABLE_SCHEME),
        ("app://host/x", "n", "v", {}, Refusal.NONCOOKIEABLE_SCHEME),
        ("http://example.com/", "n", "v", {"secure": True}, Refusal.SECURE_ONLY),
        ("http://example.com/", "n", "v", {"same_site": "no_restriction"}, Refusal.SECURE_ONLY),
        (HTTPS, "n", "v", {"same_site": "no_restriction", "secure": False}, Refusal.SAME_SITE_NONE_INSECURE),
        (HTTPS, "__Secure-n", "v", {}, Refusal.INVALID_PREFIX),
        (HTTPS, "__secure-n", "v", {}, Refusal.INVALID_PREFIX),
        (HTTPS, "__Host-n", "v", {"secure": True}, Refusal.INVALID_PREFIX),
        (HTTPS, "__Host-n", "v", {"secure": True, "path": "/", "domain": "example.com"}, Refusal.INVALID_PREFIX),
        (HTTPS, "", "__Host-n=v", {"secure": True}, Refusal.INVALID_PREFIX),
    ],
)
def test_what_cannot_be_set_is_refused_in_electrons_words(
    url: str, name: str, value: str, details: dict[str, Any], reason: Refusal
) -> None:
    jar = Jar()
    with pytest.raises(CookieError) as refused:
        jar.set(url, name, value, **details)
    assert str(refused.value) == f"Failed to set cookie - {reason.value}"
    assert not jar.state.stems


def test_electrons_texts_are_electrons() -> None:
    assert str(Refusal.INVALID_DOMAIN.error()) == (
        "Failed to set cookie - The cookie was set with an invalid Domain attribute."
    )
    assert str(Refusal.DISALLOWED_CHARACTER.error()) == (
        "Failed to set cookie - The cookie contains ASCII control characters"
    )
    assert str(Refusal.OVERWRITE_HTTP_ONLY.error()) == (
        "Failed to set cookie - The cookie would have overwritten an HttpOnly cookie, and was not allowed to do so."
    )


def test_a_same_site_that_is_none_is_refused_as_a_value() -> None:
    with pytest.raises(
        ValueError, match=r"^Failed to convert 'garbage' to an appropriate cookie same site value$"
    ) as no:
        Jar().set(HTTPS, "n", "v", same_site="garbage")
    assert isinstance(no.value, PartitaError)


def test_prefixed_cookies_that_keep_their_promise_are_stored() -> None:
    jar = Jar()
    assert jar.set(HTTPS, "__Host-a", "v", secure=True, path="/") == ["inserted"]
    assert jar.set(HTTPS, "__Secure-b", "v", secure=True, domain="example.com") == ["inserted"]


def test_a_text_beyond_ascii_is_sent_as_utf_8() -> None:
    jar = Jar()
    jar.set("https://example.com/", "n", "é")
    header = jar.header("https://example.com/")
    assert header is not None
    assert header.encode("latin-1") == "n=é".encode()
    assert jar.names(name="n") == ["n"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"value": "1"}, {"value": "2"}, ["overwrite", "inserted"]),
        ({"value": "1"}, {"value": "1"}, ["overwrite", "inserted-no-change-overwrite"]),
        (
            {"value": "1"},
            {"value": "1", "expiration_date": NOW_S + 60.0},
            ["overwrite", "inserted-no-value-change-overwrite"],
        ),
        (
            {"value": "1"},
            {"value": "1", "same_site": "strict"},
            ["overwrite", "inserted-no-value-change-overwrite"],
        ),
        ({"value": "1"}, {"value": "2", "expiration_date": 0.0}, ["expired-overwrite"]),
        ({"value": "1"}, {"value": "1", "domain": "www.example.com"}, ["inserted"]),
        ({"value": "1"}, {"value": "1", "path": "/"}, ["inserted"]),
        ({"value": "1", "http_only": True}, {"value": "2", "http_only": True}, ["overwrite", "inserted"]),
    ],
)
def test_an_overwrite_is_told_before_the_insert(first: dict[str, Any], second: dict[str, Any], told: list[str]) -> None:
    jar = Jar()
    jar.set(HTTPS, "n", **first)
    jar.now_us += SECOND
    assert jar.set(HTTPS, "n", **second) == told


def test_an_expired_cookie_that_replaces_none_tells_nothing() -> None:
    jar = Jar()
    assert jar.set(HTTPS, "n", "v", expiration_date=1.0) == []
    assert jar.state.count == 0


def test_the_removed_half_of_an_overwrite_shows_the_old_value() -> None:
    jar = Jar()
    jar.set(HTTPS, "n", "old")
    jar.set(HTTPS, "n", "new")
    assert [event.cookie.value.reveal() for event in jar.events] == ["old", "old", "new"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("value", "kept"), [("1", True), ("2", False)])
def test_only_a_cookie_of_the_same_value_keeps_its_creation_time(value: str, kept: bool) -> None:
    jar = Jar()
    jar.set(HTTPS, "n", "1")
    created_us = jar.get()[0].creation_us
    jar.now_us += SECOND
    jar.set(HTTPS, "n", value)
    assert (jar.get()[0].creation_us == created_us) is kept


def test_an_http_only_cookie_is_only_replaced_by_an_http_only_one() -> None:
    jar = Jar()
    jar.set(HTTPS, "n", "1", http_only=True)
    with pytest.raises(CookieError, match="would have overwritten an HttpOnly cookie"):
        jar.set(HTTPS, "n", "2")
    assert jar.set(HTTPS, "n", "2", http_only=True) == ["overwrite", "inserted"]


@pytest.mark.parametrize(
    ("url", "details", "refused"),
    [
        ("http://www.example.com/", {}, True),
        ("http://www.example.com/", {"domain": "example.com"}, True),
        ("http://www.example.com/login/deep", {"path": "/login/deep"}, True),
        ("http://www.example.com/", {"path": "/elsewhere"}, False),
        ("http://other.example.com/", {"path": "/login"}, False),
        ("https://www.example.com/", {"path": "/login"}, False),
    ],
)
def test_an_insecure_url_may_not_cover_a_secure_cookie(url: str, details: dict[str, Any], refused: bool) -> None:
    jar = Jar()
    jar.set("https://www.example.com/", "n", "1", secure=True, path="/login")
    details = {"path": "/login", **details}
    if refused:
        with pytest.raises(CookieError, match="would have overwritten a Secure cookie"):
            jar.set(url, "n", "2", **details)
    else:
        jar.set(url, "n", "2", **details)


def test_cookies_of_one_microsecond_have_an_order() -> None:
    jar = Jar()
    for name in "cab":
        jar.set("https://example.com/", name, "v")
    jar.set("https://example.com/", "c", "v")
    jar.set("https://example.com/", "a", "other")
    assert jar.names() == ["c", "b", "a"]


@pytest.mark.parametrize("url", ["http://user:word@example.com:80/p?q#f", "HTTP://EXAMPLE.COM./p", "http://[0:0::1]/p"])
def test_a_url_is_read_in_its_canonical_form(url: str) -> None:
    target = target_of(url)
    assert target is not None
    assert target.host in {"example.com", "example.com.", "[::1]"}
    assert target.path == "/p"
    assert target.trustworthy is (target.host == "[::1]")
