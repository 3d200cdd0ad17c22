"""Blobs that are removed: in a transaction behind the turn that says so, and nothing else of the log minds."""

from __future__ import annotations

import pytest

from partita.store.blobs import digest_of
from partita.store.memory_environment import MemoryEnvironment
from partita.store.partition import PartitionStore

ONE, OTHER = b"one body", b"another body"


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def committer(store):
    failures = []
    made = store.committer(lambda entries: None, failures.append)
    made.failures = failures
    return made


def commit(committer) -> None:
    while committer.commit_once():
        pass


def test_a_dropped_blob_is_gone_and_its_room_is_used_again(store, committer):
    bodies = [bytes([number]) * 1_000_000 for number in range(20)]
    for body in bodies[:10]:
        committer.put_blob(body)
    commit(committer)
    size_before = store.statistics().size_bytes
    committer.drop_blobs([digest_of(body) for body in bodies[:10]])
    commit(committer)
    assert store.statistics().blobs == 0
    for body in bodies[10:]:
        committer.put_blob(body)
        commit(committer)
    assert store.statistics().blobs == 10
    assert store.statistics().size_bytes < 1.3 * size_before
    assert store.verify().ok


def test_what_is_put_again_is_there_again(store, committer):
    digest = committer.put_blob(ONE)
    commit(committer)
    committer.drop_blobs([digest])
    commit(committer)
    assert store.blob(digest) is None
    assert committer.put_blob(ONE) == digest
    commit(committer)
    assert store.blob(digest) == ONE


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(
    ("steps", "is_there"), [("pd", False), ("pdp", True), ("dp", True), ("ppd", False), ("pdpd", False), ("dd", False)]
)
def test_the_order_of_putting_and_dropping_counts(store, committer, steps, is_there, in_one_batch):
    digest = digest_of(ONE)
    for step in steps:
        if step == "p":
            committer.put_blob(ONE)
        else:
            committer.drop_blobs([digest])
        if not in_one_batch:
            commit(committer)
    commit(committer)
    assert (store.blob(digest) == ONE) == is_there
    assert committer.unwritten(digest) is None
    assert committer.unwritten_bytes == 0


def test_what_is_not_written_yet_can_be_read(committer):
    digest = committer.put_blob(ONE)
    assert committer.unwritten(digest) == ONE
    assert committer.unwritten_bytes == len(ONE)
    assert committer.unwritten(digest_of(OTHER)) is None


@pytest.mark.parametrize("undone", [True, False])
def test_a_drop_that_fails_is_done_with_the_next_batch_unless_turns_are_undone(
    store, committer, samples, monkeypatch, undone
):
    """What nobody named may be named again then."""
    digest = committer.put_blob(ONE)
    other = committer.put_blob(OTHER)
    commit(committer)
    assert (store.blob(digest), store.blob(other)) == (ONE, OTHER)

    def broken(*arguments, **options):
        raise OSError("the disk is gone")

    failing = (samples.turn(1) if undone else None,)
    committer.submit(failing)
    committer.drop_blobs([digest])
    again = committer.put_blob(b"a third")
    with monkeypatch.context() as patched:
        patched.setattr(store._log, "append", broken)
        commit(committer)
    assert len(committer.failures) == 1
    assert committer.unwritten(again) == b"a third"
    assert committer.take_failed() == [failing]
    committer.resume()
    commit(committer)
    left = ONE if undone else None
    assert (store.blob(digest), store.blob(other), store.blob(again)) == (left, OTHER, b"a third")
    assert committer.unwritten_bytes == 0
    assert store.position == 0


def test_a_log_without_the_blobs_that_its_turns_name_is_a_whole_log(opened, samples, tmp_path, random_bytes):
    from partita.events.preferences import SetDownloadPath
    from partita.events.turn import Turn

    store = opened()
    committer = store.committer(lambda entries: None, lambda error: None)
    gone, kept = committer.put_blob(ONE), committer.put_blob(OTHER)
    for position, digest in ((1, gone), (2, kept)):
        committer.submit((Turn(position, position, "session", 0, SetDownloadPath(digest.hex())),))
    commit(committer)
    committer.drop_blobs([gone])
    commit(committer)
    assert store.verify().ok
    with store.fork(None, name="fork", at=2) as fork:
        assert (fork.blob(gone), fork.blob(kept)) == (None, OTHER)
        assert fork.verify().ok
    store.export(tmp_path / "log", include_keys=True)
    with PartitionStore.read(tmp_path / "log") as exported:
        assert (exported.blob(gone), exported.blob(kept)) == (None, OTHER)
        assert exported.verify().ok
    store.export_shareable(tmp_path / "shared", with_bodies=True)
    with PartitionStore.read(tmp_path / "shared") as shared:
        assert shared.statistics().blobs == 1
        assert shared.position == 2


def test_drops_survive_no_crash_before_their_batch(samples, random_bytes, tmp_path):
    """The blob is there as long as the batch that drops it is not: nothing between."""
    with PartitionStore.open(tmp_path, name="work", random_bytes=random_bytes) as store:
        committer = store.committer(lambda entries: None, lambda error: None)
        digest = committer.put_blob(ONE)
        commit(committer)
        committer.drop_blobs([digest])  # and the process ends here
    with PartitionStore.open(tmp_path, name="work", random_bytes=random_bytes) as store:
        assert store.blob(digest) == ONE
        assert store.verify().ok


def test_the_environments_delete_alike(opened):
    environment = MemoryEnvironment()
    transaction = environment.begin(write=True)
    assert not transaction.delete("blobs", b"nothing")
    transaction.commit()
    opened()._log.append((), dropped=[b"nothing"])
