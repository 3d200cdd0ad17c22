from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.network import urls
from partita.actors.network.urls import (
    origin,
    parse_http_url,
    parse_url,
    resolved,
    scheme_of,
    without_fragment,
    without_userinfo,
)
from partita.events.errors import InvalidURL, UsageError

STANDARD = frozenset({"app"})


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
        ("file:///etc/passwd", "scheme 'file' cannot be used here; http and https can"),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP://ExAmple.com:80?x=1", "http://example.com/?x=1"),
        ("file:///a b", "file:///a%20b"),
        ("file:/a/../b", "file:///b"),
        ("FILE://LocalHost/a?q#f", "file:///a?q#f"),
        ("file:///C:\\x", "file:///C:/x"),
        ("app://foo", "app://foo/"),
        ("app:///foo", "app://foo/"),
        ("app:foo", "app://foo/"),
        ("App://FOO:1234/a/../b?q=ü#f g", "app://foo/b?q=%C3%BC#f%20g"),
        ("app://user:password@foo/x", "app://foo/x"),
        ("app://[::1]/x", "app://[::1]/x"),
        ("test-scheme://", "test-scheme://"),
        ("test-scheme:///foo", "test-scheme:///foo"),
        ("test-scheme://h:80/a/../b", "test-scheme://h:80/a/../b"),
        ("Test-Scheme:Xü", "test-scheme:X%C3%BC"),
        ("localhost:8080/x", "localhost:8080/x"),
        ("mailto:x@y", "mailto:x@y"),
    ],
)
def test_a_url_of_any_scheme_comes_back_in_its_form(text: str, expected: str) -> None:
    assert parse_url(text, STANDARD) == expected
    assert parse_url(expected, ["app"]) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:text/plain,x", "the scheme 'data' cannot be fetched"),
        ("blob:https://h/1", "the scheme 'blob' cannot be fetched"),
        ("about:blank", "the scheme 'about' cannot be fetched"),
        ("JavaScript:alert(1)", "the scheme 'javascript' cannot be fetched"),
        ("app://", "Invalid URL"),
        ("app:", "Invalid URL"),
        ("app://a b/", "cannot hold '%'"),
        ("app://h:x/", "no URL"),
        ("file://other/x", "'other' is another"),
        ("x:\ud800", "no URL"),
        ("http://h/\ud800", "no URL"),
        ("x:a\x00b", "control character"),
        ("/path", "no absolute URL"),
        ("1x:y", "no absolute URL"),
        ("x" * 3000, "no absolute URL"),
    ],
)
def test_a_url_of_any_scheme_that_cannot_be_fetched_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        parse_url(text, STANDARD)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_scheme_is_standard_for_those_only_who_say_so() -> None:
    assert parse_url("app://Foo") == "app://Foo"
    assert parse_url("app://Foo", STANDARD) == "app://foo/"
    assert parse_url("app://Foo", {"other"}) == "app://Foo"


PARTS = st.one_of(
    st.sampled_from(
        ["%", "%20", "%zz", "[::1]", "1.2.3.4", "256.1", "01.2.3.4", "xn--", "xn--bcher-kva", ":80", ":443"]
    ),
    st.sampled_from([":8080", ":0", "..", "//", "test"]),
    st.sampled_from("aB1-_~./?#:@'!ü|&=\\ \t"),
)


@given(st.sampled_from(["http://", "https://", "HTTP://"]), st.lists(PARTS, max_size=12))
def test_what_is_taken_as_it_stands_is_what_reading_it_gives(scheme: str, parts: list[str]) -> None:
    text = scheme + "".join(parts)
    if urls._NORMAL.fullmatch(text):
        assert urls._http(text) == text


@given(st.text(max_size=30), st.sampled_from(["", "http://", "app:", "file:", "x:"]))
def test_whatever_is_a_url_is_in_its_normal_form_once_it_was_read(text: str, scheme: str) -> None:
    try:
        url = parse_url(scheme + text, STANDARD)
    except InvalidURL:
        return
    assert parse_url(url, STANDARD) == url
    assert url.isascii()
    assert scheme_of(url) == scheme_of(url).lower()


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("http://h/a/b", "c", "http://h/a/c"),
        ("http://h/a/b?x", "?y", "http://h/a/b?y"),
        ("https://h/a", "//other/x", "https://other/x"),
        ("https://h/a", "app:x", "app://x/"),
        ("http://h/", " HTTPS://K ", "https://k/"),
        ("app://foo/a/b", "../c?x", "app://foo/c?x"),
        ("app://foo/a/b", "//bar/c", "app://bar/c"),
        ("app://foo/a", "/x#y", "app://foo/x#y"),
        ("app://foo/a", "http://h", "http://h/"),
        ("file:///a/b", "../c", "file:///c"),
        ("x:y", "z:w", "z:w"),
    ],
)
def test_a_reference_leads_on_from_where_it_stands(base: str, reference: str, expected: str) -> None:
    assert resolved(base, reference, STANDARD) == expected


@pytest.mark.parametrize(
    ("base", "reference"),
    [("x:y", "z"), ("http://h/", "data:,x"), ("file:///a", "//other/x"), ("http://h/", "http://h:x/")],
)
def test_a_reference_that_leads_nowhere_is_refused(base: str, reference: str) -> None:
    with pytest.raises(InvalidURL):
        resolved(base, reference, STANDARD)


def test_an_origin_of_another_scheme_has_no_port_and_a_file_is_an_origin_of_its_own() -> None:
    assert origin("app://foo/x") == origin("app://foo/y#z") == ("app", "foo", 0)
    assert origin("app://foo/") != origin("other://foo/")
    assert origin("file:///a") != origin("file:///b")
    assert origin("x:a") == ("x", "a", 0)


def test_only_http_has_a_userinfo() -> None:
    assert without_userinfo("x:user@host") == ("x:user@host", None)
