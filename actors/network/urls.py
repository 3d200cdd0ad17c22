"""URLs that can be fetched: read, checked, resolved, compared by origin. Pure.

Three kinds of URL are told apart (FEATURES H5): http and https, in the normal form of httpx; the schemes that somebody said
to be *standard*, whose URLs are ``scheme://host/path``, as Chromium's; and all others, which are handed on as they stand.
Reading one costs some microseconds and most programs ask for few, so what was read is remembered.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from partita.actors.network.http import URL, UnreadableURL
from partita.events.errors import InvalidURL

SCHEMES: Final = ("http", "https")
REFUSED_SCHEMES: Final = frozenset({"about", "blob", "data", "filesystem", "javascript"})
"""No request can be made of these (FEATURES F12a)."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIRST_PRINTABLE: Final = " "
_SHOWN: Final = 200
_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 2048
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")  # RFC 3986 3.1
_HAS_A_PATH: Final = re.compile("[^:]+://[^/?#]*/")
_FORBIDDEN_IN_HOST: Final = frozenset(" #%/<>?@[\\]^|\x7f")  # URL standard 3.5
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
_LAST_PORT: Final = 65535

_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NAME: Final = r"(?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,8}(?!xn--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN: Final = r"[A-Za-z0-9\-._~!$&()*+,;=:@/]"
_NORMAL: Final = re.compile(
    rf"https?://(?:{_NAME}|{_OCTET}(?:\.{_OCTET}){{3}})(?::(?!80/|443/|0)\d{{1,4}})?"
    rf"/(?!\.)(?:(?!/\.){_PLAIN})*(?:\?{_PLAIN}*)?",
    re.ASCII,
)
"""URLs that are in their normal form already, by far the most: they need not be read to know it."""

_IS_HTTP: Final = re.compile(r"[ \t\r\n\f]*https?:", re.IGNORECASE | re.ASCII)
_AUTHORITY: Final = re.compile(r"[a-z][a-z0-9+.\-]*://[^/?#]+")
_OF_A_FRAGMENT: Final = "!$&'()*+,;=:@/?%"
_NONE: Final[frozenset[str]] = frozenset()


def parse_http_url(text: str) -> str:
    """The URL that a text names, in its normal form (host in lower case, ``/`` for an empty path).

    ``text`` is an absolute http or https URL; spaces around it are dropped (URL standard 4.4, step 1). Raises
    :class:`InvalidURL` with what is wrong.
    """
    if isinstance(text, str) and not _IS_HTTP.match(text):
        stripped, scheme = _scheme_of(text)
        raise InvalidURL(f"{_show(stripped)}: the scheme {scheme!r} cannot be used here; http and https can")
    return parse_url(text)


def parse_url(text: str, standard_schemes: Collection[str] = _NONE) -> str:
    """The URL that a text names, of any scheme that a request can be made of (FEATURES F12, H5).

    ``text`` is an absolute URL; ``standard_schemes`` are those that were registered as standard (FEATURES R2), in lower case.
    http and https: see :func:`parse_http_url`. ``file``: ``file:///path``, of this machine only. Standard ones come back as
    ``scheme://host/path``, without port and userinfo. All others stay as they stand, but for their scheme's case; whether
    anybody answers for them shows when they are asked for. Raises :class:`InvalidURL` with what is wrong, also for ``data:``,
    ``blob:``, ``about:`` and ``javascript:`` (F12a).
    """
    if not isinstance(text, str):
        raise InvalidURL(f"a URL is a str, not {type(text).__name__}")
    standard = standard_schemes if isinstance(standard_schemes, frozenset) else frozenset(standard_schemes)
    if len(text) <= _LONGEST_REMEMBERED:
        return _remembered(text, standard)
    return _parsed(text, standard)


