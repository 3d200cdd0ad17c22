"""The cache and what is recorded: an application plays back the same, whether its answers came from the network or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from replay.playing import NAME, PATIENCE_S, played, recorded
from servers.loopback import LoopbackServer, Reply, Seen

import partita
from partita.session import Session

BODY = bytes(range(256)) * 3_000


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def cached_for(seconds: int) -> object:
    def answer(seen: Seen, reply: Reply) -> None:
        if seen.header("if-none-match") == '"1"':
            reply.head(304, {"Cache-Control": f"max-age={seconds}", "ETag": '"1"'})
            return
        fields = {"Cache-Control": f"max-age={seconds}", "ETag": '"1"', "Content-Length": str(len(BODY))}
        reply.head(200, fields)
        reply.write(BODY)

    return answer


def from_cache(session: Session, url: str, **options: str) -> bool:
    response = session.fetch(url, **options).get(PATIENCE_S)  # type: ignore[arg-type]
    assert response.content == BODY
    return bool(response.extensions["from_cache"])


def test_a_recorded_session_that_uses_its_cache_plays_back(tmp_path: Path, server: LoopbackServer) -> None:
    lasting, stale = server.on("/lasting", cached_for(600)), server.on("/stale", cached_for(0))  # type: ignore[arg-type]

    def application(session: Session) -> list[bool]:
        told = [from_cache(session, lasting), from_cache(session, lasting), from_cache(session, stale)]
        told += [from_cache(session, stale), from_cache(session, lasting, cache="no-cache")]
        session.clear_cache().get(PATIENCE_S)
        return [*told, from_cache(session, lasting)]

    log, then = recorded(tmp_path, application)
    assert then == [False, True, False, False, False, False]
    asked = len(server.seen)
    report, now = played(log.folder, application)
    assert (now, report.agrees, len(server.seen)) == (then, True, asked), report


def test_a_later_opening_plays_back_what_an_earlier_one_had_stored(tmp_path: Path, server: LoopbackServer) -> None:
    url = server.on("/x", cached_for(600))  # type: ignore[arg-type]

    def application(session: Session) -> bool:
        return from_cache(session, url)

    assert not recorded(tmp_path, application)[1]
    log, then = recorded(tmp_path, application)
    assert then
    with partita.playback(log.folder) as system:
        assert not application(system.from_partition(NAME))
        system.from_partition(NAME).close()
        assert application(system.from_partition(NAME))
    assert system.report().agrees


def test_bodies_that_were_recorded_stay_when_the_cache_is_cleared(tmp_path: Path, server: LoopbackServer) -> None:
    url = server.on("/x", cached_for(600))  # type: ignore[arg-type]

    def application(session: Session) -> None:
        from_cache(session, url)
        session.clear_cache().get(PATIENCE_S)

    log, _ = recorded(tmp_path, application)
    report, _ = played(log.folder, application)
    assert report.agrees
