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
from partita.events.types import Effect, Event, Message, State

SameSite = Literal["unspecified", "no_restriction", "lax", "strict"]
"""Electron's four values (FEATURES C14); a response without the attribute gives ``unspecified`` (C30)."""

SourceScheme = Literal["secure", "nonsecure"]
"""Whether the cookie was set by a URL of a secure scheme."""

SameSiteContext = Literal["strict", "lax", "lax_unsafe", "cross_site"]
"""What a request is to the site that it comes from (RFC 6265bis 5.2): same-site; a top-level navigation from another site
with a safe method (GET, HEAD, ...); one with an unsafe method (POST, ...); any other from another site."""

CookieFileFormat = Literal["netscape", "storage_state"]
"""``cookies.txt``, and the JSON that Playwright saves a browser context in (WANTS 3, 96)."""

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
    None for a session cookie. ``partition_key`` is the top-level site, such as ``https://shop.example``, under which alone
    a ``Partitioned`` cookie is sent (CHIPS); None for the others. ``updated_us`` is when it was last set,
    where ``creation_us`` is another time: that of the cookie which it replaced, or one that was given; else 0.
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
    updated_us: int = 0

    @property
    def last_set_us(self) -> int:
        """When somebody set it last; no two cookies of a jar have the same."""
        return self.updated_us or self.creation_us

    @property
    def key(self) -> CookieKey:
        """What a later cookie has to share to replace this one."""
        return CookieKey(self.name, self.domain, self.host_only, self.path, self.partition_key)


class SetCookie(Message, frozen=True, tag="cookies.set/1"):
    """``cookies.set(details)``: Electron's details by their names (FEATURES C5 to C15).

    ``expiration_date``, ``creation_date`` and ``last_access_date`` are in seconds since 1970. ``secure`` None is "not
    given": true with ``same_site`` ``no_restriction``, else false (C11). An empty ``domain`` makes a host-only cookie
    (C9), an empty ``path`` the URL's default path (C10). With a ``partition_key`` it is a ``Partitioned`` cookie of that
    top-level site, which has to be Secure. ``custom_schemes``: those that have cookies besides http, https, ws and wss (C16).
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
    partition_key: str | None = None
    custom_schemes: tuple[str, ...] = ()


class RemoveCookies(Message, frozen=True, tag="cookies.remove/1"):
    """``cookies.remove(url, name)``: every cookie of that name that would be sent to the URL (FEATURES C18)."""

    url: str
    name: str


class GetCookies(Message, frozen=True, tag="cookies.get/1"):
    """``cookies.get(filter)``: the reply is a list of :class:`StoredCookie` (FEATURES C1 to C4). None: do not care.

    ``custom_schemes``: as in :class:`SetCookie`.
    """

    url: str | None = None
    name: str | None = None
    domain: str | None = None
    path: str | None = None
    secure: bool | None = None
    session: bool | None = None
    http_only: bool | None = None
    partition_key: str | None = None
    custom_schemes: tuple[str, ...] = ()


class CookiesReceived(Message, frozen=True, tag="cookies.received/1"):
    """The ``Set-Cookie`` lines of one response, in order. The reply is how many of them took effect.

    ``context`` is the one of the request: a response to a cross-site one that is no top-level navigation sets
    ``SameSite=None`` cookies only. ``partition_key``: the top-level site that ``Partitioned`` cookies belong to. Without a
    page there is none, and they are stored as if they had not said so, as Chromium does.
    """

    lazy: ClassVar[bool] = True
    url: str
    headers: tuple[Secret, ...]
    context: SameSiteContext = "strict"
    partition_key: str | None = None


class ImportedCookie(Struct, frozen=True, array_like=True, gc=False):
    """A cookie of a file, as it stands there. ``where`` names its place (``line 7``, ``cookies[3]``).

    ``name``, ``value`` and ``path`` are texts of octets, ``domain`` may begin with a dot. ``expiry_us`` None: a session cookie.
    """

    where: str
    name: str
    value: Secret
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: SameSite = "unspecified"
    expiry_us: int | None = None
    partition_key: str | None = None


class LoadCookies(Message, frozen=True, tag="cookies.load/1"):
    """Read a file of cookies: the call of that id is answered with what stands in it. Nothing changes, no turn is recorded.

    ``path`` is absolute. ``format`` None: as the file's name and content say.
    """

    call_id: int
    path: str
    format: CookieFileFormat | None = None


class SaveCookies(Message, frozen=True, tag="cookies.save/1"):
    """Write the jar into a file: the call of that id is answered with how many cookies that are. No turn is recorded.

    ``path`` is absolute. ``format`` None: as the file's name says.
    """

    call_id: int
    path: str
    format: CookieFileFormat | None = None


class ReadCookieFile(Effect, frozen=True, tag="cookies.read_file/1"):
    """:class:`LoadCookies`, for the world to do."""

    call_id: int
    path: str
    format: CookieFileFormat | None = None


class WriteCookieFile(Effect, frozen=True, tag="cookies.write_file/1"):
    """:class:`SaveCookies`, for the world to do."""

    call_id: int
    path: str
    format: CookieFileFormat | None = None


class ImportCookies(Message, frozen=True, tag="cookies.import/1"):
    """All cookies of a file, or none: one that cannot be stored refuses all. The reply is an :class:`ImportCount`."""

    cookies: tuple[ImportedCookie, ...]


class ImportCount(Struct, frozen=True, array_like=True):
    """How many cookies of a file were stored, and how many had expired and were left out."""

    stored: int
    expired: int


class PersistSessionCookies(Message, frozen=True, tag="cookies.persist_session/1"):
    """Whether session cookies outlive the process (WANTS 1). Turning it off ends those that earlier processes left."""

    persist: bool


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
    """The process that session cookies lived with has ended: they are gone, and nobody is told (FEATURES C29).

    ``until_us``: only those that were last set by then; None: all.
    """

    until_us: int | None = None


class SessionCookiesKept(Event, frozen=True, tag="cookies.session_kept/1"):
    """Another process begins, and the session cookies stay: all that were last set by ``until_us`` are of earlier ones."""

    until_us: int


class SessionCookiesPersisted(Event, frozen=True, tag="cookies.session_persisted/1"):
    """Session cookies outlive the process from now on, or no longer."""

    persist: bool


class CookiesState(State, frozen=True, tag="cookies.state/1"):
    """The jar. ``count`` is the number of all cookies, ``partitioned`` of those that belong to a top-level site.

    ``newest_us``: the latest time of setting that was given out.

    ``persist_session``: session cookies outlive the process; of those last set by ``kept_until_us``, an earlier one was
    outlived. Nobody writes into its dictionaries: evolving copies the two that change.
    """

    stems: dict[str, dict[str, StoredCookie]] = field(default_factory=dict)
    count: int = 0
    newest_us: int = 0
    persist_session: bool = False
    kept_until_us: int = 0
    partitioned: int = 0


def stem_of(domain: str) -> str:
    """Where the jar keeps the cookies of a domain: its last two labels (a list of suffixes has no say in it)."""
    last_dot = domain.rfind(".")
    return domain[domain.rfind(".", 0, last_dot) + 1 :] if last_dot > 0 else domain


def slot_of(cookie: StoredCookie | CookieKey) -> str:
    """A cookie's key within its stem, as text: no part of it can hold a line feed (RFC 6265bis 5.6, step 1)."""
    host_mark = "" if cookie.host_only else "."
    return f"{cookie.name}\n{host_mark}{cookie.domain}\n{cookie.path}\n{cookie.partition_key or ''}"
