"""``session.cookies`` (FEATURES C1 to C30)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from partita.actors.cookies.structures import Cookie
from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.network.urls import parse_http_url, without_userinfo
from partita.emitter import Emitter
from partita.events.cookies import CookieRemoved, CookieStored, GetCookies, RemoveCookies, SetCookie, StoredCookie
from partita.events.errors import InvalidURL
from partita.events.secret import Secret
from partita.events.types import Event

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.partition import Partition
    from partita.follower import Follower


class CookieChanged(msgspec.Struct, frozen=True, rename="camel"):
    """The jar has changed. ``cause`` is one of Electron 41's; ``removed`` says whether the cookie went (FEATURES C20)."""

    cookie: Cookie
    cause: str
    removed: bool


class Cookies(Emitter):
    """The partition's cookies. Event: ``changed`` (:class:`CookieChanged`), once the change is durable."""

    def __init__(self, partition: Partition, follower: Follower, callbacks: Callbacks) -> None:
        super().__init__(("changed",), callbacks)
        self._partition = partition
        self._follower = follower

    def get(
        self,
        *,
        url: str | None = None,
        name: str | None = None,
        domain: str | None = None,
        path: str | None = None,
        secure: bool | None = None,
        session: bool | None = None,
        http_only: bool | None = None,
    ) -> Future[list[Cookie]]:
        """The cookies that all given filters say yes to, longest path first, then oldest (FEATURES C1 to C4)."""
        message = checked(GetCookies(url, name, domain, path, secure, session, http_only))
        return self._partition.ask(message, durable=False).map(_public)

    def set(
        self,
        *,
        url: str | None = None,
        name: str = "",
        value: str = "",
        domain: str = "",
        path: str = "",
        secure: bool | None = None,
        http_only: bool = False,
        expiration_date: float | None = None,
        same_site: str = "lax",
        creation_date: float | None = None,
        last_access_date: float | None = None,
    ) -> Future[None]:
        """Create or replace a cookie; durable when the future is done.

        ``expiration_date`` in seconds since 1970; without one it is a session cookie. The other details and their defaults
        are FEATURES C6 to C15. Fails with :class:`CookieError` and Electron's text.
        """
        message = SetCookie(
            url=_bare(url),
            name=name,
            value=Secret(value),
            domain=domain,
            path=path,
            secure=secure,
            http_only=http_only,
            expiration_date=expiration_date,
            same_site=same_site,
            creation_date=creation_date,
            last_access_date=last_access_date,
        )
        return self._partition.ask(checked(message))

    def remove(self, url: str, name: str) -> Future[None]:
        """Remove every cookie of that name that would be sent to ``url``; fine when there is none (FEATURES C18)."""
        return self._partition.ask(checked(RemoveCookies(_bare(url), name)))

    def flush_store(self) -> Future[None]:
        """Done when every cookie that was set or received so far is durable (FEATURES C19)."""
        return self._partition.flush()

    def _first_listener(self) -> None:
        self._follower.follow((CookieStored, CookieRemoved), self._tell)

    def _since(self) -> int:
        return self._partition.position

    def _tell(self, turn: Any, event: Event) -> None:
        assert isinstance(event, (CookieStored, CookieRemoved))
        changed = CookieChanged(Cookie.from_stored(event.cookie), event.cause, isinstance(event, CookieRemoved))
        self._emit("changed", changed, turn.position)


def _public(stored: list[StoredCookie]) -> list[Cookie]:
    return [Cookie.from_stored(cookie) for cookie in stored]


def _bare(url: object) -> str:
    """A cookie's URL as the log may hold it: without a password (FEATURES C6)."""
    if not isinstance(url, str):
        raise TypeError("Missing required option 'url'")
    if "@" not in url:
        return url
    try:
        return without_userinfo(parse_http_url(url))[0]
    except InvalidURL:
        return url
