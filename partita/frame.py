"""``Frame``: a frame of a page, from which requests come as from a browser's (API.md, Pages)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future
from partita.actors.network.fields import Fields
from partita.actors.network.http import URL, NetError, Request, Response
from partita.actors.pages.frames import CLIENT, document_of, initiator_of_fetch, initiator_of_navigation
from partita.actors.pages.ledger import actor_of
from partita.actors.pages.navigation import ACCEPT, BLANK, document_url, is_shown, resolved
from partita.actors.pages.referrer import POLICIES, parsed_policy
from partita.actors.pages.sites import origin_of
from partita.actors.protocols.schemes import standard_schemes
from partita.devices.navigator import Navigator
from partita.download_arguments import DownloadArguments
from partita.downloading import Downloading
from partita.downloads import DownloadItem
from partita.events.errors import UsageError
from partita.events.network import CacheMode, Credentials, Initiator, Redirect, ReferrerPolicy, ResourceType
from partita.events.pages import MAIN_FRAME, AddFrame, CommitNavigation, PageState
from partita.events.permissions import DisplayMedia
from partita.events.session import SessionState
from partita.frame_options import CheckDetails, PageMode, RequestDetails
from partita.requesting import Content, FetchFuture, HeaderValues, begin_fetch

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.devices.desk import DeviceDesk
    from partita.permission_requests import Streams
    from partita.permissions import PermissionDesk

_MODES: Final = ("cors", "no-cors")
_DOCUMENT_TYPES: Final = ("mainFrame", "subFrame")


class DidNavigate(msgspec.Struct, frozen=True, rename="camel"):
    """The event ``did-navigate``: the main frame shows another document, and that is durable."""

    url: str
    http_response_code: int
    http_status_text: str


class NavigationFuture(FetchFuture):
    """The response to a navigation, once its document is shown. :meth:`cancel` gives it up, as that of a fetch does."""

    __slots__ = ("_request",)

    def __init__(self, request: FetchFuture) -> None:
        """``request``: the document's."""
        Future.__init__(self)
        self._request = request

    def cancel(self) -> None:
        """Give the navigation up: it fails with ``ERR_ABORTED``, unless its response is there already."""
        self._request.cancel()


