"""Group commit: what is submitted is durable in order, in groups; and a batch that fails takes all behind it along."""

from __future__ import annotations

import threading

import pytest

from partita.events.errors import StoreError, StoreFailed, StoreUnavailable
from partita.events.secret import Secret
from partita.store.environment import Transaction
from partita.store.memory_environment import MemoryEnvironment, MemoryTransaction
from partita.store.partition import PartitionStore


class Moody:
    """An environment in memory that fails on demand."""

    def __init__(self) -> None:
        self.inner = MemoryEnvironment()
        self.failures = 0
        self.lies = False  # a commit that fails has come through all the same
        self.closed = False
        self.commits = 0
        self.reopened = 0
        self.broken = False

    def begin(self, *, write: bool = False) -> Transaction:
        if self.broken:
            raise StoreFailed("this handle has failed: open it again")
        return MoodyTransaction(self, write=write) if write else self.inner.begin()

    def reopen(self) -> None:
        if self.closed:
            raise StoreUnavailable("the disk is gone")
        self.reopened += 1
        self.broken = False

    def __getattr__(self, name: str):
        return getattr(self.inner, name)


class MoodyTransaction(MemoryTransaction):
    def __init__(self, moody: Moody, *, write: bool) -> None:
        self.moody = moody
        self.real = moody.inner.begin(write=write)

    def __getattribute__(self, name: str):
        if name in {"moody", "real", "commit"}:
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "real"), name)

    def commit(self) -> None:
        moody = self.moody
        moody.commits += 1
        if moody.failures:
            moody.failures -= 1
            moody.broken = True
            if moody.lies:
                self.real.commit()
            else:
                self.real.abort()
            raise StoreFailed("the disk is full")
        self.real.commit()


@pytest.fixture
def moody():
    return Moody()


@pytest.fixture
def store(moody, random_bytes):
    with PartitionStore.in_memory(name="p", random_bytes=random_bytes, environment=moody) as store:
        yield store


class Kernel:
    """What the committer says, written down."""

    def __init__(self, store: PartitionStore) -> None:
        self.store = store
        self.durable: list[tuple] = []
        self.groups: list[int] = []
        self.errors: list[StoreError] = []
        self.failed = threading.Event()
        self.committer = store.committer(self.on_durable, self.on_failed)

    def on_durable(self, entries: list[tuple]) -> None:
        assert all(entry[0] is None or entry[0].position <= self.store.position for entry in entries)
        self.durable.extend(entries)
        self.groups.append(len(entries))

    def on_failed(self, error: StoreFailed) -> None:
        self.errors.append(error)
        self.failed.set()

    def commit_all(self) -> None:
        while self.committer.commit_once():
            pass


@pytest.fixture
def kernel(store):
    return Kernel(store)


def test_all_that_is_queued_is_one_batch(kernel, samples, moody):
    before = moody.commits
    for turn in samples.turns(1, 100):
        kernel.committer.submit((turn, "reply"))
    assert kernel.committer.backlog == 100
    assert kernel.committer.commit_once()
    assert not kernel.committer.commit_once()
    assert moody.commits == before + 1
    assert kernel.groups == [100]
    assert kernel.committer.backlog == 0
    assert list(kernel.store.turns()) == samples.turns(1, 100)


def test_entries_come_back_in_order_with_what_they_carry(kernel, samples):
    kernel.committer.submit((samples.turn(1), "a"))
    kernel.committer.submit((None, "barrier"), lazy=True)
    kernel.committer.submit((samples.turn(2), "b"), lazy=True)
    kernel.commit_all()
    assert [carried for _, carried in kernel.durable] == ["a", "barrier", "b"]


def test_a_barrier_alone_writes_nothing(kernel, moody):
    before = moody.commits
    kernel.committer.submit((None, "barrier"))
    kernel.commit_all()
    assert kernel.durable == [(None, "barrier")]
    assert moody.commits == before


