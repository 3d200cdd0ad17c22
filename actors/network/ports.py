"""The live network: httpx's own transport on trio. A leaner one will take its place behind the same port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

import trio

from partita.actors.kernel.world import NetworkRequest
from partita.actors.network.http import (
    URL,
    AsyncByteStream,
    AsyncHTTPTransport,
    Limits,
    NetError,
    Request,
    Response,
    net_error,
)

MOST_CONNECTIONS: Final = 64
"""Requests beyond this wait here, in order: httpcore goes through all that wait whenever one ends."""
MOST_IDLE_CONNECTIONS: Final = 64
IDLE_S: Final = 30.0
CLOSING_S: Final = 2.0
"""How long a connection may take to close before it is dropped: a TLS peer may never answer the goodbye."""


class LiveNetwork:
    """The port ``network`` on real sockets. It belongs to the trio run that first sends through it."""

    def __init__(self) -> None:
        self._transport: AsyncHTTPTransport | None = None
        self._room = trio.CapacityLimiter(MOST_CONNECTIONS)
        self._closed = False

    async def send(self, request: NetworkRequest) -> LiveResponse:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        if self._closed:
            raise NetError("ERR_ABORTED", "the network has been closed")
        if self._transport is None:  # not before it is needed: it loads the certificates
            limits = Limits(
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=MOST_IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_S,
            )
            self._transport = AsyncHTTPTransport(limits=limits)
        place = object()
        await self._room.acquire_on_behalf_of(place)
        try:
            sent = _request(request)
            response = await self._transport.handle_async_request(sent)
        except BaseException as error:
            self._room.release_on_behalf_of(place)
            if isinstance(error, Exception):
                raise net_error(error) from error
            raise
        return LiveResponse(response, lambda: self._room.release_on_behalf_of(place))

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close`."""
        self._closed = True
        transport, self._transport = self._transport, None
        if transport is not None:
            with trio.move_on_after(CLOSING_S, shield=True):
                await transport.aclose()


def _request(request: NetworkRequest) -> Request:
    timeouts: Mapping[str, float | None] = dict.fromkeys(("connect", "read", "write", "pool"), request.timeout_s)
    return Request(
        request.method,
        URL(request.url),
        headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers],
        content=request.body,
        extensions={"timeout": timeouts},
    )


class LiveResponse:
    """A response whose head has come, over httpx's."""

    def __init__(self, response: Response, leave: Callable[[], None]) -> None:
        self._response = response
        self._leave: Callable[[], None] | None = leave
        self._body: _Body | None = None
        self.status = response.status_code
        self.reason = response.reason_phrase
        self.http_version = response.http_version
        self.headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)

    def body(self) -> AsyncIterator[bytes]:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.body`."""
        assert self._body is None, "a body is read once"
        assert isinstance(self._response.stream, AsyncByteStream)
        self._body = _Body(self._response.stream)
        return self._body

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.close`."""
        leave, self._leave = self._leave, None
        try:
            with trio.move_on_after(CLOSING_S, shield=True):
                await self._response.aclose()
                if self._body is not None:
                    await self._body.exhaust()
        finally:
            if leave is not None:
                leave()


class _Body:
    """The chunks as they come. No generator: what a reader leaves behind must not wait for the garbage collector."""

    def __init__(self, stream: AsyncByteStream) -> None:
        self._chunks = aiter(stream)
        self._ended = False

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            self._ended = True
            raise
        except Exception as error:
            self._ended = True
            raise net_error(error) from error
        except BaseException:
            self._ended = True
            raise

    async def exhaust(self) -> None:
        """End httpx's nested generators, which nothing else does; with the connection closed, they soon fail."""
        while not self._ended:
            with contextlib.suppress(NetError, StopAsyncIteration):
                await anext(self)
