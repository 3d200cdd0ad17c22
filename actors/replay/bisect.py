"""Searching a row of answers for where they change: over the turns of a log, or over whatever else comes in order.

A binary search asks few questions and takes for granted that the answer changes once: whether a predicate on the state
holds, or which of two ways some code decides. A linear one takes nothing for granted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from partita.actors.replay.moment import Moment
from partita.actors.replay.query import Query
from partita.actors.replay.timeline import Timeline
from partita.events.errors import InvalidQuery
from partita.store.codec import RecordedTurn

T = TypeVar("T")


class Flip(msgspec.Struct, frozen=True):
    """The first turn after which a predicate is no longer what it was at the beginning.

    ``turn`` is None when it stays what it was: at the end too in a binary search, at every turn in a linear one. ``asked`` is
    at how many positions the predicate was evaluated.
    """

    turn: RecordedTurn | None
    at_begin: bool
    asked: int


def first_flip(
    timeline: Timeline,
    predicate: Query | str,
    *,
    actor: str = "session",
    linear: bool = False,
    start: int | None = None,
) -> Flip:
    """The first turn after which ``predicate`` holds where before it did not (or the other way round).

    ``state`` is that of ``actor``. ``start`` is the position to begin at (default: before the first turn). A binary search
    assumes that the predicate changes once, and may else find any of its changes; ``linear`` asks after every turn. Raises
    :class:`InvalidQuery` for one that asks about turns and not about states, :class:`QueryFailed` where it raises.
    """
    query = Query.of(predicate)
    if asks := sorted(query.about_the_turn - {"actor"}):
        raise InvalidQuery(
            f"a predicate is about states (state, session, actors, position, time), and this one asks about the turn's"
            f" {', '.join(asks)}: say state.FIELD, or search for turns with `debug`: when {query.text}"
        )
    begin = timeline.begin if start is None else timeline.check(start)
    if linear:
        return _linear(timeline, query, actor, begin)
    asked = 0

    def holds(position: int) -> bool:
        nonlocal asked
        asked += 1
        frame = timeline.at(position)
        return query.holds(Moment(position, frame.time, None, frame.images, of=actor))

    at_begin = holds(begin)
    if begin == timeline.last or holds(timeline.last) is at_begin:
        return Flip(None, at_begin, asked)
    position = first_where(begin, timeline.last, lambda middle: holds(middle) is not at_begin)
    return Flip(timeline.turn(position), at_begin, asked)


def _linear(timeline: Timeline, query: Query, actor: str, begin: int) -> Flip:
    frame = timeline.at(begin)
    at_begin = query.holds(Moment(begin, frame.time, None, frame.images, of=actor))
    asked = 1
    for turn, images in timeline.along(begin + 1, timeline.last, states=True):
        asked += 1
        if query.holds(Moment(turn.position, turn.time, None, images, of=actor)) is not at_begin:
            return Flip(turn, at_begin, asked)
    return Flip(None, at_begin, asked)


def first_where(low: int, high: int, changed: Callable[[int], bool]) -> int:
    """The first of ``low + 1 … high`` that has changed, when ``low`` has not and ``high`` has."""
    while high - low > 1:
        middle = (low + high) // 2
        if changed(middle):
            high = middle
        else:
            low = middle
    return high


class Change(msgspec.Struct, frozen=True):
    """Between which items of a row the answer changes: after the first of these indices, at the latest at the last.

    They are neighbours unless what lies between gave no answer.
    """

    before: int
    after: int


def first_change(items: Sequence[T], answer: Callable[[T], object | None]) -> Change | None:
    """Where the answer is no longer that of the first item, by binary search; None when the last one's is the same.

    An item whose answer is None cannot be judged and is passed over. The first and the last must be judged:
    :class:`ValueError` says which was not.
    """
    low, high = 0, len(items) - 1
    first, last = answer(items[low]), answer(items[high])
    for item, found in ((items[low], first), (items[high], last)):
        if found is None:
            raise ValueError(f"{item} cannot be judged")
    if first == last:
        return None
    unjudged: set[int] = set()
    while candidates := [index for index in range(low + 1, high) if index not in unjudged]:
        middle = candidates[len(candidates) // 2]
        found = answer(items[middle])
        if found is None:
            unjudged.add(middle)
        elif found == first:
            low = middle
        else:
            high = middle
    return Change(low, high)
