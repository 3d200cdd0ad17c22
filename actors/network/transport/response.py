"""A response whose head has come, and its body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final

import trio

from partita.actors.kernel.file_ports import BodySource
from partita.actors.kernel.world import Interim, NetworkRequest, Timing
from partita.actors.network.http import NetError
from partita.actors.network.transport.bodies import BodyReader, Sized
from partita.actors.network.transport.http1 import Head, HeadReader
from partita.actors.network.transport.pools import Pools
from partita.actors.network.transport.streams import SocketStream

if TYPE_CHECKING:
    from partita.actors.network.transport.connection import Http1Connection

BODY_BYTES: Final = 256 * 1024
LARGE_BODY_BYTES: Final = 1024 * 1024
"""How much is taken from a connection at once: more where it is known that more will come."""
DRAINED_BYTES: Final = 64 * 1024
"""A response that is closed early is read to its end when no more than this is missing: the connection is worth that."""
DRAINING_S: Final = 0.25


class Http1Response:
    """See :class:`~partita.actors.kernel.world.NetworkResponse`.

    ``whole_body``: the body, when all of it came along with the head; None when it has to be read. With it there is nothing to
    wait for and nothing to close: the connection is free already. :meth:`body` gives the same bytes, once.
    """

    __slots__ = (
        "_body",
        "_connection",
        "_first",
        "_kept",
        "_over",
        "_pools",
        "_reading",
        "_taken",
        "_timeout_s",
        "_trace",
        "headers",
        "http_version",
        "interim",
        "reason",
        "remote_address",
        "status",
        "timing",
        "whole_body",
    )

    def __init__(
        self,
        connection: Http1Connection,
        pools: Pools,
        head: Head,
        reader: HeadReader,
        body: BodyReader,
        *,
        kept: bool,
        request: NetworkRequest,
    ) -> None:
        self.status = head.status
        self.reason = head.reason
        self.http_version = head.http_version
        self.headers = head.headers
        self.interim = tuple(Interim(one.status, one.headers) for one in reader.interim) if reader.interim else ()
        self.remote_address = connection.stream.remote_address
        self.timing: Timing | None = None
        self._connection = connection
        self._pools = pools
        self._timeout_s = request.timeout_s
        self._trace = request.trace
        self._body = body
        self._kept = kept
        self._over = False
        self._taken = False
        self._reading = False
        if self._trace is not None:
            self._trace.note("HTTP_TRANSACTION_READ_BODY", "begin")
        self._first = body.feed(reader.rest) if reader.rest else b""
        self.whole_body: bytes | None = None
        if body.done:
            self.whole_body = self._first
            self._finish()

    def body(self) -> AsyncIterator[bytes]:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.body`. The iterator is no generator: it may be left unread."""
        assert not self._taken, "a body is read once"
        self._taken = True
        return _Body(self)

    async def next_chunk(self) -> bytes:
        """The next of the body; ``b""`` at its end. Raises ``NetError``."""
        if self._first:
            first, self._first = self._first, b""
            return first
        body = self._body
        while not body.done:
            chunk = await self._received(body)
            if chunk:
                return chunk
        return b""

    async def _received(self, body: BodyReader) -> bytes:
        connection = self._connection
        self._reading = True
        chunk = b""
        try:
            data = await connection.receive(
                BODY_BYTES if (body.left_bytes or 0) < BODY_BYTES else LARGE_BODY_BYTES, self._timeout_s
            )
            if data:
                chunk = body.feed(data)
            else:
                body.end()
        except BaseException as error:
            failed = self._given_up(error)
            if failed is None:
                raise
            raise failed from (None if connection.timed_out else error)
        finally:
            self._reading = False
        if body.done:
            self._finish()
        return chunk

    async def burst(self, take: Callable[[BodySource], Awaitable[bool]]) -> bool:
        """See :class:`~partita.actors.kernel.world.BurstingResponse`. For a sized body, on a socket that no net log looks at."""
        body, connection = self._body, self._connection
        stream = connection.stream
        if self._first or body.done or type(body) is not Sized:
            return False
        if connection.trace is not None or not isinstance(stream, SocketStream):
            return False
        source = stream.lend(body.left_bytes)
        is_open = False
        try:
            flows = await take(source)
        except BaseException as error:  # the taker's own, or a cancellation: nobody reads on
            self._given_up(error)
            raise
        finally:
            is_open = stream.take_back()
        body.passed(source.left_bytes)
        try:
            if not is_open:
                raise trio.ClosedResourceError  # noqa: TRY301  # by its name, like all that goes wrong
            if source.error is not None:
                raise source.error
            if source.ended:
                body.end()
        except (OSError, NetError, trio.ClosedResourceError) as error:
            failed = self._given_up(error)
            raise failed or error from error
        if not source.left_bytes:
            self._kept = self._kept and not stream.is_spoiled()  # no surplus was read: it would lie there now
            self._finish()
        return flows

    def _given_up(self, error: BaseException) -> NetError | None:
        """Give the connection up; what the error is called, see :meth:`Http1Connection.failure`."""
        failed = self._connection.failure(error)
        self._kept = False
        self._finish()
        return failed

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.close`. Little that is missing is read, more is dropped."""
        if self._over:
            return
        left = self._body.left_bytes
        worth_it = self._kept and left is not None and left <= DRAINED_BYTES and not self._reading
        try:
            if worth_it and trio.current_effective_deadline() > trio.current_time():
                with trio.move_on_after(DRAINING_S):
                    while not self._body.done:
                        self._body.feed(await self._connection.receive(DRAINED_BYTES, None) or self._end())
        except (OSError, trio.ClosedResourceError):
            self._kept = False
        finally:
            self._kept = self._kept and self._body.done
            self._finish()

    def _end(self) -> bytes:
        raise ConnectionResetError

    def _finish(self) -> None:
        """Give the connection back, or give it up."""
        if self._over:
            return
        self._over = True
        if self._trace is not None:
            self._trace.note("HTTP_TRANSACTION_READ_BODY", "end")
        if self._kept and not self._body.surplus:
            self._pools.release(self._connection, trio.current_time())
        else:
            self._pools.discard(self._connection)


class _Body:
    """The chunks as they come."""

    def __init__(self, response: Http1Response) -> None:
        self._response = response

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._response.next_chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk
