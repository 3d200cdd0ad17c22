"""Forks, exported files and imports hold the same turns."""

from __future__ import annotations

import pytest

from partita.events.errors import InvalidPosition, KeyMissing, LogDamaged, NewerFormat, StoreFailed, StoreUnavailable
from partita.events.preferences import SetDownloadPath
from partita.events.secret import Secret
from partita.events.turn import Turn
from partita.store.partition import PartitionStore


@pytest.fixture
def parent(opened, samples, secret):
    """Six turns in three batches, a secret in the fourth, a blob named by the fifth, a snapshot of the third."""
    store = opened()
    store._log.append(samples.turns(1, 3), snapshot=samples.snapshot(3))
    digest = store.put_blob(b"the body of the fifth")
    store.put_blob(b"named by nobody")
    store._log.append([samples.secret_turn(4, secret), Turn(5, 5, "download/1", 4, SetDownloadPath(digest.hex()))])
    samples.write(store, 1)
    return store


BODY = "the body of the fifth"


def body_of(store) -> bytes | None:
    from partita.store.blobs import digest_of

    return store.blob(digest_of(BODY.encode()))


@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("place", ["on the disk", "in memory"])
def test_a_fork_has_the_turns_up_to_its_position(parent, tmp_path, samples, at, place):
    directory = tmp_path / "fork" if place == "on the disk" else None
    with parent.fork(directory, name="fork", at=at) as fork:
        assert (fork.name, fork.position, fork.seed, fork.first_position) == ("fork", at, parent.seed, 1)
        assert (fork.parent.name, fork.parent.position) == ("work", at)
        assert fork.epoch > parent.epoch
        assert list(fork.turns()) == list(parent.turns(1, at) if at else [])
        assert fork.digest() == parent.digest(at)
        assert fork.verify().ok
        assert samples.positions(fork.turns(actor="download/1")) == ([5] if at >= 5 else [])
        assert body_of(fork) == (BODY.encode() if at >= 5 else None)
        assert fork.statistics().blobs == (1 if at >= 5 else 0)
        assert (fork.newest_snapshot() is not None) == (at >= 3)
        samples.write(fork, 2)
        assert samples.positions(fork.turns()) == list(range(1, at + 3))
    assert parent.position == 6
    assert parent.verify().ok


def test_a_fork_opens_again(parent, tmp_path, samples, secret, random_bytes):
    parent.fork(tmp_path / "fork", name="fork", at=5).close()
    with PartitionStore.open(tmp_path / "fork", name="fork", random_bytes=random_bytes) as fork:
        assert fork.parent.name == "work"
        assert samples.secret_of(list(fork.turns())[3]) == secret
        assert fork.verify().ok


def test_a_fork_seals_under_a_key_of_its_own(parent, samples):
    with parent.fork(None, name="fork", at=4) as fork:
        fork._log.append([samples.secret_turn(5, Secret("new"))])
        turns = list(fork.turns())
        assert samples.secret_of(turns[3]).sealed[:8] == parent.keyring.ids[-1]
        assert samples.secret_of(turns[4]).sealed[:8] == fork.keyring.ids[-1] != parent.keyring.ids[-1]


def test_what_was_erased_stays_erased_in_a_fork(parent, samples, tmp_path):
    parent.erase_key(parent.keyring.ids[-1])
    with parent.fork(tmp_path / "fork", name="fork", at=4) as fork:
        assert samples.secret_of(list(fork.turns())[3]).erased
        assert fork.digest() == parent.digest(4)


def test_a_fork_of_a_fork_goes_on(parent, samples):
    with parent.fork(None, name="fork", at=5) as fork:
        samples.write(fork, 2)
        with fork.fork(None, name="again", at=6) as again:
            assert (again.parent.name, again.position) == ("fork", 6)
            assert again.verify().ok


@pytest.mark.parametrize("at", [-1, 7, 100])
def test_a_fork_where_there_is_no_turn_is_refused(parent, at):
    with pytest.raises(InvalidPosition):
        parent.fork(None, name="fork", at=at)


def test_a_fork_does_not_go_where_a_partition_is(parent, tmp_path, random_bytes):
    PartitionStore.open(tmp_path / "other", name="other", random_bytes=random_bytes).close()
    with pytest.raises(StoreUnavailable, match="already"):
        parent.fork(tmp_path / "other", name="fork", at=3)
    assert PartitionStore.name_at(tmp_path / "other") == "other"


def test_a_fork_that_fails_leaves_no_folder(parent, tmp_path, monkeypatch):
    from partita.store import transfer

    def full(*_):
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(transfer, "write_identity", full)
    with pytest.raises(StoreFailed):
        parent.fork(tmp_path / "fork", name="fork", at=3)
    assert not (tmp_path / "fork").exists()


