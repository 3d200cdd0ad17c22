"""A response of 1 KiB that is fresh in the cache, beside other caches of Python's; and what a full cache takes.

``python -m benchmarks.caching fill|open ENTRIES DIRECTORY`` are two processes: the first one fills the cache of a persistent
session from a server of its own, the second one opens it and prints what it took.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx
import trio

from benchmarks.idle_actors import anonymous_bytes
from benchmarks.measuring import ABSENT, TIMES, Bench, Contender, Row, interleaved, median, not_installed, ratios
from benchmarks.shop import BODY, shop
from partita import System

_AT_ONCE: Final = 50

Get = Callable[[], Awaitable[int]]
"""Asks for the same URL; the length of the body."""


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    return [*_hits(bench), *_full_cache(bench)]


# -- a hit ----------------------------------------------------------------------------------------------------------------


def _hits(bench: Bench) -> Iterator[Row]:
    peers: dict[str, tuple[str, str, Callable[[str], float]]] = {
        "hishel": ("hishel on httpx, by the RFC", "anysqlite", partial(with_hishel, bench, rfc=True)),
        "hishel-memory": ("the same in memory", "anysqlite", partial(with_hishel, bench, rfc=True, in_memory=True)),
        "hishel-blind": ("the same without rules", "anysqlite", partial(with_hishel, bench, rfc=False)),
        "cachecontrol": ("CacheControl on requests, in memory", "cachecontrol", partial(with_cachecontrol, bench)),
    }  # anysqlite comes with hishel[async]: its storage is made on it
    with shop(bench.folder("shop")) as server:
        url = f"{server.origin}/kept/1"
        contenders: dict[str, Contender] = {"partita": partial(with_session, bench, url)}
        for peer, (_, package, run) in peers.items():
            if find_spec(package) is not None:
                contenders[peer] = partial(run, url)
        figures = interleaved(bench.sizes.rounds, contenders)
    ours = figures["partita"]
    for peer, (title, _, _) in peers.items():
        name, what = f"cached-{peer}", f"a cached response of 1 KiB / {title}"
        if peer not in figures:
            yield not_installed(name, what)
            continue
        scores = ratios(figures[peer], ours)
        yield Row(
            name=name,
            what=what,
            ours=f"{median(ours):.0f} µs",
            peer=f"{median(figures[peer]):,.0f} µs",
            score=median(scores),
            unit=TIMES,
            goal=10 if peer == "hishel" else None,
            rounds=scores,
        )


async def _us_a_hit(get: Get, count: int) -> float:
    for _ in range(3):  # stored, and all that is made once is made
        assert await get() == len(BODY)
    began = time.perf_counter()
    for _ in range(count):
        await get()
    return (time.perf_counter() - began) / count * 1e6


def with_session(bench: Bench, url: str) -> float:
    """``session.fetch``, the session persistent."""

    async def main() -> float:
        async with System(data_dir=bench.scratch / "hits") as system:
            session = system.from_partition("persist:shop")

            async def get() -> int:
                response = await session.fetch(url)
                return len(response.content)

            found = await _us_a_hit(get, bench.sizes.fetches)
            assert (await session.fetch(url)).extensions["from_cache"]
            return found

    return trio.run(main)


def with_hishel(bench: Bench, url: str, *, rfc: bool, in_memory: bool = False) -> float:
    """``AsyncCacheClient`` with its SQLite storage. ``rfc``: by RFC 9111, as ours; else by method and URL alone, its default."""
    hishel: Any = import_module("hishel")
    of_httpx: Any = import_module("hishel.httpx")

    async def main() -> float:
        if in_memory:
            connection = await import_module("anysqlite").connect(":memory:", isolation_level=None)
            storage = hishel.AsyncSqliteStorage(connection=connection)
        else:
            storage = hishel.AsyncSqliteStorage(database_path=bench.scratch / f"hishel-{rfc}.db")
        client: httpx.AsyncClient = of_httpx.AsyncCacheClient(storage=storage, rfc=rfc)
        async with client:

            async def get() -> int:
                response = await client.get(url)
                return len(response.content)

            found = await _us_a_hit(get, max(20, bench.sizes.fetches // 10))
            assert (await client.get(url)).extensions["caching"]["from_cache"]
        await storage.close()
        return found

    return trio.run(main)


def with_cachecontrol(bench: Bench, url: str) -> float:
    """``CacheControl`` around a ``requests.Session``, with its default cache: a dictionary."""
    cachecontrol: Any = import_module("cachecontrol")
    with cachecontrol.CacheControl(import_module("requests").Session()) as client:

        async def get() -> int:
            return len(client.get(url).content)

        found = asyncio.run(_us_a_hit(get, max(20, bench.sizes.fetches // 10)))
        assert client.get(url).from_cache
        return found


# -- a full cache ---------------------------------------------------------------------------------------------------------


def _full_cache(bench: Bench) -> Iterator[Row]:
    entries = bench.sizes.cache_entries
    directory = bench.folder("full")
    _in_a_process("fill", entries, directory)
    taken = [_in_a_process("open", entries, directory) for _ in range(5 if bench.sizes.rounds > 2 else 1)]
    memory, opening = [one["bytes"] for one in taken], [one["ms"] for one in taken]
    yield Row(
        name="cache-memory",
        what=f"memory of a cache entry, of {entries:,} in an opened session",
        ours=f"{median(memory):,.0f} B",
        peer=ABSENT,
        score=median(memory),
        unit="B",
        better="lower",
        rounds=memory,
    )
    yield Row(
        name="cache-opening",
        what=f"open a session with {entries:,} cache entries",
        ours=f"{median(opening):.1f} ms",
        peer=ABSENT,
        score=median(opening),
        unit="ms",
        better="lower",
        rounds=opening,
    )


def _in_a_process(how: str, entries: int, directory: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.caching", how, str(entries), str(directory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def fill(entries: int, directory: Path) -> dict[str, float]:
    """Fetch so many URLs of a server, each of which may be kept."""

    async def main() -> None:
        async with System(data_dir=directory) as system:
            session = system.from_partition("persist:full")
            left = iter(range(entries))

            async def visitor() -> None:
                for number in left:
                    await session.fetch(f"{server.origin}/kept/{number}")

            async with trio.open_nursery() as nursery:
                for _ in range(_AT_ONCE):
                    nursery.start_soon(visitor)
            assert await session.get_cache_size() >= entries * len(BODY)

    with shop(directory) as server:
        trio.run(main)
    return {}


def open_again(entries: int, directory: Path) -> dict[str, float]:
    """Bytes an entry, and milliseconds in all. An empty session has been opened before: what is made once is made."""
    with System(data_dir=directory) as system:
        system.from_partition("persist:empty")
        gc.collect()
        before = anonymous_bytes()
        began = time.perf_counter()
        session = system.from_partition("persist:full")
        took_ms = (time.perf_counter() - began) * 1e3
        gc.collect()
        after = anonymous_bytes()
        assert session.get_cache_size().get() >= entries * len(BODY)
    return {"bytes": (after - before) / entries, "ms": took_ms}


if __name__ == "__main__":
    print(json.dumps({"fill": fill, "open": open_again}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
