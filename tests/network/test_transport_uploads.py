"""Bodies of requests: how they are framed, and what happens when the server does not want them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from network.sending import failure, got, networking, read
from servers.raw import RawConnection, always, ok, raw_server

from partita.actors.kernel.world import NetworkRequest

BIG = bytes(range(256)) * 65_536  # 16 MiB: more than any socket buffers
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"


class Chunks:
    """An upload of these chunks."""

    def __init__(self, *chunks: bytes, size_bytes: int | None = None, failing: Exception | None = None) -> None:
        self.size_bytes = size_bytes
        self._chunks = chunks
        self._failing = failing

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            await trio.lowlevel.checkpoint()
            yield chunk
        if self._failing is not None:
            raise self._failing


async def echo(connection: RawConnection) -> None:
    while request := await connection.request():
        await connection.send(ok(request.partition(b"\r\n\r\n")[2]))


@pytest.mark.parametrize("body", [b"small", bytes(100_000), BIG])
def test_a_body_goes_out_whole_with_its_length(body: bytes) -> None:
    async def main() -> None:
        async with raw_server(echo) as server, networking() as network:
            for _ in range(2):
                assert await got(network, server.url(), "POST", body=body) == body
            assert server.connections == 1
            assert f"\r\nContent-Length: {len(body)}\r\n".encode() in server.requests[0]

    trio.run(main)


def test_an_upload_of_known_length_is_announced_and_one_of_unknown_length_comes_in_chunks() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            request = await connection.request()
            while b"transfer-encoding" in request.lower() and not request.endswith(b"\r\n0\r\n\r\n"):
                request += connection.buffer or await connection.stream.receive_some()
                connection.buffer = b""
            await connection.send(ok(request.partition(b"\r\n\r\n")[2]))

        async with raw_server(handler) as server, networking() as network:
            known = Chunks(b"hello, ", b"", b"world", size_bytes=12)
            assert await got(network, server.url(), "PUT", body=known) == b"hello, world"
            await network.close_connections("")
            unknown = Chunks(b"hello, ", b"", b"world")
            assert await got(network, server.url(), "PUT", body=unknown) == b"7\r\nhello, \r\n5\r\nworld\r\n0\r\n\r\n"

    trio.run(main)


@pytest.mark.parametrize("size_bytes", [5, 100])
def test_an_upload_that_lies_about_its_length_fails(size_bytes: int) -> None:
    async def main() -> None:
        async with raw_server(echo) as server, networking() as network:
            body = Chunks(b"hello, world", size_bytes=size_bytes)
            assert (await failure(network, server.url(), "POST", body=body)).name == "ERR_INVALID_ARGUMENT"
            assert server.requests == []

    trio.run(main)


def test_what_an_upload_raises_comes_out_as_it_was() -> None:
    async def main() -> None:
        async with raw_server(echo) as server, networking() as network:
            with pytest.raises(ZeroDivisionError):
                await got(network, server.url(), "POST", body=Chunks(b"x", failing=ZeroDivisionError()))

    trio.run(main)


@pytest.mark.parametrize(
    "body", [BIG, Chunks(*[bytes(1 << 20)] * 20), Chunks(*[bytes(1 << 20)] * 20, size_bytes=20 << 20)]
)
@pytest.mark.parametrize("reads_on", [False, True])
def test_an_early_refusal_is_seen_and_not_the_reset_behind_it(body: object, reads_on: bool) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while b"\r\n\r\n" not in connection.buffer:
                connection.buffer += await connection.stream.receive_some()
            await connection.send(TOO_LARGE)
            if reads_on:
                while await connection.stream.receive_some():
                    pass

        async with raw_server(handler) as server, networking() as network:
            response = await network.send(NetworkRequest("POST", server.url(), body=body))  # type: ignore[arg-type]
            assert (response.status, await read(response)) == (413, b"large")
            assert network.statistics().idle == 0

    trio.run(main)


def test_an_early_answer_that_is_no_refusal_lets_the_body_go_on() -> None:
    async def main() -> None:
        received = 0

        async def handler(connection: RawConnection) -> None:
            nonlocal received
            await connection.stream.receive_some(10)
            await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"thanks"))
            while data := await connection.stream.receive_some():
                received += len(data)

        async with raw_server(handler) as server, networking() as network:
            assert await got(network, server.url(), "POST", body=BIG) == b"thanks"
            while received < len(BIG):
                await trio.testing.wait_all_tasks_blocked()
            await network.close_connections("")

    trio.run(main)


def test_a_server_that_hangs_up_on_a_body_has_a_name() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.stream.receive_some(10)

        async with raw_server(handler) as server, networking() as network:
            failed = await failure(network, server.url(), "POST", body=BIG)
            assert failed.name in {"ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"}
            assert not failed.stale_connection

    trio.run(main)


@pytest.mark.parametrize("reads_at_all", [False, True])
def test_each_wait_of_an_upload_is_bounded(reads_at_all: bool) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            while reads_at_all and await connection.stream.receive_some():
                pass
            await trio.sleep_forever()

        async with raw_server(handler) as server, networking() as network:
            failed = await failure(network, server.url(), "POST", body=BIG, timeout_s=0.1)
            assert failed.name == "ERR_TIMED_OUT"

    trio.run(main)


def test_a_body_for_nobody_says_that_it_is_empty() -> None:
    async def main() -> None:
        async with raw_server(always(ok())) as server, networking() as network:
            await got(network, server.url(), "POST")
            await got(network, server.url(), "GET")
            assert b"\r\nContent-Length: 0\r\n" in server.requests[0]
            assert b"Content-Length" not in server.requests[1]

    trio.run(main)
