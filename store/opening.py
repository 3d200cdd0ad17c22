"""What has to hold before a log is written to, and how a new one begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from partita.events.errors import KeyMissing, LogDamaged
from partita.store.codec import Codec, Vocabulary
from partita.store.environment import Environment, reading, written
from partita.store.folder import Folder, KeyFile
from partita.store.identity import SEED_BYTES, Identity, genesis, read_identity, write_identity
from partita.store.keys import Keyring, RandomBytes
from partita.store.lmdb_environment import MAP_BYTES
from partita.store.log import Log

_SMALLEST_DATA_BYTES: Final = 512
"""Less than two meta pages of the smallest size that LMDB has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How a partition is kept.

    ``retain_bytes``: beyond this size of the log the oldest turns below a snapshot are given up; None keeps everything.
    ``map_bytes``: the size of LMDB's map at first; it doubles when it is full. ``vocabulary``: the types of the log, None
    for all of partita's.
    """

    retain_bytes: int | None = None
    map_bytes: int = MAP_BYTES
    vocabulary: Vocabulary | None = None


def new_identity(name: str, random_bytes: RandomBytes) -> Identity:
    """What a new log says of itself."""
    seed = random_bytes(SEED_BYTES)
    return Identity(name=name, seed=seed, epoch=0, first_position=1, before=genesis(name, seed, None))


def check_not_lost(folder: Folder) -> None:
    """Raise when the data of a partition are gone or empty: beginning a new log there would hide the loss."""
    size = folder.data_bytes()
    if size < _SMALLEST_DATA_BYTES and folder.has_keys():
        raise LogDamaged(
            f"the data in {folder.directory} are truncated or gone ({size} bytes), though the partition's keys are there",
            position=1,
        )


def read_or_new(environment: Environment, where: str, new: Identity) -> tuple[Identity, bool]:
    """What the log says of itself, or ``new``; and whether it is new."""
    with reading(environment) as transaction:
        identity = read_identity(transaction, where)
    return (new, True) if identity is None else (identity, False)


def keys_to_write(identity: Identity, file: KeyFile, random_bytes: RandomBytes, *, is_new: bool) -> Keyring:
    """The keyring of a folder, a new one where nothing was ever sealed. Raises :class:`KeyMissing` when it is lost."""
    keyring = Keyring.load(file)
    if keyring.missing is None:
        absent = [key for key in identity.sealed_under if not keyring.knows(key) and key not in keyring.erased]
        if absent:
            raise KeyMissing(f"{file} is not the key file of this partition: the key {absent[0].hex()} is not in it")
        return keyring
    if is_new or not identity.sealed_under:
        return Keyring.created(random_bytes, file=file)
    raise KeyMissing(
        f"{keyring.missing}, and the log holds secrets that were sealed by it: put the file back, or open the partition "
        f"for reading only"
    )


def begin_epoch(
    environment: Environment,
    identity: Identity,
    keyring: Keyring,
    codec: Codec,
    *,
    where: str,
    retain_bytes: int | None,
) -> Log:
    """Check the tail of the log, and take it for writing: the new epoch is on the disk before anything is sealed under it."""
    with reading(environment) as transaction:
        is_new = read_identity(transaction, where) is None
    if not is_new:
        Log(environment, codec, keyring, where=where).check_tail()
    identity = msgspec.structs.replace(identity, epoch=identity.epoch + 1, fingerprint=codec.vocabulary.FINGERPRINT)
    written(environment, lambda transaction: write_identity(transaction, identity))
    keyring.epoch = identity.epoch
    log = Log(environment, codec, keyring, where=where)
    log.retain_bytes = retain_bytes
    return log
