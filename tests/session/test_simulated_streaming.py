"""Streams in a simulated world: no socket, and at the kernel's level no thread and no loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import httpx
import pytest

import partita
from partita.errors import NetError

BODY = bytes(range(256)) * 1000


def serve(world: partita.World) -> None:
    @world.host("shop.test")
    def shop(request: httpx.Request) -> object:
        return BODY if request.url.path == "/big" else {"got": len(request.content)}


def test_plain_code_streams_both_ways() -> None:
    with partita.World(seed=1, quiet=True) as world:
        serve(world)
        with world.system() as system:
            session = system.from_partition("persist:a")
            with session.stream("http://shop.test/big") as response:
                assert b"".join(response.iter_bytes(1000)) == BODY
            with session.stream("http://shop.test/big") as response:
                assert next(response.iter_bytes(10)) == BODY[:10]
            url = "http://shop.test/up"
            assert session.fetch(url, method="POST", content=iter([b"abc"] * 1000)).get().json() == {"got": 3000}
            with session.stream(url, method="POST", content=iter([b"abc"] * 1000)) as response:
                assert response.read() == b'{"got":3000}'
            with httpx.Client(transport=session.sync_transport()) as client:
                assert client.get("http://shop.test/big").content == BODY
                assert client.post(url, content=iter([b"abc"] * 1000)).json() == {"got": 3000}
            future = session.fetch("http://shop.test/big")
            future.cancel()
            with pytest.raises(NetError, match="ERR_ABORTED"):
                future.get()
            world.run_for(60)
            assert session._partition.statistics().effects == 0
        world.check()


async def parts() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b"abc"


async def streams(system: partita.System) -> None:
    session = system.from_partition("persist:a")
    async with session.stream("http://shop.test/big") as response:
        assert await response.aread() == BODY
    async with session.stream("http://shop.test/big"):
        pass
    for content in (parts(), iter([b"abc"] * 100)):
        answer = await session.fetch("http://shop.test/up", method="POST", content=content)
        assert answer.json() == {"got": 300}


@pytest.mark.parametrize("level", ["kernel", "trio"])
def test_a_program_streams_both_ways_at_both_levels(level: Literal["kernel", "trio"]) -> None:
    with partita.World(seed=2, quiet=True, level=level) as world:
        serve(world)
        world.run(streams)
        world.check()
