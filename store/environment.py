"""The seam below the log: a small transactional store of ordered keys.

Chain, index, snapshots, retention and verification are written once, above this; LMDB, memory and a simulated disk stand
below it. What an implementation must keep is executable: :mod:`partita.store.conformance`.

A commit is *durable when it returns*, and nothing of a transaction is there when it raises. After a failed commit the
environment may refuse everything until it is reopened: an fsync that failed is never tried again on the same handle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Literal, Protocol, TypeVar, get_args

from partita.events.errors import LogDamaged, StoreFailed

Table = Literal["turns", "actors", "snapshots", "blobs", "meta"]

TABLES: Final[tuple[Table, ...]] = get_args(Table)
"""All tables of a partition. A later one needs a new format version."""

KEY_BYTES: Final = 511
"""The longest key; the shortest is 1 byte."""

GROWTHS: Final = 64
"""How often one transaction may ask for more room: each doubles it."""

Buffer = bytes | bytearray | memoryview
T = TypeVar("T")


class RoomNeeded(StoreFailed):
    """The map is full, the disk need not be: abort, :meth:`Environment.grow`, and begin the transaction again."""


class Unreadable(LogDamaged):
    """The pages of the file contradict themselves. Who knows which turn was looked for says so in its own error."""

    def __init__(self, message: str) -> None:
        super().__init__(message, position=0)


class Transaction(Protocol):
    """A consistent view; for writing, the only one at its time. It belongs to the thread that began it."""

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, None when there is none."""
        ...

    def put(self, table: Table, key: bytes, value: Buffer, *, append: bool = False) -> None:
        """Write a value. ``append`` promises that the key comes after all others; a promise not kept raises ValueError."""
        ...

    def put_many(self, table: Table, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Write many values: :meth:`put` for each, in one step."""
        ...

    def delete(self, table: Table, key: bytes) -> bool:
        """Remove a key; whether it was there."""
        ...

    def range(
        self, table: Table, start: bytes | None = None, *, backward: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Items in the order of their keys: from ``start`` on (it included), or backward from it.

        Without ``start`` from the first key, or backward from the last. The table must not be changed while iterating.
        """
        ...

    def keys(self, table: Table, start: bytes | None = None, *, backward: bool = False) -> Iterator[bytes]:
        """:meth:`range` without the values."""
        ...

    def size_bytes(self, table: Table) -> int:
        """About how much room a table takes."""
        ...

    def count(self, table: Table) -> int:
        """How many keys a table has."""
        ...

    def commit(self) -> None:
        """Make all of it durable, or raise :class:`StoreFailed` and leave nothing of it."""
        ...

    def abort(self) -> None:
        """End without a trace. Aborting what has ended does nothing."""
        ...


class Environment(Protocol):
    """Five tables and their transactions."""

    def begin(self, *, write: bool = False) -> Transaction:
        """Begin a transaction; one that writes waits for the one before it to end."""
        ...

    def sync(self) -> None:
        """Have all that was committed on the disk. Nothing to do where commits are durable."""
        ...

    def grow(self) -> None:
        """Make room after :class:`RoomNeeded`."""
        ...

    def version(self) -> int:
        """The number of the last commit, of whatever process. Cheap enough to be polled."""
        ...

    def reopen(self) -> None:
        """Give up the handle and open again: what must follow a commit that failed."""
        ...

    def close(self) -> None:
        """Let go of it. Closing twice does nothing."""
        ...


class reading:  # noqa: N801  # used as a function; not a generator, whose frame a Ctrl-C would leave behind
    """A read transaction for the length of a ``with`` block. Keep it short: pages it sees cannot be used again."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __enter__(self) -> Transaction:
        self._transaction = self._environment.begin()
        return self._transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._transaction.abort()


def written(environment: Environment, body: Callable[[Transaction], T]) -> T:
    """Run ``body`` in a write transaction and commit it; once more after each growth of a map that was full.

    ``body`` may run several times, so it must not seal, draw or count anything.
    """
    for _ in range(GROWTHS):
        transaction = environment.begin(write=True)
        try:
            result = body(transaction)
            transaction.commit()
        except RoomNeeded:
            transaction.abort()
            environment.grow()
        except BaseException:
            transaction.abort()
            raise
        else:
            return result
    raise StoreFailed(f"one transaction asked {GROWTHS} times for more room")
