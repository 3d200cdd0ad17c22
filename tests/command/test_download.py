from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

from servers.loopback import LoopbackServer, ServedFile, sends

from .conftest import PATIENCE_S, Command

CONTENT = os.urandom(5 << 20)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_go_into_this_folder_under_names_that_are_free(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/a/film.bin", sends(CONTENT))
    other = server.on("/b/film.bin", sends(b"small"))
    assert partita("download", url).status == 0
    done = partita("download", other, other)
    assert (done.status, done.err) == (0, "")
    names = sorted(path.name for path in partita.directory.iterdir())
    assert names == ["film (1).bin", "film (2).bin", "film.bin"]
    assert (partita.directory / "film.bin").read_bytes() == CONTENT
    assert (partita.directory / "film (2).bin").read_bytes() == b"small"


def test_json_tells_how_each_one_ended(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    good = server.on("/film.bin", sends(CONTENT, headers=[("Content-Type", "video/x")]))
    bad = server.url("/nothing.bin")
    done = partita("download", good, bad, "--json", "-o", tmp_path / "films")
    assert done.status == 1
    first, second = done.json["downloads"]
    assert (first["url"], first["state"], first["problem"]) == (good, "completed", None)
    assert (first["received_bytes"], first["total_bytes"], first["mime_type"]) == (
        len(CONTENT),
        len(CONTENT),
        "video/x",
    )
    assert first["save_path"] == str(tmp_path / "films" / "film.bin")
    assert Path(first["save_path"]).read_bytes() == CONTENT
    assert (second["url"], second["state"]) == (bad, "failed")
    assert second["problem"]
    assert len(done.err.splitlines()) <= 1


def test_one_that_fails_is_one_line_and_status_1(partita: Command, server: LoopbackServer) -> None:
    done = partita("download", server.url("/nothing.bin"))
    assert (done.status, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert done.err.startswith(f"partita: failed: {server.url('/nothing.bin')}")


def test_one_that_is_interrupted_goes_on_in_a_later_run(partita: Command, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hang_up_at=[3 << 20])
    url = server.on("/film.bin", file)
    done = partita("download", url, "-p", "persist:work", "-o", ".")
    assert done.status == 1
    assert "interrupted" in done.err
    assert "--resume" in done.err
    listed = partita("downloads", "persist:work", "--json").json["downloads"]
    assert [(one["url"], one["phase"]) for one in listed] == [(url, "interrupted")]
    done = partita("download", "--resume", "-p", "persist:work", "--json")
    assert done.status == 0
    (resumed,) = done.json["downloads"]
    assert (resumed["url"], resumed["state"]) == (url, "completed")
    assert server.seen[-1].header("range") == f"bytes={listed[0]['received_bytes']}-"
    assert sha256(partita.directory / "film.bin") == file.sha256
    assert "completed" in partita("downloads", "persist:work").out


def test_ctrl_c_ends_it_quietly_and_it_can_go_on(partita: Command, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=4 << 20)
    url = server.on("/film.bin", file)
    process = partita.begin("download", url, "-p", "persist:work", "-o", ".")
    assert file.held.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (130, b"", b"")
    file.go_on.set()
    assert partita("download", "--resume", url, "-p", "persist:work").status == 0
    assert sha256(partita.directory / "film.bin") == file.sha256


def test_no_url_is_wrong_usage_and_a_bad_one_begins_none(partita: Command, server: LoopbackServer) -> None:
    assert partita("download").status == 2
    assert partita("download", "--resume").status == 2
    done = partita("download", server.on("/film.bin", sends(CONTENT)), "nowhere")
    assert (done.status, len(done.err.splitlines())) == (2, 1)
    assert server.seen == []
    assert list(partita.directory.iterdir()) == []
