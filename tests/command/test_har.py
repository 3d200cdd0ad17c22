"""``partita log har``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
from exchanges.har_schema import HAR
from servers.loopback import LoopbackServer, sends

from partita.system import System

if TYPE_CHECKING:
    from command.conftest import Command


def record(home: Path, server: LoopbackServer) -> None:
    server.on("/a", sends(b"hello", headers=[("Content-Type", "text/plain"), ("Set-Cookie", "sid=c00kie")]))
    with System(data_dir=home, record="exchanges") as system:
        session = system.from_partition("persist:work")
        session.fetch(server.url("/a")).get(60)
        session.flush().get(60)


def test_recorded_exchanges_are_written_as_an_archive(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    record(partita.home, server)
    done = partita("log", "har", "persist:work")
    assert (done.status, done.err) == (0, "")
    jsonschema.validate(done.json, HAR)
    (entry,) = done.json["log"]["entries"]
    assert entry["response"]["content"]["text"] == "hello"
    assert "c00kie" not in done.out
    out = tmp_path / "x.har"
    told = partita("log", "har", "persist:work", "--out", out, "--secrets", "--no-bodies")
    assert told.status == 0
    assert told.out.startswith("1 request in ")
    text = out.read_text(encoding="utf-8")
    assert "c00kie" in text
    assert "hello" not in text
    assert partita("log", "har", "persist:work", "--out", out).status == 2
    assert json.loads(out.read_text(encoding="utf-8")) == json.loads(text)


def test_a_stretch_without_exchanges_says_so_and_writes_nothing(
    partita: Command, server: LoopbackServer, tmp_path: Path
) -> None:
    record(partita.home, server)
    out = tmp_path / "x.har"
    done = partita("log", "har", "persist:work", "--start", 5, "--stop", 3, "--out", out)
    assert (done.status, done.out) == (2, "")
    assert "--start 5 comes after --stop 3" in done.err
    done = partita("log", "har", "persist:work", "--stop", 1, "--out", out)
    assert (done.status, done.out) == (1, "")
    assert done.err == "partita: no exchange is recorded from position 1 to 1\n"
    assert not out.exists()


def test_a_log_without_recorded_exchanges_says_so(partita: Command) -> None:
    with System(data_dir=partita.home) as system:
        system.from_partition("persist:work").set_user_agent("x")
    done = partita("log", "har", "persist:work")
    assert done.status == 1
    assert done.json["log"]["entries"] == []
    assert 'record="exchanges"' in done.err
