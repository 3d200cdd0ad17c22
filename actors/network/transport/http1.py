"""HTTP/1.1 responses, without I/O: bytes go in, heads and pieces of bodies come out (RFC 9112).

It reads what Chromium reads and refuses what Chromium refuses, by Chromium's name; where the two differ it is the stricter
reading that holds. A response is three things:

    status line   ``HTTP/1.x NNN reason``. Nothing else is HTTP here: no HTTP/0.9, no noise in front of it.
    fields        lines of ``name: value``. Bare CR and LF end a line as well; a line that begins with a space continues the
                  one before (obs-fold, joined by one space); what is no field is skipped; a NUL spoils the whole.
    body          how it ends is settled by the head alone (RFC 9112 6.3), by :func:`body_of`:

        ========================================  =================  =====================
        the head says                             the body is        the connection is used again
        ========================================  =================  =====================
        HEAD, 1xx, 204, 304                       empty              yes (101: no)
        Transfer-Encoding: chunked                chunked            yes, if there is no Content-Length
        another Transfer-Encoding, last not it    until the end      no
        Content-Length                            so long            yes
        nothing                                   until the end      no
        ========================================  =================  =====================

HTTP/1.0 knows no chunks, and its connections are used again only where ``Connection: keep-alive`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from partita.actors.network.http import NetError
from partita.actors.network.transport.bodies import BodyReader, Chunked, NoBody, Sized, UntilEnd

Fields = tuple[tuple[str, str], ...]

MOST_HEAD_BYTES: Final = 256 * 1024
"""Chromium's limit on the head of a response; here the 1xx heads before it count as well."""
MOST_FIELDS: Final = 4096
MOST_INTERIM: Final = 64

_STATUS_LINE: Final = re.compile(r"HTTP/1\.([0-9]) +([0-9]{3})(?: (.*))?", re.ASCII | re.DOTALL)
_LINE_ENDS: Final = re.compile(r"[\r\n]+")
_FOLD: Final = re.compile(r"[\r\n]+[ \t]+")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PREFIX: Final = b"HTTP/1."

_SINGLE: Final[Mapping[str, str]] = {
    "content-length": "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH",
    "content-disposition": "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION",
    "location": "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION",
}
"""Fields of which two that differ are an attack (response splitting), with the name of the refusal."""

_OF_INTEREST: Final = frozenset({*_SINGLE, "transfer-encoding", "connection", "proxy-connection"})
_SWITCHING_PROTOCOLS: Final = 101
_OK: Final = 200
_BODILESS: Final = frozenset({204, 304})


class Head(Struct, frozen=True):
    """Status line and fields of one response. ``special``: the values of the fields that :func:`body_of` looks at."""

    status: int
    reason: str
    http_version: str
    headers: Fields
    special: Mapping[str, tuple[str, ...]]

    @property
    def is_interim(self) -> bool:
        """Whether another one follows (RFC 9110 15.2); 101 is the last that is HTTP."""
        return self.status < _OK and self.status != _SWITCHING_PROTOCOLS


class HeadReader:
    """Finds the final head in what comes. ``interim`` are those that came before; ``rest`` is what came behind it."""

    def __init__(self) -> None:
        self.interim: list[Head] = []
        self.rest = b""
        self.received = 0
        """How many bytes have come, up to the final head's end and what came along with it."""
        self._buffer = b""
        self._earlier_bytes = 0

    def feed(self, data: bytes) -> Head | None:
        """More bytes; the final head once it is whole. Raises :class:`NetError`."""
        self.received += len(data)
        known = len(self._buffer)
        buffer = self._buffer + data if known else data
        while True:
            end = _end_of_head(buffer, max(0, known - 3))
            if (end if end >= 0 else len(buffer)) + self._earlier_bytes > MOST_HEAD_BYTES:
                raise NetError("ERR_RESPONSE_HEADERS_TOO_BIG", f"the head is longer than {MOST_HEAD_BYTES} bytes")
            if not buffer.startswith(_PREFIX) and buffer[: len(_PREFIX)] != _PREFIX[: len(buffer)]:
                raise NetError("ERR_INVALID_HTTP_RESPONSE", f"a response begins with {_PREFIX!r}, not {buffer[:16]!r}")
            if end < 0:
                self._buffer = buffer
                return None
            head = parse_head(buffer[:end])
            buffer = buffer[end:]
            if not head.is_interim:
                self._buffer = b""
                self.rest = buffer
                return head
            self._earlier_bytes += end
            self.interim.append(head)
            if len(self.interim) > MOST_INTERIM:
                raise NetError("ERR_INVALID_HTTP_RESPONSE", f"more than {MOST_INTERIM} interim responses")
            known = 0

    def end(self) -> NetError:
        """The connection has ended before the head did: what that is called."""
        if self.received:
            return NetError("ERR_RESPONSE_HEADERS_TRUNCATED", "the connection ended within the head of the response")
        return NetError("ERR_EMPTY_RESPONSE", "the server closed the connection without sending a response")


