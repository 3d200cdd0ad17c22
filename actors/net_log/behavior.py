"""The net log: what it decides, and how it evolves.

========================  ==============================================================================================
message                   leads to
========================  ==============================================================================================
StartNetLog               a log is to be written; refused while one is running (FEATURES N1)
NetLogOpened              its file is open: who waits for that is answered
StopNetLog                the log takes no more, and is ended; refused when none is running (FEATURES N4), with the
                          file's error when that is why none is
AwaitNetLog               its caller is answered, or waits
NetLogEnded               who waits is answered; a log that could not be written has failed
EffectLost                the same, as one that could not be written
Recover                   no log is running: they ended with their process
========================  ==============================================================================================
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

import errno
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, cast, get_args

from msgspec.structs import replace

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.errors import NetLogRefused, StoreFailed
from partita.events.net_log import (
    AwaitNetLog,
    CaptureMode,
    EndNetLog,
    FailedNetLog,
    FileFailure,
    Milestone,
    NetLogBegun,
    NetLogClosed,
    NetLogEnded,
    NetLogFailed,
    NetLogOpened,
    NetLogStarted,
    NetLogState,
    NetLogStopped,
    OpenNetLog,
    StartNetLog,
    StopNetLog,
    WriteNetLog,
)
from partita.events.system import EffectLost, Recover

CAPTURE_MODES: Final = get_args(CaptureMode)

ALREADY_RUNNING: Final = "There is already a net log running"
NOT_RUNNING: Final = "No net log in progress"
BAD_PATH: Final = "The first parameter must be a valid string"
BAD_CAPTURE_MODE: Final = "Invalid value for captureMode"
BAD_MAX_FILE_SIZE: Final = "Invalid value for maxFileSize"
UNDONE: Final = "the net log is as it was: what was said of it could not be written to the partition's log"


def start(state: NetLogState, message: StartNetLog, ctx: Context) -> Decision:
    """FEATURES N1 to N3. The parameters are looked at before anything else, as Electron does."""
    if not _is_path(message.path):
        return Decision(refusal=TypeError(BAD_PATH))
    if message.capture_mode not in CAPTURE_MODES:
        return Decision(refusal=TypeError(BAD_CAPTURE_MODE))
    if message.max_file_size is not None and message.max_file_size <= 0:
        return Decision(refusal=TypeError(BAD_MAX_FILE_SIZE))
    if state.current is not None:
        return Decision(refusal=NetLogRefused(ALREADY_RUNNING))
    capture_mode = cast("CaptureMode", message.capture_mode)
    log_id = ctx.id()
    return Decision(
        events=(NetLogStarted(log_id, message.path, capture_mode, message.max_file_size),),
        effects=(WriteNetLog(log_id, message.path, capture_mode, message.max_file_size),),
        reply=log_id,
    )


def opened(state: NetLogState, message: NetLogOpened, ctx: Context) -> Decision:
    """FEATURES N1: resolved once the file is open. One that was stopped meanwhile has been open all the same."""
    answers = ((_waiting(message.effect_id, "open"), None),)
    if state.current is None or state.current.id != message.effect_id:
        return Decision(answers=answers)
    return Decision(events=(NetLogBegun(),), answers=answers)


def stop(state: NetLogState, message: StopNetLog, ctx: Context) -> Decision:
    """FEATURES N4."""
    if state.current is not None:
        log_id = state.current.id
        return Decision(events=(NetLogStopped(),), effects=(EndNetLog(log_id),), reply=log_id)
    failed = state.failed
    if failed is not None and failed.begun:
        return Decision(refusal=error_of(failed.failure))
    return Decision(refusal=NetLogRefused(NOT_RUNNING))


def await_milestone(state: NetLogState, message: AwaitNetLog, ctx: Context) -> Decision:
    """Wait, unless it is past.

    Its caller has started or stopped that log. Where the state does not know of it, the commit of that turn has failed.
    """
    log_id, opening = message.id, message.milestone == "open"
    if state.current is not None and state.current.id == log_id:
        if not opening:
            return Decision(refusal=StoreFailed(UNDONE))
        return NOTHING if state.current.begun else Decision(waits=_waiting(log_id, "open"))
    if log_id in state.ending:
        return Decision(waits=_waiting(log_id, message.milestone))
    failed = state.failed
    if failed is not None and failed.id == log_id:
        return NOTHING if failed.begun and opening else Decision(refusal=error_of(failed.failure))
    return Decision(refusal=StoreFailed(UNDONE)) if opening else NOTHING


def ended(state: NetLogState, message: NetLogEnded, ctx: Context) -> Decision:
    """It was written to its end, or not."""
    log_id, failure = message.effect_id, message.failure
    told = None if failure is None else error_of(failure)
    answers = ((_waiting(log_id, "open"), told), (_waiting(log_id, "end"), told))
    if failure is None:
        return Decision(events=(NetLogClosed(log_id, message.dropped),), answers=answers)
    was_begun = log_id in state.ending or (state.current is not None and state.current.begun)
    return Decision(events=(NetLogFailed(log_id, failure, was_begun),), answers=answers)


def lost(state: NetLogState, message: EffectLost, ctx: Context) -> Decision:
    """A defect ended the writing, or kept its end from being known: nobody waits for it, and another log can be started."""
    log_id, current = message.effect_id, state.current
    if log_id not in state.ending and (current is None or current.id != log_id):
        return NOTHING
    return ended(state, NetLogEnded(log_id, FileFailure(errno.EIO, message.error)), ctx)


def recover(state: NetLogState, message: Recover, ctx: Context) -> Decision:
    """A net log ends with its process."""
    left = [*state.ending, *([state.current.id] if state.current is not None else [])]
    return Decision(events=tuple(NetLogClosed(log_id) for log_id in left)) if left else NOTHING


def error_of(failure: FileFailure) -> OSError:
    """The file's error, as it was raised."""
    return OSError(failure.number, failure.text, failure.path or None)


