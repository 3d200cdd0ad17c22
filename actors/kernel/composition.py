"""One actor out of several capabilities: each decides and evolves on the field of the state that it owns.

A capability that has no state of its own (it evolves nothing) has no field, and decides on the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from partita.actors.kernel.behavior import Behavior, Decide, Decision, Evolve
from partita.events.system import EffectLost, Recover, ShutDown
from partita.events.types import Event, Message, State, tag_of

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

SHARED: Final = (Recover, ShutDown, EffectLost)
"""What the kernel says to an actor is said to each of its capabilities."""


def compose(kind: str, state: type[State], parts: Mapping[str, Behavior[Any]]) -> Behavior[Any]:
    """One actor of the kind ``kind`` out of ``parts``, each of which owns the field of ``state`` that it is named for.

    A message or event belongs to one capability only; :class:`ValueError` names one that two of them claim. The exception
    is what the kernel says (:data:`SHARED`): every capability that has a row for it decides in turn, in the order of ``parts``.
    """
    fields = {field.name for field in msgspec.structs.fields(state)}
    for name, part in parts.items():
        if name not in fields and part.evolve:
            raise ValueError(f"{tag_of(state)} has no field for the capability {name!r}, which has a state of its own")
    decide: dict[type[Message], Decide] = {}
    evolve: dict[type[Event], Evolve[Any]] = {}
    shared: dict[type[Message], list[tuple[str, Decide]]] = {}
    for name, part in parts.items():
        for message, row in part.decide.items():
            if message in SHARED:
                shared.setdefault(message, []).append((name, row))
            elif decide.setdefault(message, wrapped := _decide_on(name, row)) is not wrapped:
                raise ValueError(f"two capabilities of {kind} decide on {tag_of(message)}; {name} is the second")
        for event, change in part.evolve.items():
            if evolve.setdefault(event, wrapper := _evolve_on(name, change)) is not wrapper:
                raise ValueError(f"two capabilities of {kind} evolve on {tag_of(event)}; {name} is the second")
    for message, rows in shared.items():
        decide[message] = _decide_in_turn(rows)
    return Behavior(
        kind=kind,
        initial=state,
        decide=decide,
        evolve=evolve,
        evolve_version=sum(part.evolve_version for part in parts.values()),
    )


def _decide_on(name: str, decide: Decide) -> Decide:
    def on_part(state: State, message: Message, ctx: Context) -> Decision:
        return decide(getattr(state, name, state), message, ctx)

    on_part.__wrapped__ = decide  # type: ignore[attr-defined]  # a divergence report names the function that decided
    return on_part


def _evolve_on(name: str, evolve: Evolve[Any]) -> Evolve[Any]:
    replace: Callable[..., State] = msgspec.structs.replace

    def on_part(state: State, event: Event) -> State:
        return replace(state, **{name: evolve(getattr(state, name), event)})

    on_part.__wrapped__ = evolve  # type: ignore[attr-defined]
    return on_part


def _decide_in_turn(rows: list[tuple[str, Decide]]) -> Decide:
    def each_part(state: State, message: Message, ctx: Context) -> Decision:
        decisions = [decide(getattr(state, name), message, ctx) for name, decide in rows]
        return Decision(
            events=tuple(event for decision in decisions for event in decision.events),
            effects=tuple(effect for decision in decisions for effect in decision.effects),
            answers=tuple(answer for decision in decisions for answer in decision.answers),
        )

    return each_part
