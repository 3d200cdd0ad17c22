"""Streams of bytes to a server: what a connection is spoken over, and who makes it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Final, Protocol

import trio
from trio.lowlevel import notify_closing, wait_readable, wait_writable

from partita.actors.kernel.world import Trace
from partita.actors.network.transport.bursts import SocketSource

Span = tuple[float, float]
"""When something began and ended, in trio's seconds."""


class ByteStream(Protocol):
    """Both directions to a server. One task may send while another one receives.

    ``remote_address`` is the server's IP address; ``lookup_s``, ``connect_s`` and ``tls_s`` say how long it took to get here.
    """

    remote_address: str | None
    lookup_s: Span | None
    connect_s: Span | None
    tls_s: Span | None

    async def send(self, data: bytes | memoryview) -> None:
        """All of ``data``. It need not be a checkpoint. Raises ``OSError``, ``trio.ClosedResourceError``."""
        ...

    async def receive(self, max_bytes: int) -> bytes:
        """What has come, as soon as something has; ``b""`` at the end. Raises ``OSError``, ``trio.ClosedResourceError``."""
        ...

    def is_spoiled(self) -> bool:
        """Whether something, or the end, has come while nobody asked: such a connection is of no use any more."""
        ...

    def close(self) -> None:
        """Let it go at once; who waits for it gets ``trio.ClosedResourceError``. May be called twice."""
        ...


class Dialer(Protocol):
    """Who makes streams."""

    async def connect(self, host: str, port: int, *, trace: Trace | None) -> ByteStream:
        """Look a name up and connect to it. Raises ``OSError`` or ``NetError``."""
        ...

    async def start_tls(self, stream: ByteStream, host: str, *, trace: Trace | None) -> ByteStream:
        """Speak TLS over a stream of this dialer's, which belongs to what comes back. Raises ``OSError``, ``NetError``."""
        ...


class SocketStream:
    """A stream over a socket of the system's, which can be lent to a thread; whoever lends it neither sends nor receives."""

    socket: socket.socket
    _lent: SocketSource | None = None

    def lend(self, left_bytes: int) -> SocketSource:
        """Let a thread take so much of a body. When it has ended, the socket is taken back."""
        self._lent = SocketSource(self.socket, left_bytes)
        return self._lent

    def take_back(self) -> bool:
        """The thread has ended; whether the stream is still open."""
        lent, self._lent = self._lent, None
        if lent is not None and lent.is_closing:
            self.close()
        return self.socket.fileno() >= 0

    def close(self) -> None:
        """See :class:`ByteStream`. What a thread reads from is closed behind it: the number might be another socket's by then."""
        if self._lent is not None:
            self._lent.is_closing = True
            self._lent.stop()
        elif self.socket.fileno() >= 0:
            notify_closing(self.socket)
            self.socket.close()


class TcpStream(SocketStream):
    """A connected socket. It blocks nobody: what would is waited for in trio's loop."""

    tls_s: Span | None = None

    def __init__(
        self, connected: socket.socket, remote_address: str | None, lookup_s: Span | None, connect_s: Span | None
    ) -> None:
        self.socket = connected
        self.remote_address = remote_address
        self.lookup_s = lookup_s
        self.connect_s = connect_s

    async def send(self, data: bytes | memoryview) -> None:
        """See :class:`ByteStream`; so for the rest."""
        sock = self.socket
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return
        view = memoryview(data)[sent:]
        while view:
            await wait_writable(sock)
            with contextlib.suppress(BlockingIOError):
                view = view[sock.send(view) :]

    async def receive(self, max_bytes: int) -> bytes:
        sock = self.socket
        while True:
            await wait_readable(sock)
            with contextlib.suppress(BlockingIOError):
                return sock.recv(max_bytes)

    def is_spoiled(self) -> bool:
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


_RECORD_BYTES: Final = 16 * 1024
"""What a TLS record holds at most (RFC 8446 5.1)."""


class TlsStream(SocketStream):
    """TLS on a socket. A record is 16 KiB at most: as many as have come are gathered into one piece.

    ``gathered`` is where that is done. Nothing stays there, so all streams of a loop may share it.
    """

    socket: ssl.SSLSocket

    def __init__(self, secured: ssl.SSLSocket, over: TcpStream, tls_s: Span, gathered: memoryview) -> None:
        self.socket = secured
        self._gathered = gathered
        self.remote_address = over.remote_address
        self.lookup_s = over.lookup_s
        self.connect_s = over.connect_s
        self.tls_s: Span | None = tls_s

    async def send(self, data: bytes | memoryview) -> None:
        """See :class:`ByteStream`; so for the rest."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view) :]
            except ssl.SSLWantWriteError:
                await wait_writable(self.socket)
            except ssl.SSLWantReadError:
                await wait_readable(self.socket)

    async def receive(self, max_bytes: int) -> bytes:
        sock = self.socket
        if not sock.pending():
            await wait_readable(sock)
        else:
            await trio.lowlevel.checkpoint()
        while True:
            try:
                size = sock.recv_into(self._gathered[:max_bytes])
            except ssl.SSLWantReadError:
                await wait_readable(sock)
            except ssl.SSLWantWriteError:
                await wait_writable(sock)
            else:
                return self._with_more(size, max_bytes)

    def _with_more(self, size: int, max_bytes: int) -> bytes:
        """A full record is seldom the last one: what has come behind it is taken along."""
        gathered = self._gathered[:max_bytes]
        if size >= _RECORD_BYTES:
            with contextlib.suppress(OSError):  # it comes again: an error stays, and what came before it counts
                while size < len(gathered) and (more := self.socket.recv_into(gathered[size:])):
                    size += more
        return bytes(gathered[:size])

    def is_spoiled(self) -> bool:
        """A session ticket may have come (RFC 8446 4.6.1): that is no byte of an answer."""
        try:
            self.socket.recv(1)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        return True
