"""Origins and sites (HTML standard 7.1), and who may be trusted (Secure Contexts 3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.pages.sites import (
    OPAQUE,
    is_potentially_trustworthy,
    origin_of,
    same_origin,
    same_site,
    site_of,
)


@pytest.mark.parametrize(
    ("url", "origin", "site"),
    [
        ("https://shop.example/a?b#c", "https://shop.example", "https://shop.example"),
        ("https://www.shop.example:8443/", "https://www.shop.example:8443", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example", "https://shop.example"),
        ("http://shop.example:80/", "http://shop.example", "http://shop.example"),
        ("https://user:pass@shop.example/", "https://shop.example", "https://shop.example"),
        ("https://shop.example?next=/home", "https://shop.example", "https://shop.example"),
        ("https://a.b.co.uk/", "https://a.b.co.uk", "https://b.co.uk"),
        ("https://me.github.io/", "https://me.github.io", "https://me.github.io"),
        ("https://github.io/", "https://github.io", "https://github.io"),
        ("https://co.uk/", "https://co.uk", "https://co.uk"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080", "http://127.0.0.1"),
        ("http://[::1]:8080/", "http://[::1]:8080", "http://[::1]"),
        ("http://localhost:3000/", "http://localhost:3000", "http://localhost"),
        ("http://app.localhost/", "http://app.localhost", "http://app.localhost"),
        ("https://shop.example./", "https://shop.example.", "https://shop.example."),
        ("wss://live.shop.example/", "wss://live.shop.example", "https://shop.example"),
        ("app://bundle/index.html", "app://bundle", "app://bundle"),
        ("blob:https://shop.example/5f-3", "https://shop.example", "https://shop.example"),
        ("about:blank", OPAQUE, OPAQUE),
        ("data:text/html,x", OPAQUE, OPAQUE),
        ("mailto:me@shop.example", OPAQUE, OPAQUE),
        ("file:///home/me/x.html", OPAQUE, "file://"),
        ("", OPAQUE, OPAQUE),
        ("https://", OPAQUE, OPAQUE),
    ],
)
def test_an_origin_has_the_port_and_a_site_the_registrable_domain(url: str, origin: str, site: str) -> None:
    assert (origin_of(url), site_of(url)) == (origin, site)


@pytest.mark.parametrize(
    ("first", "second", "origins", "sites"),
    [
        ("https://a.shop.example/", "https://b.shop.example/", False, True),
        ("https://shop.example/", "https://shop.example:8443/", False, True),
        ("http://shop.example/", "https://shop.example/", False, False),  # schemeful
        ("https://shop.example/x", "https://shop.example/y", True, True),
        ("https://a.github.io/", "https://b.github.io/", False, False),
        ("http://10.0.0.1/", "http://10.0.0.1:81/", False, True),
        ("http://10.0.0.1/", "http://10.0.0.2/", False, False),
        ("about:blank", "about:blank", False, False),  # an opaque one equals nothing
        ("data:,x", "data:,x", False, False),
    ],
)
def test_two_urls_are_compared_by_origin_and_by_schemeful_site(
    first: str, second: str, origins: bool, sites: bool
) -> None:
    assert same_origin(first, second) is same_origin(second, first) is origins
    assert same_site(first, second) is same_site(second, first) is sites


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://shop.example/", True),
        ("wss://shop.example/", True),
        ("http://shop.example/", False),
        ("http://127.0.0.1/", True),
        ("http://127.200.1.9:99/", True),
        ("http://128.0.0.1/", False),
        ("http://127.0.0.1.example/", False),
        ("http://[::1]/", True),
        ("http://[::2]/", False),
        ("http://localhost/", True),
        ("http://localhost./", True),
        ("http://app.localhost/", True),
        ("http://notlocalhost/", False),
        ("file:///x", True),
        ("data:,x", True),
        ("about:blank", True),
        ("about:srcdoc", True),
        ("about:config", False),
        ("blob:https://shop.example/1", True),
        ("blob:http://shop.example/1", False),
    ],
)
def test_what_nobody_on_the_network_can_change_is_trustworthy(url: str, trusted: bool) -> None:
    assert is_potentially_trustworthy(url) is trusted


HOSTS = st.sampled_from(["a.example", "b.a.example", "a.co.uk", "x.a.co.uk", "127.0.0.1", "localhost", "a.github.io"])
URLS = st.builds(
    "{}://{}{}/{}".format, st.sampled_from(["http", "https"]), HOSTS, st.sampled_from(["", ":81"]), st.text()
)


@given(URLS, URLS)
def test_same_origin_implies_same_site(first: str, second: str) -> None:
    assert same_origin(first, first)
    assert same_site(first, second) or not same_origin(first, second)


@given(st.text())
def test_any_text_has_an_origin_and_a_site(text: str) -> None:
    assert origin_of(text)
    assert site_of(text)
