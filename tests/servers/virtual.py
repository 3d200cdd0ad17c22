"""The simulated internet at both levels, for tests: a bench to run a program on, and a small shop to run it against.

As a script: ``virtual.py SEEDS`` prints, for each seed, the digest of the log of a small session under trio.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import partita
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.kernel import Kernel
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.kernel.world import Clock, Network, NetworkRequest, World
from partita.actors.network.http import NetError, Request
from partita.events.errors import DownloadFailed
from partita.simulations.entropy import SimulatedEntropy
from partita.simulations.faults import Faults
from partita.simulations.internet import FAULTS, Entity, Internet, serve
from partita.simulations.life import Life
from partita.simulations.trio_kernel import VirtualClock, run_in_virtual_time
from tests.servers.memory_files import MemoryFiles

T = TypeVar("T")
Level = Literal["kernel", "trio"]
LEVELS: tuple[Level, ...] = ("kernel", "trio")

FILE = Entity(bytes(range(256)) * 400, e_tag='"v1"')
QUICK = {"network.latency_s": 0.01, "network.bandwidth": 1e6}


class Bench:
    """What a program is given."""

    def __init__(self, seed: int, kernel: Kernel, clock: Clock, internet: Internet, network: Network) -> None:
        self.kernel, self.clock, self.internet, self.network = kernel, clock, internet, network
        self.files = MemoryFiles()
        self._seed = seed

    def system(self) -> partita.System:
        world = World(self.clock, SimulatedEntropy(self._seed), self.network, self.files, HandlerTable())
        return partita.System(data_dir=Path("/nowhere"), world=world, kernel=self.kernel)

    async def get(
        self,
        url: str,
        *headers: tuple[str, str],
        timeout_s: float | None = None,
        method: str = "GET",
        body: bytes = b"",
    ) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
        response = await self.network.send(NetworkRequest(method, url, headers, body, timeout_s))
        try:
            return response.status, b"".join([chunk async for chunk in response.body()]), response.headers
        finally:
            await response.close()

    async def outcome(self, url: str, *headers: tuple[str, str], timeout_s: float | None = None) -> tuple[object, int]:
        """The status or the name of the error, and how many bytes of the body came."""
        received = 0
        try:
            response = await self.network.send(NetworkRequest("GET", url, headers, timeout_s=timeout_s))
            try:
                async for chunk in response.body():
                    received += len(chunk)
            finally:
                await response.close()
        except NetError as error:
            return error.name, received
        return response.status, received


Program = Callable[[Bench], Awaitable[T]]


def run(
    level: Level,
    program: Program[T],
    *,
    hosts: Mapping[str, Callable[..., Any]] | None = None,
    seed: int = 1,
    odds: Mapping[str, float] | None = None,
    settings: Mapping[str, float] | None = None,
) -> T:
    """Run a program at one level; by default against the shop, and nothing goes wrong."""
    faults = Faults(seed, odds or {})

    def bench(kernel: Kernel, clock: Clock) -> Bench:
        internet = Internet(faults, clock, settings=QUICK if settings is None else settings)
        for name, app in (hosts or {"shop.test": shop}).items():
            internet.host(name, app)
        life = Life(1)
        network = internet.network(life) if level == "kernel" else internet.live_network(life)
        return Bench(seed, kernel, clock, internet, network)

    if level == "trio":
        clock = VirtualClock()
        return run_in_virtual_time(lambda kernel: program(bench(kernel, clock)), seed, clock=clock)
    kernel = SimulatedDispatcher(seed)
    try:
        return _on_simulation_kernel(kernel, lambda: program(bench(kernel, kernel.clock)))
    finally:
        kernel.close()


def _on_simulation_kernel(kernel: SimulatedDispatcher, program: Callable[[], Awaitable[T]]) -> T:
    done: partita.Future[T] = partita.Future()

    async def process() -> None:
        done.set(await program())

    kernel.carry_out(process, "program")
    kernel.run_until(done)
    kernel.run_until_idle()
    return done.get()


def shop(request: Request) -> object:
    """A page, a file, a login, an echo."""
    match request.url.path:
        case "/file":
            return serve(request, FILE)
        case "/login":
            return 302, {"Location": "/", "Set-Cookie": "sid=1; Max-Age=900"}, b""
        case "/":
            return request.headers.get("cookie", "nobody")
        case "/echo":
            return {"method": request.method, "body": request.content.decode()}
    return None


async def small_session(bench: Bench) -> str:
    """Ten fetches and a download that is resumed until it is complete; the digest of the log."""
    system = bench.system()
    session = system.from_partition("main")
    session.set_download_path("/downloads")
    for fetch in [session.fetch(f"http://shop.test/{path}") for path in ("", "login") * 5]:
        with contextlib.suppress(NetError):
            await fetch
    try:
        item = await session.download_url("http://shop.test/file")
    except DownloadFailed:
        item = session.downloads()[0]
    for _ in range(100):
        await bench.clock.sleep(400)
        if item.get_state() != "interrupted" or not item.can_resume():
            break
        item.resume()
    if item.get_state() == "completed":
        (content,) = bench.files.content.values()
        assert content == FILE.body
    await session.flush()
    digest = session._partition.store.digest()
    system.close()
    return str(digest)


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        print(run("trio", small_session, seed=number, odds=FAULTS, settings={}))
