"""Requests as they go out (RFC 9112 3): the URL taken apart, and the head in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from partita.actors.network.http import URL, NetError, UnreadableURL

_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_MOST_PORT: Final = 65_535
_WITH_A_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods for which a body is to be expected: one without says so (RFC 9110 8.6)."""
_OWN: Final = frozenset({"host", "connection", "content-length", "transfer-encoding"})

CHUNKED: Final = -1
"""A body whose length nobody knows."""


class Origin(Struct, frozen=True, gc=False):
    """Whom to dial. ``host_field`` is what the Host field says."""

    scheme: str
    host: str
    port: int
    host_field: str


def target_of(url: str) -> tuple[Origin, str]:
    """The origin of an absolute URL, and what is asked for there (RFC 9112 3.2.1). Raises :class:`NetError`."""
    begin = url.find("://") + 3
    slash = url.find("/", begin)
    if begin < 3 or slash < 0 or not url.isascii() or not url.isprintable() or " " in url:  # noqa: PLR2004  # "://"
        return _target_of_any(url)
    prefix, target = url[:slash], url[slash:]
    if "?" in prefix or "#" in prefix or "@" in prefix:
        return _target_of_any(url)
    if "#" in target:
        target = target.partition("#")[0]
    return origin_of(prefix), target


def _target_of_any(url: str) -> tuple[Origin, str]:
    """The same of a URL that is not in its canonical form."""
    try:
        parsed = URL(url)
        host = parsed.raw_host.decode("ascii")
        port = "" if parsed.port is None else f":{parsed.port}"
        prefix = f"{parsed.scheme}://{f'[{host}]' if ':' in host else host}{port}"
        return origin_of(prefix), parsed.raw_path.decode("ascii")
    except (UnreadableURL, UnicodeError) as error:
        raise NetError("ERR_INVALID_URL", str(error)) from error


@lru_cache(maxsize=4096)
def origin_of(prefix: str) -> Origin:
    """The origin that ``scheme://host:port`` names. Raises :class:`NetError`."""
    scheme, _, authority = prefix.partition("://")
    scheme = scheme.lower()
    if scheme not in _PORTS:
        raise NetError("ERR_UNKNOWN_URL_SCHEME", f"{scheme}: is not spoken here")
    authority = authority.lower()
    if authority.startswith("["):
        host, bracket, behind = authority[1:].partition("]")
        colon, port = behind[:1], behind[1:]
        named = f"[{host}]"
        fine = bool(bracket) and colon in ("", ":")
    else:
        host, colon, port = authority.partition(":")
        named = host
        fine = True
    if not fine or not host or not (port.isdigit() or not port) or int(port or 0) > _MOST_PORT:
        raise NetError("ERR_INVALID_URL", f"{prefix!r} names no host")
    number = int(port) if port else _PORTS[scheme]
    return Origin(scheme, host, number, named if number == _PORTS[scheme] else f"{named}:{number}")


def request_head(
    method: str, target: str, host_field: str, headers: tuple[tuple[str, str], ...], length: int | None
) -> bytes:
    """Request line and fields. ``length`` is the body's; None when there is none, :data:`CHUNKED` when it is not known.

    Host and Connection stand first, as browsers have them; a Host that was given wins. What says how the body is framed is
    added here, and what was given of it left out. Raises :class:`NetError` for what would break out of its line.
    """
    host, connection = host_field, "keep-alive"
    lines: list[str] = []
    for name, value in headers:
        lower = name.lower()
        if lower not in _OWN:
            lines.append(f"{name}: {value}\r\n")
        elif lower == "host":
            host = value
        elif lower == "connection":
            connection = value
    framing = ""
    breaks = len(lines) + 4
    if length is None and method in _WITH_A_BODY:
        length = 0
    if length is not None:
        framing = "Transfer-Encoding: chunked\r\n" if length == CHUNKED else f"Content-Length: {length}\r\n"
        breaks += 1
    first = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n{framing}"
    text = f"{first}{''.join(lines)}\r\n"
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text or " " in method or " " in target:
        raise NetError("ERR_INVALID_ARGUMENT", "a line break, a NUL or a space stands where none may go out")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise NetError("ERR_INVALID_ARGUMENT", f"{text[error.start]!r} cannot go out in a header field") from error


def chunk(data: bytes) -> bytes:
    """One chunk of a body whose length is not known (RFC 9112 7.1); of nothing, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
