"""Closing at the worst moment: every future completes, nothing hangs, and nothing of the process is left behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from durability.children import Child
from durability.waiting import all_at_once, in_time

from partita.actors.kernel.future import Future
from partita.errors import PartitaError, PartitionInUse, SystemClosed
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System

ASKERS = 4
ROUNDS = 12


def put(session: Session, asker: int, counter: int) -> Future[None]:
    return session.cookies.set(
        url=f"https://asker{asker}.example/", name=f"slot{counter % 50}", value=str(counter), expiration_date=4e9
    )


def ask_until_closed(session: Session, asker: int, under_way: threading.Event) -> list[Future[None]]:
    """Futures, one after the other and never waited for, until the partition refuses to take any."""
    futures: list[Future[None]] = []
    try:
        for counter in range(100_000):
            futures.append(put(session, asker, counter))
            if counter == 20:
                under_way.set()
            if futures[-1].done and isinstance(futures[-1]._error, SystemClosed):  # a look, no get()
                return futures
    except PartitaError:
        return futures
    return futures


def outcome_of(future: Future[None]) -> str:
    try:
        future.get(30)
    except SystemClosed:
        return "closed"
    return "done"


def close_amid_asks(session: Session, close: Callable[[], None]) -> list[list[str]]:
    """Four threads ask, a fifth closes; how each of their asks came out, in order."""
    asked: list[list[Future[None]]] = [[] for _ in range(ASKERS)]
    under_way = [threading.Event() for _ in range(ASKERS)]

    def asking(asker: int) -> Callable[[], None]:
        def run() -> None:
            asked[asker] = ask_until_closed(session, asker, under_way[asker])

        return run

    def closing() -> None:
        for event in under_way:
            assert event.wait(30)
        close()

    all_at_once(closing, *map(asking, range(ASKERS)))
    return [[outcome_of(future) for future in futures] for futures in asked]


@pytest.fixture
def quick_switches() -> object:
    """Threads take turns a hundred times as often: races come out."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield None
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
@pytest.mark.parametrize("name", ["persist:closing", "closing"])
def test_every_ask_that_is_under_way_when_a_partition_closes_is_answered(tmp_path: Path, name: str) -> None:
    with System(data_dir=tmp_path) as system:
        for _ in range(ROUNDS):
            session = system.from_partition(name)
            outcomes = close_amid_asks(session, session.close)
            assert session.closed
            for asker in outcomes:
                first_lost = asker.index("closed") if "closed" in asker else len(asker)
                assert "done" not in asker[first_lost:], "an ask overtook another of the same thread"


@pytest.mark.usefixtures("quick_switches")
def test_every_ask_that_is_under_way_when_a_system_closes_is_answered(tmp_path: Path) -> None:
    for _ in range(ROUNDS):
        system = System(data_dir=tmp_path)
        close_amid_asks(system.from_partition("persist:closing"), system.close)


