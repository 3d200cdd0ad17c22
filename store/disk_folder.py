"""A partition's folder on the file system, with LMDB in it: see :mod:`partita.store.folder`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from partita.events.errors import StoreUnavailable
from partita.store.folder import Folder
from partita.store.lmdb_environment import DATA_FILE, LmdbEnvironment
from partita.store.lock import LOCK_FILE, WriterLock

KEY_FILE: Final = "keys"


def sync_directory(directory: Path) -> None:
    """Have the names in a folder on the disk, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DiskKeyFile:
    """The key file. It is rewritten whole under another name, synced and renamed; what it was before is overwritten."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> bytes:
        """See :class:`partita.store.folder.KeyFile`."""
        return self._path.read_bytes()

    def rewrite(self, content: bytes) -> None:
        """See :class:`partita.store.folder.KeyFile`."""
        path = self._path
        new = path.with_name(path.name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        old = path.open("r+b") if os.name == "posix" and path.exists() else None
        new.replace(path)
        sync_directory(path.parent)
        if old is not None:
            with old:
                size_bytes = old.seek(0, os.SEEK_END)
                old.seek(0)
                old.write(bytes(size_bytes))
                old.flush()
                os.fsync(old.fileno())


class DiskFolder:
    """A folder of the file system: ``data.mdb`` and ``lock.mdb`` (LMDB), ``keys`` and ``writer.lock``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """See :class:`partita.store.folder.Folder`; so for the rest."""
        directory = self.directory
        try:
            missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Without its name on the disk, all that is synced in a folder would be lost with the power; and a process that
            # was killed may have left names unsynced.
            for folder in (*missing, directory):
                sync_directory(folder.parent)
            sync_directory(directory)
        except OSError as error:
            raise StoreUnavailable(f"{directory} cannot be made: {error.strerror}") from error

    def lock(self) -> WriterLock:
        return WriterLock(self.directory)

    def data_bytes(self) -> int:
        data = self.directory / DATA_FILE
        return data.stat().st_size if data.exists() else 0

    def environment(self, *, map_bytes: int, read_only: bool = False) -> LmdbEnvironment:
        is_new = not self.data_bytes()
        environment = LmdbEnvironment(self.directory, read_only=read_only, map_bytes=map_bytes)
        if not read_only:
            try:
                if is_new:
                    sync_directory(self.directory)
                environment.clear_dead_readers()
            except BaseException:
                environment.close()
                raise
        return environment

    def keys(self) -> DiskKeyFile:
        return DiskKeyFile(self.directory / KEY_FILE)

    def has_keys(self) -> bool:
        return (self.directory / KEY_FILE).exists()

    def exists(self) -> bool:
        return self.directory.exists()

    def is_empty(self) -> bool:
        return not self.directory.exists() or not any(self.directory.iterdir())

    def delete(self) -> None:
        """Delete it, whatever state it is in; its lock file last."""
        directory = self.directory
        if not directory.exists():
            return
        lock = WriterLock(directory)
        try:
            keys = directory / KEY_FILE
            if keys.exists():
                keys.write_bytes(bytes(keys.stat().st_size))
            for entry in directory.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name != LOCK_FILE:
                    entry.unlink()
            (directory / LOCK_FILE).unlink()
            directory.rmdir()
        except OSError as error:
            raise StoreUnavailable(f"{directory} could not be deleted: {error}") from error
        finally:
            lock.release()

    def give_up(self) -> None:
        """Remove what a failed copy has left, as far as that can be done."""
        shutil.rmtree(self.directory, ignore_errors=True)


class DiskFolders:
    """The file system."""

    def at(self, directory: Path) -> Folder:
        """See :class:`partita.store.folder.Folders`."""
        return DiskFolder(directory)

    def below(self, directory: Path) -> list[Path]:
        """See :class:`partita.store.folder.Folders`."""
        return sorted(directory.iterdir()) if directory.is_dir() else []
