"""The live port against a server that nobody here wrote."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
import trio
from network.sending import got, networking, read
from servers.nginx import Nginx, needs_nginx, nginx

from partita.actors.kernel.world import NetworkRequest

BIG = bytes(range(256)) * 16_384  # 4 MiB

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx")) as running:
        (running.root / "small").write_bytes(b"small")
        (running.root / "big").write_bytes(BIG)
        yield running


def test_a_connection_is_kept_over_all_kinds_of_answers(server: Nginx) -> None:
    async def main() -> None:
        async with networking() as network:
            for path, status, body in (
                ("/small", 200, b"small"),
                ("/big", 200, BIG),
                ("/moved", 302, None),
                ("/empty", 204, b""),
                ("/teapot", 418, b"short and stout"),
                ("/nothing", 404, None),
                ("/small", 200, b"small"),
            ):
                response = await network.send(NetworkRequest("GET", server.url(path)))
                content = await read(response)
                assert response.status == status
                assert body is None or content == body
            assert await got(network, server.url("/big"), "HEAD") == b""
            assert network.statistics().opened == 1

    trio.run(main)


def test_ranges_validators_and_compression_in_chunks(server: Nginx) -> None:
    async def main() -> None:
        async with networking() as network:

            async def answered(path: str, *fields: tuple[str, str]) -> tuple[int, dict[str, str], bytes]:
                response = await network.send(NetworkRequest("GET", server.url(path), fields))
                body = await read(response)
                return response.status, {name.lower(): value for name, value in response.headers}, body

            status, headers, body = await answered("/big", ("Range", "bytes=1000-1999"))
            assert (status, headers["content-range"], body) == (206, f"bytes 1000-1999/{len(BIG)}", BIG[1000:2000])
            status, _, body = await answered("/big", ("If-None-Match", headers["etag"]))
            assert (status, body) == (304, b"")
            status, headers, body = await answered("/zipped/big", ("Accept-Encoding", "gzip"))
            assert (status, headers["transfer-encoding"], headers["content-encoding"]) == (200, "chunked", "gzip")
            assert gzip.decompress(body) == BIG
            status, headers, _ = await answered("/big", ("Range", "bytes=99999999-"))
            assert status == 416
            assert network.statistics().opened == 1

    trio.run(main)


def test_a_server_that_closes_is_dialed_again(server: Nginx) -> None:
    async def main() -> None:
        async with networking() as network:
            for _ in range(3):
                assert await got(network, server.url("/closes/small")) == b"small"
            assert (network.statistics().opened, network.statistics().idle) == (3, 0)

    trio.run(main)


def test_a_body_that_is_too_large_is_refused_before_it_was_sent(server: Nginx) -> None:
    async def main() -> None:
        async with networking() as network:
            response = await network.send(NetworkRequest("POST", server.url("/small"), body=bytes(32 << 20)))
            await read(response)
            assert response.status == 413

    trio.run(main)


def test_hundreds_at_once_share_few_connections(server: Nginx) -> None:
    async def main() -> None:
        async with networking() as network:

            async def one(path: str, body: bytes) -> None:
                assert await got(network, server.url(path), timeout_s=20) == body

            async with trio.open_nursery() as nursery:
                for number in range(300):
                    nursery.start_soon(one, *(("/big", BIG) if number % 50 == 0 else ("/small", b"small")))
            assert network.statistics().opened == 6

    trio.run(main)
