"""The command as its users have it: a process, a data directory of its own, real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from servers.loopback import LoopbackServer

from partita.session import Session
from partita.system import System

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**kept, "PARTITA_HOME": str(home), "PYTHONPATH": path, "PYTHONWARNINGS": "error"}


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """``partita(...)`` runs it to its end; ``partita.begin(...)`` leaves it running."""

    def __init__(self, home: Path, directory: Path) -> None:
        self.home = home
        self.directory = directory
        self._begun: list[subprocess.Popen[bytes]] = []

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Done:
        done = subprocess.run(
            self._line(arguments),
            input=stdin,
            capture_output=True,
            env=environment(self.home),
            cwd=self.directory,
            timeout=PATIENCE_S,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def begin(self, *arguments: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._line(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(self.home),
            cwd=self.directory,
        )
        self._begun.append(process)
        return process

    def end(self) -> None:
        for process in self._begun:
            process.kill()
            process.communicate()

    @staticmethod
    def _line(arguments: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "partita", *map(str, arguments)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def partita(home: Path, tmp_path: Path) -> Iterator[Command]:
    directory = tmp_path / "here"
    directory.mkdir()
    command = Command(home, directory)
    yield command
    command.end()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def system(home: Path) -> Iterator[System]:
    with System(data_dir=home) as running:
        yield running


Kept = Callable[[Callable[[Session], object]], Path]


@pytest.fixture
def kept(home: Path) -> Kept:
    """Has something done in ``persist:work``, closes it, and gives its folder."""

    def do(what: Callable[[Session], object]) -> Path:
        with System(data_dir=home) as running:
            session = running.from_partition("persist:work")
            what(session)
            path = session.get_storage_path()
            assert path is not None
            return Path(path)

    return do


def some_history(session: Session) -> None:
    """Turn 1: the opening; 2: a user agent; 3 and 4: a cookie and its new value; 5: a download path."""
    session.set_user_agent("tester/1")
    session.cookies.set(url="https://shop.example/", name="basket", value="apples").get()
    session.cookies.set(url="https://shop.example/", name="basket", value="pears").get()
    session.set_download_path("/tmp/somewhere")
    session.flush().get()
