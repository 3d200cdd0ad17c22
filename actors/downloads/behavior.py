"""The actor ``download/<id>``: a table of phases and messages.

::

    absent ──start──▶ asking ──head──▶ deciding ──target──▶ receiving ──finished──▶ completed
                       ▲  │ ╰───────── head, target known ───────▲ │
                       │  │                │                       │
                    resume ╰── broke, crash, interrupt: from all three
                       │  ▼
                   interrupted ──cancel──▶ cancelled ◀──cancel── asking, deciding, receiving
                                           deciding ──not wanted──▶ refused

A pause is no phase: what carries out the fetch waits for the milestone ``running`` and holds the connection. What it
tells names its effect: the word of one that was stopped or given up no longer counts.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.actors.downloads.evolution import EVOLVE
from partita.actors.downloads.naming import suggested_name
from partita.actors.downloads.restoring import restored
from partita.actors.kernel.behavior import NOTHING, Behavior, Decide, Decision
from partita.actors.kernel.context import Context
from partita.events.downloads import (
    PHASES,
    RESUMABLE,
    AwaitDownload,
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadCancelled,
    DownloadCompleted,
    DownloadFinished,
    DownloadHead,
    DownloadHeadFields,
    DownloadHeadReceived,
    DownloadInterrupted,
    DownloadNotWanted,
    DownloadOrder,
    DownloadPaused,
    DownloadProgressed,
    DownloadResumed,
    DownloadStarted,
    DownloadState,
    DownloadTurnedDown,
    DownloadUnpaused,
    EndDownload,
    FetchDownload,
    ForgetDownload,
    InterruptDownload,
    Milestone,
    PauseDownload,
    Phase,
    ReportProgress,
    ResumeDownload,
    StartDownload,
    StopFetch,
    TargetChosen,
    TurnDownDownload,
)
from partita.events.errors import DownloadFailed, DownloadRefused
from partita.events.system import EffectLost, EffectSettled, Recover, ShutDown, Tell
from partita.events.types import Effect, Event, Message

ACTIVE: Final[frozenset[Phase]] = frozenset({"asking", "deciding", "receiving"})
"""Electron's ``progressing`` (FEATURES L19)."""

_MILESTONES: Final[tuple[Milestone, ...]] = ("announced", "stopped", "done", "running")


def can_resume(state: DownloadState) -> bool:
    """FEATURES L9: it is paused, or was interrupted by something that may pass."""
    return state.paused or (state.phase == "interrupted" and state.reason in RESUMABLE)


# -- rows of the table ------------------------------------------------------------------------------------------------


def start(state: DownloadState, message: StartDownload, ctx: Context) -> Decision:
    """Ask for it; one that began elsewhere waits to be resumed (FEATURES F28)."""
    if (earlier := restored(message.order)) is not None:
        return _changed(state, (earlier,))
    effect_id = ctx.id()
    return _changed(
        state, (DownloadStarted(message.order, effect_id),), (FetchDownload(id=effect_id, order=message.order),)
    )


def resume(state: DownloadState, message: ResumeDownload, ctx: Context) -> Decision:
    """Ask for what is missing; what carries that out sees whether the server still has the same file."""
    if not can_resume(state):
        return NOTHING
    head = state.head or DownloadHeadFields(url_chain=(), status=0)
    effect_id = ctx.id()
    fetch = FetchDownload(
        id=effect_id,
        order=_order(state),
        target_path=state.target_path,
        part_path=state.part_path,
        offset=state.received_bytes,
        total_bytes=head.total_bytes,
        e_tag=head.e_tag,
        last_modified=head.last_modified,
    )
    return _changed(state, (DownloadResumed(effect_id),), (fetch,))


def unpause(state: DownloadState, message: ResumeDownload, ctx: Context) -> Decision:
    """Read on."""
    return _changed(state, (DownloadUnpaused(),)) if state.paused else NOTHING


def pause(state: DownloadState, message: PauseDownload, ctx: Context) -> Decision:
    """Read no further."""
    return NOTHING if state.paused else _changed(state, (DownloadPaused(),))


def cancel(state: DownloadState, message: CancelDownload, ctx: Context) -> Decision:
    """Stop, delete, end."""
    if state.phase == "interrupted" and not can_resume(state):
        return NOTHING
    return _changed(
        state,
        (DownloadCancelled(ctx.now_us), *_settled(state)),
        (StopFetch(state.effect_id, *_leftovers(state)), _end(state)),
    )


def crash(state: DownloadState, message: Recover, ctx: Context) -> Decision:
    """The process that received this has ended; the kernel settles what was in flight. Always an opening's first turn."""
    return _changed(state, (DownloadInterrupted("CRASH", state.received_bytes, ended_us=ctx.now_us),))


