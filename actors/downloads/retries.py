"""Going on by itself after an interruption: when, and what happens while it waits (WANTS: resume by policy). Pure."""

# Every decide has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from partita.actors.downloads.answers import can_resume, changed, end_of, evolved, order_of
from partita.actors.downloads.fetches import resumed
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.download_retries import DownloadRetryDropped, DownloadRetryPlanned, RetryDue, WaitToRetry
from partita.events.downloads import (
    RESUMABLE,
    DownloadInterrupted,
    DownloadState,
    InterruptDownload,
    PauseDownload,
    StopFetch,
)
from partita.events.system import EffectLost, EffectSettled, Recover
from partita.events.types import Effect, Event

MOST_RETRY_AFTER_S: Final = 3600.0
"""A server that wants to be left alone for longer is asked again all the same: ``Retry-After`` may be a slip."""


def planned(
    state: DownloadState, event: DownloadInterrupted, ctx: Context, retry_after_s: float = 0.0
) -> tuple[tuple[Event, ...], tuple[Effect, ...]]:
    """What an interruption is followed by when the policy says that it goes on; nothing when it does not."""
    after = evolved(state, event)
    policy = order_of(state).options.retry
    if policy is None or event.reason not in RESUMABLE or after.attempts >= policy.attempts:
        return (), ()
    delay_s = policy.delay_s(after.attempts, ctx.random.random())
    delay_s = max(delay_s, min(retry_after_s, MOST_RETRY_AFTER_S))
    due_us = ctx.now_us + round(delay_s * 1e6)
    effect_id = ctx.id()
    return (
        (DownloadRetryPlanned(effect_id, due_us, after.attempts + 1),),
        (WaitToRetry(effect_id, due_us, delay_s),),
    )


def dropped(state: DownloadState) -> tuple[tuple[Event, ...], tuple[Effect, ...]]:
    """What waits is stopped, and attempts are counted anew; nothing where there is neither."""
    if state.retry_id is None:
        return ((DownloadRetryDropped(),) if state.attempts else ()), ()
    return (DownloadRetryDropped(), EffectSettled(state.retry_id)), (StopFetch(state.retry_id),)


def retry_due(state: DownloadState, message: RetryDue, ctx: Context) -> Decision:
    """It is time. A word of one that was given up does not count."""
    return NOTHING if message.effect_id != state.retry_id else resumed(state)


def hold_retry(state: DownloadState, message: PauseDownload, ctx: Context) -> Decision:
    """It stays interrupted until somebody resumes it."""
    return NOTHING if state.retry_id is None else changed(state, *dropped(state))


def retry_lost(state: DownloadState, message: EffectLost, ctx: Context) -> Decision:
    """A defect took what waits: somebody has to resume it by hand."""
    return NOTHING if message.effect_id != state.retry_id else changed(state, (DownloadRetryDropped(),))


def waits_on(state: DownloadState, message: Recover, ctx: Context) -> Decision:
    """The process has ended meanwhile: only a policy that says so goes on. What waits is begun again by the kernel."""
    policy = order_of(state).options.retry
    if state.retry_id is None or (policy is not None and policy.resume_on_open):
        return NOTHING
    return changed(state, (DownloadRetryDropped(),))


def reopened(state: DownloadState, message: InterruptDownload, ctx: Context) -> Decision:
    """The session's word at an opening: it goes on if the policy says so, and the session is told again if it has ended."""
    if not can_resume(state):
        return Decision(effects=(end_of(state),))
    policy = order_of(state).options.retry
    if message.reason != "CRASH" or state.retry_id is not None or policy is None or not policy.resume_on_open:
        return NOTHING
    return resumed(state)
