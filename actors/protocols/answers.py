"""Asks the handler of a scheme, and makes a response of what it answers (FEATURES R11 to R28, H1 to H6).

It awaits nothing but ports and futures, so the simulation kernel runs it as well. What each kind of handler may answer with is
a row of :data:`_ROWS`; all of them end in one of five bodies: bytes, a file, a stream, another request, a whole response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from partita.actors.kernel.world import Door, NetworkRequest, NetworkResponse
from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.network.http import AsyncByteStream, ByteStream, NetError, Response, SyncByteStream
from partita.actors.network.redirects import STATUSES, Outgoing
from partita.actors.protocols import replies
from partita.actors.protocols.bodies import Chunks, LocalResponse, Part, WholeBody
from partita.actors.protocols.conversation import Question, Told
from partita.actors.protocols.elsewhere import through_session
from partita.actors.protocols.files import response_of_file, unsatisfiable_fields
from partita.actors.protocols.ranges import part_asked_for
from partita.actors.protocols.replies import (
    encoded,
    fields_of,
    malformed,
    path_in,
    reply_of,
    response_fields,
    status_of,
)
from partita.actors.protocols.schemes import handler_name
from partita.actors.protocols.structures import ProtocolResponse
from partita.events.errors import HandlerTimeout, InvalidURL
from partita.events.protocols import HandlerAnswers, SchemeHandler

Sender = Callable[[Outgoing], Awaitable[NetworkResponse]]
"""Runs an exchange that asks no handler."""

_OK: Final = 200
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_ERROR_RESPONSE: Final = 0
_LEAST_STATUS: Final = 200
_LAST_STATUS: Final = 599
_BODILESS: Final = ("GET", "HEAD")


async def answered(
    door: Door, handler: SchemeHandler, request: NetworkRequest, *, referrer: str, send: Sender
) -> NetworkResponse:
    """The response of a scheme's handler to ``request``. Raises :class:`NetError`.

    ``referrer``: where the request comes from, empty for nowhere. ``send``: carries out a request that the handler answers
    with, past all handlers. Whoever gets the response closes it: its stream ends then where the handler runs.
    """
    question = Question(request.method, urls.without_fragment(request.url), request.headers, request.body, referrer)
    try:
        told = await _told(door, handler, question)
    except BaseException:
        question.abandon()
        raise
    try:
        response = await _Answer(door, request, told, send).made(handler.answers)
    except BaseException:
        told.discard()
        raise
    if request.method == "HEAD":
        await response.close()
        return LocalResponse(response.status, response.headers, WholeBody(b""), response.reason)
    return response


async def _told(door: Door, handler: SchemeHandler, question: Question) -> Told:
    try:
        told = await door.world.handlers.ask(door.partition, handler_name(handler), question)
    except NetError:  # what a handler's own request failed with, or what it wants this one to fail with
        raise
    except HandlerTimeout as error:
        raise NetError("ERR_TIMED_OUT", str(error)) from error
    except Exception as error:
        name = "ERR_UNEXPECTED" if handler.answers == "response" else "ERR_FAILED"  # FEATURES H4
        raise NetError(name, f"the handler of {handler.scheme!r} raised {type(error).__name__}: {error}") from error
    if not isinstance(told, Told):
        raise NetError("ERR_FAILED", f"the handler of {handler.scheme!r} is gone")
    return told


class _Answer:
    """One answer on its way to be a response."""

    def __init__(self, door: Door, request: NetworkRequest, told: Told, send: Sender) -> None:
        self._door = door
        self._request = request
        self._told = told
        self._send = send

    async def made(self, kind: HandlerAnswers) -> NetworkResponse:
        """The response, as that kind of handler makes one."""
        result = self._told.result
        if kind == "response":
            return self._of_response(result)
        if result is None:
            raise NetError("ERR_NOT_IMPLEMENTED", "the handler answered with nothing")  # FEATURES R26
        reply = reply_of(result)
        if reply is not None and kind != "http" and status_of(reply) in STATUSES:
            headers = fields_of(reply)
            if fields.first(headers, "location") is not None:  # FEATURES R28: whatever else it says
                return self._finished(LocalResponse(reply.status_code, headers, WholeBody(b"")))
        return await _ROWS[kind](self, result, reply)

    # -- rows -----------------------------------------------------------------------------------------------------------

    async def as_buffer(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:
        """FEATURES R12: bytes, or ``{data: bytes}``."""
        data = result if reply is None else reply.data
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise malformed(f"a buffer handler answers with bytes, not {type(data).__name__}")
        return self._of_bytes(bytes(data), reply or ProtocolResponse())

    async def as_string(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:
        """FEATURES R13: a str, or ``{data: str}``."""
        data = result if reply is None else reply.data
        if not isinstance(data, str):
            raise malformed(f"a string handler answers with a str, not {type(data).__name__}")
        reply = reply or ProtocolResponse()
        return self._of_bytes(encoded(data, reply), reply)

    async def as_file(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:
        """FEATURES R11: a path, or ``{path: str}``."""
        path = path_in(result if reply is None else reply.path)
        if path is None:
            raise malformed("a file handler answers with a path")
        reply = reply or ProtocolResponse()
        self._told.end()
        return await response_of_file(
            self._door,
            path,
            self._request,
            status=status_of(reply),
            headers=fields_of(reply, media_type=None, shared=True),
            charset=reply.charset,
        )

    async def as_http(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:  # noqa: ARG002
        """FEATURES R14: ``{url, method?, referrer?, uploadData?, session?}``."""
        if reply is None or not isinstance(reply.url, str):
            raise malformed("an http handler answers with a mapping that has a 'url'")
        outgoing = self._outgoing(reply, reply.url)
        if reply.session is not None:
            return await through_session(self._told, reply.session, outgoing)
        self._told.end()
        return await self._send(outgoing)

    async def as_stream(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:
        """FEATURES R15: a stream, or ``{data: stream | None}``."""
        source = result if reply is None else reply.data
        reply = reply or ProtocolResponse()
        status, headers = status_of(reply), fields_of(reply)
        if isinstance(source, str):
            raise malformed("a stream handler answers with a stream of bytes, not a str")
        return self._streamed(status, headers, source)

    async def as_any(self, result: object, reply: ProtocolResponse | None) -> NetworkResponse:
        """FEATURES R16: what the answer itself says to be."""
        if isinstance(result, Response):
            return self._of_response(result)
        data = result if reply is None else reply.data
        if isinstance(data, (bytes, bytearray, memoryview)):
            return await self.as_buffer(result, reply)
        if isinstance(data, str):
            return await self.as_string(result, reply)
        if reply is not None and reply.url is not None:
            return await self.as_http(result, reply)
        if (path_in(result) if reply is None else reply.path) is not None:
            return await self.as_file(result, reply)
        return await self.as_stream(result, reply)

    # -- responses ------------------------------------------------------------------------------------------------------

    def _of_bytes(self, content: bytes, reply: ProtocolResponse) -> NetworkResponse:
        status, headers = status_of(reply), fields_of(reply, shared=True)
        if status == _OK and fields.first(headers, "accept-ranges") is None:
            headers = (*headers, ("Accept-Ranges", "bytes"))
        headers = (*headers, ("Content-Length", str(len(content))))
        return self._finished(self._ranged(status, headers, WholeBody(content), None))

    def _of_response(self, result: object) -> NetworkResponse:
        """FEATURES H1, H4: an ``httpx.Response``, read or unread."""
        if not isinstance(result, Response):
            what = f"the handler returned {type(result).__name__}, not an httpx.Response"
            raise NetError("ERR_UNEXPECTED", what)
        status = result.status_code
        if status == _ERROR_RESPONSE:  # Fetch standard 2.2.6: a network error
            raise NetError("ERR_FAILED", "the handler answered with an error response")
        if not _LEAST_STATUS <= status <= _LAST_STATUS:
            raise NetError("ERR_UNEXPECTED", f"the handler's response has the status {status}; one is from 200 to 599")
        headers = response_fields(
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in result.headers.raw)
        )
        reason = result.extensions.get("reason_phrase")
        reason = reason.decode("latin-1") if isinstance(reason, bytes) else None
        stream = result.stream
        if isinstance(stream, ByteStream):
            return self._finished(self._ranged(status, headers, WholeBody(b"".join(stream)), reason))
        if result.is_stream_consumed or result.is_closed:
            if not hasattr(result, "_content"):
                raise NetError("ERR_UNEXPECTED", "the body of the handler's response has been read by somebody else")
            content = result.content  # decoded by then
            headers = fields.without(headers, frozenset({"content-encoding", "content-length"}))
            headers = (*headers, ("Content-Length", str(len(content))))
            return self._finished(self._ranged(status, headers, WholeBody(content), reason))
        if not isinstance(stream, (AsyncByteStream, SyncByteStream)):
            raise NetError("ERR_UNEXPECTED", f"the response's stream is {type(stream).__name__}, no stream of httpx's")
        return self._ranged(status, headers, self._told.stream(stream), reason)

    def _streamed(self, status: int, headers: Fields, source: object) -> NetworkResponse:
        try:
            chunks = self._told.stream(source)
        except TypeError as error:
            raise malformed(str(error)) from None
        if isinstance(chunks, WholeBody):
            headers = (*headers, ("Content-Length", str(len(chunks.content))))
            return self._finished(LocalResponse(status, headers, chunks))
        return LocalResponse(status, headers, chunks)

    def _finished(self, response: LocalResponse) -> LocalResponse:
        """The handler has no more to do with it."""
        self._told.end()
        return response

    def _ranged(self, status: int, headers: Fields, chunks: Chunks, reason: str | None) -> LocalResponse:
        """All of it, or what ``Range`` asks for, where that can be known (WANTS 48, 100)."""
        size = fields.length_of(headers)
        request = self._request
        if (
            status != _OK
            or request.method != "GET"
            or size is None
            or fields.first(headers, "content-range") is not None
        ):
            return LocalResponse(status, headers, chunks, reason)
        part = part_asked_for(request.headers, headers, size)
        if part is None:
            return LocalResponse(status, headers, chunks, reason)
        rest = fields.without(headers, frozenset({"content-length"}))
        if part == "unsatisfiable":
            self._told.discard()
            empty = fields.without(rest, frozenset({"content-type", "content-encoding"}))
            return LocalResponse(_UNSATISFIABLE, (*empty, *unsatisfiable_fields(size)), WholeBody(b""))
        start, stop = part
        said = (("Content-Range", f"bytes {start}-{stop - 1}/{size}"), ("Content-Length", str(stop - start)))
        if isinstance(chunks, WholeBody):
            return LocalResponse(_PARTIAL, (*rest, *said), WholeBody(chunks.content[start:stop]))
        return LocalResponse(_PARTIAL, (*rest, *said), Part(chunks, start, stop))

    # -- requests -------------------------------------------------------------------------------------------------------

    def _outgoing(self, reply: ProtocolResponse, text: str) -> Outgoing:
        """The request to be sent instead. Its body is ``uploadData``, or that of the request as long as its method stays."""
        request = self._request
        try:
            url = urls.parse_http_url(text)
            method = request.method if reply.method is None else fields.check_method(reply.method)
        except (InvalidURL, TypeError, ValueError) as error:
            raise malformed(f"an http handler's answer cannot be sent: {error}") from None
        dropped = {"host", "cookie", "referer", *replies.OF_THE_CONNECTION}
        body = self._told.body if method == request.method and method not in _BODILESS else b""
        upload = reply.upload_data
        if upload is not None and method not in _BODILESS:
            body = upload.data.encode() if isinstance(upload.data, str) else upload.data
        if body == b"" or upload is not None:
            dropped |= {"content-type", "content-encoding"}
        headers = fields.without(request.headers, frozenset(dropped))
        if upload is not None and upload.content_type and body:
            headers = (*headers, ("Content-Type", upload.content_type))
        if reply.referrer:
            headers = (*headers, ("Referer", reply.referrer))
        try:
            checked = fields.check_fields(headers)
        except (TypeError, ValueError) as error:
            raise malformed(f"an http handler's answer cannot be sent: {error}") from None
        return Outgoing(method, url, checked, body, timeout_s=request.timeout_s, bypass_custom_protocol_handlers=True)


_ROWS: Final[
    Mapping[HandlerAnswers, Callable[[_Answer, object, ProtocolResponse | None], Awaitable[NetworkResponse]]]
] = {
    "file": _Answer.as_file,
    "buffer": _Answer.as_buffer,
    "string": _Answer.as_string,
    "http": _Answer.as_http,
    "stream": _Answer.as_stream,
    "any": _Answer.as_any,
}
"""What each kind of handler may answer with; ``response`` is ``handle``'s own."""
