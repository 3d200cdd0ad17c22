"""``cookies.get``, ``remove``, expiry, and what goes with a request (FEATURES C1 to C4, C18, C26)."""

from __future__ import annotations

from typing import Any

import pytest
from cookies.jar import DAY, NEW_YEARS_EVE_2015_US, SECOND, Jar, causes

from partita.actors.cookies.matching import cookies_for, default_path, path_matches, stale_keys
from partita.actors.cookies.structures import Cookie
from partita.events.cookies import CookiesTouched, TouchCookies

NOW_S = NEW_YEARS_EVE_2015_US // SECOND


@pytest.fixture
def jar() -> Jar:
    jar = Jar()
    jar.set("https://example.com/", "host", "1")
    jar.set("https://example.com/", "domain", "2", domain="example.com", http_only=True)
    jar.set("https://sub.example.com/", "sub", "3", secure=True)
    jar.set("https://sub.example.com/deep/er", "deep", "4", expiration_date=NOW_S + 60.0, same_site="strict")
    jar.set("http://127.0.0.1/", "ip", "5")
    return jar


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["deep", "host", "domain", "sub", "ip"]),
        ({"url": ""}, ["deep", "host", "domain", "sub", "ip"]),
        ({"url": "not a url"}, ["deep", "host", "domain", "sub", "ip"]),
        ({"url": "https://example.com/"}, ["host", "domain"]),
        ({"url": "https://sub.example.com/"}, ["domain", "sub"]),
        ({"url": "http://sub.example.com/deep/x"}, ["deep", "domain"]),
        ({"url": "https://sub.example.com/deeper"}, ["domain", "sub"]),
        ({"url": "http://127.0.0.1:8080/any"}, ["ip"]),
        ({"url": "ftp://example.com/"}, []),
        ({"name": "sub"}, ["sub"]),
        ({"name": "SUB"}, []),
        ({"path": "/deep"}, ["deep"]),
        ({"path": "/dee"}, []),
        ({"domain": "example.com"}, ["host", "domain"]),
        ({"domain": ".EXAMPLE.com"}, ["host", "domain"]),
        ({"domain": "a.b.example.com"}, ["domain"]),
        ({"domain": "sub.example.com"}, ["deep", "domain", "sub"]),
        ({"domain": "127.0.0.1"}, ["ip"]),
        ({"domain": "0.0.1"}, []),
        ({"secure": True}, ["sub"]),
        ({"secure": False}, ["deep", "host", "domain", "ip"]),
        ({"session": False}, ["deep"]),
        ({"http_only": True}, ["domain"]),
        ({"url": "https://sub.example.com/", "http_only": False}, ["sub"]),
        ({"domain": "sub.example.com", "session": True, "secure": False}, ["domain"]),
    ],
)
def test_a_filter_finds_what_electron_finds(jar: Jar, wanted: dict[str, Any], names: list[str]) -> None:
    assert jar.names(**wanted) == names


def test_looking_does_not_touch(jar: Jar) -> None:
    before = jar.state
    jar.now_us += SECOND
    jar.get()
    assert jar.state is before


@pytest.mark.parametrize(
    ("url", "name", "gone"),
    [
        ("https://sub.example.com/", "sub", ["explicit"]),
        ("https://sub.example.com/", "domain", ["explicit"]),
        ("http://sub.example.com/", "sub", []),
        ("https://sub.example.com/", "deep", []),
        ("https://sub.example.com/deep/", "deep", ["explicit"]),
        ("https://nowhere.example/", "sub", []),
        ("no url", "sub", []),
    ],
)
def test_what_would_be_sent_is_removed_by_its_name(jar: Jar, url: str, name: str, gone: list[str]) -> None:
    count = jar.state.count
    assert jar.remove(url, name) == gone
    assert jar.state.count == count - len(gone)


def test_cookies_of_a_name_on_several_paths_are_all_removed() -> None:
    jar = Jar()
    jar.set("https://example.com/", "n", "1", path="/")
    jar.set("https://example.com/", "n", "2", path="/a")
    jar.set("https://example.com/", "n", "3", path="/b")
    assert jar.remove("https://example.com/a/", "n") == ["explicit", "explicit"]
    assert jar.names(path="/b") == ["n"]


def test_an_expired_cookie_is_not_sent_and_is_removed_when_it_is_found(jar: Jar) -> None:
    jar.now_us += 60 * SECOND
    assert jar.header("https://sub.example.com/deep/") == "domain=2; sub=3"
    assert jar.state.count == 5
    jar.events.clear()
    assert jar.names(url="https://sub.example.com/") == ["domain", "sub"]
    assert causes(tuple(jar.events)) == ["expired"]
    assert jar.state.count == 4


