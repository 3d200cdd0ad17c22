"""``partita downloads``: the list, and what is done about it."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess

import pytest
from servers.loopback import LoopbackServer, ServedFile, sends

from .conftest import PATIENCE_S, Command, environment

CONTENT = os.urandom(5 << 20)
LONG = "a-rather-long-name-" * 8 + ".bin"


def on_a_terminal(partita: Command, *arguments: object, columns: int = 80) -> list[str]:
    """The lines that a terminal of so many columns is sent, without colours."""
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = environment(partita.home)
    process = subprocess.Popen(
        partita._line(arguments),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=kept | {"TERM": "xterm"},
        cwd=partita.directory,
    )
    os.close(terminal)
    sent = b""
    while part := _read(screen):
        sent += part
    os.close(screen)
    assert process.wait(PATIENCE_S) in (0, 1)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in sent.decode().splitlines()]


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # the other end has been closed
        return b""


def test_what_a_killed_process_was_at_can_go_on(partita: Command, server: LoopbackServer) -> None:
    files = [ServedFile(CONTENT, hold_at=4 << 20) for _ in range(2)]
    urls = [server.on(f"/film{number}.bin", file) for number, file in enumerate(files)]
    process = partita.begin("download", *urls, "-p", "persist:work", "-o", ".", "-j", "1")
    assert files[0].held.wait(PATIENCE_S)
    listed = partita("downloads", "persist:work")
    assert ["receiving" in line or "queued" in line for line in listed.out.splitlines()[1:]] == [True, True]
    assert {one["state"] for one in partita("downloads", "persist:work", "--json").json["downloads"]} == {"progressing"}
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_S)
    listed = partita("downloads", "persist:work")
    assert ["killed; can go on" in line for line in listed.out.splitlines()[1:]] == [True, True]
    for one in partita("downloads", "persist:work", "--json").json["downloads"]:
        assert (one["state"], one["can_resume"]) == ("interrupted", True)
        assert one["problem"].startswith("CRASH")
        assert one["phase"] in ("receiving", "queued")
    for file in files:
        file.go_on.set()
    assert partita("download", "-c", "-p", "persist:work").status == 0


def test_one_that_can_go_on_is_told_from_one_that_cannot(partita: Command, server: LoopbackServer) -> None:
    urls = [server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20])), server.url("/gone.bin")]
    assert partita("download", *urls, "-p", "persist:work", "-o", ".").status == 1
    first, second = partita("downloads", "persist:work").out.splitlines()[1:]
    assert "  interrupted; can go on  " in first
    assert "  SERVER_CONTENT_LENGTH_MISMATCH" in first
    assert "  failed  " in second
    assert second.endswith("SERVER_BAD_CONTENT (404 Not Found)")


def test_one_that_may_go_on_is_cancelled(partita: Command, server: LoopbackServer) -> None:
    urls = [server.on(f"/{name}.bin", ServedFile(CONTENT, hang_up_at=[3 << 20])) for name in "ab"]
    whole = server.on("/whole.bin", sends(b"whole"))
    assert partita("download", *urls, whole, "-p", "persist:work", "-o", ".").status == 1
    ids = [one["id"] for one in partita("downloads", "persist:work", "--json").json["downloads"]]
    refused = partita("downloads", "persist:work", "--forget", ids[0])
    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert f"--cancel {ids[0][:8]}" in refused.err
    for wrong in ([ids[2]], ["nothing"], [ids[0], ids[2]]):
        done = partita("downloads", "persist:work", *(word for one in wrong for word in ("--cancel", one)))
        assert (done.status, len(done.err.splitlines())) == (2, 1)
    listed = partita("downloads", "persist:work", "--cancel", ids[0][:8], "--json").json["downloads"]
    assert [one["state"] for one in listed] == ["cancelled", "interrupted", "completed"]
    assert sorted(path.name for path in partita.directory.iterdir()) == ["b.bin", "b.bin.part", "whole.bin"]
    listed = partita("downloads", "persist:work", "--cancel", ids[1], "--forget", ids[1], "--json").json["downloads"]
    assert [one["id"] for one in listed] == [ids[0], ids[2]]
    assert [path.name for path in partita.directory.iterdir()] == ["whole.bin"]


@pytest.mark.parametrize("option", ["--cancel", "--forget"])
def test_a_partition_that_is_not_there_is_not_made(partita: Command, option: str) -> None:
    assert partita("downloads", "persist:typo", option, "12345678").status == 2
    assert partita("downloads", "persist:typo", "--forget-ended").status == 2
    assert not partita.home.exists()


@pytest.mark.parametrize("columns", [80, 120, 240])
def test_a_terminal_shows_ids_states_and_sizes_whole(partita: Command, server: LoopbackServer, columns: int) -> None:
    urls = [
        server.on("/" + LONG, sends(b"whole")),
        server.on("/part-" + LONG, ServedFile(CONTENT, hang_up_at=[3 << 20])),
    ]
    assert partita("download", *urls, "-p", "persist:work", "-o", ".").status == 1
    ids = [one["id"] for one in partita("downloads", "persist:work", "--json").json["downloads"]]
    head, *lines = on_a_terminal(partita, "downloads", "persist:work", columns=columns)
    assert [name in head for name in ("download", "state", "received", "of", "file", "url")] == [True] * 6
    assert [line[:8] for line in lines] == [one[:8] for one in ids]
    assert "  completed " in lines[0]
    assert "  5 B " in lines[0]
    assert "  interrupted; can go on  " in lines[1]
    assert "  5.0 MiB " in lines[1]
    for line in (head, *lines):
        assert len(line) <= columns
    assert all(line.count("…") >= 2 for line in lines)
    piped = partita("downloads", "persist:work").out
    assert "…" not in piped
    assert str(partita.directory / LONG) in piped
    assert urls[1] in piped


def test_the_last_word_of_a_download_is_not_broken(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/" + LONG, sends(b"whole"))
    (line,) = on_a_terminal(partita, "download", url)
    assert line == f"completed  {partita.directory / LONG}  5 B"
