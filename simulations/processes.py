"""What goes wrong inside of a process: defects of its rules, effects whose outcome comes late or twice, and older versions.

The rules and the carriers of a simulated process are the production ones with a thin layer around each, which also tells the
checkers what happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from partita.actors.kernel.behavior import Decide, Decision
from partita.actors.kernel.fold import Behaviors
from partita.actors.kernel.world import Carriers, Door
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, State, tag_of
from partita.simulations.faults import Faults

if TYPE_CHECKING:
    from partita.actors.kernel.context import Context

FAULTS: Final[Mapping[str, float]] = {
    "defect.raises": 0.02,  # a decide function raises
    "defect.evolve": 0.02,  # it gives an event that nothing evolves on, after others that something does
    "buggify.commit.one_turn": 0.5,
    "buggify.commit.slow": 0.5,
    "buggify.download.checkpoint_each_chunk": 0.5,
    "buggify.cache.body_missing": 0.2,
    "defect.carries": 0.05,  # what carries out an effect that is waited for raises, before it has begun or when it is done
    "outcome.twice": 0.2,
    "outcome.late": 0.2,
    "outcome.again_later": 0.1,  # the second time comes when its actor does something else
}
SETTINGS: Final[Mapping[str, tuple[float, ...]]] = {
    "snapshot.every_turns": (3, 10, 30, 10_000),
    "version.old": (0, 0, 1),
    "users.pause_s": (0.0, 0.1, 1.0, 30.0, 600.0),  # between two steps, at most
}

LATEST_S: Final = 30.0


class SimulatedDefectError(Exception):
    """Raised in place of a decision, where a simulation plays a defect of the rules."""


class Unevolved(Event, frozen=True, tag="simulated.unevolved/1"):
    """An event that no rule knows: it never comes into a log."""


def was_played(text: str) -> bool:
    """Whether an error speaks of a defect that the simulation has played itself."""
    return SimulatedDefectError.__name__ in text or Unevolved.__name__ in text


class Watcher(Protocol):
    """Who is told what the rules and the carriers do."""

    def decided(self, actor: str, state: State, message: Message) -> None:
        """A message is about to be decided, on that state."""
        ...

    def carried(self, effect: Effect, door: Door) -> None:
        """An effect is about to be carried out."""
        ...


def watched_behaviors(behaviors: Behaviors, faults: Faults, watcher: Watcher) -> Behaviors:
    """The same rules, watched, and with defects."""
    return {
        kind: msgspec.structs.replace(
            behavior,
            decide={message: _watched(message, decide, faults, watcher) for message, decide in behavior.decide.items()},
        )
        for kind, behavior in behaviors.items()
    }


def _watched(kind: type[Message], decide: Decide, faults: Faults, watcher: Watcher) -> Decide:
    of_the_kernel = kind.__module__.endswith(".system")

    def watched(state: State, message: Message, ctx: Context) -> Decision:
        watcher.decided(ctx.actor, state, message)
        decision = decide(state, message, ctx)
        if of_the_kernel or not decision.events:
            return decision
        if faults.strikes("defect.raises") is not None:
            raise SimulatedDefectError(f"on {tag_of(message)}")
        if faults.strikes("defect.evolve") is not None:
            return msgspec.structs.replace(decision, events=(*decision.events, Unevolved()))
        return decision

    watched.__wrapped__ = decide  # type: ignore[attr-defined]  # divergence reports name the function that decided
    return watched


def watched_carriers(
    carriers: Carriers, faults: Faults, watcher: Watcher, sleep: Callable[[float], Awaitable[None]]
) -> Carriers:
    """The same carriers, watched, whose outcomes may come late or twice."""
    return {effect: _carried(carrier, faults, watcher, sleep) for effect, carrier in carriers.items()}


def _carried(
    carrier: Callable[..., Awaitable[Message | None]],
    faults: Faults,
    watcher: Watcher,
    sleep: Callable[[float], Awaitable[None]],
) -> Callable[..., Awaitable[Message | None]]:
    async def watched(effect: Effect, door: Door) -> Message | None:
        watcher.carried(effect, door)
        defect = faults.strikes("defect.carries") if isinstance(effect, AwaitedEffect) else None
        if defect is not None and defect.below(2):
            raise SimulatedDefectError(f"before {tag_of(effect)}")
        outcome = await carrier(effect, door)
        if defect is not None:
            raise SimulatedDefectError(f"after {tag_of(effect)}")
        if not isinstance(effect, AwaitedEffect) or not isinstance(outcome, Outcome):
            return outcome
        if (random := faults.strikes("outcome.late")) is not None:
            await sleep(random.random() * LATEST_S)
        if faults.strikes("outcome.twice") is not None:
            door.tell(outcome)
        if (random := faults.strikes("outcome.again_later")) is not None:
            door.tell(outcome)
            await sleep(random.random() * LATEST_S)
        return outcome

    return watched
