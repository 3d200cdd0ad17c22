"""Clients that nobody here wrote, through the transports, unchanged: each follows a redirect, takes a cookie and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import hishel
import httpx
import httpx2
import openai
import pytest
import respx
import trio
from authlib.integrations.httpx_client import OAuth2Client
from hishel.httpx import CacheTransport
from postgrest import SyncPostgrestClient
from servers.streams import Script, StreamServer, Talk, free_port

import partita
from partita.errors import NetError

JSON = ("Content-Type", "application/json")
WORDS = ["to ", "be ", "or ", "not"]
MESSAGES = [{"role": "user", "content": "?"}]


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    return system.from_partition("clients")


def moved_to(path: str, status: int = 307) -> Script:
    def script(talk: Talk) -> None:
        for _ in talk.body():
            pass
        query = talk.path.partition("?")[2]
        where = f"{path}?{query}" if query else path
        talk.send(b"", ("Location", where), ("Set-Cookie", "moved=1; Path=/"), status=status)

    return script


def completions(talk: Talk) -> None:
    asked = json.loads(b"".join(talk.body()))
    assert talk.headers["cookie"] == "moved=1"
    base = {"id": "1", "created": 1, "model": "m"}
    if not asked.get("stream"):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "".join(WORDS)}}
        talk.send(json.dumps({**base, "object": "chat.completion", "choices": [choice]}).encode(), JSON)
        return
    talk.head(200, ("Content-Type", "text/event-stream"))
    for word in WORDS:
        chunk = {**base, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word}}]}
        talk.chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    talk.chunk(b"data: [DONE]\n\n")
    talk.end()


def served(server: StreamServer) -> str:
    server.on("/old/chat/completions", moved_to("/new/chat/completions"))
    return server.on("/new/chat/completions", completions).partition("/new")[0]


def test_openai(server: StreamServer, session: partita.Session) -> None:
    base = served(server)
    with httpx.Client(transport=session.sync_transport(), follow_redirects=True) as http:
        client = openai.OpenAI(api_key="k", base_url=f"{base}/old", http_client=http)
        answer = client.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[call-overload]
        assert answer.choices[0].message.content == "".join(WORDS)
        stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)  # type: ignore[call-overload]
        assert [part.choices[0].delta.content for part in stream] == WORDS


def test_openai_under_asyncio(server: StreamServer, session: partita.Session) -> None:
    base = served(server)

    async def main() -> None:
        async with httpx.AsyncClient(transport=session.transport(), follow_redirects=True) as http:
            client = openai.AsyncOpenAI(api_key="k", base_url=f"{base}/old", http_client=http)
            stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)  # type: ignore[call-overload]
            assert [part.choices[0].delta.content async for part in stream] == WORDS

    asyncio.run(main())


def test_openai_tries_again_what_it_would_try_again_on_httpx(server: StreamServer, session: partita.Session) -> None:
    left = [2]

    def flaky(talk: Talk) -> None:
        if left[0]:
            left[0] -= 1
            raise ConnectionError
        talk.send(b'{"object": "list", "data": []}', JSON)

    base = server.on("/models", flaky).removesuffix("/models")
    with httpx.Client(transport=session.sync_transport()) as http:
        client = openai.OpenAI(api_key="k", base_url=base, http_client=http, max_retries=2)
        client._calculate_retry_timeout = lambda *args, **options: 0.0  # type: ignore[method-assign]
        assert client.models.list().data == []
        nobody = openai.OpenAI(api_key="k", base_url=f"http://127.0.0.1:{free_port()}", http_client=http, max_retries=0)
        with pytest.raises(openai.APIConnectionError) as caught:
            nobody.models.list()
        assert isinstance(caught.value.__cause__, NetError)


def test_postgrest(server: StreamServer, session: partita.Session) -> None:
    def rows(talk: Talk) -> None:
        talk.head(200, JSON, ("Content-Range", "0-1/2"))
        talk.chunk(b'[{"id": 1},')
        talk.chunk(b' {"id": 2}]')
        talk.end()

    server.on("/old/table", moved_to("/new/table"))
    base = server.on("/new/table", rows).partition("/new")[0]
    with httpx.Client(transport=session.sync_transport(), base_url=f"{base}/old", follow_redirects=True) as http:
        client = SyncPostgrestClient(f"{base}/old", http_client=http)
        found = client.from_("table").select("*", count="exact").gt("id", 0).execute()  # type: ignore[arg-type]
    assert (found.data, found.count) == ([{"id": 1}, {"id": 2}], 2)
    assert [cookie.name for cookie in session.cookies.get().get()] == ["moved"]


def test_authlib(server: StreamServer, session: partita.Session) -> None:
    """Its client is of httpx's successor, where that is installed."""

    def token(talk: Talk) -> None:
        asked = b"".join(talk.body())
        assert b"grant_type=client_credentials" in asked
        talk.send(b'{"access_token": "T", "token_type": "bearer", "expires_in": 600}', JSON)

    def me(talk: Talk) -> None:
        assert talk.headers["cookie"] == "moved=1"
        talk.head()
        talk.chunk(talk.headers["authorization"].encode())
        talk.end()

    url = server.on("/token", token)
    server.on("/me", me)
    with OAuth2Client(
        "id", "secret", token_endpoint=url, transport=session.sync_transport(), follow_redirects=True
    ) as client:
        client.fetch_token(grant_type="client_credentials")
        response = client.get(server.on("/old-me", moved_to("/me", 302)))
        assert (response.text, [hop.status_code for hop in response.history]) == ("Bearer T", [302])
        with client.stream("GET", server.on("/me", me)) as streamed:
            assert b"".join(streamed.iter_bytes()) == b"Bearer T"