class FrameTree:
    """What all frames of one page share: their actor, and which navigation of each is the newest."""

    def __init__(
        self,
        partition: Partition,
        page_id: str,
        opener: int,
        on_navigated: Callable[[DidNavigate], object],
        *,
        downloading: Downloading,
        desk: PermissionDesk,
        devices: DeviceDesk,
    ) -> None:
        self.partition: Final = partition
        self.devices: Final = devices
        self._navigators: dict[int, Navigator] = {}
        self.downloading: Final = downloading
        self.page_id: Final = page_id
        self.desk: Final = desk
        self.opener: Final = opener
        self._questions = itertools.count(1)
        self.actor: Final = actor_of(page_id)
        self._on_navigated = on_navigated
        self._newest: dict[int, int] = {}
        self._counting = threading.Lock()

    @property
    def state(self) -> PageState:
        """The page's newest state; an empty one when it is gone."""
        state = cast("PageState", self.partition.actor(self.actor).state)
        return state if state.opener == self.opener else PageState()

    @property
    def is_anothers(self) -> bool:
        """Whether its opening was undone, and its id is another page's now (DESIGN, 8)."""
        state = cast("PageState", self.partition.actor(self.actor).state)
        return bool(state.frames) and state.opener != self.opener

    def state_with(self, number: int) -> PageState:
        """The same, which has a frame of that number. Raises :class:`UsageError` when there is none any more."""
        state = self.state
        if number not in state.frames:
            raise UsageError("the frame is gone: its page was closed, or the document around it has changed")
        return state

    def navigator(self, number: int) -> Navigator:
        """The one of a frame, always the same."""
        return self._navigators.setdefault(number, Navigator(self, number))

    def next_ticket(self) -> str:
        """What the next question of the page is known by, to nobody else in this process."""
        return f"{self.opener}/{next(self._questions)}"

    def frame(self, number: int) -> Frame | None:
        """The frame of that number; None when it is gone."""
        known = self.state.frames.get(number)
        if known is None:
            return None
        return Frame(self, number, None if known.parent is None else self.frame(known.parent))

    def load(
        self,
        number: int,
        url: str,
        initiator: Initiator,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        content: str | bytes | None = None,
        data: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> NavigationFuture:
        """Begin a navigation of a frame. The future is done when its document is shown, durably, or cannot be."""
        self.state_with(number)
        answered = begin_fetch(
            self.partition,
            url,
            method=method,
            headers={"Accept": ACCEPT, **(headers or {})},
            content=content,
            data=data,
            resource_type="mainFrame" if number == MAIN_FRAME else "subFrame",
            timeout=timeout,
            initiator=initiator,
        )
        with self._counting:
            turn = self._newest[number] = self._newest.get(number, 0) + 1
        loaded = NavigationFuture(answered)

        def on_answer() -> None:
            error = Future.failure(answered)  # its own would undo the body's codings, which is for whoever reads it
            if error is None and turn != self._newest[number]:
                error = NetError("ERR_ABORTED", "another navigation of the frame began meanwhile")
            if error is not None:
                loaded.set_exception(error)
            else:
                self._show(number, Future.outcome(answered), loaded)

        answered.when_done(on_answer)
        return loaded

    def _show(self, number: int, response: Response, loaded: NavigationFuture) -> None:
        fields = _fields(response)
        if not is_shown(response.status_code, fields):
            loaded.set(response)
            return
        if self.is_anothers:
            loaded.set_exception(NetError("ERR_ABORTED", "the page's opening could not be written"))
            return
        url = document_url(str(response.url), self.standard)
        message = CommitNavigation(number, url, parsed_policy(fields))
        committed: Future[bool] = self.partition.ask(message, to=self.actor)

        def on_committed() -> None:
            error = committed.failure()
            if error is None and not committed.outcome():
                error = NetError("ERR_ABORTED", "the frame was closed meanwhile")
            if error is not None:
                loaded.set_exception(error)
                return
            if number == MAIN_FRAME:
                self._on_navigated(DidNavigate(url, response.status_code, response.reason_phrase))
            loaded.set(response)

        committed.when_done(on_committed)

    @property
    def standard(self) -> frozenset[str]:
        """The partition's standard schemes."""
        return standard_schemes_of(self.partition)


class Frame:
    """A frame of a page. Its document's URL decides what its requests say and carry. Made by a page, never by hand.

    ``parent``: the frame that it is in, None for the main frame. ``frame_tree_node_id``: its number within the page.
    """

    def __init__(self, tree: FrameTree, number: int, parent: Frame | None) -> None:
        self._tree = tree
        self.frame_tree_node_id: Final = number
        self.parent: Final = parent

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def detached(self) -> bool:
        """Whether it is gone: its page was closed, or the document around it has changed."""
        return self.frame_tree_node_id not in self._tree.state.frames

    @property
    def url(self) -> str:
        """Its document's URL, without user, password and fragment; ``about:blank`` for none."""
        return self._state.frames[self.frame_tree_node_id].url

    @property
    def origin(self) -> str:
        """Its document's origin, serialized; ``null`` for an opaque one. A blank frame has that of the frame around it."""
        return origin_of(document_of(self._state, self.frame_tree_node_id).url)

    @property
    def page_id(self) -> str:
        """The id of its page."""
        return self._tree.page_id

    @property
    def top(self) -> Frame:
        """The main frame of its page."""
        frame = self
        while frame.parent is not None:
            frame = frame.parent
        return frame

    @property
    def _state(self) -> PageState:
        return self._tree.state_with(self.frame_tree_node_id)

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
        mode: PageMode = "cors",
        credentials: Credentials = "same-origin",
        cache: CacheMode = "default",
        redirect: Redirect = "follow",
        referrer: str | None = None,
        referrer_policy: ReferrerPolicy = "",
        resource_type: ResourceType = "xhr",
        timeout: float | None = None,
    ) -> FetchFuture:
        """A request as a script of the document makes it: with ``Origin``, ``Referer``, ``Sec-Fetch-...`` and its cookies.

        ``url`` may be relative to the document. ``mode``: ``cors``, or ``no-cors`` as for an image. ``credentials``: cookies go
        to the document's own origin only (``same-origin``, a page's default), everywhere their SameSite lets them (``include``),
        or nowhere (``omit``). ``referrer``: a URL of the same origin to be named in place of the document's, or ``""`` for none.
        ``referrer_policy`` is one of the nine (Referrer Policy 3); empty is the document's own. ``resource_type``: what it is
        for, ``"image"`` for example. The rest is as in :meth:`partita.Session.fetch`. What the caller's ``headers`` say goes
        before what the page would. Every response can be read: CORS is a rule for scripts, and there is none here.
        """
        _one_of("mode", mode, _MODES)
        _one_of("referrer_policy", referrer_policy, POLICIES)
        if resource_type in _DOCUMENT_TYPES:
            raise ValueError(f"{resource_type!r} is loaded by load_url() or navigate()")
        state = self._state
        base = document_of(state, self.frame_tree_node_id).url
        named = resolved(base, referrer, self._tree.standard) if referrer and referrer != CLIENT else referrer
        asked = str(url) if isinstance(url, URL) else url
        return begin_fetch(
            self._tree.partition,
            asked if isinstance(asked, Request) else resolved(base, asked, self._tree.standard),
            method=method,
            headers=headers,
            content=content,
            json=json,
            data=data,
            files=files,
            redirect=redirect,
            credentials=credentials,
            cache=cache,
            resource_type=resource_type,
            timeout=timeout,
            initiator=initiator_of_fetch(state, self.frame_tree_node_id, mode, referrer_policy, named),
        )

    def navigate(
        self,
        url: str,
        *,
        method: str = "GET",
        content: str | bytes | None = None,
        data: Mapping[str, Any] | None = None,
        user_activated: bool = True,
        timeout: float | None = None,
    ) -> NavigationFuture:
        """The document leads elsewhere, as by a link that is clicked, or by a form that is sent (``method="POST"``).

        ``url`` may be relative. ``user_activated``: a person did it. See :meth:`partita.Page.load_url` for what comes of it.
        """
        state = self._state
        return self._tree.load(
            self.frame_tree_node_id,
            resolved(document_of(state, self.frame_tree_node_id).url, url, self._tree.standard),
            initiator_of_navigation(state, self.frame_tree_node_id, user_activated=user_activated),
            method=method,
            content=content,
            data=data,
            timeout=timeout,
        )

    def download_url(self, url: str, **options: Unpack[DownloadArguments]) -> Future[DownloadItem]:
        """Start a download as a link of the document with ``download`` does, with the Referer and the cookies of a navigation.

        ``url`` may be relative. The page is the ``web_contents`` of ``will-download`` (FEATURES E3). ``has_user_gesture``:
        somebody clicked, which the server is told as well. The rest is as in :meth:`partita.Session.download_url`.
        """
        state = self._state
        clicked = options.get("has_user_gesture", False)
        return self._tree.downloading.begin(
            resolved(document_of(state, self.frame_tree_node_id).url, url, self._tree.standard),
            initiator=initiator_of_navigation(state, self.frame_tree_node_id, user_activated=clicked),
            **options,
        )

    # -- permissions ------------------------------------------------------------------------------------------------

    def request_permission(self, permission: str, **details: Unpack[RequestDetails]) -> Future[bool]:
        """Request a permission, as a script of the document does: whether it is granted (FEATURES F15).

        ``permission``: Electron's names, ``"notifications"`` for example. ``openExternal`` is requested with ``external_url``,
        ``media`` with ``media_types``, ``fileSystem`` may say a ``file_path``. Raises :class:`ValueError` for a name that there
        is not, :class:`TypeError` for a detail that it has not, :class:`UsageError` when the frame is gone.
        """
        return self._tree.desk.request(self._tree, self.frame_tree_node_id, permission, details)

    def check_permission(self, permission: str, **details: Unpack[CheckDetails]) -> bool:
        """Check a permission: whether it is there, without asking anybody but the check handler (FEATURES F16).

        Raises as :meth:`request_permission` does.
        """
        return self._tree.desk.check(self._tree, self.frame_tree_node_id, permission, details)

    def get_display_media(
        self, *, video: bool = True, audio: bool = False, user_gesture: bool = True
    ) -> Future[Streams]:
        """Streams of a display, as the display media handler chooses them (FEATURES F17).

        ``display-capture`` is requested first. The future fails with :class:`NotAllowedError` when that is refused,
        :class:`NotSupportedError` without a handler, :class:`AbortError` when it chooses none, and :class:`NotReadableError` for
        a frame that is gone. Nothing is captured here: what is chosen is what comes.
        """
        if not (video or audio):
            raise TypeError("At least one of audio and video must be requested")
        return self._tree.desk.display(self._tree, self.frame_tree_node_id, DisplayMedia(video, audio, user_gesture))

    @property
    def navigator(self) -> Navigator:
        """The document's interfaces to devices: ``hid``, ``usb``, ``serial``, ``bluetooth``."""
        return self._tree.navigator(self.frame_tree_node_id)

    def new_frame(self, url: str = BLANK) -> Frame:
        """A frame within this one that shows ``url``; nothing is loaded: :meth:`navigate` does that."""
        base = document_of(self._state, self.frame_tree_node_id).url
        target = document_url(url if url == BLANK else resolved(base, url, self._tree.standard), self._tree.standard)
        message = checked(AddFrame(self.frame_tree_node_id, target))
        number = self._tree.partition.call(message, to=self._tree.actor)
        if number is None:
            raise UsageError("the frame is gone: its page was closed, or the document around it has changed")
        return Frame(self._tree, number, self)

    def __repr__(self) -> str:
        return f"<Frame {self.frame_tree_node_id} {'detached' if self.detached else self.url}>"


def standard_schemes_of(partition: Partition) -> frozenset[str]:
    """The custom schemes of a partition whose URLs have a host and a path."""
    return standard_schemes(cast("SessionState", partition.actor("session").state).protocols)


def _fields(response: Response) -> Fields:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}")
