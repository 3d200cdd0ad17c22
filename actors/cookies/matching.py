"""Which cookies go with a request: hosts, domains, paths, and the ``Cookie`` header (RFC 6265bis 5.1.3, 5.1.4, 5.8).

All of it is pure, and reads the jar as it is published: the exchange calls :func:`cookie_header` on a state that any
thread may hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import Struct

from partita.actors.cookies.suffixes import registrable_domain
from partita.events.cookies import (
    CookieKey,
    CookiesState,
    GetCookies,
    SameSite,
    StoredCookie,
    stem_of,
)
from partita.events.cookies import SameSiteContext as SameSiteContext  # noqa: PLC0414  # whoever asks for cookies takes it from here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STALE_AFTER_US: Final = 60_000_000
"""A last access is noted again when the one on record is older than this (DESIGN, 6)."""

NEW_FOR_US: Final = 120_000_000
"""So long after it was created a cookie without ``SameSite`` goes along with cross-site top-level POSTs (Lax+POST)."""

_CLOSENESS: Final[dict[SameSiteContext, int]] = {"cross_site": 0, "lax_unsafe": 1, "lax": 2, "strict": 3}
_CLOSENESS_NEEDED: Final[dict[SameSite, int]] = {"no_restriction": 0, "unspecified": 2, "lax": 2, "strict": 3}

_SECURE_SCHEMES: Final = frozenset({"https", "wss"})
_COOKIEABLE_SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
_FORBIDDEN_IN_HOST: Final = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")  # URL standard 3.1


class Target(Struct, frozen=True):
    """What the rules of cookies see of a URL. ``host`` is in lower case, an IPv6 address in its brackets.

    ``secure``: of a secure scheme. ``trustworthy``: that, or a URL of this machine, which Chromium lets have Secure
    cookies (FEATURES C11).
    """

    scheme: str
    host: str
    path: str
    secure: bool
    trustworthy: bool
    cookieable: bool


@lru_cache(maxsize=4096)
def target_of(url: str) -> Target | None:
    """Read a URL; None when it is no absolute URL with a host."""
    try:
        parts = urlsplit(url)
        host = _canonical_host(parts.hostname or "")
        _ = parts.port
    except ValueError:
        return None
    if not host or not parts.scheme:
        return None
    secure = parts.scheme in _SECURE_SCHEMES
    return Target(
        scheme=parts.scheme,
        host=host,
        path=parts.path or "/",
        secure=secure,
        trustworthy=secure or _is_this_machine(host),
        cookieable=parts.scheme in _COOKIEABLE_SCHEMES,
    )


def _canonical_host(host: str) -> str:
    if ":" in host:
        return f"[{IPv6Address(host).compressed}]"
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if _FORBIDDEN_IN_HOST.search(host):
        raise ValueError(host)
    return host.lower()


def _is_this_machine(host: str) -> bool:
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def top_level_site(url: str) -> str | None:
    """The site that a page's URL (or a site) stands for as a partition key: ``https://shop.example``; None when none."""
    target = target_of(url)
    return None if target is None else f"{target.scheme}://{registrable_domain(target.host) or target.host}"


def octets(text: str) -> str:
    """A caller's text as the jar holds it: its UTF-8 bytes, a character for each, as header fields hold them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def domain_matches(cookie: StoredCookie | CookieKey, host: str) -> bool:
    """RFC 6265bis 5.1.3, for a host in its canonical form. Cookies of an IP address are host-only."""
    domain = cookie.domain
    if host == domain:
        return True
    return not cookie.host_only and host.endswith(domain) and host[-len(domain) - 1] == "."


def path_matches(cookie_path: str, request_path: str) -> bool:
    """RFC 6265bis 5.1.4."""
    if not request_path.startswith(cookie_path):
        return False
    return len(request_path) == len(cookie_path) or cookie_path[-1] == "/" or request_path[len(cookie_path)] == "/"


def default_path(request_path: str) -> str:
    """RFC 6265bis 5.1.4: the folder of the request's path."""
    last_slash = request_path.rfind("/")
    return request_path[:last_slash] if last_slash > 0 else "/"


def is_expired(cookie: StoredCookie, now_us: int) -> bool:
    """Whether its time has come (FEATURES C26)."""
    return cookie.expiry_us is not None and cookie.expiry_us <= now_us


def same_site_allows(cookie: StoredCookie, context: SameSiteContext, now_us: int) -> bool:
    """RFC 6265bis 5.8.3. Without the attribute a cookie counts as lax (FEATURES C30).

    In its first two minutes such a one goes along with unsafe methods too (RFC 6265bis 5.6.7.2, "Lax-allow-unsafe").
    """
    closeness = _CLOSENESS[context]
    if closeness >= _CLOSENESS_NEEDED[cookie.same_site]:
        return True
    return closeness == 1 and cookie.same_site == "unspecified" and now_us - cookie.creation_us <= NEW_FOR_US


def same_site_permits_setting(same_site: SameSite, context: SameSiteContext) -> bool:
    """RFC 6265bis 5.7: a response to a cross-site request sets no same-site cookie, unless it is a top-level navigation.

    Then it may set strict ones as well, though they were not sent.
    """
    return same_site == "no_restriction" or context != "cross_site"


