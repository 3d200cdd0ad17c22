"""Queries: the one language of the debugger's conditions, of ``log show --where`` and of subscriptions.

    event is CookieStored and cookie.name == "sid"
    actor.startswith("download/") and effect is downloads.fetch
    session.cookies.count > 3 and time >= "2026-01-31T12:00:00Z"

It is Python's expression syntax. The names are ``position``, ``time`` (µs since 1970), ``actor``, ``cause``, ``message``,
``event``, ``effect``, ``turn``; ``state`` (of the turn's actor, after it), ``session`` and ``actors[name]``; and each field of
an event, effect or message by its name alone. ``is`` tests a type, by class name or tag. A query holds for a turn when it
holds for some event and effect of it; where what it asks for is not there, it does not hold. It calls nothing that could
change anything: see :mod:`partita.actors.replay.values`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Self

from partita.actors.kernel.fold import Behaviors, Image, fold
from partita.actors.replay.grammar import compiled
from partita.actors.replay.moment import AnyTurn, Moment, Raised
from partita.actors.replay.naming import STATE_NAMES
from partita.actors.replay.paths import MISSING
from partita.actors.replay.values import truth
from partita.events.errors import InvalidQuery, QueryFailed, SecretErased

if TYPE_CHECKING:
    from partita.store.partition import PartitionStore

_ABOUT_THE_TURN: Final = frozenset({"event", "effect", "message", "turn", "actor", "cause"})
_NONE: Final = (MISSING,)


class Query:
    """A condition or expression over turns. Made of its text, which raises :class:`InvalidQuery` with the column."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a query is a text, not {type(text).__name__}")
        if not text.strip():
            raise InvalidQuery('a query is an expression, such as: event is CookieStored and cookie.name == "sid"')
        self.text = text.strip()
        self._evaluate, self._uses = compiled(self.text)

    @classmethod
    def of(cls, query: Query | str) -> Query:
        """The query itself, or that of a text."""
        return query if isinstance(query, Query) else cls(query)

    @property
    def needs_states(self) -> bool:
        """Whether it looks at states, so that they have to be folded along."""
        return not self._uses.isdisjoint(STATE_NAMES)

    @property
    def about_the_turn(self) -> frozenset[str]:
        """What it asks of the turn itself: a predicate on states asks nothing."""
        return self._uses & _ABOUT_THE_TURN

    def holds(self, moment: Moment) -> bool:
        """Whether it holds for some event and effect of the turn. Raises :class:`QueryFailed`."""
        return any(value is not MISSING and truth(value) for value in self._all(moment))

    def values(self, moment: Moment) -> list[object]:
        """What it gives for each event and effect, as far as it is there. Raises :class:`QueryFailed`."""
        return [value for value in self._all(moment) if value is not MISSING]

    def _all(self, moment: Moment) -> Iterator[object]:
        turn = moment.turn
        uses = self._uses
        events = turn.events or _NONE if turn is not None and "event" in uses else _NONE
        effects = turn.effects or _NONE if turn is not None and "effect" in uses else _NONE
        try:
            for event in events:
                moment.event = event
                for effect in effects:
                    moment.effect = effect
                    yield self._evaluate(moment)
        except Raised as raised:
            raise self._failed(moment, raised) from raised
        except SecretErased:
            yield MISSING

    def _failed(self, moment: Moment, raised: Raised) -> QueryFailed:
        error = raised.error
        where = f"turn {moment.position}" if moment.turn is not None else f"position {moment.position}"
        piece = ast.unparse(raised.node)
        text = str(error) if not isinstance(error, KeyError) or not error.args else str(error.args[0])
        return QueryFailed(
            f"at {where} the query raised at column {getattr(raised.node, 'col_offset', 0) + 1}, in `{piece}`:"
            f" {type(error).__name__}: {text}",
            position=moment.position,
        )

    def __repr__(self) -> str:
        return f"Query({self.text!r})"


class Watch:
    """A query asked of one turn after the other, with the states folded along where it needs them."""

    def __init__(self, query: Query | str, store: PartitionStore, behaviors: Behaviors, start: int) -> None:
        """``start``: the position of the first turn that will be shown to it; from there on it is shown all of them."""
        self._query = Query.of(query)
        before = max(start, store.first_position) - 1
        self._fold = fold(store, behaviors, before) if self._query.needs_states else None

    def holds(self, turn: AnyTurn) -> bool:
        """Whether the query holds for the turn, which follows on the one before. Raises :class:`QueryFailed`."""
        images: Mapping[str, Image] | None = None
        if self._fold is not None:
            images = self._fold.run((turn,)).images
        return self._query.holds(Moment(turn.position, turn.time, turn, images))

    @classmethod
    def if_any(cls, query: Query | str | None, store: PartitionStore, behaviors: Behaviors, start: int) -> Self | None:
        """None when there is no query."""
        return None if query is None else cls(query, store, behaviors, start)
