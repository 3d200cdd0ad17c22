"""A real nginx on loopback, with files and nothing else. It inherits its listening socket, so no port is guessed.

Where there is none, the tests that need it are skipped by name; with ``PARTITA_EXPECTS_NGINX`` in the environment (as in
``.ci/run``) they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(
    BINARY is None and not os.environ.get("PARTITA_EXPECTS_NGINX"),
    reason="nginx is not installed (Debian: nginx-light)",
)

CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    log_format telling "$connection $connection_requests $status $body_bytes_sent $request_method $request_uri";
    access_log {folder}/access.log telling;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 100k;
    keepalive_requests 100000;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {root};
        location / {{ }}
        location /zipped/ {{ alias {root}/; gzip on; gzip_types *; gzip_min_length 1; }}
        location /closes/ {{ alias {root}/; keepalive_timeout 0; }}
        location /moved {{ return 302 /small; }}
        location /empty {{ return 204; }}
        location /teapot {{ return 418 "short and stout"; }}
        location /gone {{ return 410; }}
        location /broken {{ return 500; }}
        error_page 410 =410 /excuse;
        error_page 500 502 /excuse;
        location /refused {{ proxy_pass http://127.0.0.1:1/; }}
        location /packed/ {{ alias {root}/; gzip_static on; }}
        location /unframed/ {{
            alias {root}/; gzip on; gzip_types *; gzip_min_length 1; chunked_transfer_encoding off;
        }}
        location /kept/ {{ alias {root}/; add_header Cache-Control "max-age=600"; }}
        location /checked/ {{ alias {root}/; add_header Cache-Control no-cache; }}
        location /slow/ {{ alias {root}/; limit_rate 64k; }}
        location /limited/ {{ try_files /large =404; limit_rate {limit_rate}; }}
        location /hasty/ {{ alias {root}/; keepalive_timeout 5ms; }}
        location /few/ {{ alias {root}/; keepalive_requests 3; }}
        location = /to/301 {{ return 301 /asked/; }}
        location = /to/302 {{ return 302 /asked/; }}
        location = /to/303 {{ return 303 /asked/; }}
        location = /to/307 {{ return 307 /asked/; }}
        location = /to/308 {{ return 308 /asked/; }}
        location /asked/ {{ add_header Asked $request_method; return 200 "$request_method"; }}
        location /round/ {{ return 302 /round/$request_id; }}
        location /put/ {{
            root {root}; dav_methods PUT DELETE; client_max_body_size 100m;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Served:
    """A line of its log. ``connection``: its number; ``of_connection``: which request of the connection it was."""

    connection: int
    of_connection: int
    status: int
    body_bytes: int
    method: str
    path: str


class Nginx:
    """``root`` holds the files that it serves."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.root = folder / "root"
        self.port = port
        self._log = folder / "access.log"
        self._process = process

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def served(self) -> list[Served]:
        """What it has answered so far. A request is there when all of its answer is on its way, and a little later."""
        found = []
        for line in self._log.read_text().splitlines(keepends=True):
            connection, of_connection, status, body_bytes, method, path = line.split()
            if line.endswith("\n"):
                found.append(Served(int(connection), int(of_connection), int(status), int(body_bytes), method, path))
        return found

    def reload(self) -> None:
        """Begin with new workers; the old ones finish what they are at."""
        self._process.send_signal(signal.SIGHUP)


@contextmanager
def nginx(folder: Path, *, limit_rate: str = "0") -> Iterator[Nginx]:
    """Run it until the block is left; ``folder`` is empty. ``limit_rate``: of what is asked for below ``/limited/``."""
    assert BINARY is not None, "nginx is not installed, and PARTITA_EXPECTS_NGINX says that it is"
    root = folder / "root"
    (root / "put").mkdir(parents=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        configuration = folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""  # its workers could not read the tests' folder
        text = CONFIGURATION.format(folder=folder, root=root, port=port, user=user, limit_rate=limit_rate)
        configuration.write_text(text)
        command = [BINARY, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)]
        checked = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, check=False, timeout=30)
        assert checked.returncode == 0, checked.stderr
        process = subprocess.Popen(
            command,
            pass_fds=(listener.fileno(),),
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
            stderr=subprocess.DEVNULL,
        )
    try:
        yield Nginx(folder, port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
