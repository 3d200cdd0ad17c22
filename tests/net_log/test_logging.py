"""``session.net_log``: N1 to N5, on a real disk."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import queue
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from durability.children import environment
from net_log.viewer import Viewer

import partita
from partita.actors.kernel.carrying import EffectDefect
from partita.actors.net_log import recorder
from partita.actors.net_log.writer import LogFile
from partita.errors import NetLogRefused, SystemClosed
from partita.net_log import NetLogBroken
from partita.session import Session

PATIENCE_S = 60.0


def note(session: Session, count: int = 1, **parameters: Any) -> None:
    """Have something happen, on the thread where things happen."""
    partition = session._partition

    def happen() -> None:
        for number in range(count):
            trace = partition.world.net_logs.trace(partition.key, "URL_REQUEST")
            if trace is not None:
                trace.note("REQUEST_ALIVE", "begin", {"number": number, **parameters})
                trace.note("REQUEST_ALIVE", "end")

    partition.kernel.call_soon(happen)
    partition.flush().get(PATIENCE_S)


def positions(session: Session) -> int:
    session.flush().get(PATIENCE_S)
    return session.log.position


@contextmanager
def warned() -> Iterator[Callable[[], type[Warning]]]:
    """Gives what waits for the next warning, on whatever thread."""
    told: queue.Queue[type[Warning]] = queue.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, *rest, **more: told.put(category)
        yield lambda: told.get(timeout=PATIENCE_S)


def test_what_happens_between_start_and_stop_is_in_the_file(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.json"
    note(session, before=True)
    assert not session.net_log.currently_logging
    assert session.net_log.start_logging(path).get(PATIENCE_S) is None
    assert session.net_log.currently_logging
    assert Viewer.of(path).events == []
    note(session, 3)
    assert session.net_log.stop_logging().get(PATIENCE_S) is None
    assert not session.net_log.currently_logging
    note(session, after=True)
    viewer = Viewer.of(path)
    assert viewer.names() == ["REQUEST_ALIVE"] * 6
    assert viewer.unbalanced() == []
    assert viewer.constants["clientInfo"] == {"name": "partita", "version": partita.__version__}
    assert viewer.constants["logCaptureMode"] == "Default"
    assert path.read_bytes().endswith(b"]}")


def test_it_is_logging_from_the_call_on_and_not_any_more_from_the_next(session: Session, tmp_path: Path) -> None:
    started = session.net_log.start_logging(tmp_path / "log")
    assert session.net_log.currently_logging
    stopped = session.net_log.stop_logging()
    assert not session.net_log.currently_logging
    started.get(PATIENCE_S)
    stopped.get(PATIENCE_S)
    assert Viewer.of(tmp_path / "log").events == []


@pytest.mark.parametrize("path", ["", None, 7, b"/x", "a\0b"])
def test_a_path_that_is_none_is_refused_at_the_call(session: Session, path: Any) -> None:
    before = positions(session)
    with pytest.raises(TypeError, match=r"^The first parameter must be a valid string$"):
        session.net_log.start_logging(path)
    assert positions(session) == before


@pytest.mark.parametrize("mode", ["", "Everything", "all", None, 1, ["default"]])
def test_a_capture_mode_that_there_is_not_is_refused_at_the_call(session: Session, tmp_path: Path, mode: Any) -> None:
    with pytest.raises(TypeError, match=r"^Invalid value for captureMode$"):
        session.net_log.start_logging(tmp_path / "log", capture_mode=mode)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("size", ["", "12", True, 0, -1, 0.5, float("nan"), float("inf"), 1 << 70, [1]])
def test_a_size_that_is_none_is_refused_at_the_call(session: Session, tmp_path: Path, size: Any) -> None:
    before = positions(session)
    with pytest.raises(TypeError, match=r"^Invalid value for maxFileSize$"):
        session.net_log.start_logging(tmp_path / "log", max_file_size=size)
    assert positions(session) == before


def test_one_log_at_a_time(session: Session, system: partita.System, tmp_path: Path) -> None:
    session.net_log.start_logging(tmp_path / "one").get(PATIENCE_S)
    before = positions(session)
    with pytest.raises(NetLogRefused, match=r"^There is already a net log running$") as refused:
        session.net_log.start_logging(tmp_path / "two")
    assert isinstance(refused.value, TypeError)
    assert positions(session) == before
    assert not (tmp_path / "two").exists()
    other = system.from_partition("other")  # but each session has its own
    other.net_log.start_logging(tmp_path / "two").get(PATIENCE_S)
    note(other)
    for one in (session, other):
        one.net_log.stop_logging().get(PATIENCE_S)
    assert [len(Viewer.of(tmp_path / name).events) for name in ("one", "two")] == [0, 2]


def test_without_a_log_there_is_none_to_stop(session: Session) -> None:
    before = positions(session)
    with pytest.raises(NetLogRefused, match=r"^No net log in progress$"):
        session.net_log.stop_logging().get(PATIENCE_S)
    assert positions(session) == before


def test_what_was_there_before_is_gone_when_the_new_log_is_open(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("precious")
    session.net_log.start_logging(path).get(PATIENCE_S)
    assert Viewer.of(path).events == []
    session.net_log.stop_logging().get(PATIENCE_S)
    session.net_log.start_logging(path).get(PATIENCE_S)
    note(session)
    session.net_log.stop_logging().get(PATIENCE_S)
    assert len(Viewer.of(path).events) == 2
    assert sorted(os.listdir(tmp_path)) == ["data", "log"]


def test_a_file_that_cannot_be_opened_fails_the_future_and_ends_the_log(session: Session, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("no folder")
    for path, number in ((tmp_path / "folder", errno.EISDIR), (tmp_path / "file" / "log", errno.ENOTDIR)):
        with pytest.raises(OSError) as failed:
            session.net_log.start_logging(path).get(PATIENCE_S)
        assert failed.value.errno in (number, errno.EEXIST)
        assert not session.net_log.currently_logging
        assert session.net_log.failure is not None
        with pytest.raises(NetLogRefused, match="No net log in progress"):
            session.net_log.stop_logging().get(PATIENCE_S)
    assert sorted(os.listdir(tmp_path)) == ["data", "file", "folder"]
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    assert session.net_log.failure is None
    session.net_log.stop_logging().get(PATIENCE_S)


def test_two_sessions_do_not_write_one_file(session: Session, system: partita.System, tmp_path: Path) -> None:
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    with pytest.raises(FileExistsError, match="another net log"):
        system.from_partition("other").net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    note(session)
    session.net_log.stop_logging().get(PATIENCE_S)
    assert len(Viewer.of(tmp_path / "log").events) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize(("mode", "private"), [("default", False), ("includeSensitive", True), ("everything", True)])
def test_a_log_with_secrets_is_for_the_user_alone(session: Session, tmp_path: Path, mode: str, private: bool) -> None:
    session.net_log.start_logging(tmp_path / "log", capture_mode=mode).get(PATIENCE_S)
    note(session, url="http://user:password@a.test/", headers=["Cookie: c00kie"], bytes=b"0ctets")
    session.net_log.stop_logging().get(PATIENCE_S)
    assert (stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600) == private
    text = (tmp_path / "log").read_text()
    assert ("password" in text) == ("c00kie" in text) == private
    assert ("MGN0ZXRz" in text) == (mode == "everything")


def ends_by_closing(session: Session, system: partita.System) -> None:
    session.close()


def ends_with_the_system(session: Session, system: partita.System) -> None:
    system.close()


@pytest.mark.parametrize("end", [ends_by_closing, ends_with_the_system])
def test_a_session_that_is_closed_ends_its_log(
    session: Session, system: partita.System, tmp_path: Path, end: Callable[[Session, partita.System], None]
) -> None:
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    note(session, 50, headers=["X: " + "x" * 9000])
    end(session, system)
    viewer = Viewer.of(tmp_path / "log")
    assert len(viewer.events) == 100
    assert viewer.unbalanced() == []
    assert len(viewer.events[0].parameters["headers"][0]) == 9003, "in one piece"
    assert sorted(os.listdir(tmp_path)) == ["data", "log"]
    with pytest.raises(SystemClosed):
        session.net_log.stop_logging().get(PATIENCE_S)
    with pytest.raises(SystemClosed):
        session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)


def test_the_next_opening_does_not_log(tmp_path: Path) -> None:
    for _ in range(2):
        with partita.System(data_dir=tmp_path / "data") as system:
            session = system.from_partition("persist:work")
            assert not session.net_log.currently_logging
            session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
            assert session.net_log.currently_logging
            session.flush().get(PATIENCE_S)


PROGRAM = """
import sys, partita
session = partita.from_partition("persist:work")
session.net_log.start_logging(sys.argv[1]).get()
partition = session._partition
def happen():
    for number in range(1000):
        partition.world.net_logs.trace(partition.key, "URL_REQUEST").note("REQUEST_ALIVE", "none", {"number": number})
