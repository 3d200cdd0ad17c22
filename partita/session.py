"""``Session``: the face of one partition. Made by ``from_partition`` and its like, never by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from partita.actors.kernel.checking import checked
from partita.actors.kernel.delivery import Place
from partita.actors.kernel.future import Future
from partita.actors.network.http import URL, AsyncBaseTransport, BaseTransport, Request
from partita.actors.pages.hinting import HANDLER as HINT_HANDLER
from partita.actors.pages.navigation import BLANK
from partita.actors.preferences.behavior import default_user_agent
from partita.actors.replay.changes import Changes
from partita.connections import begin_close_all_connections, begin_preconnect, preconnect_handler
from partita.cookies import Cookies
from partita.devices.desk import DeviceDesk
from partita.devices.handlers import DeviceHandlers
from partita.devices.telling import SESSION_EVENTS
from partita.download_arguments import DownloadArguments
from partita.downloading import Downloading
from partita.downloads import DownloadItem
from partita.emitter import Emitter
from partita.events.cache import ClearCache, GetCacheSize
from partita.events.errors import SystemClosed
from partita.events.network import CacheMode, Credentials, Redirect, ResourceType
from partita.events.preferences import SetDownloadPath, SetUserAgent
from partita.events.session import SessionState
from partita.follower import Follower
from partita.har import har_of_log, write_har
from partita.log import Log, SessionAt, state_at
from partita.net_log import NetLog
from partita.page import Page
from partita.path_choosing import PathHandler
from partita.permissions import PermissionDesk, PermissionHandlers
from partita.protocol import Protocol, privileged_schemes
from partita.requesting import Content, FetchFuture, HeaderValues, RequestOptions, begin_fetch, ordered
from partita.streaming import Streamed
from partita.transports import AsyncSessionTransport, SessionTransport
from partita.web_request import WebRequest

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.system import System


class Session(Emitter, PermissionHandlers, DeviceHandlers):
    """One partition: its cookies, cache, preferences, requests, pages, permissions and downloads, and its log.

    Events: ``will-download``, ``preconnect``, and those about devices (:data:`partita.devices.telling.SESSION_EVENTS`).

    Use it from any thread and any loop. Methods that return a :class:`Future` have begun when they return, and are durable
    when it is done; the others are ordered (API.md, rule 3), and :meth:`flush` waits for their durability.
    """

    def __init__(self, system: System, partition: Partition, name: str) -> None:
        super().__init__(("will-download", "preconnect", *SESSION_EVENTS), system.callbacks)
        self._system = system
        self._partition = partition
        self._name = name
        self._follower = Follower(partition, system.callbacks)
        self.cookies: Final = Cookies(partition, self._follower, system.callbacks)
        self.net_log: Final = NetLog(partition, self._follower, system.callbacks)
        self.web_request: Final = WebRequest(partition, system)
        self.protocol: Final = Protocol(partition, system, privileged_schemes())
        self._desk = PermissionDesk(partition, system)
        self._devices = DeviceDesk(partition, system, self._follower, self._desk, self)
        self.log: Final = Log(partition.store)
        self._downloading = Downloading(
            partition, system, self._follower, lambda event: self._emit("will-download", event)
        )
        system.handlers.set(partition.key, HINT_HANDLER, preconnect_handler(self._emit))

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def partition(self) -> str:
        """The name that it was opened by: ``persist:work``, ``scratch``, or empty for the default session."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._partition.closed

    @property
    def _state(self) -> SessionState:
        return cast("SessionState", self._partition.actor("session").state)

    def is_persistent(self) -> bool:
        """Whether it lives on the disk (FEATURES F23)."""
        return self._partition.store.directory is not None

    def get_storage_path(self) -> str | None:
        """Its folder, absolute; None when it lives in memory (FEATURES F46)."""
        directory = self._partition.store.directory
        return None if directory is None else str(directory)

    @property
    def storage_path(self) -> str | None:
        """See :meth:`get_storage_path` (FEATURES P3)."""
        return self.get_storage_path()

    # -- preferences ------------------------------------------------------------------------------------------------

    def set_user_agent(self, user_agent: str, accept_languages: str | None = None) -> None:
        """For requests from now on; forgotten when the process ends (FEATURES F22).

        ``accept_languages``: in order of preference, ``"en-US,fr,de"``; None leaves them as they are. Raises
        :class:`ValueError` for what no header field can hold.
        """
        self._partition.call(checked(SetUserAgent(user_agent, accept_languages)))

    def get_user_agent(self) -> str:
        """The user agent of its requests (FEATURES F24)."""
        return self._state.preferences.user_agent or default_user_agent()

    def set_download_path(self, path: str) -> None:
        """Where downloads go unless told otherwise: an absolute path; kept across restarts (FEATURES F8).

        The folder is made when it is needed. A folder that a handler of :meth:`set_choose_path_handler` has chosen takes its
        place. Raises :class:`ValueError` for a path that is not absolute.
        """
        self._partition.call(checked(SetDownloadPath(os.fspath(path))))

    def get_download_path(self) -> str:
        """Where downloads go: what was set, else the user's folder for downloads."""
        return self._downloading.directory()

    # -- requests ---------------------------------------------------------------------------------------------------

    def fetch(
        self,
        url: str | URL | Request,
        *,
        method: str = "GET",
        headers: HeaderValues | None = None,
        content: Content | None = None,
        json: object = None,
        data: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        redirect: Redirect = "follow",
        credentials: Credentials = "include",
        cache: CacheMode = "default",
        bypass_custom_protocol_handlers: bool = False,
        resource_type: ResourceType = "xhr",
        timeout: float | None = None,
    ) -> FetchFuture:
        """Send a request through the session, cookies and all (FEATURES F12). The response's body has been read.

        ``url`` is absolute, or a whole ``httpx.Request``, which brings its own method, header fields and body. ``content``,
        ``json``, ``data`` and ``files`` are httpx's ways to give a body; one that is made on the way, by a generator or of
        a large file, is never in the memory as a whole, and cannot be sent twice: a redirect that asks for it again fails
        with ``ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED``.

        ``redirect``: ``"manual"`` gives the 3xx response itself, ``"error"`` fails. ``credentials``: ``"omit"`` sends and keeps
        no cookies. ``cache``: the Fetch standard's modes; ``"only-if-cached"`` fails with ``ERR_CACHE_MISS`` where nothing is
        stored. ``bypass_custom_protocol_handlers``: as if no protocol had a handler. ``resource_type``: what it counts as for
        webRequest. ``timeout`` in seconds bounds each wait for the server.

        Raises at the call :class:`InvalidURL`, :class:`TypeError` or :class:`ValueError`; the future fails with
        :class:`NetError`. Its ``cancel()`` gives the request up.
        """
        return begin_fetch(
            self._partition,
            url,
            method=method,
            headers=headers,
            content=content,
            json=json,
            data=data,
            files=files,
            redirect=redirect,
            credentials=credentials,
            cache=cache,
            bypass_custom_protocol_handlers=bypass_custom_protocol_handlers,
            resource_type=resource_type,
            timeout=timeout,
        )

    def stream(self, url: str | URL | Request, **options: Unpack[RequestOptions]) -> Streamed:
        """:meth:`fetch` as a context manager, ``with`` or ``async with``, that gives the response as its head has come.

        Its body is read as httpx's are: ``iter_bytes``, ``iter_lines``, ``read``, or ``aiter_bytes``, ``aiter_lines``, ``aread``
        under trio and asyncio. No more of it is fetched than is read; what is unread when the block ends never comes.
        """
        options["streamed"] = True
        return Streamed(ordered(self._partition, url, **options))

    def transport(self) -> AsyncBaseTransport:
        """For ``httpx.AsyncClient``, and every library that takes one: see :mod:`partita.transports`."""
        return AsyncSessionTransport(self._partition)

    def sync_transport(self) -> BaseTransport:
        """For ``httpx.Client``, and every library that takes one: see :mod:`partita.transports`."""
        return SessionTransport(self._partition)

    def new_page(self, url: str = BLANK) -> Page:
        """A page whose main frame shows ``url``, without loading it: requests come from there. Raises :class:`InvalidURL`."""
        return Page(self, self._partition, self._system.callbacks, self._downloading, url)

    # -- connections and cache --------------------------------------------------------------------------------------

    def preconnect(self, *, url: str | None = None, num_sockets: int = 1) -> None:
        """Have ``num_sockets`` (1 to 6) idle connections to the origin of ``url``; what fails is not told (FEATURES F10).

        Raises :class:`TypeError` with Electron's text.
        """
        begin_preconnect(self._partition, url=url, num_sockets=num_sockets)

    def close_all_connections(self) -> Future[None]:
        """Close all connections; requests under way fail with ``ERR_ABORTED`` (FEATURES F11)."""
        return begin_close_all_connections(self._partition)

    def get_cache_size(self) -> Future[int]:
        """The bytes that the HTTP cache holds (FEATURES F1)."""
        return self._partition.ask(GetCacheSize())

    def clear_cache(self) -> Future[None]:
        """Empty the HTTP cache (FEATURES F2)."""
        return self._partition.ask(ClearCache())

    def get_blob_data(self, identifier: str) -> Future[bytes]:
        """The bytes of an upload that a webRequest listener was shown as a blob (FEATURES F26)."""
        return self._system.blobs.get(identifier)

    # -- downloads --------------------------------------------------------------------------------------------------

    def download_url(self, url: str, **options: Unpack[DownloadArguments]) -> Future[DownloadItem]:
        """Start a download (FEATURES F27); done when ``will-download`` has been answered.

        What else can be said of it: :class:`partita.download_arguments.DownloadArguments`. Raises :class:`InvalidURL`,
        :class:`TypeError`, :class:`ValueError` at the call. The future fails with :class:`DownloadRefused` after
        ``prevent_default()``, with :class:`DownloadFailed` when no answer of a server came.
        """
        return self._downloading.begin(url, **options)

    def create_interrupted_download(  # Electron's options
        self,
        *,
        path: str | os.PathLike[str],
        url_chain: Sequence[str],
        offset: int,
        length: int,
        mime_type: str = "",
        last_modified: str = "",
        e_tag: str = "",
        start_time: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Future[DownloadItem]:
        """Take over a file of which only the first ``offset`` bytes are there (FEATURES F28); nothing is sent until ``resume()``.

        ``path``: the file, absolute; it goes on in its place, and ``cancel()`` deletes it. ``url_chain``: the last is asked for
        the rest. ``length``: of the whole, in bytes. ``e_tag``, ``last_modified``: of the response that brought the beginning;
        without either, all of it is asked for again (L9). ``start_time``: seconds since 1970, else now. ``headers``: to be sent
        along. The future is done when ``will-download`` has been answered, and fails with :class:`DownloadRefused` after
        ``prevent_default()``, which leaves the file alone; with :class:`ValueError` of Electron's text for an empty path, chain
        or length, and for an offset that is not less than the length. Raises :class:`TypeError`, :class:`InvalidURL` at the call.
        """
        return self._downloading.take_over(
            path=path,
            url_chain=url_chain,
            offset=offset,
            length=length,
            mime_type=mime_type,
            last_modified=last_modified,
            e_tag=e_tag,
            start_time=start_time,
            headers=headers,
        )

    def set_choose_path_handler(self, handler: PathHandler | None, *, deliver_on: Place | None = None) -> None:
        """Who says where files go, in place of a save dialog (FEATURES L23); None takes it back.

        ``handler(ChoosePath)`` gives, or awaits, an absolute path, or None as a dialog that was cancelled: then the item is, too.
        It is asked after the listeners of ``will-download``, when none of them has set a path. One that raises is reported, and
        counts as cancelled. Without a handler, files go to the download path under a name that is free there.
        """
        self._downloading.paths.set(handler, deliver_on)

    def limit_downloads(
        self, *, concurrent: int | None = None, per_host: int | None = None, rate: int | None = None
    ) -> None:
        """How many downloads bring bytes at a time, at first 32 in all and 6 of a host, and how fast; kept across restarts.

        ``rate``: bytes a second of all of them together; 0 is no limit. What is None stays as it is. Those that find no place
        wait, by priority and then by age; what is under way is not stopped. Raises :class:`ValueError`.
        """
        self._downloading.limit(concurrent=concurrent, per_host=per_host, rate=rate)

    def downloads(self) -> list[DownloadItem]:
        """The partition's downloads, oldest first, those of earlier runs included."""
        return self._downloading.items()

    # -- the log ----------------------------------------------------------------------------------------------------

    def flush(self) -> Future[None]:
        """Done when all that was said so far is durable."""
        return self._partition.flush()

    def snapshot(self) -> Future[int]:
        """Store a snapshot; the future gives its position."""
        return self._partition.snapshot()

    def changes(self, start: int | None = None, *, where: str | None = None) -> Changes:
        """Turns as they become durable: ``for`` or ``async for``. With ``start``, the past from there on comes first.

        ``where``: only those for which a query holds, such as ``event is CookieStored and cookie.name == "sid"`` (see
        docs/guides/debugger.md). Raises :class:`InvalidQuery` and :class:`SystemClosed` at once, :class:`QueryFailed` at the
        turn on which it raises.
        """
        if self.closed:
            raise SystemClosed(f"{self._partition.name} has been closed; open it again with from_partition()")
        return Changes(self._partition, start, where)

    def at(self, position: int) -> SessionAt:
        """The session as it was at ``position``, read only. Raises :class:`InvalidPosition`."""
        store = self._partition.store
        folded = state_at(store, position)
        return SessionAt(self._name, self.is_persistent(), self.get_storage_path(), folded, folded.time_us)

    def fork(self, name: str, *, at: int | None = None) -> Session:
        """A new partition ``name`` that branches off here, or at an earlier position. Raises :class:`InvalidPosition`."""
        return self._system._fork(self._partition, name, at)  # noqa: SLF001  # the system opens what is forked

    def har(
        self, start: int | None = None, stop: int | None = None, *, bodies: bool = True, secrets: bool = False
    ) -> dict[str, Any]:
        """What was recorded (``record="exchanges"``) between two positions, as an HTTP archive (HAR 1.2).

        ``bodies``: with those of requests and responses. ``secrets``: with cookies and credentials, which are dots otherwise.
        What is not durable yet is not in it: :meth:`flush` first.
        """
        return har_of_log(self._partition.store, start=start, stop=stop, bodies=bodies, secrets=secrets)

    def export_har(
        self,
        path: str | os.PathLike[str],
        start: int | None = None,
        stop: int | None = None,
        *,
        bodies: bool = True,
        secrets: bool = False,
    ) -> None:
        """Write :meth:`har` into a new file. Raises :class:`UsageError` when there is one of that name."""
        write_har(self.har(start, stop, bodies=bodies, secrets=secrets), os.fspath(path))

    def close(self) -> None:
        """Make all that was said durable, stop what is under way, and let go of the partition."""
        self._system._close(self._name, self._partition)  # noqa: SLF001

    def __repr__(self) -> str:
        return f"<Session {self._name!r}{' closed' if self.closed else ''}>"
