"""Logs on the move: a fork, an exported file, an import.

All three are the same: the records of a log up to a position, one by one, read with all checks. A fork links them into a
chain of its own; a file is the records with a frame around each and a SHA-256 over all; an import is the way back.

A file begins with ``partita-log 1``; each record is ``table (1) | length of the key (2) | length of the value (4) | key |
value``; table 254 holds the keys, if they were asked for, and 255 ends the file: its value is the SHA-256 of all before it.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec.msgpack import Decoder, Encoder

from partita.events.errors import LogDamaged, NewerFormat, StoreFailed, StoreUnavailable
from partita.store.blobs import named_in
from partita.store.codec import Batch, heads, key_position, position_key, wrapped
from partita.store.disk_folder import sync_directory
from partita.store.environment import TABLES, Environment, Table, Transaction, reading, written
from partita.store.identity import FORMAT, Identity, Parent, genesis, write_identity
from partita.store.index import index_entries
from partita.store.keys import Keyring
from partita.store.memory_environment import MemoryEnvironment
from partita.store.reader import Reader
from partita.store.snapshots import is_good

MAGIC: Final = b"partita-log "
CHUNK_BYTES: Final = 16 << 20
"""How much is written into an environment at a time."""

_FRAME: Final = struct.Struct(">BHI")
_KEYS: Final = 254
_END: Final = 255
_loosely: Final = Decoder()
_singly: Final = Decoder(list[msgspec.Raw])
_encoder: Final = Encoder()


class Record(NamedTuple):
    """A key and its value, in a table."""

    table: Table
    key: bytes
    value: bytes


class Source(NamedTuple):
    """A log to be copied up to a position, into a log that says ``identity`` of itself."""

    reader: Reader
    keyring: Keyring
    through: int
    identity: Identity
    is_whole: bool = True
    has_blobs: bool = True

    @classmethod
    def of_fork(cls, reader: Reader, keyring: Keyring, *, name: str, at: int) -> Source:
        """A fork has the parent's seed, so that deciding its turns again gives the ids that they have."""
        parent = reader.identity
        held = next(reader.batches(at, at), None) if at >= parent.first_position else None
        origin = Parent(parent.name, at, parent.before if held is None else held.digest)
        identity = msgspec.structs.replace(
            parent, name=name, parent=origin, before=genesis(name, parent.seed, origin), epoch=parent.epoch + 1
        )
        return cls(reader, keyring, at, _readable(identity, keyring), is_whole=False)

    @classmethod
    def of_opening(cls, reader: Reader, keyring: Keyring, *, at: int, epoch: int) -> Source:
        """The log as it stood at ``at``, when the opening of number ``epoch`` began; without its blobs."""
        fork = cls.of_fork(reader, keyring, name=reader.identity.name, at=at)
        identity = msgspec.structs.replace(fork.identity, epoch=epoch - 1)
        return fork._replace(identity=identity, has_blobs=False)

    @classmethod
    def of_import(cls, reader: Reader, keyring: Keyring, *, name: str | None) -> Source:
        """An import is the same log, in another place and perhaps under another name."""
        identity = msgspec.structs.replace(reader.identity, name=reader.identity.name if name is None else name)
        return cls(reader, keyring, reader.position, _readable(identity, keyring))


def _readable(identity: Identity, keyring: Keyring) -> Identity:
    """Keys that are not at hand here cannot be asked for at every opening."""
    known = tuple(key for key in identity.sealed_under if keyring.knows(key) or key in keyring.erased)
    return msgspec.structs.replace(identity, sealed_under=known)


def records(source: Source, *, all_blobs: bool) -> Iterator[Record]:
    """What the copy holds, but for the record of what it is. Blobs: all, or those that the turns name."""
    reader, through = source.reader, source.through
    with reading(reader.environment) as transaction:
        known = frozenset(transaction.keys("blobs")) if source.has_blobs else frozenset()
    named: set[bytes] = set(known) if all_blobs else set()
    unnamed = frozenset[bytes]() if all_blobs else known
    previous = source.identity.before
    for batch in reader.batches(reader.first_position, through):
        count, payload = _up_to(batch, through)
        value, previous = wrapped(batch.first, count, previous, payload)
        yield Record("turns", position_key(batch.first), value)
        for key, empty in index_entries({head.actor for head in heads(payload, batch.first)}, batch.first):
            yield Record("actors", key, empty)
        if unnamed:
            named.update(named_in(_loosely.decode(payload), unnamed))
    for key, value in _each(reader.environment, "snapshots", through=position_key(through)):
        if key_position(key) >= reader.first_position - 1 and is_good(key, value):
            yield Record("snapshots", key, value)
            if unnamed:
                named.update(_named_in_bytes(value, unnamed))
    for digest, content in _each(reader.environment, "blobs"):
        if digest in named:
            yield Record("blobs", digest, content)


def _up_to(batch: Batch, through: int) -> tuple[int, bytes]:
    """The payload of a batch, cut after a position; and how many turns are left in it."""
    if batch.last <= through:
        return batch.count, bytes(batch.payload)
    count = through - batch.first + 1
    return count, _encoder.encode(_singly.decode(batch.payload)[:count])


