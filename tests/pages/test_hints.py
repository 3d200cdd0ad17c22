"""``rel=preconnect`` in Link fields and in HTML (FEATURES E7)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.actors.network.fields import Fields
from partita.actors.pages.hints import MOST_HINTS, SCANNED_BYTES, DocumentHints, Link, hints_of_document, parsed_links
from partita.events.network import Initiator

BASE = "https://shop.example/a/b?c"
HTML: Fields = (("Content-Type", "text/html; charset=utf-8"),)


def hinted(body: bytes = b"", headers: Fields = HTML, *, piece: int | None = None) -> list[tuple[str, bool]]:
    hints = DocumentHints(BASE, headers)
    told = hints.found()
    for start in range(0, len(body), piece or len(body) or 1):
        hints.feed(body[start : start + (piece or len(body))])
        told += hints.found()
    hints.finish()
    told += hints.found()
    assert hints.found() == []
    return [(hint.preconnect_url, hint.allow_credentials) for hint in told]


# -- Link (RFC 8288 3) ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("<https://a.example>; rel=preconnect", [("https://a.example", {"rel": "preconnect"})]),
        ('</x> ; rel = "preconnect" ;crossorigin', [("/x", {"rel": "preconnect", "crossorigin": ""})]),
        ("<a>;rel=x,<b>;rel=y", [("a", {"rel": "x"}), ("b", {"rel": "y"})]),
        ('<a>; title="one, two; \\"three\\"", <b>', [("a", {"title": 'one, two; "three"'}), ("b", {})]),
        ("<a>; rel=first; REL=second", [("a", {"rel": "first"})]),
        ("<a,b;c>; rel=x", [("a,b;c", {"rel": "x"})]),
        ("<a>;; ;rel=x", [("a", {"rel": "x"})]),
        ("nonsense, <b>; rel=x", [("b", {"rel": "x"})]),
        ("<a>; rel=x nonsense, <b>", [("a", {"rel": "x"}), ("b", {})]),
        ('<a>; rel="never closed, <b>; rel=x', [("a", {"rel": ""})]),
        ("<a", []),
        (",,,", []),
        ("", []),
    ],
)
def test_a_link_field_holds_several_links_with_their_parameters(
    value: str, links: list[tuple[str, dict[str, str]]]
) -> None:
    assert list(parsed_links(value)) == [Link(target, parameters) for target, parameters in links]


@given(st.text(alphabet='<>;,="\\ ab', max_size=60))
def test_any_text_is_read_as_a_link_field_to_its_end(value: str) -> None:
    for link in parsed_links(f"{value},<https://a.example>"):
        assert isinstance(link.parameters, dict)


@pytest.mark.parametrize(
    ("value", "hints"),
    [
        ("<https://cdn.example>; rel=preconnect", [("https://cdn.example/", True)]),
        ("<https://cdn.example/x/y?z>; rel=preconnect; crossorigin", [("https://cdn.example/", False)]),
        ("<https://cdn.example>; rel=preconnect; crossorigin=anonymous", [("https://cdn.example/", False)]),
        ("<https://cdn.example>; rel=preconnect; crossorigin=use-credentials", [("https://cdn.example/", True)]),
        ("<//cdn.example:8443/x>; rel=PreConnect", [("https://cdn.example:8443/", True)]),
        ("<../x>; rel=preconnect", [("https://shop.example/", True)]),
        ('<https://cdn.example>; rel="dns-prefetch preconnect"', [("https://cdn.example/", True)]),
        ("<https://cdn.example>; rel=dns-prefetch", []),
        ("<https://cdn.example>; rel=preload", []),
        ("<https://cdn.example>", []),
        ("<>; rel=preconnect", []),
        ("<ftp://cdn.example>; rel=preconnect", []),
        ("<https://[bad>; rel=preconnect", []),
        ("<data:,x>; rel=preconnect", []),
        ('<https://cdn.example>; rel=preconnect; anchor="/other"', []),
    ],
)
def test_a_link_field_with_preconnect_is_a_hint(value: str, hints: list[tuple[str, bool]]) -> None:
    assert hinted(headers=(("Link", value),)) == hints


def test_all_link_fields_count_and_each_hint_is_told_once() -> None:
    link = "<https://a.example>; rel=preconnect"
    headers = (("link", link), ("Link", f"{link}, <https://b.example/x>; rel=preconnect"), *HTML)
    body = b"<link rel=preconnect href='https://a.example/y'>"
    assert hinted(body, headers) == [("https://a.example/", True), ("https://b.example/", True)]


def test_a_document_has_no_more_hints_than_are_good_for_it() -> None:
    link = ", ".join(f"<https://h{number}.example>; rel=preconnect" for number in range(MOST_HINTS + 5))
    assert len(hinted(headers=(("Link", link),))) == MOST_HINTS


# -- HTML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        (b'<link rel="preconnect" href="https://cdn.example">', [("https://cdn.example/", True)]),
        (b"<LINK HREF=//cdn.example REL='x Preconnect' crossorigin>", [("https://cdn.example/", False)]),
        (
            b"<link rel=preconnect href=https://cdn.example crossorigin=use-credentials />",
            [("https://cdn.example/", True)],
        ),
        (b"<link rel=preconnect href=' https://cdn.example '>", [("https://cdn.example/", True)]),
        (b"<link rel=preconnect href='https://a.example?x=1&amp;y=2'>", [("https://a.example/", True)]),
        (
            b"<base href='https://b.example/'><base href='https://c.example/'><link rel=preconnect href=x>",
            [("https://b.example/", True)],
        ),
        (b"<link rel=preconnect>", []),
        (b"<link rel=preconnect href=''>", []),
        (b"<link rel=dns-prefetch href=https://cdn.example>", []),
        (b"<!-- <link rel=preconnect href=https://cdn.example> -->", []),
        (b"<script>'<link rel=preconnect href=https://cdn.example>'</script>", []),
        (b"<noscript><link rel=preconnect href=https://cdn.example></noscript>", []),
        (
            b"<template><link rel=preconnect href=https://a.example></template><link rel=preconnect href=https://b.example>",
            [("https://b.example/", True)],
        ),
        (b"<a href=https://cdn.example rel=preconnect>", []),
        (b"\xff\xfe<\x00l\x00i\x00n\x00k", []),
        (b"", []),
    ],
)
def test_a_link_element_with_preconnect_is_a_hint(body: bytes, hints: list[tuple[str, bool]]) -> None:
    assert hinted(body) == hints
    assert hinted(body, piece=1) == hints


def test_it_is_told_while_the_body_comes_in() -> None:
    hints = DocumentHints(BASE, HTML)
    hints.feed(b"<link rel=preconnect href=https://cdn.example>" + b" " * 5000)
    assert [hint.preconnect_url for hint in hints.found()] == ["https://cdn.example/"]


def test_only_the_beginning_of_a_document_is_looked_through() -> None:
    link = b"<link rel=preconnect href=https://cdn.example>"
    assert hinted(b" " * (SCANNED_BYTES - len(link)) + link) == [("https://cdn.example/", True)]
    assert hinted(b" " * (SCANNED_BYTES - len(link) + 1) + link) == []
    assert hinted(b" " * SCANNED_BYTES + link, piece=1000) == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "image/svg+xml", "", "text/htmlx", "; text/html"]
)
def test_what_is_no_html_is_not_looked_through(content_type: str) -> None:
    assert hinted(b"<link rel=preconnect href=https://cdn.example>", (("Content-Type", content_type),)) == []


@pytest.mark.parametrize(
    "charset", ["utf-8", "iso-8859-1", "UTF-16", "utf-16le", "made-up", "base64", '"windows-1252"', ""]
)
def test_hints_are_found_whatever_the_charset_is(charset: str) -> None:
    body = "<p>größe</p><link rel=preconnect href=https://cdn.example>"
    encoded = body.encode(charset if charset.lower().startswith("utf-16") else "latin-1")
    assert hinted(encoded, (("Content-Type", f"Text/HTML;Charset={charset}"),)) == [("https://cdn.example/", True)]


@pytest.mark.parametrize(
    "body", [b"<!--", b"<![", b"<a ", b"<a b='", b"</", b"<?", b"&", b"<script>", b"<a<a<a", b"<!a<!--x"]
)
def test_a_document_that_means_harm_is_looked_through_in_no_time(body: bytes) -> None:
    began = time.process_time()
    hinted((body * SCANNED_BYTES)[:SCANNED_BYTES], piece=1)
    hinted(body + b"<" * SCANNED_BYTES)
    assert time.process_time() - began < 5


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_looked_through(body: bytes, piece: int) -> None:
    hinted(body, piece=piece)


def test_only_a_document_that_a_page_loads_is_looked_through() -> None:
    page = Initiator(page="p1", url="", top_level_url=BASE, mode="navigate")
    assert hints_of_document(page, "mainFrame", BASE, HTML) is not None
    assert hints_of_document(page, "subFrame", BASE, HTML) is not None
    assert hints_of_document(page, "xhr", BASE, HTML) is None
    assert hints_of_document(None, "mainFrame", BASE, HTML) is None
