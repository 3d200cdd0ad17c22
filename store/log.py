"""Writing the log: a batch, its place in the index, a snapshot and blobs in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import msgspec

from partita.events.errors import StoreError, StoreFailed, TurnUnwritable
from partita.events.points import reached
from partita.store import snapshots
from partita.store.codec import Codec, RecordedTurn, heads, key_position, position_key, unwrapped
from partita.store.environment import Environment, Transaction, written
from partita.store.identity import write_identity
from partita.store.index import index_entries
from partita.store.keys import Keyring, RandomBytes
from partita.store.reader import Reader
from partita.store.retention import trimmed
from partita.store.snapshots import Snapshot


class Log(Reader):
    """A log, for writing: by one process, by one thread at a time.

    After a batch failed, nothing is written before :meth:`recover` has had the environment opened again and the epoch raised.
    """

    def __init__(self, environment: Environment, codec: Codec, keyring: Keyring, *, where: str) -> None:
        super().__init__(environment, codec, where=where)
        self.keyring = keyring
        self.healthy = True
        self.retain_bytes: int | None = None
        self.batch_bytes = 0  # of the last batch
        self._writing = threading.Lock()
        self._advancing = threading.Lock()  # taken itself: a Ctrl-C in a condition's __enter__ would leave it taken
        self._advanced = threading.Condition(self._advancing)
        self._waiting = 0

    def append(
        self,
        turns: Sequence[RecordedTurn],
        *,
        snapshot: Snapshot | None = None,
        blobs: Mapping[bytes, bytes] | None = None,
        dropped: Collection[bytes] = (),
    ) -> None:
        """Make a batch durable, with the snapshot taken after it and the blobs that it names (content by digest).

        ``dropped``: blobs to remove; one that is not there is none.

        The turns have the next positions, in order. Raises :class:`StoreFailed`, and then nothing of it is in the log.
        """
        with self._writing:
            if not self.healthy:
                raise StoreFailed(f"{self.where} has to be recovered from a failed batch first")
            try:
                self._append(turns, snapshot, blobs, dropped)
            except BaseException:
                self.healthy = False
                raise
            if snapshot is not None and self.retain_bytes is not None:
                self._trim(self.retain_bytes, blobs or {})
        if self._waiting:
            with self._advancing:
                self._advanced.notify_all()

    def _append(
        self,
        turns: Sequence[RecordedTurn],
        snapshot: Snapshot | None,
        blobs: Mapping[bytes, bytes] | None,
        dropped: Collection[bytes],
    ) -> None:
        first = self.position + 1
        last = self.position + len(turns)
        keyring = self.keyring
        keyring.at(first)
        value: bytearray | None = None
        digest = self.chain
        key = position_key(first)
        index: list[tuple[bytes, bytes]] = []
        if turns:
            assert turns[0].position == first, f"turn {turns[0].position} was given to be appended as {first}"
            assert turns[-1].position == last, f"turn {turns[-1].position} was given to be appended as {last}"
            value, digest = self._encoded(turns)
            self.batch_bytes = len(value)
            index = index_entries({turn.actor for turn in turns}, first)
        sealed = {name: keyring.seal(content) for name, content in blobs.items()} if blobs else {}
        image: tuple[bytes, bytes] | None = None
        if snapshot is not None:
            assert snapshot.position == last, f"a snapshot of {snapshot.position} was given with a batch up to {last}"
            image = snapshots.encoded(self.codec, snapshot)
        identity = self.identity
        if keyring.has_sealed and keyring.current not in identity.sealed_under:
            identity = msgspec.structs.replace(identity, sealed_under=(*identity.sealed_under, keyring.current))

        def body(transaction: Transaction) -> None:
            if value is not None:
                transaction.put("turns", key, value, append=True)
                if len(index) == 1:
                    transaction.put("actors", *index[0])
                else:
                    transaction.put_many("actors", index)
            _change_blobs(transaction, sealed, dropped)
            if image is not None:
                _put_snapshot(transaction, *image)
            if identity is not self.identity:
                write_identity(transaction, identity)

        written(self.environment, body)
        self.identity = identity
        self.position, self.chain = last, digest

    def _trim(self, retain_bytes: int, blobs: Mapping[bytes, bytes]) -> None:
        try:
            self.identity = trimmed(self.environment, self.identity, retain_bytes, just_stored=blobs.keys())
        except StoreError:  # the batch itself is durable: whoever appends next has the environment recovered
            self.healthy = False

    def _encoded(self, turns: Sequence[RecordedTurn]) -> tuple[bytearray, bytes]:
        try:
            return self.codec.batch(turns, self.chain)
        except StoreError:
            raise
        except Exception as error:
            culprit = next((turn for turn in turns if not self._encodes(turn)), turns[0])
            text = f"turn {culprit.position} ({type(culprit.message).__name__} to {culprit.actor}) cannot be written: {error}"
            raise TurnUnwritable(text, position=culprit.position) from error

    def _encodes(self, turn: RecordedTurn) -> bool:
        try:
            self.codec.encode(turn)
        except Exception:  # noqa: BLE001  it was raised before; this only finds out by which turn
            return False
        return True

    def recover(self) -> None:
        """After a batch failed: open the environment again, take back what of it may have been written, raise the epoch.

        Nothing is sealed under the new epoch before it is on the disk. Raises :class:`StoreError` while that cannot be done.
        """
        with self._writing:
            self.healthy = False
            self.environment.reopen()
            identity = msgspec.structs.replace(self.identity, epoch=self.identity.epoch + 1)

            def body(transaction: Transaction) -> None:
                self._take_back(transaction)
                write_identity(transaction, identity)

            written(self.environment, body)
            self.identity = identity
            self.keyring.epoch = identity.epoch
            self.healthy = True

    def erase_key(self, key_id: bytes, random_bytes: RandomBytes) -> None:
        """Give up a key, while nothing is being sealed."""
        with self._writing:
            self.keyring.erase(key_id, random_bytes)

    def reopen_quietly(self) -> None:
        """Have the environment readable again after a failure, if that can be; :meth:`recover` is still to come."""
        with self._writing, suppress(StoreError):
            self.environment.reopen()

    def _take_back(self, transaction: Transaction) -> None:
        """Remove what lies beyond the last position that was acknowledged: a commit that failed may have come through."""
        beyond = position_key(self.position + 1)
        for key, value in list(transaction.range("turns", beyond)):
            reached("commit.taken_back")
            batch = unwrapped(key_position(key), value, check=False)
            for entry, _ in index_entries({head.actor for head in heads(batch.payload, batch.first)}, batch.first):
                transaction.delete("actors", entry)
            transaction.delete("turns", key)
        for key in list(transaction.keys("snapshots", beyond)):
            transaction.delete("snapshots", key)

    def refresh(self) -> int:
        """The last durable position: nobody else writes."""
        if self._seen < 0:
            super().refresh()
        return self.position

    def wait_past(self, position: int, timeout_s: float) -> int:
        """Block until the last durable position is beyond this one, or for so many seconds; the last durable position."""
        deadline = time.monotonic() + timeout_s
        with self._advancing:
            self._waiting += 1
            try:
                while self.position <= position:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0 or not self._advanced.wait(left_s):
                        break
            finally:
                self._waiting -= 1
        return self.position


def _change_blobs(transaction: Transaction, sealed: Mapping[bytes, bytes], dropped: Collection[bytes]) -> None:
    for name, content in sealed.items():
        transaction.put("blobs", name, content)
    for name in dropped:
        transaction.delete("blobs", name)


def _put_snapshot(transaction: Transaction, key: bytes, value: bytes) -> None:
    transaction.put("snapshots", key, value)
    positions = [key_position(at) for at in transaction.keys("snapshots", backward=True)]
    for position in snapshots.superseded(positions):
        transaction.delete("snapshots", position_key(position))
