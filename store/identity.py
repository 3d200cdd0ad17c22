"""What a log says of itself, in the table ``meta``."""

from __future__ import annotations

from typing import Final

import msgspec
from xxhash import xxh3_128_digest

from partita.events.errors import LogDamaged, NewerFormat
from partita.store.environment import Transaction

FORMAT: Final = 1
"""The version of everything that is written: tables, keys, batches, snapshots, blobs, the key file, an exported log."""

FORMAT_KEY: Final = b"format"
IDENTITY_KEY: Final = b"identity"
SEED_BYTES: Final = 16
_DIGEST_BYTES: Final = 16


class Parent(msgspec.Struct, frozen=True, array_like=True):
    """Where a fork branched off.

    The parent's name, the last position of it that the fork has, and the digest of the batch that held that position.
    """

    name: str
    position: int
    digest: bytes


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """A log's own record.

    ``epoch`` counts openings for writing and failed commits. ``first_position`` is where history begins, 1 until retention
    gives something up; ``before`` is the digest that the batch there names as the one before it. ``sealed_under`` are the
    ids of all keys that anything in the log may be sealed under. ``fingerprint`` is the vocabulary that last wrote here.
    """

    name: str
    seed: bytes
    epoch: int
    first_position: int
    before: bytes
    parent: Parent | None = None
    sealed_under: tuple[bytes, ...] = ()
    fingerprint: str = ""


_decoder: Final = msgspec.msgpack.Decoder(Identity)


def genesis(name: str, seed: bytes, parent: Parent | None) -> bytes:
    """What the first batch of a log names as the digest before it: so no log passes for another."""
    return xxh3_128_digest(msgspec.msgpack.encode((name, seed, parent)))


def read_identity(transaction: Transaction, where: str) -> Identity | None:
    """The record, None when there is none. Raises :class:`NewerFormat`, :class:`LogDamaged`; ``where`` names the log."""
    written_format = transaction.get("meta", FORMAT_KEY)
    if written_format is None and not transaction.count("turns"):
        return None
    return identity_of(written_format, transaction.get("meta", IDENTITY_KEY), where)


def identity_of(written_format: bytes | None, record: bytes | None, where: str) -> Identity:
    """What the two values of the table say."""
    if written_format is None:
        raise LogDamaged(f"{where} does not say what it is: its record was lost, or a copy to it cut short", position=1)
    if not written_format.isdigit():
        raise LogDamaged(f"{where}: {written_format!r} is no format version", position=1)
    number = int(written_format)
    if number > FORMAT:
        raise NewerFormat(f"{where} has format {number}; this partita reads formats up to {FORMAT}: use a later one")
    if number < 1:
        raise LogDamaged(f"{where} has format {number}, which was never written", position=1)
    if record is None or xxh3_128_digest(record[_DIGEST_BYTES:]) != record[:_DIGEST_BYTES]:
        raise LogDamaged(f"{where}: the record of what it is was damaged", position=1)
    try:
        return _decoder.decode(record[_DIGEST_BYTES:])
    except msgspec.MsgspecError as error:
        raise LogDamaged(f"{where}: the record of what it is does not decode: {error}", position=1) from error


def write_identity(transaction: Transaction, identity: Identity) -> None:
    """Put the record in place."""
    payload = msgspec.msgpack.encode(identity)
    transaction.put("meta", FORMAT_KEY, b"%d" % FORMAT)
    transaction.put("meta", IDENTITY_KEY, xxh3_128_digest(payload) + payload)
