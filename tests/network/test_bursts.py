"""Bodies that a thread takes straight from their connection."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from network.sending import got, networking
from servers.certificates import authority
from servers.raw import Handler, RawConnection, RawServer, always, ok, raw_server

from partita.actors.kernel.file_ports import BodySource
from partita.actors.kernel.world import BurstingResponse, NetworkRequest, NetworkResponse
from partita.actors.network.http import NetError
from partita.actors.network.ports import LiveNetwork
from partita.actors.network.transport import bursts
from partita.actors.network.transport.dialing import LiveDialer
from partita.actors.network.transport.streams import SocketStream

MIB = 1 << 20
CONTENT = os.urandom(4 * MIB + 1)
PATIENCE_S = 10.0


@asynccontextmanager
async def between(handler: Handler, secure: Path | None = None) -> AsyncIterator[tuple[RawServer, LiveNetwork]]:
    """A server and a network that gets to it; ``secure``: over TLS, with a folder for its certificate."""
    tls = None if secure is None else authority().server_context(secure, "127.0.0.1")
    dialer = None if secure is None else LiveDialer(context=authority().context)
    async with raw_server(handler, tls=tls) as server, networking(dialer) as network:
        yield server, network


async def opened(network: LiveNetwork, server: RawServer, **options: object) -> NetworkResponse:
    return await network.send(NetworkRequest("GET", server.url(), **options))  # type: ignore[arg-type]


def taking(content: bytearray, piece_bytes: int = MIB) -> Callable[[BodySource], Awaitable[bool]]:
    """One piece at a time."""

    async def take(source: BodySource) -> bool:
        buffer = memoryview(bytearray(piece_bytes))
        size = await trio.to_thread.run_sync(source.receive_into, buffer)
        content.extend(buffer[:size])
        return size > 0

    return take


async def read_in_bursts(response: NetworkResponse, content: bytearray, piece_bytes: int = MIB) -> int:
    """Read all of it, by threads where that is to be had; returns how much came by them."""
    assert isinstance(response, BurstingResponse)
    by_threads = 0
    try:
        async for chunk in response.body():
            content += chunk
            before = len(content)
            while await response.burst(taking(content, piece_bytes)):
                pass
            by_threads += len(content) - before
    finally:
        await response.close()
    return by_threads


def descriptor_of(response: NetworkResponse) -> int:
    stream = response._connection.stream  # type: ignore[attr-defined]
    assert isinstance(stream, SocketStream)
    return stream.socket.fileno()


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class Held:
    """A taker whose thread stands in the middle of a burst until it may go on. ``came``: what the source gave it then."""

    def __init__(self) -> None:
        self.stands = trio.Event()
        self.may_go_on = threading.Event()
        self.came: int | None = None

    async def take(self, source: BodySource) -> bool:
        loop = trio.lowlevel.current_trio_token()

        def work() -> None:
            loop.run_sync_soon(self.stands.set)
            assert self.may_go_on.wait(PATIENCE_S)
            self.came = source.receive_into(memoryview(bytearray(MIB)))

        await trio.to_thread.run_sync(work)
        return True


# -- what comes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("piece_bytes", [MIB, 10_007])
@pytest.mark.parametrize("size", [1, MIB - 1, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1])
def test_it_is_byte_for_byte_the_body_and_its_connection_is_used_again(
    size: int, piece_bytes: int, is_secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bursts, "DRY_MS", PATIENCE_S * 1000)

    async def main() -> None:
        handler = always(ok(CONTENT[:size]), ok(b"next"))
        async with between(handler, tmp_path if is_secure else None) as (server, network):
            content = bytearray()
            by_threads = await read_in_bursts(await opened(network, server), content, piece_bytes)
            assert bytes(content) == CONTENT[:size]
            assert (by_threads > 0) == (size > 1)
            assert await got(network, server.url()) == b"next"
            assert server.connections == 1

    trio.run(main)


def test_the_connection_is_free_as_soon_as_the_last_byte_was_taken() -> None:
    async def main() -> None:
        async with between(always(ok(CONTENT))) as (server, network):
            response = await opened(network, server)
            content = bytearray(await anext(response.body()))
            assert isinstance(response, BurstingResponse)
            while len(content) < len(CONTENT):
                await response.burst(taking(content))
            assert network.statistics().idle == 1
            assert not await response.burst(taking(content))
            await response.close()

    trio.run(main)


@pytest.mark.parametrize("is_secure", [False, True])
def test_what_the_server_says_behind_a_body_is_nobodys_answer(is_secure: bool, tmp_path: Path) -> None:
    async def main() -> None:
        said = trio.Event()

        async def handler(connection: RawConnection) -> None:
            while await connection.request():
                is_first = len(connection.server.requests) == 1
                await connection.send(ok(CONTENT) + ok(b"smuggled") if is_first else ok(b"next"))
                said.set()

        async with between(handler, tmp_path if is_secure else None) as (server, network):
            content = bytearray()
            await read_in_bursts(await opened(network, server), content)
            assert bytes(content) == CONTENT
            await said.wait()
            assert await got(network, server.url()) == b"next"
            assert server.connections == 2

    trio.run(main)


@pytest.mark.parametrize(
    "fields", ["Transfer-Encoding: chunked\r\n", "Connection: close\r\n"], ids=["chunked", "until the end"]
)
def test_a_body_of_unknown_length_is_not_taken(fields: str) -> None:
    content = CONTENT[:MIB]
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if "chunked" in fields else content

    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + framed)

        async with between(handler) as (server, network):
            came = bytearray()
            assert await read_in_bursts(await opened(network, server), came) == 0
            assert bytes(came) == content

    trio.run(main)


# -- what goes wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("cut_at", [MIB, MIB + 1, 2 * MIB + 12_345, 4 * MIB - 1, 4 * MIB])
def test_a_body_that_is_cut_short_is_told_after_what_had_come(cut_at: int, is_secure: bool, tmp_path: Path) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(CONTENT)[: cut_at - len(CONTENT)])

        async with between(handler, tmp_path if is_secure else None) as (server, network):
            content = bytearray()
            with pytest.raises(NetError, match="ERR_CONTENT_LENGTH_MISMATCH"):
                await read_in_bursts(await opened(network, server), content)
            assert bytes(content) == CONTENT[:cut_at]
            assert network.statistics().in_use == 0

    trio.run(main)


def test_a_reset_is_told_by_its_name() -> None:
    async def main() -> None:
        taken = trio.Event()

        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(CONTENT)[:MIB])
            await taken.wait()
            await connection.reset()

        async with between(handler) as (server, network):
            response = await opened(network, server)
            assert isinstance(response, BurstingResponse)
            content = bytearray(await anext(response.body()))
            with pytest.raises(NetError, match="ERR_CONNECTION_RESET"):
                while True:
                    await response.burst(taking(content))
                    if len(content) > MIB - 1000:
                        taken.set()
            await response.close()

    trio.run(main)


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_is_asked() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()
            await connection.send(ok(CONTENT)[:MIB])
            await connection.request()

        async with between(handler) as (server, network):
            content = bytearray()
            with pytest.raises(NetError, match="ERR_TIMED_OUT"):
                await read_in_bursts(await opened(network, server, timeout_s=0.5), content)
            assert len(content) > MIB - 1000

    trio.run(main)


def test_a_socket_that_is_being_read_is_closed_when_the_thread_has_ended() -> None:
    async def main() -> None:
        async with between(always(ok(CONTENT))) as (server, network):
            response = await opened(network, server)
            assert isinstance(response, BurstingResponse)
            await anext(response.body())
            descriptor, held = descriptor_of(response), Held()
            failed: list[NetError] = []

            async def burst() -> None:
                with pytest.raises(NetError) as caught:
                    await response.burst(held.take)
                failed.append(caught.value)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(burst)
                await held.stands.wait()
                await network.close_connections("")
                await trio.testing.wait_all_tasks_blocked()
                assert is_open(descriptor)
                held.may_go_on.set()
            assert (held.came, [error.name for error in failed]) == (0, ["ERR_ABORTED"])
            assert not is_open(descriptor)
            await response.close()

    trio.run(main)


def test_a_taker_that_is_cancelled_costs_the_connection_and_nothing_else() -> None:
    async def main() -> None:
        async with between(always(ok(CONTENT))) as (server, network):
            response = await opened(network, server)
            assert isinstance(response, BurstingResponse)
            await anext(response.body())
            descriptor, held = descriptor_of(response), Held()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(response.burst, held.take)
                await held.stands.wait()
                nursery.cancel_scope.cancel()
                await trio.lowlevel.cancel_shielded_checkpoint()
                assert is_open(descriptor)
                held.may_go_on.set()
            await response.close()
            assert not is_open(descriptor)
            assert await got(network, server.url()) == CONTENT

    trio.run(main)


def test_what_the_taker_raises_is_not_taken_for_the_networks() -> None:
    async def main() -> None:
        async def broken(source: BodySource) -> bool:
            raise OSError(28, "No space left on device")

        async with between(always(ok(CONTENT))) as (server, network):
            response = await opened(network, server)
            assert isinstance(response, BurstingResponse)
            await anext(response.body())
            with pytest.raises(OSError, match="No space left") as caught:
                await response.burst(broken)
            assert type(caught.value) is OSError
            await response.close()
            assert network.statistics().in_use == 0

    trio.run(main)


def test_a_source_that_was_stopped_gives_nothing_more() -> None:
    async def main() -> None:
        async def stopped(source: BodySource) -> bool:
            source.stop()
            assert source.receive_into(memoryview(bytearray(MIB))) == 0
            return False

        async with between(always(ok(CONTENT))) as (server, network):
            response = await opened(network, server)
            assert isinstance(response, BurstingResponse)
            chunks = response.body()
            content = await anext(chunks)
            assert not await response.burst(stopped)
            assert content + b"".join([chunk async for chunk in chunks]) == CONTENT

    trio.run(main)
