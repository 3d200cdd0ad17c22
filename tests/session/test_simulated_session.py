"""A whole session on the simulation kernel, over ports that are plain Python: no loop, no thread, no socket."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import partita
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.kernel.world import Interim, NetworkRequest, NetworkResponse, Timing, World
from partita.system import Record
from tests.servers.memory_files import MemoryFiles

BODY = bytes(range(256)) * 40_000


class Entropy:
    def __init__(self) -> None:
        self.count = 0

    def random_bytes(self, count: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(str(self.count).encode()).digest(count)


class Answer:
    reason = "OK"
    http_version = "HTTP/1.1"
    interim: tuple[Interim, ...] = ()
    remote_address: str | None = None
    timing: Timing | None = None

    def __init__(
        self, kernel: SimulatedDispatcher, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> None:
        self.kernel, self.status, self.headers, self._body = kernel, status, headers, body

    async def body(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 1 << 20):
            await self.kernel.clock.sleep(0.1)
            yield self._body[start : start + (1 << 20)]

    async def close(self) -> None:
        """Nothing to close."""


class Internet:
    def __init__(self, kernel: SimulatedDispatcher) -> None:
        self.kernel = kernel
        self.seen: list[NetworkRequest] = []

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        self.seen.append(request)
        await self.kernel.clock.sleep(0.05)
        if request.url.endswith("/login"):
            return Answer(self.kernel, 302, (("Location", "/"), ("Set-Cookie", "sid=1; Max-Age=9")), b"")
        body = BODY if request.url.endswith("/file") else b"hello"
        return Answer(self.kernel, 200, (("Content-Length", str(len(body))),), body)

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """No connections here."""

    async def close_connections(self, pool: str) -> None:
        """No connections here."""

    async def close(self) -> None:
        """Nothing to close."""


def run(seed: int, data_dir: Path, record: Record = "state") -> tuple[str, list[str], bytes, float]:
    kernel = SimulatedDispatcher(seed)
    internet, disk = Internet(kernel), MemoryFiles()
    world = World(kernel.clock, Entropy(), internet, disk, HandlerTable())
    try:
        with partita.System(data_dir=data_dir, world=world, kernel=kernel, record=record) as system:
            session = system.from_partition("scratch")
            session.set_download_path("/downloads")
            both = [session.fetch("http://shop.test/login"), session.fetch("http://shop.test/login")]
            assert [future.get().text for future in both] == ["hello", "hello"]
            item = session.download_url("http://shop.test/file").get()
            assert item.finished().get() == "completed"
            session.flush().get()
            digest = session._partition.store.digest()
            order = [turn.actor for turn in session.log.turns()]
        return digest, order, bytes(disk.content["/downloads/file"]), kernel.clock.monotonic()
    finally:
        kernel.close()


def test_cookies_and_downloads_work_in_virtual_time_without_a_thread(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    _, order, content, elapsed = run(1, tmp_path)
    assert content == BODY
    assert elapsed >= 1.0
    assert "session" in order
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_gives_the_same_log(tmp_path: Path, seed: int) -> None:
    assert run(seed, tmp_path) == run(seed, tmp_path)


def test_exchanges_are_recorded_in_virtual_time_as_well(tmp_path: Path) -> None:
    digest, order, content, _ = run(1, tmp_path, "exchanges")
    assert content == BODY
    assert len(order) > len(run(1, tmp_path)[1])
    assert run(1, tmp_path, "exchanges")[0] == digest
