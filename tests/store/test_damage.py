"""Damage is found, named by its position, and does not hide what comes before it."""

from __future__ import annotations

import shutil

import lmdb
import msgspec
import pytest

from partita.events.errors import LogDamaged, NewerFormat, PartitaError, StoreUnavailable
from partita.store.codec import HEADER_BYTES, position_key, unwrapped
from partita.store.environment import reading, written
from partita.store.identity import FORMAT_KEY
from partita.store.lmdb_environment import LmdbEnvironment
from partita.store.partition import PartitionStore

BATCHES = (3, 1, 40, 400, 2)
FIRSTS = (1, 4, 5, 45, 445)


@pytest.fixture
def log(opened, folder, samples):
    """A closed partition of five batches, small and large."""
    store = opened()
    samples.write(store, *BATCHES)
    store.close()
    return folder


def value_at(folder, position: int) -> bytes:
    environment = LmdbEnvironment(folder, read_only=True)
    with reading(environment) as transaction:
        value = transaction.get("turns", position_key(position))
    environment.close()
    assert value is not None
    return value


def flip_in_file(folder, value: bytes, bit: int) -> None:
    """Flip a bit of a value where it lies in the file, and in the old copies of it that LMDB leaves behind."""
    data = folder / "data.mdb"
    flipped = bytearray(value)
    flipped[bit // 8] ^= 1 << bit % 8
    data.write_bytes(data.read_bytes().replace(value, flipped))


def test_every_flipped_bit_of_a_batch_is_found(memory, samples):
    samples.write(memory, 2)
    with reading(memory._reader.environment) as transaction:
        value = transaction.get("turns", position_key(1))
    for bit in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LogDamaged) as caught:
            unwrapped(1, bytes(flipped))
        assert caught.value.position == 1
    with pytest.raises(LogDamaged):
        unwrapped(2, value)


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("where", ["format", "count", "previous", "digest", "payload", "end"])
def test_verification_names_the_position_of_a_flipped_bit(log, first, where):
    value = value_at(log, first)
    byte = {"format": 0, "count": 4, "previous": 6, "digest": 30, "payload": HEADER_BYTES + 9, "end": len(value) - 1}[
        where
    ]
    flip_in_file(log, value, 8 * byte + 3)
    for report in (PartitionStore.verify_at(log), open_before(log, first)):
        assert report.damage[0].position == first
        assert report.turns == sum(BATCHES) - BATCHES[FIRSTS.index(first)]


def open_before(folder, first: int):
    with PartitionStore.read(folder, through=first - 1) as store:
        assert [turn.position for turn in store.turns()] == list(range(1, first))
        assert store.position == first - 1
        return store.verify()


@pytest.mark.parametrize("first", FIRSTS)
def test_opening_reports_the_first_bad_batch(log, opened, first):
    flip_in_file(log, value_at(log, first), 8 * 50)
    for action in (opened, lambda: PartitionStore.read(log)):
        with pytest.raises(LogDamaged, match=f"through={first - 1}") as caught:
            action()
        assert caught.value.position == first


def test_a_damage_before_the_newest_snapshot_is_found_when_it_is_read(opened, folder, samples):
    store = opened()
    samples.write(store, 3)
    store._log.append(samples.turns(4, 6), snapshot=samples.snapshot(6))
    samples.write(store, 2)
    store.close()
    flip_in_file(folder, value_at(folder, 1), 8 * 50)
    again = opened()
    assert samples.positions(again.turns(4)) == [4, 5, 6, 7, 8]
    for read in (again.turns, again.folding_turns):
        with pytest.raises(LogDamaged) as caught:
            list(read(2))
        assert caught.value.position == 1
    assert again.verify().damage[0].position == 1


def test_reading_stops_at_a_damage_and_not_before(log):
    flip_in_file(log, value_at(log, 5), 8 * 50)
    seen = []
    with PartitionStore.read(log, through=400) as store, pytest.raises(LogDamaged) as caught:
        seen.extend(turn.position for turn in store.turns())
    assert (seen, caught.value.position) == ([1, 2, 3, 4], 5)


def test_a_position_within_a_damaged_batch_is_not_read(log):
    flip_in_file(log, value_at(log, 45), 8 * 50)
    with PartitionStore.read(log, through=400) as store:
        assert store.position == 44
        assert samples_of(store) == list(range(1, 45))


def samples_of(store) -> list[int]:
    return [turn.position for turn in store.turns()]


def test_a_batch_that_is_gone_is_found(log):
    environment = LmdbEnvironment(log)
    written(environment, lambda transaction: transaction.delete("turns", position_key(5)))
    environment.close()
    report = PartitionStore.verify_at(log)
    assert report.damage[0].position == 5
    with pytest.raises(LogDamaged) as caught:
        PartitionStore.read(log)
    assert caught.value.position == 5


