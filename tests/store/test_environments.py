"""Both environments keep what an environment must keep."""

from __future__ import annotations

import lmdb
import pytest

from partita.events.errors import LogDamaged, StoreFailed, StoreUnavailable
from partita.store import conformance
from partita.store.environment import Unreadable, reading, written
from partita.store.lmdb_environment import LmdbEnvironment, translated
from partita.store.memory_environment import MemoryEnvironment


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_lmdb_keeps_what_an_environment_must_keep(check, folder):
    folder.mkdir()
    check(lambda: LmdbEnvironment(folder))


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_a_small_map_of_lmdb_keeps_it_as_well(check, folder):
    folder.mkdir()
    check(lambda: LmdbEnvironment(folder, map_bytes=1 << 16))


@pytest.mark.parametrize(
    "check", [c for c in conformance.CHECKS if c not in conformance.DURABILITY_CHECKS], ids=lambda check: check.__name__
)
def test_memory_keeps_what_an_environment_must_keep(check):
    check(MemoryEnvironment)


def test_the_map_grows_when_it_is_full(folder):
    folder.mkdir()
    environment = LmdbEnvironment(folder, map_bytes=1 << 20)
    for number in range(40):
        written(environment, lambda transaction, n=number: transaction.put("turns", b"%04d" % n, bytes(200_000)))
    with reading(environment) as transaction:
        assert transaction.count("turns") == 40
    environment.close()


def test_a_folder_opened_twice_in_a_process_shares_one_handle(folder):
    folder.mkdir()
    writer = LmdbEnvironment(folder)
    reader = LmdbEnvironment(folder, read_only=True)
    written(writer, lambda transaction: transaction.put("meta", b"k", b"v"))
    with reading(reader) as transaction:
        assert transaction.get("meta", b"k") == b"v"
    writer.close()
    with reading(reader) as transaction:
        assert transaction.get("meta", b"k") == b"v"
    reader.close()


def test_a_reader_that_came_first_does_not_keep_a_writer_of_its_process_out(folder):
    folder.mkdir()
    LmdbEnvironment(folder).close()
    reader = LmdbEnvironment(folder, read_only=True)
    writer = LmdbEnvironment(folder)
    written(writer, lambda transaction: transaction.put("meta", b"k", b"v"))
    with reading(reader) as transaction:
        assert transaction.get("meta", b"k") == b"v"
    reader.close()
    writer.close()


def test_a_closed_environment_says_so(folder):
    folder.mkdir()
    for environment in (LmdbEnvironment(folder), MemoryEnvironment()):
        environment.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            environment.begin()


def test_transactions_of_one_thread_in_memory_may_not_overlap():
    environment = MemoryEnvironment()
    with reading(environment), pytest.raises(RuntimeError, match="overlap"):
        environment.begin()


def test_an_lmdb_folder_of_somebody_else_is_no_partition(folder):
    folder.mkdir()
    with lmdb.open(str(folder), map_size=1 << 20) as foreign, foreign.begin(write=True) as transaction:
        transaction.put(b"theirs", b"1")
    with pytest.raises(StoreUnavailable, match="no partition"):
        LmdbEnvironment(folder)


def test_a_file_that_is_no_lmdb_file_is_refused(folder):
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"hello " * 10_000)
    with pytest.raises(StoreUnavailable, match="no LMDB file"):
        LmdbEnvironment(folder)


def test_pages_that_contradict_themselves_are_damage():
    assert isinstance(translated(lmdb.CorruptedError("page"), "reading"), Unreadable)
    assert issubclass(Unreadable, LogDamaged)


def test_the_map_is_not_changed_under_a_transaction(folder, monkeypatch):
    from partita.store import gate

    monkeypatch.setattr(gate, "TIMEOUT_S", 0.01)
    folder.mkdir()
    environment = LmdbEnvironment(folder)
    transaction = environment.begin()
    with pytest.raises(StoreFailed, match="1 transactions keep the map"):
        environment.grow()
    transaction.abort()
    environment.grow()
    environment.close()
