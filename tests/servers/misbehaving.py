"""A server on loopback that says exactly what a test wrote down, right or wrong, and counts who is connected.

Each path has a script: what is done with the connection once the request's head is there. A script that comes to its end
drops the connection, so what it leaves out is missing. ``/good`` is answered as a server should, and keeps the connection.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

PATIENCE_S = 30.0
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\ngood"


class Wire:
    """One connection, as its script has it. A client that has gone ends the script."""

    def __init__(self, connection: socket.socket, path: str, head: bytes) -> None:
        self.path = path
        self.head = head
        self._connection = connection

    def say(self, data: bytes) -> None:
        self._connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """One byte at a time, each in a packet of its own."""
        for byte in data:
            self.say(bytes((byte,)))

    def hang(self) -> None:
        """Nothing more is said; until the client goes."""
        while self._connection.recv(65_536):
            pass

    def reset(self) -> None:
        """RST, when the script ends."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Script = Callable[[Wire], object]


class MisbehavingServer:
    """``with MisbehavingServer() as server: server.on("/bad", says(b"..."))``.

    ``greeting``: what it says to whoever connects, before it is asked and before the connection is counted.
    ``requests``: the paths that came, in order. ``connections``: all that there were; ``open``: those that there are.
    """

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.requests: list[str] = []
        self.connections = 0
        self._scripts: dict[str, Script] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)

    @property
    def open(self) -> int:
        with self._lock:
            return len(self._open)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def on(self, path: str, script: Script) -> str:
        """Do so with whoever asks for ``path`` (without its query); returns the URL."""
        self._scripts[path] = script
        return self.url(path)

    @property
    def _port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE_S)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.greeting:
                    connection.sendall(self.greeting)
                with self._lock:
                    self.connections += 1
                    self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (head := _head_of(connection)) is not None:
                path = head.split(b" ", 2)[1].decode("ascii")
                self.requests.append(path)
                script = self._scripts.get(path.partition("?")[0])
                if path.partition("?")[0] == "/good":
                    connection.sendall(GOOD)
                elif script is None or script(Wire(connection, path, head)) is not KEEP:
                    return
        except OSError:
            pass  # the client has gone
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


KEEP = object()
"""What a script returns that leaves the connection as it is, for the next request."""


def _head_of(connection: socket.socket) -> bytes | None:
    """The head of a request, whose body is never read; None when there is no other one."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return None
        head += byte
    return head


def says(*parts: bytes) -> Script:
    """Say this, and drop the connection."""

    def script(wire: Wire) -> None:
        for part in parts:
            wire.say(part)

    return script


def keeps(data: bytes) -> Script:
    """Say this, and wait for the next request."""

    def script(wire: Wire) -> object:
        wire.say(data)
        return KEEP

    return script


def moves_to(location: str, status: int = 302) -> Script:
    """A redirect."""
    return keeps(f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
