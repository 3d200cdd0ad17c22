"""Where the files of ``partita download`` go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile, sends

from .conftest import PATIENCE_S, Command, environment

CONTENT = os.urandom(5 << 20)


def test_two_runs_at_once_overwrite_nothing_of_each_other(partita: Command, server: LoopbackServer) -> None:
    files = [ServedFile(os.urandom(5 << 20), hold_at=2 << 20) for _ in range(2)]
    urls = [server.on(f"/{number}/film.bin", file) for number, file in enumerate(files)]
    runs = [partita.begin("download", url) for url in urls]
    for file in files:
        assert file.held.wait(PATIENCE_S)
    for file in files:
        file.go_on.set()
    assert [run.wait(PATIENCE_S) for run in runs] == [0, 0]
    there = {path.name: path.read_bytes() for path in partita.directory.iterdir()}
    assert sorted(there) == ["film (1).bin", "film.bin"]
    assert set(there.values()) == {file.content for file in files}


def test_what_goes_on_leaves_a_file_alone_that_has_appeared_meanwhile(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    assert partita("download", url, "-p", "persist:work", "-o", ".").status == 1
    (partita.directory / "film.bin").write_bytes(b"somebody else's")
    assert partita("download", "--resume", "-p", "persist:work").status == 0
    assert (partita.directory / "film.bin").read_bytes() == b"somebody else's"
    assert (partita.directory / "film (1).bin").read_bytes() == CONTENT


@pytest.mark.parametrize(("option", "to"), [("-o", "films"), ("-O", "films/film.bin")])
def test_the_place_is_kept_also_when_no_answer_came(
    partita: Command, server: LoopbackServer, tmp_path: Path, option: str, to: str
) -> None:
    answers = [lambda _, reply: reply.hang_up(), sends(b"film")]

    def answer(seen: Seen, reply: Reply) -> None:
        answers.pop(0)(seen, reply)

    url = server.on("/film.bin" if option == "-o" else "/other.bin", answer)
    assert partita("download", url, "-p", "persist:work", option, tmp_path / to).status == 1
    done = partita("download", "--resume", "-p", "persist:work")
    assert (done.status, done.out) == (0, f"completed  {tmp_path / 'films' / 'film.bin'}  4 B\n")


def test_what_goes_on_stays_in_the_folder_of_its_name(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hang_up_at=[3 << 20]))
    work = ("-p", "persist:work", "-o", tmp_path / "films")
    assert partita("download", url, "-O", "mine.bin", *work).status == 1
    assert partita("download", "--resume", url, "-p", "persist:work", "-o", tmp_path).status == 2
    assert partita("download", "--resume", url, *work).status == 0
    assert (tmp_path / "films" / "mine.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("option", ["-o", "-O"])
@pytest.mark.parametrize(
    "place", ["file.txt/films/x", "/dev/null/films/x", "x" * 300 + "/x", "x" * 300, "~nobody-of-that-name/x", b"\xff/x"]
)
def test_a_folder_that_cannot_be_is_one_line(
    partita: Command, server: LoopbackServer, option: str, place: str | bytes
) -> None:
    (partita.directory / "file.txt").write_text("mine")
    done = partita("download", server.on("/film.bin", sends(b"film")), option, os.fsdecode(place))
    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert done.err.startswith(f"partita: {option} ")
    assert [path.name for path in partita.directory.iterdir()] == ["file.txt"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ones_own_is_one_line(partita: Command, server: LoopbackServer) -> None:
    done = partita("download", server.on("/film.bin", sends(b"film")), "-o", "/films")
    assert (done.status, len(done.err.splitlines())) == (2, 1)


@pytest.mark.parametrize(("option", "name"), [("-o", "~/films"), ("-O", "~/films/film.bin")])
def test_a_home_that_no_shell_has_seen_is_found(
    partita: Command, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert partita("download", server.on("/film.bin", sends(b"film")), option, name).status == 0
    assert (tmp_path / "films" / "film.bin").read_bytes() == b"film"
    assert list(partita.directory.iterdir()) == []


def test_a_name_of_ones_own_replaces_what_is_there(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/film.bin", sends(b"film"))
    (partita.directory / "mine.bin").write_bytes(b"older")
    assert partita("download", url, "-O", "mine.bin").status == 0
    assert (partita.directory / "mine.bin").read_bytes() == b"film"
    assert partita("download", url, "-O", "sub/mine.bin", "-o", tmp_path / "films", "-p", "persist:work").status == 0
    assert (tmp_path / "films" / "sub" / "mine.bin").read_bytes() == b"film"
    assert partita("download", url, "-O", tmp_path / "absolute.bin").status == 0
    assert (tmp_path / "absolute.bin").read_bytes() == b"film"
    assert [path.name for path in partita.directory.iterdir()] == ["mine.bin"]


def test_a_name_is_that_of_one_file_that_begins(partita: Command, server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/film.bin", sends(b"film"))
    for arguments in (
        [url, url, "-O", "film.bin"],
        [url, "-O", tmp_path],
        [url, "-O", "-"],
        [url, "-O", ".."],
        [url, "-O", "/dev/null"],
        ["-c", url, "-p", "persist:work", "-O", "film.bin"],
        ["-c", "-p", "persist:work", "-O", "film.bin"],
    ):
        done = partita("download", *arguments)
        assert (done.status, len(done.err.splitlines())) == (2, 1), arguments
        assert "-O" in done.err
    assert server.seen == []
    assert not partita.home.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is worked in stays there")
def test_in_a_folder_that_is_gone_an_absolute_one_is_needed(
    partita: Command, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/film.bin", sends(b"film"))

    def there(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "gone").mkdir()
        line = [sys.executable, "-m", "partita", "download", url, *map(str, arguments)]
        return subprocess.run(
            ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *line],
            capture_output=True,
            env=environment(partita.home),
            cwd=tmp_path / "gone",
            timeout=PATIENCE_S,
            check=False,
        )

    for arguments in ([], ["-o", "films"], ["-O", "film.bin"]):
        done = there(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert b"the working directory is gone" in done.stderr
    for arguments in (["-o", tmp_path / "films"], ["-O", tmp_path / "films" / "other.bin"]):
        done = there(*arguments)
        assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in (tmp_path / "films").iterdir()) == ["film.bin", "other.bin"]
