"""``hishel`` and ``respx``, unchanged: a cache above the session's, and mocks beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import hishel
import httpx
import pytest
import respx
from clients.seeing import Witness, moved_to
from hishel.httpx import AsyncCacheTransport, CacheTransport
from servers.streams import StreamServer, Talk

import partita

AS_A_BROWSER = hishel.CacheOptions(shared=False)


def says_kept(talk: Talk) -> None:
    """In chunks, and fresh for ten minutes."""
    talk.head(200, ("Cache-Control", "max-age=600"), ("Vary", "Accept-Language"))
    for _ in range(4):
        talk.chunk(b"kept ")
    talk.end()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[hishel.SqliteStorage]:
    opened = hishel.SqliteStorage(database_path=tmp_path / "hishel.db")
    yield opened
    opened.close()


def test_hishels_cache_stands_on_the_session(
    server: StreamServer, base: str, session: partita.Session, witness: Witness, storage: hishel.SqliteStorage
) -> None:
    server.on("/old", moved_to("/kept", 302))
    server.on("/kept", says_kept)
    transport = CacheTransport(next_transport=session.sync_transport(), storage=storage, rfc=AS_A_BROWSER)
    with httpx.Client(transport=transport, follow_redirects=True) as client:
        first = client.get(f"{base}/old")
        assert (first.text, [hop.status_code for hop in first.history]) == ("kept " * 4, [302])
        with client.stream("GET", f"{base}/kept") as again:
            assert b"".join(again.iter_bytes()) == b"kept " * 4
            assert again.extensions["caching"]["from_cache"]
    assert server.requests == 2
    assert session.fetch(f"{base}/kept", cache="only-if-cached").get(10).text == "kept " * 4, (
        "the session keeps its own"
    )
    witness.saw(("GET", "/old", 302), ("GET", "/kept", 200))
    assert witness.jar() == {"moved": "1"}


def test_hishels_questions_about_what_is_stale_go_to_the_session(
    server: StreamServer, base: str, session: partita.Session, storage: hishel.SqliteStorage
) -> None:
    asked: list[str | None] = []

    def checked(talk: Talk) -> None:
        asked.append(talk.headers.get("if-none-match"))
        fields = (("ETag", '"1"'), ("Cache-Control", "no-cache"))
        if asked[-1] == '"1"':
            talk.send(b"", *fields, status=304)
        else:
            talk.send(b"checked", *fields)

    url = server.on("/checked", checked)
    transport = CacheTransport(next_transport=session.sync_transport(), storage=storage, rfc=AS_A_BROWSER)
    with httpx.Client(transport=transport) as client:
        assert [client.get(url).text for _ in range(3)] == ["checked"] * 3
    assert asked == [None, '"1"', '"1"']


def test_hishels_async_transport(server: StreamServer, base: str, session: partita.Session, tmp_path: Path) -> None:
    url = server.on("/kept", says_kept)

    async def main() -> None:
        storage = hishel.AsyncSqliteStorage(database_path=tmp_path / "async.db")
        transport = AsyncCacheTransport(next_transport=session.transport(), storage=storage, rfc=AS_A_BROWSER)
        async with httpx.AsyncClient(transport=transport) as client:
            assert [(await client.get(url)).text for _ in range(3)] == ["kept " * 4] * 3
        await storage.close()

    asyncio.run(main())
    assert server.requests == 1


def test_respx_mocks_one_host_and_the_session_answers_for_the_others(
    server: StreamServer, base: str, session: partita.Session, witness: Witness
) -> None:
    """respx's own example of a mocked API, mounted beside the session."""
    router = respx.Router()
    users = router.get("https://example.org/users/").respond(200, json=[{"id": 1}])
    server.on("/old", moved_to("/kept", 302))
    server.on("/kept", says_kept)
    with httpx.Client(
        transport=session.sync_transport(),
        mounts={"all://example.org": httpx.MockTransport(router.handler)},
        follow_redirects=True,
    ) as client:
        assert client.get("https://example.org/users/").json() == [{"id": 1}]
        assert client.get(f"{base}/old").text == "kept " * 4
    assert users.called
    witness.saw(("GET", "/old", 302), ("GET", "/kept", 200))
    assert [path for _, path, _ in witness.completed] == ["/old", "/kept"], "the session saw nothing of the mock"


def test_respx_patches_httpx_and_leaves_the_session_alone(
    server: StreamServer, base: str, session: partita.Session
) -> None:
    url = server.on("/kept", says_kept)
    with respx.mock(base_url="https://mocked.test", assert_all_called=True) as mocked:
        mocked.get("/").respond(204)
        assert httpx.get("https://mocked.test/").status_code == 204
        with httpx.Client(transport=session.sync_transport()) as client:
            assert client.get(url).text == "kept " * 4
    assert server.requests == 1


def test_what_the_session_answers_can_be_mocked_below_it(session: partita.Session) -> None:
    """A handler of the session's answers with respx's router: cookies, cache and log are real."""
    router = respx.Router()
    router.get("https://example.org/").respond(200, text="mocked", headers={"Set-Cookie": "from=respx; Secure"})
    session.protocol.handle("https", router.handler)
    assert session.fetch("https://example.org/").get(10).text == "mocked"
    assert [cookie.value for cookie in session.cookies.get(name="from").get(10)] == ["respx"]
