"""``Set-Cookie`` lines: parsing, and what a response does to the jar (RFC 6265bis 5.6, 5.7; FEATURES C30)."""

from __future__ import annotations

from typing import Any

import pytest
from cookies.jar import DAY, NEW_YEARS_EVE_2015_US, SECOND, Jar, fields

from partita.actors.cookies.dates import parse_cookie_date
from partita.actors.cookies.parsing import ParsedCookie, parse_set_cookie
from partita.actors.cookies.refusals import Refusal
from partita.events.cookies import CookiesReceived
from partita.events.secret import Secret

URL = "https://www.example.com/a/b"


def test_a_plain_cookie_is_host_only_unspecified_and_of_the_session() -> None:
    jar = Jar()
    assert jar.receive(URL, "n=v") == ["inserted"]
    [cookie] = jar.get()
    assert fields(cookie, "host_only", "same_site", "expiry_us", "path", "priority") == {
        "host_only": True,
        "same_site": "unspecified",
        "expiry_us": None,
        "path": "/a",
        "priority": "medium",
    }


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("Max-Age=60", {"max_age_s": 60}),
        ("Max-Age=-1", {"max_age_s": -1}),
        ("Max-Age=+1", {"max_age_s": None}),
        ("Max-Age=1.5", {"max_age_s": None}),
        ("Max-Age=", {"max_age_s": None}),
        ("Max-Age=60; Max-Age=x", {"max_age_s": 60}),
        ("Max-Age=" + "9" * 900, {"max_age_s": int("9" * 19)}),
        ("Expires=Thu, 01 Jan 1970 00:00:01 GMT", {"expires_s": 1}),
        ("Expires=never", {"expires_s": None}),
        ("Domain=.EXAMPLE.com", {"domain": ".EXAMPLE.com"}),
        ("Domain=a; Domain=b", {"domain": "b"}),
        ("Domain=a; Domain=", {"domain": ""}),
        ("Path=/x; PATH = /y ", {"path": "/y"}),
        ("Path=" + "/" * 1025, {"path": None}),
        ("Path=" + "/" * 1024, {"path": "/" * 1024}),
        ("secure=anything; HTTPONLY", {"secure": True, "http_only": True}),
        ("SameSite=NONE", {"same_site": "no_restriction"}),
        ("SameSite=sideways", {"same_site": "unspecified"}),
        ("SameSite=Strict; SameSite=Lax", {"same_site": "lax"}),
        ("Priority=High", {"priority": "high"}),
        ("Priority=utmost", {"priority": "medium"}),
        ("Partitioned", {"partitioned": True}),
        ("; ;unknown=x;; ", {"attributes": (("unknown", "x"),)}),
    ],
)
def test_an_attribute_is_read_as_the_rfc_says(attributes: str, expected: dict[str, Any]) -> None:
    parsed = parse_set_cookie(f"n=v; {attributes}")
    assert isinstance(parsed, ParsedCookie)
    assert {name: getattr(parsed, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("", Refusal.NO_CONTENT),
        ("=", Refusal.NO_CONTENT),
        (" ; Secure", Refusal.NO_CONTENT),
        ("n=v\x00", Refusal.DISALLOWED_CHARACTER),
        ("n=v; path=/\x1f", Refusal.DISALLOWED_CHARACTER),
        ("n=v\r\nSet-Cookie: m=w", Refusal.DISALLOWED_CHARACTER),
        ("n=" + "v" * 4095, ("n", "v" * 4095)),
        ("n=" + "v" * 4096, Refusal.PAIR_TOO_LARGE),
        ("n=" + "v" * 4096 + ";x", Refusal.PAIR_TOO_LARGE),
        ("n\t=\tv\t1\t", ("n", "v\t1")),
        ("token", ("", "token")),
        ("=value", ("", "value")),
        ("a==b=c", ("a", "=b=c")),
        ('n="v;w"', ("n", '"v')),
    ],
)
def test_a_lines_pair_is_read_or_the_line_dropped(line: str, outcome: object) -> None:
    parsed = parse_set_cookie(line)
    assert (parsed if isinstance(parsed, Refusal) else (parsed.name, parsed.value)) == outcome


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("1 jan 70 0:0:0", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("29 February 2016 12:00:00", 1_456_747_200),
        ("31 Dec 9999 23:59:59", 253_402_300_799),
        ("30 February 2016 12:00:00", None),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 2016 24:00:00", None),
        ("1 Jan 2016 00:60:00", None),
        ("1 Jan 2016 00:00:60", None),
        ("1 Jan 2016", None),
        ("00:00:00 2016 Jan", None),
        ("1 Jän 2016 00:00:00", None),
        ("0 Jan 2016 00:00:00", None),
        ("", None),
    ],
)
def test_a_cookie_date_is_read_as_the_rfc_says(text: str, seconds: int | None) -> None:
    assert parse_cookie_date(text) == seconds


