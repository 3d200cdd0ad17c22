"""``session.web_request`` (FEATURES W1 to W22): look at, stop and change the requests of a partition."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, get_args, overload

import msgspec

from partita.actors.kernel.checking import checked
from partita.actors.kernel.delivery import Place, place_of_caller
from partita.actors.web_request.details import (
    Details,
    UploadData,
    UploadFile,
    UploadRawData,
    WebRequestResponse,
)
from partita.actors.web_request.filters import handler_name
from partita.actors.web_request.header_map import HeaderMap
from partita.events.network import ResourceType
from partita.events.web_request import BLOCKING, ClearHook, RequestFilter, SetHook, Stage
from partita.hook_listener import HookListener, Listener

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.system import System

__all__ = [
    "Details",
    "HeaderMap",
    "HookHandle",
    "UploadData",
    "UploadFile",
    "UploadRawData",
    "WebRequest",
    "WebRequestFilter",
    "WebRequestResponse",
]

L = TypeVar("L", bound=Listener)

_TYPES: Final = tuple(name for name in get_args(ResourceType) if name != "other")


class WebRequestFilter(msgspec.Struct, frozen=True, rename="camel"):
    """Which requests a listener is told of (FEATURES T18).

    ``urls`` are match patterns, such as ``"https://*.example.com/*"`` or ``"<all_urls>"``; without any, all URLs match.
    ``exclude_urls`` go before them. ``types`` are Electron's (``"mainFrame"``, ``"xhr"``, ...); without any, all do.
    """

    urls: Sequence[str]
    exclude_urls: Sequence[str] = ()
    types: Sequence[str] = ()


Filter = WebRequestFilter | Mapping[str, Sequence[str]]
"""A filter, or its fields by Electron's names or ours: ``{"urls": ["<all_urls>"], "excludeUrls": [...], "types": [...]}``."""


class HookHandle(Generic[L]):
    """A listener that was added. It can be called as the listener itself, so that adding decorates."""

    def __init__(self, web_request: WebRequest, stage: Stage, hook_id: str, listener: L) -> None:
        self._web_request = web_request
        self._stage: Stage = stage
        self._id = hook_id
        self.listener = listener

    def remove(self) -> None:
        """Take it away. May be called twice."""
        self._web_request._clear(self._stage, self._id)  # noqa: SLF001  # one class in two

    def __call__(self, *arguments: Any) -> object:
        return self.listener(*arguments)

    def __repr__(self) -> str:
        return f"<HookHandle {self._stage} {self.listener!r}>"


class OnHook:
    """Sets the one listener of a stage, as Electron does it: the last one wins, None takes it away (FEATURES W1).

    ``on_x(listener)``, ``on_x(filter, listener)``, ``on_x(None)``, ``on_x(filter, None)``; ``@on_x`` and ``@on_x(filter)``
    decorate. It runs in the trio or asyncio loop that it is registered in, else among the system's callbacks; ``deliver_on``
    chooses another place. Raises :class:`TypeError` with Electron's text for what is neither.
    """

    def __init__(self, web_request: WebRequest, stage: Stage) -> None:
        self._web_request = web_request
        self._stage: Stage = stage

    @overload
    def __call__(self, listener: L, /, *, deliver_on: Place | None = None) -> L: ...
    @overload
    def __call__(self, filter_: Filter, /, *, deliver_on: Place | None = None) -> Callable[[L], L]: ...
    @overload
    def __call__(self, filter_: Filter | None, listener: L, /, *, deliver_on: Place | None = None) -> L: ...
    @overload
    def __call__(self, listener: None, /) -> None: ...
    @overload
    def __call__(self, filter_: Filter | None, listener: None, /) -> None: ...
    def __call__(self, *arguments: Any, deliver_on: Place | None = None) -> Any:
        """See the class."""
        filter_, listener, decorates = _arguments(arguments)
        if decorates:
            return lambda decorated: self(filter_, decorated, deliver_on=deliver_on)
        if listener is None:
            self._web_request._clear(self._stage, None)  # noqa: SLF001  # one class in two
        else:
            self._web_request._set(self._stage, filter_, listener, deliver_on, sole=True)  # noqa: SLF001
        return listener


class AddHook:
    """Adds a listener to those of a stage; they are asked in the order they were added, after Electron's one (WANTS 42).

    ``add_x(listener)``, ``add_x(filter, listener)``; ``@add_x`` and ``@add_x(filter)`` decorate. Returns a :class:`HookHandle`.
    The first that cancels or redirects ends the round; what one changed is what the next is shown.
    """

    def __init__(self, web_request: WebRequest, stage: Stage) -> None:
        self._web_request = web_request
        self._stage: Stage = stage

    @overload
    def __call__(self, listener: L, /, *, deliver_on: Place | None = None) -> HookHandle[L]: ...
    @overload
    def __call__(self, filter_: Filter, /, *, deliver_on: Place | None = None) -> Callable[[L], HookHandle[L]]: ...
    @overload
    def __call__(self, filter_: Filter | None, listener: L, /, *, deliver_on: Place | None = None) -> HookHandle[L]: ...
    def __call__(self, *arguments: Any, deliver_on: Place | None = None) -> Any:
        """See the class."""
        filter_, listener, decorates = _arguments(arguments)
        if decorates:
            return lambda decorated: self(filter_, decorated, deliver_on=deliver_on)
        if listener is None:
            raise TypeError("a listener that is added is a function, not None: remove() takes it away")
        hook_id = self._web_request._set(self._stage, filter_, listener, deliver_on, sole=False)  # noqa: SLF001
        return HookHandle(self._web_request, self._stage, hook_id, listener)


