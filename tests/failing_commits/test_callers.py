"""A commit that fails, at the face: who waits is told, the state is that of the log, and nothing is stuck for ever."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from durability.faulty_disk import FaultyDisk, partitions_in_memory_on
from durability.waiting import in_time, until
from failing_commits.looking import names, put, state_is_that_of_the_log
from msgspec.structs import replace
from servers.loopback import LoopbackServer, Reply, Seen

from partita import SimulatedBus
from partita.actors.kernel.behavior import Decision
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import ActorFailed, DOMException, StoreError, StoreFailed, WouldDeadlock
from partita.events.devices import DevicesChanged
from partita.session import Session
from partita.system import System

CONTENT = bytes(range(256)) * 4096


@pytest.mark.parametrize("yet_written", [False, True], ids=["not written", "written all the same"])
def test_what_failed_is_undone_whether_it_reached_the_disk_or_not(
    session: Session, disk: FaultyDisk, yet_written: bool
) -> None:
    put(session, "before")
    epoch, position = session._partition.store.epoch, session.log.position
    disk.yet_written = yet_written
    disk.fail_next = 1
    with pytest.raises(StoreFailed, match="undone"):
        put(session, "undone")
    assert names(session) == {"before"}
    assert session.log.position == position
    put(session, "after")
    assert names(session) == {"before", "after"}
    assert session.log.position == position + 1, "the position is used again"
    assert session._partition.store.epoch == epoch + 1
    assert disk.reopenings >= 1, "an environment whose commit failed is opened anew"
    state_is_that_of_the_log(session)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_commit_is_tried_once_for_each_ask_and_the_epoch_counts_the_failures(
    session: Session, disk: FaultyDisk, times: int
) -> None:
    put(session, "before")
    disk.fail_next = 10_000
    tried = disk.commits
    for number in range(times):
        with pytest.raises(StoreFailed):
            put(session, f"undone{number}")
    assert disk.commits - tried <= 4 * times, "it does not try on its own"
    disk.fail_next = 0
    put(session, "after")
    assert names(session) == {"before", "after"}
    state_is_that_of_the_log(session)


def test_listeners_and_followers_are_told_nothing_of_what_was_undone(session: Session, disk: FaultyDisk) -> None:
    told: list[str] = []
    last = threading.Event()

    def changed(event: object) -> None:
        told.append(event.cookie.name)  # type: ignore[attr-defined]
        if told[-1] == "after":
            last.set()

    session.cookies.on("changed", changed)
    changes = session.changes()
    put(session, "before")
    disk.fail_next = 1
    with pytest.raises(StoreFailed):
        put(session, "undone")
    put(session, "after")
    assert last.wait(30)
    assert told == ["before", "after"]
    followed = in_time(lambda: [next(changes), next(changes)])
    assert [turn.events[0].cookie.name for turn in followed] == ["before", "after"]
    changes.close()


def test_flush_says_so_when_what_was_said_before_it_was_undone(session: Session, disk: FaultyDisk) -> None:
    """A synchronous member has nobody who waits for the disk: flush() is its barrier (DESIGN, 7), also when it comes late."""
    session.set_user_agent("Before/1")
    session.flush().get(30)
    disk.fail_next = 1
    session.set_user_agent("Undone/1")
    until(lambda: session.get_user_agent() == "Before/1", "the turn is undone")
    with pytest.raises(StoreFailed):
        session.flush().get(30)
    session.set_user_agent("After/1")
    session.flush().get(30)
    assert session.get_user_agent() == "After/1"


def test_a_flush_that_failed_has_told_and_the_next_one_tells_of_what_came_after(
    session: Session, disk: FaultyDisk
) -> None:
    session.flush().get(30)
    disk.committing.clear()
    disk.go_on.clear()
    disk.fail_next = 1
    session.set_user_agent("Undone/1")
    assert disk.committing.wait(30)
    session.set_user_agent("Undone/2")
    flushing = session.flush()
    assert names(session) == set()  # asked behind it: the flush is on its way
    disk.go_on.set()
    with pytest.raises(StoreFailed):
        flushing.get(30)
    session.set_user_agent("After/1")
    session.flush().get(30)
    assert session.get_user_agent() == "After/1"


def test_a_response_is_not_held_back_by_a_disk_that_fails_and_its_cookie_is_taken_back(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    def answer(seen: Seen, reply: Reply) -> None:
        reply.send(b"body", headers=[("Set-Cookie", "told=1")])

    url = server.on("/cookie", answer)
    disk.fail_next = 1
    assert session.fetch(url).get(30).content == b"body"
    until(lambda: not names(session), "the cookie is taken back")
    with pytest.raises(StoreFailed):
        session.cookies.flush_store().get(30)
    assert session.fetch(url).get(30).content == b"body"
    session.cookies.flush_store().get(30)
    assert names(session) == {"told"}
    state_is_that_of_the_log(session)


def test_while_the_log_cannot_even_be_read_asks_fail_and_other_partitions_go_on(
    session: Session, disk: FaultyDisk
) -> None:
    other = session._system.from_partition("other")
    put(session, "before")
    disk.gone = True
    for number in range(5):
        with pytest.raises(StoreError):
            put(session, f"lost{number}")
        put(other, f"goes on {number}")
    disk.gone = False
    put(session, "after")
    assert names(session) == {"before", "after"}
    assert len(names(other)) == 5
    state_is_that_of_the_log(session)


def test_closing_while_the_log_cannot_be_read_comes_back(session: Session, disk: FaultyDisk) -> None:
    put(session, "before")
    disk.gone = True
    futures = [session.cookies.set(url="https://faulty.example/", name=str(n), value="v") for n in range(50)]
    in_time(session.close)
    for future in futures:
        with pytest.raises((StoreError, ActorFailed)):
            future.get(30)
    disk.gone = False


def test_a_snapshot_that_went_down_with_its_batch_is_made_again(session: Session, disk: FaultyDisk) -> None:
    put(session, "before")
    disk.fail_next = 1
    with pytest.raises(StoreFailed):
        session.snapshot().get(30)
    put(session, "after")
    assert session.snapshot().get(30) == session.log.position
    assert session._partition.store.statistics().snapshots >= 1
    state_is_that_of_the_log(session)


def test_who_waits_for_what_is_attached_is_told_when_a_turn_that_is_taken_again_fails(
    tmp_path: Path, disk: FaultyDisk
) -> None:
    broker = BEHAVIORS["broker"]
    taken = 0

    def decide(state: Any, message: Any, ctx: Any) -> Decision:
        nonlocal taken
        taken += 1
        if taken == 1:
            disk.fail_next = 1  # this turn, of which the watch is told that it was taken
        elif taken == 2:
            raise ArithmeticError("a defect")
        return broker.decide[DevicesChanged](state, message, ctx)

    behaviors = {**BEHAVIORS, "broker": replace(broker, decide={**broker.decide, DevicesChanged: decide})}
    with System(data_dir=tmp_path, devices=SimulatedBus(), behaviors=behaviors) as system:
        with partitions_in_memory_on(disk):
            opened = system.from_partition("faulty")
        hid = opened.new_page("https://faulty.example/").navigator.hid
        with pytest.raises(StoreFailed, match="undone"):
            hid.get_devices().get(30)
        with suppress(DOMException):  # the defect, unless the turn was taken again by now
            hid.get_devices().get(30)
        assert hid.get_devices().get(30) == []
        assert taken == 3
        assert opened._partition.statistics().waiting == 0


def test_who_is_told_of_a_commit_cannot_close_what_is_being_committed(session: Session, disk: FaultyDisk) -> None:
    """He would wait for himself."""
    session.flush().get(30)
    told, refused = threading.Event(), []

    def close() -> None:
        try:
            session.close()
        except WouldDeadlock as error:
            refused.append(error)
        told.set()

    disk.committing.clear()
    disk.go_on.clear()
    setting = session.cookies.set(url="https://faulty.example/", name="held", value="held")
    assert disk.committing.wait(30)
    setting.when_done(close)
    disk.go_on.set()
    assert told.wait(30)
    assert len(refused) == 1
    put(session, "after")
    assert names(session) == {"held", "after"}
