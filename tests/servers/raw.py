"""A server on loopback that says exactly the bytes that a test gives it, as tasks of the test's own trio run."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


class RawConnection:
    """One accepted connection; ``number`` counts them, from 1."""

    def __init__(self, server: RawServer, stream: trio.abc.Stream, number: int) -> None:
        self.server = server
        self.stream = stream
        self.number = number
        self.buffer = b""

    async def request(self) -> bytes:
        """The next request: its head, and as much body as Content-Length says; ``b""`` when the client has hung up."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if not await self._more():
                return b""
        head = self.buffer[: end + 4].lower()
        _, found, length = head.partition(b"\r\ncontent-length: ")
        total = end + 4 + (int(length.split(b"\r\n")[0]) if found else 0)
        while len(self.buffer) < total:
            if not await self._more():
                return b""
        request, self.buffer = self.buffer[:total], self.buffer[total:]
        self.server.requests.append(request)
        return request

    async def _more(self) -> bool:
        data = await self.stream.receive_some(65_536)
        self.buffer += data
        return bool(data)

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def reset(self) -> None:
        """RST: the connection is gone, and the client is told so."""
        stream = self.stream
        assert isinstance(stream, trio.SocketStream)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(stream)


Handler = Callable[[RawConnection], Awaitable[None]]


class RawServer:
    """``requests``: all that came, in order. ``connections``: all there were; ``open``: that are; ``most``: that were at once."""

    def __init__(self, handler: Handler, port: int, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self.requests: list[bytes] = []
        self.connections = self.open = self.most = 0
        self._handler = handler
        self._tls = tls

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self._tls else ''}://{host}:{self.port}{path}"

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        secured = (
            stream if self._tls is None else trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
        )
        connection = RawConnection(self, secured, self.connections)
        try:
            await self._handler(connection)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.open -= 1
            with trio.move_on_after(1):
                await trio.aclose_forcefully(stream)


@asynccontextmanager
async def raw_server(
    handler: Handler, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Serve each connection with ``handler`` until the block is left."""
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=1024)
    server = RawServer(handler, listeners[0].socket.getsockname()[1], tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        yield server
        nursery.cancel_scope.cancel()


def always(*responses: bytes) -> Handler:
    """Answer each request of a connection with the next of these, the last over and over."""

    async def handler(connection: RawConnection) -> None:
        waiting = list(responses)
        while await connection.request():
            await connection.send(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return handler


def ok(body: bytes = b"", *fields: str) -> bytes:
    """A whole response."""
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode("latin-1") + body
