"""Requests a second through ``session.fetch``, and a large body through ``session.stream``, beside stock httpx and aiohttp.

The session is a persistent one, with its log on the disk; cookies and cache are on. Every client visits the same shop
(:mod:`benchmarks.shop`): it has been given three cookies, which go out with each request, and a response in fifty sets
another one. All clients keep to their own defaults, the number of connections included: a session has 6 to a host.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import httpx
import trio

from benchmarks.measuring import TIMES, Bench, Contender, Row, compared, interleaved, median, not_installed, ratios
from benchmarks.shop import BODY, Shop, shop
from partita import System

IN_FLIGHT: Final = {1: 1.5, 50: 4.0, 500: 4.0}
"""How many requests at once, with the goal beside stock httpx."""

_PATIENT: Final = 60.0
"""Seconds. At 500 in flight stock httpx has requests wait for longer than the five seconds of its default."""

Get = Callable[[str], Awaitable[object]]
Large = Callable[[str], Awaitable[int]]
"""Reads a body piece by piece; its length."""


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    with shop(bench.folder("shop"), bench.sizes.large_mib << 20) as server:
        return [
            *(row for in_flight, goal in IN_FLIGHT.items() for row in _fetching(bench, server, in_flight, goal)),
            *_transports(bench, server),
            *_large(bench, server),
        ]


def _fetching(bench: Bench, server: Shop, in_flight: int, goal: float) -> Iterator[Row]:
    contenders: dict[str, Contender] = {
        "partita": partial(with_session, bench, server, in_flight),
        "httpx": partial(with_httpx, bench, server, in_flight),
    }
    has_aiohttp = find_spec("aiohttp") is not None
    if has_aiohttp:
        contenders["aiohttp"] = partial(with_aiohttp, bench, server, in_flight)
    figures = interleaved(bench.sizes.rounds, contenders)
    name, what = f"fetch-{in_flight}", f"fetches of 1 KiB, {in_flight} in flight"
    yield compared(name, f"{what} / httpx on trio", figures, ours="partita", peer="httpx", goal=goal)
    label = f"{what} / aiohttp"
    if has_aiohttp:
        yield compared(f"{name}-aiohttp", label, figures, ours="partita", peer="aiohttp")
    else:
        yield not_installed(f"{name}-aiohttp", label)


def _transports(bench: Bench, server: Shop) -> Iterator[Row]:
    """The same clients twice: on a session, and on their own transport."""
    contenders: dict[str, Contender] = {
        "AsyncClient on a session": partial(with_async_transport, bench, server, 50),
        "AsyncClient": partial(with_httpx, bench, server, 50),
        "Client on a session": partial(with_sync_transport, bench, server),
        "Client": partial(with_sync_httpx, bench, server),
    }
    figures = interleaved(bench.sizes.rounds, contenders)
    for client, how in (("AsyncClient", "transport(), 50 in flight"), ("Client", "sync_transport(), one at a time")):
        yield compared(
            f"transport-{client.lower()}",
            f"httpx.{client} through session.{how} / its own",
            figures,
            ours=f"{client} on a session",
            peer=client,
        )


def _large(bench: Bench, server: Shop) -> Iterator[Row]:
    size_mib = bench.sizes.large_mib
    contenders: dict[str, Contender] = {
        "partita": partial(with_stream, bench, server),
        "httpx": partial(with_httpx_stream, bench, server),
    }
    if find_spec("aiohttp") is not None:
        contenders["aiohttp"] = partial(with_aiohttp_stream, bench, server)
    figures = interleaved(bench.sizes.rounds, contenders)
    for peer, title in (("httpx", "httpx on trio"), ("aiohttp", "aiohttp")):
        name, what = f"stream-{peer}", f"a body of {size_mib} MiB read through session.stream / {title}"
        if peer not in figures:
            yield not_installed(name, what)
            continue
        scores = ratios(figures["partita"], figures[peer])
        yield Row(
            name=name,
            what=what,
            ours=f"{median(figures['partita']):,.0f} MiB/s",
            peer=f"{median(figures[peer]):,.0f} MiB/s",
            score=median(scores),
            unit=TIMES,
            rounds=scores,
        )


# -- on trio --------------------------------------------------------------------------------------------------------------


def _data(bench: Bench) -> Path:
    return bench.scratch / "data"


async def _visited(get: Get, bench: Bench, server: Shop, in_flight: int) -> float:
    """Requests a second, so many of them at once."""
    await get(f"{server.origin}/enter")

    async def visit(count: int) -> None:
        left = server.urls(count)

        async def visitor() -> None:
            for url in left:
                await get(url)

        async with trio.open_nursery() as nursery:
            for _ in range(min(in_flight, count)):
                nursery.start_soon(visitor)

    await visit(in_flight)  # connections are open
    began = time.perf_counter()
    await visit(bench.sizes.fetches)
    return bench.sizes.fetches / (time.perf_counter() - began)


def with_session(bench: Bench, server: Shop, in_flight: int) -> float:
    """``session.fetch``."""

    async def main() -> float:
        async with System(data_dir=_data(bench)) as system:
            session = system.from_partition("persist:shop")

            async def get(url: str) -> None:
                response = await session.fetch(url)
                assert len(response.content) == len(BODY)

            found = await _visited(get, bench, server, in_flight)
            assert len(await session.cookies.get()) == 4
            return found

    return trio.run(main)


async def _with_client(client: httpx.AsyncClient, bench: Bench, server: Shop, in_flight: int) -> float:
    async with client:

        async def get(url: str) -> None:
            response = await client.get(url)
            assert len(response.content) == len(BODY)

        found = await _visited(get, bench, server, in_flight)
        assert len(client.cookies) == 4
        return found


def with_httpx(bench: Bench, server: Shop, in_flight: int) -> float:
    """Stock ``httpx.AsyncClient``."""

    async def main() -> float:
        return await _with_client(httpx.AsyncClient(timeout=_PATIENT), bench, server, in_flight)

    return trio.run(main)


def with_async_transport(bench: Bench, server: Shop, in_flight: int) -> float:
    """``httpx.AsyncClient`` through ``session.transport()``."""

    async def main() -> float:
        async with System(data_dir=_data(bench)) as system:
            session = system.from_partition("persist:shop")
            client = httpx.AsyncClient(transport=session.transport(), timeout=_PATIENT)
            return await _with_client(client, bench, server, in_flight)

    return trio.run(main)


async def _streamed(read: Large, bench: Bench, server: Shop) -> float:
    """MiB a second."""
    began = time.perf_counter()
    size = await read(f"{server.origin}/large")
    found = (size >> 20) / (time.perf_counter() - began)
    assert size == bench.sizes.large_mib << 20
    return found


def with_stream(bench: Bench, server: Shop) -> float:
    """``session.stream``."""

    async def main() -> float:
        async with System(data_dir=_data(bench)) as system:
            session = system.from_partition("persist:shop")

            async def read(url: str) -> int:
                size = 0
                async with session.stream(url) as response:
                    async for chunk in response.aiter_bytes():
                        size += len(chunk)
                return size

            return await _streamed(read, bench, server)

    return trio.run(main)


def with_httpx_stream(bench: Bench, server: Shop) -> float:
    """Stock ``httpx.AsyncClient.stream``."""

    async def main() -> float:
        async with httpx.AsyncClient() as client:

            async def read(url: str) -> int:
                size = 0
                async with client.stream("GET", url) as response:
                    async for chunk in response.aiter_bytes():
                        size += len(chunk)
                return size

            return await _streamed(read, bench, server)

    return trio.run(main)


# -- in a plain thread ----------------------------------------------------------------------------------------------------


def _with_sync_client(client: httpx.Client, bench: Bench, server: Shop) -> float:
    with client:
        client.get(f"{server.origin}/enter")
        began = time.perf_counter()
        for url in server.urls(bench.sizes.fetches):
            assert len(client.get(url).content) == len(BODY)
        found = bench.sizes.fetches / (time.perf_counter() - began)
        assert len(client.cookies) == 4
        return found


def with_sync_httpx(bench: Bench, server: Shop) -> float:
    """Stock ``httpx.Client``."""
    return _with_sync_client(httpx.Client(timeout=_PATIENT), bench, server)


def with_sync_transport(bench: Bench, server: Shop) -> float:
    """``httpx.Client`` through ``session.sync_transport()``; the session's loop is in a thread of its own."""
    with System(data_dir=_data(bench)) as system:
        session = system.from_partition("persist:shop")
        return _with_sync_client(httpx.Client(transport=session.sync_transport(), timeout=_PATIENT), bench, server)


