"""The session's part: which downloads there are, and which still need looking after."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from partita.actors.downloads import integrity, places
from partita.actors.downloads.restoring import add_interrupted
from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.download_ledger import (
    AddInterruptedDownload,
    BeginDownload,
    DownloadAdded,
    DownloadEnded,
    DownloadEntry,
    DownloadForgotten,
    DownloadsState,
    EndDownload,
    ForgetDownload,
)
from partita.events.download_options import check_limits, check_options
from partita.events.download_queue import (
    AdmitDownload,
    DownloadAdmitted,
    DownloadLinedUp,
    DownloadReleased,
    DownloadsLimited,
    LimitDownloads,
    PlacesCleared,
    QueueDownload,
    ReleaseDownload,
)
from partita.events.downloads import DownloadOrder, InterruptDownload, StartDownload
from partita.events.system import Recover, Tell
from partita.events.types import Event


def actor_of(download_id: str) -> str:
    """The name of a download's actor."""
    return f"download/{download_id}"


def begin(state: DownloadsState, message: BeginDownload, ctx: Context) -> Decision:
    """Give it an id and an actor."""
    try:
        check_options(message.options)
        integrity.parsed(message.options.integrity)
    except ValueError as error:
        return Decision(refusal=error)
    order = DownloadOrder(
        id=ctx.id(),
        url=message.url,
        directory=message.directory,
        headers=message.headers,
        save_path=message.save_path,
        started_us=ctx.now_us,
        options=message.options,
        origin=message.origin,
    )
    queued = not places.has_room(state, places.host_of(order.url))
    return Decision(
        events=(DownloadAdded(order, queued),),
        effects=(Tell(to=actor_of(order.id), message=StartDownload(order, queued)),),
        reply=order.id,
    )


def end(state: DownloadsState, message: EndDownload, ctx: Context) -> Decision:
    """It need not be looked after any more, and somebody else may have its place."""
    entry = state.entry(message.id)
    if entry is None or entry.ended:
        return NOTHING
    return _and_next(state, DownloadEnded(message.id))


def forget(state: DownloadsState, message: ForgetDownload, ctx: Context) -> Decision:
    """Off the list."""
    return NOTHING if state.entry(message.id) is None else _and_next(state, DownloadForgotten(message.id))


def queue(state: DownloadsState, message: QueueDownload, ctx: Context) -> Decision:
    """Give it a place, or have it wait. Who has one, or is not looked after any more, may go at once."""
    entry = state.entry(message.id)
    go = Tell(to=actor_of(message.id), message=AdmitDownload())
    if entry is None or entry.ended or message.id in state.running:
        return Decision(effects=(go,))
    if places.waits(state, entry):
        return NOTHING
    if places.has_room(state, places.host_of(entry.order.url)):
        return Decision(events=(DownloadAdmitted(message.id),), effects=(go,))
    return Decision(events=(DownloadLinedUp(message.id),))


def release(state: DownloadsState, message: ReleaseDownload, ctx: Context) -> Decision:
    """Its place is free."""
    entry = state.entry(message.id)
    if entry is None or not (message.id in state.running or places.waits(state, entry)):
        return NOTHING
    return _and_next(state, DownloadReleased(message.id))


def limit(state: DownloadsState, message: LimitDownloads, ctx: Context) -> Decision:
    """Other limits; there may be room for more now."""
    try:
        check_limits(message.limits)
    except ValueError as error:
        return Decision(refusal=error)
    return NOTHING if message.limits == state.limits else _and_next(state, DownloadsLimited(message.limits))


def recover(state: DownloadsState, message: Recover, ctx: Context) -> Decision:
    """Whatever had not ended was interrupted by the end of the process (DESIGN, 4), and nobody has a place."""
    return Decision(
        events=(PlacesCleared(),) if state.running or state.lines else (),
        effects=tuple(
            Tell(to=actor_of(download_id), message=InterruptDownload(entry.order))
            for download_id, entry in state.items.items()
            if not entry.ended
        ),
    )


def _and_next(state: DownloadsState, event: Event) -> Decision:
    """The event, and all who may go once it has happened."""
    events = [event]
    state = behavior.evolve[type(event)](state, event)
    while (download_id := places.next_up(state)) is not None:
        events.append(DownloadAdmitted(download_id))
        state = _admitted(state, DownloadAdmitted(download_id))
    return Decision(
        events=tuple(events),
        effects=tuple(
            Tell(to=actor_of(admitted.id), message=AdmitDownload())
            for admitted in events
            if isinstance(admitted, DownloadAdmitted)
        ),
    )


# -- what each event makes of it --------------------------------------------------------------------------------------


def _added(state: DownloadsState, event: DownloadAdded) -> DownloadsState:
    """The youngest is last."""
    entry = DownloadEntry(event.order, number=state.count)
    state = places.shelved(replace(state, count=state.count + 1), entry)
    if event.order.origin.earlier is not None:
        return state  # it wants no place before it is resumed (FEATURES F28)
    return (places.lined_up if event.queued else places.admitted)(state, entry)


def _ended(state: DownloadsState, event: DownloadEnded) -> DownloadsState:
    """The order stays on the list, without the header fields: nothing will be sent again."""
    entry = state.entry(event.id)
    if entry is None:
        return state
    order = replace(entry.order, headers=())
    return places.shelved(places.released(state, entry), replace(entry, order=order, ended=True))


def _forgotten(state: DownloadsState, event: DownloadForgotten) -> DownloadsState:
    """Gone from the list; the turns of its actor stay in the log."""
    entry = state.entry(event.id)
    return state if entry is None else places.unshelved(places.released(state, entry), event.id)


def _lined_up(state: DownloadsState, event: DownloadLinedUp) -> DownloadsState:
    entry = state.entry(event.id)
    return state if entry is None else places.lined_up(state, entry)


def _admitted(state: DownloadsState, event: DownloadAdmitted) -> DownloadsState:
    entry = state.entry(event.id)
    return state if entry is None else places.admitted(state, entry)


def _released(state: DownloadsState, event: DownloadReleased) -> DownloadsState:
    entry = state.entry(event.id)
    return state if entry is None else places.released(state, entry)


def _limited(state: DownloadsState, event: DownloadsLimited) -> DownloadsState:
    return replace(state, limits=event.limits)


def _cleared(state: DownloadsState, event: PlacesCleared) -> DownloadsState:
    return replace(state, running={}, busy={}, lines={})


behavior: Final[Behavior[DownloadsState]] = Behavior(
    kind="downloads",
    initial=DownloadsState,
    decide={
        BeginDownload: begin,
        AddInterruptedDownload: add_interrupted,
        EndDownload: end,
        ForgetDownload: forget,
        QueueDownload: queue,
        ReleaseDownload: release,
        LimitDownloads: limit,
        Recover: recover,
    },
    evolve={
        DownloadAdded: _added,
        DownloadEnded: _ended,
        DownloadForgotten: _forgotten,
        DownloadLinedUp: _lined_up,
        DownloadAdmitted: _admitted,
        DownloadReleased: _released,
        DownloadsLimited: _limited,
        PlacesCleared: _cleared,
    },
)
