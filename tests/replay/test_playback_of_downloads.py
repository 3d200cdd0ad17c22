"""Downloads over several connections, and such as get in each other's way, fall into the same order again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio
from downloads.ranging import CONTENT, DIGEST, Ranges
from downloads.receiving import MIB, sha256
from servers.loopback import PATIENCE_S, LoopbackServer, ServedFile

from partita import Session
from partita.actors.downloads.segment_fetch import Worker
from partita.actors.exchanges.partition import RecordingPartition
from partita.actors.kernel.actor import Actor
from partita.actors.kernel.mailbox import Envelope
from partita.actors.recorded_world.watch import TICK_S
from partita.events.download_segments import SegmentBroke, SegmentDone

from .playing import Application, Recorded, T, played, recorded


def play_again(log: Recorded, application: Application[T], then: T, **options: object) -> None:
    report, now = played(log.folder, application, **options)
    assert (now, report.agrees) == (then, True), report.error or report.first_difference


def test_segments_come_by_the_connections_by_which_they_came(tmp_path: Path, server: LoopbackServer) -> None:
    ranges = Ranges()
    url = server.on("/big.zip", ranges)

    def application(session: Session) -> str:
        session.set_download_path(str(tmp_path / "files"))
        return session.download_url(url, segments=4).get(PATIENCE_S).finished().get(PATIENCE_S)

    log, then = recorded(tmp_path / "home", application)
    asked = len(ranges.asked)
    assert asked >= 4
    assert not [turn for turn in log.turns() if isinstance(turn.message, SegmentBroke)]
    for attempt in range(3):
        files_dir = tmp_path / f"again {attempt}"
        play_again(log, application, then, files_dir=files_dir)
        (saved,) = (path for path in files_dir.rglob("*") if path.is_file())
        assert sha256(saved) == DIGEST.hex()
    assert len(ranges.asked) == asked


@pytest.mark.parametrize("what", ["paused", "interrupted", "cancelled"])
def test_what_is_done_to_segments_is_done_where_it_was_done(tmp_path: Path, server: LoopbackServer, what: str) -> None:
    reached, go_on = threading.Event(), threading.Event()
    segment_bytes = -(-len(CONTENT) // 4)
    helpers = {number * segment_bytes for number in (1, 2, 3)}

    def holds(start: int, end: int) -> None:
        if helpers <= {start for start, _ in ranges.asked}:
            reached.set()
        assert go_on.wait(PATIENCE_S)  # whoever leads, too: he would bring it all

    ranges = Ranges(holds)
    url = server.on("/big.zip", ranges)

    def application(session: Session) -> list[object]:
        session.set_download_path(str(tmp_path / "files"))
        item = session.download_url(url, segments=4).get(PATIENCE_S)
        assert reached.wait(PATIENCE_S)
        if what == "paused":
            item.pause()
            session.flush().get(PATIENCE_S)
            go_on.set()
            item.resume()
        elif what == "cancelled":
            item.cancel()
        else:
            session.close_all_connections().get(PATIENCE_S)
            item.stopped().get(PATIENCE_S)
            go_on.set()
            item.resume()
        return [item.finished().get(PATIENCE_S), item.last_reason]

    try:
        log, then = recorded(tmp_path / "home", application)
        for _ in range(3):
            play_again(log, application, then)
    finally:
        go_on.set()


def test_names_that_two_downloads_have_had_are_given_again(tmp_path: Path, server: LoopbackServer) -> None:
    """Somebody has moved the files of the first away: the second got the same names, and the first others, later."""
    files = tmp_path / "files"
    one, two = ServedFile(CONTENT, hold_at=5 * MIB), ServedFile(CONTENT[::-1])
    urls = server.on("/1/data.bin", one), server.on("/2/data.bin", two)

    def application(session: Session) -> list[str]:
        session.set_download_path(str(files))
        first = session.download_url(urls[0]).get(PATIENCE_S)
        if not one.go_on.is_set():
            assert one.held.wait(PATIENCE_S)
            for path in list(files.iterdir()):
                path.rename(tmp_path / f"moved {path.name}")
        second = session.download_url(urls[1]).get(PATIENCE_S)
        assert second.finished().get(PATIENCE_S) == "completed"
        one.go_on.set()
        while first.stopped().get(PATIENCE_S) != "completed":
            first.resume()
        return [item.save_path for item in (first, second)]

    log, then = recorded(tmp_path / "home", application)
    assert then == [str(files / "data (1).bin"), str(files / "data.bin")]
    play_again(log, application, then)


def test_a_name_that_another_download_has_got_meanwhile_is_his_again(tmp_path: Path, server: LoopbackServer) -> None:
    """Somebody has deleted the empty file that kept the first one's name free, and nothing else."""
    files = tmp_path / "files"
    one, two = ServedFile(CONTENT, hold_at=5 * MIB), ServedFile(CONTENT[::-1], hold_at=5 * MIB)
    urls = server.on("/1/data.bin", one), server.on("/2/data.bin", two)

    def application(session: Session) -> list[str]:
        session.set_download_path(str(files))
        first = session.download_url(urls[0]).get(PATIENCE_S)
        if not one.go_on.is_set():
            assert one.held.wait(PATIENCE_S)
            (files / "data.bin").unlink()
        second = session.download_url(urls[1]).get(PATIENCE_S)
        one.go_on.set()
        assert first.finished().get(PATIENCE_S) == "completed"
        two.go_on.set()
        assert second.finished().get(PATIENCE_S) == "completed"
        return [item.save_path for item in (first, second)]

    log, then = recorded(tmp_path / "home", application)
    assert then == [str(files / "data (1).bin"), str(files / "data.bin")]
    play_again(log, application, then)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_segments_that_broke_off_are_left_to_the_same_connections(
    tmp_path: Path, server: LoopbackServer, broken: int
) -> None:
    def breaks_at(start: int, end: int) -> int | None:
        return (start + end) // 2 if start and start // MIB % 3 == broken and len(server.seen) < 6 else None

    url = server.on("/big.zip", Ranges(breaks_at))

    def application(session: Session) -> tuple[str, int]:
        session.set_download_path(str(tmp_path / "files"))
        item = session.download_url(url, segments=4).get(PATIENCE_S)
        while item.stopped().get(PATIENCE_S) != "completed":
            item.resume()
        return item.last_reason, item.get_received_bytes()

    log, then = recorded(tmp_path / "home", application)
    for _ in range(3):
        play_again(log, application, then)


