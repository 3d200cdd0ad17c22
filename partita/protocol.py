"""``session.protocol``, and the module ``partita.protocol`` (FEATURES R1 to R29, H1 to H7)."""

from __future__ import annotations

import importlib
import itertools
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from partita.actors.kernel.checking import checked
from partita.actors.kernel.delivery import Place, place_of_caller
from partita.actors.kernel.future import Future
from partita.actors.network.http import NetError, Request, Response
from partita.actors.protocols.conversation import Conversation, Question, Told
from partita.actors.protocols.schemes import checked_scheme, checked_schemes, handler_name
from partita.actors.protocols.structures import (
    CustomScheme,
    MimeTypedBuffer,
    Privileges,
    ProtocolRequest,
    ProtocolResponse,
    ProtocolResponseUploadData,
    UploadedBytes,
)
from partita.emitter import ListenerFailed
from partita.events.errors import ProtocolError
from partita.events.protocols import (
    BUILT_IN,
    HandlerAnswers,
    HandlerKind,
    ProtocolsState,
    RemoveSchemeHandler,
    SchemeHandler,
    SetPrivilegedSchemes,
    SetSchemeHandler,
)
from partita.events.session import SessionState

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.system import System

__all__ = [
    "CustomScheme",
    "MimeTypedBuffer",
    "Privileges",
    "Protocol",
    "ProtocolError",
    "ProtocolRequest",
    "ProtocolResponse",
    "ProtocolResponseUploadData",
    "UploadedBytes",
    "error_response",
    "register_schemes_as_privileged",
]

Handler = Callable[..., object]
ResponseHandler = Callable[[Request], object]


# -- privileged schemes ---------------------------------------------------------------------------------------------------


class PrivilegedSchemes:
    """The schemes with privileges: one list for a process, which stands still once its first session is there."""

    def __init__(self) -> None:
        self._schemes: tuple[CustomScheme, ...] = ()
        self._ready = False
        self._lock = threading.Lock()

    def register(self, schemes: Iterable[CustomScheme | Mapping[str, object]]) -> None:
        """See :func:`register_schemes_as_privileged`."""
        given = checked_schemes(schemes)
        with self._lock:
            if self._ready:
                raise ProtocolError("protocol.registerSchemesAsPrivileged should be called before app is ready")
            self._schemes = given

    def for_a_session(self) -> tuple[CustomScheme, ...]:
        """They are asked for: from now on they stay as they are."""
        with self._lock:
            self._ready = True
            return self._schemes


_of_this_process: Final = PrivilegedSchemes()


def register_schemes_as_privileged(custom_schemes: Iterable[CustomScheme | Mapping[str, object]]) -> None:
    """Say which custom schemes are standard, secure and so on, for all sessions (FEATURES R1 to R10).

    Each is a :class:`CustomScheme`, or a mapping with Electron's names. A second call overwrites the first. Raises
    :class:`ProtocolError` once a session has been opened in this process, :class:`ValueError` for a code cache without
    ``standard`` and for what is no scheme, :class:`TypeError` for what is no custom scheme.
    """
    _of_this_process.register(custom_schemes)


def privileged_schemes() -> tuple[CustomScheme, ...]:
    """What was registered, for a session that is being opened: nothing can be registered after this."""
    return _of_this_process.for_a_session()


def error_response() -> Response:
    """What a handler of :meth:`Protocol.handle` returns to fail with ``net::ERR_FAILED``: JavaScript's ``Response.error()``."""
    return Response(0)


def __getattr__(name: str) -> Callable[..., Any]:
    """``partita.protocol.handle`` and the other methods are those of the default session (FEATURES R29)."""
    if name.startswith("_") or not hasattr(Protocol, name):
        raise AttributeError(f"module 'partita.protocol' has no attribute {name!r}")
    default_system = importlib.import_module("partita.system").default_system
    method: Callable[..., Any] = getattr(default_system().default_session.protocol, name)
    return method


# -- handlers -------------------------------------------------------------------------------------------------------------


