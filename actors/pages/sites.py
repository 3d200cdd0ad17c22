"""Origins, sites, and which of them may be trusted: what a page's requests are judged by. Pure.

An origin is written as the HTML standard serializes it (7.1.1): ``https://shop.example:8443``, without a default port. A site
is written the same way, with the registrable domain for a host and without a port (7.1.2): ``https://shop.example``. Both
are :data:`OPAQUE` for what has none (``about:blank``, ``data:``, a scheme without hosts); an opaque one equals nothing.

All are asked at every hop of every exchange, so they are remembered: by the part of the URL in front of its path, of which
there are few.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from partita.actors.cookies.suffixes import registrable_domain

OPAQUE: Final = "null"
"""The origin or site of what has none (HTML standard 7.1.1)."""

_DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
_SECURE_SCHEMES: Final = frozenset({"https", "wss", "file"})
_SAME_AS: Final = {"ws": "http", "wss": "https"}
_LOCAL_URLS: Final = frozenset({"about:blank", "about:srcdoc"})
_AUTHORITY: Final = re.compile(
    r"([a-z][a-z0-9+.\-]*)://(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:@\[\]]*)(?::(\d*))?", re.IGNORECASE
)


def origin_of(url: str) -> str:
    """The origin of a URL, serialized. A ``blob:`` URL has that of the URL in it."""
    return _read(_front(url))[0]


def site_of(url: str) -> str:
    """The schemeful site of a URL, serialized. An IP address, ``localhost`` and a public suffix are their own.

    ``ws`` and ``wss`` count as ``http`` and ``https``, as in Chromium's ``SiteForCookies``.
    """
    return _read(_front(url))[1]


def same_origin(first: str, second: str) -> bool:
    """Whether two URLs have the same origin (HTML standard 7.1.1)."""
    origin = origin_of(first)
    return origin != OPAQUE and origin == origin_of(second)


def same_site(first: str, second: str) -> bool:
    """Whether two URLs are schemefully same site (HTML standard 7.1.2)."""
    site = site_of(first)
    return site != OPAQUE and site == site_of(second)


def is_potentially_trustworthy(url: str) -> bool:
    """Whether a URL came, or would come, in a way that nobody on the network can change (Secure Contexts 3.2)."""
    return _read(_front(url))[2]


def _front(url: str) -> str:
    """What stands in front of the path: all that decides. The whole of a URL that has no authority."""
    start = url.find("://")
    if start < 0:
        return url if url in _LOCAL_URLS else url[: url.find(":") + 1]
    end = url.find("/", start + 3)
    return url if end < 0 else url[:end]


@lru_cache(maxsize=4096)
def _read(front: str) -> tuple[str, str, bool]:
    """Origin, site, and whether it is potentially trustworthy."""
    scheme, _, rest = front.partition(":")
    scheme = scheme.lower()
    if scheme == "blob":
        return _read(_front(rest))
    if scheme in ("data", "about"):
        return OPAQUE, OPAQUE, scheme == "data" or front in _LOCAL_URLS
    match = _AUTHORITY.match(front)
    if match is None:
        return OPAQUE, OPAQUE, False
    host, port = match[2].lower(), match[3] or ""
    if scheme == "file":
        return OPAQUE, "file://", True  # Chromium's pages of the disk send "Origin: null", and are each alone
    if not host:
        return OPAQUE, OPAQUE, False
    shown_port = f":{port}" if port and port != _DEFAULT_PORTS.get(scheme) else ""
    site = f"{_SAME_AS.get(scheme, scheme)}://{registrable_domain(host) or host}"
    return f"{scheme}://{host}{shown_port}", site, scheme in _SECURE_SCHEMES or _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    """Secure Contexts 3.1, steps 4 and 5."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if not (name.startswith("127.") or name == "[::1]"):
        return False
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