def test_who_is_told_that_nothing_is_left_is_told_so_before_another_one_breaks_off(
    tmp_path: Path, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late he asks: else he is sent for what that one has left."""
    is_told, has_ended, is_recorded = threading.Event(), threading.Event(), threading.Event()
    has_broken_off = [trio.Event()]
    go_on, take_turn = Worker.go_on, RecordingPartition.take_turn

    async def goes_on_late(worker: Worker) -> None:
        is_first_helper = worker._effect.start == MIB
        if is_first_helper and is_recorded.is_set():
            with trio.move_on_after(2 * TICK_S):  # it would be by then, if anything let it
                await has_broken_off[0].wait()
        await go_on(worker)
        if is_first_helper:
            is_told.set()
            await has_broken_off[0].wait()

    def takes(partition: RecordingPartition, actor: Actor, envelope: Envelope) -> None:
        take_turn(partition, actor, envelope)
        if isinstance(envelope[0], SegmentBroke):
            has_broken_off[0].set()
        elif isinstance(envelope[0], SegmentDone):
            has_ended.set()

    def breaks_at(start: int, end: int) -> int | None:
        if start == 0:
            assert has_ended.wait(PATIENCE_S), "whoever leads is not ready before"
        if start != 2 * MIB:
            return None
        assert is_told.wait(PATIENCE_S)
        return start + MIB // 2

    monkeypatch.setattr(Worker, "go_on", goes_on_late)
    monkeypatch.setattr(RecordingPartition, "take_turn", takes)
    url = server.on("/small.zip", Ranges(breaks_at, CONTENT[: 3 * MIB]))

    def application(session: Session) -> str:
        session.set_download_path(str(tmp_path / "files"))
        return session.download_url(url, segments=3).get(PATIENCE_S).finished().get(PATIENCE_S)

    log, then = recorded(tmp_path / "home", application)
    assert then == "completed"
    has_broken_off[0] = trio.Event()
    is_recorded.set()
    play_again(log, application, then)
