"""``System`` and the functions that use the default one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Unpack, get_args

import msgspec
from platformdirs import user_data_path

from partita import __version__
from partita.actors.devices.noting import noting
from partita.actors.exchanges.carriers import recorded
from partita.actors.exchanges.partition import RecordingPartition
from partita.actors.kernel.async_callbacks import AsyncCallbacks
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.partition import SNAPSHOT_EVERY_TURNS, Partition
from partita.actors.kernel.system import ActorSystem
from partita.actors.live_world.live import live_world
from partita.actors.net_log.table import NetLogTable
from partita.actors.session.behavior import BEHAVIORS, CARRIERS
from partita.blobs import Blobs
from partita.emitter import Emitter
from partita.events.errors import InvalidPartitionName, InvalidPosition, StoreError
from partita.session import Session
from partita.session_options import SessionOptions, checked_options, configure
from partita.store.names import folder_name
from partita.store.opening import StoreOptions
from partita.store.partition import PartitionStore

if TYPE_CHECKING:
    from partita.actors.kernel.device_ports import Devices
    from partita.actors.kernel.fold import Behaviors
    from partita.actors.kernel.kernel import Kernel
    from partita.actors.kernel.world import Carriers, Clock, World
    from partita.devices.simulated import SimulatedBus

PERSIST: Final = "persist:"

Record = Literal["state", "exchanges", "devices"]
"""How much of what happens goes into the log."""

RECORDS: Final = get_args(Record)


def default_data_dir() -> Path:
    """``$PARTITA_HOME``, else the platform's folder for user data."""
    home = os.environ.get("PARTITA_HOME")
    return Path(home).absolute() if home else user_data_path("partita", appauthor=False)


