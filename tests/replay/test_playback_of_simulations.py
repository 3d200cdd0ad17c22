"""Recorded under the simulation kernel, where every seed is another order of everything, and played back on the live one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import partita
from partita.actors.kernel.context import Random
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.kernel.world import Interim, NetworkRequest, NetworkResponse, Timing
from partita.actors.live_world.live import live_world
from partita.actors.network.http import NetError
from partita.actors.web_request.details import Details
from partita.session import Session
from tests.servers.memory_files import MemoryFiles

SEEDS = range(12)
PATIENCE_S = 3600.0  # of virtual time; in playback everything is there already
BODY = bytes(range(256)) * 30_000


class Entropy:
    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def random_bytes(self, count: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(f"{self.seed} {self.count}".encode()).digest(count)


class Answer:
    reason = "OK"
    http_version = "HTTP/1.1"
    interim: tuple[Interim, ...] = ()
    remote_address: str | None = None
    timing: Timing | None = None

    def __init__(self, internet: Internet, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        self.internet, self.status, self.headers, self._body = internet, status, headers, body

    async def body(self) -> AsyncIterator[bytes]:
        at = 0
        while at < len(self._body):
            await self.internet.pause()
            size = 1 + self.internet.random.below(700_000)
            yield self._body[at : at + size]
            at += size
            if len(self._body) > 1000 and self.internet.random.below(40) == 0:
                raise NetError("ERR_CONNECTION_RESET", "as the seed will have it")

    async def close(self) -> None:
        """Nothing to close."""


class Internet:
    def __init__(self, kernel: SimulatedDispatcher, seed: int) -> None:
        self.kernel, self.random = kernel, Random(seed * 7919 + 1)

    async def pause(self) -> None:
        await self.kernel.clock.sleep(self.random.below(200) / 1000)

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        await self.pause()
        number = self.random.below(1000)
        if self.random.below(12) == 0:
            raise NetError("ERR_CONNECTION_REFUSED", f"as the seed will have it: {number}")
        if "/login" in request.url:
            where = request.url.replace("login", "home")
            return Answer(self, 302, (("Location", where), ("Set-Cookie", f"sid={number}; Max-Age=9")), b"moved")
        if "/file" in request.url:
            return Answer(self, 200, (("Content-Length", str(len(BODY))),), BODY)
        if "/kept" in request.url:
            return self._kept(request, number)
        return Answer(self, 200, (("Set-Cookie", f"seen{number % 3}=1"),), f"hello {number}".encode())

    def _kept(self, request: NetworkRequest, number: int) -> NetworkResponse:
        """Fresh for a moment; then it is asked for again, and is sometimes still the same."""
        known = dict(request.headers).get("If-None-Match")
        kept = (("Cache-Control", "max-age=1, stale-while-revalidate=2"), ("ETag", known or f'"{number}"'))
        if known is not None and number % 2:
            return Answer(self, 304, kept, b"")
        return Answer(self, 200, (*kept, ("Set-Cookie", f"kept={number}")), f"kept {number} ".encode() * 200)

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """No connections here."""

    async def close_connections(self, pool: str) -> None:
        """No connections here."""

    async def close(self) -> None:
        """Nothing to close."""


def application(session: Session, folder: Path) -> list[str]:
    """Everything at once; what is told of an answer decides what is said next."""
    told: list[str] = []
    session.set_download_path(str(folder))
    fetches = [session.fetch(f"http://shop.test/{'login' if n % 2 else 'home'}?{n % 5}") for n in range(8)]
    downloads = [session.download_url(f"http://shop.test/file{n}") for n in range(3)]
    session.set_user_agent("shop/2")
    for n, fetch in enumerate(fetches):
        try:
            told.append(fetch.get(PATIENCE_S).text)
        except NetError as error:
            told.append(f"{error} {error.detail}")
        if told[-1].endswith(("1", "2", "3")):
            session.cookies.set(url="http://shop.test/", name=f"told{n}", value=told[-1].replace(" ", "_"))
    for n, download in enumerate(downloads):
        try:
            item = download.get(PATIENCE_S)
        except partita.PartitaError as error:
            told.append(str(error))
            continue
        if n == 0:
            item.pause()
            told.append(session.fetch("http://shop.test/home").get(PATIENCE_S).text if n else "paused")
            item.resume()
        if n == 1:
            item.cancel()
        for _ in range(20):
            told.append(item.stopped().get(PATIENCE_S))
            if not item.can_resume():
                break
            item.resume()
    session.flush().get(PATIENCE_S)
    return told


def application_with_a_cache(session: Session, folder: Path) -> list[str]:
    """What may be cached, a few times over; listeners cancel, redirect and rewrite, and the cache is cleared in between."""
    told: list[str] = []
    asked: list[str] = []

    def requested(details: Details) -> object:
        asked.append(f"asked about {details.url}")
        return {"redirectURL": details.url.replace("moved", "kept")} if "moved" in details.url else {"cancel": True}

    def received(details: Details) -> object:
        asked.append(f"{details.status_code} from {'the cache' if details.from_cache else 'the network'}")
        return {"responseHeaders": {**(details.response_headers or {}), "X-Seen": ["yes"]}}

    session.web_request.on_before_request({"urls": ["*://*/moved*", "*://*/refused*"]}, requested)
    session.web_request.on_headers_received({"urls": ["*://*/kept*"]}, received)
    for turn in range(6):
        names = ("kept/1", "kept/2", "moved/1", "refused", "kept/1", "home")
        fetches = [
            session.fetch(f"http://shop.test/{name}", cache="no-cache" if (turn + n) % 5 == 0 else "default")
            for n, name in enumerate(names)
        ]
        for fetch in fetches:
            try:
                response = fetch.get(PATIENCE_S)
                told.append(
                    f"{response.text[:20]} {response.headers.get('X-Seen')} {response.extensions['from_cache']}"
                )
            except NetError as error:
                told.append(f"{error} {error.detail}")
        if turn == 3:
            session.clear_cache().get(PATIENCE_S)
        told.append(str(session.get_cache_size().get(PATIENCE_S)))
    session.flush().get(PATIENCE_S)
    return told + sorted(asked)  # which of two requests asks its listener first leaves no turn


Application = Callable[[Session, Path], list[str]]


def record(application: Application, seed: int, folder: Path) -> tuple[Path, list[str]]:
    kernel = SimulatedDispatcher(seed)
    world = live_world(HandlerTable())
    world = type(world)(
        **{
            **{name: getattr(world, name) for name in world.__struct_fields__},
            "clock": kernel.clock,
            "entropy": Entropy(seed),
            "network": Internet(kernel, seed),
            "files": MemoryFiles(),
        }
    )
    log = folder / f"log {seed}"
    try:
        with partita.System(data_dir=folder, world=world, kernel=kernel, record="exchanges") as system:
            session = system.from_partition("shop")
            told = application(session, folder / "downloads")
            kernel.run_for(1.0)
            session.log.export(log, include_keys=True)
    finally:
        kernel.close()
    return log, told


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("application", [application, application_with_a_cache])
def test_whatever_the_order_was_it_is_the_same_again(tmp_path: Path, application: Application, seed: int) -> None:
    log, then = record(application, seed, tmp_path)
    with partita.playback(log) as system:
        session = system.from_partition("shop")
        now = application(session, tmp_path / "downloads")
    report = system.report()
    assert report.agrees, report.error or report.first_difference
    assert now == then
