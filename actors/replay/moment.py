"""What a query is asked about, and what its names mean there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from partita.actors.kernel.fold import Image
from partita.actors.replay import values
from partita.actors.replay.naming import STATE_NAMES, TURN_NAMES
from partita.actors.replay.paths import MISSING
from partita.events.turn import Turn

AnyTurn = Turn[Any, Any, Any]


class Moment:
    """What a query is asked about: a position, its turn (None before the first one), and the states after it."""

    __slots__ = ("effect", "event", "images", "names", "of", "position", "time", "turn")

    def __init__(
        self,
        position: int,
        time: int,
        turn: AnyTurn | None,
        images: Mapping[str, Image] | None = None,
        *,
        of: str | None = None,
    ) -> None:
        self.position = position
        self.time = time
        self.turn = turn
        self.images: Mapping[str, Image] = {} if images is None else images
        self.of = of if of is not None or turn is None else turn.actor
        self.event: object = MISSING
        self.effect: object = MISSING
        self.names: dict[str, object] = {}


Evaluate = Callable[[Moment], object]


class Raised(Exception):
    """An operation of a query raised: the piece of the text, and what."""

    def __init__(self, node: ast.AST, error: Exception) -> None:
        super().__init__(str(error))
        self.node = node
        self.error = error


DEFECTS: Final = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)
"""What an operation may raise because of the query."""


def _of_turn(name: str) -> Evaluate:
    def read(moment: Moment) -> object:
        return MISSING if moment.turn is None else getattr(moment.turn, name)

    return read


def _state(moment: Moment) -> object:
    image = moment.images.get(moment.of or "session")
    return MISSING if image is None else image[0]


def _session(moment: Moment) -> object:
    image = moment.images.get("session")
    return MISSING if image is None else image[0]


NAMES: Final[Mapping[str, Evaluate]] = {
    "position": lambda moment: moment.position,
    "time": lambda moment: moment.time,
    "actor": _of_turn("actor"),
    "cause": _of_turn("cause"),
    "message": _of_turn("message"),
    "event": lambda moment: moment.event,
    "effect": lambda moment: moment.effect,
    "turn": lambda moment: MISSING if moment.turn is None else moment.turn,
    "state": _state,
    "session": _session,
    "actors": lambda moment: values.Actors(moment.images),
}
assert set(NAMES) == TURN_NAMES | STATE_NAMES
