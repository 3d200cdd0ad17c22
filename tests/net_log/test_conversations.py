"""What the session decides about its net log, message by message."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.net_log.behavior import behavior
from partita.errors import NetLogRefused, StoreFailed
from partita.events.net_log import (
    AwaitNetLog,
    EndNetLog,
    FailedNetLog,
    FileFailure,
    NetLogClosed,
    NetLogEnded,
    NetLogFailed,
    NetLogOpened,
    NetLogState,
    OpenNetLog,
    StartNetLog,
    StopNetLog,
    WriteNetLog,
)
from partita.events.system import Recover
from partita.events.types import Event, Message

FULL = FileFailure(errno.ENOSPC, "No space left on device", "/log")


class Talk:
    """``say(message)`` gives the decision; the state follows its events."""

    def __init__(self) -> None:
        self.state = NetLogState()
        self.position = 0

    def say(self, message: Message) -> Decision:
        self.position += 1
        context = Context(seed=b"s" * 32)
        context.begin(self.position, self.position, "session")
        decision = behavior.decide[type(message)](self.state, message, context)
        assert decision.refusal is None or not (decision.events or decision.effects)
        for event in decision.events:
            self.state = behavior.evolve[type(event)](self.state, event)
        return decision

    def start(self, **options: Any) -> str:
        log_id = self.say(StartNetLog("/log", **options)).reply
        assert isinstance(log_id, str)
        return log_id


def answered(decision: Decision) -> dict[str, object]:
    return {key.partition("/")[0]: value for key, value in decision.answers}


def test_a_log_from_its_start_to_its_end() -> None:
    talk = Talk()
    started = talk.say(StartNetLog("/log", "everything", 5000))
    log_id = started.reply
    assert started.effects == (WriteNetLog(log_id, "/log", "everything", 5000),)
    assert talk.state == NetLogState(OpenNetLog(log_id, "/log", "everything", 5000))
    assert talk.say(AwaitNetLog(log_id, "open")).waits is not None
    assert answered(talk.say(NetLogOpened(log_id))) == {"net_log.open": None}
    assert talk.state.current == OpenNetLog(log_id, "/log", "everything", 5000, begun=True)
    assert talk.say(AwaitNetLog(log_id, "open")).waits is None
    stopped = talk.say(StopNetLog())
    assert (stopped.effects, stopped.reply) == ((EndNetLog(log_id),), log_id)
    assert talk.state == NetLogState(ending=(log_id,))
    assert talk.say(AwaitNetLog(log_id, "end")).waits is not None
    ended = talk.say(NetLogEnded(log_id, dropped=3))
    assert answered(ended) == {"net_log.open": None, "net_log.end": None}
    assert ended.events == (NetLogClosed(log_id, 3),)
    assert talk.state == NetLogState()
    assert talk.say(AwaitNetLog(log_id, "end")) == Decision()


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (StartNetLog(""), "The first parameter must be a valid string"),
        (StartNetLog("relative"), "The first parameter must be a valid string"),
        (StartNetLog("/a\0b"), "The first parameter must be a valid string"),
        (StartNetLog("", "none", 0), "The first parameter must be a valid string"),
        (StartNetLog("/log", "none"), "Invalid value for captureMode"),
        (StartNetLog("/log", "none", 0), "Invalid value for captureMode"),
        (StartNetLog("/log", "default", 0), "Invalid value for maxFileSize"),
        (StartNetLog("/log", "default", -1), "Invalid value for maxFileSize"),
    ],
)
@pytest.mark.parametrize("running", [False, True])
def test_what_electron_refuses_is_refused_in_its_words_whether_a_log_is_running_or_not(
    message: StartNetLog, text: str, running: bool
) -> None:
    talk = Talk()
    if running:
        talk.start()
    refusal = talk.say(message).refusal
    assert isinstance(refusal, TypeError)
    assert str(refusal) == text


def test_a_second_one_is_refused_and_a_stop_of_none_is() -> None:
    talk = Talk()
    for expected in ("No net log in progress", None, "There is already a net log running"):
        message: Message = StopNetLog() if talk.position == 0 else StartNetLog("/log")
        refusal = talk.say(message).refusal
        assert (None if refusal is None else str(refusal)) == expected
        assert refusal is None or isinstance(refusal, NetLogRefused)


def test_the_next_may_start_while_the_last_is_being_finished() -> None:
    talk = Talk()
    one = talk.start()
    talk.say(StopNetLog())
    two = talk.start()
    assert one != two
    assert talk.state.ending == (one,)
    talk.say(NetLogOpened(one))  # late, and nothing to the other
    assert talk.state.current is not None
    assert not talk.state.current.begun
    talk.say(NetLogEnded(one))
    assert talk.state == NetLogState(OpenNetLog(two, "/log", "default"))


def test_a_file_that_does_not_open() -> None:
    talk = Talk()
    log_id = talk.start()
    told = answered(talk.say(NetLogEnded(log_id, FULL)))["net_log.open"]
    assert isinstance(told, OSError)
    assert (told.errno, told.strerror, told.filename) == (errno.ENOSPC, FULL.text, "/log")
    assert isinstance(talk.say(AwaitNetLog(log_id, "open")).refusal, OSError)
    assert isinstance(talk.say(StopNetLog()).refusal, NetLogRefused), "there never was one"


@pytest.mark.parametrize("stopped", [False, True])
def test_a_file_that_fails_later(stopped: bool) -> None:
    talk = Talk()
    log_id = talk.start()
    talk.say(NetLogOpened(log_id))
    if stopped:
        talk.say(StopNetLog())
    decision = talk.say(NetLogEnded(log_id, FULL))
    assert decision.events == (NetLogFailed(log_id, FULL, begun=True),)
    assert talk.state == NetLogState(failed=FailedNetLog(log_id, FULL, begun=True))
    assert isinstance(talk.say(StopNetLog()).refusal, OSError), "why there is none any more"
    assert isinstance(talk.say(AwaitNetLog(log_id, "end")).refusal, OSError)
    assert talk.say(AwaitNetLog(log_id, "open")) == Decision(), "it was open"
    talk.start()
    assert talk.state.failed is None


def test_who_waits_for_what_was_undone_is_told_so() -> None:
    talk = Talk()
    assert isinstance(talk.say(AwaitNetLog("undone", "open")).refusal, StoreFailed)
    log_id = talk.start()
    assert isinstance(talk.say(AwaitNetLog(log_id, "end")).refusal, StoreFailed)


def test_an_opening_begins_without_a_log() -> None:
    talk = Talk()
    assert talk.say(Recover(2)) == Decision()
    one = talk.start()
    talk.say(StopNetLog())
    two = talk.start()
    events: tuple[Event, ...] = talk.say(Recover(3)).events
    assert events == (NetLogClosed(one), NetLogClosed(two))
    assert talk.state == NetLogState()
