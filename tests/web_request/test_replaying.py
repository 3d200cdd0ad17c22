"""Listeners are the program's own: a fork begins without them, and a playback asks them again."""

from __future__ import annotations

from pathlib import Path

from servers.loopback import LoopbackServer, redirects, sends

import partita
from partita.errors import NetError
from partita.web_request import Details

from .asking import hooks_of


def application(system: partita.System, base: str) -> list[str]:
    session = system.from_partition("persist:shop")

    @session.web_request.on_before_request
    async def choose(details: Details) -> dict[str, object] | None:
        if details.url.endswith("/no"):
            return {"cancel": True}
        return {"redirectURL": base + "/home"} if details.url.endswith("/old") else None

    @session.web_request.add_before_send_headers
    def sign(details: Details) -> dict[str, object]:
        return {"requestHeaders": {**(details.request_headers or {}), "X-Signed": "yes"}}

    session.web_request.on_response_body(lambda details: (details.body or b"").upper())
    outcomes = []
    for path in ("/home", "/no", "/old", "/moved"):
        try:
            outcomes.append(session.fetch(base + path).get().text)
        except NetError as error:
            outcomes.append(error.name)
    session.flush().get()
    return outcomes


def test_a_playback_asks_the_listeners_again_and_agrees(tmp_path: Path, server: LoopbackServer) -> None:
    server.on("/home", sends(b"home"))
    server.on("/moved", redirects("/home"))
    with partita.System(data_dir=tmp_path, record="exchanges") as system:
        recorded = application(system, server.url(""))
    assert recorded == ["HOME", "ERR_BLOCKED_BY_CLIENT", "HOME", "HOME"]
    arrived = len(server.seen)
    with partita.playback(tmp_path / "Partitions" / "shop") as played:
        assert application(played, server.url("")) == recorded
        (opening,) = played.report().openings
    assert opening.equal == opening.last
    assert opening.error is None
    assert len(server.seen) == arrived


def test_a_fork_begins_without_listeners(session: partita.Session) -> None:
    session.web_request.on_completed(lambda details: None)
    fork = session.fork("forked")
    assert hooks_of(fork).hooks == {}
    assert hooks_of(session).hooks
