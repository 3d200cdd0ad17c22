"""What Chromium's viewer makes of the log of real requests."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from net_log.viewer import Viewer
from servers.loopback import LoopbackServer, redirects, sends

from partita.actors.network.net_errors import CODES
from partita.errors import NetError
from partita.session import Session

PATIENCE_S = 60.0


def logged(session: Session, server: LoopbackServer, path: Path, mode: str) -> Viewer:
    server.on("/login", redirects("/home", cookies=("sid=c00kie",)))
    server.on("/home", sends(b"home, and more of it"))
    server.on("/gone", lambda seen, reply: reply.hang_up())
    session.net_log.start_logging(path, capture_mode=mode).get(PATIENCE_S)
    session.fetch(server.url("/login")).get(PATIENCE_S)
    session.fetch(server.url("/home"), method="POST", content=b"question", headers={"Authorization": "t0ken"}).get(
        PATIENCE_S
    )
    with pytest.raises(NetError):
        session.fetch(server.url("/gone")).get(PATIENCE_S)
    session.net_log.stop_logging().get(PATIENCE_S)
    return Viewer.of(path)


def test_the_viewer_takes_every_event_and_finds_the_requests(
    session: Session, server: LoopbackServer, tmp_path: Path
) -> None:
    before = datetime.now(UTC)
    viewer = logged(session, server, tmp_path / "log", "default")
    requests = viewer.requests()
    assert [method for method, _, _ in requests] == ["GET", "POST", "GET"]
    assert requests[1] == ("POST", server.url("/home"), "HTTP/1.1 200 OK")
    assert requests[2][1] == server.url("/gone")
    assert "PARTITA_EVENT" not in viewer.names(), "a word that is not in the tables"
    assert viewer.dangling() == []
    assert [event.tick for event in viewer.events] == sorted(event.tick for event in viewer.events)
    slack = timedelta(seconds=1)
    assert all(before - slack <= viewer.at(event) <= datetime.now(UTC) + slack for event in viewer.events)


def test_every_request_that_begins_ends_and_says_why_it_failed(
    session: Session, server: LoopbackServer, tmp_path: Path
) -> None:
    viewer = logged(session, server, tmp_path / "log", "default")
    assert viewer.unbalanced() == []
    failures = [event.parameters["net_error"] for event in viewer.events if event.name == "FAILED"]
    assert failures[-1] in (CODES["ERR_EMPTY_RESPONSE"], CODES["ERR_CONNECTION_CLOSED"], CODES["ERR_CONNECTION_RESET"])
    assert all(error in viewer.constants["netError"].values() for error in failures)


@pytest.mark.parametrize("mode", ["default", "includeSensitive", "everything"])
def test_credentials_and_bytes_are_there_as_the_capture_mode_says(
    session: Session, server: LoopbackServer, tmp_path: Path, mode: str
) -> None:
    viewer = logged(session, server, tmp_path / "log", mode)
    text = (tmp_path / "log").read_text()
    for secret in ("c00kie", "t0ken"):
        assert (secret in text) == (mode != "default"), secret
    assert ("bytes were stripped]" in text) == (mode == "default")
    octets = b"".join(base64.b64decode(event.parameters.get("bytes", "")) for event in viewer.events)
    for part in (b"question", b"home, and more of it", b"sid=c00kie"):
        assert (part in octets) == (mode == "everything")


def test_without_a_log_nothing_is_noted(session: Session, server: LoopbackServer) -> None:
    server.on("/", sends(b""))
    assert session._partition.world.net_logs.trace("persist:work", "URL_REQUEST") is None
    assert session.fetch(server.url("/")).get(PATIENCE_S).status_code == 200
