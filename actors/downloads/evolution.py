"""What each event makes of a download's state."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from partita.actors.downloads import ranges
from partita.actors.downloads.pieces import size_of
from partita.actors.downloads.restoring import evolve_restored
from partita.actors.downloads.segments import EVOLVE as OF_SEGMENTS
from partita.actors.downloads.segments import further
from partita.actors.kernel.behavior import Evolve
from partita.events.download_queue import DownloadQueued
from partita.events.download_retries import DownloadRetryDropped, DownloadRetryPlanned
from partita.events.downloads import (
    DownloadCancelled,
    DownloadCompleted,
    DownloadHeadReceived,
    DownloadInterrupted,
    DownloadOptionsChanged,
    DownloadPaused,
    DownloadProgressed,
    DownloadRestored,
    DownloadResumed,
    DownloadStarted,
    DownloadState,
    DownloadTurnedDown,
    DownloadUnpaused,
    TargetChosen,
)
from partita.events.types import Event

_WAITS_NO_MORE: Final[Mapping[str, Any]] = {"retry_id": None, "retry_at_us": 0}


def _started(state: DownloadState, event: DownloadStarted) -> DownloadState:
    return DownloadState(phase="queued" if event.queued else "asking", order=event.order, effect_id=event.effect_id)


def _queued(state: DownloadState, event: DownloadQueued) -> DownloadState:
    return replace(state, phase="queued", reason="NONE", detail="", ended_us=0, **_WAITS_NO_MORE)


def _head_received(state: DownloadState, event: DownloadHeadReceived) -> DownloadState:
    pieces = (
        state.pieces if event.head.status == ranges.PARTIAL else ()
    )  # of another file, when all of it is sent again
    return replace(
        state,
        phase="receiving" if state.target_path else "deciding",
        head=event.head,
        filename=state.filename or event.filename,
        received_bytes=size_of(pieces) if pieces else event.head.offset,
        is_whole=False,
        pieces=pieces,
    )


def _target_chosen(state: DownloadState, event: TargetChosen) -> DownloadState:
    return replace(
        state,
        phase="receiving",
        target_path=event.target_path,
        part_path=event.part_path,
        claimed=event.claimed,
        choice=event.choice,
    )


def _progressed(state: DownloadState, event: DownloadProgressed) -> DownloadState:
    return replace(
        state, received_bytes=event.received_bytes, is_whole=event.is_whole, **further(state, event.received_bytes)
    )


def _retry_planned(state: DownloadState, event: DownloadRetryPlanned) -> DownloadState:
    return replace(state, retry_id=event.effect_id, retry_at_us=event.at_us, attempts=event.attempt)


def _retry_dropped(state: DownloadState, event: DownloadRetryDropped) -> DownloadState:
    return replace(state, retry_id=None, retry_at_us=0, attempts=0)


def _options_changed(state: DownloadState, event: DownloadOptionsChanged) -> DownloadState:
    assert state.order is not None, "a download that can be resumed has an order"
    return replace(state, order=replace(state.order, options=event.options))


def _paused(state: DownloadState, event: DownloadPaused) -> DownloadState:
    return replace(state, paused=True)


def _unpaused(state: DownloadState, event: DownloadUnpaused) -> DownloadState:
    return replace(state, paused=False)


def _resumed(state: DownloadState, event: DownloadResumed) -> DownloadState:
    return replace(
        state, phase="asking", effect_id=event.effect_id, reason="NONE", detail="", ended_us=0, **_WAITS_NO_MORE
    )


def _interrupted(state: DownloadState, event: DownloadInterrupted) -> DownloadState:
    at_the_beginning = len(state.pieces) == 1 and not state.pieces[0][0]
    return replace(
        state,
        phase="interrupted",
        paused=False,
        part_path="" if event.gone else state.part_path,
        effect_id=None,
        received_bytes=event.received_bytes,
        reason=event.reason,
        detail=event.detail,
        ended_us=event.ended_us,
        segments=(),
        pieces=() if at_the_beginning or not event.received_bytes else state.pieces,
        **further(state, event.received_bytes),
    )


def _completed(state: DownloadState, event: DownloadCompleted) -> DownloadState:
    return replace(
        state,
        phase="completed",
        paused=False,
        effect_id=None,
        received_bytes=event.received_bytes,
        ended_us=event.ended_us,
        segments=(),
        pieces=(),
    )


def _cancelled(state: DownloadState, event: DownloadCancelled) -> DownloadState:
    return replace(
        state,
        phase="cancelled",
        paused=False,
        effect_id=None,
        reason="USER_CANCELED",
        ended_us=event.ended_us,
        segments=(),
        pieces=(),
        **_WAITS_NO_MORE,
    )


def _turned_down(state: DownloadState, event: DownloadTurnedDown) -> DownloadState:
    return replace(state, phase="refused", paused=False, effect_id=None, ended_us=event.ended_us)


EVOLVE: Final[Mapping[type[Event], Evolve[DownloadState]]] = {
    DownloadStarted: _started,
    DownloadRestored: evolve_restored,
    DownloadHeadReceived: _head_received,
    TargetChosen: _target_chosen,
    DownloadProgressed: _progressed,
    DownloadOptionsChanged: _options_changed,
    DownloadPaused: _paused,
    DownloadUnpaused: _unpaused,
    DownloadResumed: _resumed,
    DownloadInterrupted: _interrupted,
    DownloadCompleted: _completed,
    DownloadCancelled: _cancelled,
    DownloadTurnedDown: _turned_down,
    DownloadRetryPlanned: _retry_planned,
    DownloadRetryDropped: _retry_dropped,
    DownloadQueued: _queued,
    **OF_SEGMENTS,
}
