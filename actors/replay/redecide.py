"""Re-decide: whether today's code agrees with what happened.

Every recorded message is decided again, on the state that the log had then and with the context of its turn; the events and
effects are compared with the record. The record itself is what the state is folded from, so one divergence does not become
a thousand.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from partita.actors.kernel.behavior import Behavior
from partita.actors.kernel.context import Context
from partita.actors.kernel.fold import Behaviors, Fold, fold, kind_of
from partita.actors.kernel.turning import decide_turn
from partita.actors.replay.divergence import Difference, differences
from partita.events.errors import KeyMissing, SecretErased
from partita.events.secret import Secret
from partita.events.system import TurnFailed
from partita.events.turn import Turn
from partita.events.types import Effect, Event, Message, State
from partita.store.partition import PartitionStore

AnyTurn = Turn[Any, Any, Any]


class Divergence(msgspec.Struct, frozen=True):
    """One turn that today's code would decide differently.

    ``recorded`` and ``redecided`` are ``(events, effects)``; where the code raises now, ``raised`` says what.
    ``function`` is the one that decided, with its file and line; ``state_before`` is the actor's state before the turn.
    """

    turn: AnyTurn
    turn_before: AnyTurn | None
    state_before: State
    function: str
    recorded: tuple[tuple[Event, ...], tuple[Effect, ...]]
    redecided: tuple[tuple[Event, ...], tuple[Effect, ...]]
    differences: tuple[Difference, ...]
    raised: str | None = None

    @property
    def position(self) -> int:
        """The turn's position."""
        return self.turn.position


class Report(msgspec.Struct, frozen=True):
    """What re-deciding a log found. ``skipped`` are positions of turns whose secrets were erased."""

    first: int
    last: int
    turns: int
    divergences: tuple[Divergence, ...]
    skipped: tuple[int, ...]

    @property
    def agrees(self) -> bool:
        """Whether no turn diverged."""
        return not self.divergences


def redecide(
    store: PartitionStore, behaviors: Behaviors, *, start: int = 1, stop: int | None = None, limit: int | None = None
) -> Report:
    """Decide the turns ``start`` to ``stop`` again (default: all that the log has). ``limit`` ends it at so many divergences.

    A turn whose secrets were erased is skipped. Raises :class:`KeyMissing` when the keys of a log are not at hand.
    Where retention has given up the beginning, it starts at what is left.
    """
    first = max(start, store.first_position)
    last = store.position if stop is None else min(stop, store.position)
    states = fold(store, behaviors, first - 1)
    context = Context(seed=store.seed)
    divergences: list[Divergence] = []
    skipped: list[int] = []
    before: AnyTurn | None = None
    count = 0
    for turn in store.turns(first, last):
        count += 1
        verdict = judge(states, behaviors, context, turn, before)
        if verdict == "erased":
            skipped.append(turn.position)
        elif verdict is not None:
            divergences.append(verdict)
            if limit is not None and len(divergences) >= limit:
                break
        states.take(turn)
        before = turn
    return Report(first, last, count, tuple(divergences), tuple(skipped))


def judge(
    states: Fold, behaviors: Behaviors, context: Context, turn: AnyTurn, before: AnyTurn | None
) -> Divergence | Literal["erased"] | None:
    """What becomes of one turn when it is decided again; None when it agrees."""
    behavior = behaviors[kind_of(turn.actor)]
    state, pending = states.images.get(turn.actor) or (behavior.initial(), {})
    context.begin(turn.position, turn.time, turn.actor)
    raised: str | None = None
    events: tuple[Event, ...] = ()
    effects: tuple[Effect, ...] = ()
    try:
        decision = decide_turn(behavior.decide, state, pending, turn.message, context)
        if decision is not None:
            events, effects = decision.events, decision.effects
    except KeyMissing:
        raise  # nothing can be judged without the keys: the reader has to bring them
    except SecretErased:
        return "erased"
    except Exception as error:  # noqa: BLE001  # whatever today's code raises is part of the report
        raised = f"{type(error).__name__}: {error}"
    failed = turn.events[0] if turn.events and type(turn.events[0]) is TurnFailed else None
    if failed is not None and raised == failed.error:
        return None
    if raised is None and events == turn.events and effects == turn.effects:
        return None
    found = tuple(_compare(turn, events, effects))
    if raised is None and not found:
        return None
    if any(isinstance(difference.left, Secret) and difference.left.erased for difference in found):
        return "erased"
    return Divergence(
        turn=turn,
        turn_before=before,
        state_before=state,
        function=deciding_function(behavior, type(turn.message)),
        recorded=(turn.events, turn.effects),
        redecided=(events, effects),
        differences=found,
        raised=raised,
    )


def _compare(turn: AnyTurn, events: tuple[Event, ...], effects: tuple[Effect, ...]) -> Iterator[Difference]:
    yield from differences(turn.events, events, "events")
    yield from differences(turn.effects, effects, "effects")


def deciding_function(behavior: Behavior[Any], message: type[Message]) -> str:
    """The decide function of a message: ``module.name (file:line)``."""
    function = behavior.decide.get(message)
    if function is None:
        return "the kernel's own"
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    name = getattr(function, "__qualname__", repr(function))
    return f"{getattr(function, '__module__', '?')}.{name}{where}"
