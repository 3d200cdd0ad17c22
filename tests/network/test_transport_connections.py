"""Which connection a request gets: kept, counted, waited for, given up."""

from __future__ import annotations

import gc
from collections.abc import Mapping

import pytest
import trio
import trio.testing
from network.sending import failure, got, networking, read
from servers.raw import RawConnection, always, ok, raw_server

from partita.actors.kernel.world import Interim, NetworkRequest
from partita.actors.network.http import NetError
from partita.actors.network.ports import LiveNetwork
from partita.actors.network.transport import Limits

BIG = bytes(range(256)) * 16_384  # 4 MiB


def test_the_connection_that_was_used_last_is_used_next() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                await connection.send(ok(b"%d" % connection.number))

        async with raw_server(handler) as server, networking() as network:
            await network.preconnect("", server.url(), 3)
            assert network.statistics().idle == 3
            assert len({await got(network, server.url()) for _ in range(5)}) == 1
            assert (server.connections, network.statistics().reused) == (3, 5)

    trio.run(main)


def test_no_more_connections_than_allowed_however_many_requests() -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"x"))) as server, networking() as network:
            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(got, network, server.url())
            assert len(server.requests) == 500
            assert server.most == server.connections == 6
            assert network.statistics().opened == 6

    trio.run(main)


def test_five_hundred_at_once_on_as_many_connections() -> None:
    async def main() -> None:
        held = trio.Event()

        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                if len(server.requests) == 500:
                    held.set()
                await held.wait()
                await connection.send(ok(b"x"))

        async with raw_server(handler) as server, networking(per_host=500, total=500) as network:
            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(got, network, server.url())
            assert server.most == 500

    trio.run(main)


def test_who_came_first_is_served_first() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking(per_host=1) as network:
            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(got, network, server.url(f"/{number}"))
                    await trio.testing.wait_all_tasks_blocked()
            asked = [int(request.split()[1][1:]) for request in server.requests]
            assert asked == list(range(50))

    trio.run(main)


def test_origins_that_wait_for_a_place_get_one_by_turns() -> None:
    async def main() -> None:
        async with (
            raw_server(always(ok())) as one,
            raw_server(always(ok())) as other,
            networking(per_host=2, total=2) as network,
        ):
            held = [await network.send(NetworkRequest("GET", one.url("/0"))) for _ in range(2)]
            assert [response.status for response in held] == [200, 200]
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(got, network, one.url(f"/{number}"))
                    nursery.start_soon(got, network, other.url(f"/{number}"))
            assert (len(one.requests), len(other.requests)) == (22, 20)
            assert network.statistics().idle <= 2

    trio.run(main)


def test_an_idle_connection_makes_way_for_another_origin() -> None:
    async def main() -> None:
        async with (
            raw_server(always(ok())) as one,
            raw_server(always(ok())) as other,
            networking(total=1) as network,
        ):
            for _ in range(3):
                await got(network, one.url())
                await got(network, other.url())
            assert (one.connections, other.connections, network.statistics().idle) == (3, 3, 1)

    trio.run(main)


def test_who_stops_waiting_is_forgotten() -> None:
    async def main() -> None:
        release = trio.Event()

        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                await release.wait()
                await connection.send(ok(b"x"))

        async with raw_server(handler) as server, networking(per_host=1) as network:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(got, network, server.url("/first"))
                await trio.testing.wait_all_tasks_blocked()
                with trio.move_on_after(0) as scope:
                    await got(network, server.url("/never"))
                assert scope.cancelled_caught
                failed = await failure(network, server.url("/late"), timeout_s=0.01)
                assert (failed.name, network.statistics().waiting) == ("ERR_TIMED_OUT", 0)
                nursery.start_soon(got, network, server.url("/second"))
                await trio.testing.wait_all_tasks_blocked()
                assert network.statistics().waiting == 1
                release.set()
            assert [request.split()[1] for request in server.requests] == [b"/first", b"/second"]

    trio.run(main)


def test_pools_share_nothing() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking() as network:
            for pool in ("a", "b", "a", "b"):
                await got(network, server.url(), pool=pool)
            assert server.connections == 2

    trio.run(main)


# -- connections that end -----------------------------------------------------------------------------------------------


