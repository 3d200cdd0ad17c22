"""One session used at once from plain threads, a trio program and an asyncio program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from durability.everywhere import PROGRAMS, THREADS, in_asyncio, in_threads, in_trio, written_by
from durability.waiting import all_at_once, in_time

import partita
from partita.errors import WouldDeadlock
from partita.events.preferences import SetUserAgent
from partita.session import Session
from partita.system import System


@pytest.fixture
def default_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Of the process-wide system, on its background thread."""
    monkeypatch.setenv("PARTITA_HOME", str(tmp_path))
    session = partita.from_partition("persist:everywhere")
    assert Path(str(session.storage_path)).is_relative_to(tmp_path)
    try:
        yield session
    finally:
        partita.default_system().close()


def none_is_lost(session: Session, count: int) -> None:
    all_at_once(*(partial(program, session, count) for program in PROGRAMS.values()), patience_s=300)
    for program in PROGRAMS:
        written = written_by(session, program)
        assert len(written) == count
        assert sorted(written) == list(range(count)), f"{program} has lost a write, or one is there twice"
    assert session.log.verify().ok


def test_writes_from_three_kinds_of_programs_are_all_there_and_read_back(default_session: Session) -> None:
    none_is_lost(default_session, 2_000)
    written = written_by(default_session, "threads")
    for thread in range(THREADS):
        of_one = [number for number in written if number % THREADS == thread]
        assert of_one == sorted(of_one), "what one thread says is taken in its order"


@pytest.mark.slow
def test_ten_thousand_writes_from_each_kind_of_program_are_all_there_and_read_back(default_session: Session) -> None:
    none_is_lost(default_session, 10_000)


def test_a_synchronous_member_is_ordered_in_every_place(default_session: Session) -> None:
    """It comes back when its turn is taken: whoever called it reads it at once, whatever the others do."""
    lock = threading.Lock()

    def say(place: str) -> None:
        for number in range(200):
            with lock:
                default_session.set_user_agent(f"{place}/{number}")
                assert default_session.get_user_agent() == f"{place}/{number}"

    async def program(place: str) -> None:
        say(place)

    all_at_once(
        lambda: say("thread"),
        lambda: trio.run(program, "trio"),
        lambda: asyncio.run(program("asyncio")),
    )
    default_session.flush().get(30)
    said = [turn.message.user_agent for turn in default_session.log.turns() if isinstance(turn.message, SetUserAgent)]
    assert len(said) == len(set(said)) == 600


def test_a_system_runs_in_the_callers_trio_loop_and_synchronous_members_drain_inline(tmp_path: Path) -> None:
    async def main() -> None:
        before = threading.active_count()
        async with System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:inline")
            assert not [thread for thread in threading.enumerate() if thread.name == "partita"], "no thread of its own"
            assert system.kernel.on_own_thread()
            future = session.cookies.set(url="https://inline.example/", name="first", value="1")
            session.set_user_agent("Inline/1")  # behind the cookie in the mailbox: both are taken, here and now
            assert session.get_user_agent() == "Inline/1"
            assert len(session._state.cookies.stems) == 1
            await future
            session.set_download_path("/inline")
            await session.flush()
            assert session.log.position == session._partition.position
            assert [cookie.name for cookie in await session.cookies.get()] == ["first"]
        assert threading.active_count() <= before + 1, "at most trio's own thread for blocking calls is left"

    in_time(lambda: trio.run(main))


def test_get_on_the_thread_that_takes_the_turns_raises_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:deadlock")
            future = session.cookies.set(url="https://deadlock.example/", name="a", value="b")
            with pytest.raises(WouldDeadlock, match="await"):
                future.get()
            await future
            with pytest.raises(WouldDeadlock):
                session.flush().get(1)
            assert future.get() is None, "a result that is there can be had anywhere"

    in_time(lambda: trio.run(main))


def test_a_session_that_lives_in_a_trio_loop_is_used_from_threads_and_from_asyncio_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        async with System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:shared")

            async def slot() -> None:
                for number in range(100):
                    await session.cookies.set(url="https://own.example/", name=f"own{number}", value="1")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, in_threads, session, 500)
                nursery.start_soon(trio.to_thread.run_sync, in_asyncio, session, 500)
                nursery.start_soon(trio.to_thread.run_sync, in_trio, session, 500)
                nursery.start_soon(slot)
            for program in PROGRAMS:
                assert sorted(written_by(session, program)) == list(range(500))
            assert len(await session.cookies.get(domain="own.example")) == 100

    in_time(lambda: trio.run(main), patience_s=120)


def test_a_system_in_an_asyncio_program_runs_on_a_thread_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:asyncio")
            assert not system.kernel.on_own_thread()
            await asyncio.gather(
                *(session.cookies.set(url="https://a.example/", name=str(n), value=str(n)) for n in range(100))
            )
            session.set_user_agent("Asyncio/1")
            assert session.get_user_agent() == "Asyncio/1"
            assert len(await session.cookies.get()) == 100
            async with asyncio.timeout(30):
                await session.flush()

    in_time(lambda: asyncio.run(main()))
