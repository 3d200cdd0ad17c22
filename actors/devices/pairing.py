"""A broker's rows about pairing: a Bluetooth device wants to be confirmed, and the session's handler is asked (FEATURES F19)."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from msgspec.structs import replace

from partita.actors.devices.connecting import known_of
from partita.actors.devices.letting_go import REFUSED
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.device_connections import (
    AskPairing,
    AskPairingHandler,
    PairingAnswered,
    PairingAsked,
    PairingSettled,
    PendingPairing,
)
from partita.events.devices import BrokerState


def ask(state: BrokerState, message: AskPairing, ctx: Context) -> Decision:
    """Ask the handler. A connection that is gone is not paired."""
    connection = state.connections.get(message.connection)
    known = None if connection is None else known_of(state, connection)
    if connection is None or known is None:
        return Decision(reply=REFUSED)
    question = ctx.id()
    return Decision(
        events=(PairingAsked(question, message.connection, message.kind),),
        effects=(
            AskPairingHandler(
                id=question,
                device_id=known.device_id,
                asker=connection.asker,
                kind=message.kind,
                pin=message.pin,
            ),
        ),
        waits=question,
    )


def answered(state: BrokerState, message: PairingAnswered, ctx: Context) -> Decision:
    """It counts, if it is one: a pin that is to be given must be there (FEATURES F19c)."""
    pending = state.pairings.get(message.effect_id)
    if pending is None:
        return NOTHING
    failure = message.failure
    if message.confirmed and pending.kind == "providePin" and message.pin is None:
        failure = failure or "the handler confirmed, and gave no pin"
    confirmed = message.confirmed and not failure
    settled = PairingSettled(message.effect_id, pending.connection, confirmed, message.handler, failure)
    answer = message if confirmed else REFUSED
    return Decision(events=(settled,), answers=((message.effect_id, answer),))


def lost(state: BrokerState, question: str, error: str) -> Decision:
    """A defect of the asking: refused."""
    pending = state.pairings.get(question)
    if pending is None:
        return NOTHING
    settled = PairingSettled(question, pending.connection, confirmed=False, failure=error)
    return Decision(events=(settled,), answers=((question, REFUSED),))


def pairing_asked(state: BrokerState, event: PairingAsked) -> BrokerState:
    return replace(state, pairings={**state.pairings, event.question: PendingPairing(event.connection, event.kind)})


def pairing_settled(state: BrokerState, event: PairingSettled) -> BrokerState:
    return replace(state, pairings={name: one for name, one in state.pairings.items() if name != event.question})
