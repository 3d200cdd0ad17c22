"""A page's part in devices: which of its documents asks a broker, and what it waits for (FEATURES E12 to E23).

Its rows of the page's table. With a document goes all that it has at the brokers: what it asked is refused, and what it has open
is closed.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.actors.pages.asking import asker_of
from partita.events.devices import (
    AnswerPage,
    AskBroker,
    BrokerAnswer,
    BrokerAnswered,
    BrokerAsked,
    PutRequest,
    WithdrawDocuments,
)
from partita.events.errors import UsageError
from partita.events.pages import PageState
from partita.events.system import Tell

GONE: Final = BrokerAnswer("document_gone")


def broker_of(kind: str) -> str:
    """The name of a kind's broker."""
    return f"broker/{kind}"


def ask(state: PageState, message: AskBroker, ctx: Context) -> Decision:
    """Tell the broker, and wait. Said again, after a commit that failed, it is no second request."""
    if message.ticket in state.at_brokers:
        return Decision(waits=message.ticket)
    if message.frame not in state.frames or not message.ticket.startswith(f"{state.opener}/"):
        return Decision(refusal=UsageError("the frame is gone: its page was closed, or its document has changed"))
    asker = asker_of(state, message.frame, message.kind)
    return Decision(
        events=(BrokerAsked(message.ticket, message.frame, message.kind),),
        effects=(Tell(to=broker_of(message.kind), message=PutRequest(asker, message.ticket, message.request)),),
        waits=message.ticket,
    )


def answer(state: PageState, message: AnswerPage, ctx: Context) -> Decision:
    """To whoever waits. One whose document is gone has been refused."""
    if message.ticket not in state.at_brokers:
        return NOTHING
    return Decision(
        events=(BrokerAnswered(message.ticket, message.answer),),
        answers=((message.ticket, message.answer),),
    )


def withdrawn(state: PageState, frames: tuple[int, ...]) -> Decision:
    """What it comes to that the documents in these frames are gone."""
    tickets = tuple(ticket for ticket, frame in state.at_brokers.items() if frame in frames)
    return Decision(
        events=tuple(BrokerAnswered(ticket, GONE) for ticket in tickets),
        effects=tuple(Tell(to=name, message=WithdrawDocuments(state.id, frames)) for name in state.brokers),
        answers=tuple((ticket, GONE) for ticket in tickets),
    )


def asked(state: PageState, event: BrokerAsked) -> PageState:
    """One request more."""
    name = broker_of(event.kind)
    brokers = state.brokers if name in state.brokers else (*state.brokers, name)
    return msgspec.structs.replace(state, at_brokers={**state.at_brokers, event.ticket: event.frame}, brokers=brokers)


def answered(state: PageState, event: BrokerAnswered) -> PageState:
    """One less."""
    left = {ticket: frame for ticket, frame in state.at_brokers.items() if ticket != event.ticket}
    return msgspec.structs.replace(state, at_brokers=left)
