"""The one disk of a run: it outlives every process, and knows what survives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from partita.simulations.disk.environment import StoredTables, cut_power
from partita.simulations.disk.file import File
from partita.simulations.disk.files import SimulatedFiles
from partita.simulations.disk.folder import DATA_NAME, SimulatedFolders
from partita.simulations.disk.medium import FAULTS, SETTINGS, Damage, Medium, WriteHook
from partita.simulations.disk.names import folder_of
from partita.simulations.life import CrashKind, Life

__all__ = ["FAULTS", "SETTINGS", "Damage", "Disk", "WriteHook"]


class Disk(Medium):
    """A disk for one run.

    ``faults`` decides what goes wrong; ``sleep`` is the virtual clock's; ``settings`` are those of :data:`SETTINGS` that the run
    has been given. A process is handed :meth:`folders` and :meth:`files`; when it has crashed, :meth:`crash` says how.
    """

    def folders(self, life: Life) -> SimulatedFolders:
        """Where a process has its partitions: :class:`partita.store.folder.Folders`."""
        return SimulatedFolders(self, life)

    def files(self, life: Life) -> SimulatedFiles:
        """The files of a process: :class:`partita.actors.kernel.file_ports.Files`."""
        return SimulatedFiles(self, life)

    def crash(self, kind: CrashKind) -> None:
        """A process has ended (``kill``), or all have, as the power was cut (``power``): then what was not synced may be gone.

        A killed process is told by its life, which is no longer alive: its locks are free, its transactions undone.
        """
        power = kind == "power"
        for key, handle in list(self.handles.items()):
            if power or not handle.life.alive:
                handle.life.alive = False
                del self.handles[key]
                if handle.tables.active is not None:
                    handle.tables.active.abort()
        self.opened = {file: None for file in self.opened if file.life.alive}
        self.locks = {folder: lock for folder, lock in self.locks.items() if lock.life.alive and not power}
        if power:
            self._cut_power()

    def heal(self) -> None:
        """There is room again, writing is allowed, and what a lying disk owes it delivers; it is honest from here on."""
        self.make_writable()
        self.lying = False
        self.names.sync_all()
        for node in self.names.current.values():
            if isinstance(node, StoredTables):
                node.owed.clear()
            elif node.owed:
                node.sync()

    def durable_position(self, directory: Path) -> int:
        """The last turn in a log that a power cut right now could not take away; 0 when there is none."""
        tables = self._tables(directory)
        return 0 if tables is None else tables.durable_position()

    def acknowledged(self, directory: Path) -> Mapping[bytes, bytes]:
        """The records of the table ``turns``, by key, whose commit came back to the process that made it.

        Less those that a process deleted or overwrote itself. All of them are to be there after any crash, unless
        the disk :attr:`lied`, or :attr:`damaged` names them.
        """
        return self.ledgers.get(directory.as_posix(), {})

    def turns(self, directory: Path) -> Mapping[bytes, bytes]:
        """The records of the table ``turns`` as a process would read them, by key."""
        tables = self._tables(directory)
        return {} if tables is None else tables.rows["turns"].values

    @property
    def open_files(self) -> int:
        """How many files living processes have open."""
        return sum(file.life.alive for file in self.opened)

    def put(self, path: str, content: bytes) -> None:
        """Have a file there, durably, as if somebody had made it before: what a program finds on its disk."""
        self.names.make_folder(folder_of(path))
        file = File(content)
        file.modified_us = self.now_us()
        self.names.link(path, file)
        self.names.sync(folder_of(path))

    def content(self, path: str) -> bytes | None:
        """What a process would read in a file; None when there is none."""
        file = self.names.current.get(path)
        return bytes(file.content) if isinstance(file, File) else None

    def size(self, path: str) -> int | None:
        """How many bytes a process would read in a file; None when there is none."""
        file = self.names.current.get(path)
        return len(file.content) if isinstance(file, File) else None

    def cut(self, path: str, length: int) -> None:
        """Somebody cuts a file off."""
        file = self.names.current.get(path)
        if isinstance(file, File):
            file.cut(length)

    def paths(self) -> list[str]:
        """The paths of all files, sorted; those of partitions' data left out."""
        return sorted(path for path, node in self.names.current.items() if isinstance(node, File))

    def _tables(self, directory: Path) -> StoredTables | None:
        node = self.names.current.get(f"{directory.as_posix()}/{DATA_NAME}")
        return node if isinstance(node, StoredTables) else None

    def _cut_power(self) -> None:
        strikes = self.faults.strikes
        self.make_writable(empty=False)
        if self.names.lose(lambda: strikes("power.name") is not None):
            self.lied = True
        for path in sorted(self.names.current):
            node = self.names.current[path]
            if isinstance(node, StoredTables):
                cut_power(self, node)
            elif node.unsynced:
                self.lied = node.lose(strikes("power.file")) or self.lied
            elif node.diverged:
                self.lied = node.lose(None) or self.lied
