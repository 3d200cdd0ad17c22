"""The cookie jar's vocabulary (FEATURES C1 to C30).

The jar is a dictionary of dictionaries: *stem* → *key* → cookie. A stem is the last two labels of a cookie's domain,
so all cookies that one host may see share it; setting a cookie copies the outer dictionary and one small inner one,
and what was published stays as it was. The registrable domain would be the finer stem, but it depends on the public
suffix list, which changes with every release: a jar folded under one list has to be read under the next.

Dictionaries keep the order of insertion, in memory and in msgpack, so every walk over a jar is the same in every
process.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct, field

from partita.events.secret import Secret  # msgspec reads the fields' types
from partita.events.types import Event, Message, State

SameSite = Literal["unspecified", "no_restriction", "lax", "strict"]
"""Electron's four values (FEATURES C14); a response without the attribute gives ``unspecified`` (C30)."""

SourceScheme = Literal["secure", "nonsecure"]
"""Whether the cookie was set by a URL of a secure scheme."""

Priority = Literal["low", "medium", "high"]
"""Chromium's ``Priority`` attribute: it only weighs in when the jar has to evict (FEATURES C27)."""

StoredCause = Literal["inserted", "inserted-no-change-overwrite", "inserted-no-value-change-overwrite"]
"""Electron 41's causes of a ``changed`` event with ``removed`` false (FEATURES C21 to C23)."""

RemovedCause = Literal["explicit", "overwrite", "expired", "evicted", "expired-overwrite"]
"""Electron 41's causes of a ``changed`` event with ``removed`` true (FEATURES C24 to C28)."""


class CookieKey(Struct, frozen=True, array_like=True, gc=False):
    """What makes two cookies the same one (RFC 6265bis 5.7; with the partition that CHIPS adds)."""

    name: str
    domain: str
    host_only: bool
    path: str
    partition_key: str | None = None


class StoredCookie(Struct, frozen=True, array_like=True, gc=False):
    """A cookie as the jar keeps it (RFC 6265bis 5.7). Times are integer microseconds since 1970.

    ``domain`` is in lower case and has no leading dot: ``host_only`` says what Electron's dot says. ``expiry_us`` is
    None for a session cookie. ``partition_key`` leaves room for ``Partitioned``.
    """

    name: str
    value: Secret
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: SameSite
    creation_us: int
    last_access_us: int
    expiry_us: int | None
    source_scheme: SourceScheme
    partition_key: str | None = None
    priority: Priority = "medium"

    @property
    def key(self) -> CookieKey:
        """What a later cookie has to share to replace this one."""
        return CookieKey(self.name, self.domain, self.host_only, self.path, self.partition_key)


class SetCookie(Message, frozen=True, tag="cookies.set/1"):
    """``cookies.set(details)``: Electron's details by their names (FEATURES C5 to C15).

    ``expiration_date``, ``creation_date`` and ``last_access_date`` are in seconds since 1970. ``secure`` None is "not
    given": true with ``same_site`` ``no_restriction``, else false (C11). An empty ``domain`` makes a host-only cookie
    (C9), an empty ``path`` the URL's default path (C10).
    """

    url: str
    name: str
    value: Secret
    domain: str = ""
    path: str = ""
    secure: bool | None = None
    http_only: bool = False
    expiration_date: float | None = None
    same_site: str = "lax"
    creation_date: float | None = None
    last_access_date: float | None = None


class RemoveCookies(Message, frozen=True, tag="cookies.remove/1"):
    """``cookies.remove(url, name)``: every cookie of that name that would be sent to the URL (FEATURES C18)."""

    url: str
    name: str


class GetCookies(Message, frozen=True, tag="cookies.get/1"):
    """``cookies.get(filter)``: the reply is a list of :class:`StoredCookie` (FEATURES C1 to C4). None: do not care."""

    url: str | None = None
    name: str | None = None
    domain: str | None = None
    path: str | None = None
    secure: bool | None = None
    session: bool | None = None
    http_only: bool | None = None


class CookiesReceived(Message, frozen=True, tag="cookies.received/1"):
    """The ``Set-Cookie`` lines of one response, in order. The reply is how many of them took effect."""

    lazy: ClassVar[bool] = True
    url: str
    headers: tuple[Secret, ...]


class TouchCookies(Message, frozen=True, tag="cookies.touch/1"):
    """These cookies were sent. Told only of those whose last access is more than 60 s stale (DESIGN, 6)."""

    lazy: ClassVar[bool] = True
    keys: tuple[CookieKey, ...]


class CookieStored(Event, frozen=True, tag="cookies.stored/1"):
    """A cookie is in the jar. What it replaced was removed by an event before this one."""

    cookie: StoredCookie
    cause: StoredCause


class CookieRemoved(Event, frozen=True, tag="cookies.removed/1"):
    """A cookie is no longer in the jar. With cause ``expired-overwrite`` it is the removed one that is shown."""

    cookie: StoredCookie
    cause: RemovedCause


class CookiesTouched(Event, frozen=True, tag="cookies.touched/1"):
    """These cookies were last used at ``at_us``: what eviction goes by."""

    keys: tuple[CookieKey, ...]
    at_us: int


class SessionCookiesEnded(Event, frozen=True, tag="cookies.session_ended/1"):
    """The process that the session cookies lived with has ended: they are gone, and nobody is told (FEATURES C29)."""


class CookiesState(State, frozen=True, tag="cookies.state/1"):
    """The jar. ``count`` is the number of all cookies, ``newest_us`` the latest creation time given out.

    Nobody writes into its dictionaries: evolving copies the two that change.
    """

    stems: dict[str, dict[str, StoredCookie]] = field(default_factory=dict)
    count: int = 0
    newest_us: int = 0


def stem_of(domain: str) -> str:
    """Where the jar keeps the cookies of a domain: its last two labels (a list of suffixes has no say in it)."""
    last_dot = domain.rfind(".")
    return domain[domain.rfind(".", 0, last_dot) + 1 :] if last_dot > 0 else domain


def slot_of(cookie: StoredCookie | CookieKey) -> str:
    """A cookie's key within its stem, as text: no part of it can hold a line feed (RFC 6265bis 5.6, step 1)."""
    host_mark = "" if cookie.host_only else "."
    return f"{cookie.name}\n{host_mark}{cookie.domain}\n{cookie.path}\n{cookie.partition_key or ''}"
