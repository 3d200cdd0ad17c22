"""What the kernel itself says: openings, failed turns, messages between actors."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from partita.events.types import Effect, Event, Message, Outcome, Recovery

MessageT = TypeVar("MessageT")


class Recover(Message, frozen=True, tag="system.recover/1"):
    """Begins every opening of a partition: what was in flight when the last process ended is settled (DESIGN, 4)."""

    epoch: int


class ShutDown(Message, frozen=True, tag="system.shut_down/1"):
    """Ends an opening in good order: told to the actors whose effects were just stopped. The next opening finds no crash."""


class EffectLost(Outcome, frozen=True, tag="system.effect_lost/1"):
    """What carried out an awaited effect raised: a defect of it. Its actor must not wait for what cannot come any more."""

    error: str


class Flush(Message, frozen=True, tag="system.flush/1"):
    """A barrier: its reply comes when all turns taken before it are durable. It leaves no turn itself."""


class Recovered(Event, frozen=True, tag="system.recovered/1"):
    """The partition was opened, by the writer of this epoch."""

    epoch: int


class EffectSettled(Event, frozen=True, tag="system.effect_settled/1"):
    """An awaited effect is no longer pending: its outcome came, or it was given up."""

    effect_id: str


class TurnFailed(Event, frozen=True, tag="system.turn_failed/1"):
    """``decide`` raised: a defect. The turn was dropped whole; the actor lives on with the state before it."""

    error: str
    traceback: str


class Tell(Effect, Generic[MessageT], frozen=True, tag="system.tell/1"):
    """A message for another actor of the partition.

    Delivered as the turn ends, not after its commit: the receiver's turns come later in the same order, so none of them
    can be durable before this one.
    """

    recovery: ClassVar[Recovery | None] = None
    to: str
    message: MessageT