def test_a_batch_of_another_log_does_not_pass(log, tmp_path, samples, random_bytes):
    with PartitionStore.open(tmp_path / "other", name="other", random_bytes=random_bytes) as other:
        samples.write(other, *BATCHES)
    foreign = value_at(tmp_path / "other", 4)
    environment = LmdbEnvironment(log)
    written(environment, lambda transaction: transaction.put("turns", position_key(4), foreign))
    environment.close()
    assert PartitionStore.verify_at(log).damage[0].position == 4


def test_an_index_that_does_not_fit_is_found(log):
    environment = LmdbEnvironment(log)
    written(environment, lambda transaction: transaction.put("actors", b"nobody\0" + position_key(1), b""))
    environment.close()
    assert "index" in PartitionStore.verify_at(log).damage[0].what


def test_a_good_log_verifies(log, opened):
    report = PartitionStore.verify_at(log)
    assert report.ok
    assert (report.turns, report.batches, report.first_position, report.last_position) == (446, 5, 1, 446)
    store = opened()
    assert store.verify() == report
    assert PartitionStore.verify_at(log) == report


@pytest.mark.parametrize("stride", [97])
def test_no_flipped_bit_of_the_file_ends_the_process_or_changes_a_turn(log, tmp_path, stride, child):
    """Over the whole file: each is found, or lies where nothing is."""
    copy = tmp_path / "copy"
    shutil.copytree(log, copy)
    content = (log / "data.mdb").read_bytes()
    good = PartitionStore.verify_at(log)
    found = 0
    for at in range(0, len(content), stride):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        (copy / "data.mdb").write_bytes(flipped)
        try:
            report = PartitionStore.verify_at(copy)
        except PartitaError:
            found += 1
            continue
        found += not report.ok
        assert report == good or not report.ok
    assert found > len(content) // stride // 4


def test_a_file_that_was_cut_off_is_found_before_it_is_mapped(log, opened):
    data = log / "data.mdb"
    size = data.stat().st_size
    for left in (size // 2, 8192, 5000, 100, 0):
        with data.open("r+b") as file:
            file.truncate(left)
        for action in (opened, lambda: PartitionStore.read(log)):
            with pytest.raises(LogDamaged, match="truncated"):
                action()
        assert "truncated" in PartitionStore.verify_at(log).damage[0].what


def test_a_data_file_that_is_gone_does_not_become_a_new_log(log, opened):
    (log / "data.mdb").unlink()
    with pytest.raises(LogDamaged, match="gone"):
        opened()


def test_a_log_of_a_newer_format_is_refused(log, opened):
    environment = LmdbEnvironment(log)
    written(environment, lambda transaction: transaction.put("meta", FORMAT_KEY, b"2"))
    environment.close()
    for action in (opened, lambda: PartitionStore.read(log), lambda: PartitionStore.verify_at(log)):
        with pytest.raises(NewerFormat, match="format 2"):
            action()


def test_a_damaged_record_of_what_the_log_is_is_found(log, opened):
    environment = LmdbEnvironment(log)

    def damage(transaction) -> None:
        record = transaction.get("meta", b"identity")
        transaction.put("meta", b"identity", record[:-1] + b"\0")

    written(environment, damage)
    environment.close()
    with pytest.raises(LogDamaged, match="what it is"):
        opened()
    assert not PartitionStore.verify_at(log).ok


@pytest.mark.parametrize("name", ["a file", "nothing", "an empty folder"])
def test_what_is_no_partition_is_refused(tmp_path, name):
    path = tmp_path / name
    if name == "a file":
        path.write_bytes(b"hello")
    elif name == "an empty folder":
        path.mkdir()
    for action in (PartitionStore.read, PartitionStore.verify_at, PartitionStore.name_at):
        with pytest.raises(StoreUnavailable):
            action(path)


def test_a_folder_that_is_a_file_cannot_be_opened(tmp_path, random_bytes):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreUnavailable):
            PartitionStore.open(path, name="p", random_bytes=random_bytes)


def test_a_blob_that_is_not_what_was_written_is_found(opened, folder):
    store = opened()
    digest = store.put_blob(b"content")
    other = store.put_blob(b"another")

    def swap(transaction) -> None:
        transaction.put("blobs", digest, transaction.get("blobs", other))
        sealed = bytearray(transaction.get("blobs", other))
        sealed[-1] ^= 1
        transaction.put("blobs", other, sealed)

    written(store._log.environment, swap)
    for name in (digest, other):
        with pytest.raises(LogDamaged, match=name.hex()):
            store.blob(name)
    assert len(store.verify().damage) == 2


def test_values_that_are_no_batch_are_damage():
    for value in (b"", b"\x01" * 36, msgspec.msgpack.encode([])):
        with pytest.raises(LogDamaged):
            unwrapped(1, value)


def test_lmdb_itself_can_read_what_was_written(log):
    with lmdb.open(str(log), readonly=True, max_dbs=8) as environment, environment.begin() as transaction:
        assert {bytes(name) for name, _ in transaction.cursor()} == {
            b"turns",
            b"actors",
            b"snapshots",
            b"blobs",
            b"meta",
        }
