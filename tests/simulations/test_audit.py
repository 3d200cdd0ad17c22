"""What reaches for the real world inside a simulation is refused at the call, and told what to use instead."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import glob
import importlib
import linecache
import logging
import multiprocessing
import os
import random
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from trio._core._thread_cache import clear_worker_threads

from partita.errors import Refused
from partita.simulations.audit import permitted, refusing

FILE = Path(__file__)
REAL_TIME = time.time

TOUCHES: dict[str, tuple[Callable[[], object], str]] = {
    "a socket": (socket.socket, "world.network"),
    "a look-up": (lambda: socket.getaddrinfo("localhost", 80), "world.network"),
    "a connection": (lambda: socket.create_connection(("127.0.0.1", 9)), "world.network"),
    "urllib": (lambda: urllib.request.urlopen("http://127.0.0.1:9/"), "world.network"),
    "open": (lambda: open("/etc/hostname"), "world.files"),
    "open for writing": (lambda: open("here.txt", "w"), "world.files"),
    "os.open": (lambda: os.open("/etc/hostname", os.O_RDONLY), "world.files"),
    "Path.read_text": (lambda: Path("/etc/hostname").read_text(), "world.files"),
    "os.remove": (lambda: os.remove("gone"), "world.files"),
    "os.rename": (lambda: os.rename("a", "b"), "world.files"),
    "os.replace": (lambda: os.replace("a", "b"), "world.files"),
    "os.mkdir": (lambda: os.mkdir("folder"), "world.files"),
    "os.rmdir": (lambda: os.rmdir("folder"), "world.files"),
    "os.listdir": (lambda: os.listdir("/"), "world.files"),
    "os.scandir": (lambda: os.scandir("/"), "world.files"),
    "os.truncate": (lambda: os.truncate("file", 0), "world.files"),
    "os.chmod": (lambda: os.chmod("file", 0o600), "world.files"),
    "os.symlink": (lambda: os.symlink("a", "b"), "world.files"),
    "shutil": (lambda: shutil.rmtree("folder"), "world.files"),
    "tempfile": (tempfile.mkdtemp, "world.files"),
    "glob": (lambda: glob.glob("*"), "world.files"),
    "sqlite": (lambda: sqlite3.connect(":memory:"), "world.files"),
    "a subprocess": (lambda: subprocess.run(["true"], check=False), "no processes"),
    "os.system": (lambda: os.system("true"), "no processes"),
    "os.fork": (os.fork, "no processes"),
    "os.execv": (lambda: os.execv("/bin/true", ["true"]), "no processes"),
    "os.posix_spawn": (lambda: os.posix_spawn("/bin/true", ["true"], {}), "no processes"),
    "multiprocessing": (multiprocessing.get_context("fork").Process(target=print).start, "no processes"),
    "a thread": (lambda: threading.Thread(target=print).start(), "actor"),
    "time.time": (lambda: time.time(), "world.clock"),
    "time.time_ns": (lambda: time.time_ns(), "world.clock"),
    "time.monotonic": (lambda: time.monotonic(), "world.clock"),
    "time.perf_counter": (lambda: time.perf_counter(), "world.clock"),
    "time.sleep": (lambda: time.sleep(0), "world.clock"),
    "time.localtime": (lambda: time.localtime(), "world.clock"),
    "random.random": (lambda: random.random(), "world.entropy"),
    "random.choice": (lambda: random.choice([1]), "world.entropy"),
    "random.shuffle": (lambda: random.shuffle([1]), "world.entropy"),
    "random.seed": (lambda: random.seed(1), "world.entropy"),
    "secrets": (lambda: secrets.token_hex(), "world.entropy"),
    "os.urandom": (lambda: os.urandom(8), "world.entropy"),
    "uuid4": (lambda: uuid.uuid4(), "world.entropy"),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("touch", TOUCHES)
def test_it_is_refused_at_the_call_and_told_what_to_use(touch: str) -> None:
    reach, instead = TOUCHES[touch]
    with refusing() as refusals, pytest.raises(Refused) as raised:
        reach()
    error = raised.value
    assert instead in str(error)
    assert instead in error.instead
    assert error.touched.partition("(")[0] in str(error)
    assert __name__.rpartition(".")[2] in str(error)
    assert refusals.refused == [error]
    assert not any(Path().iterdir())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # asyncio leaves half a loop behind
def test_an_asyncio_loop_is_refused() -> None:
    with refusing(), pytest.raises(Refused, match=r"world\.network"):
        asyncio.new_event_loop()
    gc.collect()


@pytest.mark.parametrize("touch", ["a socket", "open for writing", "a thread", "time.time", "random.random"])
def test_the_trio_level_refuses_it_as_well(touch: str) -> None:
    with refusing("trio"), pytest.raises(Refused):
        TOUCHES[touch][0]()


def test_what_was_refused_is_known_even_if_it_was_caught() -> None:
    with refusing() as refusals:
        with contextlib.suppress(Exception):
            open("/etc/hostname")
    (error,) = refusals.refused
    assert error.touched == "open('/etc/hostname', 'r')"


def test_outside_of_a_simulation_everything_is_as_it_was() -> None:
    with refusing():
        assert time.time is not REAL_TIME
    assert time.time is REAL_TIME
    assert Path("/etc/hostname").exists()
    Path("file").write_text("x")
    assert Path("file").read_text() == "x"
    socket.socket().close()
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()


def test_a_simulation_in_a_simulation_ends_by_itself() -> None:
    with refusing():
        with refusing():
            pass
        with pytest.raises(Refused):
            time.time()
    assert time.time() > 0


def test_an_exception_gives_the_world_back() -> None:
    with pytest.raises(ZeroDivisionError), refusing():
        raise ZeroDivisionError
    assert time.time is REAL_TIME
    Path("file").write_text("x")


def test_another_thread_may_do_what_it_likes() -> None:
    begin, done, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        begin.wait(30)
        seen.append((time.time(), random.random(), Path("/etc/hostname").exists()))
        Path("by another").write_text("x")
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with refusing():
        begin.set()
        assert done.wait(30)
    thread.join()
    assert seen


def test_the_simulation_itself_may_touch_what_it_must() -> None:
    with refusing():
        with permitted():
            Path("log").write_text("x")
            assert time.time() > 0
        with pytest.raises(Refused):
            open("log")
    with permitted():
        assert time.time is REAL_TIME


def test_importing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fresh_module.py").write_text("import time\nvalue = 42\ndef now():\n    return time.time()\n")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    sys.modules.pop("wave", None)
    with refusing():
        fresh = importlib.import_module("fresh_module")
        importlib.import_module("wave")
        assert fresh.value == 42
        with pytest.raises(Refused, match="fresh_module:4"):
            fresh.now()
    sys.modules.pop("fresh_module")
    assert fresh.now() > 0


def test_a_simulation_run_by_an_import_is_no_loophole(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs_when_imported.py").write_text(
        "from partita.simulations.audit import refusing\nwith refusing():\n    open('/etc/hostname')\n"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    with pytest.raises(Refused):
        importlib.import_module("runs_when_imported")


def test_tracebacks_warnings_and_logging_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    linecache.clearcache()
    logger = logging.getLogger("partita.tests.audit")
    handler = logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    try:
        with refusing() as refusals:
            try:
                raise ZeroDivisionError  # shown in the traceback
            except ZeroDivisionError:
                text = traceback.format_exc()
            logger.warning("a line of the log")
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                warnings.warn("a warning", stacklevel=1)
            assert time.localtime(0).tm_year in (1969, 1970)
            assert random.Random(7).random() == random.Random(7).random()
        assert not refusals.refused
    finally:
        logger.removeHandler(handler)
    assert "shown in the traceback" in text
    assert "a line of the log" in capsys.readouterr().err


def test_at_the_trio_level_trio_runs_in_virtual_time() -> None:
    async def main() -> float:
        await trio.sleep(3600)
        return trio.current_time()

    with refusing("trio") as refusals:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert not refusals.refused


@pytest.mark.parametrize(
    "reach",
    [
        lambda: trio.to_thread.run_sync(print),
        lambda: trio.open_tcp_stream("127.0.0.1", 9),
        lambda: trio.open_file("/etc/hostname"),
        lambda: trio.run_process(["true"]),
    ],
)
def test_at_the_trio_level_trio_is_no_way_around(reach: Callable[[], object]) -> None:
    clear_worker_threads()  # one that idles since another test is no thread that the simulation starts
    with refusing("trio") as refusals, pytest.raises((Refused, ExceptionGroup)):  # trio may group it
        trio.run(reach, clock=trio.testing.MockClock(autojump_threshold=0))  # type: ignore[arg-type]
    assert refusals.refused
