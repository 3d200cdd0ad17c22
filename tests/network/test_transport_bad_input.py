"""Servers that lie, babble and break off: each has its name, and the network goes on."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from network.sending import failure, got, networking
from servers.raw import RawConnection, ok, raw_server

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("wire", "name", "code"),
    [
        (b"", "ERR_EMPTY_RESPONSE", -324),
        (b"HTTP/1.1 200 O", "ERR_RESPONSE_HEADERS_TRUNCATED", -357),
        (HEAD + b"A: b\r\n", "ERR_RESPONSE_HEADERS_TRUNCATED", -357),
        (b"What do you want?\r\n\r\n", "ERR_INVALID_HTTP_RESPONSE", -370),
        (b"HTTP/1.1 two hundred\r\n\r\n", "ERR_INVALID_HTTP_RESPONSE", -370),
        (b"<html>0.9</html>", "ERR_INVALID_HTTP_RESPONSE", -370),
        (HEAD + b"A: \0\r\n\r\n", "ERR_INVALID_HTTP_RESPONSE", -370),
        (HEAD + b"A: " + b"x" * 300_000 + b"\r\n\r\n", "ERR_RESPONSE_HEADERS_TOO_BIG", -325),
        (HEAD + b"Content-Length: 9\r\n\r\nhello", "ERR_CONTENT_LENGTH_MISMATCH", -354),
        (HEAD + b"Content-Length: nine\r\n\r\nhello", "ERR_INVALID_HTTP_RESPONSE", -370),
        (
            HEAD + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
            "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH",
            -346,
        ),
        (HEAD + b"Location: /a\r\nLocation: /b\r\n\r\n", "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION", -350),
        (CHUNKED + b"5\r\nhello\r\n", "ERR_INCOMPLETE_CHUNKED_ENCODING", -355),
        (CHUNKED + b"five\r\nhello\r\n0\r\n\r\n", "ERR_INVALID_CHUNKED_ENCODING", -321),
    ],
)
def test_what_a_server_does_wrong_has_its_name_and_the_network_goes_on(wire: bytes, name: str, code: int) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while request := await connection.request():
                if request.startswith(b"GET /fine"):
                    await connection.send(ok(b"fine"))
                    continue
                await connection.send(wire)
                return

        async with raw_server(handler) as server, networking() as network:
            for _ in range(2):
                failed = await failure(network, server.url("/bad"))
                assert (failed.name, failed.code, str(failed)) == (name, code, f"net::{name}")
                assert not failed.stale_connection
                assert failed.detail
                assert await got(network, server.url("/fine")) == b"fine"
                assert await got(network, server.url("/fine")) == b"fine"
                await network.close_connections("")

    trio.run(main)


@pytest.mark.parametrize(
    ("sent_first", "name"),
    [
        (b"", "ERR_CONNECTION_RESET"),
        (HEAD, "ERR_CONNECTION_RESET"),
        (HEAD + b"Content-Length: 9\r\n\r\nhello", "ERR_CONNECTION_RESET"),
        (CHUNKED + b"5\r\nhello\r\n", "ERR_CONNECTION_RESET"),
        (HEAD + b"\r\nuntil the end", "ERR_CONNECTION_RESET"),
    ],
)
def test_a_reset_is_a_reset_wherever_it_comes(sent_first: bytes, name: str) -> None:
    async def main() -> None:
        go_on = trio.Event()

        async def handler(connection: RawConnection) -> None:
            await connection.request()
            if sent_first:
                await connection.send(sent_first)
                await go_on.wait()
            await connection.reset()

        async with raw_server(handler) as server, networking() as network, trio.open_nursery() as nursery:
            nursery.start_soon(_let_go, go_on)
            assert (await failure(network, server.url())).name == name

    trio.run(main)


async def _let_go(event: trio.Event) -> None:
    await trio.testing.wait_all_tasks_blocked(0.01)
    event.set()


@pytest.mark.parametrize(
    "spoiled",
    [
        ok(b"hello") + ok(b"evil!"),
        ok(b"hello") + b"\r\n",
        ok(b"") + ok(b"evil!"),
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + ok(b"evil!"),
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n" + ok(b"evil!"),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok(b"evil!"),
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nevil!",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_what_a_response_leaves_behind_is_nobodys_answer(spoiled: bytes, later: bool) -> None:
    async def main() -> None:
        sent = trio.Event()

        async def handler(connection: RawConnection) -> None:
            if connection.number == 1:
                await connection.request()
                if later and spoiled.startswith(ok(b"hello")):
                    await connection.send(ok(b"hello"))
                    await trio.testing.wait_all_tasks_blocked(0.01)
                    await connection.send(spoiled[len(ok(b"hello")) :])
                else:
                    await connection.send(spoiled)
                sent.set()
            while await connection.request():
                await connection.send(ok(b"right"))

        async with raw_server(handler) as server, networking() as network:
            assert await got(network, server.url()) in (b"hello", b"")
            await sent.wait()
            assert await got(network, server.url()) == b"right"
            assert server.connections == 2

    trio.run(main)


def test_field_injection_never_reaches_the_wire() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()

        async with raw_server(handler) as server, networking() as network:
            for fields in ((("A", "b\r\nEvil: c"),), (("A\r\nEvil: c", "b"),), (("A", "b\0"),)):
                assert (await failure(network, server.url(), headers=fields)).name == "ERR_INVALID_ARGUMENT"
            assert (await failure(network, server.url(), "GET /x HTTP/1.1\r\nEvil:")).name == "ERR_INVALID_ARGUMENT"
            assert server.connections == 0

    trio.run(main)


def test_an_endless_head_takes_no_more_memory_than_its_limit() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(HEAD)
            while True:
                await connection.send(b"A: b\r\n" * 1000)

        async with raw_server(handler) as server, networking() as network:
            assert (await failure(network, server.url())).name == "ERR_RESPONSE_HEADERS_TOO_BIG"

    trio.run(main)


def test_endless_interim_responses_end() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            while True:
                await connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")

        async with raw_server(handler) as server, networking() as network:
            assert (await failure(network, server.url())).name == "ERR_INVALID_HTTP_RESPONSE"

    trio.run(main)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", ok(b"hello")[:-2]])
def test_a_server_that_falls_silent_times_out(said: bytes) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            if said:
                await connection.send(said)
            await trio.sleep_forever()

        async with raw_server(handler) as server, networking() as network:
            assert (await failure(network, server.url(), timeout_s=0.05)).name == "ERR_TIMED_OUT"

    trio.run(main)
