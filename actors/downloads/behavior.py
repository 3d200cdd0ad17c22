"""The actor ``download/<id>``: a table of phases and messages.

::

    absent ──start──▶ asking ──head──▶ deciding ──target──▶ receiving ──finished──▶ completed
       │               ▲  │ ╰───────── head, target known ───────▲ │
     start,          admit│                │                       │
     no place yet      │  ╰── broke, crash, interrupt: from all three
       ╰──────────▶ queued     │
                       ▲       ▼
        resume, retry due ── interrupted ──cancel──▶ cancelled ◀──cancel── queued, asking, deciding, receiving
                                                     deciding ──not wanted──▶ refused

The session has a limited number of places (:mod:`.ledger`): whoever stops gives his back, and whoever goes on waits for one.
A pause is no phase: what carries out the fetch waits for the milestone ``running`` and holds the connection. What it
tells names its effect: the word of one that was stopped or given up no longer counts.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001, E501

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.actors.downloads.answers import (
    answer_of,
    can_resume,
    changed,
    discarding,
    end_of,
    forgetting,
    of_helpers,
    order_of,
    queueing,
    releasing,
    settled,
)
from partita.actors.downloads.evolution import EVOLVE
from partita.actors.downloads.fetches import asked, resumed
from partita.actors.downloads.naming import suggested_name
from partita.actors.downloads.restoring import restored
from partita.actors.downloads.retries import dropped, hold_retry, planned, reopened, retry_due, retry_lost, waits_on
from partita.actors.downloads.segments import (
    divide,
    helpers_of,
    leave_segment,
    next_segment,
    segment_over,
    segment_progress,
)
from partita.actors.kernel.behavior import NOTHING, Behavior, Decide, Decision
from partita.actors.kernel.context import Context
from partita.events.download_queue import AdmitDownload
from partita.events.download_retries import RetryDue
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
    RESUMABLE,
    AwaitDownload,
    CancelDownload,
    ChooseTarget,
    DownloadBroke,
    DownloadCancelled,
    DownloadCompleted,
    DownloadFinished,
    DownloadHead,
    DownloadHeadReceived,
    DownloadInterrupted,
    DownloadNotWanted,
    DownloadOptionsChanged,
    DownloadPaused,
    DownloadProgressed,
    DownloadStarted,
    DownloadState,
    DownloadTurnedDown,
    DownloadUnpaused,
    FetchDownload,
    FilesDiscarded,
    InterruptDownload,
    PauseDownload,
    Phase,
    ReportProgress,
    ResumeDownload,
    StartDownload,
    StopFetch,
    TargetChosen,
    TurnDownDownload,
)
from partita.events.errors import DownloadFailed
from partita.events.system import EffectLost, Recover, ShutDown
from partita.events.types import Message

# -- rows of the table ------------------------------------------------------------------------------------------------


def start(state: DownloadState, message: StartDownload, ctx: Context) -> Decision:
    """Ask for it, or wait until there is a place; one that began elsewhere waits to be resumed (FEATURES F28)."""
    if (earlier := restored(message.order)) is not None:
        return changed(state, (earlier,))
    if message.queued:
        return changed(state, (DownloadStarted(message.order, queued=True),))
    effect_id = ctx.id()
    return changed(
        state, (DownloadStarted(message.order, effect_id),), (FetchDownload(id=effect_id, order=message.order),)
    )


def resume(state: DownloadState, message: ResumeDownload, ctx: Context) -> Decision:
    """By hand: what would have done it by itself is given up."""
    if not can_resume(state):
        return NOTHING
    events, effects = dropped(state)
    if message.options is not None and message.options != order_of(state).options:
        events = (*events, DownloadOptionsChanged(message.options))
    return resumed(state, events, effects)


def unpause(state: DownloadState, message: ResumeDownload, ctx: Context) -> Decision:
    """Read on."""
    return changed(state, (DownloadUnpaused(),)) if state.paused else NOTHING


def pause(state: DownloadState, message: PauseDownload, ctx: Context) -> Decision:
    """Read no further."""
    return NOTHING if state.paused else changed(state, (DownloadPaused(),))


def admitted(state: DownloadState, message: AdmitDownload, ctx: Context) -> Decision:
    """There is a place for it. Whoever paused it has given that back already."""
    return NOTHING if state.paused else asked(state, ctx)


def pause_queued(state: DownloadState, message: PauseDownload, ctx: Context) -> Decision:
    """Nobody waits behind one that does not want to go."""
    return NOTHING if state.paused else changed(state, (DownloadPaused(),), (releasing(state),))


def unpause_queued(state: DownloadState, message: ResumeDownload, ctx: Context) -> Decision:
    """Wait again; and say so again, if the session has not heard it."""
    if not state.paused:
        return Decision(effects=(queueing(state),))
    return changed(state, (DownloadUnpaused(),), (queueing(state),))


def interrupt_queued(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """Stop waiting. At an opening: wait on, if the policy says so."""
    policy = order_of(state).options.retry
    if message.reason == "CRASH" and policy is not None and policy.resume_on_open:
        return NOTHING if state.paused else Decision(effects=(queueing(state),))
    event = DownloadInterrupted(message.reason, state.received_bytes, ended_us=ctx.now_us)
    return changed(state, (event,), (releasing(state),))


def cancel(state: DownloadState, message: CancelDownload, ctx: Context) -> Decision:
    """Stop, delete, end."""
    if state.phase == "interrupted" and not can_resume(state):
        return NOTHING
    return changed(
        state,
        (DownloadCancelled(ctx.now_us), *settled(state)),
        (
            StopFetch(state.effect_id or state.retry_id, helpers=helpers_of(state)),
            *discarding(state, ctx),
            end_of(state),
        ),
    )


def crash(state: DownloadState, message: Recover, ctx: Context) -> Decision:
    """The process that received this has ended; the kernel settles what was in flight. Always an opening's first turn."""
    return changed(state, (DownloadInterrupted("CRASH", state.received_bytes, ended_us=ctx.now_us),))


