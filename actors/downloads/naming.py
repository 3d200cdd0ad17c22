"""What a downloaded file is called (FEATURES L15). Pure, and the same on every machine: decide calls it.

The name comes from ``Content-Disposition`` (RFC 6266, RFC 5987), else from the URL, else it is ``download``; an
extension is added by the MIME type when there is none. Whatever a server says, the result is one name, never a path: it
cannot leave the folder that it is put in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

FALLBACK: Final = "download"
LONGEST_BYTES: Final = 230
"""Most file systems take 255; the rest is left for " (99)" and ".part"."""

# Where several extensions are in use, the one that people expect.
EXTENSIONS: Final[Mapping[str, str]] = {
    "application/epub+zip": ".epub",
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/wasm": ".wasm",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".oga",
    "audio/wav": ".wav",
    "font/woff2": ".woff2",
    "image/avif": ".avif",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/webp": ".webp",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/javascript": ".js",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/xml": ".xml",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg",
    "video/ogg": ".ogv",
    "video/webm": ".webm",
}

_PARAMETER: Final = re.compile(r"""([^\s;=]+)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)""")
_ILLEGAL: Final = re.compile(r'[<>:"|?*\\/]')  # on one platform or another
_RESERVED: Final = re.compile(
    r"(?i)(?:con|prn|aux|nul|com[1-9]|lpt[1-9]|clock\$)(?:\..*)?"
)  # names of devices on Windows
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9_+-]{1,16}$")
_DOUBLE_EXTENSION: Final = re.compile(r"(?i)\.(?:tar)\.[a-z0-9]{1,4}$")


def suggested_name(url: str, content_disposition: str = "", mime_type: str = "") -> str:
    """The name to suggest: of the header field as the server sent it, of the URL's path, or of the MIME type."""
    name = safe_name(_from_disposition(content_disposition)) or safe_name(_from_url(url)) or FALLBACK
    if not _EXTENSION.search(name):
        name += EXTENSIONS.get(mime_type.partition(";")[0].strip().lower(), "")
    return name


def safe_name(name: str) -> str:
    """A name that is legal everywhere and no path; empty when nothing is left of it."""
    name = unicodedata.normalize("NFC", name)
    name = re.split(r"[\\/]", name)[-1]
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = _ILLEGAL.sub("_", name).strip(" ").rstrip(" .")
    if name.startswith("."):
        name = "_" + name.lstrip(".") if name.strip(".") else ""  # not hidden, and never "." or ".."
    if _RESERVED.fullmatch(name):
        name = "_" + name
    return _shortened(name)


def candidates(name: str) -> Iterator[str]:
    """The name, then ``name (1).ext``, ``name (2).ext``, ... (FEATURES L23)."""
    yield name
    stem, extension = _split(name)
    number = 1
    while True:
        yield f"{stem} ({number}){extension}"
        number += 1


def _split(name: str) -> tuple[str, str]:
    match = _DOUBLE_EXTENSION.search(name) or _EXTENSION.search(name)
    if match is None or match.start() == 0:
        return name, ""
    return name[: match.start()], match[0]


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_BYTES:
        return name
    stem, extension = _split(name)
    room = LONGEST_BYTES - len(extension.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + extension


def _from_disposition(field: str) -> str:
    """``filename*`` wins over ``filename`` (RFC 6266 4.3)."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(field.partition(";")[2]):
        found.setdefault(match[1].lower(), match[2].strip())
    extended = found.get("filename*")
    if extended is not None and (name := _extended_value(extended)):
        return name
    return _plain_value(found.get("filename", ""))


def _extended_value(value: str) -> str:
    """``UTF-8''%e2%82%ac`` (RFC 5987 3.2.1); empty when it is none."""
    charset, quote, rest = value.strip('"').partition("'")
    _, second, encoded = rest.partition("'")
    if not quote or not second or charset.lower() not in ("utf-8", "iso-8859-1"):
        return ""
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return ""


def _plain_value(value: str) -> str:
    """A token or quoted string. Servers put UTF-8 and percent-encoding there, and browsers read them."""
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'))
    return _decoded(value)


def _from_url(url: str) -> str:
    return _decoded(urlsplit(url).path.rpartition("/")[2])


def _decoded(text: str) -> str:
    """Octets as UTF-8 when they are that, else as Latin-1; percent-encoding undone."""
    try:
        octets = text.encode("latin-1")
    except UnicodeEncodeError:
        octets = text.encode()
    octets = unquote_to_bytes(octets)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
