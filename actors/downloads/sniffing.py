"""What a file is by its first bytes, where its server does not know (WHATWG MIME Sniffing, Chromium's ``mime_sniffer.cc``). Pure.

Bytes are looked at only where the declared type is none, or one that servers say of whatever they do not know. ``text/plain`` is
believed of text and not of binary data. What comes of it is told as the download's MIME type (FEATURES L13); it changes no
name that the server or the URL gave.
"""

from __future__ import annotations

import re
from typing import Final

SNIFFED_BYTES: Final = 1024
"""So much of a body is looked at, or all of it when it is shorter."""

_UNKNOWN: Final = frozenset({"", "*/*", "unknown/unknown", "application/unknown", "www/unknown"})
_TEXT: Final = "text/plain"
_BINARY: Final = "application/octet-stream"

_PATTERNS: Final = (
    (rb"%PDF-", "application/pdf"),
    (rb"%!PS-Adobe-", "application/postscript"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"BM", "image/bmp"),
    (rb"II\*\x00|MM\x00\*", "image/tiff"),
    (rb"\x00\x00[\x01\x02]\x00", "image/x-icon"),
    (rb"RIFF.{4}WEBPVP", "image/webp"),
    (rb"RIFF.{4}WAVE", "audio/wav"),
    (rb"RIFF.{4}AVI ", "video/x-msvideo"),
    (rb"FORM.{4}AIFF", "audio/aiff"),
    (rb"\.snd", "audio/basic"),
    (rb"MThd\x00\x00\x00\x06", "audio/midi"),
    (rb"fLaC", "audio/flac"),
    (rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg"),
    (rb"OggS\x00", "application/ogg"),
    (rb".{4}ftyp(?:avif|avis)", "image/avif"),
    (rb".{4}ftyp(?:heic|heix|mif1)", "image/heic"),
    (rb".{4}ftypqt", "video/quicktime"),
    (rb".{4}ftypM4A", "audio/mp4"),
    (rb".{4}ftyp", "video/mp4"),
    (rb"\x1a\x45\xdf\xa3.{0,60}matroska", "video/x-matroska"),
    (rb"\x1a\x45\xdf\xa3", "video/webm"),
    (rb"\x00\x00\x01[\xb3\xba]", "video/mpeg"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (rb"wOFF", "font/woff"),
    (rb"wOF2", "font/woff2"),
    (rb"OTTO", "font/otf"),
    (rb"\x00\x01\x00\x00\x00|true\x00", "font/ttf"),
    (rb"\0asm", "application/wasm"),
    (rb"PK\x03\x04", "application/zip"),
    (rb"Rar!\x1a\x07", "application/vnd.rar"),
    (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (rb"\x1f\x8b\x08", "application/gzip"),
    (rb"BZh[1-9]", "application/x-bzip2"),
    (rb"\xfd7zXZ\x00", "application/x-xz"),
    (rb"\x28\xb5\x2f\xfd", "application/zstd"),
    (rb".{257}ustar", "application/x-tar"),
    (rb"Cr24", "application/x-chrome-extension"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-cfb"),
    (rb"\x7fELF|MZ", _BINARY),
)
"""What a file of a type begins with; the first that fits counts."""

_MAGIC: Final = tuple((re.compile(pattern, re.DOTALL), media_type) for pattern, media_type in _PATTERNS)

_HTML: Final = re.compile(
    rb"[\t\n\f\r ]*(?:<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P)[ >]|<!--)",
    re.IGNORECASE,
)
_XML: Final = re.compile(rb"[\t\n\f\r ]*<\?xml[\t\n\f\r ]", re.IGNORECASE)
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
_OF_BINARY_DATA: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def is_sniffed(declared: str, *, nosniff: bool = False) -> bool:
    """Whether the first bytes have a say. ``declared``: the media type in lower case, without parameters."""
    return not nosniff and (declared in _UNKNOWN or declared == _TEXT or "/" not in declared)


def sniffed_type(declared: str, first_bytes: bytes, *, nosniff: bool = False) -> str:
    """The media type; ``declared`` itself where it is believed.

    ``first_bytes``: the first ``SNIFFED_BYTES`` of the body, or all of it. ``nosniff``: the server has forbidden it
    (``X-Content-Type-Options``).
    """
    if not is_sniffed(declared, nosniff=nosniff):
        return declared
    head = first_bytes[:SNIFFED_BYTES]
    if declared == _TEXT:  # markup may be shown as text, binary data never was text
        return _by_magic(head) if _is_binary(head) else declared
    if not head:
        return declared
    if _HTML.match(head):
        return "text/html"
    if _XML.match(head):
        return "text/xml"
    found = _by_magic(head)
    return found if found != _BINARY or _is_binary(head) else _TEXT


def _by_magic(head: bytes) -> str:
    return next((media_type for pattern, media_type in _MAGIC if pattern.match(head)), _BINARY)


def _is_binary(head: bytes) -> bool:
    return not head.startswith(_BYTE_ORDER_MARKS) and _OF_BINARY_DATA.search(head) is not None
