"""What a simulated network says of its connections, at both levels: pools, races, interim responses, uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from servers.virtual import LEVELS, QUICK, Bench, Level, run, shop

import partita
from partita.actors.kernel.world import Interim, NetworkRequest, NetworkResponse
from partita.actors.network.http import NetError, Request, Response
from partita.simulations.internet import HungUp

URL = "http://shop.test/"
every_level = pytest.mark.parametrize("level", LEVELS)


async def sent(bench: Bench, url: str = URL, **options: Any) -> NetworkResponse:
    response = await bench.network.send(NetworkRequest("GET", url, **options))
    try:
        async for _ in response.body():
            pass
    finally:
        await response.close()
    return response


def connections(bench: Bench) -> list[int]:
    return [seen.connection for seen in bench.internet.requests]


@every_level
def test_pools_share_nothing_and_a_request_may_want_a_new_connection(level: Level) -> None:
    async def program(bench: Bench) -> list[int]:
        for pool in ("a", "b", "a", "b"):
            await sent(bench, pool=pool)
        await sent(bench, pool="a", on_new_connection=True)
        return connections(bench)

    assert run(level, program) == [1, 2, 1, 2, 3]


@every_level
def test_an_idle_connection_may_end_just_as_a_request_goes_out(level: Level) -> None:
    async def program(bench: Bench) -> None:
        await sent(bench)
        with pytest.raises(NetError) as caught:
            await sent(bench)
        assert (caught.value.name, caught.value.stale_connection) == ("ERR_CONNECTION_CLOSED", True)
        await sent(bench, on_new_connection=True)
        assert connections(bench) == [1, 2]
        assert [fault.name for fault in bench.internet.faults.struck] == ["network.keepalive_race"]

    run(level, program, odds={"network.keepalive_race": 1})


@every_level
def test_a_used_connection_that_is_reset_before_it_answers_was_stale(level: Level) -> None:
    async def program(bench: Bench) -> None:
        started = partita.Future[object]()

        @bench.internet.host("slow.test")
        async def slow(request: Request) -> str:
            if request.url.path == "/slow":
                started.set(None)
                await bench.clock.sleep(10)
            return "x"

        async def down() -> None:
            await started  # type: ignore[misc]
            bench.internet.down("slow.test")

        bench.kernel.carry_out(down, "down")
        await sent(bench, "http://slow.test/")
        with pytest.raises(NetError) as caught:
            await sent(bench, "http://slow.test/slow")
        assert (caught.value.name, caught.value.stale_connection) == ("ERR_CONNECTION_RESET", True)

    run(level, program)


@every_level
@pytest.mark.parametrize("used", [False, True])
def test_an_app_may_hang_up_in_place_of_an_answer(level: Level, used: bool) -> None:
    def app(request: Request) -> str:
        if request.url.path == "/bye":
            raise HungUp
        return "x"

    async def program(bench: Bench) -> tuple[str, bool]:
        if used:
            await sent(bench, "http://a.test/")
        with pytest.raises(NetError) as caught:
            await sent(bench, "http://a.test/bye")
        assert len(bench.internet.requests) == 1 + used
        return caught.value.name, caught.value.stale_connection

    expected = ("ERR_CONNECTION_CLOSED", True) if used else ("ERR_EMPTY_RESPONSE", False)
    assert run(level, program, hosts={"a.test": app}) == expected


@every_level
def test_a_response_tells_what_came_before_it_and_where_it_came_from(level: Level) -> None:
    hints = [(103, {"Link": "</a.css>; rel=preload"}), (103, [("Link", "<b>"), ("Link", "<c>")])]

    def app(request: Request) -> Response:
        return Response(200, text="x", extensions={"interim_responses": hints})

    async def program(bench: Bench) -> None:
        for turn in range(2):
            response = await sent(bench, "https://a.test/")
            assert [(one.status, [value for _, value in one.headers]) for one in response.interim] == [
                (103, ["</a.css>; rel=preload"]),
                (103, ["<b>", "<c>"]),
            ]
            assert isinstance(response.interim[0], Interim)
            assert response.remote_address == "198.18.0.1"
            timing = response.timing
            assert timing is not None
            assert (timing.lookup_s is None) is (timing.connect_s is None) is (turn == 1)
            assert timing.sent_s is not None
            assert timing.head_s is not None
            assert timing.began_s <= timing.sent_s[0] < timing.head_s
            assert (timing.head_s - timing.began_s) == pytest.approx(0.06 if turn == 0 else 0.02, abs=0.005)

    run(level, program, hosts={"a.test": app}, settings={**QUICK, "network.latency_s": 0.01})


@every_level
def test_preconnected_connections_are_there_when_a_request_comes(level: Level) -> None:
    async def program(bench: Bench) -> None:
        await bench.network.preconnect("", URL, 2)
        await bench.network.preconnect("", "http://nobody.test/", 2)
        await bench.network.preconnect("", "gopher://x/", 2)
        began = bench.clock.monotonic()
        await sent(bench)
        assert bench.clock.monotonic() - began == pytest.approx(0.02, abs=0.005)  # there and back, and no handshake
        await bench.network.close_connections("")
        await sent(bench)
        assert connections(bench)[-1] == 3

    run(level, program)


@every_level
def test_closing_a_pools_connections_fails_what_is_under_way_at_once(level: Level) -> None:
    async def program(bench: Bench) -> None:
        @bench.internet.host("slow.test")
        async def slow(request: Request) -> str:
            await bench.clock.sleep(50)
            return "at last"

        @bench.internet.host("big.test")
        def big(request: Request) -> bytes:
            return bytes(5_000_000)

        ends: list[partita.Future[object]] = []
        for pool, url in (("a", "http://slow.test/"), ("a", "http://big.test/"), ("b", "http://slow.test/")):
            end = partita.Future[object]()
            ends.append(end)

            async def fetch(pool: str = pool, url: str = url, end: partita.Future[object] = end) -> None:
                try:
                    end.set((await sent(bench, url, pool=pool)).status)
                except NetError as error:
                    end.set(error.name)

            bench.kernel.carry_out(fetch, "fetch")
        await bench.clock.sleep(1)
        await bench.network.close_connections("a")
        assert [await end for end in ends[:2]] == ["ERR_ABORTED", "ERR_ABORTED"]  # type: ignore[misc]
        assert bench.clock.monotonic() == pytest.approx(1, abs=0.1)
        assert await ends[2] == 200  # type: ignore[misc]
        assert bench.internet.open_responses == ()

    run(level, program)


class Chunks:
    """An upload."""

    def __init__(self, *chunks: bytes, size_bytes: int | None = None) -> None:
        self.size_bytes = size_bytes
        self._chunks = chunks

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


@every_level
@pytest.mark.parametrize("size_bytes", [None, 5])
def test_an_upload_arrives_whole(level: Level, size_bytes: int | None) -> None:
    async def program(bench: Bench) -> None:
        body = Chunks(b"he", b"", b"llo", size_bytes=size_bytes)
        response = await bench.network.send(NetworkRequest("POST", "http://shop.test/echo", body=body))
        assert b"".join([chunk async for chunk in response.body()]) == b'{"method":"POST","body":"hello"}'
        await response.close()
        with pytest.raises(NetError, match="ERR_INVALID_ARGUMENT"):
            await bench.network.send(NetworkRequest("POST", URL, body=Chunks(b"hello", size_bytes=9)))

    run(level, program, hosts={"shop.test": shop})