def test_hishel_and_respx_stand_where_they_stood(
    server: StreamServer, session: partita.Session, tmp_path: Path
) -> None:
    url = server.on("/kept", lambda talk: talk.send(b"kept", ("Cache-Control", "max-age=600")))
    storage = hishel.SqliteStorage(database_path=tmp_path / "hishel.db")
    with httpx.Client(transport=CacheTransport(next_transport=session.sync_transport(), storage=storage)) as client:
        assert client.get(url).content == b"kept"
        assert client.get(url).extensions["caching"]["from_cache"]
    assert server.requests == 1
    with respx.mock(assert_all_called=True) as mocked:
        mocked.get("https://mocked.test/").respond(204)
        assert httpx.get("https://mocked.test/").status_code == 204
        assert session.fetch(url).get().text == "kept", "a session is none of respx's business"


# -- httpx's successor --------------------------------------------------------------------------------------------------------


def test_a_client_of_httpx2_gets_its_own_words(server: StreamServer, session: partita.Session) -> None:
    url = served(server)
    server.on("/moved", moved_to("/here", 302))
    server.on("/here", lambda talk: talk.send(talk.headers.get("user-agent", "").encode(), status=404))
    server.on("/coded", lambda talk: talk.send(b"none of it", ("Content-Encoding", "gzip")))

    def check(response: httpx2.Response) -> None:
        assert isinstance(response, httpx2.Response)
        assert isinstance(response.headers, httpx2.Headers)
        assert (response.text, len(response.history)) == (session.get_user_agent(), 1)
        with pytest.raises(httpx2.HTTPStatusError):
            response.raise_for_status()

    with httpx2.Client(transport=session.sync_transport(), follow_redirects=True) as client:  # type: ignore[arg-type]
        check(client.get(f"{url}/moved"))
        for wrong, kind in ((f"http://127.0.0.1:{free_port()}/", httpx2.ConnectError), (f"{url}/coded", NetError)):
            with pytest.raises(kind) as caught:
                client.get(wrong)
            assert isinstance(caught.value, NetError)
        with client.stream("GET", f"{url}/here") as response:
            assert b"".join(response.iter_raw()) == session.get_user_agent().encode()

    async def main() -> None:
        async with httpx2.AsyncClient(transport=session.transport(), follow_redirects=True) as client:  # type: ignore[arg-type]
            check(await client.get(f"{url}/moved"))
            with pytest.raises(httpx2.ConnectError):
                await client.get(f"http://127.0.0.1:{free_port()}/")

    runs: list[Callable[[], object]] = [lambda: trio.run(main), lambda: asyncio.run(main())]
    for run in runs:
        run()
