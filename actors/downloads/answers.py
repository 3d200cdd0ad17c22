"""What the rows of a download's table are made of: what becomes of those who wait, and of what is left behind. Pure."""

from __future__ import annotations

from typing import Final

from partita.actors.downloads.evolution import EVOLVE
from partita.actors.downloads.segments import WORK, helpers_of
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.events.download_ledger import EndDownload, ForgetDownload
from partita.events.download_queue import QueueDownload, ReleaseDownload
from partita.events.downloads import RESUMABLE, DiscardFiles, DownloadOrder, DownloadState, Milestone, Phase, StopFetch
from partita.events.errors import DownloadFailed, DownloadRefused
from partita.events.system import EffectSettled, Tell
from partita.events.types import Effect, Event

ACTIVE: Final[frozenset[Phase]] = frozenset({"queued", "asking", "deciding", "receiving"})
"""Electron's ``progressing`` (FEATURES L19)."""

_MILESTONES: Final[tuple[Milestone, ...]] = ("announced", "stopped", "done", "running")


def can_resume(state: DownloadState) -> bool:
    """FEATURES L9: it is paused, or was interrupted by something that may pass."""
    return state.paused or (state.phase == "interrupted" and state.reason in RESUMABLE)


def evolved(state: DownloadState, *events: Event) -> DownloadState:
    """The state after these events."""
    for event in events:
        if not isinstance(event, EffectSettled):
            state = EVOLVE[type(event)](state, event)
    return state


def changed(
    state: DownloadState, events: tuple[Event, ...], effects: tuple[Effect, ...] = (), reply: object = None
) -> Decision:
    """The decision, with answers for whoever waits for a milestone that these events reach."""
    after = evolved(state, *events)
    reached = ((milestone, answer_of(after, milestone)) for milestone in _MILESTONES)
    answers: tuple[tuple[str, object], ...] = tuple(found for found in reached if found[1] is not None)
    if state.segments and not after.segments:
        answers = (*answers, (WORK, None))  # whoever waits for more to do has none
    return Decision(events=events, effects=effects, reply=reply, answers=answers)


def answer_of(state: DownloadState, milestone: Milestone) -> Phase | Exception | None:
    """The phase when the milestone is reached, an exception when it never will be, None when it may yet."""
    stopped = state.phase not in ACTIVE and state.retry_id is None
    match milestone:
        case "running":
            reached = not state.paused
        case "stopped":
            reached = stopped
        case "done":
            reached = stopped and not can_resume(state)
        case "announced":
            reached = bool(state.target_path) or stopped
            if stopped and not state.target_path and (failure := _unannounced(state)) is not None:
                return failure
    return state.phase if reached else None


def _unannounced(state: DownloadState) -> Exception | None:
    """Why ``will-download`` was not answered with a file; None when it was asked, and the download stopped then."""
    url = order_of(state).url
    if state.phase == "refused":
        return DownloadRefused(f"{url} was refused: a listener of will-download prevented it")
    if state.head is not None:
        return None
    why = f"{state.reason} ({state.detail})" if state.detail else state.reason
    return DownloadFailed(f"{url} could not begin: {why}")


def order_of(state: DownloadState) -> DownloadOrder:
    assert state.order is not None, "a download that is not absent has an order"
    return state.order


def settled(state: DownloadState) -> tuple[EffectSettled, ...]:
    """What is under way is stopped, so no outcome of it will come."""
    under_way = (state.effect_id, state.retry_id, *helpers_of(state))
    return tuple(EffectSettled(effect_id) for effect_id in under_way if effect_id is not None)


def of_helpers(state: DownloadState) -> tuple[tuple[EffectSettled, ...], tuple[StopFetch, ...]]:
    """The fetch that led has ended by itself: its helpers are stopped, and no outcome of theirs will come."""
    helpers = helpers_of(state)
    return tuple(map(EffectSettled, helpers)), (StopFetch(None, helpers=helpers),) if helpers else ()


def whole_bytes(state: DownloadState) -> int:
    """How long the file is once all of it is there: the server said so, or it was told before the file got its name.

    0: nobody knows yet.
    """
    announced_bytes = state.head.total_bytes if state.head is not None else 0
    return announced_bytes or (state.received_bytes if state.is_whole else 0)


def since_us(state: DownloadState) -> int:
    """What lies under the download's name and is older is not its own; 0: nothing can be, the name was kept free."""
    return 0 if state.claimed else order_of(state).started_us


def discarding(state: DownloadState, ctx: Context) -> tuple[DiscardFiles, ...]:
    """What is on the disk and would be of no use is deleted: the part file, and the placeholder of a name.

    Or the whole file, when it has got its name and that has not been told yet.
    """
    placeholder = state.target_path if state.claimed else ""
    if not state.part_path:
        return (DiscardFiles(ctx.id(), (), placeholder),) if placeholder else ()
    if state.phase in ("queued", "asking"):  # nobody knows any more when it was last at work
        return (DiscardFiles(ctx.id(), (state.part_path,), placeholder),)
    began_us, last_us = order_of(state).started_us, state.ended_us or ctx.now_us
    whole = (state.target_path, whole_bytes(state), began_us, last_us)
    return (DiscardFiles(ctx.id(), (state.part_path,), placeholder, *whole),)


def end_of(state: DownloadState) -> Tell[EndDownload]:
    return Tell(to="session", message=EndDownload(order_of(state).id))


def forgetting(state: DownloadState) -> Tell[ForgetDownload]:
    return Tell(to="session", message=ForgetDownload(order_of(state).id))


def queueing(state: DownloadState) -> Tell[QueueDownload]:
    return Tell(to="session", message=QueueDownload(order_of(state).id))


def releasing(state: DownloadState) -> Tell[ReleaseDownload]:
    return Tell(to="session", message=ReleaseDownload(order_of(state).id))
