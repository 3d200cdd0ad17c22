"""What users see of the cache, in the simulated world: fetch, pages, sizes, clearing, and servers that break the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import partita
from partita.actors.network.http import NetError, Request, Response
from partita.events.cache import ConfigureCache
from partita.simulations.internet import Entity, serve

URL = "https://a.test/x"
BODY = bytes(range(256)) * 2_000


class Server:
    """What it says next is :attr:`says`: fields, status and body; or a function of the request."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.says: Any = (200, {"Cache-Control": "max-age=60"}, BODY)

    def __call__(self, request: Request) -> Any:
        self.asked.append(request)
        return self.says(request) if callable(self.says) else self.says


class Bench:
    def __init__(self, world: partita.World, session: partita.Session, server: Server) -> None:
        self.world, self.session, self.server = world, session, server

    def get(self, url: str = URL, **options: Any) -> Response:
        response: Response = self.session.fetch(url, **options).get()
        return response

    def from_cache(self, **options: Any) -> bool:
        return bool(self.get(**options).extensions["from_cache"])


@pytest.fixture
def bench() -> Iterator[Bench]:
    with partita.World(seed=1, quiet=True) as world:
        server = Server()
        world.host("a.test", server)
        with world.system() as system:
            yield Bench(world, system.from_partition("persist:cache"), server)
        world.check()


def test_a_fresh_response_comes_from_the_cache_and_asks_nobody(bench: Bench) -> None:
    assert not bench.from_cache()
    got = bench.get()
    assert (got.extensions["from_cache"], got.content, got.headers["Age"]) == (True, BODY, "0")
    assert len(bench.server.asked) == 1


def test_a_body_that_is_streamed_is_stored_while_it_is_read_and_one_that_is_left_is_kept_in_part() -> None:
    async def program(system: partita.System) -> list[bool]:
        session = system.from_partition("cache")
        async with session.stream(URL) as response:
            assert b"".join([chunk async for chunk in response.aiter_raw()]) == BODY
        async with session.stream(f"{URL}?left") as response:
            await anext(response.aiter_raw())
        found = [bool((await session.fetch(URL)).extensions["from_cache"])]
        left = await session.fetch(f"{URL}?left")
        assert left.content == BODY
        return [*found, bool(left.extensions["from_cache"])]

    with partita.World(seed=1, quiet=True) as world:
        ranges: list[str | None] = []

        def server(request: Request) -> Response:
            ranges.append(request.headers.get("Range"))
            response = serve(request, Entity(BODY, e_tag='"1"'))
            response.headers["Cache-Control"] = "max-age=60"
            return response

        world.host("a.test", server)
        assert world.run(program) == [True, False]
        world.check()
        assert ranges[:2] == [None, None]
        assert ranges[2] is None or ranges[2].startswith("bytes=")


def test_the_size_is_told_and_clearing_leaves_nothing(bench: Bench) -> None:
    assert bench.session.get_cache_size().get() == 0
    bench.get()
    assert bench.session.get_cache_size().get() > len(BODY)
    bench.session.clear_cache().get()
    assert bench.session.get_cache_size().get() == 0
    assert not bench.from_cache()


def test_pages_of_different_sites_do_not_share(bench: Bench) -> None:
    one, other = bench.session.new_page("https://one.test/"), bench.session.new_page("https://other.test/")
    assert [page.fetch(URL).get().extensions["from_cache"] for page in (one, one, other)] == [False, True, False]
    assert not bench.from_cache()


def test_only_if_cached_fails_with_chromiums_error(bench: Bench) -> None:
    with pytest.raises(NetError, match="ERR_CACHE_MISS"):
        bench.get(cache="only-if-cached")
    bench.get()
    bench.world.run_for(1000)
    assert bench.from_cache(cache="only-if-cached")


def test_a_stale_response_is_refreshed_beside_its_use(bench: Bench) -> None:
    def fields(tag: str) -> dict[str, str]:
        return {"Cache-Control": "max-age=10, stale-while-revalidate=100", "ETag": tag}

    bench.server.says = (200, fields('"1"'), b"old")
    bench.get()
    bench.world.run_for(20)
    bench.server.says = (200, fields('"2"'), b"new")
    assert bench.get().content == b"old"
    bench.world.run_for(1)
    got = bench.get()
    assert (got.content, got.extensions["from_cache"], len(bench.server.asked)) == (b"new", True, 2)


def test_a_server_that_is_down_is_stood_in_for_where_the_response_allows_it(bench: Bench) -> None:
    bench.server.says = (200, {"Cache-Control": "max-age=1, stale-if-error=1000"}, b"old")
    bench.get()
    bench.world.run_for(100)
    bench.world.internet.down("a.test")
    assert bench.get().content == b"old"
    bench.world.run_for(1000)
    with pytest.raises(NetError, match="ERR_CONNECTION_REFUSED"):
        bench.get()


def test_a_rest_that_does_not_fit_is_not_handed_on(bench: Bench) -> None:
    """A server that knows ranges and no ``If-Range``: what it sends of another version is asked for again as a whole."""

    def server(request: Request) -> Any:
        tag = f'"{len(bench.server.asked)}"'
        wanted = request.headers.get("Range", "")
        if not wanted:
            return 200, {"Cache-Control": "max-age=60", "ETag": tag}, BODY
        start, _, stop = wanted.removeprefix("bytes=").partition("-")
        part = BODY[int(start) : int(stop) + 1 if stop else None]
        content_range = f"bytes {start}-{int(start) + len(part) - 1}/{len(BODY)}"
        return 206, {"Cache-Control": "max-age=60", "ETag": tag, "Content-Range": content_range}, part

    bench.server.says = server
    assert bench.get(headers={"Range": "bytes=0-99"}).content == BODY[:100]
    got = bench.get()
    assert (got.status_code, got.content) == (200, BODY)
    assert [request.headers.get("Range") for request in bench.server.asked] == ["bytes=0-99", "bytes=100-", None]


def test_a_body_that_is_gone_is_fetched_anew(bench: Bench) -> None:
    bench.get()
    partition = bench.session._partition
    bench.session.flush().get()
    (entry,) = partition.actor("session").state.cache.entries(URL)  # type: ignore[attr-defined]
    partition.drop_blobs([bytes.fromhex(part.digest) for part in entry.parts])
    bench.session.flush().get()
    assert bench.get().content == BODY
    assert len(bench.server.asked) == 2
    assert bench.from_cache()


def test_a_disabled_cache_is_none(bench: Bench) -> None:
    bench.session._partition.ask(ConfigureCache(enabled=False)).get()
    bench.get()
    assert not bench.from_cache()
    assert bench.session.get_cache_size().get() == 0


def test_what_was_cached_is_there_after_a_crash_or_not_at_all() -> None:
    for seed in range(12):
        with partita.World(seed=seed, faults=["crash.", "disk."], settings={"network.latency_s": 0.01}) as world:
            world.host(
                "a.test", lambda request: (200, {"Cache-Control": "max-age=9999"}, BODY + str(request.url).encode())
            )

            async def program(system: partita.System) -> None:
                session = system.from_partition("persist:cache")
                for number in range(6):
                    response = await session.fetch(f"https://a.test/{number}")
                    assert response.content == BODY + f"https://a.test/{number}".encode()

            world.run(program)
            world.check()