@pytest.mark.parametrize(
    ("line", "lifetime_us"),
    [
        ("n=v; Max-Age=60", 60 * SECOND),
        ("n=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT", 60 * SECOND),
        ("n=v; Expires=Fri, 01 Jan 2016 00:00:00 GMT", DAY),
        ("n=v; Expires=Fri, 01 Jan 2050 00:00:00 GMT", 400 * DAY),
        ("n=v; Max-Age=99999999999999999999", 400 * DAY),
        ("n=v; Expires=soon", None),
    ],
)
def test_a_lifetime_ends_after_400_days_at_the_latest(line: str, lifetime_us: int | None) -> None:
    jar = Jar()
    jar.receive(URL, line)
    assert jar.get()[0].expiry_us == (None if lifetime_us is None else NEW_YEARS_EVE_2015_US + lifetime_us)


@pytest.mark.parametrize(
    "line",
    [
        "n=v; Domain=example.org",
        "n=v; Domain=com",
        "n=v; Domain=münchen.example.com",
        "n=v; SameSite=None",
        "__Host-n=v; Secure",
        "__Host-n=v; Secure; Path=/; Domain=www.example.com",
        "__host-n=v; Path=/",
        "__Secure-n=v",
        "__Http-n=v; Secure",
        "__HTTP-n=v; HttpOnly",
        "__Host-Http-n=v; Secure; Path=/",
        "__Host-Http-n=v; Secure; HttpOnly",
        "__Http-n; Secure; HttpOnly",
        "n=v; Partitioned",
        "n=v; SameSite=Lax\x7f",
        "__Host-n; Secure; Path=/",
        "n=v; Max-Age=0",
        "",
    ],
)
def test_a_line_that_cannot_be_stored_leads_to_nothing(line: str) -> None:
    jar = Jar()
    assert jar.receive(URL, line) == []
    assert not jar.state.stems


@pytest.mark.parametrize("url", ["https://www.example.com/", "http://localhost:8080/"])
@pytest.mark.parametrize(
    "line",
    [
        "__Secure-n=v; Secure",
        "__Host-n=v; Secure; Path=/",
        "__HTTP-n=v; Secure; HttpOnly; Path=/a",
        "__host-http-n=v; Secure; HttpOnly; Path=/",
        "__Hostn=v",
    ],
)
def test_a_prefix_is_kept_where_secure_cookies_may_be_set(url: str, line: str) -> None:
    assert Jar().receive(url, line) == ["inserted"]


def test_an_ip_address_may_name_itself_in_a_host_prefixed_cookie() -> None:
    assert Jar().receive("https://127.0.0.1/", "__Host-n=v; Secure; Path=/; Domain=127.0.0.1") == ["inserted"]


@pytest.mark.parametrize("number", [*range(0x20), 0x7F])
def test_every_control_character_but_the_tab_drops_the_line(number: int) -> None:
    for line in (f"n=v{chr(number)}w", f"n{chr(number)}m=v", f"n=v; Path=/{chr(number)}; x", f"n=v; a{chr(number)}b"):
        assert bool(Jar().receive(URL, line)) == (chr(number) == "\t")


@pytest.mark.parametrize(
    ("url", "line", "domain"),
    [
        ("https://www.xn--bcher-kva.example/", "n=v; Domain=xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://www.bücher.example/", "n=v; Domain=XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("https://www.bücher.example/", "n=v; Domain=bücher.example", None),
        ("https://a.github.io/", "n=v; Domain=github.io", None),
        ("https://github.io/", "n=v; Domain=github.io", "github.io"),
        ("https://example.com./", "n=v; Domain=example.com", None),
        ("https://example.com./", "n=v; Domain=example.com.", "example.com."),
        ("https://example.com/", "n=v; Domain=.", None),
        ("https://example.com/", "n=v; Domain=..example.com", None),
    ],
)
def test_a_domain_is_ascii_and_no_public_suffix(url: str, line: str, domain: str | None) -> None:
    jar = Jar()
    jar.receive(url, line)
    assert [cookie.domain for cookie in jar.get()] == ([] if domain is None else [domain])


def test_a_bad_line_does_not_keep_the_good_ones_out() -> None:
    jar = Jar()
    message = CookiesReceived(URL, tuple(Secret(line) for line in ("a=1", "b=2; Domain=com", b"c=3", "a=4")))
    decision = jar.tell(message)
    assert decision.reply == 3
    assert jar.header(URL) == "c=3; a=4"


def test_a_response_may_replace_and_remove_http_only_cookies() -> None:
    jar = Jar()
    assert jar.receive(URL, "n=1; HttpOnly", "n=2", "n=3; Max-Age=0") == [
        "inserted",
        "overwrite",
        "inserted",
        "expired-overwrite",
    ]
    assert jar.state.count == 0


def test_a_response_over_http_may_not_cover_a_secure_cookie() -> None:
    jar = Jar()
    jar.receive("https://example.com/", "n=1; Secure")
    assert jar.receive("http://example.com/", "n=2", "m=3") == ["inserted"]
    assert jar.receive("http://example.com/", "o=4; Secure") == []


def test_an_empty_domain_takes_back_the_one_before_it() -> None:
    jar = Jar()
    jar.receive(URL, "n=v; Domain=example.com; Domain=")
    assert jar.get()[0].host_only


@pytest.mark.parametrize("url", ["about:blank", "", "ftp://example.com/", "data:text/plain,x"])
def test_a_response_from_where_there_are_no_cookies_sets_none(url: str) -> None:
    jar = Jar()
    assert jar.receive(url, "n=v") == []


def test_what_a_response_says_is_lazy() -> None:
    assert CookiesReceived.lazy
