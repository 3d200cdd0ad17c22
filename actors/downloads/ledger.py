"""The session's part: which downloads there are, and which still need looking after."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.downloads.restoring import add_interrupted
from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.downloads import (
    AddInterruptedDownload,
    BeginDownload,
    DownloadAdded,
    DownloadEnded,
    DownloadEntry,
    DownloadForgotten,
    DownloadOrder,
    DownloadsState,
    EndDownload,
    ForgetDownload,
    InterruptDownload,
    StartDownload,
)
from partita.events.system import Recover, Tell


def actor_of(download_id: str) -> str:
    """The name of a download's actor."""
    return f"download/{download_id}"


def begin(state: DownloadsState, message: BeginDownload, ctx: Context) -> Decision:
    """Give it an id and an actor."""
    order = DownloadOrder(
        id=ctx.id(),
        url=message.url,
        directory=message.directory,
        headers=message.headers,
        save_path=message.save_path,
        started_us=ctx.now_us,
        origin=message.origin,
    )
    return Decision(
        events=(DownloadAdded(order),),
        effects=(Tell(to=actor_of(order.id), message=StartDownload(order)),),
        reply=order.id,
    )


def end(state: DownloadsState, message: EndDownload, ctx: Context) -> Decision:
    """It need not be looked after any more."""
    entry = state.items.get(message.id)
    if entry is None or entry.ended:
        return NOTHING
    return Decision(events=(DownloadEnded(message.id),))


def forget(state: DownloadsState, message: ForgetDownload, ctx: Context) -> Decision:
    """Off the list."""
    return Decision(events=(DownloadForgotten(message.id),)) if message.id in state.items else NOTHING


def recover(state: DownloadsState, message: Recover, ctx: Context) -> Decision:
    """Whatever had not ended was interrupted by the end of the process (DESIGN, 4)."""
    return Decision(
        effects=tuple(
            Tell(to=actor_of(download_id), message=InterruptDownload(entry.order))
            for download_id, entry in state.items.items()
            if not entry.ended
        )
    )


def added(state: DownloadsState, event: DownloadAdded) -> DownloadsState:
    """The youngest is last."""
    return DownloadsState({**state.items, event.order.id: DownloadEntry(event.order)})


def ended(state: DownloadsState, event: DownloadEnded) -> DownloadsState:
    """The order stays on the list, without the header fields: nothing will be sent again."""
    entry = state.items.get(event.id)
    if entry is None:
        return state
    order = msgspec.structs.replace(entry.order, headers=())
    return DownloadsState({**state.items, event.id: DownloadEntry(order, ended=True)})


def forgotten(state: DownloadsState, event: DownloadForgotten) -> DownloadsState:
    """Gone from the list; the turns of its actor stay in the log."""
    return DownloadsState({key: entry for key, entry in state.items.items() if key != event.id})


behavior: Final[Behavior[DownloadsState]] = Behavior(
    kind="downloads",
    initial=DownloadsState,
    decide={
        BeginDownload: begin,
        AddInterruptedDownload: add_interrupted,
        EndDownload: end,
        ForgetDownload: forget,
        Recover: recover,
    },
    evolve={DownloadAdded: added, DownloadEnded: ended, DownloadForgotten: forgotten},
)
