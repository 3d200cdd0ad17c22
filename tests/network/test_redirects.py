from __future__ import annotations

import pytest

from partita.actors.network.http import NetError, RedirectRefused
from partita.actors.network.redirects import LIMIT, Outgoing, redirected

HEADERS = (("Content-Type", "text/plain"), ("Authorization", "Bearer x"), ("X-One", "1"))


def post(**changes: object) -> Outgoing:
    return Outgoing(**{"method": "POST", "url": "http://a/x", "headers": HEADERS, "body": b"hello", **changes})  # type: ignore[arg-type]


def to(location: str, status: int = 302, asked: Outgoing | None = None, followed: int = 0) -> Outgoing | None:
    return redirected(asked or post(), status, (("Location", location),), followed=followed)


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
    ],
)
def test_the_method_and_its_body_change_as_fetch_says(status: int, method: str, becomes: str) -> None:
    asked = to("/y", status, post(method=method))
    assert asked is not None
    assert asked.method == becomes
    kept = becomes == method
    assert asked.body == (b"hello" if kept else b"")
    assert ("Content-Type" in dict(asked.headers)) is kept


def test_credentials_go_no_further_than_their_origin() -> None:
    asked = post(headers=(*HEADERS, ("Cookie", "mine=1")))
    same = to("/y", asked=asked)
    other = to("http://b/y", asked=asked)
    assert same is not None
    assert other is not None
    assert {"Authorization", "Cookie"} <= dict(same.headers).keys()
    assert dict(other.headers) == {"X-One": "1"}
    assert to("http://a:81/y") != to("http://a/y")


@pytest.mark.parametrize(
    ("base", "location", "expected"),
    [
        ("http://a/x/y?q", "../z", "http://a/z"),
        ("http://a/x", "//b/z", "http://b/z"),
        ("http://a/x", "?n=1", "http://a/x?n=1"),
        ("http://a/x#here", "/z", "http://a/z#here"),
        ("http://a/x#here", "/z#there", "http://a/z#there"),
        ("http://a/x", "https://b", "https://b/"),
        ("http://a/x", "/caf\u00c3\u00a9", "http://a/caf%C3%A9"),
    ],
)
def test_a_location_is_resolved_and_takes_the_fragment_along(base: str, location: str, expected: str) -> None:
    asked = to(location, asked=post(url=base))
    assert asked is not None
    assert asked.url == expected


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("file:///etc/passwd", "ERR_UNSAFE_REDIRECT"),
        ("data:text/plain,x", "ERR_UNSAFE_REDIRECT"),
        ("about:blank", "ERR_UNSAFE_REDIRECT"),
        ("blob:http://a/1", "ERR_UNSAFE_REDIRECT"),
        ("ftp://b/", "ERR_UNKNOWN_URL_SCHEME"),
        ("http://b:99999/", "ERR_INVALID_REDIRECT"),
        ("http://[::1/", "ERR_INVALID_REDIRECT"),
    ],
)
def test_a_redirect_to_where_nobody_should_go_fails_by_name(location: str, name: str) -> None:
    with pytest.raises(NetError) as caught:
        to(location)
    assert caught.value.name == name
    assert str(caught.value) == f"net::{name}"


def test_the_twenty_first_redirect_is_one_too_many() -> None:
    assert to("/y", followed=LIMIT - 1) is not None
    with pytest.raises(NetError, match=r"net::ERR_TOO_MANY_REDIRECTS"):
        to("/y", followed=LIMIT)


def test_other_responses_are_answers() -> None:
    assert to("/y", 200) is None
    assert to("/y", 304) is None
    assert redirected(post(), 302, (), followed=0) is None


def test_manual_hands_the_redirect_over_and_error_fails() -> None:
    assert to("/y", asked=post(redirect="manual")) is None
    with pytest.raises(RedirectRefused, match=r"^Attempted to redirect, but redirect policy was 'error'$"):
        to("/y", asked=post(redirect="error"))
