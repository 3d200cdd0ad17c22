from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest
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


def test_ctrl_c_ends_it_and_says_how_to_go_on(partita: Command, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=4 << 20)
    url = server.on("/film.bin", file)
    process = partita.begin("download", url, "-p", "persist:work", "-o", ".")
    assert file.held.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == "partita: 1 download can go on: partita download --resume -p persist:work\n"
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


def test_a_termination_leaves_all_of_them_to_be_gone_on_with(partita: Command, server: LoopbackServer) -> None:
    files = [ServedFile(CONTENT, hold_at=4 << 20) for _ in range(3)]
    urls = [server.on(f"/film{number}.bin", file) for number, file in enumerate(files)]
    done = server.on("/small.bin", sends(b"small"))
    process = partita.begin("download", done, *urls, "-p", "persist:work", "-o", ".")
    for file in files:
        assert file.held.wait(PATIENCE_S)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)
    for file in files:
        file.go_on.set()
    assert (process.returncode, out) == (1, b"")
    assert b"can go on: partita download --resume -p persist:work" in err
    listed = partita("downloads", "persist:work", "--json").json["downloads"]
    left = [one for one in listed if one["phase"] == "interrupted"]
    assert len(left) >= len(files)
    assert {one["reason"] for one in left} == {"USER_SHUTDOWN"}
    assert partita("download", "--resume", "-p", "persist:work").status == 0
    assert [sha256(partita.directory / f"film{number}.bin") for number in range(3)] == [file.sha256 for file in files]


def test_a_run_without_a_partition_says_that_nothing_can_go_on(partita: Command, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=4 << 20)
    process = partita.begin("download", server.on("/film.bin", file))
    assert file.held.wait(PATIENCE_S)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    file.go_on.set()
    assert process.returncode == 130
    assert b"1 download cannot go on" in err


def test_an_entry_that_has_ended_is_forgotten(partita: Command, server: LoopbackServer) -> None:
    first = server.on("/a.bin", sends(b"one"))
    second = server.on("/b.bin", sends(b"two"))
    third = server.on("/c.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    assert partita("download", first, second, third, "-p", "persist:work", "-o", ".").status == 1
    ids = {one["url"]: one["id"] for one in partita("downloads", "persist:work", "--json").json["downloads"]}
    refused = partita("downloads", "persist:work", "--forget", ids[third])
    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert "cancel it first" in refused.err
    assert partita("downloads", "persist:work", "--forget", "nothing").status == 2
    left = partita("downloads", "persist:work", "--forget", ids[first], "--json").json["downloads"]
    assert [one["url"] for one in left] == [second, third]
    left = partita("downloads", "persist:work", "--forget-ended", "--json").json["downloads"]
    assert [one["url"] for one in left] == [third]
    assert (partita.directory / "a.bin").read_bytes() == b"one"


def test_a_terminal_is_shown_a_table_that_moves(partita: Command, server: LoopbackServer) -> None:
    pty = pytest.importorskip("pty")
    screen, terminal = pty.openpty()
    file = ServedFile(CONTENT, hold_at=4 << 20)
    urls = [server.on("/film.bin", file), server.on("/small.bin", sends(b"small"))]
    process = partita.begin("download", *urls, "-p", "persist:work", "-o", ".", stderr=terminal)
    os.close(terminal)
    assert file.held.wait(PATIENCE_S)
    shown = b""
    while b"4.0 MiB / 5.0 MiB" not in shown:  # what is safe on the disk, a checkpoint later
        shown += os.read(screen, 65536)
    file.go_on.set()
    while b"2 of 2 completed" not in shown:
        shown += os.read(screen, 65536)
    assert process.wait(PATIENCE_S) == 0
    assert b"film.bin" in shown
    assert b"all" in shown
    os.close(screen)
