"""The debugger as a library: a place in a log, and questions from there. ``partita debug`` is its face."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.fold import Behaviors, kind_of
from partita.actors.kernel.turning import decide_turn
from partita.actors.replay.causes import Blame, Causes, blame, causes, same
from partita.actors.replay.divergence import ABSENT, Difference, differences
from partita.actors.replay.moment import Moment
from partita.actors.replay.query import Query
from partita.actors.replay.timeline import Timeline
from partita.events.errors import QueryFailed
from partita.events.types import State
from partita.store.codec import RecordedTurn
from partita.store.partition import PartitionStore

_OWN_STATE: Final = re.compile(r"^state(?=[.\[]|$)")


class Deciding(NamedTuple):
    """The decide call of a recorded turn, ready to be made again.

    ``function`` is the capability's own, None when the kernel alone decides; ``decide()`` makes the whole call.
    """

    turn: RecordedTurn
    state: State
    function: Callable[..., Decision] | None
    decide: Callable[[], Decision | None]


class Debugger:
    """Moves about in a log, and answers questions about the turn that it stands at.

    It begins at the last turn. ``position`` ``begin`` is before the first turn. Conditions are queries
    (:class:`~partita.actors.replay.query.Query`), as such or as text. Made by :func:`partita.debug`.
    """

    def __init__(self, store: PartitionStore, behaviors: Behaviors) -> None:
        self.store = store
        self.timeline = Timeline(store, behaviors)
        self.position = self.timeline.last

    @property
    def begin(self) -> int:
        """The position before the first turn that the log has: 0, or what retention has left."""
        return self.timeline.begin

    @property
    def last(self) -> int:
        """The position of the last turn."""
        return self.timeline.last

    @property
    def turn(self) -> RecordedTurn | None:
        """The turn at the position; None before the first one."""
        return None if self.position == self.begin else self.timeline.turn(self.position)

    @property
    def states(self) -> dict[str, State]:
        """The state of every actor after the turn, by its name."""
        return self.timeline.at(self.position).states

    def jump(self, position: int) -> None:
        """Go to a position. Raises :class:`InvalidPosition` and stays."""
        self.position = self.timeline.check(position)

    def forward(self, turns: int = 1) -> int:
        """Go on by so many turns, at most to the last one; how many they were."""
        before = self.position
        self.position = min(before + turns, self.last)
        return self.position - before

    def back(self, turns: int = 1) -> int:
        """Go back by so many turns, at most to before the first one; how many they were."""
        before = self.position
        self.position = max(before - turns, self.begin)
        return before - self.position

    def when(self, query: Query | str, *, backward: bool = False) -> bool:
        """Go to the next turn for which a query holds, or to the one before; False, and stay, when there is none.

        Raises :class:`InvalidQuery`, and :class:`QueryFailed` with the turn at which it raised; and stays.
        """
        query = Query.of(query)
        found = self._last_before(query) if backward else next(self._holding(query, self.position + 1, self.last), None)
        if found is None:
            return False
        self.position = found.position
        return True

    def _holding(self, query: Query, start: int, stop: int) -> Iterator[RecordedTurn]:
        for turn, images in self.timeline.along(start, stop, states=query.needs_states):
            if query.holds(Moment(turn.position, turn.time, turn, images)):
                yield turn

    def _last_before(self, query: Query) -> RecordedTurn | None:
        for stretch in self.timeline.stretches_back(self.position - 1):
            found: RecordedTurn | None = None
            failed: QueryFailed | None = None
            start = stretch.before.position + 1
            while start <= stretch.last:
                try:
                    for turn in self._holding(query, start, stretch.last):
                        found, failed = turn, None
                    break
                except QueryFailed as error:  # it counts only when nothing is found after it
                    found, failed = None, error
                    start = error.position + 1
            if failed is not None:
                raise failed
            if found is not None:
                return found
        return None

    def holding(self, query: Query | str) -> Iterator[RecordedTurn]:
        """The turns up to here for which a query holds, oldest first."""
        return self._holding(Query.of(query), self.begin + 1, self.position)

    def values(self, query: Query | str) -> Iterator[tuple[int, object]]:
        """What an expression gave after each turn up to here, with the position; repetitions are left out."""
        query = Query.of(query)
        before: object = self  # nothing that an expression could give
        for turn, images in self.timeline.along(self.begin + 1, self.position, states=query.needs_states):
            for value in query.values(Moment(turn.position, turn.time, turn, images)):
                if not same(before, value):
                    yield turn.position, value
                before = value

    def evaluate(self, query: Query | str) -> list[object]:
        """What an expression gives here: a value for each event and effect that it concerns, none where nothing is there."""
        query = Query.of(query)
        frame = self.timeline.at(self.position)
        return query.values(Moment(frame.position, frame.time, self.turn, frame.images))

    def changes(self, position: int | None = None) -> list[Difference]:
        """What a turn (default: this one) changed, each path beginning with the actor's name."""
        position = self.position if position is None else self.timeline.check(position)
        return [] if position == self.begin else self.between(position - 1, position)

    def between(self, left: int, right: int) -> list[Difference]:
        """What differs in the states between two positions."""
        one, other = self.timeline.at(left).images, self.timeline.at(right).images
        found: list[Difference] = []
        for actor in {**one, **other}:
            if one.get(actor) is not other.get(actor):
                found += differences(self._state(one, actor), self._state(other, actor), actor, same=same)
        return found

    def _state(self, images: Any, actor: str) -> object:
        """An actor's state; of one that has taken no turn yet, what it begins with."""
        if actor in images:
            return images[actor][0]
        behavior = self.timeline.behaviors.get(kind_of(actor))
        return ABSENT if behavior is None else behavior.initial()

    def why(self, position: int | None = None) -> Causes:
        """The chain of causes of a turn (default: this one) to the outside."""
        return causes(self.timeline, self.position if position is None else position)

    def blame(self, path: str) -> Blame:
        """The turn, up to here, that last changed what stands at a path: ``session.cookies["sid"]``."""
        return blame(self.timeline, self.path_from_here(path), self.position)

    def path_from_here(self, path: str) -> str:
        """The same path with the actor's name: ``state`` is that of the turn's own actor, as in queries."""
        turn = self.turn
        return path if turn is None else _OWN_STATE.sub(lambda _: turn.actor, path)

    def deciding(self, position: int | None = None) -> Deciding:
        """The decide call of a turn (default: this one), with the state that it saw."""
        turn = self.timeline.turn(self.position if position is None else position)
        images = self.timeline.at(turn.position - 1).images
        behavior = self.timeline.behaviors[kind_of(turn.actor)]
        state, pending = images.get(turn.actor) or (behavior.initial(), {})
        context = Context(seed=self.store.seed, position=turn.position, now_us=turn.time, actor=turn.actor)
        row = behavior.decide.get(type(turn.message))

        def decide() -> Decision | None:
            context.begin(turn.position, turn.time, turn.actor)
            return decide_turn(behavior.decide, state, pending, turn.message, context)

        return Deciding(turn, state, None if row is None else inspect.unwrap(row), decide)

    def close(self) -> None:
        """Let go of the log."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
