"""Turns go in by batches and come out one by one, in order, whoever asks."""

from __future__ import annotations

import msgspec
import pytest

from partita.events.errors import InvalidPosition, StoreFailed, StoreUnavailable
from partita.events.secret import Secret
from partita.events.turn import Turn
from partita.events.types import tag_of
from partita.store.partition import PartitionStore


@pytest.fixture(params=["on the disk", "in memory"])
def store(request, opened, memory):
    return opened() if request.param == "on the disk" else memory


def test_a_new_partition_is_empty(store):
    assert (store.position, store.first_position, store.epoch, store.parent) == (0, 1, 1, None)
    assert len(store.seed) == 16
    assert list(store.turns()) == list(store.folding_turns()) == []
    assert store.newest_snapshot() is None


def test_turns_come_out_as_they_went_in(store, samples):
    samples.write(store, 3, 1, 5)
    assert store.position == 9
    assert list(store.turns()) == samples.turns(1, 9)


@pytest.mark.parametrize(("start", "stop"), [(1, 9), (2, 8), (4, 4), (3, 5), (9, None), (5, 100), (7, 6), (10, None)])
def test_a_range_of_turns_has_both_its_ends(store, samples, start, stop):
    samples.write(store, 3, 1, 5)
    expected = list(range(start, min(9, 9 if stop is None else stop) + 1))
    assert samples.positions(store.turns(start, stop)) == expected
    assert samples.positions(store.folding_turns(start, stop)) == expected


def test_positions_are_counted_from_one(store):
    with pytest.raises(InvalidPosition, match="from 1"):
        store.turns(0)


def test_folding_leaves_messages_encoded_and_events_as_they_are(store, samples):
    samples.write(store, 4)
    for turn, folding in zip(store.turns(), store.folding_turns(), strict=True):
        assert (folding.position, folding.events, folding.effects) == (turn.position, turn.events, turn.effects)
        assert msgspec.msgpack.decode(folding.message)[0] == tag_of(turn.message)


def test_the_turns_of_an_actor_are_found_by_the_index(store, samples):
    for first, actors in ((1, ["a", "b"]), (3, ["b"]), (4, ["a/b"]), (5, ["a", "b", "c"]), (8, ["c"])):
        store._log.append([samples.turn(first + at, actor) for at, actor in enumerate(actors)])
    assert samples.positions(store.turns(actor="a")) == [1, 5]
    assert samples.positions(store.turns(actor="b")) == [2, 3, 6]
    assert samples.positions(store.turns(2, 6, actor="b")) == [2, 3, 6]
    assert samples.positions(store.turns(7, actor="c")) == [7, 8]
    assert samples.positions(store.turns(1, 5, actor="c")) == []
    assert samples.positions(store.turns(actor="nobody")) == []


@pytest.mark.parametrize("actor", ["a" * 10_000, "nul\0inside", "ünï/cødé"])
def test_actors_may_have_any_name(store, samples, actor):
    samples.write(store, 2, actor=actor)
    samples.write(store, 1, actor=actor[:-1])
    assert samples.positions(store.turns(actor=actor)) == [1, 2]


def test_reading_goes_on_while_turns_are_written(store, samples):
    samples.write(store, 5)
    turns = store.turns()
    assert next(turns).position == 1
    samples.write(store, 5)
    assert samples.positions(turns) == [2, 3, 4, 5]


def test_a_turn_that_cannot_be_encoded_is_named_and_leaves_nothing(store, samples):
    samples.write(store, 2)
    bad = samples.turn(4)
    bad = Turn(bad.position, bad.time, bad.actor, 1 << 80, bad.message, bad.events)
    with pytest.raises(StoreFailed, match="turn 4"):
        store._log.append([samples.turn(3), bad, samples.turn(5)])
    store._log.recover()
    samples.write(store, 1)
    assert samples.positions(store.turns()) == [1, 2, 3]


def test_after_a_failure_nothing_is_written_before_the_log_is_recovered(store, samples):
    store._log.healthy = False
    with pytest.raises(StoreFailed, match="recovered"):
        samples.write(store, 1)
    epoch = store.epoch
    store._log.recover()
    assert store.epoch == epoch + 1
    samples.write(store, 1)


def test_the_digest_does_not_depend_on_where_batches_were_cut(opened, memory, samples):
    store = opened()
    samples.write(store, 1, 2, 3)
    samples.write(memory, 6)
    assert store.digest() == memory.digest()
    assert store.digest(4) == memory.digest(4) != store.digest()
    samples.write(memory, 1)
    assert store.digest() != memory.digest()


def test_the_digest_goes_over_the_values_of_secrets(samples, random_bytes):
    def digest(value: str) -> str:
        with PartitionStore.in_memory(name="p", random_bytes=random_bytes) as store:
            store._log.append([samples.secret_turn(1, Secret(value))])
            return store.digest()

    assert digest("a") == digest("a") != digest("b")


def test_a_store_that_was_opened_for_reading_does_not_write(opened, folder, samples):
    samples.write(opened(), 1)
    with PartitionStore.read(folder) as reader:
        with pytest.raises(StoreUnavailable, match="reading only"):
            reader.committer(lambda _: None, lambda _: None)
        with pytest.raises(StoreUnavailable, match="reading only"):
            reader.put_blob(b"x")


def test_statistics_count_what_there_is(store, samples):
    samples.write(store, 2, 3)
    store.put_blob(b"blob")
    statistics = store.statistics()
    assert (statistics.position, statistics.batches, statistics.blobs, statistics.snapshots) == (5, 2, 1, 0)
    assert statistics.size_bytes > 100


def test_opening_again_goes_on_where_the_log_ended(opened, samples):
    store = opened()
    samples.write(store, 3)
    seed = store.seed
    store.close()
    store.close()
    again = opened()
    assert (again.position, again.seed, again.epoch, again.name) == (3, seed, 2, "work")
    samples.write(again, 2)
    assert list(again.turns()) == samples.turns(1, 5)


def test_waiting_ends_when_a_turn_is_durable_or_the_time_is_up(store, samples):
    assert store.wait_past(0, 0.0) == 0
    samples.write(store, 2)
    assert store.wait_past(1, 10.0) == 2
    assert store.wait_past(2, 0.001) == 2