partition.kernel.call_soon(happen)
partition.flush().get()
"""


def test_the_end_of_the_interpreter_ends_a_log(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "log")],
        env={**environment(), "PARTITA_HOME": str(tmp_path / "data")},
        check=True,
        timeout=PATIENCE_S,
    )
    viewer = Viewer.of(tmp_path / "log")
    assert [event.parameters["number"] for event in viewer.events] == list(range(1000))
    assert b"   " not in (tmp_path / "log").read_bytes(), "ended in good order"


@pytest.mark.parametrize("loop", [trio.run, asyncio.run])
def test_it_is_awaited_in_any_loop(tmp_path: Path, loop: Callable[..., None]) -> None:
    async def main() -> None:
        async with partita.System(data_dir=tmp_path / "data") as system:
            session = system.from_partition("persist:work")
            await session.net_log.start_logging(tmp_path / "log")
            assert session.net_log.currently_logging
            with pytest.raises(NetLogRefused):
                session.net_log.start_logging(tmp_path / "log")
            await session.net_log.stop_logging()
            with pytest.raises(NetLogRefused):
                await session.net_log.stop_logging()

    loop(main if loop is trio.run else main())
    assert Viewer.of(tmp_path / "log").events == []


def test_a_defect_of_the_writer_ends_the_log_and_nothing_else(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    monkeypatch.setattr(LogFile, "add", lambda self, entries: 1 // 0)
    with warned() as told:
        note(session)
        assert {told(), told()} == {EffectDefect, NetLogBroken}
    monkeypatch.undo()
    with pytest.raises(OSError, match="writing the net log failed"):
        session.net_log.stop_logging().get(PATIENCE_S)
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    session.net_log.stop_logging().get(PATIENCE_S)


def test_a_large_log_is_complete(session: Session, tmp_path: Path) -> None:
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    for _ in range(20):
        note(session, 500, text="x" * 300)
    session.net_log.stop_logging().get(PATIENCE_S)
    assert len(Viewer.of(tmp_path / "log").events) == 20_000


def test_a_limit_holds(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "log"
    session.net_log.start_logging(path, max_file_size=100_000).get(PATIENCE_S)
    head = path.read_bytes().index(b'"events":[\n') + len(b'"events":[\n')
    for number in range(30):
        note(session, 50, round=number, text="x" * 300)
        assert path.stat().st_size <= head + 100_000
        Viewer.of(path)
    session.net_log.stop_logging().get(PATIENCE_S)
    last = [event.parameters["number"] for event in Viewer.of(path).events if event.parameters.get("round") == 29]
    assert last == list(range(50))


def test_behind_a_slow_disk_the_oldest_are_dropped_and_the_log_says_so(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING_BYTES", 20_000)
    session.net_log.start_logging(tmp_path / "log").get(PATIENCE_S)
    note(session, 1000)  # at once: nothing of it is written before all has been noted
    session.net_log.stop_logging().get(PATIENCE_S)
    (dropped, *rest) = Viewer.of(tmp_path / "log").events
    assert dropped.name == "NET_LOG_DROPPED_EVENTS"
    assert dropped.parameters["count"] + len(rest) == 2000
    session.flush().get(PATIENCE_S)
    closed = [event for turn in session.log.turns() for event in turn.events if type(event).__name__ == "NetLogClosed"]
    assert [event.dropped for event in closed] == [dropped.parameters["count"]]


def test_a_disk_that_fails_ends_the_log_and_nothing_else(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    session.net_log.start_logging(path).get(PATIENCE_S)
    note(session, 10)
    (tmp_path / "log.inprogress").mkdir()  # where the file would be written anew
    with warned() as told:
        note(session, 1, text="x" * 200_000)
        assert told() is NetLogBroken
    assert not session.net_log.currently_logging
    assert isinstance(session.net_log.failure, IsADirectoryError)
    with pytest.raises(IsADirectoryError):
        session.net_log.stop_logging().get(PATIENCE_S)
    assert len(Viewer.of(path).events) == 20
    session.set_user_agent("goes on")
    (tmp_path / "log.inprogress").rmdir()
    session.net_log.start_logging(path).get(PATIENCE_S)
    session.net_log.stop_logging().get(PATIENCE_S)
    assert json.loads(path.read_text())["events"] == []
