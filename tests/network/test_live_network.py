"""The live port on real sockets."""

from __future__ import annotations

import gc
import socket
import threading

import pytest
import trio
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen, ServedFile, sends

from partita.actors.kernel.world import NetworkRequest
from partita.actors.network.http import NetError
from partita.actors.network.ports import LiveNetwork

CONTENT = bytes(range(256)) * 4096  # 1 MiB


async def whole(network: LiveNetwork, request: NetworkRequest) -> tuple[int, bytes]:
    response = await network.send(request)
    try:
        return response.status, b"".join([chunk async for chunk in response.body()])
    finally:
        await response.close()


def failing(request: NetworkRequest) -> NetError:
    async def main() -> None:
        network = LiveNetwork()
        try:
            await whole(network, request)
        finally:
            await network.close()

    with pytest.raises(NetError) as caught:
        trio.run(main)
    return caught.value


def test_a_request_goes_out_as_it_was_said_and_comes_back_whole(server: LoopbackServer) -> None:
    url = server.on("/echo?q=1".partition("?")[0], lambda seen, reply: reply.send(seen.body))

    async def main() -> None:
        network = LiveNetwork()
        request = NetworkRequest("POST", url + "?q=1", (("X-One", "caf\u00e9"),), b"body")
        assert await whole(network, request) == (200, b"body")
        await network.close()
        await network.close()

    trio.run(main)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.header("x-one")) == ("POST", "/echo?q=1", "caf\u00e9")
    assert seen.header("host") == f"127.0.0.1:{server.port}"


def test_a_connection_is_used_again_once_its_body_was_read(server: LoopbackServer) -> None:
    url = server.on("/x", sends(b"x"))

    async def main() -> None:
        network = LiveNetwork()
        for _ in range(5):
            await whole(network, NetworkRequest("GET", url))
        await network.close()

    trio.run(main)
    assert server.connections == 1


def test_a_body_that_is_left_unread_leaves_nothing_behind(server: LoopbackServer) -> None:
    url = server.on("/f", ServedFile(CONTENT))

    async def main() -> None:
        network = LiveNetwork()
        response = await network.send(NetworkRequest("GET", url))
        async for _ in response.body():
            break
        await response.close()
        await response.close()
        assert await whole(network, NetworkRequest("GET", url)) == (200, CONTENT)
        await network.close()
        gc.collect()  # a generator left open would warn, and a warning is an error here

    trio.run(main)
    assert server.connections == 2


def test_a_task_that_is_cancelled_in_a_body_leaves_nothing_behind(server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=100_000)
    url = server.on("/f", file)

    async def main() -> None:
        network = LiveNetwork()
        response = await network.send(NetworkRequest("GET", url))
        with trio.CancelScope() as scope:
            try:
                async for _ in response.body():
                    scope.cancel()
            finally:
                await response.close()
        assert scope.cancelled_caught
        file.go_on.set()
        await network.close()
        gc.collect()

    trio.run(main)


def test_nobody_listening_is_a_refused_connection() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        failed = failing(NetworkRequest("GET", url))
    assert (str(failed), failed.code) == ("net::ERR_CONNECTION_REFUSED", -102)


def test_a_name_that_nobody_has_is_not_resolved() -> None:
    assert failing(NetworkRequest("GET", "http://nobody.invalid/")).name == "ERR_NAME_NOT_RESOLVED"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda seen, reply: reply.hang_up(), "ERR_EMPTY_RESPONSE"),
        (lambda seen, reply: reply.reset(), "ERR_CONNECTION_RESET"),
        (ServedFile(CONTENT, hang_up_at=[300_000]), "ERR_CONTENT_LENGTH_MISMATCH"),
    ],
)
def test_a_server_that_breaks_off_has_a_name(server: LoopbackServer, answer: object, name: str) -> None:
    failed = failing(NetworkRequest("GET", server.on("/x", answer)))  # type: ignore[arg-type]
    assert failed.name == name
    assert failed.detail


def test_a_chunked_body_that_breaks_off_has_a_name(server: LoopbackServer) -> None:
    def answer(seen: Seen, reply: Reply) -> None:
        reply.head(200, {"Transfer-Encoding": "chunked"})
        reply.write(b"5\r\nhello\r\n")
        reply.hang_up()

    assert failing(NetworkRequest("GET", server.on("/x", answer))).name == "ERR_INCOMPLETE_CHUNKED_ENCODING"


def test_noise_is_no_http(server: LoopbackServer) -> None:
    def answer(seen: Seen, reply: Reply) -> None:
        reply.write(b"What do you want?\r\n\r\n")
        reply.hang_up()

    assert failing(NetworkRequest("GET", server.on("/x", answer))).name == "ERR_INVALID_HTTP_RESPONSE"


def test_a_server_that_says_nothing_times_out(server: LoopbackServer) -> None:
    release = threading.Event()

    def answer(seen: Seen, reply: Reply) -> None:
        assert release.wait(PATIENCE_S)
        reply.send(b"too late")

    try:
        request = NetworkRequest("GET", server.on("/x", answer), timeout_s=0.05)
        assert failing(request).name == "ERR_TIMED_OUT"
    finally:
        release.set()


def test_a_closed_network_sends_nothing(server: LoopbackServer) -> None:
    async def main() -> None:
        network = LiveNetwork()
        await network.close()
        with pytest.raises(NetError, match=r"net::ERR_ABORTED"):
            await network.send(NetworkRequest("GET", server.url("/")))

    trio.run(main)
    assert server.seen == []


def test_bytes_beyond_the_announced_length_are_no_answer_to_the_next_request(server: LoopbackServer) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!"
    said = server.on(
        "/said", lambda _, reply: reply.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" + smuggled)
    )
    asked = server.on("/asked", sends(b"right"))

    async def main() -> None:
        network = LiveNetwork()
        assert await whole(network, NetworkRequest("GET", said)) == (200, b"hello")
        assert await whole(network, NetworkRequest("GET", asked)) == (200, b"right")
        await network.close()

    trio.run(main)
