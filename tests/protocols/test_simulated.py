"""Protocol handlers in the simulated world: the same handlers, without trio and without threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

import partita


async def under_a_loop() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield b"async "


def plain() -> Iterator[bytes]:
    for _ in range(5):
        yield b"plain "


def prepare(session: partita.Session, world: partita.World) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        original = await session.fetch(request, bypass_custom_protocol_handlers=True)
        return httpx.Response(200, content=original.content + b" past its handler")

    session.protocol.handle("https", handler)
    session.protocol.handle("app", lambda request: httpx.Response(200, content=under_a_loop()))
    session.protocol.register_stream_protocol("plain", lambda request: plain())
    session.protocol.register_string_protocol("later", lambda request, callback: callback("called back"))
    session.protocol.register_file_protocol("files", lambda request: "/site/page.html")
    world.disk.put("/site/page.html", b"<p>" * 300_000)


EXPECTED = {
    "https://shop.test/": b"the shop past its handler",
    "app:x": b"async " * 5,
    "plain:x": b"plain " * 5,
    "later:x": b"called back",
    "files:x": b"<p>" * 300_000,
    "file:///site/page.html": b"<p>" * 300_000,
}


@pytest.mark.parametrize("level", ["kernel", "trio"])
def test_handlers_answer_in_a_simulated_world(level: Any) -> None:
    with partita.World(seed=1, level=level, quiet=True) as world:
        world.host("shop.test", lambda request: b"the shop")

        async def program(system: partita.System) -> None:
            session = system.from_partition("x")
            prepare(session, world)
            for url, content in EXPECTED.items():
                response = await session.fetch(url)
                assert response.content == content, url
                if "page" in url:
                    part = await session.fetch(url, headers={"Range": "bytes=300000-300005"})
                    assert (part.status_code, part.content) == (206, b"<p><p>")
                    assert part.headers["last-modified"].endswith("GMT")
            with pytest.raises(partita.NetError, match="ERR_FILE_NOT_FOUND"):
                await session.fetch("file:///site/missing.html")
            with pytest.raises(partita.NetError, match="ERR_FILE_NOT_FOUND"):
                await session.fetch("file:///site")

        world.run(program)
        world.check()
        assert world.disk.open_files == 0


@pytest.mark.parametrize("level", ["kernel", "trio"])
@pytest.mark.parametrize("seed", range(10))
def test_whatever_goes_wrong_an_answer_is_whole_or_an_error(seed: int, level: Any) -> None:
    with partita.World(seed=seed, level=level, faults=["network.", "file.", "crash."]) as world:
        world.host("shop.test", lambda request: b"the shop")

        async def program(system: partita.System) -> None:
            session = system.from_partition("persist:x")
            prepare(session, world)
            for url, content in EXPECTED.items():
                world.may_crash()
                try:
                    response = await session.fetch(url)
                except partita.errors.PartitaError:
                    continue
                assert response.content == content, url

        world.run(program)
        world.check()
        assert world.disk.open_files == 0


def test_a_stream_that_nobody_wants_is_closed() -> None:
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            closed.append("stream")

    async def stuck(request: httpx.Request) -> httpx.Response:
        try:
            await partita.Future()
        finally:
            closed.append("handler")
        raise AssertionError

    with partita.World(seed=1, quiet=True) as world:

        async def program(system: partita.System) -> None:
            session = system.from_partition("x")
            session.protocol.handle("endless", lambda request: httpx.Response(200, content=endless()))
            session.protocol.handle("stuck", stuck)
            async with session.stream("endless:x") as response:
                chunks = response.aiter_raw()
                assert await anext(chunks) == b"more"
                await chunks.aclose()
            asked = session.fetch("stuck:x")
            await world.sleep(1)
            asked.cancel()
            with pytest.raises(partita.NetError, match="ERR_ABORTED"):
                await asked
            await world.sleep(1)

        world.run(program)
        world.check()
    assert sorted(closed) == ["handler", "stream"]
