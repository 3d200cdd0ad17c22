"""Reading the log: batches in order, checked as they come; nothing is held open between them.

Every batch that is read is checked three ways: its digest, its link to the batch before, its position after the last one's.
What comes out of here is what was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from partita.events.errors import (
    HistoryTrimmed,
    InvalidPosition,
    LogDamaged,
    StoreError,
    StoreUnavailable,
    UnknownTag,
)
from partita.store.blobs import opened
from partita.store.codec import Batch, Codec, FoldingTurn, RecordedTurn, key_position, position_key, unwrapped
from partita.store.environment import Environment, Transaction, Unreadable, reading
from partita.store.identity import Identity, read_identity
from partita.store.index import batches_of
from partita.store.keys import Keyring
from partita.store.snapshots import newest_good_position

CHUNK_BYTES: Final = 1 << 20
CHUNK_BATCHES: Final = 512
"""How much is copied out of the environment at a time: a chunk ends with the batch that reaches either."""

SHORTEST_POLL_S: Final = 0.0005
LONGEST_POLL_S: Final = 0.02

TurnT = TypeVar("TurnT", RecordedTurn, FoldingTurn)


class Reader:
    """A log, for reading. ``where`` names it in errors; ``through`` hides what comes after that position."""

    def __init__(self, environment: Environment, codec: Codec, *, where: str, through: int | None = None) -> None:
        self.environment = environment
        self.codec = codec
        self.where = where
        self.position = 0
        self.chain = b""
        self._through = through
        with reading(environment) as transaction:
            identity = read_identity(transaction, where)
        if identity is None:
            raise StoreUnavailable(f"{where} is no partition: it does not say what it is")
        self.identity: Identity = identity
        self._seen = -1
        self.refresh()

    @property
    def first_position(self) -> int:
        """Where history begins: 1, or what retention has left."""
        return self.identity.first_position

    def refresh(self) -> int:
        """Look for what was written since, by whatever process; the last durable position."""
        version = self.environment.version()
        if version == self._seen:
            return self.position
        with reading(self.environment) as transaction:
            identity = read_identity(transaction, self.where)
            position, chain = self._end(transaction)
        if identity is not None:
            self.identity = identity
        self.position, self.chain, self._seen = position, chain, version
        return position

    def _end(self, transaction: Transaction) -> tuple[int, bytes]:
        through = self._through
        start = None if through is None else position_key(through)
        for key, value in transaction.range("turns", start, backward=True):
            try:
                batch = unwrapped(key_position(key), value)
            except LogDamaged as error:
                if through is None:
                    raise _readable_before(self.where, error) from error
                return min(through, key_position(key) - 1), b""
            return (batch.last if through is None else min(through, batch.last)), batch.digest
        identity = self.identity
        return identity.first_position - 1, identity.before

    def wait_past(self, position: int, timeout_s: float) -> int:
        """Block until the last durable position is beyond this one, or for so many seconds; the last durable position.

        Another process's commits are seen by polling the number of the last one, which costs a few microseconds.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = SHORTEST_POLL_S
        while self.refresh() <= position:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LONGEST_POLL_S)
        return self.position

    def check_tail(self) -> None:
        """Check the batches that come after the newest good snapshot.

        Raises :class:`LogDamaged` with the first that is not what was written.
        """
        with reading(self.environment) as transaction:
            start = newest_good_position(transaction, self.position) + 1
        try:
            for _ in self.batches(max(start, self.first_position), self.position):
                pass
        except LogDamaged as error:
            raise _readable_before(self.where, error) from error

    def blob(self, digest: bytes, keyring: Keyring) -> bytes | None:
        """A blob's content; see :func:`partita.store.blobs.opened`."""
        with reading(self.environment) as transaction:
            sealed = transaction.get("blobs", digest)
        return None if sealed is None else opened(keyring, digest, sealed)

    def turns(self, start: int = 1, stop: int | None = None, actor: str | None = None) -> Iterator[RecordedTurn]:
        """The turns from ``start`` to ``stop``, both included, or those of one actor."""
        if actor is None:
            return self._streamed(*self._span(start, stop), self.codec.turns)
        return self._of_actor(actor, *self._span(start, stop))

    def folding_turns(self, start: int = 1, stop: int | None = None) -> Iterator[FoldingTurn]:
        """The same with their messages still encoded."""
        return self._streamed(*self._span(start, stop), self.codec.folding_turns)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches that hold the positions from ``start`` to ``stop``, each one checked."""
        if start > stop:
            return
        expected, previous = 0, b""
        while not expected or expected <= stop:
            chunk = self._chunk(max(start, expected), stop)
            if not chunk:
                raise self._gap(expected or start, stop + 1)
            for key, value in chunk:
                first = key_position(key)
                if expected and first != expected:
                    raise self._gap(expected, first)
                batch = unwrapped(first, value)
                if not expected and first > start:
                    raise self._gap(start, first)
                if previous and batch.previous != previous:
                    raise LogDamaged(f"the batch at position {first} does not follow the one before it", position=first)
                if first == self.identity.first_position and batch.previous != self.identity.before:
                    raise LogDamaged(f"the batch at position {first} does not belong to {self.where}", position=first)
                yield batch
                expected, previous = batch.last + 1, batch.digest

    def _chunk(self, start: int, stop: int) -> list[tuple[bytes, bytes]]:
        """The values from the batch that holds ``start`` on, as many as are worth one look into the environment."""
        found: list[tuple[bytes, bytes]] = []
        size = 0
        last = position_key(stop)
        try:
            with reading(self.environment) as transaction:
                before = next(transaction.keys("turns", position_key(start), backward=True), None)
                for key, value in transaction.range("turns", before or position_key(start)):
                    if key > last:
                        break
                    found.append((key, value))
                    size += len(value)
                    if size >= CHUNK_BYTES or len(found) >= CHUNK_BATCHES:
                        break
        except Unreadable as error:
            raise LogDamaged(f"from position {start} on, {error}", position=start) from error
        return found

    def _gap(self, expected: int, found: int) -> LogDamaged | HistoryTrimmed:
        self.environment_changed()
        if expected < self.first_position:
            return self._trimmed(expected)
        return LogDamaged(f"{self.where} has lost the turns {expected} to {found - 1}", position=expected)

    def environment_changed(self) -> None:
        """Read again what the log says of itself: another process may have given up history."""
        with reading(self.environment) as transaction:
            identity = read_identity(transaction, self.where)
        if identity is not None:
            self.identity = identity

    def _trimmed(self, position: int) -> HistoryTrimmed:
        return HistoryTrimmed(
            f"position {position} of {self.where} was given up by retention: history starts at {self.first_position}"
        )

    def _span(self, start: int, stop: int | None) -> tuple[int, int]:
        if start < 1:
            raise InvalidPosition(f"positions are counted from 1, and {start} comes before")
        last = self.position if stop is None else min(stop, self.position)
        if start < self.first_position and start <= last:
            raise self._trimmed(start)
        return start, last

    def _streamed(self, start: int, last: int, decode: Callable[[Batch], list[TurnT]]) -> Iterator[TurnT]:
        for batch in self.batches(start, last):
            turns = self._decoded(batch, decode)
            if batch.first < start or batch.last > last:
                turns = [turn for turn in turns if start <= turn.position <= last]
            yield from turns

    def _of_actor(self, actor: str, start: int, last: int) -> Iterator[RecordedTurn]:
        while start <= last:
            first = self._next_batch_of(actor, start)
            if first is None or first > last:
                return
            batch = next(self.batches(first, first))
            for turn in self._decoded(batch, self.codec.turns):
                if turn.actor == actor and start <= turn.position <= last:
                    yield turn
            start = batch.last + 1

    def _decoded(self, batch: Batch, decode: Callable[[Batch], list[TurnT]]) -> list[TurnT]:
        """The turns of a batch; what cannot be read says in which log."""
        try:
            return decode(batch)
        except UnknownTag as error:
            raise UnknownTag(_with_place(self.where, error), tag=error.tag) from error
        except LogDamaged as error:
            raise LogDamaged(_with_place(self.where, error), position=error.position) from error

    def _next_batch_of(self, actor: str, start: int) -> int | None:
        """The first batch with turns of an actor, from the one that holds ``start`` on."""
        with reading(self.environment) as transaction:
            holding = next(transaction.keys("turns", position_key(start), backward=True), None)
            begin = key_position(holding) if holding else start
            return next(batches_of(transaction, actor, begin), None)


def _readable_before(where: str, error: LogDamaged) -> LogDamaged:
    hint = f"what comes before can be read with through={error.position - 1}"
    return LogDamaged(f"{_with_place(where, error)}; {hint}", position=error.position)


def _with_place(where: str, error: StoreError) -> str:
    text = str(error)
    return text if where in text else f"{where}: {text}"
