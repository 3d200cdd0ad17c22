"""The server that clients are compared on: a shop on loopback, in a process of its own.

It is nginx where that is installed (Debian's ``nginx-light`` will do), else a small server of ours on asyncio. Both say the same:

    /enter      sets the cookies of a visit, which go out with every request from then on
    /item       1 KiB that nobody may store
    /basket     the same with a ``Set-Cookie`` that changes each time
    /kept/N     1 KiB that is fresh for a day
    /large      a file
    /small/N    a file of 10 KiB (nginx only), for downloads

``python -m benchmarks.shop FILE`` is the second one: it prints its port.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
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

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
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
        {secure}
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
        location /small/ {{ try_files /small =404; }}
    }}
}}
"""

_SECURE: Final = """
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
"""


class Shop(Struct, frozen=True):
    """A server that runs. ``software``: which of the two it is.

    ``secure_origin``: the same over TLS, where that was asked for; ``certificate``: what to trust there.
    """

    origin: str
    software: str
    secure_origin: str = ""
    certificate: Path | None = None

    def urls(self, count: int) -> Iterator[str]:
        """What a visitor asks for."""
        item, basket = f"{self.origin}/item", f"{self.origin}/basket"
        return (basket if number % BASKET_EVERY == 0 else item for number in range(count))


@contextmanager
def shop(folder: Path, large_bytes: int = 0, *, secure: bool = False) -> Iterator[Shop]:
    """Run it until the block is left. ``secure``: over TLS as well, which takes nginx."""
    large = folder / "large"
    with large.open("wb") as file:
        file.truncate(large_bytes)
    (folder / "small").write_bytes(bytes(10 << 10))
    with _nginx(folder, NGINX, secure=secure) if NGINX is not None else _of_ours(large) as running:
        yield running


@contextmanager
def _nginx(folder: Path, binary: str, *, secure: bool) -> Iterator[Shop]:
    with _listening() as listener, _listening() as secure_listener:
        port, secure_port = (one.getsockname()[1] for one in (listener, secure_listener))
        certificate = _certified(folder) if secure else None
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                root=folder,
                port=port,
                secure="" if certificate is None else _SECURE.format(port=secure_port, folder=folder),
                user="user root;" if os.geteuid() == 0 else "",  # its workers could not read the folder
                enter=" ".join(f'add_header Set-Cookie "{cookie}";' for cookie in _ENTER),
                body=BODY,
            )
        )
        inherited = [listener.fileno(), *([secure_listener.fileno()] if secure else [])]
        process = subprocess.Popen(
            [binary, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)],
            pass_fds=inherited,
            env={**os.environ, "NGINX": "".join(f"{number};" for number in inherited)},  # its listening sockets
            stderr=subprocess.DEVNULL,
        )
    try:
        yield Shop(f"http://127.0.0.1:{port}", "nginx", f"https://127.0.0.1:{secure_port}", certificate)
    finally:
        process.terminate()
        process.wait(20)


def _listening() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    return listener


def _certified(folder: Path) -> Path:
    """A certificate for loopback, signed by itself, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the shop")])
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(encoding))
    without_password = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, without_password))
    return path


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
