"""``partita partitions``: what is kept in the data directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.text import Text

from partita.command.ending import NO, line_of
from partita.command.options import AsJson, DataDir
from partita.command.printing import console, plain_table, print_json, size_text
from partita.command.reading import data_dir_of
from partita.events.errors import StoreError
from partita.inspection import time_text
from partita.store.partition import PartitionStore
from partita.system import stored_partitions


def partitions(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the persistent partitions.

    With the last position, the time of the last turn, the size, the folder. Exit status 1 when one cannot be read.
    """
    root = data_dir_of(data_dir)
    found = [_described(name, folder) for name, folder in sorted(stored_partitions(root), key=_by_name)]
    if as_json:
        print_json({"data_dir": str(root), "partitions": found})
    else:
        _print(found, root)
    if any(one["error"] is not None for one in found):
        raise typer.Exit(NO)


def _print(found: list[dict[str, object]], root: Path) -> None:
    if not found:
        console(error=True).print(f"no partitions in {root}")
        return
    table = plain_table("partition", "position", "last turn (UTC)", "size", "folder")
    for one in found:
        size = one["size_bytes"]
        assert isinstance(size, int)
        time = one["time"]
        table.add_row(
            "?" if one["name"] is None else str(one["name"]) or "''",
            str(one["position"] if one["error"] is None else "?"),
            time_text(time) if isinstance(time, int) else "",
            size_text(size),
            str(one["folder"]) if one["error"] is None else Text(f"{one['folder']}: {one['error']}", style="red"),
        )
    console().print(table)


def _described(name: str | None, folder: Path) -> dict[str, object]:
    """``error`` says why a partition cannot be read; the others are listed all the same."""
    position: int | None = None
    time: int | None = None
    problem: str | None = None
    try:
        with PartitionStore.read(folder) as store:
            position = store.position
            time = (
                next((turn.time for turn in store.turns(position)), None) if position >= store.first_position else None
            )
    except StoreError as error:
        problem = line_of(error)
    # Blocks in use, where the system tells: the files are sparse.
    sizes = ((stat.st_blocks * 512 if hasattr(stat, "st_blocks") else stat.st_size) for stat in _stats(folder))
    return {
        "name": name,
        "folder": str(folder),
        "position": position,
        "time": time,
        "size_bytes": sum(sizes),
        "error": problem,
    }


def _by_name(partition: tuple[str | None, Path]) -> tuple[bool, str]:
    name, _ = partition
    return name is None, name or ""


def _stats(folder: Path) -> Iterator[os.stat_result]:
    return (path.stat() for path in folder.rglob("*") if path.is_file())
