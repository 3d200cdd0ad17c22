"""The timeline: at every position the same as a fold from the beginning, in whatever order one looks, within its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import partita
from partita.actors.kernel.fold import fold
from partita.actors.replay.keyframes import Frame, Keyframes, own_entries
from partita.actors.replay.timeline import FINE_SPACING, Timeline
from partita.actors.session.behavior import BEHAVIORS
from partita.errors import InvalidPosition
from partita.events.preferences import PreferencesState
from partita.store.partition import PartitionStore

URL = "https://shop.example/"
TURNS = 700


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 700 turns, with snapshots that begin in the middle."""
    with partita.System(data_dir=tmp_path_factory.mktemp("data"), snapshot_every_turns=300) as system:
        session = system.from_partition("persist:long")
        for number in range(TURNS - 1):
            session.cookies.set(url=URL, name=f"n{number % 40}", value=str(number), expiration_date=4e9)
        session.flush().get()
        return Path(str(session.storage_path))


@pytest.fixture
def store(folder: Path) -> Iterator[PartitionStore]:
    with PartitionStore.read(folder) as opened:
        yield opened


@pytest.mark.parametrize("spacing", [7, 100, 10_000])
def test_every_position_is_what_a_fold_from_the_beginning_gives(store: PartitionStore, spacing: int) -> None:
    timeline = Timeline(store, BEHAVIORS, spacing=spacing)
    assert (timeline.begin, timeline.last) == (0, TURNS)
    order = [*range(TURNS, TURNS - 30, -1), 0, 1, 6, 7, 8, 14, 400, 399, 301, 300, 299, 256, 257, 255, 512, TURNS, 3]
    for position in order:
        frame = timeline.at(position)
        assert frame.position == position
        assert frame.images == fold(store, BEHAVIORS, position).images
        if position:
            assert timeline.turn(position) == next(store.turns(position, position))
            assert frame.time == timeline.turn(position).time


def test_stepping_crosses_stretches_in_both_directions(store: PartitionStore) -> None:
    timeline = Timeline(store, BEHAVIORS, spacing=50)
    there = {position: timeline.at(position).images for position in range(TURNS, -1, -1)}
    assert {position: timeline.at(position).images for position in range(TURNS + 1)} == there
    assert timeline.statistics()["turns"] <= 100


def test_walking_along_gives_the_states_after_each_turn(store: PartitionStore) -> None:
    timeline = Timeline(store, BEHAVIORS, spacing=64)
    for turn, images in timeline.along(250, 420, states=True):
        assert images is not None
        if turn.position % 17 == 0:
            assert images == fold(store, BEHAVIORS, turn.position).images
    assert [(turn.position, images) for turn, images in timeline.along(5, 7, states=False)] == [
        (5, None),
        (6, None),
        (7, None),
    ]
    assert list(timeline.along(8, 7, states=True)) == []


def test_stretches_backward_cover_every_turn_once(store: PartitionStore) -> None:
    timeline = Timeline(store, BEHAVIORS, spacing=64)
    spans = [(stretch.before.position, stretch.last) for stretch in timeline.stretches_back(333)]
    assert spans[0][1] == 333
    assert spans[-1][0] == 0
    assert all(later[0] == earlier[1] for later, earlier in pairwise(spans))
    assert all(0 < last - before <= 64 for before, last in spans)


def test_keyframes_are_thinned_out_when_they_hold_too_much_and_the_states_stay_true(store: PartitionStore) -> None:
    timeline = Timeline(store, BEHAVIORS, spacing=10, most_entries=500)
    for position in (TURNS, 650, 299, 1, 420):
        assert timeline.at(position).images == fold(store, BEHAVIORS, position).images
        assert timeline.statistics()["entries"] <= 500
    assert timeline.statistics()["spacing"] > 10


def test_what_two_frames_share_is_not_counted_twice() -> None:
    shared = {"a": 1, "b": 2}
    state = PreferencesState(user_agent="x")
    one = {"session": (state, {}), "other": (state, shared)}
    other = {"session": one["session"], "other": (state, {**shared, "c": 3})}
    assert own_entries(None, one) == 2 + 2
    assert own_entries(one, one) == 0
    assert own_entries(one, other) == 2 + 3
    frames = Keyframes(10, 1_000)
    frames.add(Frame(10, 0, one))  # type: ignore[arg-type]
    frames.add(Frame(20, 0, other))  # type: ignore[arg-type]
    frames.add(Frame(20, 0, {}))  # it is there already
    assert len(frames) == 2
    assert frames.at_or_before(9) is None
    found = frames.at_or_before(19)
    assert found is not None
    assert found.position == 10


@pytest.mark.parametrize("position", [-1, TURNS + 1])
def test_a_position_that_the_log_has_not_is_refused(store: PartitionStore, position: int) -> None:
    timeline = Timeline(store, BEHAVIORS)
    with pytest.raises(InvalidPosition, match=f"from 0 to {TURNS}"):
        timeline.at(position)
    with pytest.raises(InvalidPosition, match="the first one is 1"):
        timeline.turn(0)


def test_fine_frames_lie_within_a_stretch(store: PartitionStore) -> None:
    timeline = Timeline(store, BEHAVIORS)
    timeline.at(TURNS)
    for position in (TURNS - 1, FINE_SPACING, FINE_SPACING * 2, FINE_SPACING * 2 + 1, FINE_SPACING - 1):
        assert timeline.at(position).images == fold(store, BEHAVIORS, position).images


def test_an_empty_log_has_a_beginning_only() -> None:
    with PartitionStore.in_memory(name="empty", random_bytes=bytes) as empty:
        timeline = Timeline(empty, BEHAVIORS)
        assert timeline.at(0).images == {}
        assert list(timeline.stretches_back(0)) == []