def test_an_expired_cookie_elsewhere_stays_until_somebody_comes_by(jar: Jar) -> None:
    jar.now_us += 60 * SECOND
    jar.get(url="http://127.0.0.1/")
    assert jar.state.count == 5
    jar.get()
    assert jar.state.count == 4


@pytest.mark.parametrize(
    ("context", "header"),
    [("strict", "s=1; l=2; u=3; n=4"), ("lax", "l=2; u=3; n=4"), ("cross_site", "n=4")],
)
def test_a_requests_context_says_which_same_site_cookies_go_along(context: Any, header: str) -> None:
    jar = Jar()
    for name, value, same_site in (
        ("s", "1", "strict"),
        ("l", "2", "lax"),
        ("u", "3", "unspecified"),
        ("n", "4", "no_restriction"),
    ):
        jar.set("https://example.com/", name, value, same_site=same_site)
    assert jar.header("https://example.com/", context) == header


def test_secure_cookies_go_to_secure_urls_and_to_this_machine() -> None:
    jar = Jar()
    jar.set("https://example.com/", "s", "1", secure=True)
    jar.set("http://localhost/", "l", "2", secure=True)
    assert jar.header("http://example.com/") is None
    assert jar.header("wss://example.com/") == "s=1"
    assert jar.header("http://localhost:3000/") == "l=2"


@pytest.mark.parametrize(
    ("cookie_path", "request_path", "matches"),
    [
        ("/", "/", True),
        ("/", "/any", True),
        ("/a", "/a", True),
        ("/a", "/a/", True),
        ("/a", "/a/b", True),
        ("/a", "/ab", False),
        ("/a/", "/a", False),
        ("/a/", "/a/b", True),
        ("/A", "/a", False),
    ],
)
def test_paths_match_as_the_rfc_says(cookie_path: str, request_path: str, matches: bool) -> None:
    assert path_matches(cookie_path, request_path) is matches


@pytest.mark.parametrize(("path", "default"), [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("", "/")])
def test_the_default_path_is_the_folder_of_the_request(path: str, default: str) -> None:
    assert default_path(path) == default


def test_a_last_access_is_noted_when_it_is_a_minute_old(jar: Jar) -> None:
    url = "https://example.com/"
    jar.now_us += 60 * SECOND
    assert stale_keys(cookies_for(jar.state, url, jar.now_us), jar.now_us) == ()
    jar.now_us += 1
    keys = stale_keys(cookies_for(jar.state, url, jar.now_us), jar.now_us)
    assert [key.name for key in keys] == ["host", "domain"]
    jar.events.clear()
    jar.tell(TouchCookies(keys))
    assert jar.events == [CookiesTouched(keys, jar.now_us)]
    assert {cookie.last_access_us for cookie in jar.get(url=url)} == {jar.now_us}
    assert not jar.tell(TouchCookies(keys)).events
    jar.remove(url, "host")
    jar.now_us += DAY
    jar.tell(TouchCookies(keys))
    assert jar.events[-1] == CookiesTouched(keys[1:], jar.now_us)


def test_the_public_cookie_is_electrons(jar: Jar) -> None:
    import msgspec

    [deep] = jar.get(name="deep")
    [domain] = jar.get(name="domain")
    assert msgspec.to_builtins(Cookie.from_stored(deep)) == {
        "name": "deep",
        "value": "4",
        "domain": "sub.example.com",
        "hostOnly": True,
        "path": "/deep",
        "secure": False,
        "httpOnly": False,
        "session": False,
        "sameSite": "strict",
        "expirationDate": NOW_S + 60.0,
        "partitionKey": None,
    }
    shown = Cookie.from_stored(domain)
    assert (shown.domain, shown.host_only, shown.session, shown.expiration_date) == (".example.com", False, True, None)
    assert shown.url == "http://example.com/"
    assert jar.remove(shown.url, shown.name) == ["explicit"]


@pytest.mark.parametrize(("line", "shown"), [("n=\xc3\xa9", "é"), ("n=\xff", "\xff"), ("n=plain", "plain")])
def test_bytes_that_are_utf_8_are_shown_as_text(line: str, shown: str) -> None:
    jar = Jar()
    jar.receive("https://example.com/", line)
    assert Cookie.from_stored(jar.get()[0]).value == shown
    assert jar.header("https://example.com/") == line
