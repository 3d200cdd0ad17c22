"""``partita log har``: recorded exchanges as an HTTP archive."""

import json
from pathlib import Path
from typing import Annotated

import typer

from partita.command.ending import NO, WrongUsage, complain
from partita.command.log import Start, Stop
from partita.command.options import DataDir, Partition
from partita.command.printing import console, counted, size_text
from partita.command.reading import reading
from partita.har import har_of_log, write_har


def har(
    partition: Partition = "",
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Into this new file.", show_default=False)
    ] = None,
    start: Start = None,
    stop: Stop = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="With cookies and credentials: whoever has the file has them.")
    ] = False,
    bodies: Annotated[bool, typer.Option(help="With the bodies of requests and responses.")] = True,
    data_dir: DataDir = None,
) -> None:
    """Write recorded exchanges as an HTTP archive (HAR 1.2).

    It goes to standard output unless --out names a file. Only a partition that is opened with record="exchanges" records
    them. Exit status 1, and no file, when there is none in the log or between the positions.
    """
    if start is not None and stop is not None and start > stop:
        raise WrongUsage(f"--start {start} comes after --stop {stop}")
    if out is not None and out.exists():
        raise WrongUsage(f"{out} exists already: nothing is written over")
    with reading(partition, data_dir) as store:
        archive = har_of_log(store, start=start, stop=stop, bodies=bodies, secrets=secrets)
    count = len(archive["log"]["entries"])
    if out is None:
        typer.echo(json.dumps(archive, ensure_ascii=False, indent=2))
    elif count:
        write_har(archive, out)
        console().print(f"{counted(count, 'request')} in {out} ({size_text(out.stat().st_size)})")
    if not count:
        complain(_nothing(start, stop))
        raise typer.Exit(NO)


def _nothing(start: int | None, stop: int | None) -> str:
    if start is None and stop is None:
        return 'no exchange is recorded there: open the partition with record="exchanges"'
    return f"no exchange is recorded from position {start or 1} to {'the end' if stop is None else stop}"