def _end_of_head(buffer: bytes, start: int) -> int:
    """The index behind the empty line that ends a head, -1 when there is none. Lines may end in a bare LF."""
    end = buffer.find(b"\n\r\n", start)
    bare = buffer.find(b"\n\n", start) if end < 0 else buffer.find(b"\n\n", start, end)
    if bare >= 0:
        return bare + 2
    return end + 3 if end >= 0 else -1


def parse_head(block: bytes) -> Head:
    """Status line and fields, the empty line behind them included. Raises :class:`NetError`."""
    if b"\0" in block:
        raise NetError("ERR_INVALID_HTTP_RESPONSE", "the head of the response holds a NUL")
    text = block.decode("latin-1")
    lines = _lines(text)
    http_version, status, reason = _known_status(lines[0]) if len(lines[0]) <= _LONGEST_KNOWN else _status(lines[0])
    fields: list[tuple[str, str]] = []
    special: dict[str, tuple[str, ...]] = {}
    known = _KNOWN_NAMES
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        lower = known.get(name)
        if lower is None:
            name = name.rstrip(" \t")
            if not _TOKEN.fullmatch(name):
                continue  # Chromium skips what is no field
            lower = name.lower()
            if len(known) < _MOST_KNOWN and len(name) <= _LONGEST_KNOWN:
                known[name] = lower
        value = value.strip(" \t")
        fields.append((name, value))
        if lower in _OF_INTEREST:
            special[lower] = (*special.get(lower, ()), value)
    if len(fields) > MOST_FIELDS:
        raise NetError("ERR_RESPONSE_HEADERS_TOO_BIG", f"more than {MOST_FIELDS} header fields")
    return Head(status, reason, http_version, tuple(fields), special)


_KNOWN_NAMES: Final[dict[str, str]] = {}
"""Names of fields that were seen before, with their lower case: servers say the same few over and over."""
_MOST_KNOWN: Final = 1024
_LONGEST_KNOWN: Final = 64


def _lines(text: str) -> list[str]:
    """The lines of a head, continuations joined."""
    lines = text.split("\r\n")
    ends = len(lines) - 1
    if text.count("\n") == ends and text.count("\r") == ends and "\r\n " not in text and "\r\n\t" not in text:
        return lines
    first, _, rest = _LINE_ENDS.sub("\n", text).partition("\n")
    return [first, *_FOLD.sub(" ", "\n" + rest).lstrip("\n").split("\n")]


def _status(line: str) -> tuple[str, int, str]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None or match[2] < "100":
        raise NetError("ERR_INVALID_HTTP_RESPONSE", f"{line[:80]!r} is no status line")
    return ("HTTP/1.0" if match[1] == "0" else "HTTP/1.1"), int(match[2]), (match[3] or "").strip(" \t")


_known_status = lru_cache(maxsize=256)(_status)


def body_of(head: Head, method: str) -> tuple[BodyReader, bool]:
    """What reads the body, and whether the connection can be used again behind it (the table above).

    Raises :class:`NetError` for heads that say different things.
    """
    special = head.special
    chunked, codings = _transfer_encoding(head)
    for name, refusal in _SINGLE.items():
        values = special.get(name)
        if values is not None and len(values) > 1 and any(value != values[0] for value in values):
            if name == "content-length" and chunked:
                continue
            raise NetError(refusal, f"{name} is said {len(values)} times, and differently")
    kept = _is_kept(head)
    if method == "HEAD" or head.status in _BODILESS:
        return NoBody(), kept
    if head.status < _OK:
        return NoBody(), False
    if codings:
        only = codings == ["chunked"] and "content-length" not in special
        return (Chunked(), kept and only) if chunked else (UntilEnd(), False)
    lengths = special.get("content-length")
    if lengths is None:
        return UntilEnd(), False
    return Sized(_length(lengths[0])), kept


def _transfer_encoding(head: Head) -> tuple[bool, list[str]]:
    """Whether the body comes in chunks, and all transfer codings. To HTTP/1.0 there are none, as to Chromium."""
    values = head.special.get("transfer-encoding")
    if values is None:
        return False, []
    codings = [coding.strip(" \t").lower() for value in values for coding in value.split(",")]
    codings = [coding for coding in codings if coding and coding != "identity"]
    if head.http_version == "HTTP/1.0":
        return False, codings and ["unknown to HTTP/1.0"]
    return bool(codings) and codings[-1] == "chunked" and codings.count("chunked") == 1, codings


def _length(value: str) -> int:
    """One number, or a list of the same one (RFC 9112 6.3, 5)."""
    numbers = {number.strip(" \t") for number in value.split(",")}
    number = numbers.pop()
    if numbers:
        raise NetError("ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH", f"Content-Length is {value[:80]!r}")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:  # noqa: PLR2004  # 64 bits hold 18 digits
        raise NetError("ERR_INVALID_HTTP_RESPONSE", f"Content-Length is {value[:80]!r}, which is no length")
    return int(number)


def _is_kept(head: Head) -> bool:
    """Whether the server keeps the connection (RFC 9112 9.3)."""
    values = head.special.get("connection") or head.special.get("proxy-connection")
    if values is None:
        return head.http_version == "HTTP/1.1"
    options = {option.strip(" \t").lower() for value in values for option in value.split(",")}
    return "close" not in options and (head.http_version == "HTTP/1.1" or "keep-alive" in options)