def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    async def main() -> None:
        closed = trio.Event()

        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(b"x"))
            if connection.number == 1:
                await trio.aclose_forcefully(connection.stream)
                closed.set()
                return
            await connection.request()

        async with raw_server(handler) as server, networking() as network:
            await got(network, server.url())
            await closed.wait()
            assert await got(network, server.url()) == b"x"
            assert server.connections == 2

    trio.run(main)


@pytest.mark.parametrize(("ending", "name"), [("close", "ERR_CONNECTION_CLOSED"), ("reset", "ERR_CONNECTION_RESET")])
def test_a_kept_connection_that_ends_before_it_answers_was_stale(ending: str, name: str) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(b"x"))
            if await connection.request() and connection.number == 1:
                if ending == "reset":
                    await connection.reset()
                return
            await connection.send(ok(b"again"))

        async with raw_server(handler) as server, networking() as network:
            await got(network, server.url())
            failed = await failure(network, server.url())
            assert (failed.name, failed.stale_connection) == (name, True)
            await got(network, server.url(), on_new_connection=True)
            assert server.connections == 2

    trio.run(main)


def test_a_kept_connection_that_ends_within_its_answer_was_not_stale() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(b"x"))
            await connection.request()
            await connection.send(b"HTTP/1.1 200 OK\r\n")

        async with raw_server(handler) as server, networking() as network:
            await got(network, server.url())
            failed = await failure(network, server.url())
            assert (failed.name, failed.stale_connection) == ("ERR_RESPONSE_HEADERS_TRUNCATED", False)

    trio.run(main)


def test_a_request_may_insist_on_a_new_connection() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking(per_host=2) as network:
            for _ in range(5):
                await got(network, server.url(), on_new_connection=True)
            assert (server.connections, network.statistics().idle) == (5, 2)
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(lambda: got(network, server.url(), on_new_connection=True))
            assert server.connections == 15

    trio.run(main)


def test_a_connection_that_nobody_uses_is_closed_after_a_while() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking(idle_s=0) as network:
            for expected in (1, 2):
                await got(network, server.url())
                while network.statistics().idle or server.open:
                    await trio.testing.wait_all_tasks_blocked()
                assert server.connections == expected

    trio.run(main)


def test_all_connections_of_a_pool_are_closed_at_once_and_those_of_others_not() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while request := await connection.request():
                if b"/held" in request:
                    await trio.sleep_forever()
                await connection.send(ok(b"x") if b"/body" not in request else ok(b"half")[:-2])

        async with raw_server(handler) as server, networking(per_host=2) as network:
            failed: list[NetError] = []

            async def fail(path: str) -> None:
                failed.append(await failure(network, server.url(path), pool="a"))

            await got(network, server.url(), pool="b")
            async with trio.open_nursery() as nursery:
                for path in ("/held", "/body"):
                    nursery.start_soon(fail, path)
                while len(server.requests) < 3:
                    await trio.testing.wait_all_tasks_blocked()
                for _ in range(2):
                    nursery.start_soon(fail, "/waits")
                while network.statistics().waiting < 2:
                    await trio.testing.wait_all_tasks_blocked()
                await network.close_connections("a")
            assert [error.name for error in failed] == ["ERR_ABORTED"] * 4
            assert network.statistics().idle == 1
            await got(network, server.url(), pool="b")
            await got(network, server.url(), pool="a")
            assert network.statistics().opened == 4

    trio.run(main)


def test_closing_the_network_fails_what_is_under_way() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await trio.sleep_forever()

        async with raw_server(handler) as server:
            network = LiveNetwork()
            async with trio.open_nursery() as nursery:

                async def fail() -> None:
                    assert (await failure(network, server.url())).name == "ERR_ABORTED"

                nursery.start_soon(fail)
                while not server.requests:
                    await trio.testing.wait_all_tasks_blocked()
                await network.close()
            assert network.statistics().in_use == 0
            assert (await failure(network, server.url())).name == "ERR_ABORTED"
            await network.preconnect("", server.url(), 1)
            assert server.connections == 1

    trio.run(main)


def test_preconnecting_opens_what_is_missing_and_tells_nobody_of_failures() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking() as network:
            await network.preconnect("", server.url("/any/path"), 2)
            await network.preconnect("", server.url(), 3)
            assert network.statistics().idle == 3
            await network.preconnect("", "http://127.0.0.1:1/", 2)
            await network.preconnect("", "http://nobody.invalid/", 1)
            await network.preconnect("", "gopher://x/", 1)
            await network.preconnect("", server.url(), 20)
            assert network.statistics().idle == 6

    trio.run(main)


