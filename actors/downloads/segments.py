"""A download over several connections: who brings what, and who takes over from whom. Pure.

Work is given out by the download's actor, one turn each: first what nobody brings, then the second half of what the one with
most to do has left. Whoever breaks off leaves his segment to the others; so a server that has no second connection for us is
asked by the first alone in the end. When the first has broken off, it waits for the others, and fails if they cannot do it.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from partita.actors.downloads import ranges
from partita.actors.downloads.pieces import Pieces, first_missing, gaps, size_of, with_piece
from partita.actors.kernel.behavior import NOTHING, Decision, Evolve
from partita.actors.kernel.context import Context
from partita.events.download_segments import (
    DivideDownload,
    DownloadDivided,
    FetchSegment,
    LeaveSegment,
    NextSegment,
    ReportSegment,
    SegmentBroke,
    SegmentDone,
    SegmentEnded,
    SegmentProgressed,
    SegmentTaken,
)
from partita.events.downloads import DownloadHeadFields, DownloadState, Segment
from partita.events.system import EffectLost
from partita.events.types import Event

SEGMENT_BYTES: Final = 1 << 20
"""A shorter segment is not worth a request."""

WORK: Final = "work"
"""What the fetch that leads waits for when there is nothing for it to do: that a helper has ended."""


def divide(state: DownloadState, message: DivideDownload, ctx: Context) -> Decision:
    """Give out the first segments, where the server sends ranges of a file that it can name (RFC 9110 13.1.5, 14.3)."""
    head, order = state.head, state.order
    if message.effect_id != state.effect_id or head is None or order is None:
        return NOTHING
    there = state.pieces or (((0, state.received_bytes),) if state.received_bytes else ())
    missing = gaps(there, head.total_bytes)
    spans = divided(missing, order.options.segments) if _is_divisible(head) else missing[:1]
    if not spans or not (len(spans) > 1 or state.pieces):
        return Decision(reply=False)
    helpers = [Segment(ctx.id(), start, end) for start, end in spans[1:]]
    return Decision(
        events=(DownloadDivided((Segment(message.effect_id, *spans[0]), *helpers)),),
        effects=tuple(
            FetchSegment(
                helper.effect_id,
                order,
                state.part_path,
                helper.start,
                helper.end,
                head.total_bytes,
                head.e_tag,
                head.last_modified,
            )
            for helper in helpers
        ),
        reply=True,
    )


def _is_divisible(head: DownloadHeadFields) -> bool:
    sends_ranges = head.status == ranges.PARTIAL or "bytes" in head.accept_ranges.lower()
    named = ranges.validator(head.e_tag, head.last_modified) is not None
    return bool(head.total_bytes) and sends_ranges and named and not head.content_encoding


def divided(missing: Pieces, count: int) -> Pieces:
    """At most ``count`` segments of about the same length out of what is missing; what is left over is given out later."""
    size = max(SEGMENT_BYTES, -(-size_of(missing) // count))
    spans: list[tuple[int, int]] = []
    for start, end in missing:
        at = start
        while end - at >= size + SEGMENT_BYTES:
            spans.append((at, at + size))
            at += size
        spans.append((at, end))
    return tuple(spans[:count])


def next_segment(state: DownloadState, message: NextSegment, ctx: Context) -> Decision:
    """What nobody brings; else half of what the slowest has left; else nothing, and a helper has ended with that."""
    others = tuple(segment for segment in state.segments if segment.effect_id != message.effect_id)
    if len(others) == len(state.segments) and message.effect_id != state.effect_id:
        return NOTHING  # the one that leads may have left its segment, and come back
    total_bytes = 0 if state.head is None else state.head.total_bytes
    free = gaps((*state.pieces, *((segment.start, segment.end) for segment in others)), total_bytes)
    if free:
        return _taken(Segment(message.effect_id, *free[0]))
    left = [(segment.end - first_missing(state.pieces, segment.start), segment) for segment in others]
    most, victim = max(left, key=lambda one: one[0], default=(0, None))
    if victim is not None and most >= 2 * SEGMENT_BYTES:
        return _taken(Segment(message.effect_id, victim.end - most // 2, victim.end), victim.effect_id)
    if message.effect_id != state.effect_id:
        return _ended(message.effect_id, reply=())
    return Decision(waits=WORK) if others else Decision(reply=())


def _taken(segment: Segment, victim: str = "") -> Decision:
    return Decision(events=(SegmentTaken(segment, victim),), reply=(segment.start, segment.end))


def segment_progress(state: DownloadState, message: ReportSegment, ctx: Context) -> Decision:
    """So much more is safe."""
    known = any(segment.effect_id == message.effect_id for segment in state.segments)
    if not known or with_piece(state.pieces, message.start, message.end) == state.pieces:
        return NOTHING
    return Decision(events=(SegmentProgressed(message.start, message.end),))


def leave_segment(state: DownloadState, message: LeaveSegment, ctx: Context) -> Decision:
    """The one that leads has no connection any more: it waits while there are helpers."""
    if message.effect_id != state.effect_id:
        return NOTHING
    left = any(segment.effect_id == message.effect_id for segment in state.segments)
    events = (SegmentEnded(message.effect_id),) if left else ()
    return Decision(events=events, waits=WORK) if helpers_of(state) else Decision(events=events, reply=())


def segment_over(state: DownloadState, message: SegmentDone | SegmentBroke | EffectLost, ctx: Context) -> Decision:
    """A helper is gone, if it has not ended before."""
    return _ended(message.effect_id) if message.effect_id in helpers_of(state) else NOTHING


def _ended(helper: str, reply: object = None) -> Decision:
    """It brings nothing more: who waits looks again."""
    return Decision(events=(SegmentEnded(helper),), reply=reply, answers=((WORK, True),))


def helpers_of(state: DownloadState) -> tuple[str, ...]:
    """The effects that bring segments, but for the one that leads."""
    return tuple(segment.effect_id for segment in state.segments if segment.effect_id != state.effect_id)


# -- what each event makes of it --------------------------------------------------------------------------------------


def _divided(state: DownloadState, event: DownloadDivided) -> DownloadState:
    pieces = state.pieces or (((0, state.received_bytes),) if state.received_bytes else ())
    return replace(state, segments=event.segments, pieces=pieces)


def _segment_taken(state: DownloadState, event: SegmentTaken) -> DownloadState:
    taken = event.segment

    def after(segment: Segment) -> Segment:
        if segment.effect_id == taken.effect_id:
            return taken
        return replace(segment, end=taken.start) if segment.effect_id == event.victim else segment

    known = any(segment.effect_id == taken.effect_id for segment in state.segments)
    return replace(state, segments=(*map(after, state.segments), *(() if known else (taken,))))


def _segment_progressed(state: DownloadState, event: SegmentProgressed) -> DownloadState:
    pieces = with_piece(state.pieces, event.start, event.end)
    received_bytes = size_of(pieces)
    return replace(state, pieces=pieces, received_bytes=received_bytes, **further(state, received_bytes))


def further(state: DownloadState, received_bytes: int) -> dict[str, int]:
    """Attempts are counted anew where it comes further than it ever was."""
    return {"furthest_bytes": received_bytes, "attempts": 0} if received_bytes > state.furthest_bytes else {}


def _segment_ended(state: DownloadState, event: SegmentEnded) -> DownloadState:
    return replace(state, segments=tuple(one for one in state.segments if one.effect_id != event.effect_id))


EVOLVE: Final[Mapping[type[Event], Evolve[DownloadState]]] = {
    DownloadDivided: _divided,
    SegmentTaken: _segment_taken,
    SegmentProgressed: _segment_progressed,
    SegmentEnded: _segment_ended,
}
