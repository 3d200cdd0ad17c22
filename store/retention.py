"""Giving up the oldest turns, when the log is larger than it may be.

History can only begin where a snapshot tells what was before. So the batches before a snapshot go, together with their place
in the index and the snapshots before it, and the log says from where on it has everything: ``first_position``. Blobs that
only they named go with them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec.msgpack import Decoder

from partita.store.blobs import named_in
from partita.store.codec import key_position, position_key, unwrapped
from partita.store.environment import Environment, Table, Transaction, reading, written
from partita.store.identity import Identity, write_identity
from partita.store.index import forget_before
from partita.store.snapshots import is_good

_decode: Final = Decoder().decode


def trimmed(
    environment: Environment, identity: Identity, retain_bytes: int, *, just_stored: Collection[bytes] = ()
) -> Identity:
    """Give up what is too much, down to the last snapshot but one; what the log now says of itself.

    ``just_stored`` are blobs whose turn may be still to come. One transaction: after a crash all of it has gone, or nothing.
    """
    with reading(environment) as transaction:
        excess_bytes = transaction.size_bytes("turns") - retain_bytes
        cut = _cut(transaction, identity.first_position, excess_bytes) if excess_bytes > 0 else None
    if cut is None:
        return identity

    def body(transaction: Transaction) -> Identity:
        batch = unwrapped(*_batch_ending_at(transaction, cut))
        after = msgspec.structs.replace(identity, first_position=cut + 1, before=batch.digest)
        end = position_key(cut + 1)
        doomed = _named_before(transaction, end, just_stored)
        for key in _keys_before(transaction, "turns", end):
            transaction.delete("turns", key)
        for key in _keys_before(transaction, "snapshots", position_key(cut)):
            transaction.delete("snapshots", key)
        forget_before(transaction, cut + 1)
        for digest in doomed - _named_since(transaction, end, doomed):
            transaction.delete("blobs", digest)
        write_identity(transaction, after)
        return after

    return written(environment, body)


def _cut(transaction: Transaction, first_position: int, excess_bytes: int) -> int | None:
    """The last position to give up: that of the first good snapshot with enough before it.

    Or else of the last that may be used: one is left behind it, should it turn out that it cannot be read.
    """
    found: int | None = None
    freed_bytes = 0
    newest = next(transaction.keys("snapshots", backward=True), None)
    batches = transaction.range("turns", position_key(first_position))
    batch = next(batches, None)
    for key, value in transaction.range("snapshots", position_key(first_position)):
        if key == newest:
            break
        position = key_position(key)
        while batch is not None and batch[0] <= key:
            freed_bytes += len(batch[1])
            batch = next(batches, None)
        ends_a_batch = batch is None or key_position(batch[0]) == position + 1
        if is_good(key, value) and ends_a_batch:
            found = position
            if freed_bytes >= excess_bytes:
                break
    return found


def _batch_ending_at(transaction: Transaction, position: int) -> tuple[int, bytes]:
    key, value = next(transaction.range("turns", position_key(position), backward=True))
    return key_position(key), value


def _keys_before(transaction: Transaction, table: Table, end: bytes) -> list[bytes]:
    found: list[bytes] = []
    for key in transaction.keys(table):
        if key >= end:
            break
        found.append(key)
    return found


def _named_before(transaction: Transaction, end: bytes, kept: Collection[bytes]) -> set[bytes]:
    """The blobs that turns before this key name."""
    known = frozenset(transaction.keys("blobs")) - frozenset(kept)
    named: set[bytes] = set()
    if known:
        for key, value in transaction.range("turns"):
            if key >= end:
                break
            named.update(named_in(_decode(unwrapped(key_position(key), value, check=False).payload), known))
    return named


def _named_since(transaction: Transaction, start: bytes, doomed: Collection[bytes]) -> set[bytes]:
    """Those of these blobs that turns from this key on name as well, or snapshots."""
    named: set[bytes] = set()
    if doomed:
        for key, value in transaction.range("turns", start):
            named.update(named_in(_decode(unwrapped(key_position(key), value, check=False).payload), doomed))
        for _, value in transaction.range("snapshots"):
            named.update(digest for digest in doomed if digest in value or digest.hex().encode() in value)
    return named
