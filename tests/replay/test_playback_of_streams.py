"""Playing back an application whose bodies come and go while they are read and made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from servers.streams import StreamServer, Talk

import partita

CHUNK = bytes(range(250)) * 400


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


def counts(talk: Talk) -> None:
    talk.send(b"%d" % sum(map(len, talk.body())))


def long(talk: Talk) -> None:
    talk.head()
    for _ in range(20):
        talk.chunk(CHUNK)
    talk.end()


def application(session: partita.Session, up: str, down: str) -> list[object]:
    seen: list[object] = []
    with session.stream(down) as response:
        seen.append(len(response.read()))
    with session.stream(down) as response:
        seen.append(next(response.iter_raw(len(CHUNK))) == CHUNK)  # the rest never comes
    seen.append(session.fetch(up, method="POST", content=iter([b"abc"] * 10)).get().text)
    with httpx.Client(transport=session.sync_transport()) as client:
        seen.append(client.get(down).num_bytes_downloaded)
    return seen


def test_streams_are_played_back_also_those_that_were_left_in_the_middle(server: StreamServer, tmp_path: Path) -> None:
    up, down = server.on("/up", counts), server.on("/down", long)
    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        session = system.from_partition("persist:streams")
        then = application(session, up, down)
        session.flush().get()
        path = session.storage_path
    assert path is not None
    requests = server.requests
    with partita.playback(path) as system:
        now = application(system.from_partition("persist:streams"), up, down)
    assert now == then == [20 * len(CHUNK), True, "30", 20 * len(CHUNK)]
    assert system.report().agrees
    assert server.requests == requests, "nobody was asked again"
