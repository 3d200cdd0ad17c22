"""What can be done with a partition's folder, or an exported file, without opening it for good."""

from __future__ import annotations

from pathlib import Path

from partita.events.errors import LogDamaged, PartitionInUse, StoreUnavailable
from partita.store.codec import Codec
from partita.store.disk_folder import DiskFolder
from partita.store.environment import Environment, reading
from partita.store.identity import FORMAT_KEY, IDENTITY_KEY, Identity, identity_of, read_identity
from partita.store.keys import Keyring
from partita.store.lmdb_environment import DATA_FILE, LmdbEnvironment
from partita.store.lmdb_file import check_data_file
from partita.store.lmdb_pages import Pages, Torn, has_known_pages
from partita.store.lock import WriterLock
from partita.store.opening import StoreOptions, check_not_lost
from partita.store.transfer import load
from partita.store.verify import Verification, verify, verify_file


def readable(path: Path, options: StoreOptions) -> tuple[Environment, Keyring, str | None]:
    """A folder or an exported file, opened for reading; and what is wrong with the file, if anything."""
    if not path.exists():
        raise StoreUnavailable(f"{path} does not exist")
    if not path.is_dir():
        return load(path)
    folder = DiskFolder(path)
    check_not_lost(folder)
    if not (path / DATA_FILE).exists():
        raise StoreUnavailable(f"{path} is no partition: there is no {DATA_FILE} in it")
    environment = folder.environment(read_only=True, map_bytes=options.map_bytes)
    return environment, Keyring.load(folder.keys()), None


def name_in(directory: Path) -> str:
    """The name of the partition in a folder. Raises :class:`StoreUnavailable` when there is none."""
    environment, _, _ = readable(directory, StoreOptions())
    try:
        with reading(environment) as transaction:
            identity = read_identity(transaction, str(directory))
    finally:
        environment.close()
    if identity is None:
        raise StoreUnavailable(f"{directory} is no partition: it does not say what it is")
    return identity.name


def verify_path(path: Path, options: StoreOptions) -> Verification:
    """Walk a folder or an exported file; without LMDB, as long as nobody writes there."""
    try:
        if path.is_dir():
            check_not_lost(DiskFolder(path))
            check_data_file(path / DATA_FILE)
            return _verify_folder(path, options)
        return _verify_export(path, options)
    except LogDamaged as error:
        report = Verification()
        report.note(error.position, str(error))
        return report


def _verify_export(path: Path, options: StoreOptions) -> Verification:
    environment, keyring, problem = readable(path, options)
    with reading(environment) as transaction:
        identity = read_identity(transaction, str(path))
    if identity is None:
        raise LogDamaged(f"{path} does not say what it is", position=1)
    codec = Codec(keyring.sealed, keyring.unseal, options.vocabulary)
    report = verify(environment, codec, keyring, identity, None)
    if problem is not None and report.ok:
        report.note(0, problem)
    return report


def _verify_folder(directory: Path, options: StoreOptions) -> Verification:
    keyring = Keyring.load(DiskFolder(directory).keys())
    codec = Codec(keyring.sealed, keyring.unseal, options.vocabulary)
    data = directory / DATA_FILE
    try:
        lock = WriterLock(directory)
    except (PartitionInUse, StoreUnavailable):
        lock = None
    if lock is None or not has_known_pages(data):
        environment = LmdbEnvironment(directory, read_only=True, map_bytes=options.map_bytes)
        try:
            with reading(environment) as transaction:
                identity = read_identity(transaction, str(directory))
            assert identity is not None
            return verify(environment, codec, keyring, identity, data)
        finally:
            environment.close()
            if lock is not None:
                lock.release()
    try:
        return verify_file(data, codec, keyring, _identity_in(data, directory))
    finally:
        lock.release()


def _identity_in(data: Path, directory: Path) -> Identity:
    pages = Pages(data)
    try:
        records = dict(item for item in pages.items("meta") if not isinstance(item, Torn))
    finally:
        pages.close()
    return identity_of(records.get(FORMAT_KEY), records.get(IDENTITY_KEY), str(directory))
