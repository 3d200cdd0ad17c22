"""What a document says about connections that it will need: ``rel=preconnect`` (HTML standard 4.6.7.12; FEATURES E7). Pure.

Two places say it: the ``Link`` fields of the response (RFC 8288), and ``<link>`` elements near the beginning of the HTML. The
latter are looked for while the body comes in, so that the connection is open before the rest of it is there.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import Final

from msgspec import Struct

from partita.actors.network import fields
from partita.actors.network.decoding import Decoder, decoder_for
from partita.actors.network.fields import Fields
from partita.actors.network.http import URL, NetError, UnreadableURL
from partita.actors.network.urls import parse_http_url
from partita.actors.pages.sites import OPAQUE, origin_of
from partita.events.errors import InvalidURL
from partita.events.network import Initiator, ResourceType

SCANNED_BYTES: Final = 64 * 1024
"""How far into a document its hints are looked for."""

_GATHERED_BYTES: Final = 4 * 1024
"""The parser goes over what is unfinished at each piece that it is fed: they are not to be too small."""

MOST_HINTS: Final = 32
"""Hints of one document that are followed."""

_DOCUMENTS: Final = ("mainFrame", "subFrame")
_HTML: Final = ("text/html", "application/xhtml+xml")
_INERT: Final = ("noscript", "template")
_WIDE: Final = ("utf-16", "utf-16le", "utf-16be")
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


class PreconnectHint(Struct, frozen=True):
    """A document asks for a connection (FEATURES E7).

    ``preconnect_url``: the origin, with ``/``. ``allow_credentials``: whether requests with cookies are to come.
    """

    preconnect_url: str
    allow_credentials: bool


# -- the field Link (RFC 8288 3) ----------------------------------------------------------------------------------------


class Link(Struct, frozen=True):
    """One link: its target as it stands there, and its parameters, names in lower case. Of two of one name the first counts."""

    target: str
    parameters: dict[str, str]


_TARGET: Final = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER: Final = re.compile(
    r"""[ \t]*;[ \t]*
        (?:([^\s;,="]+)[ \t]*                          # a name; there may be none between two semicolons
           (?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?  # a quoted string, a token, or no value
        )?""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_TO_NEXT: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)*,?', re.DOTALL)


def parsed_links(value: str) -> Iterator[Link]:
    """The links of one field value; what is none is passed over, up to the next comma outside of quotes."""
    at = 0
    while at < len(value):
        target = _TARGET.match(value, at)
        if target is not None:
            parameters: dict[str, str] = {}
            at = target.end()
            while (found := _PARAMETER.match(value, at)) is not None:
                name, quoted, token = found.groups()
                if name is not None:
                    text = _QUOTED_PAIR.sub(r"\1", quoted) if quoted is not None else token or ""
                    parameters.setdefault(name.lower(), text)
                at = found.end()
            yield Link(target[1].strip(), parameters)
        rest = _TO_NEXT.match(value, at)
        assert rest is not None, "it matches the empty text too"
        at = max(rest.end(), at + 1)


def hint_of(target: str, rel: str, cross_origin: str | None, base: str) -> PreconnectHint | None:
    """The hint that a link is; None when it is none, or leads nowhere that can be connected to.

    ``cross_origin``: the value of ``crossorigin``, None without it. Only the anonymous mode goes without credentials.
    """
    if "preconnect" not in rel.lower().split() or not target:
        return None
    try:
        url = parse_http_url(str(URL(base).join(target)))
    except (InvalidURL, UnreadableURL, ValueError):
        return None
    origin = origin_of(url)
    if origin == OPAQUE:
        return None
    anonymous = cross_origin is not None and cross_origin.strip().lower() != "use-credentials"
    return PreconnectHint(f"{origin}/", not anonymous)


def hints_of_headers(url: str, headers: Fields) -> Iterator[PreconnectHint]:
    """The hints of a response's ``Link`` fields. A link about something else (``anchor``) is none of this document's."""
    for value in fields.every(headers, "link"):
        for link in parsed_links(value):
            parameters = link.parameters
            if "anchor" not in parameters:
                hint = hint_of(link.target, parameters.get("rel", ""), parameters.get("crossorigin"), url)
                if hint is not None:
                    yield hint


# -- HTML ---------------------------------------------------------------------------------------------------------------


class _Links(HTMLParser):
    """Collects what ``<link>`` elements hint at; what is in ``<noscript>`` and ``<template>`` does not count."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[PreconnectHint] = []
        self._base = url
        self._has_base = False
        self._inert = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INERT:
            self._inert += 1
        if self._inert or tag not in ("link", "base"):
            return
        given: dict[str, str] = {}
        for name, value in attrs:
            given.setdefault(name, value or "")
        if tag == "link":
            hint = hint_of(given.get("href", "").strip(), given.get("rel", ""), given.get("crossorigin"), self._base)
            if hint is not None:
                self.found.append(hint)
        elif "href" in given and not self._has_base:
            self._has_base = True
            try:
                self._base = str(URL(self._base).join(given["href"].strip()))
            except (UnreadableURL, ValueError):
                return

    def handle_endtag(self, tag: str) -> None:
        if tag in _INERT and self._inert:
            self._inert -= 1


class DocumentHints:
    """Looks through one document as it comes: ``feed`` takes its bytes, content codings and all.

    ``url`` is the last of its chain, ``headers`` are the response's.
    """

    def __init__(self, url: str, headers: Fields) -> None:
        self._known: set[PreconnectHint] = set()
        self._new: list[PreconnectHint] = []
        self._seen_bytes = 0
        self._piece = bytearray()
        self._links: _Links | None = None
        self._decoder: Decoder | None = None
        content_type = fields.first(headers, "content-type") or ""
        if content_type.partition(";")[0].strip().lower() in _HTML:
            self._links = _Links(url)
            self._text = _text_decoder(content_type)
            self._open_codings(fields.joined(headers, "content-encoding"))
        self._note(hints_of_headers(url, headers))

    def found(self) -> list[PreconnectHint]:
        """The hints since this was last asked, in the document's order; none of them a second time."""
        new, self._new = self._new, []
        return new

    def _open_codings(self, content_encoding: str) -> None:
        try:
            self._decoder = decoder_for(content_encoding)
        except NetError:  # whoever reads the body is told
            self._links = None

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body. Nothing is done with those beyond :data:`SCANNED_BYTES`."""
        if self._links is None:
            return
        try:
            for piece in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
                if not self._take(piece):
                    return
        except NetError:  # whoever reads the body is told
            self._links = None

    def _take(self, content: bytes) -> bool:
        """Gather; whether more is wanted."""
        self._piece += memoryview(content)[: SCANNED_BYTES - self._seen_bytes - len(self._piece)]
        if len(self._piece) >= _GATHERED_BYTES or self._seen_bytes + len(self._piece) >= SCANNED_BYTES:
            self._scan()
        return self._links is not None

    def finish(self) -> None:
        """The body has ended."""
        if self._links is not None:
            self._scan()
            self._links = None

    def _scan(self) -> None:
        assert self._links is not None, "only a document is scanned"
        self._seen_bytes += len(self._piece)
        is_readable = self._seen_bytes < SCANNED_BYTES
        try:
            self._links.feed(self._text(bytes(self._piece)))
        except AssertionError:  # how html.parser refuses some declarations that nobody can mean
            is_readable = False
        self._piece.clear()
        self._note(self._links.found)
        self._links.found.clear()
        if not is_readable:
            self._links = None

    def _note(self, hints: Iterable[PreconnectHint]) -> None:
        for hint in hints:
            if hint not in self._known and len(self._known) < MOST_HINTS:
                self._known.add(hint)
                self._new.append(hint)


def _text_decoder(content_type: str) -> Callable[[bytes], str]:
    """UTF-16 where that is said; else UTF-8, for what is looked for is ASCII in all the others."""
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named is not None else ""
    return codecs.getincrementaldecoder(charset if charset in _WIDE else "utf-8")("replace").decode


def hints_of_document(
    initiator: Initiator | None, resource_type: ResourceType, url: str, headers: Fields
) -> DocumentHints | None:
    """What looks through a response for hints: only where a page loads a document, else None."""
    if initiator is None or resource_type not in _DOCUMENTS:
        return None
    return DocumentHints(url, headers)