def is_sent_to(cookie: StoredCookie, target: Target) -> bool:
    """Whether domain, path and Secure let a cookie go to a URL; its expiry and same-site rule are asked apart."""
    return (
        domain_matches(cookie, target.host)
        and path_matches(cookie.path, target.path)
        and (target.trustworthy or not cookie.secure)
    )


def in_send_order(cookies: Iterable[StoredCookie]) -> list[StoredCookie]:
    """Longest path first, then oldest first (RFC 6265bis 5.8.3); also the order of ``cookies.get`` (FEATURES C1)."""
    return sorted(cookies, key=_send_order)


def _send_order(cookie: StoredCookie) -> tuple[int, int]:
    return -len(cookie.path), cookie.creation_us


def cookies_for(
    state: CookiesState,
    url: str,
    now_us: int,
    *,
    context: SameSiteContext = "strict",
    partition_key: str | None = None,
) -> list[StoredCookie]:
    """The cookies of a request to ``url`` at ``now_us``, in the order in which they are sent.

    ``context`` says which same-site cookies may go along; the default lets all go, as a top-level request does.
    ``partition_key``: the top-level site, such as ``https://shop.example``; its ``Partitioned`` cookies go along with the
    unpartitioned ones, those of other sites do not (CHIPS).
    """
    target = target_of(url)
    if target is None or not target.cookieable:
        return []
    bucket = state.stems.get(stem_of(target.host))
    if bucket is None:
        return []
    sent = [
        cookie
        for cookie in bucket.values()
        if is_sent_to(cookie, target)
        and (cookie.expiry_us is None or cookie.expiry_us > now_us)
        and (cookie.partition_key is None or cookie.partition_key == partition_key)
        and same_site_allows(cookie, context, now_us)
    ]
    return in_send_order(sent) if len(sent) > 1 else sent


def select(state: CookiesState, wanted: GetCookies, now_us: int) -> list[StoredCookie]:
    """The answer to ``cookies.get(filter)``: what all given filters say yes to, in send order (FEATURES C1 to C4).

    A URL that is empty or none is no filter at all (C1).
    """
    target = target_of(wanted.url) if wanted.url else None
    filters = _filters(wanted)
    return in_send_order(
        cookie
        for cookie in _walked(state, target, wanted.custom_schemes)
        if not is_expired(cookie, now_us)
        and (target is None or is_sent_to(cookie, target))
        and all(says_yes(cookie) for says_yes in filters)
    )


def expired_on_the_way(state: CookiesState, wanted: GetCookies, now_us: int) -> list[StoredCookie]:
    """The expired cookies that :func:`select` comes by: it is then that they are removed (FEATURES C26)."""
    target = target_of(wanted.url) if wanted.url else None
    return [cookie for cookie in _walked(state, target, wanted.custom_schemes) if is_expired(cookie, now_us)]


def _walked(state: CookiesState, target: Target | None, custom_schemes: tuple[str, ...]) -> Iterable[StoredCookie]:
    if target is None:
        return (cookie for bucket in state.stems.values() for cookie in bucket.values())
    if not (target.cookieable or target.scheme in custom_schemes):
        return ()
    return state.stems.get(stem_of(target.host), {}).values()


def _filters(wanted: GetCookies) -> list[Callable[[StoredCookie], bool]]:
    """FEATURES C2 to C4, those that were given."""
    filters: list[Callable[[StoredCookie], bool]] = []
    if (name := wanted.name) is not None:
        name = octets(name)
        filters.append(lambda cookie: cookie.name == name)
    if (path := wanted.path) is not None:
        path = octets(path)
        filters.append(lambda cookie: cookie.path == path)
    if wanted.domain is not None:
        host = wanted.domain.removeprefix(".").lower()
        filters.append(lambda cookie: domain_matches(cookie, host))
    if (secure := wanted.secure) is not None:
        filters.append(lambda cookie: cookie.secure == secure)
    if (session := wanted.session) is not None:
        filters.append(lambda cookie: (cookie.expiry_us is None) == session)
    if (http_only := wanted.http_only) is not None:
        filters.append(lambda cookie: cookie.http_only == http_only)
    if (partition_key := wanted.partition_key) is not None:
        filters.append(lambda cookie: cookie.partition_key == partition_key)
    return filters


def header_of(cookies: Iterable[StoredCookie]) -> str | None:
    """The ``Cookie`` field's value (RFC 6265bis 5.8.3): a character for a byte, to be sent as Latin-1."""
    pairs = [
        f"{cookie.name}={cookie.value.reveal_text()}" if cookie.name else cookie.value.reveal_text()
        for cookie in cookies
    ]
    return "; ".join(pairs) if pairs else None


def cookie_header(
    state: CookiesState,
    url: str,
    now_us: int,
    *,
    context: SameSiteContext = "strict",
    partition_key: str | None = None,
) -> str | None:
    """The ``Cookie`` field of a request to ``url``, or None when no cookie goes along. See :func:`cookies_for`."""
    return header_of(cookies_for(state, url, now_us, context=context, partition_key=partition_key))


def stale_keys(cookies: Iterable[StoredCookie], now_us: int) -> tuple[CookieKey, ...]:
    """Those of the cookies sent whose last access is worth a ``TouchCookies`` (DESIGN, 6)."""
    return tuple(cookie.key for cookie in cookies if now_us - cookie.last_access_us > STALE_AFTER_US)
