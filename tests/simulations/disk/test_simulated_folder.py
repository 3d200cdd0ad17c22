"""A partition's folder on the simulated disk: its lock, its key file, and a store that lives through every crash."""

from __future__ import annotations

import hashlib
from itertools import count
from pathlib import Path

import pytest

from partita.events.download_ledger import DownloadAdded
from partita.events.downloads import DownloadOrder
from partita.events.errors import LogDamaged, PartitionInUse, StoreError, StoreFailed, StoreUnavailable
from partita.events.preferences import SetDownloadPath
from partita.events.secret import Secret
from partita.events.turn import External, Turn
from partita.simulations.disk.disk import FAULTS
from partita.simulations.life import Crash, Dead, Life
from partita.store.partition import PartitionStore


def test_a_folder_is_there_once_it_was_prepared_and_gone_once_it_was_deleted(machine, tools):
    running = machine({"power.name": 1.0})
    folder = running.folder
    assert not folder.exists()
    assert folder.is_empty()
    with pytest.raises(StoreUnavailable):
        folder.lock()
    with pytest.raises(StoreUnavailable):
        folder.environment(map_bytes=1)
    folder.prepare()
    assert folder.exists()
    assert folder.data_bytes() == 0
    with pytest.raises(StoreUnavailable, match="no partition"):
        folder.environment(map_bytes=1, read_only=True)
    folder.environment(map_bytes=1)
    running.crash("power")
    folder = running.folder
    assert folder.data_bytes() > 512
    assert not folder.is_empty()
    folder.delete()
    folder.delete()
    running.crash("power")
    assert not running.folder.exists()
    assert running.folder.data_bytes() == 0
    assert running.disk.acknowledged(tools.DIRECTORY) == {}


def test_the_folders_of_a_directory_are_listed(machine):
    running = machine()
    folders = running.disk.folders(running.life)
    assert folders.below(Path("/simulated")) == []
    for name in ("b", "a", "a/inner"):
        folders.at(Path("/simulated") / name).prepare()
    assert folders.below(Path("/simulated")) == [Path("/simulated/a"), Path("/simulated/b")]
    assert folders.below(Path("/")) == [Path("/simulated")]


def test_one_process_writes_at_a_time(machine, tools):
    running = machine()
    running.folder.prepare()
    lock = running.folder.lock()
    with pytest.raises(PartitionInUse, match=r"this process \(1\)"):
        running.folder.lock()
    other = running.disk.folders(Life(7)).at(tools.DIRECTORY)
    for use in (other.lock, other.delete):
        with pytest.raises(PartitionInUse, match="in process 1") as refused:
            use()
        assert refused.value.pid == 1
    lock.release()
    taken = other.lock()
    lock.release()
    with pytest.raises(PartitionInUse, match="in process 7"):
        running.folder.lock()
    taken.release()


@pytest.mark.parametrize("kind", ["kill", "power"])
def test_the_lock_of_a_dead_process_is_free_and_it_cannot_release_that_of_the_next(kind, machine):
    running = machine()
    running.folder.prepare()
    dead, folder = running.folder.lock(), running.folder
    running.crash(kind)
    running.folder.lock()
    dead.release()
    folder.give_up()
    with pytest.raises(PartitionInUse):
        running.folder.lock()
    for use in (folder.prepare, folder.lock, folder.data_bytes, folder.exists, folder.has_keys, folder.keys().read):
        with pytest.raises(Dead):
            use()


def test_a_key_file_is_the_old_one_or_the_new_one_after_a_crash(machine):
    seen = {"kill": set(), "power": set()}
    for seed in range(60):
        running = machine({"crash.key_file": 1.0, "power.name": 0.5}, seed=seed)
        running.folder.prepare()
        running.folder.environment(map_bytes=1)
        with pytest.raises(Crash, match="key_file") as ended:
            running.folder.keys().rewrite(b"new")
        running.crash_of(ended)
        seen[ended.value.kind].add(running.folder.keys().read() if running.folder.has_keys() else b"none")
        assert running.folder.data_bytes()
    assert seen == {"kill": {b"none", b"new"}, "power": {b"none", b"new"}}