@pytest.mark.parametrize("include_keys", [False, True], ids=["without keys", "with keys"])
def test_an_exported_log_reads_like_the_log(parent, tmp_path, samples, secret_text, include_keys):
    file = tmp_path / "log.partita"
    parent.export(file, include_keys=include_keys)
    assert secret_text.encode() not in file.read_bytes()
    with PartitionStore.read(file) as exported:
        assert (exported.name, exported.position, exported.seed, exported.directory) == ("work", 6, parent.seed, None)
        turns = list(exported.turns())
        assert samples.positions(turns) == [1, 2, 3, 4, 5, 6]
        assert samples.positions(exported.turns(actor="download/1")) == [5]
        assert exported.newest_snapshot() == samples.snapshot(3)
        assert exported.statistics().blobs == 2
        assert exported.verify().ok
        if include_keys:
            assert turns == list(parent.turns())
            assert exported.digest() == parent.digest()
            assert body_of(exported) == BODY.encode()
        else:
            for reveal in (samples.secret_of(turns[3]).reveal, lambda: body_of(exported)):
                with pytest.raises(KeyMissing, match="without its keys"):
                    reveal()
    assert PartitionStore.verify_at(file).ok


@pytest.mark.parametrize("include_keys", [False, True], ids=["without keys", "with keys"])
@pytest.mark.parametrize("place", ["on the disk", "in memory"])
def test_an_exported_log_can_be_imported_and_written_to(parent, tmp_path, samples, random_bytes, include_keys, place):
    file = tmp_path / "log.partita"
    parent.export(file, include_keys=include_keys)
    directory = tmp_path / "imported" if place == "on the disk" else None
    with PartitionStore.import_log(file, directory, name="again", random_bytes=random_bytes) as imported:
        assert (imported.name, imported.position, imported.parent) == ("again", 6, None)
        assert imported.verify().ok
        imported._log.append([samples.secret_turn(7, Secret("new"))])
        assert imported.verify().turns == 7
        if include_keys:
            assert imported.digest(6) == parent.digest()
    if directory is not None:
        with PartitionStore.open(directory, name="again", random_bytes=random_bytes) as again:
            assert samples.secret_of(list(again.turns())[6]).reveal() == "new"


def test_exporting_is_the_same_every_time_and_replaces_what_was_there(parent, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text("old")
    parent.export(first)
    parent.export(str(second))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "partition", "second"]


def test_an_export_that_cannot_be_written_leaves_what_was_there(parent, tmp_path):
    with pytest.raises(StoreFailed):
        parent.export(tmp_path / "missing" / "file")
    assert not (tmp_path / "missing").exists()


def test_any_flipped_bit_of_an_exported_log_is_found(parent, tmp_path):
    file = tmp_path / "log"
    parent.export(file)
    content = file.read_bytes()
    for at in range(0, len(content), 31):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        file.write_bytes(flipped)
        with pytest.raises((LogDamaged, StoreUnavailable, NewerFormat)):
            PartitionStore.read(file)


def test_a_damaged_exported_log_reads_up_to_the_damage(parent, tmp_path, samples):
    file = tmp_path / "log"
    parent.export(file)
    content = bytearray(file.read_bytes())
    content[content.index(b"agent 6") + 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(LogDamaged) as caught:
        PartitionStore.read(file)
    assert caught.value.position == 6
    assert PartitionStore.verify_at(file).damage[0].position == 6
    with PartitionStore.read(file, through=5) as store:
        assert samples.positions(store.turns()) == [1, 2, 3, 4, 5]


def test_an_exported_log_that_was_cut_off_is_found(parent, tmp_path):
    file = tmp_path / "log"
    parent.export(file)
    content = file.read_bytes()
    for left in (len(content) - 1, len(content) - 40, len(content) // 2):
        file.write_bytes(content[:left])
        with pytest.raises(LogDamaged):
            PartitionStore.read(file)


def test_an_exported_log_of_a_newer_format_is_refused(parent, tmp_path):
    file = tmp_path / "log"
    parent.export(file)
    file.write_bytes(file.read_bytes().replace(b"partita-log 1", b"partita-log 2", 1))
    with pytest.raises(NewerFormat):
        PartitionStore.read(file)


def test_a_folder_can_be_imported_as_well(parent, folder, tmp_path, random_bytes):
    digest = parent.digest()
    with PartitionStore.import_log(folder, tmp_path / "copy", random_bytes=random_bytes) as copy:
        assert (copy.name, copy.digest()) == ("work", digest)
