"""What carries out ``network.send_request``: real servers, the session's real behavior."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable

import pytest
import trio
from servers.doors import Call, ScriptedHandlers, SmallPartition, small_partition
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile, redirects, sends

from partita.actors.kernel.context import Context
from partita.actors.live_world.live import live_world
from partita.actors.network.behavior import behavior, fetch
from partita.actors.network.carriers import send_request
from partita.actors.network.http import NetError, RedirectRefused, Response
from partita.events.cookies import CookiesReceived
from partita.events.network import Fetch, SendRequest
from partita.events.preferences import SetUserAgent
from partita.events.types import State


def with_partition(work: Callable[[SmallPartition], Awaitable[None]]) -> None:
    async def main() -> None:
        async with small_partition(live_world(ScriptedHandlers())) as partition:
            await work(partition)

    trio.run(main)


async def fetched(partition: SmallPartition, url: str, payload: bytes = b"", **options: object) -> Response:
    call = partition.calls[1] = Call(payload)
    await send_request(SendRequest(call_id=1, url=url, **{"method": "GET", **options}), partition.door())  # type: ignore[arg-type]
    if call.error is not None:
        raise call.error
    assert isinstance(call.value, Response)
    call.value.read()  # as who gets it does
    return call.value


def test_a_fetch_is_one_effect_and_leaves_no_turn() -> None:
    ctx = Context(seed=b"s", position=1, now_us=0, actor="session")
    message = Fetch(7, "GET", "http://a/", (("X", "1"),), "manual", "omit", 3.0)
    decision = fetch(State(), message, ctx)
    assert decision.effects == (SendRequest(7, "GET", "http://a/", (("X", "1"),), "manual", "omit", 3.0),)
    assert decision.events == ()
    assert not ctx.drew
    assert not behavior.evolve


def test_cookies_set_over_a_redirect_go_to_where_it_leads(server: LoopbackServer) -> None:
    server.on("/start", redirects("/end", cookies=("a=1; Path=/", "b=2; Path=/end")))
    server.on("/end", sends(b"here", headers=[("Set-Cookie", "c=3; Max-Age=60")]))

    async def work(partition: SmallPartition) -> None:
        response = await fetched(partition, server.url("/start#top"))
        assert (response.status_code, response.text) == (200, "here")
        assert str(response.url) == server.url("/end#top")
        assert [str(hop.url) for hop in response.history] == [server.url("/start#top")]
        assert response.history[0].status_code == 302
        assert response.elapsed.total_seconds() > 0
        await fetched(partition, server.url("/end"))

    with_partition(work)
    assert [seen.header("cookie") for seen in server.seen] == [None, "b=2; a=1", "b=2; a=1; c=3"]
    assert server.connections == 1, "the redirect's connection was used again"


def test_credentials_omit_neither_sends_nor_stores_cookies(server: LoopbackServer) -> None:
    url = server.on("/x", sends(b"", headers=[("Set-Cookie", "a=1")]))

    async def work(partition: SmallPartition) -> None:
        await fetched(partition, url, credentials="omit")
        assert not any(isinstance(message, CookiesReceived) for _, message, _ in partition.turns)
        await fetched(partition, url)
        await fetched(partition, url, credentials="omit")
        await fetched(partition, url)

    with_partition(work)
    assert [seen.header("cookie") for seen in server.seen] == [None, None, None, "a=1"]


def test_the_session_says_who_it_is_and_what_it_reads(server: LoopbackServer) -> None:
    url = server.on("/x", sends(b""))

    async def work(partition: SmallPartition) -> None:
        await fetched(partition, url)
        await partition.ask("session", SetUserAgent("Mine/1", "en-US,fr,de"))
        await fetched(partition, url, headers=(("X-One", "1"), ("Accept", "text/html")))

    with_partition(work)
    first, second = server.seen
    assert "Mozilla" in (first.header("user-agent") or "")
    assert first.header("accept") == "*/*"
    assert second.header("user-agent") == "Mine/1"
    assert second.header("accept-language") == "en-US,fr;q=0.9,de;q=0.8"
    assert (second.header("accept"), second.header("x-one")) == ("text/html", "1")


def test_content_comes_back_decoded_and_a_broken_coding_has_a_name(server: LoopbackServer) -> None:
    packed = gzip.compress(b"hello" * 1000)
    good = server.on("/good", sends(packed, headers=[("Content-Encoding", "gzip")]))
    bad = server.on("/bad", sends(b"nothing of the kind", headers=[("Content-Encoding", "gzip")]))

    async def work(partition: SmallPartition) -> None:
        response = await fetched(partition, good)
        assert response.content == b"hello" * 1000
        assert response.headers["content-length"] == str(len(packed))
        with pytest.raises(NetError, match=r"^net::ERR_CONTENT_DECODING_FAILED"):
            await fetched(partition, bad)

    with_partition(work)
    assert "gzip" in (server.seen[0].header("accept-encoding") or "")


def test_a_body_is_sent_again_by_307_and_dropped_by_302(server: LoopbackServer) -> None:
    server.on("/keep", redirects("/end", status=307))
    server.on("/drop", redirects("/end", status=302))
    server.on("/end", lambda seen, reply: reply.send(f"{seen.method} {seen.body!r}".encode()))

    async def work(partition: SmallPartition) -> None:
        for path, expected in (("/keep", "POST b'hello'"), ("/drop", "GET b''")):
            response = await fetched(partition, server.url(path), b"hello", method="POST")
            assert response.text == expected

    with_partition(work)


def test_a_password_in_a_url_becomes_a_field_and_stays_with_its_origin(server: LoopbackServer) -> None:
    server.on("/in", redirects(server.url("/out", host="localhost")))
    server.on("/out", sends(b""))

    async def work(partition: SmallPartition) -> None:
        await fetched(partition, server.url("/in").replace("//", "//me:pw@"))

    with_partition(work)
    assert [seen.header("authorization") for seen in server.seen] == ["Basic bWU6cHc=", None]


def test_manual_hands_the_redirect_over(server: LoopbackServer) -> None:
    url = server.on("/x", redirects("/y", cookies=("a=1",)))

    async def work(partition: SmallPartition) -> None:
        response = await fetched(partition, url, redirect="manual")
        assert (response.status_code, response.headers["location"]) == (302, "/y")
        with pytest.raises(RedirectRefused):
            await fetched(partition, url, redirect="error")

    with_partition(work)
    assert server.paths() == ["/x", "/x"]


def test_a_server_that_sends_one_round_in_circles_is_left_after_twenty_redirects(server: LoopbackServer) -> None:
    url = server.on("/loop", redirects("/loop"))

    async def work(partition: SmallPartition) -> None:
        with pytest.raises(NetError, match=r"^net::ERR_TOO_MANY_REDIRECTS") as caught:
            await fetched(partition, url)
        assert str(caught.value.request.url) == url

    with_partition(work)
    assert len(server.seen) == 21


def test_a_server_that_hangs_up_in_a_body_is_an_error_with_its_request(server: LoopbackServer) -> None:
    url = server.on("/f", ServedFile(bytes(500_000), hang_up_at=[100_000]))

    async def work(partition: SmallPartition) -> None:
        with pytest.raises(NetError, match=r"^net::ERR_CONTENT_LENGTH_MISMATCH") as caught:
            await fetched(partition, url)
        assert str(caught.value.request.url) == url

    with_partition(work)


def test_a_response_without_a_body_is_whole(server: LoopbackServer) -> None:
    def nothing(seen: Seen, reply: Reply) -> None:
        reply.head(204)

    head = server.on("/head", sends(b"12345", headers=[("Content-Encoding", "gzip")]))
    empty = server.on("/204", nothing)

    async def work(partition: SmallPartition) -> None:
        response = await fetched(partition, head, method="HEAD")
        assert (response.content, response.headers["content-length"]) == (b"", "5")
        response = await fetched(partition, empty)
        assert (response.status_code, response.content) == (204, b"")

    with_partition(work)


def test_a_call_that_is_stopped_fails_as_aborted(server: LoopbackServer) -> None:
    file = ServedFile(bytes(500_000), hold_at=100_000)
    url = server.on("/f", file)

    async def work(partition: SmallPartition) -> None:
        call = partition.calls[1] = Call()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_request, SendRequest(1, "GET", url), partition.door())
            await trio.to_thread.run_sync(file.held.wait, 30)
            nursery.cancel_scope.cancel()
        file.go_on.set()
        assert isinstance(call.error, NetError)
        assert call.error.name == "ERR_ABORTED"

    with_partition(work)


def test_a_call_that_is_gone_is_not_sent(server: LoopbackServer) -> None:
    async def work(partition: SmallPartition) -> None:
        await send_request(SendRequest(99, "GET", server.url("/x")), partition.door())

    with_partition(work)
    assert server.seen == []
