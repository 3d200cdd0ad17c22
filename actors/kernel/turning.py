"""What one message makes of an actor: the pure middle of a turn. The live turn and every replay go through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from partita.actors.kernel.behavior import NOTHING, Decide, Decision
from partita.events.points import reached
from partita.events.system import EffectLost, EffectSettled, Flush, Recover, Recovered, ShutDown
from partita.events.types import AwaitedEffect, Message, Outcome, State

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

FOR_ALL: Final = (Recover, Flush, ShutDown, EffectLost)
"""What the kernel says to every actor, whether its behavior has a row for it or not."""

Decides = Mapping[type[Message], Decide]
Pending = Mapping[str, AwaitedEffect]


def decide_turn(table: Decides, state: State, pending: Pending, message: Message, context: Context) -> Decision | None:
    """The decision of the behavior, with what the kernel adds to it. None: a second outcome, which is ignored.

    An outcome settles its effect; an opening settles the effects that fail with their process, and has those carried out
    again that declare it (DESIGN, 4).
    """
    kind = type(message)
    decide = table.get(kind)
    if decide is None and kind not in FOR_ALL:
        raise LookupError(f"{context.actor} has no row for {kind.__name__}")
    if isinstance(message, Outcome):
        if message.effect_id not in pending:
            reached("outcome.ignored")
            return None
        decision = NOTHING if decide is None else decide(state, message, context)
        return Decision(
            (*decision.events, EffectSettled(message.effect_id)),
            decision.effects,
            decision.reply,
            decision.refusal,
            decision.waits,
            decision.answers,
        )
    decision = NOTHING if decide is None else decide(state, message, context)
    if isinstance(message, Recover):
        again = tuple(effect for effect in pending.values() if effect.recovery == "reissue")
        events = (Recovered(message.epoch), *decision.events, *_failed(pending))
        return Decision(events, (*decision.effects, *again))
    if kind is ShutDown:
        return Decision((*decision.events, *_failed(pending)), decision.effects)
    return decision


def _failed(pending: Pending) -> tuple[EffectSettled, ...]:
    """What is in flight and ends with its process is settled."""
    return tuple(EffectSettled(effect.id) for effect in pending.values() if effect.recovery == "fail")
