"""What becomes of a turn that raises: it is dropped whole, recorded as failed, and its actor lives on (DESIGN, Actors)."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from partita.actors.kernel.checking import is_readable
from partita.actors.kernel.fold import pending_after
from partita.actors.kernel.raised import writable
from partita.actors.kernel.replies import Rejection
from partita.events.system import EffectLost, EffectSettled, TurnFailed
from partita.events.turn import Turn
from partita.events.types import Event, Outcome

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.mailbox import Envelope
    from partita.actors.kernel.partition import Partition


def turn_failed(partition: Partition, actor: Actor, envelope: Envelope, error: Exception) -> None:
    """Record it. Who waits for its effect hears that this is lost; who asked is told what was raised."""
    message, cause, reply, durable = envelope
    awaited = message.effect_id if isinstance(message, Outcome) and message.effect_id in actor.pending else ""
    is_told = reply is not None
    if reply is not None and not durable:
        reply.set_exception(error)
        reply = None
    if not is_readable(message):  # the log must never hold what cannot be read back
        if reply is not None:
            reply.set_exception(error)
        if awaited:
            lost = EffectLost(awaited, writable(f"{type(error).__name__}: {error}"))
            actor.actor_inbox.put_internal((lost, cause, None, False))
        return
    position, time_us = partition.next_place()
    text = "".join(traceback.format_exception(error))
    failed = TurnFailed(writable(f"{type(error).__name__}: {error}"), writable(text))
    events: tuple[Event, ...] = (failed,)
    if awaited:  # it came, and nothing was made of it
        if isinstance(message, EffectLost):
            events = (failed, EffectSettled(awaited))
            actor.pending = pending_after(actor.pending, events, ())
        else:
            lost = EffectLost(awaited, failed.error)
            actor.actor_inbox.put_internal((lost, position, None, False))
    elif not is_told and message.said_by in actor.pending:
        # The turn is taken again, after a failed commit: who said it believes that it counts.
        partition.carrying.stop(message.said_by)
        actor.actor_inbox.put_internal((EffectLost(message.said_by, failed.error), cause, None, False))
    turn: Turn[Any, Any, Any] = Turn(position, time_us, actor.name, cause, message, events, ())
    partition.submit((turn, None if reply is None else Rejection(reply, error), None, ()))
