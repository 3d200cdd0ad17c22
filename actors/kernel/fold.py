"""State from events. Used by every opening, by ``at(n)``, by forks, and by the debugger.

What an actor is, folded: its ``state`` (its behavior's) and its ``pending`` effects (the kernel's own: an awaited effect is
added by its turn and taken away by ``system.effect_settled``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from partita.actors.kernel.behavior import Behavior, Decide, Evolve
from partita.actors.kernel.turning import FOR_ALL
from partita.events.errors import UnknownTag
from partita.events.system import EffectSettled, Recovered, TurnFailed
from partita.events.types import AwaitedEffect, Event, Message, Outcome, State

if TYPE_CHECKING:
    from partita.events.turn import Turn
    from partita.store.partition import PartitionStore
    from partita.store.snapshots import Snapshot

Behaviors = Mapping[str, Behavior[Any]]
"""Each kind of actor with its behavior."""

Image = tuple[State, Mapping[str, AwaitedEffect]]


def _unchanged(state: State, event: Event) -> State:  # noqa: ARG001  # the shape of every evolve
    return state


_OF_THE_KERNEL: Mapping[type[Event], Evolve[Any]] = {
    Recovered: _unchanged,
    EffectSettled: _unchanged,
    TurnFailed: _unchanged,
}


_NO_ROWS: Mapping[type[Event], Evolve[Any]] = {}


def _evolving(behavior: Behavior[Any]) -> dict[type[Event], Evolve[Any]]:
    """What its events do, the kernel's own among them."""
    return {**_OF_THE_KERNEL, **behavior.evolve}


class Rules(msgspec.Struct, frozen=True):
    """A behavior, as turns are taken by it.

    ``ordinary`` are the rows that the kernel adds nothing to: no outcome, and no message of its own. ``evolve`` knows the
    kernel's own events as well, which change no state.
    """

    kind: str
    initial: Callable[[], State]
    decide: Mapping[type[Message], Decide]
    ordinary: dict[type[Message], Decide]
    evolve: dict[type[Event], Evolve[Any]]
    recovers: Callable[[Any], bool]

    @classmethod
    def of(cls, behavior: Behavior[Any]) -> Rules:
        """Those of a behavior."""
        return cls(
            kind=behavior.kind,
            initial=behavior.initial,
            decide=behavior.decide,
            ordinary={
                message: decide
                for message, decide in behavior.decide.items()
                if message not in FOR_ALL and not issubclass(message, Outcome)
            },
            evolve=_evolving(behavior),
            recovers=behavior.recovers,
        )


def kind_of(actor: str) -> str:
    """The kind of the actor of this name: ``download`` of ``download/<id>``."""
    return actor.partition("/")[0]


def fingerprint(behaviors: Behaviors) -> str:
    """Changes with every evolve version: a snapshot of another one is set aside."""
    text = " ".join(f"{kind}={behaviors[kind].evolve_version}" for kind in sorted(behaviors))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def pending_after(
    pending: Mapping[str, AwaitedEffect], events: Iterable[Event], effects: Iterable[object]
) -> Mapping[str, AwaitedEffect]:
    """The effects in flight after a turn."""
    changed: dict[str, AwaitedEffect] | None = None
    for event in events:
        if type(event) is EffectSettled:
            changed = dict(pending) if changed is None else changed
            changed.pop(event.effect_id, None)
    for effect in effects:
        if isinstance(effect, AwaitedEffect):
            changed = dict(pending) if changed is None else changed
            changed[effect.id] = effect
    return pending if changed is None else changed


class Fold:
    """The states of all actors of a partition, turn by turn."""

    def __init__(self, behaviors: Behaviors, snapshot: Snapshot | None = None) -> None:
        self._behaviors = behaviors
        self._tables = {kind: _evolving(behavior) for kind, behavior in behaviors.items()}
        self.position = 0
        self.time_us = 0
        self.images: dict[str, Image] = {}
        if snapshot is not None:
            self.position = snapshot.position
            for actor in snapshot.actors:
                self.images[actor.name] = (
                    actor.state,
                    {effect.id: effect for effect in actor.pending if isinstance(effect, AwaitedEffect)},
                )

    def run(self, turns: Iterable[Turn[Any, Event, Any]]) -> Fold:
        """Take these turns, which follow on :attr:`position`. An actor is looked up only when it changes."""
        images, tables = self.images, self._tables
        name: str | None = None
        state = State()
        pending: Mapping[str, AwaitedEffect] = {}
        table = _NO_ROWS
        turn = None
        for turn in turns:
            if turn.actor != name:
                if name is not None:
                    images[name] = (state, pending)
                name = turn.actor
                kind = kind_of(name)
                state, pending = images.get(name) or (self._behavior(kind, turn.position).initial(), {})
                table = tables[kind]
            events = turn.events
            for event in events:
                state = table[type(event)](state, event)
            if turn.effects or (events and type(events[-1]) is EffectSettled):
                pending = pending_after(pending, events, turn.effects)
        if turn is not None and name is not None:
            images[name] = (state, pending)
            self.position, self.time_us = turn.position, turn.time
        return self

    def take(self, turn: Turn[Any, Event, Any]) -> None:
        """One more of them."""
        name = turn.actor
        kind = kind_of(name)
        state, pending = self.images.get(name) or (self._behavior(kind, turn.position).initial(), {})
        table, events = self._tables[kind], turn.events
        for event in events:
            state = table[type(event)](state, event)
        if turn.effects or (events and type(events[-1]) is EffectSettled):
            pending = pending_after(pending, events, turn.effects)
        self.images[name] = (state, pending)
        self.position, self.time_us = turn.position, turn.time

    def _behavior(self, kind: str, position: int) -> Behavior[Any]:
        behavior = self._behaviors.get(kind)
        if behavior is None:
            raise UnknownTag(
                f"turn {position} was taken by an actor of the kind {kind!r}, which this version does not know",
                tag=kind,
            )
        return behavior


def fold(store: PartitionStore, behaviors: Behaviors, through: int | None = None) -> Fold:
    """The states as of position ``through`` (default: the newest), from the newest good snapshot and the turns after it."""
    last = store.position if through is None else min(through, store.position)
    snapshot = store.newest_snapshot(at_or_before=last, fingerprint=fingerprint(behaviors))
    folded = Fold(behaviors, snapshot)
    folded.run(store.folding_turns(folded.position + 1, last))
    if (
        store.first_position <= folded.position and not folded.time_us
    ):  # nothing follows the snapshot: its turn has the time
        folded.time_us = next(iter(store.folding_turns(folded.position, folded.position))).time
    return folded
