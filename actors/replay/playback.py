"""What a playback found: the turns that were taken again, beside those that were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import msgspec

from partita.actors.replay.divergence import Difference, differences
from partita.events.errors import PlaybackError
from partita.events.turn import Cause, External, Turn
from partita.events.types import Message

AnyTurn = Turn[Any, Any, Any]


class TurnDifference(msgspec.Struct, frozen=True):
    """A position at which the playback has another turn than the recording.

    ``played`` is None where something else was said, and so no turn was taken: ``differences`` are those of the messages.
    """

    position: int
    recorded: AnyTurn
    played: AnyTurn | None
    differences: tuple[Difference, ...]


class PlayedOpening(msgspec.Struct, frozen=True):
    """One opening of a partition, played back.

    ``first`` and ``last`` are positions of the recording; ``equal`` turns came out the same; ``different`` did not; ``left`` were
    not reached; ``beyond`` came after the end of the recording. ``error`` is why playing ended before its time.
    """

    partition: str
    first: int
    last: int
    equal: int
    different: tuple[TurnDifference, ...]
    left: int
    beyond: int
    error: PlaybackError | None = None

    @property
    def agrees(self) -> bool:
        """Whether every recorded turn was taken again, the same to the bit."""
        return self.error is None and not self.different and not self.left


class PlaybackReport(msgspec.Struct, frozen=True):
    """What a playback found, opening by opening, in the order in which the application opened them."""

    openings: tuple[PlayedOpening, ...]

    @property
    def agrees(self) -> bool:
        """Whether something was played back, and all of it came out as it was recorded."""
        return bool(self.openings) and all(opening.agrees for opening in self.openings)

    @property
    def turns(self) -> int:
        """How many turns came out the same."""
        return sum(opening.equal for opening in self.openings)

    @property
    def first_difference(self) -> TurnDifference | None:
        """The first turn that came out otherwise."""
        return next((found for opening in self.openings for found in opening.different), None)

    @property
    def error(self) -> PlaybackError | None:
        """The first reason why playing ended before its time."""
        return next((opening.error for opening in self.openings if opening.error is not None), None)


def compared(
    partition: str,
    recorded: tuple[AnyTurn, ...],
    played: Iterator[AnyTurn],
    *,
    calls: Mapping[int, int],
    error: PlaybackError | None,
    said_instead: Message | None = None,
) -> PlayedOpening:
    """Turn by turn: position, time, actor, cause, message, events, effects.

    ``calls`` gives the recorded numbers of calls that came in another order. What follows a playback's error is not compared;
    ``said_instead`` is the message that stood in the place of the recorded one then.
    """
    equal = left = beyond = 0
    different: list[TurnDifference] = []
    for was, turn in zip_longest(recorded, played):
        now = None if turn is None else _renumbered(turn, calls)
        if error is not None and now is not None and now.position >= error.position > 0:
            now = None
        if was is not None and error is not None and was.position == error.position and said_instead is not None:
            found = tuple(differences(was.message, said_instead, "message"))
            different.append(TurnDifference(was.position, was, None, found))
        if now is None:
            left += was is not None
        elif was is None:
            beyond += 1
        elif found := tuple(differences(was, now)):
            different.append(TurnDifference(was.position, was, now, found))
        else:
            equal += 1
    return PlayedOpening(
        partition, recorded[0].position, recorded[-1].position, equal, tuple(different), left, beyond, error
    )


def _renumbered(turn: AnyTurn, calls: Mapping[int, int]) -> AnyTurn:
    cause: Cause = turn.cause
    if not isinstance(cause, External) or cause.kind != "api" or cause.call_id not in calls:
        return turn
    return msgspec.structs.replace(turn, cause=External(cause.kind, calls[cause.call_id]))
