"""Group commit: turns queue up while a batch is on its way to the disk, and all that has queued up is the next batch.

The kernel submits every recorded turn in order, and with it whatever it wants back when the turn is durable. A thread of its
own (or, under simulation, whoever calls :meth:`Committer.commit_once`) encodes a batch, commits it, and hands its entries to
``on_durable``: only then are replies released, subscribers told and effects carried out.

When a batch fails, nothing of it is in the log, and no more is committed: the turns behind it were decided on a state that
is now taken back. ``on_failed`` is called, once; the kernel takes back all entries that were not made durable, in order,
fails their callers, folds its state again, and says :meth:`Committer.resume`. The environment is then opened anew and the
epoch raised. While that cannot be done either (the disk is still full), the next batch fails in the same way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import repeat
from typing import Final, Generic, Protocol, TypeVar, cast

from partita.events.errors import StoreError, StoreFailed
from partita.events.points import buggify, reached
from partita.store.blobs import digest_of
from partita.store.codec import RecordedTurn
from partita.store.log import Log
from partita.store.snapshots import Snapshot

BATCH_TURNS: Final = 4096
BATCH_BYTES: Final = 4 << 20
"""A batch has at most so many turns, and about so many bytes."""

LAZY_WAIT_S: Final = 0.05
"""How long turns that nobody waits for wait for company."""

_AWAKE, _DOZING, _ASLEEP = range(3)


class Entry(Protocol):
    """What is submitted: a tuple, say, whose first item is a turn, or None for a barrier."""

    def __getitem__(self, index: int, /) -> object: ...


EntryT = TypeVar("EntryT", bound=Entry)
Capture = Callable[[], Snapshot]


class _Picture:
    """In the queue: store a snapshot with the batch that ends here."""

    __slots__ = ("capture",)

    def __init__(self, capture: Capture) -> None:
        self.capture = capture


class _Blob:
    """In the queue: store these bytes with the batch that this lies in."""

    __slots__ = ("content", "digest")

    def __init__(self, digest: bytes, content: bytes) -> None:
        self.digest = digest
        self.content = content


class _Drop:
    """In the queue: remove these blobs with the batch that this lies in."""

    __slots__ = ("digests",)

    def __init__(self, digests: tuple[bytes, ...]) -> None:
        self.digests = digests


class Committer(Generic[EntryT]):
    """Commits what is submitted, in order, in groups.

    ``on_durable`` is called on the committing thread with the entries of a batch, after its fsync; ``on_failed`` once for a
    failure, with a :class:`StoreFailed`. Neither may raise.
    """

    def __init__(
        self, log: Log, on_durable: Callable[[list[EntryT]], None], on_failed: Callable[[StoreFailed], None]
    ) -> None:
        self._log = log
        self._on_durable = on_durable
        self._on_failed = on_failed
        self._queue: deque[EntryT | _Picture | _Blob | _Drop] = deque()
        self._marks = 0  # pictures, blobs and drops in the queue
        self._unwritten: dict[bytes, _Blob] = {}
        self._unwritten_bytes = 0
        self._marking = threading.Lock()
        self._in_flight = 0
        self._failed: list[EntryT] = []
        self._failed_blobs: list[_Blob | _Drop] = []
        self._halted = False
        self._turns_at_most = BATCH_TURNS
        self._urgent = False
        self._cut = False  # whether the last batch left behind what was queued with it
        self._state = _AWAKE
        self._bell = threading.Lock()
        self._bell.acquire()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._ring: Callable[[], object] | None = None

    # For the kernel, from any thread.

    def submit(self, entry: EntryT, lazy: bool = False) -> None:
        """Queue an entry. A ``lazy`` one does not have itself committed: it goes with the next, or after 50 ms."""
        self._queue.append(entry)
        if lazy:
            if self._state == _ASLEEP:
                self._wake()
        else:
            self._urgent = True
            if self._state:
                self._wake()

    def snapshot(self, capture: Snapshot | Capture) -> None:
        """Store a snapshot in the transaction of the batch that ends with the entry submitted last.

        ``capture`` may be a function, called on the committing thread: it must stand for the state as it is *now*.
        The snapshot's position is that of the last turn submitted.
        """
        picture = _Picture((lambda: capture) if isinstance(capture, Snapshot) else capture)
        self._mark(1)
        self._queue.append(picture)
        if self._state == _ASLEEP:
            self._wake()

    def put_blob(self, content: bytes) -> bytes:
        """Store bytes in front of the turn submitted next, in its transaction or an earlier one; their digest."""
        digest = digest_of(content)
        blob = _Blob(digest, content)
        with self._marking:
            self._marks += 1
            self._unwritten_bytes += len(content)
            self._unwritten[digest] = blob
        self._queue.append(blob)
        if self._state == _ASLEEP:
            self._wake()
        return digest

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        """Remove blobs behind the turn submitted last, in its transaction or a later one. Put again after this, one is back.

        When that turn is undone, they stay.
        """
        self._mark(1)
        self._queue.append(_Drop(tuple(digests)))
        if self._state == _ASLEEP:
            self._wake()

    def unwritten(self, digest: bytes) -> bytes | None:
        """A blob that was put and is not durable yet; None when there is none of that name."""
        blob = self._unwritten.get(digest)
        return None if blob is None else blob.content

    @property
    def unwritten_bytes(self) -> int:
        """The bytes of blobs that are not durable yet."""
        return self._unwritten_bytes

    @property
    def backlog(self) -> int:
        """How many entries are not durable yet."""
        return len(self._queue) + self._in_flight

    @property
    def is_due(self) -> bool:
        """Whether there is something that :meth:`commit_once` would commit."""
        return bool(self._queue) and not self._halted

    def on_own_thread(self) -> bool:
        """Whether the calling thread is the one that commits."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Commit on a thread of its own from here on."""
        assert self._thread is None, "a committer is started once"
        self._thread = threading.Thread(target=self._run, name=f"partita commits {self._log.where}", daemon=True)
        self._thread.start()

    def rest(self, ring: Callable[[], object]) -> None:
        """For a kernel without commit threads: have ``ring`` called once, when there is something to commit."""
        self._ring = ring
        self._state = _ASLEEP
        if self._queue:
            self._wake()

    def stop(self) -> None:
        """Commit what is queued, and end. After a failure that was not resumed from, the queue stays as it is."""
        self._stopping = True
        if self._thread is None:
            while self.commit_once():
                pass
        else:
            self._wake()
            self._thread.join()
            self._thread = None

    # After a failure, by the kernel.

    def take_failed(self) -> list[EntryT]:
        """All entries that were not made durable: those of the batch that failed and those queued since, in order.

        Blobs stay queued: a turn that is taken again may name them, and one that nobody names costs only room. Drops are given
        up where turns are undone: what nobody named may be named again, and one that is left over is swept by the next opening.
        """
        failed, self._failed = self._failed, []
        blobs, self._failed_blobs = self._failed_blobs, []
        self._mark(len(blobs))
        self._in_flight = 0
        queue = self._queue
        for _ in repeat(None, len(queue)):
            item = queue.popleft()
            if isinstance(item, (_Blob, _Drop)):
                blobs.append(item)
            elif isinstance(item, _Picture):
                self._mark(-1)
            else:
                failed.append(item)
        if any(entry[0] is not None for entry in failed):
            self._mark(-sum(isinstance(item, _Drop) for item in blobs))
            blobs = [item for item in blobs if isinstance(item, _Blob)]
        queue.extendleft(reversed(blobs))
        return failed

    def resume(self) -> None:
        """Commit again. What cannot be recovered now is tried again, once, with the next batch."""
        with suppress(StoreFailed):
            self._recover()
        self._halted = False
        self._urgent = True
        self._wake()

    # The committing side.

    def commit_once(self) -> bool:
        """Commit one batch of what is queued, and tell; whether there was anything to do. By one thread at a time."""
        if not self.is_due:
            return False
        entries, pictures, blobs = self._next_batch()
        turns = [cast("RecordedTurn", turn) for entry in entries if (turn := entry[0]) is not None]
        if turns or pictures or blobs or not self._log.healthy:  # a barrier, too, finds out whether the log can be used
            try:
                self._recover()
                snapshot = pictures[-1].capture() if pictures else None
                stored, dropped = _in_the_end(blobs)
                self._log.append(turns, snapshot=snapshot, blobs=stored, dropped=dropped)
            except Exception as error:  # noqa: BLE001  whatever it was, the callers wait for an answer
                self._failed_blobs = blobs
                self._fail(entries, error)
                return True
            if blobs:
                self._note_written(blobs)
            if turns:
                mean_bytes = max(1, self._log.batch_bytes // len(turns))
                self._turns_at_most = max(1, min(BATCH_TURNS, BATCH_BYTES // mean_bytes))
        self._in_flight = 0
        if entries:
            self._on_durable(entries)
        return True

    def _note_written(self, blobs: list[_Blob | _Drop]) -> None:
        with self._marking:
            for blob in blobs:
                if isinstance(blob, _Blob):
                    self._unwritten_bytes -= len(blob.content)
                    if self._unwritten.get(blob.digest) is blob:
                        del self._unwritten[blob.digest]

    def _next_batch(self) -> tuple[list[EntryT], list[_Picture], list[_Blob | _Drop]]:
        queue = self._queue
        queued = len(queue)
        count = 1 if buggify("commit.one_turn") else min(queued, self._turns_at_most)
        self._in_flight = count
        take = queue.popleft
        self._cut = queued > count
        if not self._marks:  # a mark is counted before it is queued, so none is among those counted above
            return [cast("EntryT", take()) for _ in repeat(None, count)], [], []
        entries: list[EntryT] = []
        pictures: list[_Picture] = []
        blobs: list[_Blob | _Drop] = []
        while queue and len(entries) < count:
            if pictures and not isinstance(queue[0], _Picture):
                break
            item = take()
            if isinstance(item, _Picture):
                pictures.append(item)
                self._mark(-1)
            elif isinstance(item, (_Blob, _Drop)):
                blobs.append(item)
                self._mark(-1)
            else:
                entries.append(item)
        self._in_flight = len(entries)
        self._cut = queued > len(entries) + len(pictures) + len(blobs)
        return entries, pictures, blobs

    def _mark(self, change: int) -> None:
        with self._marking:
            self._marks += change

    def _recover(self) -> None:
        if not self._log.healthy:
            try:
                self._log.recover()
            except StoreError as error:
                raise error if isinstance(error, StoreFailed) else StoreFailed(str(error)) from error

    def _fail(self, entries: list[EntryT], error: Exception) -> None:
        reached("commit.failed")
        self._failed = entries
        self._halted = True
        if isinstance(error, StoreFailed):
            failure = error
        else:
            failure = StoreFailed(f"a batch could not be written to {self._log.where}: {error}")
            failure.__cause__ = error
        self._log.reopen_quietly()
        self._on_failed(failure)

    def _run(self) -> None:
        while True:
            if self._halted or not self._queue:
                if self._stopping:
                    return
                self._rest(_ASLEEP, None)
                continue
            if not self._urgent and not self._stopping:
                self._rest(_DOZING, LAZY_WAIT_S)
            self._urgent = False
            try:
                self.commit_once()
            except Exception as error:  # noqa: BLE001  a callback's defect must not end everybody's commits
                threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self._thread)))
            if self._cut or len(self._queue) >= self._turns_at_most:
                self._urgent = True  # what the batch had no place for does not wait again

    def _rest(self, state: int, timeout_s: float | None) -> None:
        """Sleep until somebody rings. What was queued before the state was set is seen here, what comes after rings."""
        self._state = state
        nothing_to_do = self._halted or not self._queue if state == _ASLEEP else not self._urgent
        if nothing_to_do and not self._stopping:
            self._bell.acquire(timeout=-1 if timeout_s is None else timeout_s)
        self._state = _AWAKE

    def _wake(self) -> None:
        self._state = _AWAKE
        if self._ring is not None:
            self._ring()
            return
        with suppress(RuntimeError):  # it rings already
            self._bell.release()


def _in_the_end(blobs: list[_Blob | _Drop]) -> tuple[dict[bytes, bytes], list[bytes]]:
    """What a batch stores and what it removes, when a blob is put and dropped more than once."""
    stored: dict[bytes, bytes] = {}
    dropped: set[bytes] = set()
    for blob in blobs:
        if isinstance(blob, _Blob):
            stored[blob.digest] = blob.content
            dropped.discard(blob.digest)
        else:
            dropped.update(blob.digests)
            for digest in blob.digests:
                stored.pop(digest, None)
    return stored, sorted(dropped)
