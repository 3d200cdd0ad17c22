"""Beyond a size the oldest turns go, from a snapshot down, and the log says where history begins."""

from __future__ import annotations

import pytest

from partita.events.errors import HistoryTrimmed
from partita.store.partition import PartitionStore


def fill(store, samples, rounds: int, size: int = 200) -> None:
    for _ in range(rounds):
        first = store.position + 1
        last = first + size - 1
        store._log.append(samples.turns(first, last, f"actor {first}"), snapshot=samples.snapshot(last))


def test_everything_is_kept_by_default(opened, samples):
    store = opened()
    fill(store, samples, 20)
    assert store.first_position == 1
    assert store.verify().turns == 4000


@pytest.fixture
def trimmed(opened, samples):
    store = opened(retain_bytes=100_000)
    fill(store, samples, 30)
    return store


def test_the_oldest_turns_go_and_the_log_says_so(trimmed, samples, folder):
    first = trimmed.first_position
    assert 1 < first < trimmed.position == 6000
    assert first % 200 == 1
    assert samples.positions(trimmed.turns(first)) == list(range(first, 6001))
    assert trimmed.statistics().batches == (6000 - first + 1) // 200
    for read in (trimmed.turns, trimmed.folding_turns):
        for start in (1, first - 1):
            with pytest.raises(HistoryTrimmed, match=f"starts at {first}"):
                read(start)
    report = trimmed.verify()
    assert report.ok
    assert (report.first_position, report.turns) == (first, 6000 - first + 1)
    with PartitionStore.read(folder) as reader:
        assert reader.first_position == first
        with pytest.raises(HistoryTrimmed):
            reader.turns()


def test_history_begins_with_a_snapshot_of_what_was_before(trimmed):
    first = trimmed.first_position
    base = trimmed.newest_snapshot(first - 1, fingerprint="other rules by now")
    assert base.position == first - 1
    assert trimmed.newest_snapshot(first - 2) is None


def test_the_index_of_what_has_gone_goes_as_well(trimmed, samples):
    first = trimmed.first_position
    assert samples.positions(trimmed.turns(first, actor=f"actor {first}")) == list(range(first, first + 200))
    with pytest.raises(HistoryTrimmed):
        trimmed.turns(1, actor="actor 1")
    assert trimmed.verify().ok


def test_a_trimmed_log_opens_again_and_goes_on(trimmed, opened, samples):
    first = trimmed.first_position
    trimmed.close()
    again = opened()
    assert (again.first_position, again.position) == (first, 6000)
    samples.write(again, 5)
    assert again.verify().ok


def test_a_trimmed_log_can_be_forked_and_exported(trimmed, tmp_path):
    first = trimmed.first_position
    for at in (first - 1, first, 6000):
        with trimmed.fork(tmp_path / f"fork{at}", name="fork", at=at) as fork:
            assert (fork.first_position, fork.position) == (first, at)
            assert fork.newest_snapshot().position <= at
            assert fork.verify().ok
    trimmed.export(tmp_path / "file")
    with PartitionStore.read(tmp_path / "file") as exported:
        assert exported.first_position == first
        assert exported.verify().ok


def test_without_an_older_snapshot_nothing_goes(opened, samples):
    store = opened(retain_bytes=1000)
    samples.write(store, 2000)
    fill(store, samples, 1)
    assert store.first_position == 1
    fill(store, samples, 1)
    assert store.first_position == 2201


def test_a_reader_that_is_overtaken_is_told(opened, samples, folder):
    store = opened(retain_bytes=50_000)
    fill(store, samples, 1)
    with PartitionStore.read(folder) as reader:
        turns = reader.turns()
        assert next(turns).position == 1
        fill(store, samples, 30)
        assert samples.positions(turns) == list(range(2, 201))
        with pytest.raises(HistoryTrimmed):
            list(reader.turns())
        reader.refresh()
        assert reader.first_position == store.first_position