def test_a_key_file_that_could_not_be_rewritten_may_be_the_new_one(machine):
    seen = set()
    for seed in range(20):
        running = machine({"disk.io_error": 0.5}, seed=seed)
        running.folder.prepare()
        keys = running.folder.keys()
        with pytest.raises(FileNotFoundError):
            keys.read()
        try:
            keys.rewrite(b"new")
        except OSError:
            seen.add(running.folder.has_keys())
    assert seen == {True, False}


def test_what_one_process_did_not_sync_the_next_one_does_before_it_relies_on_it(machine):
    """Killed between the renaming of its key file and the syncing of the folder; then the power is cut."""
    for seed in range(30):
        running = machine({"crash.key_file": 1.0, "power.name": 1.0}, seed=seed)
        running.folder.prepare()
        with pytest.raises(Crash):
            running.folder.keys().rewrite(b"new")
        running.crash("kill")
        running.folder.prepare()
        had = running.folder.has_keys()
        running.crash("power")
        assert running.folder.has_keys() == had


def random_bytes(seed: int):
    numbers = count()
    return lambda size: hashlib.shake_256(b"%d %d" % (seed, next(numbers))).digest(size)


def turn(position: int):
    secret = Secret(f"secret {position}")
    order = DownloadOrder("id", "https://a.example/", "/d", (("authorization", secret),))
    return Turn(
        position, position, "session", External("api", position), SetDownloadPath("/d"), (DownloadAdded(order),)
    )


def secret_of(turn) -> str:
    return turn.events[0].order.headers[0][1].reveal()


LOSSES = tuple(name for name in FAULTS if name.startswith("power."))
DEADLY = {
    name: 0.05 for name in FAULTS if name.startswith("crash.") or name in {"disk.io_error", "disk.room", "disk.full"}
}


def lived(running, drawn) -> int:
    """One process: it opens the log, looks at all of it, and appends; how far it was told that its turns are durable."""
    with PartitionStore.open_in(running.folder, name="p", random_bytes=drawn) as store:
        assert store.verify().ok
        assert running.disk.durable_position(running.folder.directory) == store.position
        assert [secret_of(turn) for turn in store.turns()] == [f"secret {at}" for at in range(1, store.position + 1)]
        for _ in range(10):
            try:
                store._log.append([turn(store.position + 1)])
            except StoreError:
                store._log.recover()
        return store.position


@pytest.mark.parametrize("seed", range(30))
def test_a_store_on_it_has_all_that_it_acknowledged_after_every_crash(seed, machine, tools):
    running = machine(DEADLY | dict.fromkeys(LOSSES, 0.5), seed=seed)
    drawn = random_bytes(seed)
    crashes = 0
    for _ in range(40):
        try:
            lived(running, drawn)
        except Crash as error:
            crashes += 1
            running.crash(error.kind)
        except (StoreFailed, StoreUnavailable):
            running.crash("kill")
        acknowledged = running.disk.acknowledged(tools.DIRECTORY)
        assert not acknowledged or acknowledged.items() <= tools.everything(running.environment()).items()
    assert crashes
    running.disk.heal()
    running.faults.heal()
    assert lived(running, drawn) >= 10


def test_a_lying_disk_is_caught_by_the_turns_that_it_takes_back(machine, tools):
    caught = 0
    for seed in range(20):
        running = machine({"power.commits": 0.5, "power.name": 0.1, "power.file": 0.5}, seed=seed, disk__lies=1)
        lived(running, random_bytes(seed))
        running.crash("power")
        left = tools.everything(running.environment())
        missing = not running.disk.acknowledged(tools.DIRECTORY).items() <= left.items()
        assert running.disk.lied or not missing
        caught += missing
    assert caught


@pytest.mark.parametrize("fault", ["disk.stale_page", "disk.torn"])
def test_a_damaged_log_is_found_when_it_is_opened_or_verified(fault, machine):
    for seed in range(20):
        running = machine({fault: 1.0}, seed=seed, disk__lies=int(fault == "disk.torn"))
        drawn = random_bytes(seed)
        lived(running, drawn)
        running.crash("power")
        assert len(running.disk.damaged) == 1
        with pytest.raises(LogDamaged):
            PartitionStore.open_in(running.folder, name="p", random_bytes=drawn)