def test_the_shorter_of_two_timeouts_comes_first_and_ends_nothing_else() -> None:
    async def main() -> None:
        release = trio.Event()

        async def handler(connection: RawConnection) -> None:
            request = await connection.request()
            while b"/short" not in request:
                await release.wait()
                await connection.send(ok(b"x"))
                request = await connection.request()
            await trio.sleep_forever()

        async with raw_server(handler) as server, networking() as network:

            async def patient() -> None:
                assert await got(network, server.url("/long"), timeout_s=10) == b"x"

            async with trio.open_nursery() as nursery:
                nursery.start_soon(patient)
                while not server.requests:
                    await trio.testing.wait_all_tasks_blocked()
                failed = await failure(network, server.url("/short"), timeout_s=0.02)
                assert (failed.name, failed.__cause__, failed.__suppress_context__) == ("ERR_TIMED_OUT", None, True)
                release.set()

    trio.run(main)


def test_closing_a_response_ends_who_reads_it() -> None:
    async def main() -> None:
        async with raw_server(always(ok(BIG)[:100_000])) as server, networking() as network:
            response = await network.send(NetworkRequest("GET", server.url()))

            async def reader() -> None:
                with pytest.raises(NetError, match="ERR_ABORTED"):
                    await read(response)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(reader)
                await trio.testing.wait_all_tasks_blocked(0.01)
                await response.close()

    trio.run(main)


# -- responses that are not read to their end ---------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "kept"), [(60_000, True), (1_000_000, False)])
def test_a_response_that_is_closed_early_keeps_its_connection_if_little_is_missing(size: int, kept: bool) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                whole = ok(bytes(size))
                await connection.send(whole[:100])
                await trio.testing.wait_all_tasks_blocked(0.01)
                await connection.send(whole[100:])

        async with raw_server(handler) as server, networking() as network:
            for _ in range(2):
                response = await network.send(NetworkRequest("GET", server.url()))
                assert response.whole_body is None
                await response.close()
                await response.close()
            assert server.connections == (1 if kept else 2)
            await network.close_connections("")

    trio.run(main)


def test_a_task_that_is_cancelled_in_a_body_leaves_nothing_behind() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                await connection.send(ok(BIG)[:100_000])

        async with raw_server(handler) as server, networking() as network:
            response = await network.send(NetworkRequest("GET", server.url()))
            with trio.CancelScope() as scope:
                try:
                    async for _ in response.body():
                        scope.cancel()
                finally:
                    await response.close()
            assert scope.cancelled_caught
            assert network.statistics().in_use == 0
            gc.collect()

    trio.run(main)


@pytest.mark.parametrize("reached", ["dialing", "waiting for the head"])
def test_a_task_that_is_cancelled_before_the_head_leaves_nothing_behind(reached: str) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await trio.sleep_forever()

        async with raw_server(handler) as server, networking() as network:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(got, network, server.url())
                    while reached != "dialing" and not server.requests:
                        await trio.testing.wait_all_tasks_blocked()
                    scope.cancel()

    trio.run(main)


# -- what a response tells ----------------------------------------------------------------------------------------------


def test_a_body_that_comes_with_its_head_is_there_at_once_and_its_connection_free() -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"whole"))) as server, networking() as network:
            response = await network.send(NetworkRequest("GET", server.url()))
            assert (response.whole_body, network.statistics().idle) == (b"whole", 1)
            assert await read(response) == b"whole"

    trio.run(main)


def test_a_response_tells_its_address_its_times_and_what_came_before_it() -> None:
    async def main() -> None:
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
        async with raw_server(always(hints + ok(b"x"))) as server, networking() as network:
            url = server.url(host="localhost")
            for turn in range(2):
                began_s = trio.current_time()
                response = await network.send(NetworkRequest("GET", url))
                await read(response)
                assert response.interim == (Interim(103, (("Link", "</a.css>; rel=preload"),)),)
                assert response.remote_address == "127.0.0.1"
                timing = response.timing
                assert timing is not None
                assert timing.sent_s is not None
                assert timing.head_s is not None
                assert began_s <= timing.began_s <= timing.sent_s[0] <= timing.sent_s[1] <= timing.head_s
                assert (timing.lookup_s is None, timing.connect_s is None) == (turn == 1, turn == 1)
                assert timing.tls_s is None

    trio.run(main)