def _waiting(log_id: str, milestone: Milestone) -> str:
    return f"net_log.{milestone}/{log_id}"


def _is_path(path: str) -> bool:
    return "\0" not in path and (PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute())


def started(state: NetLogState, event: NetLogStarted) -> NetLogState:
    """One is to be written."""
    current = OpenNetLog(event.id, event.path, event.capture_mode, event.max_file_size)
    return replace(state, current=current, failed=None)


def begun(state: NetLogState, event: NetLogBegun) -> NetLogState:
    """It has its file."""
    assert state.current is not None
    return replace(state, current=replace(state.current, begun=True))


def stopped(state: NetLogState, event: NetLogStopped) -> NetLogState:
    """It takes no more."""
    assert state.current is not None
    return replace(state, current=None, ending=(*state.ending, state.current.id))


def closed(state: NetLogState, event: NetLogClosed) -> NetLogState:
    """It is complete."""
    return _without(state, event.id)


def failed(state: NetLogState, event: NetLogFailed) -> NetLogState:
    """It is not, and this is why."""
    return replace(_without(state, event.id), failed=FailedNetLog(event.id, event.failure, event.begun))


def _without(state: NetLogState, log_id: str) -> NetLogState:
    current = state.current
    return replace(
        state,
        current=None if current is not None and current.id == log_id else current,
        ending=tuple(other for other in state.ending if other != log_id),
    )


behavior: Final[Behavior[NetLogState]] = Behavior(
    kind="net_log",
    initial=NetLogState,
    decide={
        StartNetLog: start,
        NetLogOpened: opened,
        StopNetLog: stop,
        AwaitNetLog: await_milestone,
        NetLogEnded: ended,
        EffectLost: lost,
        Recover: recover,
    },
    evolve={
        NetLogStarted: started,
        NetLogBegun: begun,
        NetLogStopped: stopped,
        NetLogClosed: closed,
        NetLogFailed: failed,
    },
)
