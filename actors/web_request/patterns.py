"""Chrome's match patterns (FEATURES W2), as Chromium's ``extensions/common/url_pattern.cc`` reads and matches them. Pure.

    <all_urls>  |  scheme://host[:port]/path  |  scheme:path

- ``scheme``: one, or ``*`` for http and https. Electron's filters know every scheme; a set of them can be given instead.
- ``host``: a name, an address, ``*`` for any, ``*.name`` for the name and all below it. Files have none that counts.
- ``port``: a number, or ``*`` for any, as where there is none.
- ``path``: with the query, from the first character to the last; ``*`` stands for any number of characters.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from msgspec import Struct

from partita.actors.network.urls import parse_http_url
from partita.events.errors import InvalidURL

ALL_URLS: Final = "<all_urls>"
_KEPT: Final = 8192
_URLS_KEPT: Final = 256
"""A request comes by with the same URL at each of its stages."""

_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
_LAST_PORT: Final = 65535
_STANDARD: Final = frozenset(
    {
        *_PORTS,
        "file",
        "filesystem",
        "chrome",
        "chrome-untrusted",
        "chrome-extension",
        "devtools",
        "isolated-app",
        "uuid-in-package",
    }
)
"""Schemes whose URLs have a host: ``://`` follows them (Chromium's ``url::IsStandard``)."""

_OPAQUE: Final = frozenset({"about", "blob", "data", "javascript", "mailto", "tel", "urn"})
"""Schemes whose URLs have none. What is in neither list may be registered by the program, and is taken as it is written."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*):"
    r"(?://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^:/?#]*)(?::(?P<port>[0-9]*))?(?=[/?#]|\Z))?"
    r"(?P<path>[^#]*)",
    re.DOTALL,
)
_IP_ADDRESS: Final = re.compile(r"\[.*\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


class Target(Struct, frozen=True, gc=False):
    """A URL as patterns look at it. ``path`` goes on with the query; ``port`` is the scheme's own where none is written."""

    scheme: str
    host: str
    port: str
    path: str

    @property
    def is_ip_address(self) -> bool:
        """Whether its host is no name: nothing is below an address."""
        return _IP_ADDRESS.fullmatch(self.host) is not None


@lru_cache(maxsize=_URLS_KEPT)
def target(url: str) -> Target:
    """Read a URL in its normal form. What is none has the empty scheme, which no pattern has."""
    if url.startswith("filesystem:"):  # the URL within says whose file system it is
        url = url.removeprefix("filesystem:")
    match = _URL.match(url)
    if match is None:
        return Target("", "", "", "")
    scheme, host, port, path = match["scheme"], match["host"], match["port"], match["path"]
    if host is not None and not path.startswith("/"):
        path = "/" + path
    return Target(scheme, (host or "").removesuffix("."), port or _PORTS.get(scheme, ""), path)


class Pattern(Struct, frozen=True):
    """A match pattern, read.

    ``schemes``: those that it can be for; None are all there are. ``scheme`` is ``*``, or one. ``host`` is empty where any will
    do, or none is looked at; ``subdomains``: also all below it. ``segments``: what of the path stands between its ``*``.
    """

    schemes: AbstractSet[str] | None
    scheme: str
    host: str
    subdomains: bool
    port: str
    path: str
    segments: tuple[str, ...]
    all_urls: bool = False

    def matches(self, url: str) -> bool:
        """Whether the URL, in its normal form, is one of those that the pattern is for."""
        return self.matches_target(target(url))

    def matches_scheme(self, scheme: str) -> bool:
        """Whether URLs of that scheme can be."""
        if self.schemes is not None and scheme not in self.schemes:
            return False
        return bool(scheme) and self.scheme in ("*", scheme)

    def matches_target(self, url: Target) -> bool:
        """The same for a URL that was read before."""
        if not self.matches_scheme(url.scheme):
            return False
        if self.all_urls:
            return True
        if self.scheme != "file" and not self._matches_host(url):
            return False
        return self.port in ("*", url.port) and self._matches_path(url.path)

    def _matches_host(self, url: Target) -> bool:
        if url.host == self.host or (self.subdomains and not self.host):
            return True
        return self.subdomains and url.host.endswith("." + self.host) and not url.is_ip_address

    def _matches_path(self, path: str) -> bool:
        if len(self.segments) == 1:
            return path == self.path
        first, *middle, last = self.segments
        if not path.startswith(first):
            return path + "/*" == self.path  # "/shop/*" is for "/shop" as well
        at = len(first)
        for segment in middle:
            found = path.find(segment, at)
            if found < 0:
                return False
            at = found + len(segment)
        return len(path) - at >= len(last) and path.endswith(last)