@pytest.mark.usefixtures("quick_switches")
def test_what_was_acknowledged_as_it_closed_is_in_the_log(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:closing")
        outcomes = close_amid_asks(session, session.close)
        again = system.from_partition("persist:closing")
        assert again.log.verify().ok
        jar = {(cookie.domain, cookie.name): cookie.value for cookie in again.cookies.get().get(30)}
    for asker, outcome in enumerate(outcomes):
        done = outcome.count("done")
        for counter in range(max(0, done - 50), done):
            assert int(jar[f"asker{asker}.example", f"slot{counter % 50}"]) >= counter


@pytest.mark.parametrize("name", ["persist:closing", "closing"])
def test_what_a_thread_said_before_it_closes_is_done_before_it_is_closed(tmp_path: Path, name: str) -> None:
    with System(data_dir=tmp_path) as system:
        session = system.from_partition(name)
        futures = [put(session, 0, counter) for counter in range(2_000)]
        session.close()
        assert [outcome_of(future) for future in futures] == ["done"] * 2_000


def test_the_other_partitions_go_on_when_one_closes(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as system:
        closing, staying = system.from_partition("persist:closing"), system.from_partition("persist:staying")
        futures = [put(staying, 0, counter) for counter in range(500)]
        close_amid_asks(closing, closing.close)
        assert [outcome_of(future) for future in futures] == ["done"] * 500
        assert outcome_of(put(staying, 0, 500)) == "done"


def test_closing_twice_from_two_threads_is_closing_once(tmp_path: Path) -> None:
    system = System(data_dir=tmp_path)
    session = system.from_partition("persist:closing")
    put(session, 0, 0).get(30)
    all_at_once(session.close, session.close, system.close, system.close)
    with PartitionStore.open(tmp_path / "Partitions" / "closing", name="closing", random_bytes=os.urandom):
        pass  # the lock is free


def test_two_systems_on_one_data_directory_do_not_share_a_partition(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as first, System(data_dir=tmp_path) as second:
        session = first.from_partition("persist:one")
        put(session, 0, 0).get(30)
        with pytest.raises(PartitionInUse) as refusal:
            second.from_partition("persist:one")
        assert refusal.value.pid == os.getpid()
        assert "Partitions/one" in str(refusal.value)
        put(second.from_partition("persist:two"), 0, 0).get(30)
        session.close()
        assert [cookie.value for cookie in second.from_partition("persist:one").cookies.get().get(30)] == ["0"]


def test_a_session_that_is_closed_says_so(tmp_path: Path) -> None:
    with System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:closed")
        session.close()
        with pytest.raises(SystemClosed, match="closed"):
            put(session, 0, 0).get(30)
        with pytest.raises(SystemClosed, match="closed"):
            session.set_user_agent("Late/1")
        with pytest.raises(SystemClosed, match="closed"):
            session.fetch("http://127.0.0.1/")
    with pytest.raises(SystemClosed):
        system.from_partition("persist:closed")


def test_a_callback_that_raises_does_not_cost_the_others_their_answers(tmp_path: Path) -> None:
    unraisable: list[object] = []
    with pytest.MonkeyPatch.context() as patch, System(data_dir=tmp_path) as system:
        patch.setattr(threading, "excepthook", unraisable.append)
        session = system.from_partition("persist:callbacks")

        def broken() -> None:
            raise ZeroDivisionError

        futures = []
        for counter in range(200):
            future = put(session, 0, counter)
            if counter % 50 == 10:
                future.when_done(broken)
            futures.append(future)
        assert [outcome_of(future) for future in futures] == ["done"] * 200
        assert outcome_of(put(session, 0, 200)) == "done"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_all_is_let_go_of_whatever_a_listener_of_the_closing_raises(tmp_path: Path) -> None:
    heard: list[str] = []
    with System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:work")

        def broken() -> None:
            heard.append("the first")
            raise ArithmeticError("a defect")

        session._partition.on_close(broken)
        session._partition.on_close(lambda: heard.append("the second"))
        with pytest.raises(ArithmeticError):
            session.close()
        assert heard == ["the first", "the second"]
        system.from_partition("persist:work").flush().get(30)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc to count open files by")
@pytest.mark.parametrize(("name", "count"), [("memory{}", 500), ("persist:disk{}", 60)])
def test_partitions_that_are_opened_and_closed_leave_no_threads_and_no_files(
    tmp_path: Path, name: str, count: int
) -> None:
    with System(data_dir=tmp_path) as system:
        put(system.from_partition(name.format("first")), 0, 0).get(30)
        system.from_partition(name.format("first")).close()
        threads, files = threading.active_count(), open_files()
        for start in range(0, count, 20):
            sessions = [system.from_partition(name.format(number)) for number in range(start, start + 20)]
            for session in sessions:
                put(session, 0, 0).get(30)
                session.close()
        assert threading.active_count() <= threads  # one that idled may have ended
        assert open_files() == files
        assert not system.partitions


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc to count open files by")
def test_systems_that_are_opened_and_closed_leave_no_threads_and_no_files(tmp_path: Path) -> None:
    def one() -> None:
        with System(data_dir=tmp_path) as system:
            put(system.from_partition("persist:one"), 0, 0).get(30)

    one()
    threads, files = threading.active_count(), open_files()
    for _ in range(20):
        one()
    assert threading.active_count() <= threads  # one that idled may have ended
    assert open_files() == files


def test_a_system_in_a_trio_scope_that_is_cancelled_closes(tmp_path: Path) -> None:
    async def main() -> str:
        with trio.CancelScope() as scope:
            async with System(data_dir=tmp_path) as system:
                session = system.from_partition("persist:cancelled")
                await put(session, 0, 0)
                session.set_user_agent("Last/1")
                scope.cancel()
                await trio.sleep_forever()
        return "back"

    assert in_time(lambda: trio.run(main)) == "back"
    with PartitionStore.read(tmp_path / "Partitions" / "cancelled") as store:
        assert type(list(store.turns())[-1].message).__name__ in {"SetUserAgent", "ShutDown"}


def test_a_system_in_an_asyncio_task_that_is_cancelled_closes(tmp_path: Path) -> None:
    async def program(opened: asyncio.Event) -> None:
        async with System(data_dir=tmp_path) as system:
            await put(system.from_partition("persist:cancelled"), 0, 0)
            opened.set()
            await asyncio.sleep(3600)

    async def main() -> None:
        opened = asyncio.Event()
        task = asyncio.create_task(program(opened))
        await opened.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_time(lambda: asyncio.run(main()))
    with System(data_dir=tmp_path) as system:
        assert len(system.from_partition("persist:cancelled").cookies.get().get(30)) == 1


def test_a_session_can_be_closed_on_the_loop_that_runs_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:own")
            asked = put(session, 0, 0)
            await asked
            session.close()
            assert session.closed
            await put(system.from_partition("persist:own"), 0, 1)

    in_time(lambda: trio.run(main))


def test_a_process_that_ends_without_closing_ends_well_and_keeps_what_it_said(tmp_path: Path) -> None:
    with Child("leaving.py", tmp_path) as child:
        assert child.finish(30) == ["acknowledged"]
        assert not child.errors
    with System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:left")
        assert len(session.cookies.get().get(30)) == 1
        assert session.get_download_path() == "/said/last"
        assert session.log.verify().ok
