"""A download over several connections: who brings what, who takes over, and that the file is whole whatever goes wrong."""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from downloads.ranging import CONTENT, DIGEST, Ranges, asked
from downloads.talking import HEAD, ORDER, Conversation, effects_of
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from servers.loopback import CHUNK, PATIENCE_S, LoopbackServer, Reply, Seen, sends

import partita
from partita.actors.downloads import leading as leaders
from partita.actors.downloads.pieces import Pieces, first_missing, gaps, size_of, with_piece
from partita.actors.downloads.segments import SEGMENT_BYTES, divided
from partita.actors.kernel.behavior import NOTHING
from partita.events.download_options import DownloadOptions
from partita.events.download_segments import (
    DivideDownload,
    FetchSegment,
    LeaveSegment,
    NextSegment,
    ReportSegment,
    SegmentBroke,
    SegmentDone,
)
from partita.events.downloads import (
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadFinished,
    DownloadHead,
    DownloadState,
    ResumeDownload,
    StartDownload,
    StopFetch,
)
from partita.events.system import Recover

MIB = 1 << 20
# -- which bytes are there --------------------------------------------------------------------------------------------

spans = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(spans, max_size=12))
def test_pieces_are_the_bytes_that_were_put_in(added: list[tuple[int, int]]) -> None:
    pieces: Pieces = ()
    for start, end in added:
        pieces = with_piece(pieces, start, end)
    there = {byte for start, end in added for byte in range(start, end)}
    assert {byte for start, end in pieces for byte in range(start, end)} == there
    assert size_of(pieces) == len(there)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(pieces)), "none touches the next"
    assert {byte for start, end in gaps(pieces, 50) for byte in range(start, end)} == set(range(50)) - there
    assert {byte for start, end in gaps(added, 50) for byte in range(start, end)} == set(range(50)) - there
    for start in range(0, 60, 7):
        assert first_missing(pieces, start) == next(byte for byte in range(start, 100) if byte not in there)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=6),
    st.integers(2, 16),
)
def test_what_is_missing_is_divided_in_order_and_into_no_scraps(there: list[tuple[int, int]], count: int) -> None:
    pieces = [(start * MIB // 4, (start + length) * MIB // 4) for start, length in there]
    missing = gaps(pieces, 20 * MIB)
    segments = divided(missing, count)
    assert len(segments) <= count
    assert not missing or segments[0][0] == missing[0][0], "the first goes on where the file's beginning ends"
    for start, end in segments:
        (gap,) = [gap for gap in missing if gap[0] <= start and end <= gap[1]]
        assert end - start >= SEGMENT_BYTES or (start, end) == gap
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(segments))


# -- who brings what ----------------------------------------------------------------------------------------------------

BIG = replace(HEAD, total_bytes=8 * MIB, accept_ranges="bytes")


def leading(segments: int = 4, head: object = BIG) -> tuple[Conversation, list[FetchSegment]]:
    """A download whose file is open, and what its helpers were told."""
    talk = Conversation()
    talk.say(StartDownload(replace(ORDER, options=DownloadOptions(segments=segments))))
    talk.say(DownloadHead(talk.fetch, head))  # type: ignore[arg-type]
    talk.say(ChooseTarget(talk.fetch, "/dir/f.bin", "/dir/f.bin.part", claimed=True))
    decision = talk.say(DivideDownload(talk.fetch))
    return talk, effects_of(decision, FetchSegment)  # type: ignore[return-value]


def test_each_connection_gets_its_share() -> None:
    talk, helpers = leading()
    assert [(one.start, one.end) for one in talk.state.segments] == [
        (number * 2 * MIB, (number + 1) * 2 * MIB) for number in range(4)
    ]
    assert [(one.start, one.end, one.e_tag, one.total_bytes) for one in helpers] == [
        (number * 2 * MIB, (number + 1) * 2 * MIB, '"v1"', 8 * MIB) for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "head",
    [
        replace(BIG, accept_ranges="none"),
        replace(BIG, accept_ranges=""),
        replace(BIG, e_tag='W/"v1"'),
        replace(BIG, total_bytes=0),
        replace(BIG, total_bytes=2 * MIB - 1),
        replace(BIG, content_encoding="gzip"),
    ],
)
def test_one_does_where_the_server_or_the_file_allows_no_more(head: object) -> None:
    talk, helpers = leading(head=head)
    assert not helpers
    assert not talk.state.segments


def test_who_is_ready_takes_half_of_what_the_slowest_has_left() -> None:
    talk, (first, second, third) = leading()
    talk.say(ReportSegment(first.id, first.start, first.end))
    talk.say(ReportSegment(second.id, second.start, second.start + MIB))
    assert talk.say(NextSegment(first.id)).reply == (MIB, 2 * MIB), "half of what the first connection has to do"
    assert talk.state.segments[0].end == MIB
    talk.say(ReportSegment(talk.fetch, 0, MIB))
    assert talk.say(NextSegment(talk.fetch)).reply == (7 * MIB, 8 * MIB)
    assert third.end == 8 * MIB
    assert [one.end for one in talk.state.segments if one.effect_id == third.id] == [7 * MIB]
    assert talk.state.received_bytes == 4 * MIB


def test_what_a_helper_leaves_is_for_the_others_and_the_first_waits_for_the_last() -> None:
    talk, (first, second, third) = leading()
    talk.say(ReportSegment(second.id, second.start, second.start + 5))
    assert talk.say(SegmentBroke(second.id)).answers == (("work", True),)
    talk.say(ReportSegment(first.id, first.start, first.end))
    assert talk.say(NextSegment(first.id)).reply == (second.start + 5, second.end)
    for one in (talk.fetch, first.id, third.id):
        (mine,) = [segment for segment in talk.state.segments if segment.effect_id == one]
        talk.say(ReportSegment(one, mine.start, mine.end))
    assert talk.state.pieces == ((0, 8 * MIB),)
    assert talk.say(NextSegment(talk.fetch)).waits == "work"
    for helper in (third, first):
        nothing_left = talk.say(NextSegment(helper.id))
        assert (nothing_left.reply, nothing_left.answers) == ((), (("work", True),))
    assert talk.say(NextSegment(talk.fetch)).reply == ()
    talk.say(DownloadFinished(talk.fetch, 8 * MIB))
    assert talk.say(SegmentDone(first.id)) == NOTHING, "it has ended before"


def test_who_was_told_that_nothing_is_left_is_not_asked_when_another_breaks_off() -> None:
    talk, (first, second, third) = leading()
    for one in (talk.fetch, first.id, third.id):
        (mine,) = [segment for segment in talk.state.segments if segment.effect_id == one]
        talk.say(ReportSegment(one, mine.start, mine.end))
    talk.say(ReportSegment(second.id, second.start, second.end - MIB))
    assert talk.say(NextSegment(first.id)).reply == ()
    talk.say(SegmentBroke(second.id))
    assert talk.say(NextSegment(first.id)) == NOTHING, "it has closed its file"
    assert talk.say(SegmentDone(first.id)) == NOTHING
    assert talk.say(NextSegment(third.id)).reply == (second.end - MIB, second.end)


def test_with_the_first_all_stop_and_what_they_brought_is_not_asked_for_again() -> None:
    talk, helpers = leading()
    talk.say(ReportSegment(talk.fetch, 0, MIB))
    talk.say(ReportSegment(helpers[1].id, 4 * MIB, 5 * MIB))
    broke = talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", MIB))
    assert effects_of(broke, StopFetch) == [StopFetch(None, helpers=tuple(helper.id for helper in helpers))]
    assert (talk.state.received_bytes, talk.state.pieces) == (2 * MIB, ((0, MIB), (4 * MIB, 5 * MIB)))
    assert not talk.say(ReportSegment(helpers[0].id, 2 * MIB, 3 * MIB)).events, "its word counts no more"
    talk.say(ResumeDownload())
    talk.say(DownloadHead(talk.fetch, replace(BIG, status=206, offset=MIB)))
    decision = talk.say(DivideDownload(talk.fetch))
    assert decision.reply is True
    assert [(one.start, one.end) for one in talk.state.segments] == [
        (MIB, 5 * MIB // 2),
        (5 * MIB // 2, 4 * MIB),
        (5 * MIB, 13 * MIB // 2),
        (13 * MIB // 2, 8 * MIB),
    ]


def test_the_first_leaves_its_segment_to_the_others_and_fails_when_they_do() -> None:
    talk, helpers = leading()
    talk.say(ReportSegment(talk.fetch, 0, MIB))
    assert talk.say(LeaveSegment("another")) == NOTHING
    assert talk.say(LeaveSegment(talk.fetch)).waits == "work"
    assert talk.say(LeaveSegment(talk.fetch)).events == (), "once"
    talk.say(ReportSegment(helpers[0].id, helpers[0].start, helpers[0].end))
    assert talk.say(NextSegment(helpers[0].id)).reply == (MIB, helpers[0].start), "what the first had left"
    for helper in helpers:
        assert talk.say(SegmentBroke(helper.id)).answers == (("work", True),)
    assert talk.say(LeaveSegment(talk.fetch)).reply == ()
    talk.say(DownloadBroke(talk.fetch, "NETWORK_FAILED", 17))
    brought_bytes = MIB + helpers[0].end - helpers[0].start
    assert talk.state.received_bytes == brought_bytes, "its own word is of its connection, not of the file"


def test_what_another_file_brought_is_forgotten() -> None:
    talk, helpers = leading()
    talk.say(ReportSegment(talk.fetch, 0, MIB))
    talk.say(ReportSegment(helpers[1].id, 4 * MIB, 5 * MIB))
    talk.say(Recover(2))
    assert (talk.state.phase, talk.state.segments) == ("interrupted", ())
    assert len(talk.state.pieces) == 2
    talk.say(ResumeDownload())
    talk.say(DownloadHead(talk.fetch, replace(BIG, e_tag='"v2"')))
    assert (talk.state.received_bytes, talk.state.pieces) == (0, ())


def test_cancelling_stops_them_all() -> None:
    talk, helpers = leading()
    first = talk.fetch
    (stop,) = effects_of(talk.say(CancelDownload()), StopFetch)
    assert isinstance(stop, StopFetch)
    assert (stop.effect_id, stop.helpers) == (first, tuple(helper.id for helper in helpers))


# -- on a real server and a real disk -----------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:segments")
        session.set_download_path(str(tmp_path / "files"))
        yield session


def whole(tmp_path: Path) -> bool:
    (path,) = (tmp_path / "files").iterdir()
    return hashlib.sha256(path.read_bytes()).digest() == DIGEST


def test_four_connections_bring_one_file(server: LoopbackServer, session: partita.Session, tmp_path: Path) -> None:
    together = threading.Barrier(4)  # nobody gets a byte before all four are there

    def all_there(start: int, end: int) -> None:
        if not together.broken and len(server.seen) <= 4:
            together.wait(PATIENCE_S)

    item = session.download_url(server.on("/big", Ranges(all_there)), segments=4).get(PATIENCE_S)
    updated: list[int] = []
    item.on("updated", lambda event: updated.append(item.get_received_bytes()))
    assert item.finished().get(PATIENCE_S) == "completed"
    session.flush().get(PATIENCE_S)
    assert updated, "nobody was told that it came further"
    assert whole(tmp_path)
    assert item.get_received_bytes() == item.get_total_bytes() == len(CONTENT)
    starts = sorted(asked(seen)[0] for seen in server.seen)
    assert starts[0] == 0
    assert len({seen.connection for seen in server.seen[:4]}) == 4
    assert all(seen.header("if-range") == '"v1"' for seen in server.seen if seen.header("range"))


def test_a_server_without_ranges_is_asked_once(
    server: LoopbackServer, session: partita.Session, tmp_path: Path
) -> None:
    url = server.on("/big", sends(CONTENT, headers=[("ETag", '"v1"')]))
    item = session.download_url(url, segments=4).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert whole(tmp_path)
    assert len(server.seen) == 1


def test_a_server_that_refuses_the_others_is_left_to_the_first(
    server: LoopbackServer, session: partita.Session, tmp_path: Path
) -> None:
    ranges = Ranges()

    def one_at_a_time(seen: Seen, reply: Reply) -> None:
        if len(server.seen) in (2, 3, 4):
            reply.send(b"too many", status=503)
        else:
            ranges(seen, reply)

    item = session.download_url(server.on("/big", one_at_a_time), segments=4).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert whole(tmp_path)
    assert len(ranges.asked) >= 2, "after its own segment the first brings those of the others"


@pytest.mark.parametrize("patient", [True, False])
def test_a_server_that_sees_late_that_a_connection_has_ended_is_waited_for(
    server: LoopbackServer,
    session: partita.Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    patient: bool,
) -> None:
    """It allows a client one connection: the helpers are refused, and for a while the one that leads is."""
    monkeypatch.setattr(leaders, "BUSY_WAITS_S", (0.001, 0.002, 0.004))
    ranges = Ranges()
    refused = range(2, 8 if patient else 99)

    def is_busy(seen: Seen, reply: Reply) -> None:
        if len(server.seen) in refused:
            reply.send(b"too many", status=503)
        else:
            ranges(seen, reply)

    item = session.download_url(server.on("/big", is_busy), segments=4).get(PATIENCE_S)
    if patient:
        assert item.stopped().get(PATIENCE_S) == "completed"
        assert whole(tmp_path)
        assert len(ranges.asked) == 2, "all that is left comes over one"
        return
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    assert item.last_reason == "SERVER_FAILED"
    assert "503" in item.last_reason_detail
    assert len(server.seen) == 1 + 3 + 1 + 3


def test_a_helper_that_breaks_off_is_made_up_for(
    server: LoopbackServer, session: partita.Session, tmp_path: Path
) -> None:
    begun, broken = threading.Lock(), threading.Event()

    def breaks_once(start: int, end: int) -> int | None:
        if not start:  # the first is at work until then: what breaks off is a helper
            assert broken.wait(PATIENCE_S)
        elif begun.acquire(blocking=False):
            broken.set()
            return (start + end) // 2
        return None

    item = session.download_url(server.on("/big", Ranges(breaks_once)), segments=3).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert whole(tmp_path)


@pytest.mark.parametrize("breaks_in", ["its own", "a later one"])
def test_when_the_first_breaks_off_the_helpers_bring_the_rest(
    server: LoopbackServer, session: partita.Session, tmp_path: Path, breaks_in: str
) -> None:
    helps, broken = threading.Lock(), threading.Event()

    def breaks_the_first(start: int, end: int) -> int | None:
        if start and helps.acquire(blocking=False):  # the helper has brought nothing yet when the first breaks off
            assert broken.wait(PATIENCE_S)
        elif not broken.is_set() and (breaks_in == "its own") == (start == 0):
            broken.set()
            return start + CHUNK
        return None

    ranges = Ranges(breaks_the_first)
    item = session.download_url(server.on("/big", ranges), segments=2).get(PATIENCE_S)
    assert item.stopped().get(PATIENCE_S) == "completed"
    assert [start for start, _ in ranges.asked].count(0) == 1
    assert whole(tmp_path)


def test_the_slowest_is_relieved_of_half(server: LoopbackServer, session: partita.Session, tmp_path: Path) -> None:
    relieved, slow = threading.Event(), []

    def one_is_slow(start: int, end: int) -> None:
        if start and not slow:
            slow.append((start, end))
            assert relieved.wait(PATIENCE_S)
        elif slow and slow[0][0] < start < slow[0][1]:
            relieved.set()

    item = session.download_url(server.on("/big", Ranges(one_is_slow)), segments=2).get(PATIENCE_S)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert relieved.is_set()
    assert whole(tmp_path)


@pytest.mark.parametrize(("first_bytes", "segments"), [(0, 2), (MIB, 2), (0, 1), (MIB, 1)])
def test_after_an_interruption_only_what_is_missing_is_asked_for(
    server: LoopbackServer, session: partita.Session, tmp_path: Path, first_bytes: int, segments: int
) -> None:
    """Also when nothing of the file's beginning is there."""
    helped, ranges = threading.Event(), Ranges()

    def breaks_the_first(start: int, end: int) -> int | None:
        if start == 0:
            assert helped.wait(PATIENCE_S)
            return first_bytes
        if end < len(CONTENT):  # it was taken from the first, when the other half was there
            helped.set()
            return start
        return None

    ranges.before = breaks_the_first
    item = session.download_url(server.on("/big", ranges), segments=2).get(PATIENCE_S)
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    received_bytes, pieces = item.get_received_bytes(), item._state.pieces
    assert received_bytes == sum(end - start for start, end in pieces) == first_bytes + len(CONTENT) // 2
    ranges.before = lambda start, end: None
    ranges.asked.clear()
    item.resume(segments=segments)
    assert item.finished().get(PATIENCE_S) == "completed"
    assert whole(tmp_path)
    assert min(start for start, _ in ranges.asked) == first_bytes
    assert segments == 1 or any(end == pieces[-1][0] for _, end in ranges.asked), (
        "a helper brings what is missing before what is there"
    )


def test_a_cancelled_one_leaves_nothing(server: LoopbackServer, session: partita.Session, tmp_path: Path) -> None:
    hold = threading.Event()

    def holds(start: int, end: int) -> None:
        if start:
            assert hold.wait(PATIENCE_S)

    item = session.download_url(server.on("/big", Ranges(holds)), segments=4).get(PATIENCE_S)
    server.wait_for(4)
    item.cancel()
    assert item.finished().get(PATIENCE_S) == "cancelled"
    hold.set()
    session.close()
    assert not list((tmp_path / "files").iterdir())


def test_a_wrong_digest_begins_again(server: LoopbackServer, session: partita.Session, tmp_path: Path) -> None:
    digest = "sha256-" + base64.b64encode(hashlib.sha256(b"another").digest()).decode()
    url = server.on("/big", Ranges())
    item = session.download_url(url, segments=3, integrity=digest).get(PATIENCE_S)
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    assert item._state.reason == "FILE_HASH_MISMATCH"
    assert (item.get_received_bytes(), item._state.pieces) == (0, ())
    item.resume()
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    assert [asked(seen)[0] for seen in server.seen if not seen.header("range")] == [0, 0], "from the beginning, twice"


@pytest.mark.parametrize(
    ("segments", "error"), [(0, ValueError), (17, ValueError), ("4", TypeError), (True, TypeError)]
)
def test_their_number_is_checked(session: partita.Session, segments: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="segments"):
        session.download_url("http://h/f", segments=segments)  # type: ignore[arg-type]
    assert session.downloads() == []


def test_a_state_without_them_is_as_before() -> None:
    assert DownloadState().pieces == DownloadState().segments == ()
