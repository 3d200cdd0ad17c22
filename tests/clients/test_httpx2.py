"""Clients of httpx's successor get responses and errors of their own classes from the same transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx2
import pytest
import trio
from clients.seeing import Witness, moved_to
from servers.streams import StreamServer, free_port

import partita
from partita.errors import NetError


@pytest.fixture
def addresses(server: StreamServer, base: str) -> str:
    server.on("/moved", moved_to("/here", 302))
    server.on("/here", lambda talk: talk.send(talk.headers.get("user-agent", "").encode(), status=404))
    server.on("/coded", lambda talk: talk.send(b"none of it", ("Content-Encoding", "gzip")))
    return base


def check(response: httpx2.Response, session: partita.Session) -> None:
    assert isinstance(response, httpx2.Response)
    assert isinstance(response.headers, httpx2.Headers)
    assert (response.text, len(response.history)) == (session.get_user_agent(), 1)
    with pytest.raises(httpx2.HTTPStatusError):
        response.raise_for_status()


def test_its_plain_client(addresses: str, session: partita.Session, witness: Witness) -> None:
    transport = session.sync_transport()
    with httpx2.Client(transport=transport, follow_redirects=True) as client:  # type: ignore[arg-type]
        check(client.get(f"{addresses}/moved"), session)
        for wrong, kind in (
            (f"http://127.0.0.1:{free_port()}/", httpx2.ConnectError),
            (f"{addresses}/coded", NetError),
        ):
            with pytest.raises(kind) as caught:
                client.get(wrong)
            assert isinstance(caught.value, NetError)
        with client.stream("GET", f"{addresses}/here") as response:
            assert b"".join(response.iter_raw()) == session.get_user_agent().encode()
    witness.saw(("GET", "/moved", 302), ("GET", "/here", 404))
    assert witness.jar() == {"moved": "1"}


def test_its_async_client(addresses: str, session: partita.Session) -> None:
    async def main() -> None:
        transport = session.transport()
        async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:  # type: ignore[arg-type]
            check(await client.get(f"{addresses}/moved"), session)
            with pytest.raises(httpx2.ConnectError):
                await client.get(f"http://127.0.0.1:{free_port()}/")

    runs: list[Callable[[], object]] = [lambda: trio.run(main), lambda: asyncio.run(main())]
    for run in runs:
        run()
