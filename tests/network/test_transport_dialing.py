"""How a connection comes about: names, addresses that are raced, TLS."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from network.sending import failure, got, networking, read
from servers.certificates import Authority, authority
from servers.raw import RawConnection, always, ok, raw_server

from partita.actors.kernel.world import NetworkRequest
from partita.actors.network.transport.dialing import Address, LiveDialer

BIG = bytes(range(256)) * 16_384


class Addresses:
    """A resolver that knows one name."""

    def __init__(self, *ips: str) -> None:
        self.ips = ips

    async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        assert host == "shop.test"
        return tuple(
            Address(socket.AF_INET6, (ip, port, 0, 0)) if ":" in ip else Address(socket.AF_INET, (ip, port))
            for ip in self.ips
        )


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@contextmanager
def deaf(port: int, ip: str) -> Iterator[None]:
    """A port that never answers: its queue is full, and what comes beyond is dropped."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ip, port))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((ip, port))
        yield


@pytest.mark.parametrize(
    ("ips", "used"),
    [
        (("127.0.0.1",), "127.0.0.1"),
        (("127.0.0.2", "127.0.0.1"), "127.0.0.1"),
        (("127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"), "127.0.0.1"),
        (("127.0.0.1", "127.0.0.2"), "127.0.0.1"),
        pytest.param(("::1", "127.0.0.1"), "127.0.0.1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6")),
    ],
)
def test_the_first_address_that_connects_is_used(ips: tuple[str, ...], used: str) -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"x"))) as server, networking(LiveDialer(Addresses(*ips))) as network:
            response = await network.send(NetworkRequest("GET", server.url(host="shop.test")))
            assert await read(response) == b"x"
            assert response.remote_address == used
            assert server.connections == 1

    trio.run(main)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6")
def test_an_address_of_the_other_family_is_tried_second() -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"x")), host="::1") as server:
            dialer = LiveDialer(Addresses("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"))
            async with networking(dialer) as network:
                response = await network.send(NetworkRequest("GET", server.url(host="shop.test")))
                assert await read(response) == b"x"
                assert response.remote_address == "::1"

    trio.run(main)


def test_an_address_that_says_nothing_is_raced_by_the_next() -> None:
    async def main() -> None:
        async with raw_server(always(ok(b"x"))) as server:
            with deaf(server.port, "127.0.0.2"):
                async with networking(LiveDialer(Addresses("127.0.0.2", "127.0.0.1"))) as network:
                    response = await network.send(NetworkRequest("GET", server.url(host="shop.test"), timeout_s=10))
                    assert await read(response) == b"x"
                    assert response.remote_address == "127.0.0.1"
                async with networking(LiveDialer(Addresses("127.0.0.2"))) as network:
                    failed = await failure(network, server.url(host="shop.test"), timeout_s=0.05)
                    assert failed.name == "ERR_CONNECTION_TIMED_OUT"

    trio.run(main)


def test_when_no_address_connects_the_first_ones_error_is_told() -> None:
    async def main() -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            async with networking(LiveDialer(Addresses("127.0.0.1", "127.0.0.2"))) as network:
                failed = await failure(network, f"http://shop.test:{port}/")
        assert failed.name == "ERR_CONNECTION_REFUSED"

    trio.run(main)


def test_a_name_without_an_address_and_a_resolver_that_fails_have_a_name() -> None:
    class Broken:
        async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
            raise OSError(errno.ENETUNREACH, "no way out")

    async def main() -> None:
        async with networking(LiveDialer(Addresses())) as network:
            assert (await failure(network, "http://shop.test/")).name == "ERR_NAME_NOT_RESOLVED"
        async with networking(LiveDialer(Broken())) as network:
            assert (await failure(network, "http://shop.test/")).name == "ERR_ADDRESS_UNREACHABLE"
        async with networking() as network:
            assert (await failure(network, f"http://{'a' * 70}.test/")).name == "ERR_NAME_NOT_RESOLVED"

    trio.run(main)


# -- TLS ----------------------------------------------------------------------------------------------------------------


def trusting() -> LiveDialer:
    return LiveDialer(context=authority().context)


def test_tls_is_spoken_kept_and_timed(tmp_path: Path) -> None:
    async def main() -> None:
        tls = authority().server_context(tmp_path, "localhost", "127.0.0.1")
        async with raw_server(always(ok(b"x"), ok(BIG)), tls=tls) as server, networking(trusting()) as network:
            response = await network.send(NetworkRequest("GET", server.url(host="localhost")))
            assert await read(response) == b"x"
            assert response.timing is not None
            assert response.timing.tls_s is not None
            assert await got(network, server.url(host="localhost")) == BIG
            assert await got(network, server.url(host="localhost."), "POST", body=BIG) == b"x"
            assert await got(network, server.url()) == b"x"
            assert server.connections == 3

    trio.run(main)


def test_a_session_ticket_does_not_spoil_an_idle_connection(tmp_path: Path) -> None:
    async def main() -> None:
        tls = authority().server_context(tmp_path, "localhost")
        async with raw_server(always(ok(b"x")), tls=tls) as server, networking(trusting()) as network:
            await network.preconnect("", server.url(host="localhost"), 1)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert await got(network, server.url(host="localhost")) == b"x"
            assert server.connections == 1

    trio.run(main)


@pytest.mark.parametrize(
    ("hosts", "expired", "trusted", "name"),
    [
        (("shop.test",), False, True, "ERR_CERT_COMMON_NAME_INVALID"),
        (("localhost",), True, True, "ERR_CERT_DATE_INVALID"),
        (("localhost",), False, False, "ERR_CERT_AUTHORITY_INVALID"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(
    tmp_path: Path, hosts: tuple[str, ...], expired: bool, trusted: bool, name: str
) -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.request()

        tls = authority().server_context(tmp_path, *hosts, expired=expired)
        dialer = trusting() if trusted else LiveDialer(context=Authority().context)
        async with raw_server(handler, tls=tls) as server, networking(dialer) as network:
            assert (await failure(network, server.url(host="localhost"))).name == name
            assert server.requests == []

    trio.run(main)


def test_what_does_not_speak_tls_is_told_so() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.stream.receive_some(100)
            await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with raw_server(handler) as server, networking(trusting()) as network:
            failed = await failure(network, server.url(host="localhost").replace("http", "https"))
            assert failed.name == "ERR_SSL_PROTOCOL_ERROR"

    trio.run(main)


def test_a_handshake_that_never_ends_is_bounded_and_can_be_cancelled() -> None:
    async def main() -> None:
        async def handler(connection: RawConnection) -> None:
            await connection.stream.receive_some(100)
            await trio.sleep_forever()

        async with raw_server(handler) as server, networking(trusting()) as network:
            url = server.url().replace("http", "https")
            assert (await failure(network, url, timeout_s=0.05)).name == "ERR_CONNECTION_TIMED_OUT"
            async with trio.open_nursery() as nursery:

                async def aborted() -> None:
                    assert (await failure(network, url)).name == "ERR_ABORTED"

                nursery.start_soon(aborted)
                while server.connections < 2:
                    await trio.testing.wait_all_tasks_blocked()
                assert network.statistics().dialing == 1
                await network.close_connections("")

    trio.run(main)
