"""One listener of webRequest: asked by the handlers port, run where it was registered, its answer read (FEATURES W5 to W20)."""

from __future__ import annotations

import inspect
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from partita.actors.kernel.future import Future, resolved
from partita.actors.web_request.details import Details, WebRequestResponse
from partita.actors.web_request.header_map import HeaderMap
from partita.emitter import ListenerFailed
from partita.events.web_request import BLOCKING, Stage
from partita.registered import Registered

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Callbacks, Place
    from partita.blobs import Blobs

Listener = Callable[..., object]
V = TypeVar("V")

_CANCEL: Final = WebRequestResponse(cancel=True)
_FIELDS: Final = {
    spelled: field.name
    for field in msgspec.structs.fields(WebRequestResponse)
    for spelled in (field.name, field.encode_name)
}


class HookListener:
    """What answers for one hook.

    A plain function runs on the callback thread, one after another, unless it was registered inside a loop; an async one runs
    beside the others there, so that one that never ends holds nobody up. Raises :class:`TypeError` for one that cannot be
    called with what its stage has to give.
    """

    def __init__(
        self,
        stage: Stage,
        listener: Listener,
        *,
        place: Place,
        callbacks: Callbacks,
        async_callbacks: Place,
        blobs: Blobs,
        closed: Callable[[], bool],
    ) -> None:
        self._stage: Stage = stage
        self._registered = Registered(listener, place=place, callbacks=callbacks, async_callbacks=async_callbacks)
        self._blobs = blobs
        self._closed = closed
        self._blocking = stage in BLOCKING
        self._wants_callback = not _takes(listener, 1)
        if self._wants_callback and not (self._blocking and _takes(listener, 2)):
            given = "details, and a callback if it likes" if self._blocking else "details: nobody waits for its answer"
            raise TypeError(f"a listener of {stage} takes {given}; {listener!r} does not")

    def ask(self, request: object) -> Future[WebRequestResponse | None]:
        """Run the listener; the future is its answer, and never fails. For one that looks on, it is done at once."""
        assert isinstance(request, Details)
        answer: Future[WebRequestResponse | None] = Future() if self._blocking else resolved(None)
        arguments: tuple[object, ...] = (self._shown(request),)
        if self._wants_callback:
            arguments = (*arguments, lambda said=None: self._take(said, request, answer))
        self._registered.run(arguments, lambda ran: self._ended(ran, request, answer))
        return answer

    def _shown(self, details: Details) -> Details:
        """The details with what belongs to this listener alone: header fields that it may change, and names for large bodies."""
        upload = details.upload_data
        return msgspec.structs.replace(
            details,
            request_headers=_header_map(details.request_headers),
            response_headers=_header_map(details.response_headers),
            upload_data=None if upload is None else tuple(self._blobs.upload(part) for part in upload),
        )

    # -- what comes of it -------------------------------------------------------------------------------------------

    def _ended(self, ran: Future[Any], details: Details, answer: Future[WebRequestResponse | None]) -> None:
        error = ran.failure()
        if error is not None:
            self._refuse(error, details, answer)
        elif self._blocking and not self._wants_callback:
            self._take(ran.outcome(), details, answer)

    def _take(self, said: object, details: Details, answer: Future[WebRequestResponse | None]) -> None:
        """The first answer counts (FEATURES W20)."""
        if answer.done:
            return
        try:
            response = response_of(said, self._stage)
        except TypeError as error:
            self._refuse(error, details, answer)
        else:
            answer.settle(response)

    def _refuse(self, error: BaseException, details: Details, answer: Future[WebRequestResponse | None]) -> None:
        """Report what it raised; where it was asked, that counts as a refusal (API.md, rule 5)."""
        counts = ", which counts as a refusal" if self._blocking and not answer.done else ""
        try:
            if not self._closed():
                text = "".join(traceback.format_exception(error))
                warnings.warn(
                    f"a listener of {self._stage} raised at {details.method} {details.url}{counts}:\n{text}",
                    ListenerFailed,
                    stacklevel=1,
                )
        finally:
            answer.settle(_CANCEL)


def _takes(listener: Listener, arguments: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(listener).bind(*[None] * arguments)
    except ValueError:  # written in C: nobody knows
        return arguments == 1
    except TypeError:
        return False
    return True


def _header_map(headers: Mapping[str, V] | None) -> HeaderMap[V] | None:
    return None if headers is None else HeaderMap(headers)


def response_of(said: object, stage: Stage) -> WebRequestResponse | None:
    """What a listener answered: a struct, a mapping with Electron's names or ours, nothing, or (``response_body``) the body.

    Raises :class:`TypeError` for anything else. What a header field cannot hold is dropped later, without a word (FEATURES W10).
    """
    if said is None:
        return None
    if stage == "response_body" and isinstance(said, (bytes, bytearray, memoryview, str)):
        return WebRequestResponse(body=_as_bytes("body", said))
    if isinstance(said, WebRequestResponse):
        given: dict[str, object] = {name: getattr(said, name) for name in said.__struct_fields__}
    elif isinstance(said, Mapping):
        if unknown := [name for name in said if name not in _FIELDS]:
            raise TypeError(f"an answer has no property {unknown[0]!r}; there is {', '.join(map(repr, _FIELDS))}")
        given = {_FIELDS[name]: value for name, value in said.items()}
    else:
        raise TypeError(f"a listener of {stage} answers a WebRequestResponse, a mapping or None, not {said!r}")
    cancel = given.get("cancel") or False
    if not isinstance(cancel, bool):
        raise TypeError(f"cancel is a bool, not {cancel!r}")
    return WebRequestResponse(
        cancel=cancel,
        redirect_url=_as_text("redirectURL", given.get("redirect_url")) or None,
        request_headers=_as_headers("requestHeaders", given.get("request_headers")),
        response_headers=_as_headers("responseHeaders", given.get("response_headers")),
        status_line=_as_text("statusLine", given.get("status_line")),
        upload_data=_as_bytes("uploadData", given.get("upload_data")),
        body=_as_bytes("body", given.get("body")),
    )


def _as_text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {value!r}")
    return value


def _as_headers(name: str, value: object) -> dict[str, Any] | None:
    """A copy: the listener may go on with its own."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a mapping of names to values, not {value!r}")
    return {
        key: values if isinstance(values, str) or not isinstance(values, Sequence) else tuple(values)
        for key, values in value.items()
    }


def _as_bytes(name: str, value: object) -> bytes | None:
    """Text is sent in UTF-8."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode(errors="replace")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{name} is bytes or a str, not {type(value).__name__}")
    return bytes(value)
