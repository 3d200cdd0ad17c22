"""The live network: httpx's own transport on trio. A leaner one will take its place behind the same port."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import trio

from partita.actors.kernel.world import NetworkRequest
from partita.actors.network.backends import AsyncConnectionPool, AsyncNetworkBackend
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
    """The port ``network`` on real sockets. It belongs to the trio run that first sends through it.

    ``backend``: what dials in place of sockets.
    """

    def __init__(self, backend: AsyncNetworkBackend | None = None) -> None:
        self._backend = backend
        self._transport: AsyncHTTPTransport | None = None
        self._room = trio.CapacityLimiter(MOST_CONNECTIONS)
        self._closed = False

    async def send(self, request: NetworkRequest) -> LiveResponse:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        if self._closed:
            raise NetError("ERR_ABORTED", "the network has been closed")
        if self._transport is None:  # not before it is needed: it loads the certificates
            self._transport = _transport() if self._backend is None else _TransportOver(self._backend)
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


def _transport() -> AsyncHTTPTransport:
    limits = Limits(
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_IDLE_CONNECTIONS,
        keepalive_expiry=IDLE_S,
    )
    return AsyncHTTPTransport(limits=limits)


class _TransportOver(AsyncHTTPTransport):
    """httpx's transport over another backend, which httpx has no argument for.

    It loads no certificates, and no idle connection expires: httpcore would ask the machine's clock.
    """

    def __init__(self, backend: AsyncNetworkBackend) -> None:
        self._pool = AsyncConnectionPool(
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_IDLE_CONNECTIONS,
            network_backend=backend,
        )


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
                spoiled = _spoiled(self._response)
                await self._response.aclose()
                if self._body is not None:
                    await self._body.exhaust()
                if spoiled is not None:
                    await spoiled.aclose()
        finally:
            if leave is not None:
                leave()


def _spoiled(response: Response) -> Any:
    """The connection, if the server has sent more than it announced: that would be taken for the next answer.

    httpcore keeps such a connection, and has no public way to ask.
    """
    stream: Any = response.stream
    for inner in ("_stream", "_httpcore_stream", "_stream"):
        stream = getattr(stream, inner, stream)
    connection = getattr(stream, "_connection", None)
    state = getattr(connection, "_h11_state", None)
    return connection if state is not None and state.trailing_data[0] else None


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
