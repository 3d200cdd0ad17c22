"""What all parts of the simulated disk share: its faults, its room, its lies, and who watches."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from partita.actors.kernel.context import Random
from partita.simulations.disk.file import LIES_ABOUT, File
from partita.simulations.disk.names import Names
from partita.simulations.faults import Faults
from partita.simulations.life import Crash, CrashKind, Life
from partita.store.environment import Table

if TYPE_CHECKING:
    from partita.simulations.disk.environment import Handle, StoredTables
    from partita.simulations.disk.files import ReadableSimulatedFile, SimulatedFile
    from partita.simulations.disk.folder import SimulatedLock

FAULTS: Final[Mapping[str, float]] = {
    # At the commit of a log, the birth of one, and the rewriting of a key file.
    "disk.full": 0.03,
    "disk.read_only": 0.02,
    "disk.io_error": 0.05,
    "disk.room": 0.05,
    "disk.reopen": 0.2,
    "crash.before_commit": 0.1,
    "crash.during_commit": 0.1,
    "crash.after_commit": 0.1,
    "crash.key_file": 0.1,
    # At the files port.
    "file.full": 0.02,
    "file.read_only": 0.02,
    "file.io_error": 0.03,
    "file.slow": 0.1,
    "crash.file_write": 0.05,
    "crash.file_sync": 0.1,
    "crash.file_rename": 0.1,
    # At a power cut, asked for once for each thing that may be lost: when it strikes, all, nothing or a part of it is.
    "power.commits": 1.0,
    "power.file": 1.0,
    "power.name": 0.5,
    "disk.torn": 0.5,
    "disk.stale_page": 0.5,
    "disk.stale_rewrite": 1.0,
}
"""Each fault of the disk with its highest odds."""

SETTINGS: Final[Mapping[str, Sequence[float]]] = {
    "disk.lies": (0,) * 19 + (1,),
    "file.latency_s": (0.0, 0.001, 0.05),
}
"""``disk.lies``: 1 for a disk whose fsync does nothing. ``file.latency_s``: how long each operation on a file takes."""

LASTS_AT_MOST: Final = 20
"""A disk is full, or read-only, for so many operations at most."""

Part = Literal["disk", "file"]
_READ_ONLY: Final[Mapping[Part, str]] = {"disk": "disk.read_only", "file": "file.read_only"}
_FULL: Final[Mapping[Part, str]] = {"disk": "disk.full", "file": "file.full"}

TEXTS: Final[Mapping[int, str]] = {
    errno.ENOSPC: "No space left on device",
    errno.EROFS: "Read-only file system",
    errno.EIO: "Input/output error",
}

WriteHook = Callable[[Path, Table, bytes, bytes], None]


class Damage(NamedTuple):
    """A record of a log that is not what was written under its key: ``torn``, or ``stale`` (an earlier one stands there).

    ``stale``: that of another key, or the one that had the same key before a failed commit was taken back.
    """

    directory: Path
    table: Table
    key: bytes
    how: Literal["torn", "stale"]


class Medium:
    """The state of one disk."""

    def __init__(
        self, faults: Faults, sleep: Callable[[float], Awaitable[None]], *, settings: Mapping[str, float]
    ) -> None:
        self.faults = faults
        self.sleep = sleep
        self.now_us: Callable[[], int] = lambda: 0
        """The wall clock: what a file says of when it was written to."""
        self.latency_s = settings.get("file.latency_s", 0.0)
        self.lying = bool(settings.get("disk.lies", 0))
        self.lied = False
        """Whether anything that the disk said to be on it was taken back in this run."""
        self.damaged: list[Damage] = []
        """What power cuts have damaged, and nobody has overwritten or deleted since."""
        self.commits = 0
        """The transactions that changed something and came through."""
        self.on_write: WriteHook | None = None
        """Told of each record that is put into a log, also when its transaction is aborted or lost later."""
        self.opened: dict[SimulatedFile | ReadableSimulatedFile, None] = {}
        self.names: Names[File | StoredTables] = Names()
        self.handles: dict[tuple[int, str], Handle] = {}
        self.locks: dict[str, SimulatedLock] = {}
        self.ledgers: dict[str, dict[bytes, bytes]] = {}
        self._full_for = 0
        self._read_only_for = 0

    def is_written(self, file: File) -> bool:
        """Whether somebody has it open for writing."""
        return any(opened.life.alive and opened.writes_to(file) for opened in self.opened)

    def refuses(self, part: Part) -> tuple[int, Random | None] | None:
        """Why something cannot be written here and now: an ``errno``, and the particulars if it only begins."""
        if self._read_only_for:
            self._read_only_for -= 1
            return errno.EROFS, None
        if self._full_for:
            self._full_for -= 1
            return errno.ENOSPC, None
        strikes = self.faults.strikes
        if (random := strikes(_READ_ONLY[part])) is not None:
            self._read_only_for = random.below(LASTS_AT_MOST)
            return errno.EROFS, random
        if (random := strikes(_FULL[part])) is not None:
            self._full_for = random.below(LASTS_AT_MOST)
            return errno.ENOSPC, random
        return None

    @property
    def full(self) -> bool:
        """Whether there is no room at the moment."""
        return self._full_for > 0

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written at the moment, not even a lock."""
        return self._read_only_for > 0

    def make_writable(self, *, empty: bool = True) -> None:
        """End being read-only; and being full, with ``empty``."""
        self._read_only_for = 0
        if empty:
            self._full_for = 0

    def sync_folder(self, folder: str) -> None:
        """Have the names in a folder on the disk, if it does not lie."""
        if self.lying:
            self.names.owe(folder, at_most=LIES_ABOUT)
        else:
            self.names.sync(folder)

    def forget_damage(self, directory: Path, table: Table, key: bytes) -> None:
        """That record is what its writer meant it to be again, or gone."""
        self.damaged = [
            damage
            for damage in self.damaged
            if not (damage.key == key and damage.table == table and damage.directory == directory)
        ]


def crashed(life: Life, random: Random, at: str) -> Crash:
    """End a process here: the error to raise. Its kind is drawn."""
    kind: CrashKind = "kill" if random.below(2) else "power"
    return life.end(Crash(kind, at))


def os_error(number: int, path: str) -> OSError:
    """The error that the system raises, with the same text on every machine."""
    return OSError(number, TEXTS[number], path)
