"""A log as a place to move about in: the turn and the states at any position, soon.

States come of folding. So that no step has far to fold, *keyframes* are kept on the way (:mod:`.keyframes`), about 2,048
turns apart, first where somebody has been; and of the stretches that were last looked at, the decoded turns, and frames 256
turns apart. To be anywhere for the first time costs a fold from the nearest keyframe or stored snapshot; to step from
there, next to nothing; to jump about in what is charted, the reading of one stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from partita.actors.kernel.fold import Behaviors, Fold, Image, fingerprint
from partita.actors.replay.keyframes import Frame, Keyframes
from partita.events.errors import InvalidPosition
from partita.store.codec import RecordedTurn
from partita.store.partition import PartitionStore

SPACING: Final = 2_048
FINE_SPACING: Final = 256
MOST_ENTRIES: Final = 1_000_000
"""About 400 MB, when each is a cookie of its own."""

STRETCHES_KEPT: Final = 2


class Stretch(NamedTuple):
    """Turns in a row: the frame before them, and the position of the last."""

    before: Frame
    last: int


class _Opened(NamedTuple):
    """A stretch that is at hand: its turns, and frames in between."""

    base: int
    turns: list[RecordedTurn]
    frames: list[Frame]

    @property
    def last(self) -> int:
        return self.base + len(self.turns)


class Timeline:
    """The turns and states of a log by position, from ``begin`` (before the first turn) to ``last``.

    ``spacing`` is the distance of keyframes in turns, which doubles whenever they would hold more than ``most_entries``
    dictionary entries of their own.
    """

    def __init__(
        self, store: PartitionStore, behaviors: Behaviors, *, spacing: int = SPACING, most_entries: int = MOST_ENTRIES
    ) -> None:
        self.store = store
        self.behaviors = behaviors
        self.last = store.position
        self.begin = min(store.first_position - 1, self.last)
        self._fingerprint = fingerprint(behaviors)
        self._keyframes = Keyframes(spacing, most_entries)
        self._opened: list[_Opened] = []

    def check(self, position: int) -> int:
        """The position, when the log has it. Raises :class:`InvalidPosition`."""
        if not self.begin <= position <= self.last:
            trimmed = f"; history starts at {self.begin + 1}" if self.begin > 0 else ""
            raise InvalidPosition(
                f"{self.store.name or 'the log'}: no position {position}: it goes from {self.begin} to {self.last}{trimmed}"
            )
        return position

    def turn(self, position: int) -> RecordedTurn:
        """The turn at a position. Raises :class:`InvalidPosition`."""
        if self.check(position) == self.begin:
            raise InvalidPosition(f"there is no turn {position}: the first one is {self.begin + 1}")
        opened = self._opened_with(position - 1, position)
        return opened.turns[position - opened.base - 1]

    def at(self, position: int) -> Frame:
        """All states after the turn at a position. Raises :class:`InvalidPosition`."""
        self.check(position)
        frame = self._keyframes.at_or_before(position)
        if frame is not None and frame.position == position:
            return frame
        if frame is None and position == self.begin:
            return self._base(position)
        opened = self._opened_with(position, position)
        if position == opened.base:
            return opened.frames[0]
        near = opened.frames[min((position - opened.base) // FINE_SPACING, len(opened.frames) - 1)]
        folded = self.fold_from(near)
        folded.run(opened.turns[near.position - opened.base : position - opened.base])
        return _frame(folded)

    def stretches_back(self, position: int) -> Iterator[Stretch]:
        """The turns up to a position in stretches, the last one first."""
        while position > self.begin:
            before = self._base(position - 1)
            yield Stretch(before, position)
            position = before.position

    def along(
        self, start: int, stop: int, *, states: bool
    ) -> Iterator[tuple[RecordedTurn, Mapping[str, Image] | None]]:
        """The turns from ``start`` to ``stop``, each with the images after it: good until the next is asked for.

        Without ``states``, nothing is folded. Where it folds, it keeps keyframes.
        """
        start = max(start, self.begin + 1)
        if start > stop:
            return
        turns = self.store.turns(start, stop)
        if not states:
            for turn in turns:
                yield turn, None
            return
        folded = self.fold_from(self.at(start - 1))
        for turn in turns:
            yield turn, folded.run((turn,)).images
            if turn.position % FINE_SPACING == 0:
                self._keep(folded)

    def statistics(self) -> dict[str, int]:
        """What is kept: ``keyframes``, their ``entries``, their ``spacing`` and the turns at hand."""
        return {
            "keyframes": len(self._keyframes),
            "entries": self._keyframes.entries,
            "spacing": self._keyframes.spacing,
            "turns": sum(len(opened.turns) for opened in self._opened),
        }

    def _opened_with(self, first: int, last: int) -> _Opened:
        """A stretch at hand whose frames reach from ``first`` to ``last``."""
        for index, opened in enumerate(self._opened):
            if opened.base <= first and last <= opened.last:
                self._opened.insert(0, self._opened.pop(index))
                return opened
        opened = self._open(self._base(first))
        self._opened = [opened, *self._opened[: STRETCHES_KEPT - 1]]
        return opened

    def _open(self, base: Frame) -> _Opened:
        stop = min(base.position + self._keyframes.spacing, self.last)
        turns = list(self.store.turns(base.position + 1, stop)) if stop > base.position else []
        frames = [base]
        folded = self.fold_from(base)
        pieces = (turns[begin : begin + FINE_SPACING] for begin in range(0, len(turns) - FINE_SPACING, FINE_SPACING))
        frames += [_frame(folded.run(piece)) for piece in pieces]
        return _Opened(base.position, turns, frames)

    def _base(self, position: int) -> Frame:
        """A keyframe at or before a position, and nearer to it than they are apart."""
        frame = self._keyframes.at_or_before(position)
        if frame is not None and position - frame.position < self._keyframes.spacing:
            return frame
        snapshot = self.store.newest_snapshot(at_or_before=position, fingerprint=self._fingerprint)
        if snapshot is not None and (frame is None or snapshot.position > frame.position):
            folded = Fold(self.behaviors, snapshot)
            if snapshot.position > self.begin:
                folded.time_us = next(self.store.folding_turns(snapshot.position, snapshot.position)).time
            frame = _frame(folded)
        elif frame is None:
            frame = Frame(0, 0, {})
        self._keyframes.add(frame)
        return self._charted(frame, position)

    def _charted(self, frame: Frame, position: int) -> Frame:
        """Keyframes from this one on, until a position is near."""
        if position - frame.position < self._keyframes.spacing:
            return frame
        folded = self.fold_from(frame)
        turns = self.store.folding_turns(frame.position + 1, position)
        while position - folded.position >= (spacing := self._keyframes.spacing):
            folded.run(islice(turns, spacing))
            frame = _frame(folded)
            self._keyframes.add(frame)
        return frame

    def _keep(self, folded: Fold) -> None:
        """A keyframe, when the last one lies far enough behind."""
        frame = self._keyframes.at_or_before(folded.position)
        if frame is None or folded.position - frame.position >= self._keyframes.spacing:
            self._keyframes.add(_frame(folded))

    def fold_from(self, frame: Frame) -> Fold:
        """A fold that goes on from a frame."""
        folded = Fold(self.behaviors)
        folded.position, folded.time_us = frame.position, frame.time
        folded.images = dict(frame.images)
        return folded


def _frame(folded: Fold) -> Frame:
    return Frame(folded.position, folded.time_us, dict(folded.images))
