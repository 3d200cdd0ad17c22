"""Why a turn came about, and which turn made a state what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from partita.actors.kernel.fold import Fold, Image, kind_of
from partita.actors.replay.paths import MISSING, Path, Step, parse_path, resolved, value_in
from partita.actors.replay.timeline import Stretch, Timeline
from partita.events.errors import InvalidQuery, KeyMissing
from partita.events.turn import External
from partita.events.types import State
from partita.store.codec import RecordedTurn


class Causes(msgspec.Struct, frozen=True):
    """The chain from a turn back to the outside: the turn itself, the one that led to it, and so on.

    ``outside`` is where the first of them came from; None when that is not known, because history starts later: then
    ``lost`` is the position that retention has given up.
    """

    turns: tuple[RecordedTurn, ...]
    outside: External | None
    lost: int | None = None


def causes(timeline: Timeline, position: int) -> Causes:
    """The chain of causes of the turn at a position. Raises :class:`InvalidPosition`."""
    turns: list[RecordedTurn] = []
    while True:
        turn = timeline.turn(position)
        turns.append(turn)
        if isinstance(turn.cause, External):
            return Causes(tuple(turns), turn.cause)
        if not timeline.begin < turn.cause < position:
            return Causes(tuple(turns), None, lost=turn.cause)
        position = turn.cause


class Blame(msgspec.Struct, frozen=True):
    """The turn that last changed what stands at ``path``.

    ``turn`` is None when it has been so from the beginning of what the log has. A side on which nothing stands there is
    ``MISSING``.
    """

    path: str
    turn: RecordedTurn | None
    before: object
    after: object


def blame(timeline: Timeline, path: str, position: int) -> Blame:
    """Which turn, up to ``position``, last changed what stands at a path of the state (see :mod:`.paths`).

    What is there no more is looked for in the past: then it is the turn that took it away. Raises :class:`InvalidQuery`
    for a path at which nothing has ever stood.
    """
    images = timeline.at(position).images
    asked = parse_path(path, images)
    search = _Search(timeline, asked)
    steps = search.steps_in(images)
    if steps is not None:
        return search.last_change(Path(asked.actor, steps), position)
    for stretch in timeline.stretches_back(position):
        if (found := search.last_seen(stretch)) is not None:
            seen_at, steps = found
            return search.first_change_after(Path(asked.actor, steps), seen_at, position)
    raise InvalidQuery(f"nothing has ever stood at {path}{_what_is_there(search.state_in(images), asked)}")


class _Search:
    """Looks for the turns of one actor that concern a path of its state."""

    def __init__(self, timeline: Timeline, path: Path) -> None:
        self._timeline = timeline
        self._path = path
        behavior = timeline.behaviors.get(kind_of(path.actor))
        if behavior is None:
            raise InvalidQuery(f"there are no actors of the kind {kind_of(path.actor)!r}")
        self._initial = behavior.initial()

    def state_in(self, images: Mapping[str, Image]) -> State:
        image = images.get(self._path.actor)
        return self._initial if image is None else image[0]

    def steps_in(self, images: Mapping[str, Image]) -> tuple[Step, ...] | None:
        return resolved(self.state_in(images), self._path.steps)

    def last_change(self, path: Path, position: int) -> Blame:
        after = self._timeline.at(position).images
        value = value_in(self.state_in(after), path.steps)
        for stretch in self._timeline.stretches_back(position):
            # Whoever took a turn has a new image: whose image is the same object took none in this stretch.
            if after.get(path.actor) is not stretch.before.images.get(path.actor):
                found = self._changes_in(stretch, path)
                if found is not None:
                    turn, before, value = found
                    return Blame(str(path), self._timeline.turn(turn), before, value)
            after = stretch.before.images
        return Blame(str(path), None, value, value)

    def _changes_in(self, stretch: Stretch, path: Path) -> tuple[int, object, object] | None:
        """The last turn of a stretch that changed the path, with the values before and after it."""
        found: tuple[int, object, object] | None = None
        value = value_in(self.state_in(stretch.before.images), path.steps)
        for position, state in self._states_in(stretch):
            now = value_in(state, path.steps)
            if not same(value, now):
                found = position, value, now
            value = now
        return found

    def last_seen(self, stretch: Stretch) -> tuple[int, tuple[Step, ...]] | None:
        """The last position of a stretch at which something stands at the path, and its steps in full."""
        found: tuple[int, tuple[Step, ...]] | None = None
        if (steps := self.steps_in(stretch.before.images)) is not None:
            found = stretch.before.position, steps
        for position, state in self._states_in(stretch):
            if (steps := resolved(state, self._path.steps)) is not None:
                found = position, steps
        return found

    def first_change_after(self, path: Path, seen_at: int, position: int) -> Blame:
        """The turn that took away what stood at the path at ``seen_at``."""
        before = self._timeline.at(seen_at)
        value = value_in(self.state_in(before.images), path.steps)
        for changed_at, state in self._states_in(Stretch(before, position)):
            if value_in(state, path.steps) is MISSING:
                return Blame(str(path), self._timeline.turn(changed_at), value, MISSING)
        raise AssertionError("what is there no more was taken away by a turn")

    def _states_in(self, stretch: Stretch) -> Iterator[tuple[int, State]]:
        """Each turn of the actor in a stretch, with its state after it."""
        actor = self._path.actor
        folded = Fold(self._timeline.behaviors)
        if (image := stretch.before.images.get(actor)) is not None:
            folded.images[actor] = image
        for turn in self._timeline.store.folding_turns(stretch.before.position + 1, stretch.last):
            if turn.actor == actor:
                yield turn.position, folded.run((turn,)).images[actor][0]


def same(left: object, right: object) -> bool:
    """Whether two values are equal, as far as can be told: secrets that cannot be opened are their own equals only."""
    if left is right:
        return True
    try:
        return left == right
    except KeyMissing:
        return False


def _what_is_there(state: State, path: Path) -> str:
    """The fields or keys that there are, from where the path leaves what there is."""
    value: object = state
    taken = 0
    while taken < len(path.steps) and (inner := value_in(value, path.steps[taken : taken + 1])) is not MISSING:
        value = inner
        taken += 1
    names: list[str] = []
    if isinstance(value, msgspec.Struct):
        names = list(value.__struct_fields__)
    elif isinstance(value, Mapping):
        names = [repr(key) for key in value]
    where = Path(path.actor, path.steps[:taken])
    return f": {where} has {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else ""  # noqa: PLR2004  # a line's worth
