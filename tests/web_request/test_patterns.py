from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.web_request.patterns import compiled, target

SUITE: Final = Path(__file__).resolve().parents[3] / "shared" / "suites" / "url_pattern.json"

EXTENSIONS: Final = frozenset(
    {"http", "https", "file", "ftp", "chrome", "chrome-extension", "filesystem", "ws", "wss", "data", "uuid-in-package"}
)
SCHEMES: Final = {
    "kAllSchemes": EXTENSIONS,
    "URLPattern::SCHEME_ALL": None,
    "URLPattern::SCHEME_EXTENSION": frozenset({"chrome-extension"}),
}


def cases() -> list[Any]:
    suite = json.loads(SUITE.read_text(encoding="utf-8")) if SUITE.is_file() else {"cases": []}
    return [pytest.param(case, id=f"{case['pattern']} {case['arg']}") for case in suite["cases"]]


def as_in_chromium(text: str) -> str:
    """What Chromium's test wraps in ``GetWebUIURL`` lost its scheme in the suite; ``<all_urls>`` has none."""
    return text if ":" in text.partition("/")[0] or text.startswith("<") else f"chrome://{text}"


def normal(url: str) -> str:
    """A URL as ``GURL`` has it: the host in punycode, octets of the path escaped one by one."""
    head, separator, rest = url.partition("://")
    if url.isascii() or not separator:
        return url
    host, slash, path = rest.partition("/")
    octets = path.encode("utf-8", "surrogateescape")
    return f"{head}://{host.encode('idna').decode()}{slash}{quote(octets, safe='/?*')}"


@pytest.mark.skipif(not SUITE.is_file(), reason="the shared suites are not beside this checkout")
@pytest.mark.parametrize("case", cases())
def test_chromiums_own_cases(case: dict[str, Any]) -> None:
    pattern = compiled(as_in_chromium(case["pattern"]), SCHEMES[case["schemes"]])
    if case["method"] == "MatchesScheme":
        assert pattern.matches_scheme(case["arg"]) is case["match"]
    else:
        assert pattern.matches(normal(as_in_chromium(case["arg"]))) is case["match"]


def test_the_suite_is_whole() -> None:
    if SUITE.is_file():
        assert len(cases()) == 40


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("http", "Missing scheme separator."),
        ("", "Missing scheme separator."),
        ("*", "Missing scheme separator."),
        ("http:", "Wrong scheme type."),
        ("http:/bar", "Wrong scheme type."),
        ("*:foo", "Wrong scheme type."),
        ("data://text/*", "Wrong scheme type."),
        ("about://blank", "Wrong scheme type."),
        ("://host/*", "Wrong scheme type."),
        ("blob:https://host/*", "Wrong scheme type."),
        ("http://", "Host can not be empty."),
        ("http:///", "Host can not be empty."),
        ("http://:1234/", "Host can not be empty."),
        ("http://*./", "Host can not be empty."),
        ("http://[]/", "Host can not be empty."),
        ("data:", "Host can not be empty."),
        ("http://bar", "Empty path."),
        ("https://*", "Empty path."),
        ("http://*.*/", "Invalid host wildcard."),
        ("http://*foo/bar", "Invalid host wildcard."),
        ("http://foo.*.bar/baz", "Invalid host wildcard."),
        ("http://fo.*.ba:123/baz", "Invalid host wildcard."),
        ("http://*.foo.*/:1234", "Invalid host wildcard."),
        ("http://foo:/", "Invalid port."),
        ("http://*.foo:/", "Invalid port."),
        ("http://foo:com/", "Invalid port."),
        ("http://foo:123456/", "Invalid port."),
        ("http://foo:٣/", "Invalid port."),
        ("http://foo:80:80/monkey", "Invalid port."),
        ("http://foo:" + "9" * 5000 + "/", "Invalid port."),
        ("chrome://foo:1234/bar", "Invalid port."),
        ("*://foo:8080/", "Invalid port."),
        ("http://\0www/", "Invalid host."),
        ("http://ho st/", "Invalid host."),
        ("http://user@host/", "Invalid host."),
        ("http://host?x/", "Invalid host."),
        ("http://[::1/", "Invalid host."),
        ("http://[::1]x/", "Invalid host."),
        ("http://[nothing]/", "Invalid host."),
    ],
)
def test_what_is_no_pattern_is_refused_with_chromiums_reason(pattern: str, reason: str) -> None:
    with pytest.raises(TypeError) as raised:
        compiled(pattern)
    assert str(raised.value) == f"Invalid url pattern {pattern}: {reason}"