def _parsed(text: str, standard: frozenset[str]) -> str:
    if len(text) <= _LONGEST_REMEMBERED and _NORMAL.fullmatch(text):
        return text
    stripped, scheme = _scheme_of(text)
    if scheme in SCHEMES:
        return _http(stripped)
    if scheme == "file":
        return _file(stripped)
    if scheme in REFUSED_SCHEMES:
        raise InvalidURL(f"{_show(stripped)}: the scheme {scheme!r} cannot be fetched; it names no place to ask")
    if scheme in standard:
        return _standard(stripped, scheme)
    rest = stripped[len(scheme) :]
    return scheme + (rest if rest.isascii() else _without_wide(rest))


_remembered: Final = lru_cache(maxsize=_REMEMBERED)(_parsed)


def _scheme_of(text: str) -> tuple[str, str]:
    """The text without the space around it, and its scheme in lower case."""
    stripped = text.strip(" \t\r\n\f")
    if not stripped:
        raise InvalidURL("the URL is empty; it has to be like 'https://host/path'")
    if control := next((char for char in stripped if char < _FIRST_PRINTABLE or char == "\x7f"), None):
        raise InvalidURL(f"{_show(stripped)} is no URL: it holds the control character {control!r}")
    scheme, colon, _ = stripped.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise InvalidURL(f"{_show(stripped)} is no absolute URL; it has to be like 'https://host/path'")
    return stripped, scheme.lower()


def _show(text: str) -> str:
    """For an error's text: not too long, and without the password that a URL may hold."""
    text = re.sub(r"//[^/?#]*@", "//•••@", text)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _read(text: str, shown: str) -> URL:
    try:
        return URL(text)
    except (UnreadableURL, UnicodeError) as error:
        raise InvalidURL(f"{shown} is no URL: {error}") from None


def _http(stripped: str) -> str:
    shown = _show(stripped)
    url = _read(stripped, shown)
    _check_host(url, url.scheme, shown)
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise InvalidURL(f"{shown}: {url.port} is no port; ports go from 1 to 65535")
    text = str(url)
    return text if _HAS_A_PATH.match(text) else str(url.copy_with(raw_path=url.raw_path))  # that one has a "/"


def _check_host(url: URL, scheme: str, shown: str) -> None:
    host = _host(url)
    if not host:
        raise InvalidURL(f"{shown} names no host; it has to be like '{scheme}://host/path'")
    if bad := next((char for char in host if char in _FORBIDDEN_IN_HOST), None):
        raise InvalidURL(f"{shown}: a host's name cannot hold {bad!r}")
    if len(host) > _LONGEST_HOST or (":" not in host and max(map(len, host.split("."))) > _LONGEST_LABEL):
        raise InvalidURL(f"{shown}: a host's name has at most 253 characters, and 63 between its dots (RFC 1035 2.3.4)")


def _standard(stripped: str, scheme: str) -> str:
    """FEATURES H5: any number of slashes leads to the host; a port and a userinfo say nothing and are dropped."""
    rest = stripped[len(scheme) + 1 :].lstrip("/\\")
    if not rest:
        raise InvalidURL(f"Invalid URL: {_show(stripped)} names no host; it has to be like '{scheme}://host/path'")
    shown = _show(stripped)
    url = _read("http://" + rest, shown)
    _check_host(url, scheme, shown)
    host = _host(url)
    target = url.raw_path.decode("ascii")
    fragment = f"#{quote(url.fragment, safe=_OF_A_FRAGMENT)}" if url.fragment else ""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{target}{fragment}"


