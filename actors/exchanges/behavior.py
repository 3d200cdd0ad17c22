"""The session's part in a recording: each word becomes a turn, and so has a place and a time in the log."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.kernel.behavior import Behavior, Decide, Decision
from partita.actors.kernel.context import Context
from partita.events.exchanges import (
    BeginExchange,
    BodyNoted,
    ContinuationNoted,
    ExchangeBegun,
    ExchangesState,
    FailureNoted,
    NoteBody,
    NoteContinuation,
    NoteFailure,
    NoteRequest,
    NoteResponse,
    RequestNoted,
    ResponseNoted,
    Word,
)
from partita.events.types import Event


def begin(state: ExchangesState, message: BeginExchange, ctx: Context) -> Decision:
    """Give it an id."""
    exchange = ctx.id()
    return Decision(events=(ExchangeBegun(exchange),), reply=exchange)


def note_body(state: ExchangesState, message: NoteBody, ctx: Context) -> Decision:
    """More of a body."""
    return Decision(events=(BodyNoted(message.exchange, sum(message.sizes)),))


def _noting(event: type[RequestNoted | ResponseNoted | FailureNoted | ContinuationNoted]) -> Decide:
    def note(state: ExchangesState, message: Word, ctx: Context) -> Decision:
        return Decision(events=(event(message.exchange),))

    return note


def begun(state: ExchangesState, event: ExchangeBegun) -> ExchangesState:
    """One more."""
    return msgspec.structs.replace(state, count=state.count + 1)


def body_noted(state: ExchangesState, event: BodyNoted) -> ExchangesState:
    """So many bytes more."""
    return msgspec.structs.replace(state, body_bytes=state.body_bytes + event.size_bytes)


def unchanged(state: ExchangesState, event: Event) -> ExchangesState:
    """What was noted is in its turn."""
    return state


behavior: Final[Behavior[ExchangesState]] = Behavior(
    kind="exchanges",
    initial=ExchangesState,
    decide={
        BeginExchange: begin,
        NoteRequest: _noting(RequestNoted),
        NoteResponse: _noting(ResponseNoted),
        NoteBody: note_body,
        NoteFailure: _noting(FailureNoted),
        NoteContinuation: _noting(ContinuationNoted),
    },
    evolve={
        ExchangeBegun: begun,
        RequestNoted: unchanged,
        ResponseNoted: unchanged,
        BodyNoted: body_noted,
        FailureNoted: unchanged,
        ContinuationNoted: unchanged,
    },
    evolve_version=0,  # snapshots of sessions that never recorded an exchange stay as good as they were
)