def shut_down(state: DownloadState, message: ShutDown, ctx: Context) -> Decision:
    """The process ends in good order; the kernel has stopped the fetch, and settles it."""
    return changed(state, (DownloadInterrupted("USER_SHUTDOWN", state.received_bytes, ended_us=ctx.now_us),))


def interrupt(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """Stop for now. A crash is no news: this fetch was begun after it."""
    if message.reason == "CRASH":
        return NOTHING
    event = DownloadInterrupted(message.reason, state.received_bytes, ended_us=ctx.now_us)
    stop = StopFetch(state.effect_id, helpers=helpers_of(state))
    return changed(state, (event, *settled(state)), (stop, releasing(state)))


def unstarted(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """Its first turn was lost with the process: it exists all the same, for the session's turn was not."""
    if (earlier := restored(message.order)) is not None:
        return changed(state, (earlier,))
    return changed(state, (DownloadStarted(message.order), DownloadInterrupted(message.reason, 0, ended_us=ctx.now_us)))


def head_came(state: DownloadState, message: DownloadHead, ctx: Context) -> Decision:
    """Name the file. The reply is None for the word of a fetch that no longer counts."""
    if message.effect_id != state.effect_id:
        return NOTHING
    head = message.head
    name = state.filename or suggested_name(head.url_chain[-1], head.content_disposition, head.mime_type)
    return changed(state, (DownloadHeadReceived(head, name),), reply=name)


def target_chosen(state: DownloadState, message: ChooseTarget, ctx: Context) -> Decision:
    """Where the file goes, from now on and after every crash; again, when the name that was kept free is another program's."""
    if message.effect_id != state.effect_id:
        return NOTHING
    chosen = TargetChosen(message.target_path, message.part_path, message.claimed, ctx.position)
    return changed(state, (chosen,), reply=True)


def progress(state: DownloadState, message: ReportProgress, ctx: Context) -> Decision:
    """So much is safe."""
    is_news = message.received_bytes != state.received_bytes or message.is_whole
    if message.effect_id != state.effect_id or not is_news:
        return NOTHING
    return Decision(events=(DownloadProgressed(message.received_bytes, message.is_whole),))


def finished(state: DownloadState, message: DownloadFinished, ctx: Context) -> Decision:
    """The file is there."""
    if message.effect_id != state.effect_id:
        return NOTHING
    settled_helpers, stop_helpers = of_helpers(state)
    if not state.target_path:  # a defect took the turn that named the file: nobody could find it
        lost_name = DownloadInterrupted("CRASH", 0, "the file's name was lost", ctx.now_us)
        return changed(state, (lost_name, *settled_helpers), (*stop_helpers, releasing(state)))
    completed = DownloadCompleted(message.received_bytes, ctx.now_us)
    return changed(state, (completed, *settled_helpers), (*stop_helpers, end_of(state)))


def broke(state: DownloadState, message: DownloadBroke, ctx: Context) -> Decision:
    """Interrupted; when the reason is one that does not pass (FEATURES L2), for good, and nothing is left behind."""
    if message.effect_id != state.effect_id:
        return NOTHING
    received_bytes = message.received_bytes
    spoiled = message.spoiled or message.reason == "FILE_HASH_MISMATCH"  # that alone is what older versions wrote
    if (state.segments or state.pieces) and not spoiled:  # the one that leads speaks of itself alone
        received_bytes = state.received_bytes
    event = DownloadInterrupted(message.reason, received_bytes, message.detail, ctx.now_us, message.gone)
    settled_helpers, stop_helpers = of_helpers(state)
    if message.reason in RESUMABLE:
        events, effects = planned(state, event, ctx, message.retry_after_s)
        return changed(state, (event, *settled_helpers, *events), (*stop_helpers, *effects, releasing(state)))
    return changed(state, (event, *settled_helpers), (*stop_helpers, *discarding(state, ctx), end_of(state)))


def lost(state: DownloadState, message: EffectLost, ctx: Context) -> Decision:
    """A defect ended the fetch: what has come so far is worth keeping."""
    if message.effect_id != state.effect_id:
        return segment_over(state, message, ctx)
    event = DownloadInterrupted("CRASH", state.received_bytes, message.error, ctx.now_us)
    events, effects = planned(state, event, ctx)
    settled_helpers, stop_helpers = of_helpers(state)
    return changed(state, (event, *settled_helpers, *events), (*stop_helpers, *effects, releasing(state)))


def not_wanted(state: DownloadState, message: DownloadNotWanted, ctx: Context) -> Decision:
    """``prevent_default()``: it ends and leaves the list (FEATURES E2)."""
    if message.effect_id != state.effect_id:
        return NOTHING
    return changed(state, (DownloadTurnedDown(ctx.now_us),), (forgetting(state),))


def end_again(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """The session has not heard that it ended: that turn was lost."""
    return Decision(effects=(end_of(state),))


def turn_down(state: DownloadState, message: TurnDownDownload, ctx: Context) -> Decision:
    """``prevent_default()`` for one that began elsewhere: its file stays as it is (FEATURES E2, F28)."""
    if order_of(state).origin.earlier is None:
        return NOTHING
    return changed(state, (DownloadTurnedDown(ctx.now_us),), (forgetting(state),))


def forget_again(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """The session has not heard that it was refused."""
    return Decision(effects=(forgetting(state),))


def wait(state: DownloadState, message: AwaitDownload, ctx: Context) -> Decision:
    """Reply now, or when the milestone is reached."""
    answer = answer_of(state, message.milestone)
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
    #                    absent     queued            asking     deciding       receiving  interrupted completed  cancelled  refused
    StartDownload:     (start,     ignore,           ignore,    ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    AdmitDownload:     (ignore,    admitted,         ignore,    ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    ResumeDownload:    (unknown,   unpause_queued,   unpause,   unpause,       unpause,   resume,     ignore,    ignore,    ignore),
    PauseDownload:     (unknown,   pause_queued,     pause,     pause,         pause,     hold_retry, ignore,    ignore,    ignore),
    CancelDownload:    (unknown,   cancel,           cancel,    cancel,        cancel,    cancel,     ignore,    ignore,    ignore),
    InterruptDownload: (unstarted, interrupt_queued, interrupt, interrupt,     interrupt, reopened,   end_again, end_again, forget_again),
    Recover:           (ignore,    ignore,           crash,     crash,         crash,     waits_on,   ignore,    ignore,    ignore),
    ShutDown:          (ignore,    ignore,           shut_down, shut_down,     shut_down, ignore,     ignore,    ignore,    ignore),
    AwaitDownload:     (unknown,   wait,             wait,      wait,          wait,      wait,       wait,      wait,      wait),
    DownloadHead:      (ignore,    ignore,           head_came, ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    ChooseTarget:      (ignore,    ignore,           target_chosen, target_chosen, target_chosen, ignore, ignore, ignore,    ignore),
    ReportProgress:    (ignore,    ignore,           ignore,    ignore,        progress,  ignore,     ignore,    ignore,    ignore),
    DivideDownload:    (ignore,    ignore,           ignore,    ignore,        divide,    ignore,     ignore,    ignore,    ignore),
    NextSegment:       (ignore,    ignore,           ignore,    ignore,        next_segment, ignore,  ignore,    ignore,    ignore),
    LeaveSegment:      (ignore,    ignore,           ignore,    ignore,        leave_segment, ignore, ignore,    ignore,    ignore),
    ReportSegment:     (ignore,    ignore,           ignore,    ignore,        segment_progress, ignore, ignore, ignore,    ignore),
    SegmentDone:       (ignore,    ignore,           ignore,    ignore,        segment_over, ignore,  ignore,    ignore,    ignore),
    SegmentBroke:      (ignore,    ignore,           ignore,    ignore,        segment_over, ignore,  ignore,    ignore,    ignore),
    DownloadFinished:  (ignore,    ignore,           finished,  finished,      finished,  ignore,     ignore,    ignore,    ignore),
    DownloadBroke:     (ignore,    ignore,           broke,     broke,         broke,     ignore,     ignore,    ignore,    ignore),
    EffectLost:        (ignore,    ignore,           lost,      lost,          lost,      retry_lost, ignore,    ignore,    ignore),
    FilesDiscarded:    (ignore,    ignore,           ignore,    ignore,        ignore,    ignore,     ignore,    ignore,    ignore),
    DownloadNotWanted: (ignore,    ignore,           not_wanted, not_wanted,   not_wanted, ignore,    ignore,    ignore,    ignore),
    RetryDue:          (ignore,    ignore,           ignore,    ignore,        ignore,    retry_due,  ignore,    ignore,    ignore),
    TurnDownDownload:  (unknown,   ignore,           ignore,    ignore,        ignore,    turn_down,  ignore,    ignore,    ignore),
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
