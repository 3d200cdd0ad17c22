"""Arguments and options that several commands have, declared once."""

from pathlib import Path
from typing import Annotated

import typer

Partition = Annotated[
    str,
    typer.Argument(
        metavar="PARTITION",
        help="A name ('persist:work'; '' is the default session), a partition's folder, or an exported log.",
        show_default=False,
    ),
]

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="PARTITA_HOME",
        metavar="DIR",
        help="Where persistent partitions live.",
        show_default=False,
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show secrets: cookie values, credentials.")]
Through = Annotated[
    int | None,
    typer.Option(
        "--through", metavar="N", min=0, help="Open the log only up to position N: before a damage.", show_default=False
    ),
]
