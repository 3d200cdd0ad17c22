"""A partition's store: the folder, its lock, its keys, its log, opened in the right order and closed again.

A folder holds ``data.mdb`` and ``lock.mdb`` (LMDB), ``keys`` and ``writer.lock``. One process at a time has it open for
writing; any number read it, and follow it, meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from partita.events.errors import InvalidPosition, StoreFailed, StoreUnavailable
from partita.store import snapshots
from partita.store.blobs import digest_of
from partita.store.codec import FoldingTurn, RecordedTurn
from partita.store.committer import Committer, EntryT
from partita.store.digest import digest_of_turns
from partita.store.disk_folder import DiskFolder
from partita.store.environment import TABLES, Environment, reading
from partita.store.folder import Folder
from partita.store.folders import name_in, verify_path
from partita.store.identity import Parent
from partita.store.keys import Keyring, RandomBytes
from partita.store.lmdb_environment import DATA_FILE, LmdbEnvironment
from partita.store.log import Log
from partita.store.memory_environment import MemoryEnvironment
from partita.store.opened import Opened, Origin, opened_copy, opened_in_memory, opened_to_read, opened_to_write
from partita.store.opening import StoreOptions
from partita.store.shareable import Shared, export_shareable
from partita.store.snapshots import Snapshot
from partita.store.transfer import Source, export
from partita.store.verify import Verification, verify

__all__ = ["PartitionStore", "StoreOptions", "StoreStatistics"]

DEFAULTS: Final = StoreOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatistics:
    """What :meth:`PartitionStore.statistics` gives: positions, counts, and about how many bytes all of it takes."""

    position: int
    first_position: int
    epoch: int
    batches: int
    snapshots: int
    blobs: int
    size_bytes: int


class PartitionStore:
    """A partition's log with all that belongs to it. Made by :meth:`open`, :meth:`in_memory` and :meth:`read`.

    Its methods may be called from any thread; appending is the committer's alone.
    """

    def __init__(
        self, opened: Opened, *, directory: Path | None, random_bytes: RandomBytes, options: StoreOptions
    ) -> None:
        self._reader, self._keyring, self._closing = opened
        self._random_bytes = random_bytes
        self._options = options
        self.directory = directory
        self.skipped_snapshots: list[snapshots.Skipped] = []
        """Snapshots that :meth:`newest_snapshot` passed over, and why."""

    @classmethod
    def open(
        cls, directory: Path | str, *, name: str, random_bytes: RandomBytes, options: StoreOptions = DEFAULTS
    ) -> PartitionStore:
        """Open a partition's folder for writing, making it when it is not there.

        ``name`` is the partition's; ``random_bytes(n)`` gives n random bytes (the seed and the keys are made of them).

        Raises :class:`PartitionInUse`, :class:`StoreUnavailable`, :class:`NewerFormat`, :class:`KeyMissing`, and
        :class:`LogDamaged` when the log is cut off or its tail, from the newest good snapshot on, is not what was written.
        """
        return cls.open_in(DiskFolder(Path(directory)), name=name, random_bytes=random_bytes, options=options)

    @classmethod
    def open_in(
        cls, folder: Folder, *, name: str, random_bytes: RandomBytes, options: StoreOptions = DEFAULTS
    ) -> PartitionStore:
        """The same for any :class:`~partita.store.folder.Folder`: one of the file system, or of a simulated disk."""
        opened = opened_to_write(folder, Origin(name, random_bytes, options))
        return cls(opened, directory=folder.directory, random_bytes=random_bytes, options=options)

    @classmethod
    def in_memory(
        cls,
        *,
        name: str,
        random_bytes: RandomBytes,
        options: StoreOptions = DEFAULTS,
        environment: Environment | None = None,
        keyring: Keyring | None = None,
    ) -> PartitionStore:
        """A partition that leaves nothing on the disk; or one on an ``environment`` of one's own (a simulated disk).

        Its keys are in memory too. Who opens a simulated disk again after a crash hands over the ``keyring`` of the
        store before, as the key file would: what was sealed under other keys cannot be opened.
        """
        opened = opened_in_memory(environment or MemoryEnvironment(), Origin(name, random_bytes, options), keyring)
        return cls(opened, directory=None, random_bytes=random_bytes, options=options)

    @classmethod
    def read(cls, path: Path | str, *, through: int | None = None, options: StoreOptions = DEFAULTS) -> PartitionStore:
        """Open a partition's folder, or an exported log, for reading, in any process, also while another writes.

        ``through`` hides everything after a position: so what comes before a damage can be read. A lost key file does not
        matter until a secret is revealed.

        Raises :class:`StoreUnavailable`, :class:`NewerFormat`, :class:`LogDamaged`.
        """
        path = Path(path)
        opened = opened_to_read(path, through, options)
        directory = path if path.is_dir() else None
        return cls(opened, directory=directory, random_bytes=os.urandom, options=options)

    @classmethod
    def import_log(
        cls,
        path: Path | str,
        directory: Path | str | None,
        *,
        random_bytes: RandomBytes,
        name: str | None = None,
        options: StoreOptions = DEFAULTS,
    ) -> PartitionStore:
        """Make a partition of an exported log (or of another partition's folder), and open it for writing.

        ``directory`` is a new folder, None for a partition in memory; ``name`` is its name, that of the exported one if
        None. It writes under a key of its own; secrets of a log that was exported without its keys raise
        :class:`KeyMissing` when they are revealed. Raises what :meth:`read` and :meth:`open` raise.
        """
        read = opened_to_read(Path(path), None, options)
        with read.closing:
            source = Source.of_import(read.reader, read.keyring, name=name)
            return cls._copied(source, directory, random_bytes, options)

    @classmethod
    def _copied(
        cls, source: Source, directory: Folder | Path | str | None, random_bytes: RandomBytes, options: StoreOptions
    ) -> PartitionStore:
        folder = DiskFolder(Path(directory)) if isinstance(directory, (Path, str)) else directory
        opened = opened_copy(folder, Origin(source.identity.name, random_bytes, options, source))
        where = None if folder is None else folder.directory
        return cls(opened, directory=where, random_bytes=random_bytes, options=options)

    @staticmethod
    def name_at(directory: Path | str) -> str:
        """The name of the partition in a folder. Raises :class:`StoreUnavailable` when there is none."""
        return name_in(Path(directory))

    @staticmethod
    def delete(directory: Path | str) -> None:
        """Delete a partition's folder and all in it; fine when there is none. Raises :class:`PartitionInUse`."""
        DiskFolder(Path(directory)).delete()

    @staticmethod
    def verify_at(path: Path | str, *, options: StoreOptions = DEFAULTS) -> Verification:
        """Walk the log in a folder or in an exported file, however damaged it may be: see :meth:`verify`.

        Nothing of it is given to LMDB while nobody writes there. Raises :class:`StoreUnavailable` when it is no log at all.
        """
        return verify_path(Path(path), options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The partition's name."""
        return self._reader.identity.name

    @property
    def seed(self) -> bytes:
        """16 bytes, made with the partition: ids and random numbers of turns come from it. A fork has its parent's."""
        return self._reader.identity.seed

    @property
    def epoch(self) -> int:
        """The number of this opening for writing, or of the last; a failed commit counts as one."""
        return self._reader.identity.epoch

    @property
    def position(self) -> int:
        """The last durable position that was looked at; 0 when there is none."""
        return self._reader.position

    @property
    def first_position(self) -> int:
        """Where history begins: 1, or what retention has left."""
        return self._reader.first_position

    @property
    def parent(self) -> Parent | None:
        """Where this partition was forked from."""
        return self._reader.identity.parent

    def refresh(self) -> int:
        """Look for what another process has written since; the last durable position."""
        return self._reader.refresh()

    def wait_past(self, position: int, timeout_s: float) -> int:
        """Block until the last durable position is beyond this one, or ``timeout_s`` seconds; the last durable position."""
        return self._reader.wait_past(position, timeout_s)

    def turns(self, start: int = 1, stop: int | None = None, actor: str | None = None) -> Iterator[RecordedTurn]:
        """The turns from ``start`` to ``stop``, both included, or those of one actor; up to the last durable one.

        They are read as they are asked for; nothing is held open in between. Raises :class:`InvalidPosition` and
        :class:`HistoryTrimmed` at once, :class:`LogDamaged` and :class:`UnknownTag` when it comes to that.
        """
        return self._reader.turns(start, stop, actor)

    def folding_turns(self, start: int = 1, stop: int | None = None) -> Iterator[FoldingTurn]:
        """The same with their messages still encoded: all that folding needs, in half of the time. Equally checked."""
        return self._reader.folding_turns(start, stop)

    def newest_snapshot(self, at_or_before: int | None = None, *, fingerprint: str | None = None) -> Snapshot | None:
        """The newest snapshot at or before a position that can be used by rules of this fingerprint (None: by any).

        Those that are damaged or made under other rules are passed over, and noted in :attr:`skipped_snapshots`.
        """
        reader = self._reader
        last = reader.position if at_or_before is None else min(at_or_before, reader.position)
        with reading(reader.environment) as transaction:
            found = snapshots.newest(
                transaction,
                reader.codec,
                at_or_before=last,
                fingerprint=fingerprint,
                first_position=reader.first_position,
            )
        self.skipped_snapshots.extend(found.skipped)
        return found.snapshot

    def committer(
        self, on_durable: Callable[[list[EntryT]], None], on_failed: Callable[[StoreFailed], None]
    ) -> Committer[EntryT]:
        """What writes the log: see :class:`Committer`. A partition has one."""
        return Committer(self._log, on_durable, on_failed)

    def put_blob(self, content: bytes) -> bytes:
        """Store bytes at once, in a transaction of their own; their SHA-256, which names them.

        While a committer is at work, its own ``put_blob`` is cheaper. Raises :class:`StoreFailed`.
        """
        digest = digest_of(content)
        self._log.append((), blobs={digest: content})
        return digest

    def blob(self, digest: bytes) -> bytes | None:
        """The bytes of this SHA-256, None when there are none.

        Raises :class:`LogDamaged` when they are not what was written, :class:`SecretErased`, :class:`KeyMissing`.
        """
        return self._reader.blob(digest, self._keyring)

    def blob_digests(self) -> list[bytes]:
        """The names of all blobs, in their order."""
        with reading(self._reader.environment) as transaction:
            return list(transaction.keys("blobs"))

    def export(self, path: Path | str, *, include_keys: bool = False) -> None:
        """Write the whole log as one file, replacing what is there, for :meth:`read` and :meth:`import_log`.

        Secrets stay encrypted. ``include_keys`` writes the keys into the file as well; without, nobody can read them
        there. Raises :class:`StoreFailed` when the file cannot be written.
        """
        reader = self._reader
        source = Source(reader, self._keyring, reader.position, reader.identity)
        export(source, Path(path), include_keys=include_keys)

    def export_shareable(self, path: Path | str, *, with_bodies: bool = False, hide_users: bool = False) -> Shared:
        """Write the log as one file without any secret in it, replacing what is there; see :mod:`partita.store.shareable`.

        ``with_bodies`` takes the bodies along, readable for whoever has the file; ``hide_users`` takes the names of users out
        of paths. Raises :class:`SecretLeft`, and then there is no file, when a secret is found in it.
        """
        return export_shareable(
            self._reader,
            self._keyring,
            Path(path),
            random_bytes=self._random_bytes,
            with_bodies=with_bodies,
            hide_users=hide_users,
        )

    def fork(
        self, directory: Folder | Path | str | None, *, name: str, at: int, random_bytes: RandomBytes | None = None
    ) -> PartitionStore:
        """A new partition that has the turns up to ``at``, and the blobs that they name; open for writing.

        ``directory`` is a new folder, None for a fork in memory. The fork has this one's seed, and its keys to read by; it
        writes under a key of its own. Raises :class:`InvalidPosition`, :class:`StoreUnavailable`, :class:`StoreFailed`.
        """
        reader = self._reader
        if not reader.first_position - 1 <= at <= reader.position:
            raise InvalidPosition(
                f"{reader.where} cannot be forked at {at}: its log goes from {reader.first_position} to {reader.position}"
            )
        source = Source.of_fork(reader, self._keyring, name=name, at=at)
        return self._copied(source, directory, random_bytes or self._random_bytes, self._options)

    def again(self, *, at: int, epoch: int) -> PartitionStore:
        """A copy in memory of this log as it stood at ``at``, to be written on by the opening of number ``epoch``.

        It has this one's seed, so deciding what was decided then gives the same. Its blobs stay here.
        """
        source = Source.of_opening(self._reader, self._keyring, at=at, epoch=epoch)
        return self._copied(source, None, self._random_bytes, self._options)

    def digest(self, through: int | None = None) -> str:
        """SHA-256 over the turns up to a position, in hexadecimal: the same wherever and however they are stored.

        It goes over secrets' values and leaves out where batches were cut, epochs, versions of formats, and paths.
        """
        return digest_of_turns(self.turns(self.first_position, through))

    def verify(self) -> Verification:
        """Walk all of the log: is it what was written? Writing may go on meanwhile."""
        reader = self._reader
        data_file = None
        if self.directory is not None and isinstance(reader.environment, LmdbEnvironment):
            data_file = self.directory / DATA_FILE
        return verify(reader.environment, reader.codec, self._keyring, reader.identity, data_file)

    def erase_key(self, key_id: bytes) -> None:
        """Give up a key: what was sealed under it can never be read again. See :meth:`Keyring.erase`."""
        self._log.erase_key(key_id, self._random_bytes)

    @property
    def keyring(self) -> Keyring:
        """The keys: what is sealed by it can be opened by it."""
        return self._keyring

    @property
    def has_secrets(self) -> bool:
        """Whether anything in the log was ever sealed."""
        return bool(self._reader.identity.sealed_under)

    def statistics(self) -> StoreStatistics:
        """Counts and sizes, as of now."""
        reader = self._reader
        with reading(reader.environment) as transaction:
            return StoreStatistics(
                position=reader.position,
                first_position=reader.first_position,
                epoch=self.epoch,
                batches=transaction.count("turns"),
                snapshots=transaction.count("snapshots"),
                blobs=transaction.count("blobs"),
                size_bytes=sum(transaction.size_bytes(table) for table in TABLES),
            )

    def close(self) -> None:
        """Let go of the log and of the lock. Closing twice does nothing. Stop the committer first."""
        self._closing.close()

    @property
    def _log(self) -> Log:
        if not isinstance(self._reader, Log):
            raise StoreUnavailable(f"{self._reader.where} was opened for reading only")
        return self._reader
