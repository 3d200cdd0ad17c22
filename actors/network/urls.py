"""URLs that can be fetched: read, checked, resolved, compared by origin. Pure."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote

from partita.actors.network.http import URL, UnreadableURL
from partita.events.errors import InvalidURL

SCHEMES: Final = ("http", "https")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIRST_PRINTABLE: Final = " "
_SHOWN: Final = 200
_HAS_A_PATH: Final = re.compile("[^:]+://[^/?#]*/")
_FORBIDDEN_IN_HOST: Final = frozenset(" #%/<>?@[\\]^|\x7f")  # URL standard 3.5
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
_LAST_PORT: Final = 65535


def parse_http_url(text: str) -> str:
    """The URL that a text names, in its normal form (host in lower case, ``/`` for an empty path).

    ``text`` is an absolute http or https URL; spaces around it are dropped (URL standard 4.4, step 1). Raises
    :class:`InvalidURL` with what is wrong.
    """
    if not isinstance(text, str):
        raise InvalidURL(f"a URL is a str, not {type(text).__name__}")
    stripped = text.strip(" \t\r\n\f")
    shown = _show(stripped)
    if not stripped:
        raise InvalidURL("the URL is empty; it has to be like 'https://host/path'")
    if control := next((char for char in stripped if char < _FIRST_PRINTABLE or char == "\x7f"), None):
        raise InvalidURL(f"{shown} is no URL: it holds the control character {control!r}")
    scheme, colon, _ = stripped.partition(":")
    if not colon or not scheme.isascii() or not scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        raise InvalidURL(f"{shown} is no absolute URL; it has to be like 'https://host/path'")
    try:
        url = URL(stripped)
    except UnreadableURL as error:
        raise InvalidURL(f"{shown} is no URL: {error}") from None
    return _checked(url, shown)


def _show(text: str) -> str:
    """For an error's text: not too long, and without the password that a URL may hold."""
    text = re.sub(r"//[^/?#]*@", "//•••@", text)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _checked(url: URL, shown: str) -> str:
    if url.scheme not in SCHEMES:
        raise InvalidURL(f"{shown}: the scheme {url.scheme!r} cannot be fetched; http and https can")
    host = _host(url)
    if not host:
        raise InvalidURL(f"{shown} names no host; it has to be like '{url.scheme}://host/path'")
    if bad := next((char for char in host if char in _FORBIDDEN_IN_HOST), None):
        raise InvalidURL(f"{shown}: a host's name cannot hold {bad!r}")
    if len(host) > _LONGEST_HOST or (":" not in host and max(map(len, host.split("."))) > _LONGEST_LABEL):
        raise InvalidURL(f"{shown}: a host's name has at most 253 characters, and 63 between its dots (RFC 1035 2.3.4)")
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise InvalidURL(f"{shown}: {url.port} is no port; ports go from 1 to 65535")
    text = str(url)
    return text if _HAS_A_PATH.match(text) else str(url.copy_with(raw_path=url.raw_path))  # that one has a "/"


def _host(url: URL) -> str:
    """As it is sent: punycode, no brackets; httpx's own ``host`` fails on broken punycode."""
    return url.raw_host.decode("ascii")


def without_userinfo(url: str) -> tuple[str, str | None]:
    """The URL without ``user:password@``, and the ``Authorization`` field that they make (RFC 7617), if any."""
    if "@" not in url:  # most have none, and reading a URL takes its time
        return url, None
    parsed = URL(url)
    if not parsed.userinfo:
        return url, None
    user, _, password = parsed.userinfo.decode("ascii").partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return str(parsed.copy_with(username=None, password=None)), "Basic " + base64.b64encode(pair).decode("ascii")


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454 4)."""
    parsed = URL(url)
    return parsed.scheme, _host(parsed), parsed.port or _DEFAULT_PORTS[parsed.scheme]


def without_fragment(url: str) -> str:
    """What stands before ``#``."""
    return url.partition("#")[0]
