"""A commit that fails, and effects: they wait until the log has what they said, and nothing is tried in a circle."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from durability.faulty_disk import FaultyDisk, partitions_in_memory_on
from durability.waiting import until
from failing_commits.looking import state_is_that_of_the_log
from msgspec.structs import replace
from servers.loopback import LoopbackServer, Reply, Seen, ServedFile
from toys.counting import dispatcher, partition

from partita.actors.kernel import rollback
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import Partition
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.live_world import disk as live_disk
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import ActorFailed, StoreError, StoreFailed, SystemClosed
from partita.events.downloads import StartDownload
from partita.events.preferences import SetDownloadPath
from partita.session import Session
from partita.system import System

CONTENT = bytes(range(256)) * 4096


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
        until(lambda: list(path.parent.iterdir()) == [], "the fetch ends, and what it leaves is deleted")
        assert item.get_state() == "cancelled"
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


def test_who_waits_for_a_download_whose_beginning_is_undone_asks_behind_it_again(
    tmp_path: Path, disk: FaultyDisk, server: LoopbackServer
) -> None:
    """The session's turn is durable, the download's is not; who asked in between is not told that there is none."""
    downloads = BEHAVIORS["download"]
    partitions: list[Partition] = []

    def decide(state: Any, message: Any, ctx: Any) -> Decision:
        if partitions:
            actor = partitions.pop().actor(ctx.actor)
            until(lambda: not actor.actor_inbox.empty(), "somebody asks behind this turn")
            disk.fail_next = 1
        return downloads.decide[StartDownload](state, message, ctx)

    behaviors = {**BEHAVIORS, "download": replace(downloads, decide={**downloads.decide, StartDownload: decide})}
    with System(data_dir=tmp_path, behaviors=behaviors) as system:
        with partitions_in_memory_on(disk):
            session = system.from_partition("faulty")
        session.flush().get(30)
        partitions.append(session._partition)
        item = session.download_url(server.on("/file", ServedFile(CONTENT)), directory=tmp_path).get(30)
        assert item.finished().get(30) == "completed"
    assert partitions == []


@pytest.mark.parametrize("queued", ["a turn of an effect", "a blob", "a removal"])
def test_a_disk_that_is_full_for_long_is_not_tried_in_a_circle(disk: FaultyDisk, queued: str) -> None:
    kernel = SimulatedDispatcher(1)
    with partitions_in_memory_on(disk):
        toy = partition(kernel, clock=kernel.clock)
    toy.flush().get()
    disk.fail_next = 1_000_000
    toy.tell(SetDownloadPath("/lost"))
    if queued == "a blob":
        toy.put_blob(b"nobody names it yet")
    elif queued == "a removal":
        toy.drop_blobs([bytes(32)])
    else:
        toy.actor("session").actor_inbox.put_internal((SetDownloadPath("/a"), 1, None, False))
    kernel.run_for(600)
    assert disk.commits < 80  # two for each try
    disk.fail_next = 0
    kernel.run_for(60)
    assert toy.committer.backlog == 0
    assert not toy.rollback.has_more_to_do
    toy.close()
    kernel.close()


def test_a_download_on_a_disk_that_is_full_for_long_goes_on_by_itself(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    file = ServedFile(CONTENT, hold_at=600_000)
    item = session.download_url(server.on("/file", file)).get(30)
    assert file.held.wait(30)
    session.flush().get(30)
    disk.fail_next = 6
    file.go_on.set()
    until(lambda: not disk.fail_next, "it is tried again and again")
    assert item.finished().get(30) == "completed"
    assert Path(item.get_save_path()).read_bytes() == CONTENT
    state_is_that_of_the_log(session)


def test_what_was_asked_for_before_the_cache_was_cleared_is_not_stored_though_that_was_undone_and_done_again(
    session: Session, disk: FaultyDisk, server: LoopbackServer
) -> None:
    asked, answer = threading.Event(), threading.Event()
    bodies = count(1)

    def serve(seen: Seen, reply: Reply) -> None:
        number = next(bodies)
        if number == 1:
            asked.set()
            assert answer.wait(30)
        reply.send(b"%d" % number, headers=[("Cache-Control", "max-age=600")])

    url = server.on("/counted", serve)
    disk.committing.clear()
    disk.go_on.clear()
    undone = session.clear_cache()
    assert disk.committing.wait(30)
    early = session.fetch(url)  # asked on the state of the first clearing
    assert asked.wait(30)
    disk.fail_next = 1
    disk.go_on.set()
    with pytest.raises(StoreFailed):
        undone.get(30)
    session.clear_cache().get(30)
    answer.set()
    assert early.get(30).content == b"1"
    assert session.fetch(url).get(30).content == b"2"
    state_is_that_of_the_log(session)
