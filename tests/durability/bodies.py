"""Bodies that follow from their URLs, and servers of them: whoever knows a URL knows what has to come."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGEST_BYTES = 2 << 20
CHUNK_BYTES = 32 << 10


def content_of(path: str) -> bytes:
    """1 B to 2 MiB, small ones as often as large ones."""
    digest = hashlib.sha256(path.encode()).digest()
    bits = digest[0] % 22  # up to 2 ** 21
    size = min(LARGEST_BYTES, (1 << bits) + int.from_bytes(digest[1:5], "big") % (1 << bits))
    return hashlib.shake_256(digest).digest(size)


class _Handler(BaseHTTPRequestHandler):
    """By the last letter of a path: ``l`` has a length, ``c`` comes in chunks, ``z`` is gzip."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        self.server.asked += 1
        body = content_of(self.path)
        kind = self.path[-1]
        self.send_response_only(200)
        self.send_header("Cache-Control", "max-age=86400")
        self.send_header("ETag", f'"{self.path}"')
        if kind == "z":
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        if kind == "c":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), CHUNK_BYTES):
            piece = body[at : at + CHUNK_BYTES]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if kind == "c" else piece)
        if kind == "c":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Quiet."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self) -> None:
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error of the server."""


class BodyServers:
    """Several origins, so that many connections carry bodies at once."""

    def __init__(self, origins: int) -> None:
        self._listeners = [_Listener() for _ in range(origins)]

    @property
    def ports(self) -> list[int]:
        return [listener.server_address[1] for listener in self._listeners]

    @property
    def asked(self) -> int:
        """How many requests have come."""
        return sum(listener.asked for listener in self._listeners)

    def start(self) -> None:
        for listener in self._listeners:
            threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()


@contextmanager
def body_servers(origins: int = 4) -> Iterator[BodyServers]:
    servers = BodyServers(origins)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()


def urls(ports: list[int], first: int, count: int) -> list[tuple[str, str]]:
    """``(url, path)`` of so many bodies."""
    paths = [f"/body/{number}/{'lcz'[number % 3]}" for number in range(first, first + count)]
    return [(f"http://127.0.0.1:{ports[number % len(ports)]}{path}", path) for number, path in enumerate(paths, first)]
