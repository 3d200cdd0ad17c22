"""What is noted, as an entry of a net log: Chromium's fields, and of the parameters what the capture mode lets through. Pure.

========================  ==============================================================================================
parameter                 how it stands in the log
========================  ==============================================================================================
``headers``               lines ``"Name: value"``; given as such, as pairs, or as a mapping
``net_error``             a number; given as one, or as a name (``"ERR_FAILED"``)
``bytes``                 base64, and ``byte_count`` beside it; only the number unless all octets are captured; given as
                          octets, or as base64
any text                  without the user and password of the URLs in it, unless credentials are captured
any integer               as text where it does not fit a double exactly (Chromium's ``NetLogNumberValue``)
========================  ==============================================================================================

Unless credentials are captured, header fields that carry them say ``[12 bytes were stripped]`` instead (Chromium's
``ElideHeaderValueForNetLog``), and what identifies a cookie is left out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from partita.actors.net_log.constants import (
    EVENT_NUMBERS,
    PHASES,
    SOURCE_NUMBERS,
    UNKNOWN_EVENT,
    UNKNOWN_SOURCE,
)
from partita.actors.network.net_errors import CODES
from partita.events.net_log import CaptureMode

Parameters = Mapping[str, object]

OCTETS_AT_MOST: Final = 2688
"""How many bytes of a connection one entry holds, so that it fits a page of the file with all around it."""

_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie", "set-cookie2"})
_CHALLENGES: Final = frozenset({"proxy-authenticate", "www-authenticate"})
_PUBLIC_SCHEMES: Final = frozenset({"basic", "digest"})
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s\"]*@")
_IS_STRIPPED: Final = re.compile(r"\[[0-9]+ bytes were stripped\]")
_SAFE_INTEGER: Final = 1 << 53

_OF_COOKIES: Final = ("name", "value", "domain", "path", "partition_key")
_SENSITIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "COOKIE_INCLUSION_STATUS": _OF_COOKIES,
    "COOKIE_STORE_COOKIE_ADDED": _OF_COOKIES,
    "COOKIE_STORE_COOKIE_DELETED": _OF_COOKIES,
}
"""Parameters that are left out unless credentials are captured."""


class Capture(Struct, frozen=True):
    """What is captured (FEATURES N2)."""

    sensitive: bool = False
    octets: bool = False

    @classmethod
    def of(cls, mode: CaptureMode) -> Capture:
        """What a capture mode means."""
        return cls(sensitive=mode != "default", octets=mode == "everything")


class SourceId(Struct, frozen=True):
    """What an event is of: a number, a kind, and the tick at which it began."""

    number: int
    kind: str
    start_tick: int

    def reference(self) -> dict[str, object]:
        """As another source's parameter names it."""
        return {"id": self.number, "type": SOURCE_NUMBERS.get(self.kind, SOURCE_NUMBERS[UNKNOWN_SOURCE])}


_encode: Final = msgspec.json.Encoder().encode


def encoded(
    source: SourceId, event: str, phase: str, tick: int, *, parameters: Parameters | None, capture: Capture
) -> list[bytes]:
    """The entries for one event: more than one where the bytes of a connection fill more. ``tick`` in milliseconds.

    An event that is not in the table becomes ``PARTITA_EVENT``, an unknown phase ``none``: a log never fails for its words.
    """
    number = EVENT_NUMBERS.get(event)
    given = dict(parameters or {})
    if number is None:
        number = EVENT_NUMBERS[UNKNOWN_EVENT]
        given = {"event": event, **given}
    octets = given.get("bytes")
    if isinstance(octets, str) and len(octets) > OCTETS_AT_MOST and capture.octets:
        octets = base64.b64decode(octets)
    if isinstance(octets, (bytes, bytearray, memoryview)):
        given.setdefault("byte_count", len(octets))
        if capture.octets and len(octets) > OCTETS_AT_MOST:
            pieces = [octets[start : start + OCTETS_AT_MOST] for start in range(0, len(octets), OCTETS_AT_MOST)]
            every = [{**given, "bytes": piece, "byte_count": len(piece)} for piece in pieces]
            return [_entry(source, number, phase, tick, told(event, piece, capture)) for piece in every]
    return [_entry(source, number, phase, tick, told(event, given, capture))]


def _entry(source: SourceId, number: int, phase: str, tick: int, parameters: dict[str, object]) -> bytes:
    entry: dict[str, object] = {"params": parameters} if parameters else {}
    entry["phase"] = PHASES.get(phase, PHASES["none"])
    entry["source"] = {**source.reference(), "start_time": str(source.start_tick)}
    entry["time"] = str(tick)
    entry["type"] = number
    try:
        return _encode(entry)
    except UnicodeEncodeError:  # half of a surrogate pair: no text that could be written
        return _encode(_writable(entry))


def told(event: str, parameters: Parameters, capture: Capture) -> dict[str, object]:
    """The parameters of an event as they stand in a log of that capture."""
    hidden = () if capture.sensitive else _SENSITIVE.get(event, ())
    found: dict[str, object] = {}
    for name, value in parameters.items():
        if name in hidden or (name == "bytes" and not capture.octets):
            continue
        if name == "headers":
            found[name] = header_lines(value, capture)
        elif name == "net_error" and isinstance(value, str):
            found[name] = CODES.get(value.removeprefix("net::"), CODES["ERR_FAILED"])
        else:
            found[name] = _plain(value, capture)
    return found


def header_lines(headers: object, capture: Capture) -> list[str]:
    """``"Name: value"`` for each field; a line without a colon (a status line) stands as it is."""
    fields: Iterable[object] = ()
    if isinstance(headers, Mapping):
        fields = headers.items()
    elif isinstance(headers, Iterable) and not isinstance(headers, (str, bytes)):
        fields = headers
    return [_header_line(field, capture) for field in fields]


def _header_line(field: object, capture: Capture) -> str:
    if isinstance(field, (tuple, list)) and len(field) == 2:  # noqa: PLR2004  # a name and a value
        name, value = str(field[0]), str(field[1])
    else:
        name, colon, value = str(field).partition(": ")
        if not colon:
            return _without_userinfo(name, capture)
    return f"{name}: {elided(name, value, capture)}"


def elided(name: str, value: str, capture: Capture) -> str:
    """A header field's value, without what is secret in it."""
    if capture.sensitive:
        return value
    lower = name.lower()
    if lower in _CREDENTIALS:
        return _stripped(value) if value else value
    if lower in _CHALLENGES and "," not in value:  # with a comma it may be a list of schemes, and no token has one
        scheme, space, token = value.strip().partition(" ")
        if space and token and scheme.lower() not in _PUBLIC_SCHEMES:
            return f"{scheme} {_stripped(token)}"
    return _without_userinfo(value, capture)


def _stripped(secret: str) -> str:
    if _IS_STRIPPED.fullmatch(secret):  # by who has noted it
        return secret
    return f"[{len(secret.encode('utf-8', 'surrogatepass'))} bytes were stripped]"


def _without_userinfo(text: str, capture: Capture) -> str:
    return text if capture.sensitive or "@" not in text else _USERINFO.sub("", text)


def _plain(value: object, capture: Capture) -> object:  # noqa: PLR0911  # one for each kind of value
    """A value as JSON has it."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, str):
        return _without_userinfo(value, capture)
    if isinstance(value, int):
        return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, capture) for key, inner in value.items()}
    if isinstance(value, Iterable):
        return [_plain(inner, capture) for inner in value]
    return _without_userinfo(str(value), capture)


def _writable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(key): _writable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_writable(inner) for inner in value]
    return value
