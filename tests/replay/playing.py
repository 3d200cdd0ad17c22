"""An application, recorded and played back: what every test of playback is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import partita
from partita.actors.replay.playback import PlaybackReport
from partita.session import Session
from partita.store.codec import RecordedTurn
from partita.store.partition import PartitionStore

PATIENCE_S = 30.0
NAME = "persist:shop"

T = TypeVar("T")
Application = Callable[[Session], T]


class Recorded(NamedTuple):
    """Where the log is."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "Partitions" / "shop"

    def turns(self) -> list[RecordedTurn]:
        with PartitionStore.read(self.folder) as store:
            return list(store.turns())


def recorded(home: Path, application: Application[T]) -> tuple[Recorded, T]:
    """Run it for the first time."""
    with partita.System(data_dir=home, record="exchanges") as system:
        session = system.from_partition(NAME)
        told = application(session)
        session.flush().get(PATIENCE_S)
    return Recorded(home), told


def played(log: Path, application: Application[T], **options: object) -> tuple[PlaybackReport, T]:
    """Run it again."""
    with partita.playback(log, **options) as system:  # type: ignore[arg-type]
        session = system.from_partition(NAME)
        told = application(session)
        session.flush().get(PATIENCE_S)
    return system.report(), told