class System(ActorSystem, Emitter):
    """An actor system with its sessions: ``with``, ``async with`` (trio, asyncio), or closed by hand.

    Event: ``session-created``, told each new :class:`Session` (FEATURES M5).

    ``data_dir``: where persistent partitions live. ``world``: the ports (default: the live ones); ``clock``: any object with
    the clock port's methods, in place of that world's. ``kernel``: the simulation kernel, in place of a thread.
    ``behaviors`` and ``carriers``: the rules, where a simulation watches them or runs those of another version (default:
    partita's own).
    ``retain_bytes``: how large a log may grow before its oldest turns below a snapshot go (default: no limit).
    ``record``: ``"state"`` keeps what changes the session; ``"exchanges"`` also every request, response and body;
    ``"devices"`` all that goes to devices and comes from them as well. It is what :func:`partita.playback` answers from.
    ``handler_timeout``: how many seconds a handler, or a webRequest listener that is asked, has for its answer; who outlives it
    counts as a refusal, and is reported (default: no limit).
    ``devices``: where devices come from, in place of the hardware: a :class:`partita.SimulatedBus`, or a port of one's own.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path | None = None,
        world: World | None = None,
        clock: Clock | None = None,
        kernel: Kernel | None = None,
        behaviors: Behaviors | None = None,
        carriers: Carriers | None = None,
        snapshot_every_turns: int = SNAPSHOT_EVERY_TURNS,
        retain_bytes: int | None = None,
        record: Record = "state",
        handler_timeout: float | None = None,
        devices: Devices | SimulatedBus | None = None,
    ) -> None:
        if record not in RECORDS:
            raise ValueError(f"record is one of {', '.join(map(repr, RECORDS))}, not {record!r}")
        if handler_timeout is not None and not handler_timeout > 0:
            raise ValueError(f"handler_timeout is a number of seconds above 0, not {handler_timeout}")
        self.handlers: Final = HandlerTable()
        world = live_world(self.handlers) if world is None else msgspec.structs.replace(world, handlers=self.handlers)
        carriers = CARRIERS if carriers is None else carriers
        if clock is not None:
            world = msgspec.structs.replace(world, clock=clock)
        if devices is not None:
            port = getattr(devices, "port", None)  # of a bus: simulations are loaded where they are used
            world = msgspec.structs.replace(world, devices=devices if port is None else port())
        world = msgspec.structs.replace(world, net_logs=NetLogTable({"name": "partita", "version": __version__}))
        super().__init__(
            data_dir=Path(data_dir).absolute() if data_dir is not None else default_data_dir(),
            world=world,
            behaviors=BEHAVIORS if behaviors is None else behaviors,
            carriers=_recording(carriers, record),
            kernel=kernel,
            store_options=StoreOptions(retain_bytes=retain_bytes),
            snapshot_every_turns=snapshot_every_turns,
            partition_type=Partition if record == "state" else RecordingPartition,
        )
        Emitter.__init__(self, ("session-created",), self.callbacks)
        self.async_callbacks: Final = AsyncCallbacks(self.callbacks)
        self.blobs: Final = Blobs()
        if handler_timeout is not None:
            self.handlers.limit(handler_timeout, lambda: self.kernel, world.clock)
        self._sessions: dict[str, Session] = {}
        self._sessions_lock = threading.RLock()

    # -- sessions ---------------------------------------------------------------------------------------------------

    @property
    def default_session(self) -> Session:
        """The session of the empty name; persistent (FEATURES M3)."""
        return self.from_partition("")

    def from_partition(self, partition: str, **options: Unpack[SessionOptions]) -> Session:
        """The session of that name, the identical object each time (FEATURES M1).

        ``persist:NAME`` lives on the disk, the empty name is the default session, every other name lives in memory. ``options``
        are those of :class:`SessionOptions`; they count when the session is opened, and not when it is open already. Raises
        :class:`InvalidPartitionName`, :class:`PartitionInUse`, and the errors of the store.
        """
        checked_options(options)
        if not isinstance(partition, str):
            raise TypeError(f"a partition's name is a str, not {type(partition).__name__}")
        session = self._opened(partition)
        if session is not None:
            return session
        name, persistent = parsed_name(partition)
        return self._session(partition if name else "", name, persistent=persistent, directory=None, options=options)

    def from_path(self, path: str | Path, **options: Unpack[SessionOptions]) -> Session:
        """A persistent session kept in that directory: an absolute path. See :meth:`from_partition`."""
        checked_options(options)
        directory = Path(path)
        if not directory.is_absolute():
            raise ValueError(f"from_path() needs an absolute path, not {str(path)!r}")
        directory = directory.resolve()
        return self._session(str(directory), str(directory), persistent=True, directory=directory, options=options)

    def _session(
        self, key: str, name: str, *, persistent: bool, directory: Path | None, options: SessionOptions
    ) -> Session:
        with self._sessions_lock:
            session = self._opened(key)
            if session is None:
                partition = self.open_partition(name, persistent=persistent, directory=directory)
                try:
                    configure(partition, options)
                except (Exception, KeyboardInterrupt):  # not at a simulated crash, which closes nothing
                    partition.close()
                    raise
                session = self._opened(key)  # another's, whose step the simulation kernel took while this one waited
                if session is None:
                    session = self._created(partition, key)
            return session

    def _opened(self, key: str) -> Session | None:
        session = self._sessions.get(key)
        return None if session is None or session.closed else session

    def _fork(self, parent: Partition, name: str, at: int | None) -> Session:
        target, persistent = parsed_name(name)
        if not target:
            raise InvalidPartitionName("a fork needs a name of its own: the empty one is the default session's")
        parent.flush().get() if not parent.kernel.on_own_thread() else None
        position = parent.store.position if at is None else at
        if not parent.store.first_position - 1 <= position <= parent.store.position:
            raise InvalidPosition(
                f"cannot fork {parent.name!r} at {position}: its log goes from {parent.store.first_position}"
                f" to {parent.store.position}"
            )
        with self._sessions_lock:
            if self._opened(name) is not None:
                raise InvalidPartitionName(f"a session {name!r} is open already: choose another name for the fork")
            folder = self.world.folders.at(self.partition_directory(target)) if persistent else None
            if folder is not None and folder.exists():
                raise InvalidPartitionName(f"a partition {name!r} exists already: choose another name for the fork")
            store = parent.store.fork(folder, name=target, at=position)
            return self._adopt(store, name, target, persistent=persistent)

    def _adopt(self, store: PartitionStore, key: str, name: str, *, persistent: bool) -> Session:
        partition = self.adopt(store)
        self._partitions[f"{'persist' if persistent else 'memory'}:{name}"] = partition
        return self._created(partition, key)

    def _created(self, partition: Partition, key: str) -> Session:
        session = self._sessions[key] = self._face(partition, key)
        self._emit("session-created", session)
        return session

    def _face(self, partition: Partition, key: str) -> Session:
        return Session(self, partition, key)

    def _close(self, key: str, partition: Partition) -> None:
        with self._sessions_lock:
            self._sessions.pop(key, None)
        partition.close()

    # -- the data directory -----------------------------------------------------------------------------------------

    def stored_partitions(self) -> list[str]:
        """The names of the persistent partitions in the data directory, sorted; the default session is the empty name.

        A folder that is too damaged to tell its name is not among them; ``partita partitions`` shows it.
        """
        return sorted(name for name, _ in stored_partitions(self.data_dir) if name is not None)

    def delete_partition(self, partition: str) -> None:
        """Close a partition and delete all it has. A persistent one is gone from the disk; fine when there was none.

        Raises :class:`PartitionInUse` when another process has it open.
        """
        name, persistent = parsed_name(partition)
        with self._sessions_lock:
            session = self._sessions.get(partition if name else "")
            if session is not None:
                session.close()
            if persistent:
                self.world.folders.at(self.partition_directory(name)).delete()


def _recording(carriers: Carriers, record: Record) -> Carriers:
    """Those that note as much as is to be recorded."""
    if record == "state":
        return carriers
    return recorded(noting(carriers) if record == "devices" else carriers)


def parsed_name(partition: str) -> tuple[str, bool]:
    """A partition's own name, and whether it is persistent (FEATURES M1)."""
    if partition == "":
        return "", True
    name = partition.removeprefix(PERSIST)
    persistent = name != partition
    if "\0" in partition:
        raise InvalidPartitionName(f"a partition's name holds no NUL: {partition[:80]!r}")
    try:
        partition.encode()
    except UnicodeEncodeError as error:
        raise InvalidPartitionName(
            f"a partition's name is text that can be written: {partition[:80]!r}: {error}"
        ) from None
    if persistent and name:
        folder_name(name)  # raises when no folder can be named for it
    return name, persistent


