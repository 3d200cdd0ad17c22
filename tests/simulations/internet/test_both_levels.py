"""What a client meets, on the simulation kernel and under the live HTTP stack alike."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from servers.virtual import FILE, LEVELS, QUICK, Bench, Level, run, shop

import partita
from partita.actors.network.http import NetError, Request, Response
from partita.simulations.internet import Entity, serve

URL = "http://shop.test/file"
BIG = Entity(bytes(range(256)) * 16_384, e_tag='"big"')  # 4 MiB

every_level = pytest.mark.parametrize("level", LEVELS)


# -- hosts ------------------------------------------------------------------------------------------------------------


@every_level
@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (lambda: "text", (200, b"text")),
        (lambda: b"bytes", (200, b"bytes")),
        (lambda: {"a": 1}, (200, b'{"a":1}')),
        (lambda: (418, {"X": "y"}, "tea"), (418, b"tea")),
        (lambda: Response(201, text="made"), (201, b"made")),
        (lambda: Response(200, content=iter([b"a", b"b"])), (200, b"ab")),
        (lambda: Response(204), (204, b"")),
        (lambda: None, (404, b"nothing here")),
    ],
)
def test_an_app_answers_with_whatever_is_shortest(
    level: Level, said: Callable[[], object], answer: tuple[int, bytes]
) -> None:
    async def program(bench: Bench) -> tuple[int, bytes]:
        return (await bench.get("http://a.test/"))[:2]

    assert run(level, program, hosts={"a.test": lambda request: said()}) == answer


@every_level
def test_what_was_asked_arrives_and_is_kept_for_checkers(level: Level) -> None:
    async def program(bench: Bench) -> None:
        _, body, headers = await bench.get("http://shop.test/echo?q=1", ("X-One", "é"), method="POST", body=b"hello")
        assert body == b'{"method":"POST","body":"hello"}'
        assert headers == (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
        (seen,) = bench.internet.requests
        assert (seen.host, seen.method, seen.path, seen.connection) == ("shop.test", "POST", "/echo?q=1", 1)
        assert seen.body_digest == hashlib.sha256(b"hello").hexdigest()
        assert [value for name, value in seen.headers if name.lower() == "x-one"] == ["é"]
        assert seen.at_s == pytest.approx(0.05, abs=0.001)  # a lookup, a handshake, and one way

    run(level, program)


@every_level
def test_an_async_app_takes_its_time_and_a_client_no_longer_than_its_timeout(level: Level) -> None:
    async def program(bench: Bench) -> None:
        @bench.internet.host("slow.test")
        async def slow(request: Request) -> str:
            await bench.clock.sleep(10)
            return "at last"

        assert (await bench.get("http://slow.test/"))[1] == b"at last"
        began = bench.clock.monotonic()
        assert (await bench.outcome("http://slow.test/", timeout_s=3)) == ("ERR_TIMED_OUT", 0)
        assert bench.clock.monotonic() - began == pytest.approx(3, abs=0.1)
        assert bench.internet.open_responses == ()

    run(level, program)


@every_level
def test_an_asgi_application_is_known_by_its_parameters(level: Level) -> None:
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

    async def app(scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        asked = await receive()
        headers = [(b"content-type", b"text/plain"), (b"x-query", scope["query_string"])]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
        await send({"type": "http.response.body", "body": asked["body"]})

    async def program(bench: Bench) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
        return await bench.get("http://a.test/%C3%A9?x=1", method="POST", body=b"!")

    status, body, headers = run(level, program, hosts={"a.test": app})
    assert (status, body.decode()) == (201, "/é!")
    assert ("x-query", "x=1") in headers


@every_level
def test_connections_are_kept_and_used_again_until_the_server_hangs_up(level: Level) -> None:
    async def program(bench: Bench) -> list[int]:
        for pause_s in (0, 5, 20):
            await bench.clock.sleep(pause_s)
            await bench.get("http://shop.test/")
        await bench.get("https://shop.test/")
        return [seen.connection for seen in bench.internet.requests]

    assert run(level, program) == [1, 1, 2, 3]


@every_level
@pytest.mark.parametrize(
    ("fields", "status", "part"),
    [
        ((), 200, slice(None)),
        ((("Range", "bytes=100-"),), 206, slice(100, None)),
        ((("Range", "bytes=100-199"),), 206, slice(100, 200)),
        ((("Range", "bytes=-5"),), 206, slice(-5, None)),
        ((("Range", "bytes=100-"), ("If-Range", '"v1"')), 206, slice(100, None)),
        ((("Range", "bytes=100-"), ("If-Range", '"v0"')), 200, slice(None)),
        ((("Range", "bytes=9999999-"),), 416, slice(0, 0)),
        ((("Range", "bytes=-0"),), 416, slice(0, 0)),
        ((("Range", "bytes=-"),), 200, slice(None)),
        ((("Range", "bytes=5-4"),), 200, slice(None)),
        ((("Range", "lines=1-2"),), 200, slice(None)),
    ],
)
def test_a_file_is_served_in_ranges(level: Level, fields: Any, status: int, part: slice) -> None:
    async def program(bench: Bench) -> None:
        got, body, headers = await bench.get(URL, *fields)
        assert (got, body) == (status, FILE.body[part])
        total = len(FILE.body)
        told = {
            206: f"bytes {range(total)[part][0]}-{range(total)[part][-1]}/{total}" if body else "",
            416: f"bytes */{total}",
        }
        assert dict(headers).get("Content-Range") == told.get(got)
        head = await bench.get(URL, method="HEAD")
        assert (head[0], head[1], dict(head[2])["Content-Length"]) == (200, b"", str(total))
        if got in {200, 206}:
            assert bench.internet.served[URL] == {'"v1"': FILE.body}

    run(level, program)


@every_level
def test_a_defect_of_an_app_comes_out_of_the_run(level: Level) -> None:
    def broken(request: Request) -> str:
        raise OSError("a defect")

    with pytest.raises(OSError, match="a defect"):
        run(level, lambda bench: bench.get("http://a.test/"), hosts={"a.test": broken})


# -- what goes wrong --------------------------------------------------------------------------------------------------

MISMATCH = "ERR_CONTENT_LENGTH_MISMATCH"


@every_level
@pytest.mark.parametrize(
    ("fault", "timeout_s", "outcomes"),
    [
        ("dns.fails", None, {"ERR_NAME_NOT_RESOLVED"}),
        ("dns.slow", None, {200}),
        ("dns.slow", 0.05, {"ERR_CONNECTION_TIMED_OUT"}),
        ("connect.refused", None, {"ERR_CONNECTION_REFUSED"}),
        ("connect.slow", None, {200}),
        ("connect.slow", 0.5, {"ERR_CONNECTION_TIMED_OUT"}),
        ("connect.times_out", None, {"ERR_CONNECTION_TIMED_OUT"}),
        ("connect.times_out", 60, {"ERR_CONNECTION_TIMED_OUT"}),
        ("network.slow", None, {200}),
        ("network.slow", 0.3, {"ERR_TIMED_OUT"}),
        ("network.reset", None, {"ERR_CONNECTION_RESET"}),
        ("network.truncated", None, {MISMATCH, "ERR_RESPONSE_HEADERS_TRUNCATED", "ERR_EMPTY_RESPONSE"}),
        ("network.silent", 300, {"ERR_TIMED_OUT"}),
        ("network.silent", None, {"ERR_CONNECTION_TIMED_OUT"}),
        ("server.error", None, {503}),
        ("server.lies_length", None, {MISMATCH, 200}),
        ("server.garbage", None, {"ERR_INVALID_HTTP_RESPONSE"}),
    ],
)
def test_each_fault_has_the_name_that_the_real_thing_has(
    level: Level, fault: str, timeout_s: float | None, outcomes: set[object]
) -> None:
    async def program(bench: Bench) -> object:
        outcome, _ = await bench.outcome(URL, timeout_s=timeout_s)
        assert bench.internet.open_responses == ()
        assert [struck.name for struck in bench.internet.faults.struck] == [fault]
        return outcome

    seen = {run(level, program, seed=seed, odds={fault: 1.0}) for seed in range(12)}
    assert seen <= outcomes
    assert seen


@every_level
def test_a_chunked_body_that_breaks_off_has_a_name_of_its_own(level: Level) -> None:
    def app(request: Request) -> object:
        return 200, {"Transfer-Encoding": "chunked"}, bytes(100_000)

    async def program(bench: Bench) -> object:
        return (await bench.outcome("http://a.test/"))[0]

    assert (
        run(level, program, hosts={"a.test": app}, odds={"network.truncated": 1}) == "ERR_INCOMPLETE_CHUNKED_ENCODING"
    )


@every_level
@pytest.mark.parametrize(("fault", "status"), [("server.wrong_range", 206), ("server.ignores_range", 200)])
def test_a_server_may_answer_another_range_than_asked(level: Level, fault: str, status: int) -> None:
    async def program(bench: Bench) -> None:
        got, body, headers = await bench.get(URL, ("Range", "bytes=1000-"))
        assert got == status
        if got == 200:
            assert body == FILE.body
            return
        start = int(dict(headers)["Content-Range"].removeprefix("bytes ").partition("-")[0])
        assert start > 1000
        assert body == FILE.body[start:]

    run(level, program, odds={fault: 1})


@every_level
def test_a_host_that_goes_down_resets_its_connections_and_refuses_new_ones(level: Level) -> None:
    async def program(bench: Bench) -> None:
        fetching = partita.Future[object]()

        async def fetch() -> None:
            fetching.set(await bench.outcome("http://shop.test/file"))

        bench.kernel.carry_out(fetch, "fetch")
        await bench.clock.sleep(0.12)
        bench.internet.down("shop.test")
        name, received = await fetching  # type: ignore[misc]
        assert name == "ERR_CONNECTION_RESET"
        assert received < len(FILE.body)
        assert await bench.outcome(URL) == ("ERR_CONNECTION_REFUSED", 0)
        bench.internet.up("shop.test")
        assert await bench.outcome(URL) == (200, len(FILE.body))

    run(level, program, settings={**QUICK, "network.chunk_bytes": 16_384})


@every_level
def test_a_network_that_is_closed_sends_nothing(level: Level) -> None:
    async def program(bench: Bench) -> None:
        await bench.network.close()
        await bench.network.close()
        assert await bench.outcome(URL) == ("ERR_ABORTED", 0)
        assert bench.internet.requests == []

    run(level, program)


@every_level
@pytest.mark.parametrize("url", ["http://nobody.test/", "gopher://shop.test/"])
def test_where_nobody_is_nothing_answers(level: Level, url: str) -> None:
    async def program(bench: Bench) -> object:
        return await bench.outcome(url)

    known = {"http": "ERR_NAME_NOT_RESOLVED", "gopher": "ERR_UNKNOWN_URL_SCHEME"}
    assert run(level, program) == (known[url.partition(":")[0]], 0)


def test_the_same_faults_have_the_same_outcome_at_both_levels() -> None:
    # but for surplus bytes behind a body (server.lies_length), which httpcore may take for the next response
    odds = dict.fromkeys(
        ("network.reset", "network.truncated", "network.silent", "server.error", "server.garbage", "dns.fails",
         "connect.refused", "server.wrong_range", "server.ignores_range"),
        0.1,
    )  # fmt: skip

    async def program(bench: Bench) -> list[object]:
        ranged = ("Range", "bytes=500-")
        return [await bench.outcome(URL, *([ranged] if turn % 2 else []), timeout_s=30) for turn in range(8)]

    def met(level: Level, seed: int) -> list[object]:
        return run(level, program, seed=seed, odds=odds, settings={**QUICK, "network.chunk_bytes": 16_384})

    for seed in range(25):
        assert met("kernel", seed) == met("trio", seed), seed


# -- a whole session --------------------------------------------------------------------------------------------------


@every_level
def test_a_download_of_four_megabytes_is_what_was_served(level: Level) -> None:
    async def program(bench: Bench) -> float:
        system = bench.system()
        session = system.from_partition("main")
        session.set_download_path("/downloads")
        response = await session.fetch("http://shop.test/login")
        assert response.text == "sid=1"
        item = await session.download_url("http://big.test/file")
        assert await item.finished() == "completed"
        assert bench.files.content == {"/downloads/file": BIG.body}
        assert bench.internet.served["http://big.test/file"] == {'"big"': BIG.body}
        assert bench.internet.open_responses == ()
        elapsed_s = bench.clock.monotonic()
        system.close()
        return elapsed_s

    hosts = {"shop.test": shop, "big.test": lambda request: serve(request, BIG)}
    elapsed_s = run(level, program, hosts=hosts)
    assert 4 < elapsed_s < 6  # at a megabyte a second


@every_level
def test_a_listener_is_told_in_the_same_loop(level: Level) -> None:
    async def program(bench: Bench) -> list[str]:
        system = bench.system()
        session = system.from_partition("main")
        told: list[str] = []
        session.cookies.on("changed", lambda change: told.append(change.cookie.name), deliver_on=system.callbacks)
        await session.fetch("http://shop.test/login")
        await session.flush()
        await bench.clock.sleep(1)
        system.close()
        return told

    assert run(level, program) == ["sid"]


@every_level
def test_a_fetch_that_fails_says_why(level: Level) -> None:
    async def program(bench: Bench) -> str:
        system = bench.system()
        with pytest.raises(NetError) as caught:
            await system.from_partition("main").fetch("http://nobody.test/")
        system.close()
        return caught.value.name

    assert run(level, program) == "ERR_NAME_NOT_RESOLVED"
