"""``Page``: a page without a renderer, from which requests come as from a browser's (API.md, Pages)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.network.http import URL, Request
from partita.actors.pages.frames import initiator_of_typed
from partita.actors.pages.ledger import actor_of
from partita.actors.pages.navigation import BLANK, document_url
from partita.actors.pages.referrer import POLICIES
from partita.download_arguments import DownloadArguments
from partita.downloading import Downloading
from partita.downloads import DownloadItem
from partita.emitter import Emitter
from partita.events.pages import MAIN_FRAME, ClosePage, OpenPage
from partita.events.system import Flush
from partita.frame import (
    DidNavigate,
    Frame,
    FrameTree,
    NavigationFuture,
    standard_schemes_of,
)
from partita.frame_options import CheckDetails, PageRequestOptions, RequestDetails
from partita.requesting import FetchFuture

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.future import Future
    from partita.actors.kernel.partition import Partition
    from partita.devices.navigator import Navigator
    from partita.permission_requests import Streams
    from partita.session import Session


class Referrer(msgspec.Struct, frozen=True):
    """Electron's ``Referrer`` (FEATURES T28): a URL, and how much of it is told; ``default`` is Chromium's default policy."""

    url: str
    policy: str = "default"


class Page(Emitter):
    """A page of a session: Electron's ``WebContents``, as far as a session has to do with it.

    Events: ``did-navigate``, ``select-bluetooth-device``.

    Made by ``session.new_page()``; it ends with :meth:`close`, or with the process. ``main_frame`` is its outermost
    :class:`Frame`.
    """

    def __init__(  # the session makes it, and nobody else
        self,
        session: Session,
        partition: Partition,
        callbacks: Callbacks,
        downloading: Downloading,
        url: str = BLANK,
    ) -> None:
        super().__init__(("did-navigate", "select-bluetooth-device"), callbacks)
        self.session: Final = session
        self._partition = partition
        target = document_url(url, standard_schemes_of(partition))
        desk = session._desk  # noqa: SLF001  # one class in two
        opener = desk.next_page()
        self.id: Final[str] = partition.call(checked(OpenPage(target, opener)))
        self._tree: Final = FrameTree(
            partition,
            self.id,
            opener,
            self._on_navigated,
            downloading=downloading,
            desk=desk,
            devices=session._devices,  # noqa: SLF001  # one class in two
        )
        desk.pages[opener] = self
        partition.call(Flush(), to=self._tree.actor)  # the session's word to it has been taken before this one is
        self.main_frame: Final = Frame(self._tree, MAIN_FRAME, None)
        downloading.pages[self.id] = self
        self._downloading = downloading

    def _on_navigated(self, event: DidNavigate) -> None:
        self._emit("did-navigate", event)

    # -- what it is -------------------------------------------------------------------------------------------------

    def get_url(self) -> str:
        """The URL of the main frame's document; empty once the page is closed."""
        frame = self._tree.state.frames.get(MAIN_FRAME)
        return "" if frame is None else frame.url

    def is_destroyed(self) -> bool:
        """Whether it is closed."""
        return not self._tree.state.frames

    @property
    def navigator(self) -> Navigator:
        """The main frame's interfaces to devices: see :attr:`Frame.navigator`."""
        return self.main_frame.navigator

    # -- what it does -----------------------------------------------------------------------------------------------

    def load_url(
        self,
        url: str,
        *,
        http_referrer: str | Referrer | None = None,
        user_agent: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        post_data: bytes | None = None,
        timeout: float | None = None,
    ) -> NavigationFuture:
        """Load a document into the main frame, as if its absolute URL had been typed; redirects are followed.

        The future's result is the response (Electron's is nothing), its body read, once the page shows it and that is durable:
        :meth:`get_url` is then the last URL, and its ``Referrer-Policy`` holds for the document's requests. A response without a
        document (204, 205, a download) leaves the page as it is, and so does a failure (:class:`NetError`). A navigation
        that another one of the same frame overtakes fails with ``ERR_ABORTED``. ``extra_headers`` go before what the page
        would say. Raises :class:`InvalidURL` at the call.
        """
        referrer = Referrer(http_referrer) if isinstance(http_referrer, str) else http_referrer or Referrer("")
        policy = "" if referrer.policy == "default" else referrer.policy
        if policy not in POLICIES:
            raise ValueError(f"policy is 'default' or one of {', '.join(map(repr, POLICIES[1:]))}, not {policy!r}")
        headers = dict(extra_headers or {})
        if user_agent is not None:
            headers["User-Agent"] = user_agent
        return self._tree.load(
            MAIN_FRAME,
            url,
            initiator_of_typed(self._tree.state_with(MAIN_FRAME), policy, referrer.url),
            headers=headers,
            method="GET" if post_data is None else "POST",
            content=post_data,
            timeout=timeout,
        )

    def fetch(self, url: str | URL | Request, **options: Unpack[PageRequestOptions]) -> FetchFuture:
        """A request of the main frame's document: see :meth:`Frame.fetch`."""
        return self.main_frame.fetch(url, **options)

    def download_url(self, url: str, **options: Unpack[DownloadArguments]) -> Future[DownloadItem]:
        """Start a download of the main frame's document: see :meth:`Frame.download_url`."""
        return self.main_frame.download_url(url, **options)

    def request_permission(self, permission: str, **details: Unpack[RequestDetails]) -> Future[bool]:
        """A request of the main frame's document: see :meth:`Frame.request_permission`."""
        return self.main_frame.request_permission(permission, **details)

    def check_permission(self, permission: str, **details: Unpack[CheckDetails]) -> bool:
        """A check of the main frame's document: see :meth:`Frame.check_permission`."""
        return self.main_frame.check_permission(permission, **details)

    def get_display_media(
        self, *, video: bool = True, audio: bool = False, user_gesture: bool = True
    ) -> Future[Streams]:
        """Streams for the main frame's document: see :meth:`Frame.get_display_media`."""
        return self.main_frame.get_display_media(video=video, audio=audio, user_gesture=user_gesture)

    def frame(self, number: int) -> Frame | None:
        """The frame of that number (``frame_tree_node_id``); None when it is gone."""
        return self._tree.frame(number)

    def new_frame(self, url: str = BLANK) -> Frame:
        """A frame within the main frame that shows ``url``: see :meth:`Frame.new_frame`."""
        return self.main_frame.new_frame(url)

    def close(self) -> None:
        """It is gone, with its frames; may be called twice. Requests that are under way go on; for permissions, are refused."""
        tree = self._tree
        if not tree.is_anothers:
            self._partition.call(ClosePage(), to=actor_of(self.id))
        tree.desk.pages.pop(tree.opener, None)
        self._downloading.pages.pop(self.id, None)

    def __repr__(self) -> str:
        return f"<Page {self.id[:8]} {self.get_url() or 'closed'}>"
