"""The table of the download's actor is total, and no order of messages breaks it."""

from __future__ import annotations

import inspect

from downloads.talking import HEAD, ORDER, TAKEN_OVER, Conversation
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from partita.actors.downloads import ledger
from partita.actors.downloads.answers import ACTIVE
from partita.actors.downloads.behavior import TABLE, behavior
from partita.actors.downloads.carriers import CARRIERS
from partita.actors.downloads.evolution import EVOLVE
from partita.actors.downloads.pieces import size_of
from partita.actors.downloads.segments import helpers_of
from partita.events import download_ledger, download_queue, download_retries, download_segments, downloads
from partita.events.download_options import DownloadOptions
from partita.events.download_queue import AdmitDownload
from partita.events.download_segments import (
    DivideDownload,
    LeaveSegment,
    NextSegment,
    ReportSegment,
    SegmentBroke,
    SegmentDone,
)
from partita.events.downloads import (
    PHASES,
    AwaitDownload,
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadFinished,
    DownloadHead,
    DownloadNotWanted,
    InterruptDownload,
    PauseDownload,
    ReportProgress,
    ResumeDownload,
    StartDownload,
    TurnDownDownload,
)
from partita.events.system import EffectLost, Recover, ShutDown
from partita.events.types import Effect, Event, Message

MODULES = (downloads, download_ledger, download_queue, download_retries, download_segments)


def declared(kind: type) -> set[type]:
    return {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, kind) and value.__module__ == module.__name__
    }


def test_every_message_has_a_cell_for_every_phase() -> None:
    for message, cells in TABLE.items():
        assert len(cells) == len(PHASES), message.__name__
        assert all(callable(cell) for cell in cells)


def test_every_message_of_the_vocabulary_has_one_row_somewhere() -> None:
    assert declared(Message) | {Recover, ShutDown, EffectLost} == TABLE.keys() | (
        ledger.behavior.decide.keys() & declared(Message)
    )
    assert TABLE.keys() & ledger.behavior.decide.keys() == {Recover}


def test_every_event_of_the_vocabulary_evolves_one_state() -> None:
    assert declared(Event) == EVOLVE.keys() | ledger.behavior.evolve.keys()


def test_every_effect_of_the_vocabulary_is_carried_out() -> None:
    assert declared(Effect) == CARRIERS.keys()


DIVIDED = replace(ORDER, options=DownloadOptions(segments=3))
BIG = replace(HEAD, total_bytes=4 << 20, accept_ranges="bytes")

fetches = st.sampled_from(["current", "stale"])
workers = st.sampled_from(["current", "stale", "helper"])
sizes = st.integers(0, 1000)
places = st.integers(0, 4).map(lambda number: number << 20)
messages = st.one_of(
    st.sampled_from([StartDownload(ORDER), StartDownload(DIVIDED), StartDownload(TAKEN_OVER)]),
    st.just(TurnDownDownload()),
    st.just(ResumeDownload()),
    st.just(PauseDownload()),
    st.just(CancelDownload()),
    st.just(Recover(2)),
    st.sampled_from(
        [InterruptDownload(ORDER), InterruptDownload(TAKEN_OVER), InterruptDownload(ORDER, "NETWORK_DISCONNECTED")]
    ),
    st.builds(AwaitDownload, st.sampled_from(["announced", "stopped", "done", "running"])),
    st.builds(DownloadHead, fetches, st.sampled_from([HEAD, BIG])),
    st.builds(ChooseTarget, fetches, st.just("/dir/f"), st.just("/dir/f.part"), st.booleans()),
    st.builds(ReportProgress, fetches, sizes),
    st.builds(DownloadFinished, fetches, st.just(1000)),
    st.builds(DownloadBroke, fetches, st.sampled_from(["NETWORK_FAILED", "FILE_TOO_LARGE"]), sizes),
    st.builds(DownloadNotWanted, fetches),
    st.just(AdmitDownload()),
    st.builds(DivideDownload, fetches),
    st.builds(NextSegment, workers),
    st.builds(LeaveSegment, fetches),
    st.builds(ReportSegment, workers, places, places),
    st.builds(SegmentDone, workers),
    st.builds(SegmentBroke, workers),
    st.builds(EffectLost, workers, st.just("a defect")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(messages, max_size=25))
def test_no_order_of_messages_breaks_it(script: list[Message]) -> None:
    talk = Conversation()
    waiting: set[str] = set()
    for written in script:
        message = written
        if getattr(written, "effect_id", None) == "current" and talk.state.effect_id is not None:
            message = type(written)(talk.state.effect_id, *_fields(written)[1:])
        if getattr(written, "effect_id", None) == "helper" and (helpers := helpers_of(talk.state)):
            message = type(written)(helpers[-1], *_fields(written)[1:])
        before = talk.state
        decision = talk.say(message)
        state = talk.state
        assert (state.effect_id is not None) <= (state.phase in ACTIVE)
        assert (state.phase in ("completed", "cancelled", "refused")) <= (state.ended_us > 0)
        assert state.paused <= (state.phase in ACTIVE)
        assert (state.order is None) == (state.phase == "absent")
        assert bool(state.segments) <= (state.phase == "receiving")
        assert not state.pieces or size_of(state.pieces) == state.received_bytes
        assert decision.refusal is None or not decision.events
        assert bool(decision.events) or state == before
        if before.phase in ("completed", "cancelled", "refused"):
            assert state == before, "the end is the end"
        if decision.waits is not None:
            waiting.add(decision.waits)
        waiting -= {milestone for milestone, _ in decision.answers}
        if state.phase not in (*ACTIVE, "interrupted", "absent"):
            assert not waiting, "nobody waits for ever"


def _fields(message: Message) -> tuple[object, ...]:
    return tuple(getattr(message, name) for name in message.__struct_fields__)


def test_the_behavior_is_made_of_the_table() -> None:
    assert behavior.decide.keys() == TABLE.keys()
    assert behavior.kind == "download"
