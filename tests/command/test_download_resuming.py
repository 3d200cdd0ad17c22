"""``partita download --resume``."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile, sends

from .conftest import PATIENCE_S, Command

CONTENT = os.urandom(5 << 20)
DIGEST = "sha256:" + "0" * 64


def interrupted(partita: Command, server: LoopbackServer, path: str = "/film.bin") -> str:
    url = server.on(path, ServedFile(CONTENT, hang_up_at=[3 << 20]))
    assert partita("download", url, "-p", "persist:work", "-o", ".").status == 1
    return url


def test_what_goes_on_stays_in_its_folder(partita: Command, server: LoopbackServer) -> None:
    url = interrupted(partita, server)
    for wanted in ([], [url]):
        done = partita("download", "--resume", *wanted, "-p", "persist:work", "-o", "elsewhere")
        assert (done.status, done.out) == (2, "")
        assert done.err == "partita: -o: what --resume goes on with stays in the folder where it was begun\n"
    assert len(server.seen) == 1
    assert partita("download", "--resume", url, "-p", "persist:work", "-o", ".").status == 0, "that is where it goes"


def test_what_goes_on_does_so_as_is_said_now(partita: Command, server: LoopbackServer) -> None:
    url = interrupted(partita, server)
    assert partita("download", "--resume", "-p", "persist:work", "--integrity", DIGEST).status == 2
    done = partita("download", "--resume", url, "-p", "persist:work", "--integrity", DIGEST)
    assert (done.status, "FILE_HASH_MISMATCH" in done.err) == (1, True)
    right = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    done = partita("download", "-c", url, "-p", "persist:work", "--integrity", right, "--retry", "2,0s..0s", "-x", "2")
    assert (done.status, done.err) == (0, "")
    (one,) = partita("downloads", "persist:work", "--json").json["downloads"]
    assert (one["state"], one["order"]["options"]["segments"]) == ("completed", 2)


def test_the_options_count_for_urls_that_are_new(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    url = interrupted(partita, server)
    new = server.on("/new.bin", sends(b"new"))
    done = partita("download", "-c", url, new, "-p", "persist:work", "-o", tmp_path / "films", "--retry", "2", "--json")
    assert done.status == 0
    assert [(one["url"], one["save_path"]) for one in done.json["downloads"]] == [
        (url, str(partita.directory / "film.bin")),
        (new, str(tmp_path / "films" / "new.bin")),
    ]


def test_what_is_complete_already_is_left_as_it_is(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT))
    command = ("download", "-c", url, "-p", "persist:work", "-o", ".")
    path = partita.directory / "film.bin"
    assert partita(*command).out == f"completed  {path}  5.0 MiB\n"
    assert partita(*command) == (0, f"already complete  {path}  5.0 MiB\n", "")
    (one,) = partita(*command, "--json").json["downloads"]
    assert (one["url"], one["state"], one["save_path"]) == (url, "completed", str(path))
    path.unlink()
    assert partita(*command).out.startswith("completed")
    path.write_bytes(b"another")
    assert partita(*command).status == 0
    assert len(server.seen) == 3
    assert sorted(one.name for one in partita.directory.iterdir()) == ["film (1).bin", "film.bin"]


def test_what_is_complete_and_has_another_digest_is_not_what_was_asked_for(
    partita: Command, server: LoopbackServer
) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT))
    command = ("download", "-c", url, "-p", "persist:work", "-o", ".", "--integrity")
    right = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
    assert partita(*command, right).out.startswith("completed")
    assert partita(*command, right).out.startswith("already complete")
    wrong = partita(*command, "sha256:" + "0" * 64)
    assert (wrong.status, wrong.out) == (1, "")
    assert "FILE_HASH_MISMATCH" in wrong.err


def test_a_partition_that_is_not_there_is_wrong_usage_and_is_not_made(
    partita: Command, server: LoopbackServer, tmp_path: Path
) -> None:
    interrupted(partita, server)
    (tmp_path / "folder").mkdir()
    for name in ("persist:typo", "work", tmp_path / "nowhere", tmp_path / "folder", ""):
        done = partita("download", "-c", "-p", name)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1), name
    assert len(list((partita.home / "Partitions").iterdir())) == 1
    assert list((tmp_path / "folder").iterdir()) == []
    assert partita("download", "-c", server.url("/film.bin"), "-p", "memory").status == 2
    new = partita("download", "-c", server.on("/new.bin", sends(b"new")), "-p", "persist:new", "-o", ".")
    assert (new.status, new.err) == (0, "")


def test_nothing_to_go_on_with_is_said(partita: Command, server: LoopbackServer) -> None:
    assert partita("download", server.on("/a.bin", sends(b"a")), "-p", "persist:work", "-o", ".").status == 0
    assert partita("download", "-c", "-p", "persist:work") == (0, "", "partita: nothing to go on with\n")
    done = partita("download", "-c", "-p", "persist:work", "--json")
    assert (done.status, done.json, done.err) == (0, {"downloads": []}, "partita: nothing to go on with\n")


def refusing() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/film.bin"


def test_what_could_not_begin_yet_is_interrupted_and_goes_on(partita: Command, server: LoopbackServer) -> None:
    busy = server.on("/busy.bin", sends(b"", status=503))
    cut = server.on("/cut.bin", lambda _, reply: reply.hang_up())
    gone = server.url("/gone.bin")
    urls = [busy, busy, cut, gone, refusing()]
    done = partita("download", *urls, "-p", "persist:work", "-o", ".")
    assert (done.status, done.out) == (1, "")
    *lines, hint = done.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "interrupted",
        "interrupted",
        "interrupted",
        "failed",
        "interrupted",
    ]
    assert lines[0] == f"partita: interrupted: {busy}: SERVER_FAILED (503 Service Unavailable)"
    assert lines[3] == f"partita: failed: {gone}: SERVER_BAD_CONTENT (404 Not Found)"
    assert hint == "partita: 4 downloads can go on: partita download --resume -p persist:work"
    server.on("/busy.bin", sends(b"busy"))
    done = partita("download", "-c", busy, "-p", "persist:work")
    assert (done.status, done.out.count("completed")) == (0, 2)


def test_json_has_the_same_keys_for_all(partita: Command, server: LoopbackServer) -> None:
    urls = [server.on("/a.bin", sends(b"a")), server.url("/gone.bin"), server.on("/busy", sends(b"", status=503))]
    told = partita("download", *urls, "--json", "-p", "persist:work", "-o", ".").json["downloads"]
    listed = partita("downloads", "persist:work", "--json").json["downloads"]
    assert len({tuple(one) for one in told}) == 1
    assert [{name: one[name] for name in told[0]} for one in listed] == told
    assert [one["state"] for one in told] == ["completed", "failed", "interrupted"]
    assert [one["save_path"] is None for one in told] == [False, True, True]
    assert [one["phase"] for one in listed] == ["completed", "interrupted", "interrupted"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_run_that_is_stopped_prints_its_json_as_well(partita: Command, server: LoopbackServer, name: str) -> None:
    number = getattr(signal, name, None) or pytest.skip("not here")
    file = ServedFile(CONTENT, hold_at=4 << 20)
    small, large = server.on("/small.bin", sends(b"small")), server.on("/film.bin", file)
    process = partita.begin("download", small, large, "-p", "persist:work", "-o", ".", "--json")
    assert file.held.wait(PATIENCE_S)
    while "completed" not in partita("downloads", "persist:work").out:
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    file.go_on.set()
    assert process.returncode == (130 if name == "SIGINT" else 1)
    assert b"1 download can go on" in err
    first, second = json.loads(out)["downloads"]
    assert (first["url"], second["url"]) == (small, large)
    assert (second["state"], second["problem"], second["can_resume"]) == ("interrupted", "USER_SHUTDOWN", True)
    assert second["id"] == partita("downloads", "persist:work", "--json").json["downloads"][1]["id"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal")
def test_a_run_that_is_to_outlive_its_terminal_does(partita: Command, server: LoopbackServer) -> None:
    file = ServedFile(CONTENT, hold_at=4 << 20)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        process = partita.begin("download", server.on("/film.bin", file))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert file.held.wait(PATIENCE_S)
    process.send_signal(signal.SIGHUP)
    file.go_on.set()
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_what_cannot_go_on_leaves_nothing_behind(partita: Command, server: LoopbackServer, name: str) -> None:
    file = ServedFile(CONTENT, hold_at=4 << 20)
    process = partita.begin("download", server.on("/film.bin", file))
    assert file.held.wait(PATIENCE_S)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=PATIENCE_S)
    file.go_on.set()
    assert b"1 download cannot go on: with -p" in err
    assert list(partita.directory.iterdir()) == []


def test_one_that_breaks_off_and_cannot_go_on_leaves_nothing_behind(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    done = partita("download", url, "--json")
    assert done.status == 1
    (one,) = done.json["downloads"]
    assert (one["state"], one["can_resume"]) == ("interrupted", False)
    assert list(partita.directory.iterdir()) == []


def test_a_password_is_printed_nowhere(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    secret = url.replace("//", "//me:hunter2@")
    gone = server.url("/gone").replace("//", "//me:hunter2@")
    runs = [
        partita("download", secret, gone, "-p", "persist:work", "-o", "."),
        partita("download", gone, "--json"),
        partita("download", "ftp://me:hunter2@host/"),
        partita("downloads", "persist:work"),
        partita("downloads", "persist:work", "--json"),
        partita("download", "-c", secret, "-p", "persist:work", "--json"),
    ]
    for done in runs:
        assert "hunter2" not in done.out + done.err
    (one,) = runs[-1].json["downloads"]
    assert (one["state"], one["url"]) == ("completed", url)
    assert server.seen[-1].header("range") is not None


def test_urls_come_from_a_file_or_the_standard_input(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    urls = [server.on(f"/{name}.bin", sends(name.encode())) for name in "abc"]
    (tmp_path / "urls.txt").write_text(f"# films\n\n  {urls[1]}  \r\n{urls[2]}")
    assert partita("download", urls[0], "-i", tmp_path / "urls.txt").status == 0
    assert sorted(path.name for path in partita.directory.iterdir()) == ["a.bin", "b.bin", "c.bin"]
    assert partita("download", "--input", "-", "-o", "more", stdin="\n".join(urls).encode()).status == 0
    assert len(list((partita.directory / "more").iterdir())) == 3


@pytest.mark.parametrize("content", [None, b"", b"# none\n", b"nowhere\n", b"\xff\xfe\n"])
def test_a_file_without_urls_is_wrong_usage(partita: Command, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "urls.txt").write_bytes(content)
    done = partita("download", "-i", tmp_path / "urls.txt", "-c", "-p", "persist:work")
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert not partita.home.exists()


def test_one_that_goes_on_by_itself_is_shown_to_wait(partita: Command, server: LoopbackServer) -> None:
    pty = pytest.importorskip("pty")
    screen, terminal = pty.openpty()
    file, busy = ServedFile(CONTENT, hang_up_at=[3 << 20]), [sends(b"", status=503)]

    def answer(seen: Seen, reply: Reply) -> None:
        (busy.pop() if busy else file)(seen, reply)

    url = server.on("/film.bin", answer)
    process = partita.begin("download", url, "-p", "persist:work", "-o", ".", "--retry", "3,1s..1s", stderr=terminal)
    os.close(terminal)
    shown = b""
    while b"100" not in shown:
        shown += os.read(screen, 65536)
    assert process.wait(PATIENCE_S) == 0
    os.close(screen)
    assert b"waiting" in shown.partition(b"3.0 MiB")[2]
    assert b"interrupted" not in shown