class Protocol:
    """Who answers for which scheme in this session (FEATURES R29), until the session is closed.

    A function runs in the trio or asyncio loop that it was registered in; else a plain one on the system's callback thread, an
    async one beside it (API.md, rules 4 and 5); ``deliver_on`` chooses another place. What it raises is reported, and fails the
    request.
    """

    def __init__(self, partition: Partition, system: System, privileged: tuple[CustomScheme, ...]) -> None:
        """``privileged``: the schemes with privileges; the log is told when they differ from what it knows."""
        self._partition = partition
        self._handlers = system.handlers
        self._callbacks = system.callbacks
        self._async_callbacks = system.async_callbacks
        self._numbers = itertools.count(1)
        if self._state.privileged != privileged:
            partition.call(SetPrivilegedSchemes(privileged))

    # -- with requests and responses ------------------------------------------------------------------------------------

    def handle(self, scheme: str, handler: ResponseHandler, *, deliver_on: Place | None = None) -> None:
        """Answer for a scheme: ``handler(httpx.Request)`` returns, or awaits, an ``httpx.Response`` (FEATURES H1, H4 to H6).

        ``http``, ``https`` and ``file`` are intercepted, every other scheme is new. The response's body may be a stream; it is
        read as fast as it is wanted. A range that the request asks for is cut out of a body with a ``Content-Length``. The
        request's own body is a stream for an async handler, to be read before it answers (``await request.aread()``); for a
        plain one it has been read. A handler that
        raises, or returns something else, fails the request with ``net::ERR_UNEXPECTED``; a :class:`NetError` that it raises
        is the request's. Raises :class:`ProtocolError` when the scheme has a handler.
        """
        if not self._set(scheme, "handle", "response", handler, deliver_on):
            raise ProtocolError(f"Failed to register protocol: {scheme}")

    def unhandle(self, scheme: str) -> None:
        """Take the handler away (FEATURES H2). Raises :class:`ProtocolError` when there is none."""
        if not self._remove(scheme, intercepts=checked_scheme(scheme) in BUILT_IN):
            raise ProtocolError(f"Failed to unhandle protocol: {scheme}")

    def is_protocol_handled(self, scheme: str) -> bool:
        """Whether the scheme has a handler, however it was set; one that is only built in has none (FEATURES H3)."""
        name = checked_scheme(scheme)
        return name in (self._state.intercepted if name in BUILT_IN else self._state.registered)

    # -- the register family --------------------------------------------------------------------------------------------

    def register_file_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with files: the handler gives a path, or ``{"path": ...}`` (FEATURES R11).

        As all of this family, it is called with a :class:`ProtocolRequest`, and with a callback when it takes two arguments;
        what it returns, or calls back with, is the answer: a :class:`ProtocolResponse`, a mapping with Electron's names, or a
        plain value. False when the scheme has one already.
        """
        return self._set(scheme, "register", "file", handler, deliver_on)

    def register_buffer_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with bytes, or ``{"data": bytes}`` (FEATURES R12)."""
        return self._set(scheme, "register", "buffer", handler, deliver_on)

    def register_string_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with a str, or ``{"data": str}`` (FEATURES R13)."""
        return self._set(scheme, "register", "string", handler, deliver_on)

    def register_http_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with what another request gets: ``{"url": ..., "method": ..., "uploadData": ...}`` (FEATURES R14)."""
        return self._set(scheme, "register", "http", handler, deliver_on)

    def register_stream_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with a file object, an iterator or async iterator of bytes, or ``{"data": ...}`` (FEATURES R15).

        It is closed when it has ended, or when nobody wants more.
        """
        return self._set(scheme, "register", "stream", handler, deliver_on)

    def register_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """Answer with any of them, told apart by what it is; a str is a text (FEATURES R16)."""
        return self._set(scheme, "register", "any", handler, deliver_on)

    def unregister_protocol(self, scheme: str) -> bool:
        """Take a registered handler away; False when there is none (FEATURES R17)."""
        return self._remove(scheme, intercepts=False)

    def is_protocol_registered(self, scheme: str) -> bool:
        """Whether a handler was registered: not one that intercepts, nothing built in (FEATURES R18)."""
        return checked_scheme(scheme) in self._state.registered

    # -- the intercept family -------------------------------------------------------------------------------------------

    def intercept_file_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_file_protocol`, in place of what answers for the scheme (FEATURES R19)."""
        return self._set(scheme, "intercept", "file", handler, deliver_on)

    def intercept_string_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_string_protocol` (FEATURES R20)."""
        return self._set(scheme, "intercept", "string", handler, deliver_on)

    def intercept_buffer_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_buffer_protocol` (FEATURES R21)."""
        return self._set(scheme, "intercept", "buffer", handler, deliver_on)

    def intercept_http_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_http_protocol`; the request that is sent instead is not intercepted (FEATURES R22)."""
        return self._set(scheme, "intercept", "http", handler, deliver_on)

    def intercept_stream_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_stream_protocol` (FEATURES R23)."""
        return self._set(scheme, "intercept", "stream", handler, deliver_on)

    def intercept_protocol(self, scheme: str, handler: Handler, *, deliver_on: Place | None = None) -> bool:
        """As :meth:`register_protocol` (FEATURES R16)."""
        return self._set(scheme, "intercept", "any", handler, deliver_on)

    def unintercept_protocol(self, scheme: str) -> bool:
        """Take an intercepting handler away; False when there is none (FEATURES R24)."""
        return self._remove(scheme, intercepts=True)

    def is_protocol_intercepted(self, scheme: str) -> bool:
        """Whether a handler stands before what answers for the scheme (FEATURES R25)."""
        return checked_scheme(scheme) in self._state.intercepted

    # -- inside -----------------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> ProtocolsState:
        return cast("SessionState", self._partition.actor("session").state).protocols

    def _set(
        self, scheme: str, kind: HandlerKind, answers: HandlerAnswers, function: Handler, place: Place | None
    ) -> bool:
        """The function is in its table before the scheme has it, so that nobody asks in vain."""
        name = checked_scheme(scheme)
        if not callable(function):
            raise TypeError(f"a handler is a function of a request, not {type(function).__name__}")
        handler = SchemeHandler(name, kind, answers, next(self._numbers))
        conversation = Conversation(
            function,
            place or place_of_caller(self._callbacks, asked=True),
            callbacks=self._callbacks,
            async_callbacks=self._async_callbacks,
            takes_request=answers == "response",
        )
        key = handler_name(handler)
        self._handlers.set(self._partition.key, key, lambda question: self._asked(conversation, name, question))
        try:
            is_set = cast("bool", self._partition.call(checked(SetSchemeHandler(handler))))
        except BaseException:
            self._handlers.set(self._partition.key, key, None)
            raise
        if not is_set:
            self._handlers.set(self._partition.key, key, None)
        return is_set

    def _remove(self, scheme: str, *, intercepts: bool) -> bool:
        name = checked_scheme(scheme)
        removed = cast(
            "SchemeHandler | None", self._partition.call(RemoveSchemeHandler(scheme=name, intercepts=intercepts))
        )
        if removed is not None:
            self._handlers.set(self._partition.key, handler_name(removed), None)
        return removed is not None

    def _asked(self, conversation: Conversation, scheme: str, question: object) -> Future[Any]:
        assert isinstance(question, Question)
        told = conversation.ask(question)
        told.when_done(lambda: self._report(told, scheme, question))
        return told

    def _report(self, told: Future[Told], scheme: str, question: Question) -> None:
        """API.md, rule 5. A request that nobody waits for any more was stopped, and its handler with it."""
        error = told.failure()
        if error is None or isinstance(error, NetError) or question.abandoned.done or self._partition.closed:
            return
        text = "".join(traceback.format_exception(error))
        warnings.warn(
            f"the handler of {scheme!r} raised at {question.method} {question.url}:\n{text}",
            ListenerFailed,
            stacklevel=1,
        )
