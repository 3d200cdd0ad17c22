"""Signals that come at a bad moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, ServedFile

from .conftest import PATIENCE_S, Command, environment

SIGNALLED = Path(__file__).with_name("signalled.py")
CONTENT = os.urandom(5 << 20)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "where",
    [
        "threading.py:__exit__:1",  # of a condition's lock, as the runtime's thread is started
        "partition.py:__init__:1",
        "fold.py:of:1",
        "mailbox.py:_schedule:1",
        "dispatcher.py:_wake:1",
        "download_jobs.py:begin:1",
        "future.py:when_done:4",
        "download_jobs.py:advance:1",
        "download_jobs.py:advance:3",
        "ending.py:raising:2",
    ],
)
def test_a_download_that_is_stopped_at_a_bad_moment_leaves_nothing_behind(
    partita: Command, server: LoopbackServer, where: str, name: str
) -> None:
    url = server.on("/film.bin", ServedFile(CONTENT, hold_at=4 << 20))
    done = subprocess.run(
        [sys.executable, SIGNALLED, name, where, "download", url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(partita.home),
        cwd=partita.directory,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == (130 if name == "SIGINT" else 1)
    assert b"Traceback" not in done.stderr
    assert list(partita.directory.iterdir()) == []
