"""What goes with a connection that ends, or is to end: who waits for its opening, and what its device wants confirmed. Pure."""

from __future__ import annotations

from typing import Final

from partita.actors.devices.choosing import told
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.events.device_connections import ConnectionClosing, LetGo, PairingAnswered, PairingSettled, StopPairing
from partita.events.devices import BrokerAnswer, BrokerState
from partita.events.system import EffectSettled
from partita.events.types import Event

REFUSED: Final = PairingAnswered("", confirmed=False)


def let_go(state: BrokerState, names: tuple[str, ...], *, is_told: bool = True) -> Decision:
    """Close these, those that are not closing yet. Who waits for an opening is answered, unless his document is gone."""
    due = tuple(name for name in names if state.connections[name].phase != "closing")
    if not due:
        return NOTHING
    waiting = [state.connections[name] for name in due if is_told and state.connections[name].phase == "opening"]
    answers = tuple(told(one.asker, one.ticket, BrokerAnswer("gone")) for one in waiting)
    return Decision(events=tuple(map(ConnectionClosing, due)), effects=(LetGo(due), *answers))


def pairings_of(state: BrokerState, name: str) -> Decision:
    """A connection is no more: nobody is to confirm anything for it."""
    questions = tuple(question for question, pending in state.pairings.items() if pending.connection == name)
    if not questions:
        return NOTHING
    events: list[Event] = []
    for question in questions:
        events.append(PairingSettled(question, name, confirmed=False, failure="the connection is gone"))
        events.append(EffectSettled(question))
    return Decision(
        events=tuple(events),
        effects=(StopPairing(questions),),
        answers=tuple((question, REFUSED) for question in questions),
    )
