"""What all messages, events, effects and states are made of.

Every type carries an explicit, stable tag, ``"capability.name/version"``, given where the class is declared::

    class SetUserAgent(Message, tag="preferences.set_user_agent/1"): ...

The tag is what the log holds; a class may be renamed or moved freely. A change of fields needs a new version and an
upcaster (:mod:`partita.events.vocabulary`); the golden corpus in ``tests/events/golden`` fails when it is forgotten.
Fields may be added at the end with a default without a new version: old records still mean the same.

Structs are frozen and array-like: compact in the log, and safe to publish to any thread.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

Recovery = Literal["reissue", "fail"]


class Tagged(Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=False):
    """A struct with a stable tag."""


class Message(Tagged, frozen=True, array_like=True, gc=False):
    """Something asked of, or told to, an actor. Imperative: ``SetCookie``.

    ``lazy`` marks what the network tells: its turn is visible at once, and is durable with the next group commit that
    something else asks for, or soon after (DESIGN, 6).
    """

    lazy: ClassVar[bool] = False

    @property
    def said_by(self) -> str:
        """The awaited effect that says it, and has nothing more to say when its turn fails; empty: one that goes on."""
        return ""


class Event(Tagged, frozen=True, array_like=True, gc=False):
    """Something that has happened to an actor's state. Past tense: ``CookieStored``."""


class Effect(Tagged, frozen=True, array_like=True, gc=False):
    """Something for the world to do, carried out once its turn is durable.

    An effect that is awaited has a field ``id`` (from ``ctx.id()``) and says in ``recovery`` what becomes of it when the
    process ends before its outcome came: it is carried out again, or it has failed.
    """

    recovery: ClassVar[Recovery | None] = None

    @property
    def line(self) -> str:
        """Effects of an actor that stand in one line are carried out one after another, in the order of their turns.

        Empty: this one stands in none.
        """
        return ""


class AwaitedEffect(Effect, frozen=True, array_like=True, gc=False):
    """An effect whose :class:`Outcome` will come; until then it is part of its actor's ``pending`` state."""

    recovery: ClassVar[Recovery | None] = "fail"
    id: str


class Outcome(Message, frozen=True, array_like=True, gc=False):
    """What became of an awaited effect. A second outcome of the same effect is ignored (DESIGN, 4)."""

    effect_id: str


class State(Tagged, frozen=True, array_like=True, gc=False):
    """An actor's state. Immutable: evolving it makes a new one, so that what was published stays as it was."""


def tag_of(struct: Tagged | type[Tagged]) -> str:
    """The stable tag of a struct or of its class."""
    tag = struct.__struct_config__.tag
    assert isinstance(tag, str), f"{struct!r} carries no tag"
    return tag
