"""What becomes of a frame when the response to a navigation is there, and how a page's URLs are read. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.network.urls import parse_url, without_fragment, without_userinfo
from partita.events.errors import InvalidURL

BLANK: Final = "about:blank"
"""The document of a frame that shows none."""

ACCEPT: Final = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
"""``Accept`` of a navigation, as Chrome sends it."""

_NO_DOCUMENT: Final = frozenset({204, 205})  # HTML standard 7.4.5
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def is_shown(status: int, headers: Fields) -> bool:
    """Whether a response becomes the frame's document: not one without content, and not a download (HTML standard 7.4.5)."""
    disposition = fields.first(headers, "content-disposition") or ""
    return status not in _NO_DOCUMENT and disposition.partition(";")[0].strip().lower() != "attachment"


def document_url(text: str, standard_schemes: Collection[str]) -> str:
    """The URL of a document as a page keeps it: in its normal form, without what is nobody's business.

    ``about:blank``, or what :func:`parse_url` reads. Raises :class:`InvalidURL`.
    """
    if isinstance(text, str) and text.strip().lower() in ("", BLANK):
        return BLANK
    return without_fragment(without_userinfo(parse_url(text, standard_schemes))[0])


def resolved(base: str, text: str, standard_schemes: Collection[str]) -> str:
    """A URL as a document at ``base`` means it (URL standard 4.4): an absolute one stands as it is.

    Raises :class:`InvalidURL` for a relative one when ``base`` has no path to resolve it against.
    """
    if not isinstance(text, str):
        raise InvalidURL(f"a URL is a str, not {type(text).__name__}")
    text = text.strip(" \t\r\n\f")
    if _SCHEME.match(text):
        return text
    if "://" not in base:
        raise InvalidURL(f"{text[:200]!r} is relative, and a page at {base!r} has nothing to resolve it against")
    return urls.resolved(base, text, standard_schemes)
