"""Following a log while it is written: from another process, and in this one by ``session.changes()``."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from durability.children import Child
from durability.waiting import all_at_once, in_time
from toys.counting import dispatcher, partition

from partita.actors.kernel.partition import Partition
from partita.actors.replay.changes import Changes
from partita.events.errors import SystemClosed
from partita.events.preferences import SetDownloadPath
from partita.session import Session
from partita.system import System

COUNT = 100_000
BEFORE = 1_000
JOINING = 50_000
COMMITS = 500


def tell(to: Partition, numbers: range) -> None:
    for number in numbers:
        to.tell(SetDownloadPath(f"/{number}"))


def test_a_second_process_tails_the_log_with_no_gap_while_the_first_writes_100_000_turns(tmp_path: Path) -> None:
    last = f"/{COUNT - 1}"
    with dispatcher() as kernel:
        toy = partition(kernel, tmp_path)
        try:
            tell(toy, range(BEFORE))
            toy.flush().get(60)
            written = toy.store.position
            with (
                Child("tailing.py", tmp_path, 1, last) as first,
                Child("tailing.py", tmp_path, written + 1, last) as late,
            ):
                assert first.line() == f"tailing {written}"
                tell(toy, range(BEFORE, JOINING))
                assert late.line().startswith("tailing")
                tell(toy, range(JOINING, COUNT))
                toy.flush().get(60)
                ends = [child.finish()[-1].split() for child in (first, late)]
        finally:
            toy.close()
    for word, position, rounds, largest in ends:
        assert (word, int(position)) == ("end", toy.store.position)
        assert int(rounds) > 10, "it came only when all was over"
        assert int(largest) < COUNT


def test_a_second_process_sees_every_commit_though_no_other_follows_it(tmp_path: Path) -> None:
    """Each turn waits until the one before it was seen: a commit that is missed while it comes is never made up for."""
    with dispatcher() as kernel:
        toy = partition(kernel, tmp_path)
        try:
            toy.flush().get(60)
            first = toy.store.position
            with Child("echoing.py", tmp_path, first + COMMITS) as child:
                assert child.line() == f"seen {first}"
                for number in range(COMMITS):
                    toy.ask(SetDownloadPath(f"/{number}")).get(60)
                    assert child.line() == f"seen {first + number + 1}"
                child.finish()
        finally:
            toy.close()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with System(data_dir=tmp_path, snapshot_every_turns=500) as system:
        yield system.from_partition("persist:changes")


def write_and_close(session: Session, count: int) -> None:
    tell(session._partition, range(count))
    session.flush().get(60)
    session.close()


def followed_in_a_thread(changes: Changes) -> list[int]:
    return [turn.position for turn in changes]


def followed_in_trio(changes: Changes) -> list[int]:
    async def main() -> list[int]:
        return [turn.position async for turn in changes]

    return trio.run(main)


def followed_in_asyncio(changes: Changes) -> list[int]:
    async def main() -> list[int]:
        return [turn.position async for turn in changes]

    return asyncio.run(main())


Follow = Callable[[Changes], list[int]]
each_way = pytest.mark.parametrize("follow", [followed_in_a_thread, followed_in_trio, followed_in_asyncio])


@each_way
def test_changes_give_the_past_and_then_the_present_with_no_gap_and_none_twice(
    session: Session, follow: Follow
) -> None:
    tell(session._partition, range(2_000))
    session.flush().get(60)
    past = session.log.position
    halfway = threading.Event()
    seen: list[int] = []
    changes = session.changes(start=1)

    def following() -> None:
        seen.extend(follow(changes))

    def writing() -> None:
        for start in range(2_000, 10_000, 500):
            tell(session._partition, range(start, start + 500))
            session.flush().get(60)
        assert session.log.position > past
        halfway.set()
        in_time(lambda: until_read(changes, session.log.position))
        session.close()

    all_at_once(following, writing)
    assert halfway.is_set()
    assert seen == list(range(1, session.log.position + 1))


def until_read(changes: Changes, position: int) -> None:
    while changes._next <= position:
        threading.Event().wait(0.001)


@each_way
def test_following_ends_when_the_partition_closes_however_far_behind_it_is(session: Session, follow: Follow) -> None:
    """It may miss the end, for the log is closed under it; it has no gap, and raises nothing."""
    seen: list[int] = []
    changes = session.changes(start=1)
    all_at_once(lambda: seen.extend(follow(changes)), lambda: write_and_close(session, 5_000))
    assert seen == list(range(1, len(seen) + 1))


def test_a_follower_that_is_megabytes_behind_when_the_partition_closes_ends_without_an_error(session: Session) -> None:
    for number in range(3_000):
        session._partition.tell(SetDownloadPath(f"/{number}/{'x' * 2_000}"))
    session.flush().get(60)
    changes = session.changes(start=1)
    assert next(changes).position == 1
    session.close()
    rest = in_time(lambda: followed_in_a_thread(changes))
    assert rest == list(range(2, len(rest) + 2))


def test_a_closed_session_has_nothing_to_follow_and_says_so_at_once(session: Session) -> None:
    session.close()
    with pytest.raises(SystemClosed, match="open it again"):
        session.changes()


def test_changes_without_a_start_begin_with_the_next_turn(session: Session) -> None:
    tell(session._partition, range(100))
    session.flush().get(60)
    past = session.log.position
    changes = session.changes()
    session.set_download_path("/next")
    turn = in_time(lambda: next(changes))
    assert turn.position == past + 1
    assert turn.message == SetDownloadPath("/next")


def test_changes_from_a_position_that_is_yet_to_come_wait_for_it(session: Session) -> None:
    changes = session.changes(start=50)
    found: list[Any] = []
    all_at_once(lambda: found.append(next(changes)), lambda: tell(session._partition, range(100)))
    assert found[0].position == 50


def test_many_follow_one_log_each_at_its_own_pace(session: Session) -> None:
    followers = [session.changes(start=1) for _ in range(8)]
    seen: list[list[int]] = [[] for _ in followers]

    def following(number: int) -> Callable[[], None]:
        def run() -> None:
            for turn in itertools.islice(followers[number], 1_500):
                seen[number].append(turn.position)
                if number % 2 and turn.position % 100 == 0:
                    threading.Event().wait(0.001)

        return run

    all_at_once(lambda: tell(session._partition, range(2_000)), *map(following, range(8)))
    assert all(positions == list(range(1, 1_501)) for positions in seen)


def test_a_follower_that_is_closed_by_another_thread_ends(session: Session) -> None:
    changes = session.changes(start=1)
    reached = threading.Event()

    def following() -> None:
        for _ in changes:
            reached.set()

    def closing() -> None:
        assert reached.wait(30)
        changes.close()

    all_at_once(following, closing)


def test_a_wait_that_is_cancelled_loses_no_turn(session: Session) -> None:
    """Cancelled again and again while it waits for the next turn, ``async for`` gives every turn once all the same."""
    seen: list[int] = []

    async def main() -> None:
        changes = session.changes(start=1)
        while len(seen) < 300:
            with trio.move_on_after(0.0005):
                async for turn in changes:
                    seen.append(turn.position)

    def writing() -> None:
        for number in range(400):
            session.set_download_path(f"/{number}")
            if number % 20 == 0:
                session.flush().get(30)
        session.flush().get(30)

    all_at_once(lambda: trio.run(main), writing)
    assert seen == list(range(1, len(seen) + 1))
