"""The shape of a capability: two tables of plain functions.

``decide(state, message, ctx)`` says what a message leads to; ``evolve(state, event)`` says what an event makes of the
state. Both are pure: no clock, no randomness, no I/O, no other actor's state; what they need of these is in ``ctx``, where
all of it is derived from the recorded turn, so that deciding again gives the same result to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from partita.events.types import Effect, Event, Message

S = TypeVar("S")


class Decision(Struct, frozen=True):  # with gc: a refusal that was raised leads to frames, and they lead back
    """What a message leads to.

    - ``events`` happen to the actor's state; a decision with none (and that drew no id or random number) leaves no turn.
    - ``effects`` are carried out by the world once the turn is durable; a ``Tell`` is delivered at once.
    - ``reply`` answers whoever asked; ``refusal`` is raised at the asker instead, and goes with no events: bad input
      changes nothing.
    - ``waits`` holds the asker back under that key until a later decision ``answers`` it with ``(key, value or exception)``.
      Neither is state: both are gone with the process, and no replay looks at them.
    """

    events: tuple[Event, ...] = ()
    effects: tuple[Effect, ...] = ()
    reply: object = None
    refusal: Exception | None = None
    waits: str | None = None
    answers: tuple[tuple[str, object], ...] = ()


NOTHING = Decision()

Decide = Callable[..., Decision]
"""``decide(state, message, ctx)``, where ``message`` is of the type that the table has it under."""

Evolve = Callable[..., S]
"""``evolve(state, event)``, where ``event`` is of the type that the table has it under."""


def settles_nothing(state: object) -> bool:  # noqa: ARG001  # whatever the state is
    """Nothing of it ends with the process."""
    return False


class Behavior(Struct, Generic[S], frozen=True):
    """A kind of actor, or a capability of one: what it decides, and how it evolves.

    ``kind`` is the first part of its actors' names (``download`` of ``download/<id>``); ``evolve_version`` is raised by every
    change of an evolve function that makes a different state of the same events: snapshots of older versions are then
    set aside and the state is folded from the log. ``recovers(state)``: whether an opening has something to settle in it
    besides effects in flight, which it settles in any case: then it is told of it (``Recover``).
    """

    kind: str
    initial: Callable[[], S]
    decide: Mapping[type[Message], Decide]
    evolve: Mapping[type[Event], Evolve[S]]
    evolve_version: int = 1
    recovers: Callable[[S], bool] = settles_nothing
