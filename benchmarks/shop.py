"""The server that clients are compared on: a shop on loopback, in a process of its own.

It is nginx where that is installed (Debian's ``nginx-light`` will do), else a small server of ours on asyncio. Both say the same:

    /enter      sets the cookies of a visit, which go out with every request from then on
    /item       1 KiB that nobody may store
    /basket     the same with a ``Set-Cookie`` that changes each time
    /kept/N     1 KiB that is fresh for a day
    /large      a file

``python -m benchmarks.shop FILE`` is the second one: it prints its port.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

NGINX: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
BODY: Final = "x" * 1024
BASKET_EVERY: Final = 50
"""A request in so many fills the basket: its response sets a cookie."""

_ENTER: Final = ("visit=5f2a9c01; Path=/; HttpOnly", "language=en; Path=/; Max-Age=86400", "offers=on; Path=/")
_CONFIGURATION: Final = """
daemon off;
worker_processes 1;
{user}
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    sendfile on;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {root};
        location /enter {{ {enter} return 200 "{body}"; }}
        location /item {{ add_header Cache-Control no-store; return 200 "{body}"; }}
        location /basket {{
            add_header Cache-Control no-store;
            add_header Set-Cookie "basket=$msec; Path=/";
            return 200 "{body}";
        }}
        location /kept/ {{ add_header Cache-Control max-age=86400; return 200 "{body}"; }}
        location /large {{ add_header Cache-Control no-store; }}
    }}
}}
"""


class Shop(Struct, frozen=True):
    """A server that runs. ``software``: which of the two it is."""

    origin: str
    software: str

    def urls(self, count: int) -> Iterator[str]:
        """What a visitor asks for."""
        item, basket = f"{self.origin}/item", f"{self.origin}/basket"
        return (basket if number % BASKET_EVERY == 0 else item for number in range(count))


@contextmanager
def shop(folder: Path, large_bytes: int = 0) -> Iterator[Shop]:
    """Run it until the block is left."""
    large = folder / "large"
    with large.open("wb") as file:
        file.truncate(large_bytes)
    with _nginx(folder, NGINX) if NGINX is not None else _of_ours(large) as running:
        yield running


@contextmanager
def _nginx(folder: Path, binary: str) -> Iterator[Shop]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                root=folder,
                port=port,
                user="user root;" if os.geteuid() == 0 else "",  # its workers could not read the folder
                enter=" ".join(f'add_header Set-Cookie "{cookie}";' for cookie in _ENTER),
                body=BODY,
            )
        )
        process = subprocess.Popen(
            [binary, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)],
            pass_fds=(listener.fileno(),),
            env={**os.environ, "NGINX": f"{listener.fileno()};"},  # it inherits its listening socket
            stderr=subprocess.DEVNULL,
        )
    try:
        yield Shop(f"http://127.0.0.1:{port}", "nginx")
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _of_ours(large: Path) -> Iterator[Shop]:
    command = [sys.executable, "-m", "benchmarks.shop", str(large)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as process:
        assert process.stdout is not None
        try:
            yield Shop(f"http://127.0.0.1:{int(process.stdout.readline())}", "a server of ours")
        finally:
            process.terminate()


# -- ours -----------------------------------------------------------------------------------------------------------------


def _response(length: int, *fields: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Server: shop", "Content-Type: text/plain", f"Content-Length: {length}", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def _small(*fields: str) -> bytes:
    return _response(len(BODY), *fields) + BODY.encode()


class Connection(asyncio.Protocol):
    """Requests without bodies, one after the other."""

    enter = _small(*(f"Set-Cookie: {cookie}" for cookie in _ENTER))
    item = _small("Cache-Control: no-store")

    def __init__(self, large: Path) -> None:
        self._large = large
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._held = (self._held + data).split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1].decode()
            if path == "/large":
                self._sending = asyncio.ensure_future(self._send_large())
            else:
                self._transport.write(self._ANSWERS[path.split("/")[1]](self))

    async def _send_large(self) -> None:
        self._transport.write(_response(self._large.stat().st_size, "Cache-Control: no-store"))
        with self._large.open("rb") as file:
            await asyncio.get_running_loop().sendfile(self._transport, file)

    _ANSWERS: Final[dict[str, Callable[[Connection], bytes]]] = {
        "enter": lambda self: self.enter,
        "item": lambda self: self.item,
        "basket": lambda self: _small("Cache-Control: no-store", f"Set-Cookie: basket={time.time()}; Path=/"),  # noqa: ARG005
        "kept": lambda self: _small("Cache-Control: max-age=86400"),  # noqa: ARG005
    }


async def main(large: Path) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(large), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