@lru_cache(maxsize=_KEPT)
def compiled(text: str, schemes: AbstractSet[str] | None = None) -> Pattern:
    """Read a pattern. ``schemes`` (hashable): those that may be named; None are all.

    Raises :class:`TypeError` with Electron's words and Chromium's reason.
    """
    if text == ALL_URLS:
        return Pattern(schemes, "*", "", subdomains=True, port="*", path="/*", segments=("/", ""), all_urls=True)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, separator, rest = text.partition(":")
        if not separator:
            raise _invalid(text, "Missing scheme separator.")
    if scheme == "*":
        web = frozenset({"http", "https"})
        schemes = web if schemes is None else web & schemes
    elif schemes is not None and scheme not in schemes:
        raise _invalid(text, "Invalid scheme.")
    if _has_a_host(scheme, separator) != (separator == "://"):
        raise _invalid(text, "Wrong scheme type.")
    if not rest:
        raise _invalid(text, "Host can not be empty.")
    host, subdomains, port, path = "", False, "*", rest
    if separator == "://":
        authority, slash, path = rest.partition("/")
        if scheme == "file":  # "file://*" is "file:///*", and the host of "file://localhost/" counts for nothing
            path = slash + path if slash else "/" + authority
        else:
            host, subdomains, port = _authority(text, scheme, authority, slash)
            path = slash + path
    return Pattern(schemes, scheme, host, subdomains, port, path, tuple(path.split("*")))


def _has_a_host(scheme: str, separator: str) -> bool:
    if scheme == "*" or scheme in _STANDARD:
        return True
    if scheme in _OPAQUE or not _SCHEME.fullmatch(scheme):
        return False
    return separator == "://"


def _authority(text: str, scheme: str, authority: str, slash: str) -> tuple[str, bool, str]:
    """Host, whether what is below it counts, and port."""
    if not authority and slash:
        raise _invalid(text, "Host can not be empty.")
    if not slash:
        raise _invalid(text, "Empty path.")
    host, port = _split_port(text, authority)
    if port is not None and port != "*" and not _is_port(scheme, port):
        raise _invalid(text, "Invalid port.")
    subdomains = host == "*" or host.startswith("*.")
    if subdomains:
        bare = host.removeprefix("*").removeprefix(".")
        if not bare and host != "*":
            raise _invalid(text, "Host can not be empty.")
        host = bare
    elif not host:
        raise _invalid(text, "Host can not be empty.")
    if "*" in host:
        raise _invalid(text, "Invalid host wildcard.")
    return _normal_host(text, host), subdomains, "*" if port is None else port


def _split_port(text: str, authority: str) -> tuple[str, str | None]:
    if not authority.startswith("["):
        host, colon, port = authority.partition(":")
        return host, port if colon else None
    address, bracket, behind = authority.partition("]")
    if not bracket or (behind and not behind.startswith(":")):
        raise _invalid(text, "Invalid host.")
    if address == "[":
        raise _invalid(text, "Host can not be empty.")
    return address + bracket, behind[1:] if behind else None


def _is_port(scheme: str, port: str) -> bool:
    return scheme in _PORTS and port.isascii() and port.isdecimal() and len(port) < 20 and int(port) <= _LAST_PORT  # noqa: PLR2004


def _normal_host(text: str, host: str) -> str:
    """As it stands in a URL: in lower case, in punycode, without a dot at its end."""
    if not host:
        return ""
    if any(char in "/?#@" for char in host):
        raise _invalid(text, "Invalid host.")
    try:
        normal = target(parse_http_url(f"http://{host}/")).host
    except InvalidURL:
        raise _invalid(text, "Invalid host.") from None
    return normal


def _invalid(text: str, reason: str) -> TypeError:
    return TypeError(f"Invalid url pattern {text}: {reason}")
