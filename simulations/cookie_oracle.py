"""A second opinion on cookies: RFC 6265bis once more, small, slow and straight from its text.

It shares nothing with ``actors/cookies`` but the messages that both are told. The jar is a list; every rule is a sentence of
the RFC (draft-ietf-httpbis-rfc6265bis-22), in its order; where Chromium does otherwise the line says so. What the jar does
of its own accord (evicting, noticing what has expired) is not foretold: evictions are taken from the log, what has expired
is left out of account.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from publicsuffixlist import PublicSuffixList

from partita.events.cookies import (
    CookieRemoved,
    CookiesReceived,
    CookieStored,
    ImportCookies,
    ImportedCookie,
    PersistSessionCookies,
    RemoveCookies,
    SetCookie,
    StoredCookie,
)
from partita.events.system import Recover
from partita.events.types import Event, Message
from partita.simulations.cookie_lines import DAY_US, SECOND_US, Refused, check_given, octets_of, read_line

SUFFIXES: Final = PublicSuffixList()
SCHEMES: Final = ("http", "https", "ws", "wss")
PREFIXES: Final = ("__secure-", "__host-", "__http-", "__host-http-")
LAX_ALLOW_UNSAFE_US: Final = 120 * SECOND_US


class Kept:
    """A cookie as the model keeps it: what 5.7 gives it."""

    def __init__(self) -> None:
        self.name = self.value = self.domain = self.path = ""
        self.host_only = self.secure = self.http_only = False
        self.same_site = "unspecified"
        self.created_us = self.updated_us = 0
        self.expires_us: int | None = None
        self.partition_key: str | None = None

    def shown(self) -> tuple[object, ...]:
        """All that is compared."""
        flags = (self.host_only, self.secure, self.http_only)
        place = (self.domain, self.path, self.name, self.partition_key or "")
        return (*place, self.value, *flags, self.same_site, self.created_us, self.expires_us)


def shown(cookie: StoredCookie) -> tuple[object, ...]:
    """The same of a cookie of the session's jar."""
    flags = (cookie.host_only, cookie.secure, cookie.http_only)
    place = (cookie.domain, cookie.path, cookie.name, cookie.partition_key or "")
    return (*place, cookie.value.reveal_text(), *flags, cookie.same_site, cookie.creation_us, cookie.expiry_us)