def stored_partitions(data_dir: Path) -> Iterator[tuple[str | None, Path]]:
    """The persistent partitions below a data directory: ``("persist:name", folder)``; the name is None where none can be read."""
    root = data_dir / "Partitions"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        try:
            name = PartitionStore.name_at(folder)
        except StoreError:
            yield None, folder
        else:
            yield (f"{PERSIST}{name}" if name else ""), folder


# -- the default system -------------------------------------------------------------------------------------------------

_default: System | None = None
_default_lock: Final = threading.Lock()


def default_system() -> System:
    """The process-wide system, made when it is first used, on a background thread; closed at exit."""
    global _default  # noqa: PLW0603  # the one process-wide thing there is
    with _default_lock:
        if _default is None or _default._closed:  # noqa: SLF001
            _default = System()
        return _default


def from_partition(partition: str, **options: Unpack[SessionOptions]) -> Session:
    """See :meth:`System.from_partition`, on the default system."""
    return default_system().from_partition(partition, **options)


def from_path(path: str | Path, **options: Unpack[SessionOptions]) -> Session:
    """See :meth:`System.from_path`, on the default system."""
    return default_system().from_path(path, **options)


def partitions() -> list[str]:
    """See :meth:`System.stored_partitions`, on the default system."""
    return default_system().stored_partitions()


def delete_partition(partition: str) -> None:
    """See :meth:`System.delete_partition`, on the default system."""
    default_system().delete_partition(partition)
