"""The handlers of a session that say what its pages may do, and the way of a page's question to them (FEATURES F15 to F17)."""

from __future__ import annotations

import inspect
import itertools
import traceback
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.delivery import Place, place_of_caller
from partita.actors.kernel.future import Future, failed, resolved
from partita.actors.kernel.raised import failure_of
from partita.actors.pages.asking import asker_of
from partita.actors.pages.ledger import actor_of
from partita.actors.permissions import names
from partita.actors.permissions.behavior import kind_of
from partita.actors.permissions.carriers import HandlerAnswer, HandlerQuestion, handler_name
from partita.actors.permissions.grants import checked_by_default
from partita.emitter import ListenerFailed
from partita.events.errors import (
    AbortError,
    HandlerTimeout,
    NotAllowedError,
    NotReadableError,
    NotSupportedError,
    UsageError,
)
from partita.events.pages import PageState
from partita.events.permissions import (
    AskPermission,
    ClearPermissionHandler,
    DisplayMedia,
    NoteCheck,
    PermissionAnswer,
    PermissionGrant,
    PermissionHandlerKind,
    PermissionsState,
    Question,
    RevokePermissions,
    SetPermissionHandler,
)
from partita.events.session import SessionState
from partita.permission_requests import (
    DisplayMediaRequest,
    PermissionCheck,
    PermissionRequest,
    Streams,
    check_of,
    chosen,
    display_request_of,
    request_of,
    streams_of,
)
from partita.registered import Registered, is_async

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.frame import FrameTree
    from partita.page import Page
    from partita.system import System

RequestHandler = Callable[[PermissionRequest], bool | Awaitable[bool]]
CheckHandler = Callable[[PermissionCheck], bool]
ChosenByHandler = Streams | Mapping[str, Any] | None
DisplayMediaHandler = Callable[[DisplayMediaRequest], ChosenByHandler | Awaitable[ChosenByHandler]]

_ASKED: Final[tuple[PermissionHandlerKind, ...]] = ("request", "display_media")
"""Those that are asked through the handlers port; a check's is asked outside of any turn."""

_NAMES: Final[Mapping[PermissionHandlerKind, str]] = {
    "display_media": "display media request",
    "device": "device permission",
    "pairing": "Bluetooth pairing",
    "usb_protected_classes": "USB protected classes",
}


class PermissionHandlers:
    """What a session has to say about permissions: a part of :class:`partita.Session`."""

    _desk: PermissionDesk

    def set_permission_request_handler(
        self, handler: RequestHandler | None, *, deliver_on: Place | None = None
    ) -> None:
        """Who is asked when a page requests a permission: ``handler(PermissionRequest) -> bool``, plain or async (FEATURES F15).

        Without one, requests are granted, or refused under ``permissions="deny"``. None takes it away, and refuses what it has
        not answered. One that raises, is late (``handler_timeout``), or answers no bool has refused, and is reported. It runs
        where it was registered, as listeners do. Raises :class:`TypeError` with Electron's text.
        """
        self._desk.set("request", handler, "Must pass null or function", deliver_on)

    def set_permission_check_handler(self, handler: CheckHandler | None) -> None:
        """Who is asked when a page checks a permission: ``handler(PermissionCheck) -> bool``, a plain function (FEATURES F16).

        It runs on the callback thread, and the page's script stands still meanwhile; on the thread of the system's own loop it
        runs right there. Without one, checks are passed, all but ``deprecated-sync-clipboard-read``; under ``permissions="deny"``
        only what is granted and kept. One that raises, is late, or answers no bool has refused, and is reported. Raises
        :class:`TypeError` for what is no plain function.
        """
        if handler is not None and callable(handler) and is_async(handler):
            raise TypeError("a permission check handler is a plain function: a page's script waits for it")
        self._desk.set("check", handler, "Must pass null or function", None)

    def set_display_media_request_handler(
        self, handler: DisplayMediaHandler | None, *, deliver_on: Place | None = None
    ) -> None:
        """Who chooses the streams of ``get_display_media``: ``handler(DisplayMediaRequest) -> Streams | None`` (FEATURES F17).

        It may answer a mapping with Electron's names as well; None chooses nothing. Without one there is nothing to be had. It
        may be async, and runs where it was registered. Raises :class:`TypeError` with Electron's text.
        """
        text = "Display media request handler must be null or a function"
        self._desk.set("display_media", handler, text, deliver_on)

    def permission_grants(self) -> list[PermissionGrant]:
        """The grants that are kept, oldest first: those of handlers, under the option ``keep_permission_grants``."""
        return list(self._desk.state.grants)

    def revoke_permission(self, origin: str, permission: str | None = None) -> int:
        """Take back what is granted to an origin (``"https://shop.example"``): one permission, or all. Returns how many."""
        return self._desk.revoke(origin, permission)