def test_a_batch_has_a_limit(kernel, samples, monkeypatch):
    for turn in samples.turns(1, 5000):
        kernel.committer.submit((turn,))
    kernel.commit_all()
    assert kernel.groups == [4096, 904]


def test_large_turns_make_batches_of_fewer(kernel, samples):
    for position in range(1, 201):
        kernel.committer.submit((samples.turn(position, agent="x" * 100_000),))
        if position == 50:
            kernel.commit_all()
    kernel.commit_all()
    assert kernel.groups[0] == 50
    assert max(kernel.groups[1:]) <= 26
    assert kernel.store.position == 200


def test_a_snapshot_ends_its_batch_and_lies_in_its_transaction(kernel, samples, moody):
    before = moody.commits
    for turn in samples.turns(1, 3):
        kernel.committer.submit((turn,))
    kernel.committer.snapshot(samples.snapshot(3))
    kernel.committer.submit((samples.turn(4),))
    kernel.committer.snapshot(lambda: samples.snapshot(4))
    kernel.committer.submit((samples.turn(5),))
    kernel.commit_all()
    assert kernel.groups == [3, 1, 1]
    assert moody.commits == before + 3
    assert kernel.store.newest_snapshot().position == 4
    assert kernel.store.newest_snapshot(3).position == 3
    assert kernel.store.newest_snapshot(2) is None


def test_a_snapshot_of_what_is_durable_already_has_a_transaction_of_its_own(kernel, samples):
    kernel.committer.submit((samples.turn(1),))
    kernel.commit_all()
    kernel.committer.snapshot(samples.snapshot(1))
    assert kernel.committer.backlog == 1
    kernel.commit_all()
    assert kernel.store.newest_snapshot() == samples.snapshot(1)


def test_a_failed_batch_leaves_neither_turns_nor_snapshot_nor_blobs(kernel, samples, moody):
    digest = kernel.committer.put_blob(b"body")
    kernel.committer.submit((samples.turn(1),))
    kernel.committer.snapshot(samples.snapshot(1))
    moody.failures = 1
    kernel.commit_all()
    assert kernel.durable == []
    assert kernel.store.newest_snapshot() is None
    assert kernel.store.blob(digest) is None
    assert kernel.committer.take_failed() == [(samples.turn(1),)]


def test_a_blob_is_written_with_the_turn_behind_it(kernel, samples, moody):
    before = moody.commits
    digest = kernel.committer.put_blob(b"body")
    kernel.committer.submit((samples.turn(1),))
    kernel.commit_all()
    assert moody.commits == before + 1
    assert kernel.store.blob(digest) == b"body"


@pytest.mark.parametrize("lies", [False, True], ids=["it was not written", "it was written all the same"])
def test_a_failed_batch_takes_all_behind_it_along(kernel, samples, moody, lies):
    moody.lies = lies
    kernel.committer.submit((samples.turn(1), "kept"))
    kernel.commit_all()
    for position in (2, 3):
        kernel.committer.submit((samples.turn(position), position))
    moody.failures = 1
    kernel.commit_all()
    kernel.committer.submit((samples.turn(4), 4))
    assert not kernel.committer.commit_once()
    assert [str(error) for error in kernel.errors] == ["the disk is full"]
    assert kernel.committer.backlog == 3
    assert [carried for _, carried in kernel.committer.take_failed()] == [2, 3, 4]
    assert kernel.committer.backlog == 0
    assert list(kernel.store.turns()) == samples.turns(1, 1)
    epoch = kernel.store.epoch
    kernel.committer.resume()
    assert kernel.store.epoch == epoch + 1
    kernel.committer.submit((samples.turn(2, agent="another"), "new"))
    kernel.commit_all()
    assert [carried for _, carried in kernel.durable] == ["kept", "new"]
    assert next(kernel.store.turns(2)).message.user_agent == "another"
    assert kernel.store.verify().ok


