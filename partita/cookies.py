"""``session.cookies`` (FEATURES C1 to C30)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import msgspec

from partita.actors.cookies.structures import Cookie
from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.network.urls import parse_http_url, without_userinfo
from partita.actors.protocols.schemes import standard_schemes
from partita.emitter import Emitter
from partita.events.cookies import (
    CookieFileFormat,
    CookieRemoved,
    CookieStored,
    GetCookies,
    ImportCookies,
    ImportCount,
    ImportedCookie,
    LoadCookies,
    RemoveCookies,
    SaveCookies,
    SetCookie,
    StoredCookie,
)
from partita.events.errors import CookieError, CookieFileError, InvalidURL, SystemClosed
from partita.events.secret import Secret
from partita.events.session import SessionState
from partita.events.types import Event

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import Call
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.partition import Partition
    from partita.follower import Follower


class CookieChanged(msgspec.Struct, frozen=True, rename="camel"):
    """The jar has changed. ``cause`` is one of Electron 41's; ``removed`` says whether the cookie went (FEATURES C20)."""

    cookie: Cookie
    cause: str
    removed: bool


class ImportedCookies(int):
    """How many cookies an import has stored. ``expired``: how many it has left out, for their time had come."""

    expired: int

    def __new__(cls, stored: int, expired: int) -> Self:
        self = super().__new__(cls, stored)
        self.expired = expired
        return self


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
        partition_key: str | None = None,
    ) -> Future[list[Cookie]]:
        """The cookies that all given filters say yes to, longest path first, then oldest (FEATURES C1 to C4).

        ``domain`` is a host, as Electron has it: it finds what that host may see, and no cookies of its subdomains.
        ``partition_key``: only cookies of that top-level site; without it, all of them are shown, and the unpartitioned.
        """
        wanted = (url, name, domain, path, secure, session, http_only, partition_key)
        message = checked(GetCookies(*wanted, custom_schemes=self._custom_schemes()))
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
        partition_key: str | None = None,
    ) -> Future[None]:
        """Create or replace a cookie; durable when the future is done.

        ``expiration_date`` in seconds since 1970; without one it is a session cookie. The other details and their defaults
        are FEATURES C6 to C15. ``partition_key``, a top-level site like ``https://shop.example``, makes it a ``Partitioned``
        cookie, which has to be Secure (WANTS 7). Fails with :class:`CookieError` and Electron's text.
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
            partition_key=partition_key,
            custom_schemes=self._custom_schemes(),
        )
        return self._partition.ask(checked(message))

    def remove(self, url: str, name: str) -> Future[None]:
        """Remove every cookie of that name that would be sent to ``url``; fine when there is none (FEATURES C18)."""
        return self._partition.ask(checked(RemoveCookies(_bare(url), name)))

    def import_cookies(
        self,
        path: str | os.PathLike[str],
        *,
        format: CookieFileFormat | None = None,  # noqa: A002  # the contract's word
    ) -> Future[ImportedCookies]:
        """Take over all cookies of a file, or none of them; durable when the future is done (WANTS 3, 96).

        ``path``: a ``cookies.txt``, as curl, wget and yt-dlp write them, or the JSON of Playwright's ``storageState``;
        ``format`` is ``"netscape"`` or ``"storage_state"``, found out from the file when it is not given. The future's value is
        how many cookies were stored, and has the number of expired ones that were left out as ``expired``. Fails with
        :class:`CookieFileError`, which names the first line or entry that is bad, or with :class:`OSError`.
        """
        where = os.path.abspath(os.fspath(path))  # noqa: PTH100  # which has no word for it but resolve()
        call = self._begun(checked(LoadCookies(0, where, _format(format))))
        imported: Future[ImportedCookies] = Future()

        def fail(error: BaseException) -> None:
            imported.set_exception(CookieFileError(f"{where}: {error}") if isinstance(error, CookieError) else error)

        def on_read() -> None:
            if (error := call.future.failure()) is not None:
                fail(error)
                return
            cookies: tuple[ImportedCookie, ...] = call.future.outcome()
            stored: Future[ImportCount] = self._partition.ask(ImportCookies(cookies))

            def on_stored() -> None:
                if (error := stored.failure()) is not None:
                    fail(error)
                else:
                    count = stored.outcome()
                    imported.set(ImportedCookies(count.stored, count.expired))

            stored.when_done(on_stored)

        call.future.when_done(on_read)
        return imported

    def export_cookies(
        self,
        path: str | os.PathLike[str],
        *,
        format: CookieFileFormat | None = None,  # noqa: A002
    ) -> Future[int]:
        """Write the jar into a file that only its owner can read; done, with the number of cookies, when it is on the disk.

        ``format``: ``"netscape"`` (``cookies.txt``) or ``"storage_state"`` (Playwright's JSON); when it is not given, a name
        that ends in ``.json`` gets the latter. What is there is replaced at once and whole. ``cookies.txt`` has no word for
        ``Partitioned``: such cookies are left out of it, as are those with a tab in them. Fails with :class:`OSError`.
        """
        where = os.path.abspath(os.fspath(path))  # noqa: PTH100
        return self._begun(checked(SaveCookies(0, where, _format(format)))).future

    def flush_store(self) -> Future[None]:
        """Done when every cookie that was set or received so far is durable (FEATURES C19)."""
        return self._partition.flush()

    def _custom_schemes(self) -> tuple[str, ...]:
        """Those that were registered as standard: they have cookies as well (FEATURES C16, R2)."""
        state = self._partition.actor("session").state
        assert isinstance(state, SessionState)
        return tuple(sorted(standard_schemes(state.protocols)))

    def _begun(self, message: LoadCookies | SaveCookies) -> Call:
        """A call whose answer is what becomes of the file."""
        if self._partition.closed:
            raise SystemClosed("the session has been closed; open it again with from_partition()")
        number, call = self._partition.carrying.open_call(None)
        taken = self._partition.ask(msgspec.structs.replace(message, call_id=number), durable=False)

        def on_taken() -> None:
            if (error := taken.failure()) is not None:
                call.reject(error)

        taken.when_done(on_taken)
        return call

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


def _format(name: CookieFileFormat | None) -> CookieFileFormat | None:
    if name not in (None, "netscape", "storage_state"):
        raise ValueError(f"format is 'netscape' or 'storage_state', not {name!r}")
    return name


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
