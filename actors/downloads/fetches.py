"""What a download asks for: all of its file, or what is missing. Pure."""

from __future__ import annotations

from partita.actors.downloads.answers import changed, order_of, queueing
from partita.actors.downloads.pieces import first_missing
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.events.download_queue import DownloadQueued
from partita.events.downloads import DownloadHeadFields, DownloadResumed, DownloadState, FetchDownload
from partita.events.types import Effect, Event


def fetch_of(state: DownloadState, effect_id: str) -> FetchDownload:
    """What brings the rest. A body whose coding is undone has no ranges (RFC 9110 14.1.2): all of it is missing."""
    head = state.head or DownloadHeadFields(url_chain=(), status=0)
    return FetchDownload(
        id=effect_id,
        order=order_of(state),
        target_path=state.target_path,
        part_path=state.part_path,
        offset=0 if head.content_encoding else first_missing(state.pieces) if state.pieces else state.received_bytes,
        total_bytes=head.total_bytes,
        e_tag=head.e_tag,
        last_modified=head.last_modified,
        kept_bytes=state.pieces[-1][1] if state.pieces else 0,
    )


def asked(state: DownloadState, ctx: Context) -> Decision:
    """Ask for what is missing; what carries that out sees whether the server still has the same file."""
    effect_id = ctx.id()
    return changed(state, (DownloadResumed(effect_id),), (fetch_of(state, effect_id),))


def resumed(state: DownloadState, before: tuple[Event, ...] = (), effects: tuple[Effect, ...] = ()) -> Decision:
    """It goes on as soon as the session has a place for it."""
    return changed(state, (*before, DownloadQueued()), (*effects, queueing(state)))