class WebRequest:
    """The hooks of a partition's requests: one Electron-style listener each, and any number that are added.

    A listener takes one :class:`Details`. At ``before_request``, ``before_send_headers``, ``headers_received`` and
    ``response_body`` it may answer a :class:`WebRequestResponse`, or a mapping with Electron's names (``{"cancel": True}``); a
    listener of two arguments is given Electron's ``callback`` and answers by it. One that raises, or answers what is no answer,
    is reported, and the request fails with ``net::ERR_BLOCKED_BY_CLIENT``. At the other stages listeners look on.
    """

    def __init__(self, partition: Partition, system: System) -> None:
        self._partition = partition
        self._system = system
        self._numbers = itertools.count(1)
        self.on_before_request: Final = OnHook(self, "before_request")
        """Before a request is made, and again for each URL that it is redirected to (FEATURES W5 to W7)."""
        self.on_before_send_headers: Final = OnHook(self, "before_send_headers")
        """Its header fields are put together, and may be replaced (W8 to W10)."""
        self.on_send_headers: Final = OnHook(self, "send_headers")
        """It is about to be sent (W11)."""
        self.on_headers_received: Final = OnHook(self, "headers_received")
        """The head of its response has come, and may be replaced (W12 to W15)."""
        self.on_response_started: Final = OnHook(self, "response_started")
        """The body of its response begins (W16)."""
        self.on_before_redirect: Final = OnHook(self, "before_redirect")
        """It is about to go on to another URL (W17)."""
        self.on_completed: Final = OnHook(self, "completed")
        """It is done (W18)."""
        self.on_error_occurred: Final = OnHook(self, "error_occurred")
        """It has failed (W19)."""
        self.on_response_body: Final = OnHook(self, "response_body")
        """Its body has come whole, decoded, and may be replaced: ``bytes``, ``str`` in UTF-8, or None (WANTS 43)."""
        self.add_before_request: Final = AddHook(self, "before_request")
        self.add_before_send_headers: Final = AddHook(self, "before_send_headers")
        self.add_send_headers: Final = AddHook(self, "send_headers")
        self.add_headers_received: Final = AddHook(self, "headers_received")
        self.add_response_started: Final = AddHook(self, "response_started")
        self.add_before_redirect: Final = AddHook(self, "before_redirect")
        self.add_completed: Final = AddHook(self, "completed")
        self.add_error_occurred: Final = AddHook(self, "error_occurred")
        self.add_response_body: Final = AddHook(self, "response_body")

    def _set(self, stage: Stage, given: Filter | None, listener: Listener, place: Place | None, *, sole: bool) -> str:
        hook_id = f"{stage}/{next(self._numbers)}"
        message = checked(SetHook(hook_id, stage, request_filter(given), sole))
        system = self._system
        asked = HookListener(
            stage,
            listener,
            place=place or place_of_caller(system.callbacks, asked=stage in BLOCKING),
            callbacks=system.callbacks,
            async_callbacks=system.async_callbacks,
            blobs=system.blobs,
            closed=lambda: self._partition.closed,
        )
        self._handle(hook_id, asked)  # first: once the turn is taken, requests ask for it
        try:
            replaced = self._partition.call(message)
        except BaseException:
            self._handle(hook_id, None)
            raise
        if replaced is not None:
            self._handle(replaced, None)
        return hook_id

    def _clear(self, stage: Stage, hook_id: str | None) -> None:
        cleared = self._partition.call(ClearHook(stage, hook_id))
        if cleared is not None:
            self._handle(cleared, None)

    def _handle(self, hook_id: str, listener: HookListener | None) -> None:
        ask = None if listener is None else listener.ask
        self._system.handlers.set(self._partition.key, handler_name(hook_id), cast("Any", ask))

    def __repr__(self) -> str:
        return f"<WebRequest of {self._partition.name!r}>"


def _arguments(given: tuple[Any, ...]) -> tuple[Filter | None, Listener | None, bool]:
    """Filter and listener of a call, and whether the listener is still to come."""
    if not 1 <= len(given) <= 2:  # noqa: PLR2004
        raise TypeError("Must pass null or a Function")
    first, second = given[0], given[-1]
    if len(given) == 1 and isinstance(first, (Mapping, WebRequestFilter)):
        return first, None, True
    if second is not None and not callable(second):
        raise TypeError("Must pass null or a Function")
    return (first if len(given) == 2 else None), second, False  # noqa: PLR2004


def request_filter(given: Filter | None) -> RequestFilter:
    """A filter as it is recorded. Raises :class:`TypeError` with Electron's text (FEATURES W2 to W4)."""
    if given is None:
        return RequestFilter()
    if isinstance(given, WebRequestFilter):
        named: dict[str, object] = {"urls": given.urls, "exclude_urls": given.exclude_urls, "types": given.types}
    elif isinstance(given, Mapping):
        named = {"exclude_urls" if name == "excludeUrls" else name: value for name, value in given.items()}
    else:
        raise TypeError(f"a filter is a mapping or a WebRequestFilter, not {given!r}")
    if named.get("urls") is None:
        raise TypeError("Parameter 'filter' must have property 'urls'.")
    if unknown := [name for name in named if name not in RequestFilter.__struct_fields__]:
        raise TypeError(f"Parameter 'filter' has no property {unknown[0]!r}; it has urls, excludeUrls and types.")
    types = _texts("types", named.get("types"))
    for name in types:
        if name not in _TYPES:
            raise TypeError(f"Invalid type {name}")
    urls, exclude_urls = _texts("urls", named["urls"]), _texts("excludeUrls", named.get("exclude_urls"))
    return RequestFilter(urls, exclude_urls, cast("tuple[ResourceType, ...]", types))


def _texts(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"Parameter 'filter': {name} is a list of str, not {value!r}")
    return tuple(value)
