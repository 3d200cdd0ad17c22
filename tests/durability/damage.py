"""What happens to a partition's files when nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from partita.store.codec import position_key, unwrapped, wrapped
from partita.store.environment import Transaction, reading, written
from partita.store.identity import FORMAT_KEY
from partita.store.lmdb_environment import LmdbEnvironment
from partita.store.partition import PartitionStore


def _changed(folder: Path, change: Callable[[Transaction], object]) -> None:
    environment = LmdbEnvironment(folder)
    try:
        written(environment, change)
    finally:
        environment.close()


def batch_positions(folder: Path) -> list[int]:
    """The first position of each batch."""
    environment = LmdbEnvironment(folder, read_only=True)
    try:
        with reading(environment) as transaction:
            return [int.from_bytes(key, "big") for key in transaction.keys("turns")]
    finally:
        environment.close()


def flip_a_bit(folder: Path, position: int) -> None:
    """In the middle of the batch that begins at a position."""

    def change(transaction: Transaction) -> None:
        value = bytearray(transaction.get("turns", position_key(position)) or b"")
        value[len(value) // 2] ^= 8
        transaction.put("turns", position_key(position), value)

    _changed(folder, change)


def append_an_event_of(folder: Path, tag: str) -> int:
    """A whole and rightly chained batch of a later version, with an event that today's code does not know; its position."""
    with PartitionStore.read(folder) as store:
        position, chain = store.position + 1, store._reader.chain
    turn = [position, 0, "session", ["external", "api", 1], ["system.flush/1"], [[tag, "what it says"]], []]
    value, _ = wrapped(position, 1, chain, msgspec.msgpack.encode([turn]))
    assert unwrapped(position, value).count == 1
    _changed(folder, lambda transaction: transaction.put("turns", position_key(position), value, append=True))
    return position


def take_out(folder: Path, position: int) -> None:
    """Remove the batch that begins at a position."""
    _changed(folder, lambda transaction: transaction.delete("turns", position_key(position)))


def set_format(folder: Path, number: int) -> None:
    """Make it say that it is of this format."""
    _changed(folder, lambda transaction: transaction.put("meta", FORMAT_KEY, b"%d" % number))