def test_while_the_disk_stays_full_each_batch_fails_once_and_nothing_spins(kernel, samples, moody):
    moody.failures = 1000
    for attempt in range(5):
        kernel.committer.submit((samples.turn(1), attempt))
        kernel.commit_all()
        assert len(kernel.errors) == attempt + 1
        assert kernel.committer.take_failed() == [(samples.turn(1), attempt)]
        kernel.committer.resume()
    assert moody.commits < 20
    moody.failures = 0
    kernel.committer.submit((samples.turn(1), "at last"))
    kernel.commit_all()
    assert [carried for _, carried in kernel.durable] == ["at last"]


def test_an_environment_that_cannot_be_reopened_fails_like_any_batch(kernel, samples, moody):
    moody.failures = 1
    moody.closed = True
    kernel.committer.submit((samples.turn(1), 1))
    kernel.commit_all()
    kernel.committer.take_failed()
    kernel.committer.resume()
    kernel.committer.submit((samples.turn(1), 2))
    kernel.commit_all()
    assert len(kernel.errors) == 2
    assert all(isinstance(error, StoreFailed) for error in kernel.errors)
    moody.closed = False
    kernel.committer.take_failed()
    kernel.committer.resume()
    kernel.committer.submit((samples.turn(1), 3))
    kernel.commit_all()
    assert [carried for _, carried in kernel.durable] == [3]


def test_a_failed_commit_is_never_tried_again_on_the_same_handle(kernel, samples, moody):
    moody.failures = 1
    kernel.committer.submit((samples.turn(1),))
    kernel.commit_all()
    assert moody.reopened >= 1
    kernel.committer.take_failed()
    kernel.committer.resume()
    assert moody.reopened >= 2


def test_nonces_never_repeat_over_failures_snapshots_blobs_and_openings(moody, samples, random_bytes, monkeypatch):
    from partita.store import keys

    nonces: list[bytes] = []

    real = keys.AESGCM

    class Watched:
        def __init__(self, key: bytes) -> None:
            self.cipher = real(key)
            self.decrypt = self.cipher.decrypt

        def encrypt(self, nonce: bytes, data: bytes, extra: None) -> bytes:
            nonces.append(nonce)
            return self.cipher.encrypt(nonce, data, extra)

    monkeypatch.setattr(keys, "AESGCM", Watched)
    monkeypatch.setattr(keys.Keyring, "created", _always_the_same_key(keys))
    for _ in range(4):
        store = PartitionStore.in_memory(name="p", random_bytes=random_bytes, environment=moody)
        kernel = Kernel(store)
        for attempt in range(6):
            position = store.position + 1
            store.put_blob(b"own transaction") if store._log.healthy else None
            kernel.committer.put_blob(b"blob %d" % attempt)
            kernel.committer.submit((samples.secret_turn(position, Secret(f"secret {attempt}")),))
            kernel.committer.submit((samples.secret_turn(position + 1, Secret(f"other {attempt}")),))
            moody.failures = attempt % 2
            kernel.commit_all()
            kernel.committer.take_failed()
            kernel.committer.resume()
        moody.failures = 0
    assert len(nonces) == len(set(nonces)) > 60


def _always_the_same_key(keys):
    @classmethod
    def created(cls, random_bytes, *, file=None, parent=None):
        return cls({b"key key!": bytes(32)}, current=b"key key!")

    return created


def test_a_simulated_disk_opened_again_with_its_keyring_reveals_its_secrets(moody, samples, random_bytes):
    store = PartitionStore.in_memory(name="p", random_bytes=random_bytes, environment=moody)
    store._log.append([samples.secret_turn(1, Secret("kept"))])
    again = PartitionStore.in_memory(name="p", random_bytes=random_bytes, environment=moody, keyring=store.keyring)
    assert (again.epoch, again.position) == (2, 1)
    assert samples.secret_of(next(again.turns())).reveal() == "kept"


