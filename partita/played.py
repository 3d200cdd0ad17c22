"""``partita.playback``: an application runs again in the world that was recorded, with no network."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, Self

import msgspec

from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.live_world.live import live_world
from partita.actors.recorded_world.devices import PlayedDevices
from partita.actors.recorded_world.files import FilesBelow
from partita.actors.recorded_world.opening import Opening, Stretch, openings
from partita.actors.recorded_world.partition import PlayedPartition
from partita.actors.recorded_world.watch import PATIENCE_S
from partita.actors.recorded_world.world import AbsentNetwork, PlayedClock, played
from partita.actors.replay.playback import PlaybackReport, PlayedOpening, compared
from partita.actors.session.behavior import BEHAVIORS, CARRIERS
from partita.events.errors import InvalidPartitionName, RecordingIncomplete
from partita.session import Session
from partita.store.partition import PartitionStore
from partita.system import System, parsed_name

if TYPE_CHECKING:
    from partita.actors.kernel.future import Future
    from partita.actors.kernel.partition import Partition

_PARTITIONS: Final = "Partitions"


class PlayedSession(Session):
    """A session of a playback: it says of itself what the recorded one said."""

    recorded_in: Path | None = None

    def is_persistent(self) -> bool:
        """Whether the recorded one lived on the disk. This one does not."""
        return self.recorded_in is not None

    def get_storage_path(self) -> str | None:
        """The folder of the recorded one; nothing is read or written there."""
        return None if self.recorded_in is None else str(self.recorded_in)


class Playback(System):
    """A :class:`System` whose world answers from recorded logs. Made by :func:`playback`.

    The application opens its partitions as it did; each opening plays the next recorded one of that name. Its calls, the
    network's answers and the times of its turns come in the recorded order. Where the application says something that was not
    recorded there, the call fails with :class:`PlaybackDiverged`, and :meth:`report` says what was to come.
    """

    def __init__(
        self,
        recordings: Mapping[str, PartitionStore],
        *,
        start: int,
        data_dir: Path,
        files_dir: Path | None,
        in_place: bool,
        patience_s: float | None,
    ) -> None:
        self._undo = ExitStack()
        for store in recordings.values():
            self._undo.callback(store.close)
        with ExitStack() as failing:
            failing.callback(self._undo.close)
            self._recordings = recordings
            self._left = {name: _to_play(store, start) for name, store in recordings.items()}
            failing.pop_all()
        self._patience_s = patience_s
        self._playing: list[PlayedPartition] = []
        self._played: dict[int, PlayedOpening] = {}
        live = live_world(HandlerTable())
        files = None if in_place else FilesBelow(live.files, self._files_dir(files_dir))
        self._files_below = files
        super().__init__(
            data_dir=data_dir,
            world=msgspec.structs.replace(live, network=AbsentNetwork(), files=live.files if files is None else files),
        )

    def _files_dir(self, files_dir: Path | None) -> Path:
        if files_dir is not None:
            return files_dir.absolute()
        folder = tempfile.mkdtemp(prefix="partita-playback-")
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    # -- what is of use to whoever plays back -----------------------------------------------------------------------

    def path_of(self, recorded: str | PurePath) -> Path:
        """Where the playback keeps the file that was at ``recorded``."""
        return Path(recorded) if self._files_below is None else self._files_below.path_of(recorded)

    def ended(self, session: Session) -> Future[None]:
        """Done when the last recorded turn of this opening has been taken, or when playing has failed.

        For recordings that end in a crash: the application would wait for ever for what comes next.
        """
        partition = session._partition  # noqa: SLF001  # one class in two files
        assert isinstance(partition, PlayedPartition), "what was not recorded does not end"
        return partition.ended.map(lambda _: None)

    def report(self) -> PlaybackReport:
        """What has been played back so far, turn by turn; complete once the sessions are closed."""
        return PlaybackReport(
            tuple(
                self._played[id(partition)] if id(partition) in self._played else _compared(partition)
                for partition in self._playing
            )
        )

    # -- what a system does -----------------------------------------------------------------------------------------

    def _open(self, name: str, *, persistent: bool, directory: Path | None) -> Partition:
        store = self._recordings.get(name)
        if store is None:
            known = ", ".join(map(repr, self._recordings))
            raise RecordingIncomplete(f"the recording has no partition {name!r}: it has {known}")
        left = self._left[name]
        if not left:
            raise RecordingIncomplete(
                f"{name!r} is opened once more than it was when it was recorded", position=store.position + 1
            )
        partition = self._play(store, left.pop(0))
        if persistent:
            partition.key = f"persist:{name}"  # as handlers know it
            partition.recorded_in = store.directory or directory or self.partition_directory(name)
        return partition

    def _play(self, store: PartitionStore, stretch: Stretch) -> PlayedPartition:
        opening = Opening(store, stretch)
        live = self.world.clock
        clock, devices = PlayedClock(opening, live), PlayedDevices(opening)
        copy = store.again(at=stretch.first - 1, epoch=stretch.epoch)
        try:
            partition = PlayedPartition(
                copy,
                behaviors=BEHAVIORS,
                carriers=played(CARRIERS),
                kernel=self.kernel,
                world=msgspec.structs.replace(self.world, clock=clock, devices=devices),
                opening=opening,
                clock=clock,
                live=live,
                devices=devices,
                patience_s=self._patience_s,
            )
        except BaseException:
            copy.close()
            raise
        self._playing.append(partition)
        partition.on_close(lambda: self._keep(partition))
        return partition

    def _keep(self, partition: PlayedPartition) -> None:
        self._played[id(partition)] = _compared(partition)

    def _face(self, partition: Partition, key: str) -> Session:
        session = PlayedSession(self, partition, key)
        session.recorded_in = getattr(partition, "recorded_in", None)
        return session

    def _fork(self, parent: Partition, name: str, at: int | None) -> Session:
        """A fork is played back when its log was recorded as well; else it is one in memory, with no network."""
        target, persistent = parsed_name(name)
        if not target:
            raise InvalidPartitionName("a fork needs a name of its own: the empty one is the default session's")
        if target in self._recordings:
            return self._session(name, target, persistent=persistent, directory=None, options={})
        position = parent.store.position if at is None else at
        store = parent.store.fork(None, name=target, at=position)
        return self._adopt(store, name, target, persistent=persistent)

    def _close(self, key: str, partition: Partition) -> None:
        if isinstance(partition, PlayedPartition):
            partition.finish()
        super()._close(key, partition)

    def close(self) -> None:
        """Wait for what was recorded up to here, and close; see :meth:`report` for what came of it."""
        for partition in self._playing:
            if not partition.closed:
                partition.finish()
        super().close()
        self._undo.close()

    async def __aenter__(self) -> Self:
        """On a background thread, also under trio: a call may have to wait for its turn."""
        self.kernel  # noqa: B018  # started here
        return self


def playback(
    path: str | Path,
    *,
    start: int = 1,
    files_dir: str | Path | None = None,
    in_place: bool = False,
    patience_s: float | None = PATIENCE_S,
) -> Playback:
    """A system in which an application runs again as it was recorded: no network, the same answers, times and order.

    ``path``: a partition's folder, an exported log with its keys, or a data directory with several partitions.
    ``start``: begin with the first opening at or after this position. ``files_dir``: the folder below which downloads go
    (default: one that is gone in the end); ``in_place``: they go where they went. ``patience_s``: how long a call may wait for
    its turn before that counts as a divergence; None: for ever, for use with a debugger.

    Raises :class:`RecordingIncomplete` where the log has no opening to begin with, and the errors of the store.
    """
    path = Path(path).absolute()
    folders = sorted((path / _PARTITIONS).iterdir()) if (path / _PARTITIONS).is_dir() else [path]
    recordings: dict[str, PartitionStore] = {}
    with ExitStack() as undo:
        for folder in folders:
            store = PartitionStore.read(folder)
            undo.callback(store.close)
            recordings[store.name] = store
        undo.pop_all()
    return Playback(
        recordings,
        start=start,
        data_dir=path if len(folders) > 1 or folders[0] != path else path.parent,
        files_dir=None if files_dir is None else Path(files_dir),
        in_place=in_place,
        patience_s=patience_s,
    )


def _to_play(store: PartitionStore, start: int) -> list[Stretch]:
    if store.first_position > start:
        raise RecordingIncomplete(
            f"the history of {store.name!r} begins at position {store.first_position}: what was before was given up;"
            f" give start={store.first_position} or later to play back what is left",
            position=store.first_position,
        )
    found = [stretch for stretch in openings(store) if stretch.first >= start]
    if not found:
        raise RecordingIncomplete(f"{store.name!r} was not opened at or after position {start}", position=start)
    if store.keyring.missing is not None and store.has_secrets:
        raise RecordingIncomplete(f"{store.keyring.missing}: what the application said and was told cannot be read")
    return found


def _compared(partition: PlayedPartition) -> PlayedOpening:
    opening = partition.opening
    turns = partition.store.turns(opening.first)
    return compared(
        partition.name,
        opening.turns,
        turns,
        calls=partition.callers.renumbered,
        error=partition.error,
        said_instead=partition.said_instead,
    )
