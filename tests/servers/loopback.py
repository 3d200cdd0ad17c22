"""A real HTTP/1.1 server on loopback, on a port of the system's choice, that does what a test tells it to.

Each path has an answer: a function of the request as it came in. Nothing here sleeps: what has to be slow waits for an
event of the test, with a bound, so that a test that forgets it fails and does not hang.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

PATIENCE_S = 30.0
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it. Names of header fields are in lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return next((value for given, value in self.headers if given == name), None)


class HungUpError(Exception):
    """Raised by an answer to end the connection where it stands."""


class Reply:
    """What an answer writes with."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler

    def head(self, status: int = 200, headers: dict[str, str] | list[tuple[str, str]] | None = None) -> None:
        self._handler.send_response_only(status)
        pairs = headers.items() if isinstance(headers, dict) else headers or []
        for name, value in pairs:
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.flush()

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def send(self, body: bytes, *, status: int = 200, headers: list[tuple[str, str]] | None = None) -> None:
        """A whole response."""
        self.head(status, [("Content-Length", str(len(body))), *(headers or [])])
        if self._handler.command != "HEAD":
            self.write(body)

    def hang_up(self) -> None:
        """An orderly end, in the wrong moment."""
        raise HungUpError

    def reset(self) -> None:
        """RST: the connection is gone, and the client is told so."""
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise HungUpError


Answer = Callable[[Seen, Reply], None]


class LoopbackServer:
    """``with LoopbackServer() as server: server.on("/x", answer); server.url("/x")``."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._answers: dict[str, Answer] = {}
        self._arrived = threading.Condition()
        self._server = _Listener(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_all()
        self._thread.join(PATIENCE_S)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, answer: Answer) -> str:
        """Answer requests for ``path`` (without its query) so; returns the URL."""
        self._answers[path] = answer
        return self.url(path)

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def wait_for(self, count: int) -> None:
        """Block until that many requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, PATIENCE_S), self.seen

    def wait_for_connections(self, count: int) -> None:
        """Block until that many connections have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.connections >= count, PATIENCE_S), self.connections

    def accepted(self) -> int:
        """One connection more; returns its number."""
        with self._arrived:
            self.connections += 1
            self._arrived.notify_all()
            return self.connections

    def answer(self, seen: Seen, reply: Reply) -> None:
        with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()
        answer = self._answers.get(seen.path.partition("?")[0])
        if answer is None:
            reply.send(b"nothing here", status=404)
        else:
            answer(seen, reply)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._open.discard(request)
        super().close_request(request)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """An orderly goodbye, unless the connection is to be reset: that is what closing it does then."""
        if not _resets(request):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def drop_all(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""


def _resets(connection: socket.socket) -> bool:
    return bool(struct.unpack("ii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.connection_number = self.server.owner.accepted()

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        seen = Seen(self.command, self.path, headers, body, self.connection_number)
        try:
            self.server.owner.answer(seen, Reply(self))
        except (HungUpError, OSError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = do_DELETE = do_PROPFIND = _any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Quiet."""


def sends(body: bytes = b"", *, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Answer:
    """An answer that is always the same."""
    return lambda seen, reply: reply.send(body, status=status, headers=headers)


def redirects(location: str, *, status: int = 302, cookies: tuple[str, ...] = ()) -> Answer:
    """An answer that sends the client elsewhere, and gives it cookies to take along."""
    headers = [("Location", location), *(("Set-Cookie", cookie) for cookie in cookies)]
    return lambda seen, reply: reply.send(b"", status=status, headers=headers)


@dataclass
class ServedFile:
    """A file that is served with ranges and validators (RFC 9110 14, 13.1.5), and with what a test wants to go wrong.

    ``hang_up_at`` and ``reset_at``: where in the file the first connections end, one for each number. ``hold_at``: the
    server stops before this byte and waits until ``go_on`` is set; ``held`` says that it is there.
    """

    content: bytes
    e_tag: str = '"v1"'
    last_modified: str = ""
    ranges: bool = True
    headers: list[tuple[str, str]] = field(default_factory=list)
    hang_up_at: list[int] = field(default_factory=list)
    reset_at: list[int] = field(default_factory=list)
    hold_at: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def __call__(self, seen: Seen, reply: Reply) -> None:
        start = self._start(seen)
        total = len(self.content)
        headers = [("Content-Type", "application/octet-stream"), *self.headers]
        if self.e_tag:
            headers.append(("ETag", self.e_tag))
        if self.last_modified:
            headers.append(("Last-Modified", self.last_modified))
        headers.append(("Accept-Ranges", "bytes" if self.ranges else "none"))
        if start is None:
            reply.head(200, [*headers, ("Content-Length", str(total))])
            self._body(reply, 0)
        elif start >= total:
            reply.send(b"", status=416, headers=[*headers, ("Content-Range", f"bytes */{total}")])
        else:
            headers.append(("Content-Range", f"bytes {start}-{total - 1}/{total}"))
            reply.head(206, [*headers, ("Content-Length", str(total - start))])
            self._body(reply, start)

    def _start(self, seen: Seen) -> int | None:
        """Where the client wants to go on; None when it gets everything."""
        match = re.fullmatch(r"bytes=(\d+)-", seen.header("range") or "")
        if not self.ranges or match is None:
            return None
        condition = seen.header("if-range")
        if condition is not None and condition not in (self.e_tag, self.last_modified):
            return None
        return int(match[1])

    def _body(self, reply: Reply, start: int) -> None:
        hang_up = self.hang_up_at.pop(0) if self.hang_up_at else None
        reset = self.reset_at.pop(0) if self.reset_at else None
        end = min(stop for stop in (hang_up, reset, len(self.content)) if stop is not None)
        at = start
        while at < end:
            until = min(at + CHUNK, end)
            if self.hold_at is not None and at <= self.hold_at < until and not self.go_on.is_set():
                reply.write(self.content[at : self.hold_at])
                at = self.hold_at
                self.held.set()
                assert self.go_on.wait(PATIENCE_S), "the test never let the server go on"
                continue
            reply.write(self.content[at:until])
            at = until
        if hang_up is not None and end == hang_up:
            reply.hang_up()
        if reset is not None and end == reset:
            reply.reset()