def _file(stripped: str) -> str:
    """``file:///path``: what stands before the path is nothing, or ``localhost`` (URL standard 4.4, file host state)."""
    shown = _show(stripped)
    rest = stripped[len("file:") :].replace("\\", "/") if "\\" in stripped else stripped[len("file:") :]
    host, path = "", rest
    if rest.startswith("//"):
        cut = min((at for mark in "/?#" if (at := rest.find(mark, 2)) >= 0), default=len(rest))
        host, path = rest[2:cut], rest[cut:]
    if host and host.lower() != "localhost":
        raise InvalidURL(f"{shown}: files of this machine only can be fetched, as 'file:///path'; {host!r} is another")
    url = _read("http://localhost/" + path.lstrip("/"), shown)
    fragment = f"#{quote(url.fragment, safe=_OF_A_FRAGMENT)}" if url.fragment else ""
    return f"file://{url.raw_path.decode('ascii')}{fragment}"


def _without_wide(text: str) -> str:
    """Characters beyond ASCII as the bytes of their UTF-8 (URL standard 1.3)."""
    try:
        return "".join(char if char.isascii() else quote(char, safe="") for char in text)
    except UnicodeEncodeError as error:
        raise InvalidURL(f"{_show(text)} is no URL: {error}") from None


def _host(url: URL) -> str:
    """As it is sent: punycode, no brackets; httpx's own ``host`` fails on broken punycode."""
    return url.raw_host.decode("ascii")


def without_userinfo(url: str) -> tuple[str, str | None]:
    """The URL without ``user:password@``, and the ``Authorization`` field that they make (RFC 7617), if any."""
    if "@" not in url or not url.startswith("http"):  # most have none, and reading a URL takes its time
        return url, None
    parsed = URL(url)
    if not parsed.userinfo:
        return url, None
    user, _, password = parsed.userinfo.decode("ascii").partition(":")
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return str(parsed.copy_with(username=None, password=None)), "Basic " + base64.b64encode(pair).decode("ascii")


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454 4); ``url`` is in its normal form.

    The port is 0 for schemes that know none. A URL without a host, a file's among them, is an origin of its own: itself.
    """
    front = _AUTHORITY.match(url)
    if front is None:
        scheme, _, rest = url.partition(":")
        return scheme, rest, 0
    return _origin_of(front[0]) if len(front[0]) <= _LONGEST_REMEMBERED else _read_origin(front[0])


def _read_origin(front: str) -> tuple[str, str, int]:
    parsed = URL(front)
    return parsed.scheme, _host(parsed), parsed.port or _DEFAULT_PORTS.get(parsed.scheme, 0)


_origin_of: Final = lru_cache(maxsize=_REMEMBERED)(_read_origin)


def resolved(base: str, reference: str, standard_schemes: Collection[str] = _NONE) -> str:
    """The URL that a reference of a document or of a redirect leads to (RFC 3986 5.2), without ``base``'s fragment.

    A relative one needs a ``base`` that is http, https, ``file`` or standard. Raises :class:`InvalidURL`.
    """
    absolute = _SCHEME.match(reference.strip(" \t\r\n\f"))
    if absolute is not None and reference.strip(" \t\r\n\f")[absolute.end() :].startswith(":"):
        return parse_url(reference, standard_schemes)
    scheme, _, rest = base.partition(":")
    if scheme not in SCHEMES and scheme != "file" and scheme not in standard_schemes:
        raise InvalidURL(f"{_show(reference)} is relative, and {_show(base)} has no path that it could begin at")
    shown = _show(reference)
    if scheme in SCHEMES:
        return parse_url(str(_joined(base, reference, shown)))
    stand_in = "http://localhost" + rest[2:] if scheme == "file" else "http:" + rest
    target = str(_joined(stand_in, reference, shown)).removeprefix("http:")
    return parse_url(f"{scheme}:{target}", standard_schemes)


def _joined(base: str, reference: str, shown: str) -> URL:
    try:
        return URL(base).join(reference)
    except (UnreadableURL, ValueError) as error:
        raise InvalidURL(f"{shown} is no URL: {error}") from None


def scheme_of(url: str) -> str:
    """What stands before the first ``:``; ``url`` is in its normal form."""
    return url.partition(":")[0]


def without_fragment(url: str) -> str:
    """What stands before ``#``."""
    return url.partition("#")[0]
