"""Going on where a download stopped: what is asked, and whether the answer fits (RFC 9110 13.1.5, 14). Pure."""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec.structs import replace

from partita.actors.network.fields import Fields, first, length_of
from partita.events.downloads import DownloadHeadFields

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE | re.ASCII)
"""A number of more digits is none that a file can have, nor one that the log could hold."""

PARTIAL: Final = 206
_WHOLE: Final = frozenset({200, 201, 202, 203})
_OF_A_RANGE: Final = frozenset({PARTIAL, 412, 416})

Fit = Literal["goes on", "begins again", "ask again", "failed"]
"""What a response is: the missing rest; all of it; neither, but one may ask for all; no file at all."""


def validator(e_tag: str, last_modified: str) -> str | None:
    """What makes sure that the rest is of the same file (RFC 9110 13.1.5); None when nothing does (FEATURES L9).

    A weak entity tag does not: two files that it calls equal may differ in their bytes.
    """
    if e_tag and not e_tag.startswith("W/"):
        return e_tag
    return last_modified or None


def range_fields(offset: int, condition: str, end: int | None = None) -> Fields:
    """Ask for everything from ``offset`` on (up to, not including, ``end``), or for all of it when the file has changed."""
    return (("Range", f"bytes={offset}-{'' if end is None else end - 1}"), ("If-Range", condition))


def fit(
    status: int,
    headers: Fields,
    *,
    offset: int,
    total_bytes: int,
    e_tag: str,
    last_modified: str = "",
    is_range: bool | None = None,
) -> Fit:
    """Compare a response with what was asked. ``is_range``: with a ``Range`` (not told: unless ``offset`` is 0).

    A server may have ignored ``If-Range``: the rest of another file is told by its validators (RFC 9110 15.3.7.3).
    """
    if status in _WHOLE:
        return "begins again"
    if not (offset > 0 if is_range is None else is_range) or status not in _OF_A_RANGE:
        return "failed"
    match = _CONTENT_RANGE.fullmatch((first(headers, "content-range") or "").strip())
    if status != PARTIAL or match is None or int(match[1]) != offset:
        return "ask again"
    same_length = not total_bytes or match[3] in ("*", str(total_bytes))
    same_tag = _agree(first(headers, "etag"), e_tag)
    same_date = _agree(first(headers, "last-modified"), last_modified)
    return "goes on" if same_length and same_tag and same_date else "ask again"


def _agree(now: str | None, before: str) -> bool:
    """Whether a validator speaks for the same file; one that is not there says nothing."""
    return not (now and before) or now == before


def head_of(
    url_chain: tuple[str, ...], status: int, headers: Fields, offset: int, *, is_decoded: bool = False
) -> DownloadHeadFields:
    """What a download keeps of a response's head; ``offset`` is where the body begins in the file.

    ``is_decoded``: the body's coding is undone, so that nobody knows how long the file will be.
    """
    return DownloadHeadFields(
        url_chain=url_chain,
        status=status,
        offset=offset,
        total_bytes=0 if is_decoded else total_of(status, headers, offset),
        mime_type=(first(headers, "content-type") or "").partition(";")[0].strip().lower(),
        content_disposition=first(headers, "content-disposition") or "",
        e_tag=first(headers, "etag") or "",
        last_modified=first(headers, "last-modified") or "",
        accept_ranges=first(headers, "accept-ranges") or "",
        content_encoding=(first(headers, "content-encoding") or "") if is_decoded else "",
    )


def continued(head: DownloadHeadFields, before: DownloadHeadFields | None) -> DownloadHeadFields:
    """That of a range, which need not repeat what the response said that it goes on with (RFC 9110 15.3.7)."""
    if head.status != PARTIAL or before is None:
        return head
    return replace(
        head,
        total_bytes=head.total_bytes or before.total_bytes,
        mime_type=before.mime_type or head.mime_type,  # it may have been sniffed
        content_disposition=head.content_disposition or before.content_disposition,
        e_tag=head.e_tag or before.e_tag,
        last_modified=head.last_modified or before.last_modified,
        accept_ranges=head.accept_ranges or before.accept_ranges,
    )


def total_of(status: int, headers: Fields, offset: int) -> int:
    """The length of the whole file, as it is sent; 0 when the server does not say."""
    match = _CONTENT_RANGE.fullmatch((first(headers, "content-range") or "").strip())
    if status == PARTIAL and match is not None:
        return 0 if match[3] == "*" else int(match[3])
    length = length_of(headers)
    return 0 if length is None or first(headers, "transfer-encoding") is not None else offset + length
