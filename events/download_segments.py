"""A download over several connections: each brings a segment of the file, and takes over from another when it has done.

The fetch of the download leads: it asks for the head, makes the file, brings the first segment and finishes in the end. Its
helpers are effects of their own. Whoever is ready asks for more: what nobody brings, or half of what the slowest has left.
"""

from __future__ import annotations

from typing import ClassVar

from partita.events.downloads import DownloadOrder, Segment
from partita.events.types import AwaitedEffect, Event, Message, Outcome, Recovery


class DivideDownload(Message, frozen=True, tag="downloads.divide/1"):
    """Told by what carries out the fetch: the file is open. The reply is whether it is brought in segments from now on."""

    effect_id: str


class NextSegment(Message, frozen=True, tag="downloads.next_segment/1"):
    """Told by a connection that has brought its segment.

    The reply is ``(start, end)`` of the next one; ``()`` when there is none for it, and there will not be; True when it shall
    ask again (some other has ended); None when the download wants no more of it.
    """

    effect_id: str


class LeaveSegment(Message, frozen=True, tag="downloads.leave_segment/1"):
    """Told by the fetch that leads: its connection broke off, and the others bring what it was to bring.

    The reply is ``()`` when there are no others; True when it shall ask again (one has ended); None when the download wants no
    more of it.
    """

    effect_id: str


class ReportSegment(Message, frozen=True, tag="downloads.report_segment/1"):
    """Told by a connection: from ``start`` up to, not including, ``end``, the file is on the disk, synced."""

    effect_id: str
    start: int
    end: int


class SegmentDone(Outcome, frozen=True, tag="downloads.segment_done/1"):
    """A helper has nothing more to do, and has closed its file."""


class SegmentBroke(Outcome, frozen=True, tag="downloads.segment_broke/1"):
    """A helper could not go on; the others bring what it was to bring."""

    detail: str = ""


class DownloadDivided(Event, frozen=True, tag="downloads.divided/1"):
    """The first segment is that of the fetch that leads."""

    segments: tuple[Segment, ...]


class SegmentTaken(Event, frozen=True, tag="downloads.segment_taken/1"):
    """A connection goes on with this one. ``victim``: whose end it was; that one stops where this one begins."""

    segment: Segment
    victim: str = ""


class SegmentProgressed(Event, frozen=True, tag="downloads.segment_progressed/1"):
    """So much more is safe."""

    start: int
    end: int


class SegmentEnded(Event, frozen=True, tag="downloads.segment_ended/1"):
    """A helper brings nothing more."""

    effect_id: str


class FetchSegment(AwaitedEffect, frozen=True, tag="downloads.fetch_segment/1"):
    """Bring a segment to the part file, and then what else there is to do. Outcomes: done, broke.

    ``total_bytes``, ``e_tag`` and ``last_modified`` are those of the whole file: no other is taken.
    """

    recovery: ClassVar[Recovery | None] = "fail"
    order: DownloadOrder
    part_path: str
    start: int
    end: int
    total_bytes: int
    e_tag: str = ""
    last_modified: str = ""