def _named_in_bytes(value: bytes, known: Collection[bytes]) -> Iterator[bytes]:
    return (digest for digest in known if digest in value or digest.hex().encode() in value)


def _each(environment: Environment, table: Table, *, through: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
    """The items of a table, each read in a transaction of its own."""
    with reading(environment) as transaction:
        keys = [key for key in transaction.keys(table) if through is None or key <= through]
    for key in keys:
        with reading(environment) as transaction:
            value = transaction.get(table, key)
        if value is not None:
            yield key, value


def fill(environment: Environment, source: Source, *, all_blobs: bool) -> None:
    """Write a copy into an empty environment. What it is comes last: a copy that was cut short is no partition."""
    chunk: list[Record] = []
    size_bytes = 0
    for record in records(source, all_blobs=all_blobs):
        chunk.append(record)
        size_bytes += len(record.value)
        if size_bytes >= CHUNK_BYTES:
            _put(environment, chunk)
            chunk, size_bytes = [], 0
    _put(environment, chunk)
    written(environment, lambda transaction: write_identity(transaction, source.identity))


def _put(environment: Environment, chunk: list[Record]) -> None:
    def body(transaction: Transaction) -> None:
        for table, key, value in chunk:
            transaction.put(table, key, value)

    written(environment, body)


def export(source: Source, path: Path, *, include_keys: bool) -> None:
    """Write a log as one file, replacing what is there. Raises :class:`StoreFailed` and leaves that when it cannot."""
    keys = source.keyring.content() if include_keys else None
    write_file(path, source.identity, records(source, all_blobs=True), keys=keys)


def write_file(path: Path, identity: Identity, content: Iterable[Record], *, keys: bytes | None) -> None:
    """Write records as an exported log. With ``keys`` nobody else may read the file. Raises :class:`StoreFailed`."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            if keys is not None:
                new.chmod(0o600)
            _write(file, identity, content, keys)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise StoreFailed(f"the log could not be exported to {path}: {error.strerror}") from error
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _write(file: BinaryIO, identity: Identity, content: Iterable[Record], keys: bytes | None) -> None:
    hasher = hashlib.sha256()

    def write(table: int, key: bytes, value: bytes) -> None:
        frame = _FRAME.pack(table, len(key), len(value)) + key + value
        hasher.update(frame)
        file.write(frame)

    start = MAGIC + b"%d\n" % FORMAT
    hasher.update(start)
    file.write(start)
    own = MemoryEnvironment()
    written(own, lambda transaction: write_identity(transaction, identity))
    for key, value in _each(own, "meta"):
        write(TABLES.index("meta"), key, value)
    if keys is not None:
        write(_KEYS, b"keys", keys)
    for table, key, value in content:
        write(TABLES.index(table), key, value)
    write(_END, b"", hasher.digest())


class Loaded(NamedTuple):
    """An exported file in memory; ``problem`` says why not all of it can be trusted."""

    environment: MemoryEnvironment
    keyring: Keyring
    problem: str | None


def is_export(path: Path) -> bool:
    """Whether a file begins as an exported log does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {error.strerror}") from error


def load(path: Path) -> Loaded:
    """Read an exported file, as far as it goes. Raises :class:`StoreUnavailable`, :class:`NewerFormat`."""
    if not is_export(path):
        raise StoreUnavailable(f"{path} is neither a partition's folder nor an exported log")
    content = path.read_bytes()
    start, _, _ = content[:64].partition(b"\n")
    number = start[len(MAGIC) :]
    if not number.isdigit() or int(number) > FORMAT:
        raise NewerFormat(f"{path} has format {number.decode('ascii', 'replace')}; this partita reads up to {FORMAT}")
    keyring = Keyring({}, missing=f"{path} was exported without its keys")
    environment = MemoryEnvironment()
    transaction = environment.begin(write=True)
    problem: str | None = "it ends in the middle of a record"
    try:
        for table, key, value, before in _frames(content, len(start) + 1):
            if table == _END:
                whole = hashlib.sha256(memoryview(content)[:before]).digest() == value
                problem = None if whole else "its SHA-256 is not what was written"
                break
            if table == _KEYS:
                keyring = Keyring.parsed(value, origin=str(path))
            elif table < len(TABLES):
                transaction.put(TABLES[table], key, value)
            else:
                problem = f"it has a record of table {table}"
                break
    except ValueError as error:
        problem = str(error)
    transaction.commit()
    return Loaded(environment, keyring, problem)


def _frames(content: bytes, at: int) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Table, key, value of each record, and where it begins."""
    while at + _FRAME.size <= len(content):
        table, key_size, value_size = _FRAME.unpack_from(content, at)
        start = at + _FRAME.size
        end = start + key_size + value_size
        if end > len(content):
            return
        yield table, content[start : start + key_size], content[start + key_size : end], at
        at = end


def damaged(path: Path, problem: str, position: int) -> LogDamaged:
    """What to raise for an exported file that is not what was written."""
    return LogDamaged(f"{path} is damaged: {problem}; what comes before position {position} is good", position=position)