# With the thread.


def test_a_lone_turn_is_committed_at_once(kernel, samples, monkeypatch):
    from partita.store import committer

    monkeypatch.setattr(committer, "LAZY_WAIT_S", 3600.0)
    kernel.committer.start()
    for position in range(1, 51):
        kernel.committer.submit((samples.turn(position),))
        assert kernel.store.wait_past(position - 1, 60.0) == position
    kernel.committer.stop()


def test_lazy_turns_wait_for_company(kernel, samples, monkeypatch):
    from partita.store import committer

    monkeypatch.setattr(committer, "LAZY_WAIT_S", 3600.0)
    kernel.committer.start()
    for position in (1, 2, 3):
        kernel.committer.submit((samples.turn(position),), lazy=True)
    assert kernel.store.wait_past(0, 0.05) == 0
    kernel.committer.submit((samples.turn(4),))
    assert kernel.store.wait_past(3, 60.0) == 4
    kernel.committer.stop()
    assert kernel.groups == [4]


def test_lazy_turns_do_not_wait_for_ever(kernel, samples):
    kernel.committer.start()
    kernel.committer.submit((samples.turn(1),), lazy=True)
    assert kernel.store.wait_past(0, 60.0) == 1
    kernel.committer.stop()


def test_stopping_commits_what_is_queued(kernel, samples):
    kernel.committer.start()
    for turn in samples.turns(1, 10_000):
        kernel.committer.submit((turn,), lazy=True)
    kernel.committer.stop()
    assert kernel.store.position == len(kernel.durable) == 10_000


def test_stopping_without_a_thread_commits_what_is_queued(kernel, samples):
    kernel.committer.submit((samples.turn(1),))
    kernel.committer.stop()
    assert kernel.store.position == 1


def test_the_thread_outlives_failures(kernel, samples, moody):
    kernel.committer.start()
    for attempt in range(3):
        moody.failures = 1
        kernel.committer.submit((samples.turn(attempt + 1), "lost"))
        assert kernel.failed.wait(60)
        kernel.failed.clear()
        kernel.committer.take_failed()
        kernel.committer.resume()
        kernel.committer.submit((samples.turn(attempt + 1), "kept"))
        assert kernel.store.wait_past(attempt, 60.0) == attempt + 1
    kernel.committer.stop()
    assert [carried for _, carried in kernel.durable] == ["kept"] * 3
    assert len(kernel.errors) == 3


def test_stopping_after_a_failure_leaves_the_queue_to_the_kernel(kernel, samples, moody):
    kernel.committer.start()
    moody.failures = 1
    kernel.committer.submit((samples.turn(1),))
    assert kernel.failed.wait(60)
    kernel.committer.submit((samples.turn(2),))
    kernel.committer.stop()
    assert len(kernel.committer.take_failed()) == 2


def test_a_callback_that_raises_does_not_end_the_commits(store, samples, monkeypatch):
    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)

    def on_durable(entries: list[tuple]) -> None:
        raise RuntimeError("a defect")

    committer = store.committer(on_durable, lambda _: None)
    committer.start()
    committer.submit((samples.turn(1),))
    assert store.wait_past(0, 60.0) == 1
    committer.submit((samples.turn(2),))
    assert store.wait_past(1, 60.0) == 2
    committer.stop()
    assert [args.exc_type for args in reported] == [RuntimeError, RuntimeError]


def test_many_threads_may_submit(opened, samples):
    store = opened()
    kernel = Kernel(store)
    kernel.committer.start()
    turns = iter(samples.turns(1, 4000))
    order = threading.Lock()

    def submit() -> None:
        for _ in range(1000):
            with order:
                kernel.committer.submit((next(turns),))

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kernel.committer.stop()
    assert samples.positions(store.turns()) == list(range(1, 4001))
    assert store.verify().ok