def test_a_large_body_comes_whole_in_large_pieces() -> None:
    async def main() -> None:
        async with raw_server(always(ok(BIG))) as server, networking() as network:
            response = await network.send(NetworkRequest("GET", server.url()))
            chunks = [chunk async for chunk in response.body()]
            assert b"".join(chunks) == BIG
            assert {type(chunk) for chunk in chunks} == {bytes}
            assert network.statistics().idle == 1

    trio.run(main)


def test_limits_must_make_sense() -> None:
    for wrong in ({"per_host": 0}, {"total": 0}, {"idle_s": -1.0}):
        with pytest.raises(ValueError):
            Limits(**wrong)  # type: ignore[arg-type]


class Notes:
    """A trace that keeps what it is told."""

    def __init__(self, *, octets: bool = False) -> None:
        self.sensitive = self.octets = octets
        self.noted: list[tuple[str, str, Mapping[str, object]]] = []
        self.sources: list[Notes] = []

    def note(self, event: str, phase: str = "none", parameters: Mapping[str, object] | None = None) -> None:
        self.noted.append((event, phase, parameters or {}))

    def source(self, kind: str) -> Notes:
        assert kind == "SOCKET"
        self.sources.append(Notes(octets=self.octets))
        return self.sources[-1]

    def of(self, event: str) -> Mapping[str, object]:
        return next(parameters for noted, _, parameters in self.noted if noted == event)

    def phases(self) -> list[str]:
        return [f"{event} {phase}" for event, phase, _ in self.noted if phase != "none"]


PHASES = [
    f"{event} {phase}"
    for event in (
        "SOCKET_POOL",
        *(f"HTTP_TRANSACTION_{what}" for what in ("SEND_REQUEST", "READ_HEADERS", "READ_BODY")),
    )
    for phase in ("begin", "end")
]


@pytest.mark.parametrize("octets", [False, True])
def test_a_net_log_is_told_what_happens(octets: bool) -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"x", "A: b"))) as server, networking() as network:
            notes = Notes(octets=octets)
            await got(network, server.url("/p"), "POST", body=b"body", headers=(("B", "c"),), trace=notes)
            sent, came = (
                notes.of("HTTP_TRANSACTION_SEND_REQUEST_HEADERS"),
                notes.of("HTTP_TRANSACTION_READ_RESPONSE_HEADERS"),
            )
            assert sent["line"] == "POST /p HTTP/1.1\r\n"
            host = f"Host: 127.0.0.1:{server.port}"
            assert sent["headers"] == [host, "Connection: keep-alive", "Content-Length: 4", "B: c"]
            assert came["headers"] == ["HTTP/1.1 200 OK", "Content-Length: 1", "A: b"]
            body = {"length": 4, "is_chunked": False, "did_merge": True}
            assert notes.of("HTTP_TRANSACTION_SEND_REQUEST_BODY") == body
            assert notes.phases() == PHASES
            (socket,) = notes.sources
            opened = ("HOST_RESOLVER_MANAGER_REQUEST", "TCP_CONNECT", "TCP_CONNECT_ATTEMPT")
            assert sorted(socket.phases()) == sorted(
                f"{event} {phase}" for event in opened for phase in ("begin", "end")
            )
            received = socket.of("SOCKET_BYTES_RECEIVED")
            wire = ok(b"x", "A: b")
            assert received == ({"byte_count": len(wire)} | ({"bytes": wire} if octets else {}))
            again = Notes()
            await got(network, server.url("/p"), trace=again)
            assert "SOCKET_POOL_REUSED_AN_EXISTING_SOCKET" in [event for event, _, _ in again.noted]
            assert again.sources == []

    trio.run(main)


@pytest.mark.parametrize("body", [b"", bytes(1_000_000)])
def test_a_net_log_is_told_why_a_request_failed(body: bytes) -> None:
    async def main() -> None:
        async with raw_server(always(b"HTTP/1.1 OK\r\n\r\n")) as server, networking() as network:
            notes = Notes()
            await failure(network, server.url(), "POST", body=body, trace=notes)
            assert notes.noted[-1] == ("HTTP_TRANSACTION_READ_HEADERS", "end", {"net_error": -370})
            notes = Notes()
            await failure(network, "http://127.0.0.1:1/", trace=notes)
            assert notes.noted[-1] == ("SOCKET_POOL", "end", {"net_error": -102})
            assert notes.sources[0].noted[-1] == ("TCP_CONNECT", "end", {"net_error": -102})

    trio.run(main)