class PermissionDesk:
    """Where the questions of one session's pages come by. ``pages``: those that are open, by their opener's numbers."""

    def __init__(self, partition: Partition, system: System) -> None:
        self.pages: Final[dict[int, Page]] = {}
        self._partition = partition
        self._system = system
        self._numbers = itertools.count(1)
        self._openers = itertools.count(1)
        self._handlers: dict[int, Registered] = {}
        self._on_their_way: set[int] = set()
        for kind in _ASKED:
            system.handlers.set(partition.key, handler_name(kind), cast("Any", self._ask))

    @property
    def state(self) -> PermissionsState:
        """The newest."""
        return cast("SessionState", self._partition.actor("session").state).permissions

    # -- handlers -----------------------------------------------------------------------------------------------------

    def set(
        self, kind: PermissionHandlerKind, handler: Callable[[Any], object] | None, wrong: str, place: Place | None
    ) -> None:
        """Set or clear one; ``wrong``: what is said of what is neither."""
        if handler is None:
            self._partition.call(ClearPermissionHandler(kind))
        elif not callable(handler):
            raise TypeError(wrong)
        else:
            system, number = self._system, next(self._numbers)
            self._on_their_way.add(number)
            self._handlers[number] = Registered(  # first: once the turn is taken, questions come
                handler,
                place=place or place_of_caller(system.callbacks, asked=True),
                callbacks=system.callbacks,
                async_callbacks=system.async_callbacks,
            )
            try:
                self._partition.call(SetPermissionHandler(kind, number))
            except BaseException:
                self._handlers.pop(number, None)
                raise
            finally:
                self._on_their_way.discard(number)
        self._let_go()

    def _let_go(self) -> None:
        """Of handlers that nobody asks any more, once that is durable: what is not may be undone, and they be asked again."""
        state = self.state
        asked = {*state.handlers.values(), *(pending.handler for pending in state.pending), *self._on_their_way}
        unasked = [number for number in list(self._handlers) if number not in asked]
        durable = self._partition.flush()

        def on_durable() -> None:
            if durable.failure() is None:
                for number in unasked:
                    self._handlers.pop(number, None)

        durable.when_done(on_durable)

    def _ask(self, request: object) -> Future[HandlerAnswer | None]:
        """The handlers port asks; the future never fails."""
        assert isinstance(request, HandlerQuestion)
        handler, question = self._handlers.get(request.handler), request.question
        if handler is None:
            return resolved(None)
        answer: Future[HandlerAnswer | None] = Future()
        told = (request_of if question.display is None else display_request_of)(question, self.page_of)
        handler.run((told,), lambda ran: self._ended(ran, question, answer))
        return answer

    def _ended(self, ran: Future[Any], question: Question, answer: Future[HandlerAnswer | None]) -> None:
        """What came of running it: an answer, or a refusal that is reported."""
        error = ran.failure()
        if error is None:
            try:
                answer.set(self._answer(ran.outcome(), question))
            except TypeError as wrong:
                error = wrong
            else:
                return
        try:
            self.report(kind_of(question), question.permission, question.asker.requesting_origin, error)
        finally:
            answer.set(HandlerAnswer(granted=False, failure=failure_of(error)))

    def _answer(self, said: object, question: Question) -> HandlerAnswer:
        if question.display is None:
            return HandlerAnswer(_as_bool(said, "request"))
        streams = chosen(said, question.display, self.page_of)
        return HandlerAnswer(streams is not None, streams)

    def report(self, kind: PermissionHandlerKind, permission: str, origin: str, error: BaseException) -> None:
        """A handler has failed: what it was asked is refused."""
        if not self._partition.closed:
            text = "".join(traceback.format_exception(error))
            name = _NAMES.get(kind, f"permission {kind}")
            counts = f"the {name} handler failed at {permission!r} for {origin}, which counts as a refusal:\n{text}"
            warnings.warn(counts, ListenerFailed, stacklevel=1)

    def next_page(self) -> int:
        """A number for a page that is about to be opened."""
        return next(self._openers)

    def page_of(self, page_id: str) -> Page | None:
        """The open page of that id; None when it is gone."""
        state = cast("PageState", self._partition.actor(actor_of(page_id)).state)
        return self.pages.get(state.opener)

    # -- what pages ask -----------------------------------------------------------------------------------------------

    def request(self, tree: FrameTree, number: int, permission: str, given: Mapping[str, Any]) -> Future[bool]:
        """A frame requests a permission."""
        details = names.requested(permission, given)
        tree.state_with(number)  # raises when it is gone
        asked = self._asked(tree, AskPermission(tree.next_ticket(), number, permission, details))
        return asked.map(lambda answer: answer.granted)

    def display(self, tree: FrameTree, number: int, wanted: DisplayMedia) -> Future[Streams]:
        """A frame wants streams of a display: the permission first, then the streams."""
        origin = asker_of(tree.state_with(number), number, names.DISPLAY_CAPTURE).requesting_origin
        message = checked(AskPermission("", number, names.DISPLAY_CAPTURE, display=wanted, permitted=origin))
        streams: Future[Streams] = Future()
        permitted = self.request(tree, number, names.DISPLAY_CAPTURE, {})

        def on_permitted() -> None:
            if (error := permitted.failure()) is not None:
                streams.set_exception(error)
            elif not permitted.outcome():
                streams.set_exception(NotAllowedError("Permission denied"))
            else:
                asked = self._asked(tree, msgspec.structs.replace(message, ticket=tree.next_ticket()))
                asked.when_done(lambda: self._display(asked, streams))

        permitted.when_done(on_permitted)
        return streams

    def _display(self, asked: Future[PermissionAnswer], streams: Future[Streams]) -> None:
        try:
            answer = asked.outcome()
            streams.set(self._streams(answer))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what the asker is told
            streams.set_exception(error)

    def _streams(self, answer: PermissionAnswer) -> Streams:
        if answer.streams is not None:
            found = streams_of(answer.streams, self.page_of)
            if isinstance(found, str):
                raise NotReadableError(f"Could not start {found} source")
            return found
        match answer.reason:
            case "default":
                raise NotSupportedError("Not supported")
            case "handler":
                raise AbortError("the display media handler chose no streams")
            case "failed":
                raise AbortError(f"the display media handler failed: {answer.failure}")
            case _:
                raise AbortError("the display media handler was cleared, or the document that asked is gone")

    def _asked(self, tree: FrameTree, message: AskPermission) -> Future[PermissionAnswer]:
        if tree.is_anothers:
            return cast(
                "Future[PermissionAnswer]", failed(UsageError("the page is gone: its opening could not be written"))
            )
        return self._partition.ask(checked(message), to=tree.actor)

    def check(self, tree: FrameTree, number: int, permission: str, given: Mapping[str, Any]) -> bool:
        """A frame checks a permission."""
        details = names.checked(permission, given)
        asker, state = asker_of(tree.state_with(number), number, permission), self.state
        handler = state.handlers.get("check")
        if handler is None:
            return checked_by_default(state, asker, permission, details)
        granted, failed_with = False, None
        try:
            granted = self.asked_at_once("check", handler, check_of(asker, permission, details, self.page_of))
        except Exception as error:  # noqa: BLE001  # whatever the program's own code raises
            failed_with = error
        failure = "" if failed_with is None else failure_of(failed_with)
        self._partition.call(checked(NoteCheck(asker, permission, details, handler, granted, failure)))
        if failed_with is not None:
            self.report("check", permission, asker.requesting_origin, failed_with)
        return granted

    def asked_at_once(self, kind: PermissionHandlerKind, number: int, told: object) -> bool:
        """What a handler that answers at once says. Raises whatever it raises, and :class:`TypeError` for what is no bool."""
        return _as_bool(self.said_at_once(number, told), kind)

    def said_at_once(self, number: int, told: object) -> object:
        """Run a plain handler: a page's script waits for it, and nothing else does. Raises whatever it raises."""
        handler = self._handlers.get(number)
        if handler is None:
            raise HandlerTimeout("the handler is gone")
        if self._partition.kernel.on_own_thread():  # nobody could let the callback thread speak to the session
            return handler.function(told)
        patience_s = self._system.handlers.patience_s
        return self._system.callbacks.call(handler.function, told, timeout_s=patience_s)

    def handler(self, number: int) -> Registered | None:
        """The handler of that number; None when it is gone."""
        return self._handlers.get(number)

    # -- grants -------------------------------------------------------------------------------------------------------

    def revoke(self, origin: str, permission: str | None) -> int:
        """See :meth:`PermissionHandlers.revoke_permission`."""
        if permission is not None and permission not in names.REQUESTED:
            raise ValueError(f"there is no permission {permission!r}: there is {', '.join(map(repr, names.REQUESTED))}")
        if not isinstance(origin, str):
            raise TypeError(f"an origin is a str, not {origin!r}")
        revoked: int = self._partition.call(checked(RevokePermissions(origin.rstrip("/"), permission)))
        return revoked


def _as_bool(said: object, kind: PermissionHandlerKind) -> bool:
    if inspect.iscoroutine(said):
        said.close()  # nobody will await it
    if not isinstance(said, bool):
        raise TypeError(f"a permission {kind} handler answers True or False, not {said!r}")
    return said
