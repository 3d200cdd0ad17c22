"""What a downloaded file is called (FEATURES L15). Pure, and the same on every machine: decide calls it.

Two names, in this order:

- **the name to suggest**, by Chromium's rules (``filename_util_internal.cc``): of ``Content-Disposition``, else of the URL, else
  ``download``; with an extension by the media type when there is none. It is one name and never a path.
- **the name on the disk**: the same, made to fit every system that files travel to. Nobody is sent a file that they cannot
  open because a device is called so, or that is cut off in the middle of its extension.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from partita.actors.downloads.charsets import guessed
from partita.actors.downloads.disposition import parse_disposition
from partita.actors.downloads.media_extensions import EXTENSIONS

FALLBACK: Final = "download"
LONGEST_BYTES: Final = 230
"""Most file systems take 255; the rest is left for " (99)" and ".part"."""

_WITHOUT_FILES: Final = frozenset({"about", "data", "blob", "javascript"})
_ILLEGAL: Final = re.compile(r'["*/:<>?\\|]')  # on one system or another
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"  # they are spelling in Persian and in the scripts of India
_NON_CHARACTERS: Final = frozenset(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
) | frozenset(map(chr, range(0xFDD0, 0xFDF0)))
_DOUBLE: Final = frozenset({"bz", "bz2", "gz", "lz", "lzma", "lzo", "xz", "z", "zst"})
"""What is packed keeps the extension that it had before: ``.tar.gz``."""
_LONGEST_INNER: Final = 4
_LONGEST_EXTENSION_BYTES: Final = 40
_RESERVED: Final = re.compile(
    r"(?i)(?:con|prn|aux|nul|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3]|clock\$|conin\$|conout\$)(?:\..*)?"
    r"|desktop\.ini|thumbs\.db"
)
"""Devices of Windows, whatever the extension, and files that its shell reads."""


def suggested_name(url: str, content_disposition: str = "", mime_type: str = "") -> str:
    """The name to suggest for a response from ``url``, whose header field is given as the server sent it."""
    return generated_filename(url, content_disposition, mime_type=mime_type, default_name=FALLBACK)


def generated_filename(
    url: str,
    content_disposition: str = "",
    *,
    referrer_charset: str = "",
    suggested: str = "",
    mime_type: str = "",
    default_name: str = "",
) -> str:
    """:func:`suggested_filename` with an extension that fits.

    There is one already: it stays, unless it is that of a program on the server (the URL has a query) and none of the type's.
    """
    name, may_overwrite = _chosen(url, content_disposition, referrer_charset, suggested, default_name)
    extension = extension_of(name)
    fitting = EXTENSIONS.get(mime_type.partition(";")[0].strip().lower())
    if fitting is None or (extension and not may_overwrite):
        return name
    if extension.lower() in fitting or extension.rpartition(".")[2].lower() in fitting:
        return name
    return f"{_stem(name)}.{fitting[0]}"


def suggested_filename(
    url: str,
    content_disposition: str = "",
    *,
    referrer_charset: str = "",
    suggested: str = "",
    default_name: str = "",
) -> str:
    """The name by the field, else ``suggested`` (by who linked there), else by the URL, else its host where there is no default.

    ``referrer_charset``: the encoding of the document that linked there, for names that are not UTF-8.
    """
    return _chosen(url, content_disposition, referrer_charset, suggested, default_name)[0]


def extension_of(name: str) -> str:
    """Without the dot; ``tar.gz`` of ``a.tar.gz``; empty when there is none."""
    outer_stem, dot, outer = name.rpartition(".")
    if not dot:
        return ""
    _, dot, inner = outer_stem.rpartition(".")
    if dot and outer.lower() in _DOUBLE and 0 < len(inner) <= _LONGEST_INNER:
        return f"{inner}.{outer}"
    return outer


def portable_name(name: str) -> str:
    """The name on the disk: legal on Linux, macOS and Windows, and short enough for all; ``download`` when nothing is left."""
    name = unicodedata.normalize("NFC", name)
    name = "".join("_" if _is_illegal(char) else char for char in name)
    name = name.strip(" ").rstrip(" .")
    if name.startswith("."):
        name = "_" + name.lstrip(".") if name.strip(".") else ""  # not hidden, and never "." or ".."
    if _RESERVED.fullmatch(name):
        name = "_" + name
    return _shortened(name) or FALLBACK


def candidates(name: str) -> Iterator[str]:
    """The name on the disk, then ``name (1).ext``, ``name (2).ext``, ... (FEATURES L23)."""
    name = portable_name(name)
    yield name
    stem, extension = _split(name)
    number = 1
    while True:
        yield f"{stem} ({number}){extension}"
        number += 1


# -- what to suggest ------------------------------------------------------------------------------------------------------


def _chosen(
    url: str, content_disposition: str, referrer_charset: str, suggested: str, default_name: str
) -> tuple[str, bool]:
    """The name, and whether its extension may be that of a program."""
    may_overwrite = False
    name = parse_disposition(content_disposition, referrer_charset).filename or suggested
    parts = urlsplit(url)
    if not name and parts.scheme not in _WITHOUT_FILES:
        octets = unquote_to_bytes(parts.path.rpartition("/")[2])
        name = guessed(octets, referrer_charset)
        may_overwrite = bool(name) and "?" in url.partition("#")[0]
    if not name and not default_name:
        name = parts.hostname or ""
    name = name.strip(".").replace("/", "_").replace("\\", "_")
    if not name.strip("-_"):
        name, may_overwrite = default_name or FALLBACK, False
    return _legal(name), may_overwrite


def _legal(name: str) -> str:
    """No character that is illegal anywhere, and neither blanks nor dots at the ends."""
    chars = ["_" if _is_illegal(char) else char for char in name]
    for end in (0, -1):
        if chars[end].isspace() or chars[end] == ".":
            chars[end] = "_"
    return "".join(chars)


def _is_illegal(char: str) -> bool:
    if _ILLEGAL.match(char) or char in _NON_CHARACTERS:
        return True
    return unicodedata.category(char) in _INVISIBLE and char not in _JOINERS


# -- on the disk ----------------------------------------------------------------------------------------------------------


def _stem(name: str) -> str:
    extension = extension_of(name)
    return name[: -len(extension) - 1] if extension else name.rstrip(".")


def _split(name: str) -> tuple[str, str]:
    """Stem, and extension with its dot; what is longer than extensions are is none."""
    extension, stem = extension_of(name), _stem(name)
    if not stem or not extension or len(extension.encode()) > _LONGEST_EXTENSION_BYTES or " " in extension:
        return name, ""
    return stem, f".{extension}"


def _shortened(name: str) -> str:
    """By bytes, as file systems count; the extension stays."""
    if len(name.encode()) <= LONGEST_BYTES:
        return name
    stem, extension = _split(name)
    room = LONGEST_BYTES - len(extension.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + extension
