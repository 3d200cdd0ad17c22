from __future__ import annotations

import pytest

from partita.actors.network.urls import origin, parse_http_url, without_fragment, without_userinfo
from partita.events.errors import InvalidURL, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://a", "http://a/"),
        ("HTTP://ExAmple.com:80?x=1", "http://example.com/?x=1"),
        ("https://h:443/a/../b#f", "https://h/b#f"),
        (" http://h/\n", "http://h/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://bücher.de/é ü", "http://xn--bcher-kva.de/%C3%A9%20%C3%BC"),
        ("https://u:p%40@h/", "https://u:p%40@h/"),
        ("http://xn--/", "http://xn--/"),
    ],
)
def test_a_url_comes_back_in_its_normal_form(text: str, expected: str) -> None:
    assert parse_http_url(text) == expected
    assert parse_http_url(expected) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("foo", "no absolute URL"),
        ("/path", "no absolute URL"),
        ("localhost:8080/x", "scheme 'localhost'"),
        ("mailto:x@y", "scheme 'mailto'"),
        ("file:///etc/passwd", "scheme 'file' cannot be fetched"),
        ("http:///x", "names no host"),
        ("http:a", "names no host"),
        ("http://h:99999/", "99999 is no port"),
        ("http://h:0/", "0 is no port"),
        ("http://a:b/", "no URL"),
        ("http://a\nb/", "control character '\\n'"),
        ("http://ex ample/", "cannot hold"),
        ("http://%00/", "cannot hold '%'"),
        ("http://" + "a" * 64 + "/", "at most 253 characters, and 63"),
        ("http://" + "a." * 127 + "a/", "at most 253 characters, and 63"),
        ("http://h/" + "x" * 70_000, "no URL"),
    ],
)
def test_a_text_that_is_no_url_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        parse_http_url(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500
    assert isinstance(caught.value, (UsageError, ValueError))


def test_something_else_than_text_is_refused() -> None:
    with pytest.raises(InvalidURL, match="a URL is a str, not int"):
        parse_http_url(7)  # type: ignore[arg-type]


def test_a_password_is_not_shown_in_an_error() -> None:
    with pytest.raises(InvalidURL) as caught:
        parse_http_url("https://me:s3cret@h:99999/")
    assert "s3cret" not in str(caught.value)


def test_userinfo_becomes_an_authorization_field() -> None:
    assert without_userinfo("https://u:p%40@h/x") == ("https://h/x", "Basic dTpwQA==")
    assert without_userinfo("https://h/x") == ("https://h/x", None)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("http://h/x") == origin("http://h:80/y") == ("http", "h", 80)
    assert origin("https://h/") != origin("http://h/")


def test_a_fragment_is_taken_off() -> None:
    assert without_fragment("http://h/x#y#z") == "http://h/x"
