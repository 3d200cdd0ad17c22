"""What one message makes of an actor: the pure middle of a turn. The live turn and every replay go through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from partita.actors.kernel.behavior import NOTHING, Decide, Decision
from partita.events.system import EffectSettled, Flush, Recover, Recovered
from partita.events.types import AwaitedEffect, Message, Outcome, State

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

Decides = Mapping[type[Message], Decide]
Pending = Mapping[str, AwaitedEffect]


def decide_turn(table: Decides, state: State, pending: Pending, message: Message, context: Context) -> Decision | None:
    """The decision of the behavior, with what the kernel adds to it. None: a second outcome, which is ignored.

    An outcome settles its effect; an opening settles the effects that fail with their process, and has those carried out
    again that declare it (DESIGN, 4).
    """
    kind = type(message)
    decide = table.get(kind)
    if decide is None:
        if kind is not Recover and kind is not Flush:
            raise LookupError(f"{context.actor} has no row for {kind.__name__}")
        decision = NOTHING
    elif isinstance(message, Outcome):
        if message.effect_id not in pending:
            return None
        decision = decide(state, message, context)
        return Decision(
            (*decision.events, EffectSettled(message.effect_id)),
            decision.effects,
            decision.reply,
            decision.refusal,
            decision.waits,
            decision.answers,
        )
    else:
        decision = decide(state, message, context)
    if kind is Recover:
        assert isinstance(message, Recover)
        settled = tuple(EffectSettled(effect.id) for effect in pending.values() if effect.recovery == "fail")
        again = tuple(effect for effect in pending.values() if effect.recovery == "reissue")
        return Decision((Recovered(message.epoch), *decision.events, *settled), (*decision.effects, *again))
    return decision
