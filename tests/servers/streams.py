"""A real HTTP/1.1 server on loopback whose answers are conversations: bodies that come and go while both sides look on.

Each path has a function of the :class:`Talk`. A function that returns keeps the connection, one that raises drops it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self

PATIENCE_S = 30.0
CHUNK = 64 * 1024
LAST_CHUNK = b"0\r\n\r\n"


class Talk:
    """One request, whose body is unread, and its answer."""

    def __init__(self, handler: _Handler, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in parse_headers(handler.rfile).items()}
        self._in = handler.rfile
        self._out = handler.wfile
        self._connection = handler.connection

    def body(self) -> Iterator[bytes]:
        """The request's body as it comes."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self._in.readline(), 16):
                yield self._in.read(size)
                self._in.readline()
            self._in.readline()
            return
        left = int(self.headers.get("content-length", "0"))
        while left:
            part = self._in.read1(min(left, CHUNK))
            if not part:
                raise ConnectionError("the client went away in the middle of its body")
            left -= len(part)
            yield part

    def head(self, status: int = 200, *headers: tuple[str, str]) -> None:
        """The head of a response in chunks."""
        self.raw(_head(status, (*headers, ("Transfer-Encoding", "chunked"))))

    def chunk(self, data: bytes, *, is_last: bool = False) -> None:
        """``is_last``: the end comes with it; whoever knows by these bytes that it is the end has had that too."""
        self.raw(b"%x\r\n%b\r\n%b" % (len(data), data, LAST_CHUNK if is_last else b""))

    def end(self) -> None:
        self.raw(LAST_CHUNK)

    def raw(self, data: bytes) -> None:
        self._out.write(data)

    def send(self, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
        """A whole response."""
        head = _head(status, (*headers, ("Content-Length", str(len(body)))))
        self.raw(head + (b"" if self.method == "HEAD" else body))

    def wait_for_the_client_to_go(self) -> None:
        self._connection.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            while self._connection.recv(CHUNK):
                pass


def _head(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


Script = Callable[[Talk], object]


class StreamServer:
    """Listens in the background; use it as a context manager."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._listener = _Listener(self)
        self.port = self._listener.server_address[1]
        self.requests = 0
        self.connections = 0

    def on(self, path: str, script: Script) -> str:
        """Talk about ``path`` (without its query) so; returns the URL."""
        self._scripts[path] = script
        return f"http://127.0.0.1:{self.port}{path}"

    def talk(self, talk: Talk) -> None:
        self.requests += 1
        self._scripts[talk.path.partition("?")[0]](talk)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, owner: StreamServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""


class _Handler(StreamRequestHandler):
    server: _Listener
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.server.owner.connections += 1
        while line := self.rfile.readline():
            method, path, _ = line.decode("ascii").split()
            self.server.owner.talk(Talk(self, method, path))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]  # type: ignore[no-any-return]
