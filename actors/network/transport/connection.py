"""One connection that speaks HTTP/1.1: exchange after exchange, one at a time."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final

import trio

from partita.actors.kernel.world import NetworkRequest, Timing, Trace, Upload
from partita.actors.network.http import NetError, net_error
from partita.actors.network.transport.deadlines import Deadlines, within
from partita.actors.network.transport.http1 import Head, HeadReader, body_of
from partita.actors.network.transport.pools import Group, Pools
from partita.actors.network.transport.requests import chunk
from partita.actors.network.transport.response import Http1Response
from partita.actors.network.transport.streams import ByteStream
from partita.actors.network.transport.tracing import octets, request_body, request_headers, response_headers

HEAD_BYTES: Final = 64 * 1024
"""What is asked for where a head is to come. All of a small body comes along with it."""
SENT_ALONG_BYTES: Final = 64 * 1024
"""A body that is no longer goes out with the head in one piece; during a longer one the answer is listened for."""
CLOSING_S: Final = 1.0
"""How long an upload that is not wanted any more may take to end."""
_PIECE_BYTES: Final = 256 * 1024
_MULTIPLE_CHOICES: Final = 300

_HUNG_UP: Final = (
    BrokenPipeError,
    ConnectionResetError,
    ConnectionAbortedError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
"""The server takes no more. It may have answered before that (RFC 9112 9.5)."""

_STALE: Final[Mapping[str, str]] = {
    "ERR_EMPTY_RESPONSE": "ERR_CONNECTION_CLOSED",
    "ERR_CONNECTION_RESET": "ERR_CONNECTION_RESET",
    "ERR_CONNECTION_ABORTED": "ERR_CONNECTION_ABORTED",
    "ERR_SSL_PROTOCOL_ERROR": "ERR_CONNECTION_CLOSED",
}
"""How a server closes a connection that it thought idle, and what that is called."""


class Http1Connection:
    """A connection of a group. Its stream is either idle, or belongs to one response."""

    def __init__(self, group: Group, stream: ByteStream, trace: Trace | None, deadlines: Deadlines) -> None:
        self.group = group
        self.stream = stream
        self.trace = trace
        self._deadlines = deadlines
        self.idle_since = 0.0
        self.used = False
        self.closed = False
        self.aborted = False
        self.timed_out = False
        self._phase = ""
        """The phase of a request that a net log has been told the beginning of."""

    def is_spoiled(self) -> bool:
        """See :class:`~partita.actors.network.transport.pools.Pooled`; so for the rest."""
        return self.stream.is_spoiled()

    def close(self) -> None:
        self.stream.close()

    def abort(self) -> None:
        self.aborted = True
        self.stream.close()

    def time_out(self) -> None:
        """See :class:`~partita.actors.network.transport.deadlines.Watched`."""
        self.timed_out = True
        self.stream.close()

    # -- one exchange -----------------------------------------------------------------------------------------------------

    async def send(self, request: NetworkRequest, head: bytes, pools: Pools, began_s: float) -> Http1Response:
        """Send the request; comes back with the head of the answer. Raises :class:`NetError`.

        The connection goes back to the pools with the response, or is given up here.
        """
        reused, self.used = self.used, True
        reader = HeadReader()
        sent_s = trio.current_time()
        try:
            final, intact, sent_until_s = await self._exchanged(request, head, reader)
            body, kept = body_of(final, request.method)
            response = Http1Response(self, pools, final, reader, body, kept=kept and intact, request=request)
        except BaseException as error:
            failed = self.failure(error, stale=reused and not reader.received)
            pools.discard(self)
            self._note_phase(request.trace, "", {"net_error": failed.code} if failed is not None else None)
            if isinstance(error, _UploadFailedError):
                raise error.cause from None
            if failed is None:
                raise
            raise failed from (None if self.timed_out else error)  # a deadline closes the stream: that says nothing
        sending_s = (sent_s, sent_until_s)
        head_s = trio.current_time()
        if reused:
            response.timing = Timing(began_s, sent_s=sending_s, head_s=head_s)
        else:
            stream = self.stream
            response.timing = Timing(began_s, stream.lookup_s, stream.connect_s, stream.tls_s, sending_s, head_s)
        return response

    async def _exchanged(self, request: NetworkRequest, head: bytes, reader: HeadReader) -> tuple[Head, bool, float]:
        """The final head; whether the request went out whole; when it had."""
        body = request.body
        trace = request.trace
        if trace is not None:
            self._note_phase(trace, "HTTP_TRANSACTION_SEND_REQUEST")
            trace.note("HTTP_TRANSACTION_SEND_REQUEST_HEADERS", "none", request_headers(head))
            if body:
                merged = isinstance(body, bytes) and len(body) <= SENT_ALONG_BYTES
                trace.note("HTTP_TRANSACTION_SEND_REQUEST_BODY", "none", request_body(request, merged=merged))
        if isinstance(body, bytes) and len(body) <= SENT_ALONG_BYTES:
            timeout_s = request.timeout_s
            if timeout_s is not None:
                self._deadlines.begin(self, timeout_s)
            intact = True
            try:
                await self._send(head + body if body else head)
            except _HUNG_UP:
                intact = False  # it may have answered before that
            finally:
                if timeout_s is not None:
                    self._deadlines.end(self)
            sent_until_s = trio.current_time()
            self._note_phase(trace, "HTTP_TRANSACTION_READ_HEADERS")
            final = await self._awaited_head(reader, timeout_s)
        else:
            final, intact, sent_until_s = await self._sent_beside(request, head, reader)
        if trace is not None:
            trace.note("HTTP_TRANSACTION_READ_RESPONSE_HEADERS", "none", response_headers(final))
            self._note_phase(trace, "")
        return final, intact, sent_until_s

    async def _sent_beside(self, request: NetworkRequest, head: bytes, reader: HeadReader) -> tuple[Head, bool, float]:
        """The same for a body that takes a while: an answer that comes early is heard.

        If it is an error or leads elsewhere, nothing more is sent: the server does not want it.
        """
        heard = _Heard()
        sent_until_s = trio.current_time()  # an early answer cuts the sending short
        async with trio.open_nursery(strict_exception_groups=True) as nursery:
            nursery.start_soon(self._listen, reader, heard, nursery.cancel_scope)
            try:
                await self._send_slowly(request, head)
                heard.intact = True
            except _HUNG_UP:
                pass  # what it said before that is on its way to the listener
            except Exception as error:  # noqa: BLE001  # it is raised below, out of the nursery
                heard.failed = error
                nursery.cancel_scope.cancel()
            sent_until_s = trio.current_time()
            self._note_phase(request.trace, "HTTP_TRANSACTION_READ_HEADERS")
            if request.timeout_s is not None:
                nursery.cancel_scope.deadline = sent_until_s + request.timeout_s
        if heard.failed is not None:
            raise heard.failed
        if heard.final is None:
            raise trio.TooSlowError
        return heard.final, heard.intact, sent_until_s

    async def _listen(self, reader: HeadReader, heard: _Heard, scope: trio.CancelScope) -> None:
        try:
            heard.final = await self._awaited_head(reader, None)
        except Exception as error:  # noqa: BLE001  # see above
            heard.failed = heard.failed or error
            scope.cancel()
        else:
            if heard.final.status >= _MULTIPLE_CHOICES:
                scope.cancel()

    async def _send_slowly(self, request: NetworkRequest, head: bytes) -> None:
        body = request.body
        if isinstance(body, bytes):
            with within(request.timeout_s):
                await self._send(head)
            view = memoryview(body)
            for at in range(0, len(body), _PIECE_BYTES):
                with within(request.timeout_s):
                    await self._send(view[at : at + _PIECE_BYTES])
                await trio.lowlevel.checkpoint()
            return
        with within(request.timeout_s):
            await self._send(head)
        chunks = _Chunks(body.chunks())
        try:
            await self._send_upload(body, chunks, request.timeout_s)
        finally:
            await chunks.close()

    async def _send_upload(self, body: Upload, chunks: _Chunks, timeout_s: float | None) -> None:
        size = body.size_bytes
        sent = 0
        async for data in chunks:
            sent += len(data)
            if size is not None and sent > size:
                raise NetError("ERR_INVALID_ARGUMENT", f"the upload is longer than the {size} bytes announced")
            if data:
                with within(timeout_s):
                    await self._send(data if size is not None else chunk(data))
                await trio.lowlevel.checkpoint()
        if size is None:
            with within(timeout_s):
                await self._send(chunk(b""))
        elif sent < size:
            raise NetError("ERR_INVALID_ARGUMENT", f"the upload ended {size - sent} bytes before the length announced")

    async def _awaited_head(self, reader: HeadReader, timeout_s: float | None) -> Head:
        while True:
            data = await self.receive(HEAD_BYTES, timeout_s)
            if not data:
                raise reader.end()
            final = reader.feed(data)
            if final is not None:
                return final

    async def receive(self, max_bytes: int, timeout_s: float | None) -> bytes:
        """What comes next."""
        if timeout_s is None:
            data = await self.stream.receive(max_bytes)
        else:
            deadlines = self._deadlines
            deadlines.begin(self, timeout_s)
            try:
                data = await self.stream.receive(max_bytes)
            finally:
                deadlines.end(self)
        if self.trace is not None:
            self.trace.note("SOCKET_BYTES_RECEIVED", "none", octets(self.trace, data))
        return data

    async def _send(self, data: bytes | memoryview) -> None:
        if self.trace is not None:
            self.trace.note("SOCKET_BYTES_SENT", "none", octets(self.trace, data))
        await self.stream.send(data)

    def _note_phase(self, trace: Trace | None, phase: str, ending: Mapping[str, object] | None = None) -> None:
        """One phase of a request ends, and another one begins, if it has a name."""
        if trace is None:
            return
        if self._phase:
            trace.note(self._phase, "end", ending)
        if phase:
            trace.note(phase, "begin")
        self._phase = phase

    def failure(self, error: BaseException, *, stale: bool = False) -> NetError | None:
        """What an exception of this connection is called; None for one that is no failure: a cancellation."""
        if not isinstance(error, Exception):
            return None
        if self.timed_out or isinstance(error, trio.TooSlowError):
            return NetError("ERR_TIMED_OUT", "the server took too long")
        if self.aborted or self.closed or isinstance(error, trio.ClosedResourceError):
            return NetError("ERR_ABORTED", "the connection was closed on this side")
        failed = net_error(error)
        if stale and failed.name in _STALE:
            failed = NetError(_STALE[failed.name], failed.detail)
            failed.stale_connection = True
        return failed


class _Heard:
    """What became of a request whose answer was listened for while it was sent."""

    def __init__(self) -> None:
        self.final: Head | None = None
        self.failed: Exception | None = None
        self.intact = False


class _UploadFailedError(Exception):
    """The caller's own iterator raised: that is no failure of the network."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


class _Chunks:
    """The chunks of an upload, its exceptions marked as its own."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise _UploadFailedError(error) from error

    async def close(self) -> None:
        """An async generator that is left in the middle wants to be told (PEP 525)."""
        aclose = getattr(self._chunks, "aclose", None)
        if aclose is not None:
            with trio.move_on_after(CLOSING_S, shield=True):
                await aclose()
