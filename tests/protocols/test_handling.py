"""``protocol.handle`` (FEATURES H1 to H7), from ``session.fetch`` to the handler and back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
from servers.loopback import LoopbackServer, sends

import partita
from partita.emitter import ListenerFailed
from partita.errors import ProtocolError, WouldDeadlock
from partita.protocol import error_response


def failure(session: partita.Session, url: str, **options: Any) -> str:
    with pytest.raises(partita.NetError) as caught:
        session.fetch(url, **options).get(10)
    return caught.value.name


def test_a_handler_answers_for_its_scheme(session: partita.Session) -> None:
    session.protocol.handle("app", lambda request: httpx.Response(201, text=f"{request.method} {request.url}"))
    response = session.fetch("app:thing?x", method="POST", content=b"body").get(10)
    assert response.status_code == 201
    assert response.text == "POST app:thing?x"


def test_an_async_handler_answers_for_its_scheme(session: partita.Session) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        return httpx.Response(200, json={"host": request.url.host})

    session.protocol.handle("app", handler)
    assert session.fetch("app://shop/").get(10).json() == {"host": "shop"}


def test_a_client_that_blocks_the_asyncio_loop_of_a_handler_is_refused(session: partita.Session) -> None:
    async def main() -> None:
        session.protocol.handle("app", lambda request: httpx.Response(200, text="here"))
        with httpx.Client(transport=session.sync_transport()) as client, pytest.raises(WouldDeadlock):
            client.get("app://shop/")  # noqa: ASYNC212  # that is the mistake
        assert (await session.fetch("app://shop/")).text == "here"
        session.protocol.unhandle("app")
        with pytest.raises(partita.NetError, match="ERR_UNKNOWN_URL_SCHEME"):  # no request waits for the loop any more
            session.fetch("app://shop/").get()

    asyncio.run(main())


def test_a_second_handler_is_refused_with_electrons_text(session: partita.Session) -> None:
    session.protocol.handle("app", lambda request: httpx.Response(200))
    with pytest.raises(ProtocolError, match=r"^Failed to register protocol: app$"):
        session.protocol.handle("app", lambda request: httpx.Response(500))
    assert session.fetch("app:x").get(10).status_code == 200


def test_a_scheme_without_a_handler_any_more_is_unknown(session: partita.Session) -> None:
    session.protocol.handle("app", lambda request: httpx.Response(200))
    assert session.protocol.is_protocol_handled("app") is True
    session.protocol.unhandle("app")
    assert session.protocol.is_protocol_handled("app") is False
    assert failure(session, "app:x") == "ERR_UNKNOWN_URL_SCHEME"
    with pytest.raises(ProtocolError, match=r"^Failed to unhandle protocol: app$"):
        session.protocol.unhandle("app")


def test_what_is_built_in_is_intercepted_and_answers_again_afterwards(
    session: partita.Session, server: LoopbackServer
) -> None:
    server.on("/", sends(b"the server"))
    url = server.url("/")
    assert session.protocol.is_protocol_handled("http") is False
    session.protocol.handle("http", lambda request: httpx.Response(200, text="the handler"))
    assert session.protocol.is_protocol_handled("http") is True
    assert session.protocol.is_protocol_intercepted("http") is True
    assert session.protocol.is_protocol_registered("http") is False
    assert session.fetch(url).get(10).text == "the handler"
    session.protocol.unhandle("http")
    assert session.fetch(url).get(10).text == "the server"


def test_a_handler_may_call_the_original_one(session: partita.Session, server: LoopbackServer) -> None:
    server.on("/page", sends(b"page", headers=[("Content-Type", "text/plain")]))

    async def handler(request: httpx.Request) -> httpx.Response:
        original = await session.fetch(request, bypass_custom_protocol_handlers=True)
        return httpx.Response(200, text=original.text.upper())

    session.protocol.handle("http", handler)
    assert session.fetch(server.url("/page")).get(10).text == "PAGE"


def test_a_response_of_the_session_can_be_handed_on_as_it_is(session: partita.Session, server: LoopbackServer) -> None:
    import gzip

    server.on("/page", sends(gzip.compress(b"page" * 100), headers=[("Content-Encoding", "gzip")]))
    session.protocol.handle("http", lambda request: session.fetch(request, bypass_custom_protocol_handlers=True))
    assert session.fetch(server.url("/page")).get(10).content == b"page" * 100


def test_past_the_handlers_a_scheme_of_its_own_is_unknown(session: partita.Session) -> None:
    session.protocol.handle("app", lambda request: httpx.Response(200))
    assert failure(session, "app:x", bypass_custom_protocol_handlers=True) == "ERR_UNKNOWN_URL_SCHEME"


def test_an_error_response_fails_with_err_failed(session: partita.Session) -> None:
    session.protocol.handle("app", lambda request: error_response())
    assert failure(session, "app:x") == "ERR_FAILED"


@pytest.mark.parametrize("answer", [None, "text", {"status": 200}, httpx.Response(150), httpx.Response(700)])
def test_a_malformed_response_fails_with_err_unexpected(session: partita.Session, answer: object) -> None:
    session.protocol.handle("app", lambda request: answer)
    assert failure(session, "app:x") == "ERR_UNEXPECTED"


def test_a_handler_that_raises_fails_the_request_and_is_reported(session: partita.Session) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError("over")

    session.protocol.handle("app", handler)
    with pytest.warns(ListenerFailed, match=r"(?s)the handler of 'app' raised at GET app:x.*ZeroDivisionError: over"):
        assert failure(session, "app:x") == "ERR_UNEXPECTED"


def test_a_net_error_that_a_handler_raises_is_the_requests(session: partita.Session) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        raise partita.NetError("ERR_INTERNET_DISCONNECTED")

    session.protocol.handle("app", handler)
    assert failure(session, "app:x") == "ERR_INTERNET_DISCONNECTED"


@pytest.mark.parametrize(
    "url", ["test-scheme://", "test-scheme:///foo", "test-scheme:foo//bar", "test-scheme://h:80/a b"]
)
def test_a_url_of_another_scheme_reaches_its_handler_as_it_is(session: partita.Session, url: str) -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(204)

    session.protocol.handle("test-scheme", handler)
    session.fetch(url).get(10)
    assert seen == [url]


def test_the_body_of_a_request_can_be_read_by_a_plain_and_by_an_async_handler(session: partita.Session) -> None:
    def plain(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.read())

    async def reading(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=await request.aread())

    session.protocol.handle("plain", plain)
    session.protocol.handle("async", reading)
    for url in ("plain:x", "async:x"):
        assert session.fetch(url, method="POST", content=b"simple").get(10).content == b"simple"
        assert session.fetch(url, method="POST", content=iter([b"a", b"list"])).get(10).content == b"alist"
        sent = session.fetch(url, method="POST", files={"part": ("name.txt", b"of a file")}).get(10).content
        assert b"of a file" in sent and b'filename="name.txt"' in sent


def test_a_body_that_is_made_while_it_is_sent_is_handled_part_by_part(session: partita.Session) -> None:
    """Each part is made only after the one before was handled: nobody gathers anything."""
    handled = threading.Semaphore(1)

    def parts() -> Any:
        for number in range(5):
            assert handled.acquire(timeout=10)
            yield f"part {number};".encode()

    async def handler(request: httpx.Request) -> httpx.Response:
        seen = []
        async for part in request.stream:
            seen.append(part)
            handled.release()
        return httpx.Response(200, content=b"|".join(seen))

    session.protocol.handle("app", handler)
    response = session.fetch("app:x", method="POST", content=parts()).get(10)
    assert response.content == b"part 0;|part 1;|part 2;|part 3;|part 4;"


def test_a_body_that_is_read_too_late_breaks_off_and_is_not_cut_short(session: partita.Session) -> None:
    async def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.stream)

    session.protocol.handle("echo", echo)
    assert failure(session, "echo:x", method="POST", content=iter([b"a", b"b"])) == "ERR_ABORTED"


def test_an_opaque_origin_is_not_shown_to_a_handler(session: partita.Session) -> None:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.headers))
        return httpx.Response(204)

    session.protocol.handle("app", handler)
    session.fetch("app:x", headers={"Origin": "null", "X-Own": "1"}).get(10)
    assert "origin" not in seen[0]
    assert seen[0]["x-own"] == "1"


def test_cookies_of_an_intercepted_response_are_kept_and_sent(session: partita.Session) -> None:
    """WANTS 50."""
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers=[("set-cookie", "sid=1"), ("set-cookie", "theme=dark")])

    session.protocol.handle("https", handler)
    session.fetch("https://shop.test/").get(10)
    session.fetch("https://shop.test/").get(10)
    assert seen == [None, "sid=1; theme=dark"]
    assert [cookie.name for cookie in session.cookies.get(url="https://shop.test/").get(10)] == ["sid", "theme"]


def test_a_redirect_to_another_scheme_is_followed_and_a_303_drops_the_body(session: partita.Session) -> None:
    seen = []

    def target(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.read()))
        return httpx.Response(200, text="here")

    session.protocol.handle("from", lambda request: httpx.Response(303, headers={"Location": "to:there"}))
    session.protocol.handle("to", target)
    response = session.fetch("from:x", method="POST", content=b"dropped").get(10)
    assert response.text == "here"
    assert seen == [("GET", b"")]


def test_one_sessions_handlers_are_not_anothers(system: partita.System, session: partita.Session) -> None:
    other = system.from_partition("other")
    session.protocol.handle("app", lambda request: httpx.Response(200))
    assert failure(other, "app:x") == "ERR_UNKNOWN_URL_SCHEME"


def test_a_handler_runs_in_the_loop_that_it_was_set_in(session: partita.Session) -> None:
    """Both loops, in turn, and its stream as well; with neither, a plain one runs on the callback thread."""
    seen: dict[str, Any] = {}

    async def chunks(kind: str) -> AsyncIterator[bytes]:
        seen[f"{kind} stream"] = threading.current_thread()
        if kind == "trio":
            await trio.lowlevel.checkpoint()
        else:
            await asyncio.sleep(0)
        yield b"1"
        yield b"2"

    async def under(kind: str) -> bytes:
        async def handler(request: httpx.Request) -> httpx.Response:
            seen[kind] = threading.current_thread()
            return httpx.Response(200, content=chunks(kind))

        session.protocol.handle(kind, handler)
        return (await session.fetch(f"{kind}:x")).content

    assert trio.run(under, "trio") == b"12"
    assert asyncio.run(under("asyncio")) == b"12"
    session.protocol.handle(
        "neither", lambda request: seen.update(neither=threading.current_thread()) or httpx.Response(200)
    )
    session.fetch("neither:x").get(10)
    here = threading.current_thread()
    assert [seen[name] is here for name in ("trio", "trio stream", "asyncio", "asyncio stream")] == [True] * 4
    assert seen["neither"].name == "partita callbacks"


def test_a_handler_whose_loop_has_ended_goes_on_answering(session: partita.Session) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=threading.current_thread().name)

    async def under_trio() -> None:
        session.protocol.handle("app", handler)

    trio.run(under_trio)
    assert session.fetch("app:x").get(10).text.startswith("partita")


def test_a_reopened_session_has_no_handlers(system: partita.System) -> None:
    session = system.from_partition("persist:kept")
    session.protocol.handle("app", lambda request: httpx.Response(200))
    session.flush().get(10)
    session.close()
    assert failure(system.from_partition("persist:kept"), "app:x") == "ERR_UNKNOWN_URL_SCHEME"


@pytest.mark.parametrize(
    ("scheme", "error"),
    [("", ValueError), ("1a", ValueError), ("a b", ValueError), ("data", ValueError), (7, TypeError)],
)
def test_what_is_no_scheme_is_refused_and_nothing_is_written(
    session: partita.Session, scheme: Any, error: type
) -> None:
    session.flush().get(10)
    before = session.log.position
    with pytest.raises(error):
        session.protocol.handle(scheme, lambda request: httpx.Response(200))
    with pytest.raises(TypeError, match="a handler is a function"):
        session.protocol.handle("app", "no function")  # type: ignore[arg-type]
    session.flush().get(10)
    assert session.log.position == before
