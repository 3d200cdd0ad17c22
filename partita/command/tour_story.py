"""What happens on the tour, in three acts, and what comes of it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from partita.actors.replay.playback import PlaybackReport
from partita.actors.replay.redecide import Report, redecide
from partita.command.planted_rule import changed_behaviors
from partita.command.tour_child import begin_download
from partita.errors import PartitaError
from partita.events.download_ledger import DownloadAdded
from partita.events.downloads import DownloadProgressed
from partita.log import replay
from partita.played import playback
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from partita.actors.cookies.structures import Cookie
    from partita.command.tour_server import TourServer
    from partita.session import Session
    from partita.store.codec import RecordedTurn
    from partita.system import Record, System

PARTITION: Final = "persist:tour"
FORK: Final = "persist:tour-fork"
ENOUGH_BYTES: Final = 16 << 20
"""Recorded progress of the download, at which its process is killed."""

PATIENCE_S: Final = 60.0


class TourFailed(PartitaError):
    """The tour did not come out as it should: a defect of partita, or a machine that is too slow."""


class Begun(msgspec.Struct, frozen=True):
    """The first act: the folder of the partition, and its cookies."""

    directory: Path
    answer: str
    cookies: list[Cookie]


class Killed(msgspec.Struct, frozen=True):
    """The second act: who was killed, by what, and what the log had of its download then."""

    pid: int
    killed_by: str
    received_bytes: int


class Resumed(msgspec.Struct, frozen=True):
    """The third act: how the download was found, how it ended, and what else was still there."""

    pid: int
    state_found: str
    reason_found: str
    received_found: int
    state: str
    sha256: str
    cookies: list[Cookie]
    turns: list[RecordedTurn]
    fork: Forked


class Forked(msgspec.Struct, frozen=True):
    """A look back, and a branch from there."""

    position: int
    cookies_then: list[Cookie]
    downloads_then: int
    cookies_in_fork: list[Cookie]


def begin(system: System, welcome_url: str) -> Begun:
    """A session that is kept; a redirect gives it a cookie on the way, its target another."""
    session = system.from_partition(PARTITION)
    answer = session.fetch(welcome_url).get(PATIENCE_S).text
    session.flush().get(PATIENCE_S)
    directory = session.get_storage_path()
    assert directory is not None
    return Begun(Path(directory), answer.strip(), session.cookies.get().get(PATIENCE_S))


def kill_in_the_middle(home: Path, directory: Path, server: TourServer, save_path: Path, record: Record) -> Killed:
    """Another process downloads; it is killed as soon as the log, read from here, has recorded enough."""
    with _child(home, server, save_path, record) as child:
        received_bytes = _watch_progress(directory, child)
        child.kill()
        status = child.wait(PATIENCE_S)
    killed_by = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    server.go_on.set()
    return Killed(child.pid, killed_by, received_bytes)


@contextmanager
def _child(home: Path, server: TourServer, save_path: Path, record: Record) -> Iterator[subprocess.Popen[bytes]]:
    urls = server.url("/home"), server.url("/film.bin")
    command = [sys.executable, "-m", "partita.command.tour_child", str(home), PARTITION, *urls, str(save_path), record]
    child = subprocess.Popen(  # noqa: S603  # the command is our own
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _watch_progress(directory: Path, child: subprocess.Popen[bytes]) -> int:
    """Follow the log from outside until it says that enough has been received; how much that is."""
    deadline = time.monotonic() + PATIENCE_S
    with PartitionStore.read(directory) as store:
        seen = store.position
        while time.monotonic() < deadline:
            last = store.wait_past(seen, 0.2)
            for turn in store.turns(seen + 1, last):
                for event in turn.events:
                    if isinstance(event, DownloadProgressed) and event.received_bytes >= ENOUGH_BYTES:
                        return event.received_bytes
            seen = last
            if child.poll() is not None:
                assert child.stderr is not None
                text = child.stderr.read().decode(errors="replace").strip()
                raise TourFailed(
                    f"the downloading process ended on its own: {text.splitlines()[-1:] or child.returncode}"
                )
    raise TourFailed(f"no {ENOUGH_BYTES} bytes of the download within {PATIENCE_S:.0f} s")


def come_back(system: System, path_of: Callable[[str], Path] = Path) -> Resumed:
    """Open the same partition again and go on with the download; then look back, and branch off.

    ``path_of`` says where the file of a path lies: elsewhere, when this is played back.
    """
    session = system.from_partition(PARTITION)
    (item,) = session.downloads()
    found = item.get_state(), item.last_reason, item.get_received_bytes()
    item.resume()
    state = item.finished().get(PATIENCE_S)
    with path_of(item.save_path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    session.flush().get(PATIENCE_S)
    turns = list(session.log.turns())
    cookies = session.cookies.get().get(PATIENCE_S)
    return Resumed(os.getpid(), *found, state, sha256, cookies, turns, _branch_off(session, turns))


def _branch_off(session: Session, turns: list[RecordedTurn]) -> Forked:
    """Back to just before the download was asked for, and another way from there."""
    began = next(turn for turn in turns if any(isinstance(event, DownloadAdded) for event in turn.events))
    position = began.position - 1
    then = session.at(position)
    fork = session.fork(FORK, at=position)
    fork.cookies.set(url="https://elsewhere.example/", name="path", value="not taken").get(PATIENCE_S)
    forked = Forked(
        position, then.cookies.get().get(), len(then.state.downloads.items), fork.cookies.get().get(PATIENCE_S)
    )
    fork.close()
    return forked


def decide_again(directory: Path) -> tuple[Report, Report]:
    """Every turn decided again: by today's rules, and by rules of which one was changed."""
    with PartitionStore.read(directory) as store:
        return replay(directory), redecide(store, changed_behaviors())


class PlayedBack(msgspec.Struct, frozen=True):
    """The whole story once more, out of its own log."""

    report: PlaybackReport
    sha256: str


def play_back(home: Path, urls: tuple[str, str, str], save_path: Path) -> PlayedBack:
    """All three acts in this process, with no network; ``urls`` are those of the welcome, the home page and the file."""
    welcome_url, home_url, file_url = urls
    with playback(home) as system:
        begin(system, welcome_url)
        system.from_partition(PARTITION).close()
        session = begin_download(system, PARTITION, home_url, file_url, str(save_path))
        system.ended(session).get(PATIENCE_S)  # where its process was killed
        session.close()
        resumed = come_back(system, system.path_of)
    return PlayedBack(system.report(), resumed.sha256)
