"""The session that a command works in: one that is kept, or one that is gone with the command."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

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
    """The session of a ``--partition``; without one, a session in memory. Closed, with its system, at the end."""
    with System(data_dir=data_dir_of(data_dir), record=record) as system:
        if partition is None:
            yield system.from_partition(SCRATCH)
        elif looks_like_a_path(partition):
            yield system.from_path(Path(partition).expanduser().absolute())
        else:
            yield system.from_partition(partition)
