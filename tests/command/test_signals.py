"""Signals that come at a bad moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, ServedFile, sends

from .conftest import PATIENCE_S, Command, environment

SIGNALLED = Path(__file__).with_name("signalled.py")
CONTENT = os.urandom(5 << 20)


def signalled(partita: Command, name: str, where: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, SIGNALLED, name, where, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(partita.home),
        cwd=partita.directory,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("SIGINT", "threading.py:__exit__:1"),  # of a condition's lock, as the runtime's thread is started
        ("SIGINT", "partition.py:__init__:1"),
        ("SIGINT", "fold.py:of:1"),
        ("SIGINT", "mailbox.py:_schedule:1"),
        ("SIGINT", "dispatcher.py:_wake:1"),
        ("SIGINT", "download_jobs.py:begin:1"),
        ("SIGINT", "future.py:when_done:4"),
        ("SIGINT", "download_jobs.py:advance:1"),
        ("SIGINT", "download_jobs.py:advance:3"),
        ("SIGINT", "ending.py:raising:2"),
        ("SIGTERM", "mailbox.py:_schedule:1"),
        ("SIGTERM", "download_jobs.py:advance:3"),
    ],
)
def test_a_download_that_is_stopped_at_a_bad_moment_leaves_nothing_behind(
    partita: Command, server: LoopbackServer, name: str, where: str
) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hold_at=4 << 20))
    done = signalled(partita, name, where, "download", url)
    assert done.returncode == (130 if name == "SIGINT" else 1)
    assert b"Traceback" not in done.stderr
    assert list(partita.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("SIGINT", "threading.py:__exit__:1"),
        ("SIGINT", "mailbox.py:_schedule:1"),
        ("SIGINT", "future.py:_block:1"),
        ("SIGTERM", "future.py:_block:1"),
    ],
)
def test_a_fetch_is_stopped_at_any_moment(partita: Command, server: LoopbackServer, name: str, where: str) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hold_at=4 << 20))
    done = signalled(partita, name, where, "fetch", url, "-p", "persist:work")
    assert (done.returncode, done.stderr) == (130 if name == "SIGINT" else 1, b"")


def test_a_session_that_is_being_closed_is_closed(partita: Command, server: LoopbackServer) -> None:
    url = server.on("/small.txt", sends(b"small"))
    done = signalled(partita, "SIGINT", "system.py:close:1", "fetch", url, "-p", "persist:work")
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
