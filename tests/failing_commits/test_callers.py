"""A commit that fails, at the face: who waits is told, the state is that of the log, and nothing is stuck for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from durability.faulty_disk import FaultyDisk, partitions_in_memory_on
from durability.waiting import in_time, until
from msgspec.structs import replace
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile
from toys.counting import dispatcher, partition

from partita import SimulatedBus
from partita.actors.kernel import rollback
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.fold import fold
from partita.actors.kernel.future import Future
from partita.actors.live_world import disk as live_disk
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import ActorFailed, DOMException, StoreError, StoreFailed, SystemClosed
from partita.events.devices import DevicesChanged
from partita.events.preferences import SetDownloadPath
from partita.session import Session
from partita.system import System

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def session(tmp_path: Path, disk: FaultyDisk) -> Iterator[Session]:
    with System(data_dir=tmp_path, snapshot_every_turns=40) as system:
        with partitions_in_memory_on(disk):
            opened = system.from_partition("faulty")
        opened.set_download_path(str(tmp_path / "downloads"))
        opened.flush().get(30)
        yield opened


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def put(session: Session, name: str) -> None:
    session.cookies.set(url="https://faulty.example/", name=name, value=name).get(30)


def names(session: Session) -> set[str]:
    return {cookie.name for cookie in session.cookies.get().get(30)}


def state_is_that_of_the_log(session: Session) -> None:
    session.flush().get(30)
    folded = fold(session._partition.store, BEHAVIORS).images
    for name, actor in session._partition.actors.items():
        if name in folded:
            assert (actor.state, dict(actor.pending)) == (folded[name][0], dict(folded[name][1]))
    assert session.log.verify().ok


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


def committed(session: Session) -> Future[None] | None:
    """What an effect waits for."""
    asked: Future[Future[None] | None] = Future()
    session._partition.kernel.call_soon(lambda: asked.set(session._partition.committed()))
    return asked.get(30)


def waiting_for_a_commit(session: Session, disk: FaultyDisk) -> Future[None]:
    """What an effect waits for while the commit of a user agent is under way, until ``disk.go_on`` is set."""
    session.flush().get(30)
    disk.committing.clear()
    disk.go_on.clear()
    session.set_user_agent("Held/1")
    assert disk.committing.wait(30)
    future = committed(session)
    assert future is not None
    return future


def test_an_effect_waits_until_what_was_taken_is_durable(session: Session, disk: FaultyDisk) -> None:
    session.flush().get(30)
    assert committed(session) is None
    future = waiting_for_a_commit(session, disk)
    assert not future.done
    disk.go_on.set()
    assert future.get(30) is None


def test_an_effect_that_waits_is_told_nothing_of_what_callers_said_in_vain(session: Session, disk: FaultyDisk) -> None:
    future = waiting_for_a_commit(session, disk)
    disk.fail_next = 1
    disk.go_on.set()
    assert future.get(30) is None
    with pytest.raises(StoreFailed, match="what was said before"):
        session.flush().get(30)


def test_a_download_waits_at_its_checkpoint_until_a_log_that_fails_has_it(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    """The file may lie on another disk, which has room: it must not run ahead of the log."""
    file = ServedFile(CONTENT * 20, hold_at=600_000)
    item = session.download_url(server.on("/file", file)).get(30)
    assert file.held.wait(30)
    session.flush().get(30)
    disk.fail_next = 1_000_000
    tried = disk.commits
    file.go_on.set()
    until(lambda: disk.commits >= tried + 2, "its turn is taken again, and fails again")
    part = Path(item.get_save_path() + ".part")
    reached = part.stat().st_size
    early, late = committed(session), committed(session)
    assert early is not None
    assert late is not None
    tried = disk.commits
    until(lambda: disk.commits >= tried + 2, "and again")
    assert not early.done
    assert not late.done
    assert part.stat().st_size == reached < len(file.content)
    disk.fail_next = 0
    assert early.get(30) is None
    assert late.get(30) is None
    assert item.finished().get(30) == "completed"
    assert Path(item.get_save_path()).read_bytes() == file.content
    state_is_that_of_the_log(session)


@pytest.mark.parametrize("undone", [True, False])
def test_a_file_that_gets_its_name_while_it_is_cancelled_is_deleted_once_that_is_durable(
    session: Session, disk: FaultyDisk, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, *, undone: bool
) -> None:
    renaming, go_on = threading.Event(), threading.Event()
    put_in_place = live_disk.put_in_place

    def slowly(*arguments: Any) -> None:
        renaming.set()
        assert go_on.wait(30)
        put_in_place(*arguments)

    monkeypatch.setattr(live_disk, "put_in_place", slowly)
    item = session.download_url(server.on("/file", ServedFile(CONTENT))).get(30)
    assert renaming.wait(30)
    session.flush().get(30)
    disk.committing.clear()
    disk.go_on.clear()
    disk.fail_next = int(undone)
    item.cancel()
    assert disk.committing.wait(30)
    go_on.set()
    path = Path(item.get_save_path())
    until(lambda: path.exists() and path.stat().st_size == len(CONTENT), "the file has its name")
    disk.go_on.set()
    if not undone:
        until(lambda: not session._partition.carrying.under_way, "the fetch ends, and what it leaves is deleted")
        assert item.get_state() == "cancelled"
        assert list(path.parent.iterdir()) == []
        return
    until(lambda: item.get_state() == "completed", "the cancellation is undone, and what the fetch said counts")
    assert path.read_bytes() == CONTENT
    with pytest.raises(StoreFailed, match="what was said before"):
        session.flush().get(30)
    state_is_that_of_the_log(session)


def test_who_asks_behind_an_effect_that_waits_is_told_also_when_the_loop_has_ended(disk: FaultyDisk) -> None:
    with partitions_in_memory_on(disk), dispatcher() as kernel:
        toy = partition(kernel)
        toy.flush().get(30)
        disk.committing.clear()
        disk.go_on.clear()
        toy.tell(SetDownloadPath("/a"))
        assert disk.committing.wait(30)
        asked: Future[Future[None] | None] = Future()
        kernel.call_soon(lambda: asked.set(toy.committed()))
        waits, late = asked.get(30), toy.ask(SetDownloadPath("/b"))
        toy.ask(SetDownloadPath("/c"), durable=False).get(30)  # both have been taken
    disk.fail_next = 1_000_000
    disk.go_on.set()
    assert waits is not None
    with pytest.raises(SystemClosed):
        waits.get(30)
    with pytest.raises((StoreFailed, ActorFailed)):
        late.get(30)
    toy.close()


def test_an_effect_waits_out_no_pause_once_the_log_works_again(
    session: Session, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollback, "FIRST_RETRY_S", 1e6)
    future = waiting_for_a_commit(session, disk)
    disk.fail_next = 1
    disk.go_on.set()

    def goes_on() -> bool:
        session.set_user_agent("After/1")
        return future.done

    until(goes_on, "what others say is committed, and with it the effect is told")
    assert future.get(0) is None


def test_an_effect_that_waits_for_a_log_that_fails_is_told_when_it_is_closed(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hold_at=600_000)
    session.download_url(server.on("/file", file)).get(30)
    assert file.held.wait(30)
    session.flush().get(30)
    disk.failed.clear()
    disk.fail_next = 1_000_000
    session.set_user_agent("Undone/1")
    assert disk.failed.wait(30)
    file.go_on.set()
    until(lambda: disk.commits > 0 and session._partition.rollback.has_more_to_do, "something waits")
    future = committed(session)
    session.close()
    assert future is not None
    with pytest.raises(SystemClosed):
        future.get(30)


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


def test_an_effect_of_what_was_undone_is_not_carried_out(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    url = server.on("/file", ServedFile(CONTENT))
    disk.fail_next = 1
    with pytest.raises(StoreFailed):
        session.download_url(url).get(30)
    session.set_download_path("/elsewhere")
    session.flush().get(30)
    assert session.downloads() == []
    assert server.seen == []


@pytest.mark.parametrize("commit", range(1, 9))
def test_a_download_ends_whichever_commit_of_it_fails(
    session: Session, disk: FaultyDisk, server: LoopbackServer, commit: int
) -> None:
    """What the world has answered is answered once: an outcome whose turn was undone is taken again, and none is waited for."""
    url = server.on("/file", ServedFile(CONTENT))
    disk.fail_the = disk.commits + commit
    try:
        item = session.download_url(url).get(30)
    except (StoreError, ActorFailed):
        pass
    else:
        try:
            ended = item.stopped().get(30)
        except StoreFailed:
            ended = item.stopped().get(30)
        assert ended in {"completed", "interrupted"}
        if ended == "interrupted":
            item.resume()
            assert item.finished().get(30) == "completed"
        assert Path(item.get_save_path()).read_bytes() == CONTENT
    state_is_that_of_the_log(session)


def test_a_download_on_a_disk_that_is_full_for_long_waits_at_rest_and_goes_on_by_itself(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hold_at=600_000)
    item = session.download_url(server.on("/file", file)).get(30)
    assert file.held.wait(30)
    session.flush().get(30)
    disk.failed.clear()
    disk.fail_next = 1_000_000
    file.go_on.set()
    assert disk.failed.wait(30)
    tried = disk.commits
    time.sleep(1.0)
    assert disk.commits - tried < 20, "it tries in a circle"
    disk.fail_next = 0
    assert item.finished().get(30) == "completed"
    assert Path(item.get_save_path()).read_bytes() == CONTENT
    state_is_that_of_the_log(session)


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
