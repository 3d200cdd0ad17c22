"""A snapshot saves time; one that cannot be used costs time, never data."""

from __future__ import annotations

from partita.events.preferences import PreferencesState
from partita.events.secret import Secret
from partita.store.codec import position_key
from partita.store.environment import written
from partita.store.partition import PartitionStore
from partita.store.snapshots import ActorImage, Snapshot


def with_snapshots(store, samples, *positions: int, fingerprint: str = "rules") -> None:
    for position in positions:
        first = store.position + 1
        store._log.append(samples.turns(first, position), snapshot=samples.snapshot(position, fingerprint))


def damage(store, position: int) -> None:
    def body(transaction) -> None:
        value = bytearray(transaction.get("snapshots", position_key(position)))
        value[-2] ^= 4
        transaction.put("snapshots", position_key(position), value)

    written(store._log.environment, body)


def test_the_newest_snapshot_at_or_before_a_position_is_found(opened, samples):
    store = opened()
    with_snapshots(store, samples, 2, 5, 9)
    samples.write(store, 3)
    found = [store.newest_snapshot(at) for at in (None, 100, 9, 8, 5, 2, 1, 0)]
    assert [snapshot and snapshot.position for snapshot in found] == [9, 9, 9, 5, 5, 2, None, None]
    assert found[0] == samples.snapshot(9)
    store.close()
    assert opened().newest_snapshot() == samples.snapshot(9)


def test_a_damaged_snapshot_is_passed_over_and_noted(opened, samples):
    store = opened()
    with_snapshots(store, samples, 2, 5)
    damage(store, 5)
    assert store.newest_snapshot().position == 2
    assert [(skipped.position, skipped.reason) for skipped in store.skipped_snapshots] == [
        (5, "it is not what was written")
    ]
    damage(store, 2)
    assert store.newest_snapshot() is None
    assert len(store.verify().damage) == 2
    store.close()
    assert samples.positions(opened().turns()) == [1, 2, 3, 4, 5]


def test_a_snapshot_of_other_rules_is_passed_over(opened, samples):
    store = opened()
    with_snapshots(store, samples, 2)
    with_snapshots(store, samples, 4, fingerprint="older rules")
    assert store.newest_snapshot(fingerprint="rules").position == 2
    assert store.newest_snapshot(fingerprint="older rules").position == 4
    assert store.newest_snapshot(fingerprint="other") is None
    assert store.newest_snapshot().fingerprint == "older rules"


def test_a_snapshot_holds_secrets_sealed(opened, folder, samples, secret_text):
    from partita.events.downloads import DownloadOrder, DownloadState

    order = DownloadOrder("id", "https://a/", "/d", (("authorization", Secret(secret_text)),))
    store = opened()
    image = ActorImage("download/id", "download", DownloadState(order=order))
    store._log.append(samples.turns(1, 1), snapshot=Snapshot(1, "rules", [image]))
    store.close()
    assert secret_text.encode() not in (folder / "data.mdb").read_bytes()
    with PartitionStore.read(folder) as reader:
        assert reader.newest_snapshot().actors == [image]


def test_a_snapshot_of_an_unknown_type_of_state_is_passed_over(memory, samples):
    with_snapshots(memory, samples, 1, 2)
    from partita.store import snapshots
    from partita.store.codec import Codec

    body = snapshots.encoded(Codec(memory._keyring.sealed, memory._keyring.unseal), samples.snapshot(2))[1]
    newer = body.replace(b"preferences.state/1", b"preferences.state/9")
    newer = snapshots._digest(position_key(2), newer[16:]) + newer[16:]
    written(memory._log.environment, lambda transaction: transaction.put("snapshots", position_key(2), newer))
    assert memory.newest_snapshot().position == 1
    assert "preferences.state/9" in memory.skipped_snapshots[0].reason
    assert memory.verify().ok
    assert PreferencesState()


def test_a_snapshot_and_its_batch_are_there_together_or_not_at_all(opened, folder, samples, child):
    """A process is killed at any moment while it writes batches with snapshots."""
    store = opened()
    store.close()
    code = """
import os, sys, itertools
from partita.store.partition import PartitionStore
from partita.events.preferences import PreferencesState, SetDownloadPath
from partita.events.turn import Turn
from partita.store.snapshots import ActorImage, Snapshot
store = PartitionStore.open(sys.argv[1], name="work", random_bytes=os.urandom)
for position in itertools.count(store.position + 1):
    image = ActorImage("session", "session", PreferencesState(download_path=str(position)))
    turn = Turn(position, position, "session", 0, SetDownloadPath(str(position)))
    store._log.append([turn], snapshot=Snapshot(position, "rules", [image]))
    print(position, flush=True)
"""
    last = 0
    for round_ in range(3):
        process = child(code, folder)
        for _ in range(5 + round_ * 3):
            last = int(process.stdout.readline())
        process.kill()
        process.wait()
        with PartitionStore.read(folder) as reader:
            assert reader.position >= last
            assert reader.newest_snapshot().position == reader.position
            assert reader.verify().ok
