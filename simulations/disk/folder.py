"""A partition's folder on the simulated disk: :mod:`partita.store.folder`, kept to the letter.

A process that has crashed lets go of everything without touching the disk: its locks are free the moment it is dead.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from partita.events.errors import PartitionInUse, StoreUnavailable
from partita.simulations.disk.environment import Handle, SimulatedEnvironment, StoredTables
from partita.simulations.disk.file import File
from partita.simulations.disk.medium import TEXTS, Medium, crashed, os_error
from partita.simulations.disk.names import folder_of
from partita.simulations.life import Life

DATA_NAME: Final = "data.mdb"
KEY_NAME: Final = "keys"
PAGE_BYTES: Final = 4096


class SimulatedLock:
    """The right to write in a folder."""

    def __init__(self, medium: Medium, life: Life, folder: str) -> None:
        self.life = life
        self._medium = medium
        self._folder = folder

    def release(self) -> None:
        """See :class:`partita.store.folder.Lock`. That of a dead process was released when it died."""
        if self._medium.locks.get(self._folder) is self:
            del self._medium.locks[self._folder]


class SimulatedKeyFile:
    """The key file: written whole under another name, renamed, and its folder synced."""

    def __init__(self, medium: Medium, life: Life, path: str) -> None:
        self._medium = medium
        self._life = life
        self._path = path

    def __str__(self) -> str:
        return self._path

    def read(self) -> bytes:
        """See :class:`partita.store.folder.KeyFile`."""
        self._life.check()
        file = self._medium.names.current.get(self._path)
        if not isinstance(file, File):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", self._path)
        return bytes(file.content)

    def rewrite(self, content: bytes) -> None:
        """See :class:`partita.store.folder.KeyFile`. One that fails may have put the new one in place."""
        medium, life = self._medium, self._life
        life.check()
        if (refusal := medium.refuses("disk")) is not None:
            raise os_error(refusal[0], self._path)
        end = medium.faults.strikes("crash.key_file")
        failure = medium.faults.strikes("disk.io_error")
        ends_at = end.below(3) if end is not None else None
        if end is not None and ends_at == 0:
            raise crashed(life, end, f"crash.key_file, before {self._path} is renamed")
        if failure is not None and failure.below(2):
            raise os_error(errno.EIO, self._path)
        file = File() if medium.lying else File(content)
        if medium.lying:
            file.write(0, content)
            file.owe()
        medium.names.link(self._path, file)
        if end is not None and ends_at == 1:
            raise crashed(life, end, f"crash.key_file, before the folder of {self._path} is synced")
        if failure is not None:
            raise os_error(errno.EIO, self._path)
        medium.sync_folder(folder_of(self._path))
        if end is not None:
            raise crashed(life, end, f"crash.key_file, after {self._path} is rewritten")


class SimulatedFolder:
    """One folder, as one process sees it: :class:`partita.store.folder.Folder`."""

    def __init__(self, medium: Medium, life: Life, directory: Path) -> None:
        self.directory = directory
        self._medium = medium
        self._life = life
        self._path = directory.as_posix()
        self._data = f"{self._path}/{DATA_NAME}"

    def prepare(self) -> None:
        """Make it if it is not there, and have it and the names in it on the disk."""
        medium = self._medium
        if not self.exists():
            self._check_writable("be made")
            try:
                medium.names.make_folder(self._path)
            except OSError as error:
                raise StoreUnavailable(f"{self.directory} cannot be made: {error.strerror}") from error
        medium.sync_folder(self._path)

    def lock(self) -> SimulatedLock:
        """See :class:`partita.store.folder.Folder`. The process id is the life's number."""
        if not self.exists() or self._medium.read_only:
            reason = TEXTS[errno.EROFS] if self.exists() else "No such file or directory"
            raise StoreUnavailable(f"{self.directory} cannot be written to: {reason}")
        self._check_free()
        lock = self._medium.locks[self._path] = SimulatedLock(self._medium, self._life, self._path)
        return lock

    def data_bytes(self) -> int:
        """See :class:`partita.store.folder.Folder`; so for the rest."""
        self._life.check()
        tables = self._medium.names.current.get(self._data)
        if not isinstance(tables, StoredTables):
            return 0
        return 2 * PAGE_BYTES + sum(rows.size_bytes for rows in tables.rows.values())

    def environment(self, *, map_bytes: int, read_only: bool = False) -> SimulatedEnvironment:
        """Open the environment; ``map_bytes`` is of no account, the map is full when the fault says so."""
        assert map_bytes > 0
        self._life.check()
        medium = self._medium
        tables = medium.names.current.get(self._data)
        if not isinstance(tables, StoredTables):
            if read_only or not self.exists():
                raise StoreUnavailable(f"{self.directory} is no partition: there is no {DATA_NAME} in it")
            self._check_writable("be opened")
            tables = StoredTables(self.directory)
            medium.names.link(self._data, tables)
            medium.sync_folder(self._path)
        medium.ledgers.setdefault(self._path, {})
        key = (self._life.number, self._path)
        handle = medium.handles.get(key)
        if handle is None or handle.tables is not tables:
            handle = medium.handles[key] = Handle(medium, self._life, tables)
        return SimulatedEnvironment(handle, read_only=read_only)

    def keys(self) -> SimulatedKeyFile:
        return SimulatedKeyFile(self._medium, self._life, f"{self._path}/{KEY_NAME}")

    def has_keys(self) -> bool:
        self._life.check()
        return f"{self._path}/{KEY_NAME}" in self._medium.names.current

    def exists(self) -> bool:
        self._life.check()
        return self._path in self._medium.names.folders

    def is_empty(self) -> bool:
        self._life.check()
        below = self._path + "/"
        return not any(name.startswith(below) for name in self._medium.names.current)

    def delete(self) -> None:
        """Delete it and all in it, at once and for good."""
        if not self.exists():
            return
        if self._medium.read_only:
            raise StoreUnavailable(f"{self.directory} could not be deleted: {TEXTS[errno.EROFS]}")
        self._check_free()
        self._remove()

    def give_up(self) -> None:
        if self._life.alive and not self._medium.read_only:
            self._remove()

    def _remove(self) -> None:
        medium = self._medium
        medium.names.remove_folder(self._path)
        medium.locks.pop(self._path, None)
        medium.ledgers.pop(self._path, None)
        medium.damaged = [damage for damage in medium.damaged if damage.directory != self.directory]

    def _check_free(self) -> None:
        lock = self._medium.locks.get(self._path)
        if lock is not None and lock.life.alive:
            number = lock.life.number
            whose = f"already open for writing in this process ({number})"
            if lock.life is not self._life:
                whose = f"open for writing in process {number}"
            raise PartitionInUse(f"{self.directory} is {whose}", pid=number)

    def _check_writable(self, what: str) -> None:
        if (refusal := self._medium.refuses("disk")) is not None:
            raise StoreUnavailable(f"{self.directory} cannot {what}: {TEXTS[refusal[0]]}")


class SimulatedFolders:
    """The folders of the disk, as one process sees them: :class:`partita.store.folder.Folders`."""

    def __init__(self, medium: Medium, life: Life) -> None:
        self._medium = medium
        self._life = life

    def at(self, directory: Path) -> SimulatedFolder:
        """See :class:`partita.store.folder.Folders`."""
        return SimulatedFolder(self._medium, self._life, directory)

    def below(self, directory: Path) -> list[Path]:
        """See :class:`partita.store.folder.Folders`."""
        self._life.check()
        path = directory.as_posix()
        return [
            Path(folder) for folder in sorted(self._medium.names.folders) if folder != "/" and folder_of(folder) == path
        ]
