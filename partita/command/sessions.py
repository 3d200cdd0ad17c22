"""The session that a command works in: one that is kept, or one that is gone with the command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from partita.command.ending import Signals, heeding_signals
from partita.command.reading import data_dir_of, looks_like_a_path
from partita.session import Session
from partita.system import Record, System

Name = Annotated[
    str | None,
    typer.Option(
        "-p",
        "--partition",
        metavar="PARTITION",
        help="'persist:NAME', a folder, or '' for the default session; any other name, and none, is not kept.",
        show_default=False,
    ),
]

SCRATCH: Final = "scratch"


@contextmanager
def opened(partition: str | None, data_dir: Path | None, *, record: Record = "state") -> Iterator[Session]:
    """The session of a ``--partition``; without one, a session in memory. Closed, with its system, at the end.

    A signal is raised in between; one that comes while the session is opened, or closed, waits until that is done.
    """
    with opened_quietly(partition, data_dir, record=record) as (session, signals), signals.raising():
        yield session


@contextmanager
def opened_quietly(
    partition: str | None, data_dir: Path | None, *, record: Record = "state"
) -> Iterator[tuple[Session, Signals]]:
    """The same, and what hears the signals meanwhile: they are raised where it is told to."""
    with heeding_signals() as signals:
        with System(data_dir=data_dir_of(data_dir), record=record) as system:
            if partition is None:
                session = system.from_partition(SCRATCH)
            elif looks_like_a_path(partition):
                session = system.from_path(Path(partition).expanduser().absolute())
            else:
                session = system.from_partition(partition)
            yield session, signals
        signals.check()
