"""Readers in other processes, small disks, and folders that cannot be written to."""

from __future__ import annotations

import os
import subprocess

import pytest

from partita.events.errors import StoreUnavailable
from partita.store.lmdb_environment import LmdbEnvironment
from partita.store.partition import PartitionStore

TAIL = """
import sys
from partita.store.opening import StoreOptions
from partita.store.partition import PartitionStore
store = PartitionStore.read(sys.argv[1], options=StoreOptions(map_bytes=int(sys.argv[3])))
print("reading", flush=True)
seen, stop = 0, int(sys.argv[2])
while seen < stop:
    last = store.wait_past(seen, 60.0)
    assert last > seen, "nothing came for a minute"
    for turn in store.turns(seen + 1, last):
        assert turn.position == seen + 1
        assert turn.events[0].user_agent == f"agent {turn.position}"
        seen += 1
print(seen, flush=True)
"""


@pytest.mark.parametrize("map_bytes", [1 << 40, 1 << 20], ids=["in a large map", "while a tiny map grows"])
def test_another_process_follows_without_a_gap(opened, folder, samples, child, map_bytes):
    store = opened(map_bytes=map_bytes)
    process = child(TAIL, folder, 20_000, map_bytes)
    assert process.stdout.readline() == "reading\n"
    committer = store.committer(lambda _: None, lambda _: None)
    committer.start()
    for turn in samples.turns(1, 20_000):
        committer.submit((turn,))
    committer.stop()
    assert process.stdout.readline() == "20000\n"
    if map_bytes == 1 << 20:
        assert (folder / "data.mdb").stat().st_size > map_bytes


def test_the_writing_process_reads_its_own_log_like_any_other(opened, folder, samples):
    store = opened()
    with PartitionStore.read(folder) as reader:
        samples.write(store, 3)
        assert reader.position == 0
        assert reader.wait_past(0, 60.0) == 3
        samples.write(store, 2)
        assert reader.refresh() == 5
        assert samples.positions(reader.turns(actor="session")) == [1, 2, 3, 4, 5]


FULL = """
import os, resource, sys
from partita.events.errors import StoreFailed
from partita.events.preferences import SetDownloadPath
from partita.events.turn import Turn
from partita.store.partition import PartitionStore

store = PartitionStore.open(sys.argv[1], name="work", random_bytes=os.urandom)
size = os.path.getsize(os.path.join(sys.argv[1], "data.mdb"))
durable, failures = [], []
committer = store.committer(durable.extend, failures.append)

def submit(position):
    committer.submit((Turn(position, position, "session", 0, SetDownloadPath(os.urandom(20_000).hex())), position))

def commit():
    while committer.commit_once():
        pass

for position in range(1, 11):
    submit(position)
    commit()
assert store.position == 10 and not failures
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(os.path.join(sys.argv[1], "data.mdb")) + 50_000, hard))
position = 10
while not failures:
    position += 1
    submit(position)
    commit()
for _ in range(3):
    submit(position + 1)
    assert len(committer.take_failed()) >= 1
    committer.resume()
    kept = store.position
    assert [turn.position for turn in store.turns()] == list(range(1, kept + 1))
    submit(kept + 1); submit(kept + 2); submit(kept + 3)
    commit()
assert len(failures) == 4 and all(type(error) is StoreFailed for error in failures), failures
lost = committer.take_failed()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
committer.resume()
kept = store.position
assert kept == len(durable) and lost[0][1] == kept + 1
for position in range(kept + 1, kept + 20):
    submit(position)
commit()
assert store.position == kept + 19, (store.position, failures)
assert store.verify().ok, store.verify().damage
print("kept", len(durable), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files")
def test_on_a_full_disk_batches_fail_and_writing_goes_on_when_there_is_room(folder, child, samples):
    process = child(FULL, folder)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    kept = int(output.split()[1])
    with PartitionStore.read(folder) as reader:
        assert samples.positions(reader.turns()) == list(range(1, kept + 1))
        assert reader.verify().ok


@pytest.fixture
def unwritable(opened, folder, samples, tmp_path):
    """The folder of a log, on a file system that is mounted read-only."""
    store = opened()
    samples.write(store, 3)
    store.close()
    place = tmp_path / "read-only"
    place.mkdir()
    bind = subprocess.run(["mount", "--bind", folder, place], capture_output=True, check=False)
    if bind.returncode != 0:
        pytest.skip("this process may not mount")
    try:
        only = subprocess.run(["mount", "-o", "remount,ro,bind", place], capture_output=True, check=False)
        if only.returncode != 0:
            pytest.skip("this process may not mount read-only")
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_read_only_folder_can_be_read(unwritable, samples):
    with PartitionStore.read(unwritable) as reader:
        assert samples.positions(reader.turns()) == [1, 2, 3]
        assert reader.verify().ok
    assert PartitionStore.verify_at(unwritable).ok
    assert PartitionStore.name_at(unwritable) == "work"


def test_a_read_only_folder_cannot_be_opened_for_writing(unwritable, random_bytes):
    with pytest.raises(StoreUnavailable, match="cannot be written to"):
        PartitionStore.open(unwritable, name="work", random_bytes=random_bytes)


def test_where_the_table_of_readers_cannot_be_made_reading_does_without(opened, folder, samples, monkeypatch):
    import lmdb

    store = opened()
    samples.write(store, 2)
    store.close()
    real = lmdb.open
    locks: list[bool] = []

    def refusing(*arguments, lock: bool = True, **options):
        locks.append(lock)
        if lock:
            raise lmdb.ReadonlyError("Permission denied")
        return real(*arguments, lock=False, **options)

    monkeypatch.setattr(lmdb, "open", refusing)
    with PartitionStore.read(folder) as reader:
        assert samples.positions(reader.turns()) == [1, 2]
    assert locks == [True, False]


def test_a_system_that_refuses_a_large_map_gets_a_smaller_one(folder, monkeypatch):
    import lmdb

    real = lmdb.open
    sizes: list[int] = []

    def refusing(*arguments, map_size: int, **options):
        sizes.append(map_size)
        if map_size > 1 << 30:
            raise lmdb.MemoryError("Cannot allocate memory")
        return real(*arguments, map_size=map_size, **options)

    monkeypatch.setattr(lmdb, "open", refusing)
    folder.mkdir()
    LmdbEnvironment(folder).close()
    assert sizes[0] == 1 << 40
    assert 1 << 20 <= sizes[-1] <= 1 << 30


def test_opening_reads_only_the_tail(opened, folder, samples, monkeypatch):
    """So that it takes no longer for a long log."""
    from partita.store import reader

    store = opened()
    samples.write(store, *[100] * 50)
    store._log.append(samples.turns(5001, 5100), snapshot=samples.snapshot(5100))
    samples.write(store, 10, 10)
    store.close()
    read: list[int] = []
    real = reader.unwrapped
    monkeypatch.setattr(reader, "unwrapped", lambda first, value: read.append(first) or real(first, value))
    opened()
    assert set(read) == {5101, 5111}