@pytest.mark.parametrize(
    ("pattern", "schemes"), [("gopher://host/*", EXTENSIONS), ("ftp://host/*", frozenset({"http"}))]
)
def test_a_scheme_that_is_not_in_the_set_is_invalid(pattern: str, schemes: frozenset[str]) -> None:
    with pytest.raises(TypeError, match="Invalid scheme"):
        compiled(pattern, schemes)


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("http://foo:1234/", "http://foo:1234/", True),
        ("http://foo:80/", "http://foo/", True),
        ("https://foo:80/", "https://foo/", False),
        ("wss://foo:443/x", "wss://foo/x", True),
        ("http://foo:*/", "http://foo:81/", True),
        ("http://[::1]:81/*", "http://[::1]:81/x", True),
        ("http://[::1]/*", "http://[::1]:81/x", True),
        ("http://[::1]/*", "http://[::2]/x", False),
        ("*://*.a.test/*", "https://a.test/", True),
        ("*://*.a.test/*", "https://b.c.a.test/", True),
        ("*://*.a.test/*", "https://ba.test/", False),
        ("*://*.a.test/*", "wss://a.test/", False),
        ("*://*.0.0.1/*", "http://127.0.0.1/", False),
        ("http://127.0.0.1/*", "http://127.0.0.1/", True),
        ("http://a.test./*", "http://a.test/", True),
        ("http://a.test/*", "http://a.test./", True),
        ("http://A.Test/*", "http://a.test/", True),
        ("http://bücher.test/*", "http://xn--bcher-kva.test/", True),
        ("http://*/A", "http://a.test/a", False),
        ("http://a.test/x", "http://a.test/x?y", False),
        ("http://a.test/x*", "http://a.test/x?y", True),
        ("http://a.test/x?y", "http://a.test/x?y", True),
        ("http://a.test/x?y", "http://a.test/xzy", False),
        ("http://a.test/x/*", "http://a.test/x", True),
        ("http://a.test/x/*", "http://a.test/xy", False),
        ("http://a.test/*a*a", "http://a.test/a", False),
        ("http://a.test/*a*a", "http://a.test/aa", True),
        ("http://a.test/a*b*c", "http://a.test/a-c-b", False),
        ("http://a.test/*", "http://a.test/x#fragment", True),
        ("http://a.test/*fragment", "http://a.test/x#fragment", False),
        ("http://a.test/*", "http://user:secret@a.test/x", True),
        ("http://b.test/*", "http://b.test@a.test/x", False),
        ("<all_urls>", "app://whatever/x", True),
        ("<all_urls>", "not a url", False),
        ("app://*/*", "app://bundle/index.html", True),
        ("app://bundle/*", "app://other/index.html", False),
        ("cid:*", "cid:1234", True),
        ("data:text/plain*", "data:text/plain,hello", True),
        ("data:text/plain*", "data:text/html,hello", False),
        ("file://*", "file:///etc/passwd", True),
        ("file:///etc/*", "file:///home", False),
    ],
)
def test_what_a_pattern_is_for(pattern: str, url: str, matches: bool) -> None:
    assert compiled(pattern).matches(url) is matches


LABEL: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8).map(lambda text: "h" + text)
HOST: Final = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
PATH: Final = st.text("ab/.?", max_size=12).map(lambda text: "/" + text)


@given(HOST, PATH)
def test_a_url_without_wildcards_is_a_pattern_for_itself(host: str, path: str) -> None:
    url = f"https://{host}{path}"
    assert compiled(url).matches(url)
    assert compiled("*://*/*").matches(url)
    assert not compiled(url).matches(url + "x")


@given(HOST, HOST, PATH)
def test_subdomains_are_those_below_a_dot(below: str, host: str, path: str) -> None:
    pattern = compiled(f"https://*.{host}/*")
    assert pattern.matches(f"https://{host}{path}")
    assert pattern.matches(f"https://{below}.{host}{path}")
    assert not pattern.matches(f"https://{below}{host}{path}")


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_stars_match_as_a_slow_matcher_says(glob: str, path: str) -> None:
    def slow(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(slow(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return text[:1] == pattern[0] and slow(pattern[1:], text[1:])

    pattern, url = f"https://h.test/{glob}", f"https://h.test/{path}"
    assert compiled(pattern).matches(url) is (slow("/" + glob, "/" + path) or f"/{path}/*" == "/" + glob)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_patterns_and_urls(text: str) -> None:
    target(text)
    try:
        compiled(text)
    except TypeError as error:
        assert str(error).startswith(f"Invalid url pattern {text}: ")


def test_many_stars_cost_no_more_than_their_number() -> None:
    pattern = compiled("http://h.test/" + "*a" * 2000 + "b")
    assert not pattern.matches("http://h.test/" + "a" * 20_000)
