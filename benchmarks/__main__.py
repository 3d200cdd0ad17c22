"""``python -m benchmarks``: run every row, side by side with its peers, and print a table. It never fails by a time."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks import (
    append,
    caching,
    cookies,
    debugger,
    devices,
    downloading,
    fetching,
    idle_actors,
    opening,
    redeciding,
    replay,
    seeds,
    simulation,
    table,
    turns,
    virtual_time,
)
from benchmarks.measuring import FULL, SMOKE, Bench, Row

GROUPS: Mapping[str, Callable[[Bench], list[Row]]] = {
    "append": append.rows,
    "turns": turns.rows,
    "replay": replay.rows,
    "redeciding": redeciding.rows,
    "opening": opening.rows,
    "debugger": debugger.rows,
    "idle_actors": idle_actors.rows,
    "cookies": cookies.rows,
    "fetching": fetching.rows,
    "caching": caching.rows,
    "downloading": downloading.rows,
    "devices": devices.rows,
    "simulation": simulation.rows,
    "virtual_time": virtual_time.rows,
    "seeds": seeds.rows,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: does every row still run?")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=GROUPS, help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, help="how often each row is measured")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one object, with the figures of each round")
    output.add_argument("--markdown", action="store_true", help="print the table of README.md")
    output.add_argument("--readme", action="store_true", help="write the table into README.md")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(__file__).parent,
        help="where the logs are written meanwhile: on a disk, not in memory (default: beside this file)",
    )
    return parser.parse_args()


def main() -> None:
    """Run what the command line names."""
    options = arguments()
    sizes = SMOKE if options.smoke else FULL
    if options.rounds is not None:
        sizes = msgspec.structs.replace(sizes, rounds=options.rounds)
    to_say = Console(stderr=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=options.directory) as scratch:
        for name in options.only or GROUPS:
            with to_say.status(f"measuring {name} …"):
                folder = Path(scratch) / name
                folder.mkdir()
                rows += GROUPS[name](Bench(sizes, folder))
    if options.json:
        sys.stdout.write(table.as_json(rows) + "\n")
    elif options.markdown:
        sys.stdout.write(table.markdown(rows) + "\n")
    else:
        console = Console()
        table.show(rows, console if console.is_terminal else Console(width=160))
    if options.readme:
        table.write_readme(rows)


if __name__ == "__main__":
    main()
