"""``postgrest``, unchanged: select, insert and remote procedures, in both of its faces."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import trio
from clients.seeing import JSON, Witness, moved_to, says_json
from postgrest import APIError, AsyncPostgrestClient, SyncPostgrestClient
from servers.streams import StreamServer, Talk

import partita

ROWS = [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]


class Tables:
    """A small PostgREST: one table, one procedure; what came is kept."""

    def __init__(self, server: StreamServer) -> None:
        self.asked: list[tuple[str, dict[str, list[str]], Any]] = []
        server.on("/old/people", moved_to("/new/people"))
        server.on("/new/people", self.people)
        server.on("/old/rpc/add", moved_to("/new/rpc/add"))
        server.on("/new/rpc/add", self.add)
        server.on("/old/missing", says_json({"code": "42P01", "message": "no such table"}, status=404))

    def people(self, talk: Talk) -> None:
        body = b"".join(talk.body())
        query = parse_qs(talk.path.partition("?")[2])
        self.asked.append((talk.method, query, json.loads(body) if body else None))
        assert talk.headers["cookie"] == "moved=1"
        if talk.method == "POST":
            assert "return=representation" in talk.headers["prefer"]
            talk.send(body, JSON, status=201)
            return
        talk.head(200, JSON, ("Content-Range", "0-1/2"))
        talk.chunk(b"[")
        for number, row in enumerate(ROWS):
            talk.chunk((b"," if number else b"") + json.dumps(row).encode())
        talk.chunk(b"]")
        talk.end()

    def add(self, talk: Talk) -> None:
        asked = json.loads(b"".join(talk.body()))
        talk.send(json.dumps(asked["a"] + asked["b"]).encode(), JSON)


@pytest.fixture
def tables(server: StreamServer) -> Tables:
    return Tables(server)


def check(tables: Tables, witness: Witness) -> None:
    assert tables.asked[0] == ("GET", {"select": ["*"], "id": ["gt.0"]}, None)
    assert tables.asked[1][0] == "POST"
    assert tables.asked[1][2] == {"id": 3, "name": "Cid"}
    witness.saw(("GET", "/old/people", 307), ("GET", "/new/people", 200), ("POST", "/new/people", 201))
    witness.saw(("POST", "/old/rpc/add", 307), ("POST", "/new/rpc/add", 200))
    assert witness.jar() == {"moved": "1"}
    assert witness.cookies_in_log() == ["moved"] * 3


def test_its_plain_client(tables: Tables, base: str, session: partita.Session, witness: Witness) -> None:
    with httpx.Client(transport=session.sync_transport(), follow_redirects=True) as http:
        client = SyncPostgrestClient(f"{base}/old", http_client=http)
        found = client.from_("people").select("*", count="exact").gt("id", 0).execute()  # type: ignore[arg-type]
        assert (found.data, found.count) == (ROWS, 2)
        made = client.from_("people").insert({"id": 3, "name": "Cid"}).execute()
        assert made.data == {"id": 3, "name": "Cid"}
        assert client.rpc("add", {"a": 1, "b": 2}).execute().data == 3
        with pytest.raises(APIError, match="no such table"):
            client.from_("missing").select("*").execute()
    check(tables, witness)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_its_async_client(tables: Tables, base: str, session: partita.Session, witness: Witness, loop: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(transport=session.transport(), follow_redirects=True) as http:
            client = AsyncPostgrestClient(f"{base}/old", http_client=http)
            query = client.from_("people").select("*", count="exact").gt("id", 0)  # type: ignore[arg-type]
            found = await query.execute()
            assert (found.data, found.count) == (ROWS, 2)
            made = await client.from_("people").insert({"id": 3, "name": "Cid"}).execute()
            assert made.data == {"id": 3, "name": "Cid"}
            assert (await client.rpc("add", {"a": 1, "b": 2}).execute()).data == 3
            with pytest.raises(APIError, match="no such table"):
                await client.from_("missing").select("*").execute()

    asyncio.run(main()) if loop == "asyncio" else trio.run(main)
    check(tables, witness)