# -- on asyncio -----------------------------------------------------------------------------------------------------------


def with_aiohttp(bench: Bench, server: Shop, in_flight: int) -> float:
    """``aiohttp.ClientSession``."""
    import aiohttp

    async def main() -> float:
        jar = aiohttp.CookieJar(unsafe=True)  # by default it takes no cookies of an IP address
        async with aiohttp.ClientSession(cookie_jar=jar) as client:

            async def get(url: str) -> None:
                async with client.get(url) as response:
                    assert len(await response.read()) == len(BODY)

            async def visit(count: int) -> None:
                left = server.urls(count)

                async def visitor() -> None:
                    for url in left:
                        await get(url)

                await asyncio.gather(*(visitor() for _ in range(min(in_flight, count))))

            await get(f"{server.origin}/enter")
            await visit(in_flight)
            began = time.perf_counter()
            await visit(bench.sizes.fetches)
            found = bench.sizes.fetches / (time.perf_counter() - began)
            assert len(jar) == 4
            return found

    return asyncio.run(main())


def with_aiohttp_stream(bench: Bench, server: Shop) -> float:
    """``aiohttp.ClientSession``, whatever has come at once."""
    import aiohttp

    async def main() -> float:
        async with aiohttp.ClientSession() as client:

            async def read(url: str) -> int:
                size = 0
                async with client.get(url) as response:
                    async for chunk in response.content.iter_any():
                        size += len(chunk)
                return size

            return await _streamed(read, bench, server)

    return asyncio.run(main())