class Url:
    """What the RFC wants to know of a request's URL."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        host = authority.rpartition("@")[2].lower()
        self.host = host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]
        self.path = slash + path.partition("#")[0].partition("?")[0] or "/"
        self.scheme = scheme.lower()
        self.secure = self.scheme in ("https", "wss") or self._is_this_machine()

    def _is_this_machine(self) -> bool:  # Chromium: a potentially trustworthy host may have Secure cookies
        name = self.host.rstrip(".")
        return name == "localhost" or name.endswith(".localhost") or (is_ip(name) and _address(name).is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.strip("[]"))


@cache
def is_ip(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        _address(host)
    except ValueError:
        return False
    return True


def site_of(text: str) -> str:
    """The site (HTML standard 7.1.2) that a top-level URL is of."""
    url = Url(text)
    if not url.host:
        raise Refused("CHIPS 2.1: a partition that is no site")
    return f"{url.scheme}://{url.host if is_public_suffix(url.host) else SUFFIXES.privatesuffix(url.host)}"


def domain_matches(host: str, domain: str) -> bool:
    """5.1.3."""
    return host == domain or (host.endswith("." + domain) and not is_ip(host))


def path_matches(request_path: str, cookie_path: str) -> bool:
    """5.1.4."""
    if request_path == cookie_path:
        return True
    return request_path.startswith(cookie_path) and (cookie_path.endswith("/") or request_path[len(cookie_path)] == "/")


def default_path(request_path: str) -> str:
    """5.1.4."""
    return "/" if request_path.count("/") <= 1 else request_path[: request_path.rindex("/")]


@cache
def is_public_suffix(domain: str) -> bool:
    """5.7, step 10: nobody can register it, or something above it would have to be."""
    return is_ip(domain) or SUFFIXES.privatesuffix(domain) is None


class CookieOracle:
    """The model. Give it every turn of the session that has to do with cookies, in order."""

    def __init__(self) -> None:
        self.cookies: list[Kept] = []
        self.persist_session = False
        self._newest_us = 0
        self._kept_until_us = 0

    def take(self, time_us: int, message: Message, events: Iterable[Event] = ()) -> int:
        """A turn. Returns how many cookies took effect; raises :class:`Refused` for what must not be stored.

        ``events``: what the session made of it. Only evictions are taken from there, and all of what is told by a message
        that is none of the jar's (a capability that clears data, say).
        """
        match message:
            case CookiesReceived():
                effective = self._receive(time_us, message)
            case SetCookie():
                self._store(self._of_details(time_us, message), Url(message.url), time_us, http=message.http_only)
                effective = 1
            case ImportCookies():
                effective = self._import_all(time_us, message)
            case RemoveCookies():
                effective = self._remove(message)
            case PersistSessionCookies() if message.persist != self.persist_session:
                self.persist_session = message.persist
                effective = 0 if message.persist else self._end_session(self._kept_until_us)
            case Recover():
                effective = self._begin_process()
            case _:
                self._follow(events, evictions_only=False)
                return 0
        self._follow(events, evictions_only=True)
        return effective

    def _receive(self, time_us: int, message: CookiesReceived) -> int:
        effective = 0
        url = Url(message.url)
        if url.scheme not in SCHEMES:
            return 0
        for line in message.headers:
            try:
                cookie = self._of_line(time_us, line.reveal_text(), url, message.context, message.partition_key)
                self._store(cookie, url, time_us, http=True)
            except Refused:
                continue
            effective += 1
        return effective

    def _of_line(self, time_us: int, line: str, url: Url, context: str, partition_key: str | None) -> Kept:
        said = read_line(line)
        cookie = self._new(time_us)
        cookie.name, cookie.value = said.name, said.value
        lifetime_us = said.lifetime_us(time_us)
        if lifetime_us is not None:
            cookie.expires_us = time_us + min(lifetime_us, 400 * DAY_US)
        cookie.domain, cookie.host_only = self._domain(said.last("domain") or "", url)
        path = said.last("path") or ""
        cookie.path = path if path.startswith("/") else default_path(url.path)
        cookie.secure = said.last("secure") is not None
        cookie.http_only = said.last("httponly") is not None
        word = (said.last("samesite") or "").lower()
        cookie.same_site = {"none": "no_restriction", "lax": "lax", "strict": "strict"}.get(word, "unspecified")
        if cookie.same_site != "no_restriction" and context == "cross_site":
            raise Refused("5.7, steps 17 to 19: set by a cross-site response that is no top-level navigation")
        if said.last("partitioned") is not None:
            if not cookie.secure:
                raise Refused("CHIPS 2.1: Partitioned without Secure")
            cookie.partition_key = partition_key
        self._check(cookie, url, path_given=path)
        return cookie

    def _of_details(self, time_us: int, details: SetCookie) -> Kept:
        cookie, url = self._new(time_us), Url(details.url)
        if details.creation_date is not None:
            cookie.created_us = min(cookie.created_us, round(details.creation_date * 1_000_000))
        cookie.name, cookie.value = octets_of(details.name), octets_of(details.value.reveal_text())
        if details.expiration_date is not None:
            begin_us = time_us if details.creation_date is None else cookie.created_us
            cookie.expires_us = min(round(details.expiration_date * 1_000_000), begin_us + 400 * DAY_US)
        cookie.domain, cookie.host_only = self._domain(details.domain, url)
        path = octets_of(details.path)
        check_given(cookie.name, cookie.value, path)
        cookie.path = default_path(url.path) if not path else path if path.startswith("/") else "/"
        cookie.same_site = details.same_site
        cookie.secure = details.same_site == "no_restriction" if details.secure is None else details.secure
        cookie.http_only = details.http_only
        cookie.partition_key = details.partition_key and site_of(details.partition_key)
        if cookie.partition_key is not None and not cookie.secure:
            raise Refused("CHIPS 2.1: Partitioned without Secure")
        self._check(cookie, url, path_given=cookie.path, schemes=(*SCHEMES, *details.custom_schemes))
        return cookie

    def _import_all(self, time_us: int, message: ImportCookies) -> int:
        """All or none."""
        before = list(self.cookies), self._newest_us
        try:
            return sum(self._import(time_us, given) for given in message.cookies)
        except Refused:
            self.cookies, self._newest_us = before
            raise

    def _import(self, time_us: int, given: ImportedCookie) -> bool:
        cookie = self._new(time_us)
        cookie.name, cookie.value, cookie.path = given.name, given.value.reveal_text(), given.path
        cookie.secure, cookie.http_only, cookie.same_site = given.secure, given.http_only, given.same_site
        cookie.partition_key = given.partition_key and site_of(given.partition_key)
        check_given(cookie.name, cookie.value, cookie.path)
        url = Url(f"https://{given.domain.removeprefix('.')}/")
        cookie.domain, cookie.host_only = self._domain("" if given.host_only else given.domain, url)
        if cookie.partition_key is not None and not cookie.secure:
            raise Refused("CHIPS 2.1: Partitioned without Secure")
        self._check(cookie, url, path_given=cookie.path)
        if given.expiry_us is not None:
            if given.expiry_us <= time_us:
                return False
            cookie.expires_us = min(given.expiry_us, time_us + 400 * DAY_US)
        self._store(cookie, url, time_us, http=True)
        return True

    def _new(self, time_us: int) -> Kept:
        cookie = Kept()
        # where two cookies would be created at once, the later is the newer all the same: 5.8.3 sends by creation time
        cookie.created_us = cookie.updated_us = max(time_us, self._newest_us + 1)
        return cookie

    @staticmethod
    def _domain(attribute: str, url: Url) -> tuple[str, bool]:
        """5.6.3, and 5.7, steps 8 to 11."""
        if not attribute.isascii():
            raise Refused("5.7, step 9: a domain that is not ASCII")
        domain = attribute.lower().removeprefix(".")
        if not attribute or (domain == url.host and is_public_suffix(domain)):
            return url.host, True
        if is_public_suffix(domain):
            raise Refused("5.7, step 10: the domain is a public suffix")
        if not domain or not domain_matches(url.host, domain):
            raise Refused("5.7, step 11: the domain is not the request's")
        return domain, False

    @staticmethod
    def _check(cookie: Kept, url: Url, *, path_given: str, schemes: tuple[str, ...] = SCHEMES) -> None:
        """5.7, steps 13 and 20 to 22: Secure, SameSite=None and the prefixes."""
        if url.scheme not in schemes:
            raise Refused("Chromium: a scheme that has no cookies")
        if cookie.secure and not url.secure:
            raise Refused("5.7, step 13: Secure from where it is not")
        if cookie.same_site == "no_restriction" and not cookie.secure:
            raise Refused("5.7, step 17: SameSite=None without Secure")
        name = cookie.name.lower()
        if not name and cookie.value.lower().startswith(PREFIXES):
            raise Refused("5.7, step 22: nameless, and looks like a prefixed one")
        if name.startswith(PREFIXES) and not (cookie.secure and url.secure):
            raise Refused("5.7, step 20: a prefix without Secure")
        if name.startswith(("__http-", "__host-http-")) and not cookie.http_only:
            raise Refused("4.1.3.3: an Http prefix without HttpOnly")
        if name.startswith("__host-") and not (cookie.host_only and path_given == "/"):
            raise Refused("5.7, step 21: a Host prefix with a domain or without Path=/")

    def _store(self, cookie: Kept, url: Url, time_us: int, *, http: bool) -> None:
        """5.7, steps 14 and 23 to 25."""
        if not url.secure:
            for other in self.cookies:
                if (
                    other.name == cookie.name
                    and other.secure
                    and other.partition_key == cookie.partition_key
                    and (domain_matches(other.domain, cookie.domain) or domain_matches(cookie.domain, other.domain))
                    and path_matches(cookie.path, other.path)
                ):
                    raise Refused("5.7, step 14: it would cover a Secure cookie")
        for old in self.cookies:
            if _identity(old) == _identity(cookie):
                if old.http_only and not http:
                    raise Refused("5.7, step 24: it would replace an HttpOnly cookie")
                if old.value == cookie.value:  # Chromium; the RFC keeps the creation time always
                    cookie.created_us = old.created_us
                self.cookies.remove(old)
                break
        if cookie.expires_us is None or cookie.expires_us > time_us:
            self.cookies.append(cookie)
            self._newest_us = max(self._newest_us, cookie.created_us, cookie.updated_us)

    def _remove(self, message: RemoveCookies) -> int:
        url, before = Url(message.url), len(self.cookies)
        name = octets_of(message.name)
        self.cookies = [kept for kept in self.cookies if kept.name != name or not _goes_to(kept, url)]
        return before - len(self.cookies)

    def _begin_process(self) -> int:
        if self.persist_session:
            self._kept_until_us = self._newest_us
            return 0
        return self._end_session(None)

    def _end_session(self, until_us: int | None) -> int:
        before = len(self.cookies)
        self.cookies = [
            kept
            for kept in self.cookies
            if kept.expires_us is not None or (until_us is not None and kept.updated_us > until_us)
        ]
        return before - len(self.cookies)

    def _follow(self, events: Iterable[Event], *, evictions_only: bool) -> None:
        for event in events:
            if isinstance(event, CookieRemoved) and (event.cause == "evicted" or not evictions_only):
                gone = shown(event.cookie)[:4], event.cookie.host_only
                self.cookies = [kept for kept in self.cookies if (kept.shown()[:4], kept.host_only) != gone]
            elif isinstance(event, CookieStored) and not evictions_only:
                raise Refused("a cookie was stored by what is no message of the jar")

    # -- what can be asked ------------------------------------------------------------------------------------------

    def jar(self, now_us: int) -> list[tuple[object, ...]]:
        """What has not expired, in an order of its own."""
        return sorted((kept.shown() for kept in self._alive(now_us)), key=repr)

    def header(self, url: str, now_us: int, context: str, partition_key: str | None) -> str:
        """The ``Cookie`` field (5.8.3); empty when there is none."""
        request = Url(url)
        if request.scheme not in SCHEMES:
            return ""
        sent = [
            kept
            for kept in self._alive(now_us)
            if _goes_to(kept, request)
            and kept.partition_key in (None, partition_key)
            and _same_site_lets(kept, context, now_us)
        ]
        sent.sort(key=lambda kept: (-len(kept.path), kept.created_us))
        return "; ".join(f"{kept.name}={kept.value}" if kept.name else kept.value for kept in sent)

    def _alive(self, now_us: int) -> list[Kept]:
        return [kept for kept in self.cookies if kept.expires_us is None or kept.expires_us > now_us]


def _identity(cookie: Kept) -> tuple[object, ...]:
    return cookie.name, cookie.domain, cookie.host_only, cookie.path, cookie.partition_key


def _goes_to(cookie: Kept, url: Url) -> bool:
    """5.8.3, step 1, but for SameSite."""
    is_of_the_host = cookie.domain == url.host if cookie.host_only else domain_matches(url.host, cookie.domain)
    return is_of_the_host and path_matches(url.path, cookie.path) and (url.secure or not cookie.secure)


def _same_site_lets(cookie: Kept, context: str, now_us: int) -> bool:
    """5.8.3, step 1, and 5.6.7.2 for cookies that do not say."""
    if cookie.same_site == "no_restriction" or context == "strict":
        return True
    if cookie.same_site == "strict" or context == "cross_site":
        return False
    is_new = cookie.same_site == "unspecified" and now_us - cookie.created_us <= LAX_ALLOW_UNSAFE_US
    return context == "lax" or is_new
