"""Standard streams that are closed, full, or read by nobody."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, sends

from .conftest import PATIENCE_S, Command, Done, environment

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="redirections of a shell, /dev/full")


def in_a_shell(partita: Command, redirections: str, *arguments: object) -> Done:
    line = shlex.join([sys.executable, "-m", "partita", *map(str, arguments)])
    done = subprocess.run(
        f"{line} {redirections}",
        shell=True,
        capture_output=True,
        env=environment(partita.home),
        cwd=partita.directory,
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_download_needs_no_standard_stream(partita: Command, server: LoopbackServer, closed: str) -> None:
    done = in_a_shell(
        partita, closed, "download", server.on("/film.bin", sends(b"film")), "-p", "persist:work", "-o", "."
    )
    assert (done.status, done.err) == (0, "")
    assert (partita.directory / "film.bin").read_bytes() == b"film"
    assert in_a_shell(partita, closed, "download", server.url("/nothing")).status == 1
    assert in_a_shell(partita, closed, "download").status == 2
    assert in_a_shell(partita, closed, "downloads", "persist:work").status == 0


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_full_standard_output_is_what_is_said_to_be_full(
    partita: Command, server: LoopbackServer, how: list[str]
) -> None:
    done = in_a_shell(partita, "> /dev/full", "download", server.on("/film.bin", sends(b"film")), *how)
    assert (done.status, done.err) == (
        1,
        f"partita: the standard output could not be written: {os.strerror(28)}\n",
    )
    assert (partita.directory / "film.bin").read_bytes() == b"film"


def test_a_full_standard_error_costs_the_words_only(partita: Command, server: LoopbackServer) -> None:
    assert in_a_shell(partita, "2> /dev/full", "download", server.url("/nothing")).status == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_standard_output_has_no_letters_for_is_escaped(
    partita: Command, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    url = server.on("/%E9%95%B7.bin", sends(b"film"))
    assert partita("download", url, "-p", "persist:work", "-o", ".").out.endswith("/\\u9577.bin  4 B\n")
    assert partita("downloads", "persist:work", "--json").json["downloads"][0]["filename"] == "長.bin"
    assert "\\u9577.bin" in partita("downloads", "persist:work").out
