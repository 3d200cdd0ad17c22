"""The tour's web site, on the loopback interface: a welcome that sets cookies over a redirect, and a large file."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

FILE_BYTES: Final = 64 << 20
HELD_AT_BYTES: Final = 32 << 20
"""Where the first sending of the file comes to a halt: so the middle of the download is no matter of luck."""

CHUNK_BYTES: Final = 256 << 10
PATIENCE_S: Final = 60.0
DAY_S: Final = 86_400
E_TAG: Final = '"tour-1"'


class Request(NamedTuple):
    """A line of the server's log; the fields are empty where the client sent none."""

    method: str
    path: str
    range: str
    cookie: str


class TourServer:
    """``with TourServer() as server``: runs in threads of its own until the end of the block."""

    def __init__(self) -> None:
        self.content: Final = random.Random(64).randbytes(FILE_BYTES)  # noqa: S311  # any bytes will do, the same each time
        self.sha256: Final = hashlib.sha256(self.content).hexdigest()
        self.requests: Final[list[Request]] = []
        self.go_on: Final = threading.Event()
        """Set it to have the rest of the file sent."""
        self._listener = _Listener(self)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), daemon=True, name="tour server"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.go_on.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        """The absolute URL of a path."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}{path}"

    @property
    def ranges(self) -> list[str]:
        """The Range fields that clients have sent, in order."""
        return [request.range for request in self.requests if request.range]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, site: TourServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = site

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in the middle is what the tour is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _site(self) -> TourServer:
        assert isinstance(self.server, _Listener)
        return self.server.site

    def do_GET(self) -> None:  # http.server's name
        headers = self.headers
        request = Request(self.command, self.path, headers.get("Range", ""), headers.get("Cookie", ""))
        self._site.requests.append(request)
        match self.path:
            case "/welcome":
                self._redirect("/home", f"visitor=newcomer-1; Path=/; Max-Age={DAY_S}; HttpOnly")
            case "/home":
                self._text(f"hello; you sent: {request.cookie}\n", f"theme=dark; Path=/; Max-Age={DAY_S}; SameSite=Lax")
            case "/film.bin":
                self._file(request.range)
            case _:
                self.send_error(404)

    def _redirect(self, path: str, cookie: str) -> None:
        self.send_response(302)
        self.send_header("Location", path)
        self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _text(self, text: str, cookie: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, wanted: str) -> None:
        """All of it, or what is left of it (RFC 9110 14.2)."""
        match = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = int(match[1]) if match and self.headers.get("If-Range", E_TAG) == E_TAG else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{FILE_BYTES - 1}/{FILE_BYTES}")
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(FILE_BYTES - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", E_TAG)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self._send(start)

    def _send(self, start: int) -> None:
        site = self._site
        content = memoryview(site.content)
        for at in range(start, FILE_BYTES, CHUNK_BYTES):
            if at >= HELD_AT_BYTES and not site.go_on.wait(PATIENCE_S):
                self.close_connection = True
                return
            self.wfile.write(content[at : at + CHUNK_BYTES])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """The log is ``requests``."""