def shut_down(state: DownloadState, message: ShutDown, ctx: Context) -> Decision:
    """The process ends in good order; the kernel has stopped the fetch, and settles it."""
    return _changed(state, (DownloadInterrupted("USER_SHUTDOWN", state.received_bytes, ended_us=ctx.now_us),))


def interrupt(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """Stop for now. A crash is no news: this fetch was begun after it."""
    if message.reason == "CRASH":
        return NOTHING
    event = DownloadInterrupted(message.reason, state.received_bytes, ended_us=ctx.now_us)
    return _changed(state, (event, *_settled(state)), (StopFetch(state.effect_id),))


def unstarted(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """Its first turn was lost with the process: it exists all the same, for the session's turn was not."""
    if (earlier := restored(message.order)) is not None:
        return _changed(state, (earlier,))
    return _changed(
        state, (DownloadStarted(message.order), DownloadInterrupted(message.reason, 0, ended_us=ctx.now_us))
    )


def end_again(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """The session has not heard that it ended: that turn was lost."""
    if can_resume(state):
        return NOTHING
    return Decision(effects=(_end(state),))


def head_came(state: DownloadState, message: DownloadHead, ctx: Context) -> Decision:
    """Name the file. The reply is None for the word of a fetch that no longer counts."""
    if message.effect_id != state.effect_id:
        return NOTHING
    head = message.head
    name = state.filename or suggested_name(head.url_chain[-1], head.content_disposition, head.mime_type)
    return _changed(state, (DownloadHeadReceived(head, name),), reply=name)


def target_chosen(state: DownloadState, message: ChooseTarget, ctx: Context) -> Decision:
    """Where the file goes, from now on and after every crash."""
    if message.effect_id != state.effect_id:
        return NOTHING
    return _changed(state, (TargetChosen(message.target_path, message.part_path, message.claimed),), reply=True)


def progress(state: DownloadState, message: ReportProgress, ctx: Context) -> Decision:
    """So much is safe."""
    if message.effect_id != state.effect_id or message.received_bytes == state.received_bytes:
        return NOTHING
    return Decision(events=(DownloadProgressed(message.received_bytes),))


def finished(state: DownloadState, message: DownloadFinished, ctx: Context) -> Decision:
    """The file is there."""
    if message.effect_id != state.effect_id:
        return NOTHING
    if not state.target_path:  # a defect took the turn that named the file: nobody could find it
        return _changed(state, (DownloadInterrupted("CRASH", 0, "the file's name was lost", ctx.now_us),))
    return _changed(state, (DownloadCompleted(message.received_bytes, ctx.now_us),), (_end(state),))


def broke(state: DownloadState, message: DownloadBroke, ctx: Context) -> Decision:
    """Interrupted; when the reason is one that does not pass (FEATURES L2), for good, and nothing is left behind."""
    if message.effect_id != state.effect_id:
        return NOTHING
    event = DownloadInterrupted(message.reason, message.received_bytes, message.detail, ctx.now_us)
    if message.reason in RESUMABLE:
        return _changed(state, (event,))
    return _changed(state, (event,), (StopFetch(None, *_leftovers(state)), _end(state)))


def lost(state: DownloadState, message: EffectLost, ctx: Context) -> Decision:
    """A defect ended the fetch: what has come so far is worth keeping."""
    if message.effect_id != state.effect_id:
        return NOTHING
    return _changed(state, (DownloadInterrupted("CRASH", state.received_bytes, message.error, ctx.now_us),))


def not_wanted(state: DownloadState, message: DownloadNotWanted, ctx: Context) -> Decision:
    """``prevent_default()``: it ends and leaves the list (FEATURES E2)."""
    if message.effect_id != state.effect_id:
        return NOTHING
    return _changed(state, (DownloadTurnedDown(ctx.now_us),), (_forget(state),))


def turn_down(state: DownloadState, message: TurnDownDownload, ctx: Context) -> Decision:
    """``prevent_default()`` for one that began elsewhere: its file stays as it is (FEATURES E2, F28)."""
    if _order(state).origin.earlier is None:
        return NOTHING
    return _changed(state, (DownloadTurnedDown(ctx.now_us),), (_forget(state),))


def forget_again(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """The session has not heard that it was refused."""
    return Decision(effects=(_forget(state),))


def wait(state: DownloadState, message: AwaitDownload, ctx: Context) -> Decision:
    """Reply now, or when the milestone is reached."""
    answer = _answer(state, message.milestone)
    if answer is None:
        return Decision(waits=message.milestone)
    return Decision(refusal=answer) if isinstance(answer, Exception) else Decision(reply=answer)


def ignore(state: DownloadState, message: Message, ctx: Context) -> Decision:
    """It changes nothing here, and is no mistake of the sender's."""
    return NOTHING


def unknown(state: DownloadState, message: Message, ctx: Context) -> Decision:
    """Refuse: nobody began this download."""
    return Decision(refusal=DownloadFailed(f"there is no {ctx.actor}: nobody began it"))


# -- the table --------------------------------------------------------------------------------------------------------

# fmt: off
TABLE: Final[Mapping[type[Message], tuple[Decide, ...]]] = {
    #                    absent     asking     deciding       receiving  interrupted completed  cancelled  refused
    StartDownload:     (start,     ignore,    ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    ResumeDownload:    (unknown,   unpause,   unpause,       unpause,   resume,     ignore,    ignore,    ignore),
    PauseDownload:     (unknown,   pause,     pause,         pause,     ignore,     ignore,    ignore,    ignore),
    CancelDownload:    (unknown,   cancel,    cancel,        cancel,    cancel,     ignore,    ignore,    ignore),
    InterruptDownload: (unstarted, interrupt, interrupt,     interrupt, end_again,  end_again, end_again, forget_again),
    Recover:           (ignore,    crash,     crash,         crash,     ignore,     ignore,    ignore,    ignore),
    ShutDown:          (ignore,    shut_down, shut_down,     shut_down, ignore,     ignore,    ignore,    ignore),
    AwaitDownload:     (unknown,   wait,      wait,          wait,      wait,       wait,      wait,      wait),
    DownloadHead:      (ignore,    head_came, ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    ChooseTarget:      (ignore,    ignore,    target_chosen, ignore,    ignore,     ignore,    ignore,    ignore),
    ReportProgress:    (ignore,    ignore,    ignore,        progress,  ignore,     ignore,    ignore,    ignore),
    DownloadFinished:  (ignore,    finished,  finished,      finished,  ignore,     ignore,    ignore,    ignore),
    DownloadBroke:     (ignore,    broke,     broke,         broke,     ignore,     ignore,    ignore,    ignore),
    EffectLost:        (ignore,    lost,      lost,          lost,      ignore,     ignore,    ignore,    ignore),
    DownloadNotWanted: (ignore,    not_wanted, not_wanted,   not_wanted,  ignore,     ignore,    ignore,    ignore),
    TurnDownDownload:  (unknown,   ignore,    ignore,        ignore,    turn_down,  ignore,    ignore,    ignore),
}
# fmt: on
"""A row for each message, a column for each phase, in the order of ``PHASES``."""


def _row(cells: tuple[Decide, ...]) -> Decide:
    by_phase: Mapping[Phase, Decide] = dict(zip(PHASES, cells, strict=True))

    def decide(state: DownloadState, message: Message, ctx: Context) -> Decision:
        return by_phase[state.phase](state, message, ctx)

    return decide


behavior: Final[Behavior[DownloadState]] = Behavior(
    kind="download",
    initial=DownloadState,
    decide={message: _row(cells) for message, cells in TABLE.items()},
    evolve=EVOLVE,
)


# -- what the rows are made of ----------------------------------------------------------------------------------------


def _changed(
    state: DownloadState, events: tuple[Event, ...], effects: tuple[Effect, ...] = (), reply: object = None
) -> Decision:
    """The decision, with answers for whoever waits for a milestone that these events reach."""
    after = state
    for event in events:
        if not isinstance(event, EffectSettled):
            after = EVOLVE[type(event)](after, event)
    reached = ((milestone, _answer(after, milestone)) for milestone in _MILESTONES)
    answers = tuple((milestone, answer) for milestone, answer in reached if answer is not None)
    return Decision(events=events, effects=effects, reply=reply, answers=answers)


def _answer(state: DownloadState, milestone: Milestone) -> Phase | Exception | None:
    """The phase when the milestone is reached, an exception when it never will be, None when it may yet."""
    stopped = state.phase not in ACTIVE
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
    url = _order(state).url
    if state.phase == "refused":
        return DownloadRefused(f"{url} was refused: a listener of will-download prevented it")
    if state.head is not None:
        return None
    why = f"{state.reason} ({state.detail})" if state.detail else state.reason
    return DownloadFailed(f"{url} could not begin: {why}")


def _order(state: DownloadState) -> DownloadOrder:
    assert state.order is not None, "a download that is not absent has an order"
    return state.order


def _settled(state: DownloadState) -> tuple[EffectSettled, ...]:
    """The fetch is stopped, so no outcome of it will come."""
    return () if state.effect_id is None else (EffectSettled(state.effect_id),)


def _leftovers(state: DownloadState) -> tuple[tuple[str, ...], str]:
    """What is on the disk and would be of no use: files, and the placeholder of a name."""
    return (state.part_path,) if state.part_path else (), state.target_path if state.claimed else ""


def _end(state: DownloadState) -> Tell[EndDownload]:
    return Tell(to="session", message=EndDownload(_order(state).id))


def _forget(state: DownloadState) -> Tell[ForgetDownload]:
    return Tell(to="session", message=ForgetDownload(_order(state).id))
