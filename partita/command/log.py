"""``partita log show | tail | verify | export``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from partita.command.ending import NO, WrongUsage
from partita.command.options import AsJson, AsJsonLines, DataDir, Partition, Reveal, Through
from partita.command.printing import console, counted, print_json, print_json_line, size_text
from partita.command.reading import path_of, reading
from partita.command.turns import TurnPrinter, of_actor, turn_to_plain
from partita.command.verifying import print_verification, verification_to_plain
from partita.store.codec import RecordedTurn
from partita.store.partition import PartitionStore

Start = Annotated[
    int | None, typer.Option("--start", min=1, metavar="N", help="From this position on.", show_default=False)
]
Stop = Annotated[int | None, typer.Option("--stop", min=0, metavar="N", help="To this position.", show_default=False)]
Actor = Annotated[
    str | None,
    typer.Option(
        "--actor", metavar="NAME", help="Of this actor only; the beginning of its id will do.", show_default=False
    ),
]

LOOK_S: Final = 0.5
"""How long one wait for news lasts; Ctrl-C is heard in between."""

TAIL_TURNS: Final = 10


def show(
    partition: Partition = "",
    *,
    start: Start = None,
    stop: Stop = None,
    actor: Actor = None,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Print turns.

    Position, time, actor, cause, message, events, effects. Secrets are shown as dots unless --reveal is given.
    """
    with reading(partition, data_dir, through=through) as store:
        turns = _chosen(store, start or store.first_position, stop, actor)
        if as_json:
            for turn in turns:
                print_json_line(turn_to_plain(turn, reveal=reveal))
        elif not TurnPrinter(store.position, reveal=reveal).print(turns):
            console(error=True).print("no turns")


def _chosen(store: PartitionStore, start: int, stop: int | None, actor: str | None) -> Iterator[RecordedTurn]:
    if actor is None or "/" not in actor:
        return store.turns(start, stop, actor)
    return of_actor(store.turns(start, stop), actor)


def tail(
    partition: Partition = "",
    *,
    start: Start = None,
    actor: Actor = None,
    reveal: Reveal = False,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Follow a log live.

    Prints the last turns, or those from --start on, then each new one as it becomes durable, until Ctrl-C.
    """
    with reading(partition, data_dir) as store:
        at = max(store.first_position, store.position - TAIL_TURNS + 1) if start is None else start
        printer = TurnPrinter(max(store.position, 9999), reveal=reveal)
        while True:
            last = store.wait_past(at - 1, LOOK_S)
            if last < at:
                continue
            turns = _chosen(store, at, last, actor)
            if as_json:
                for turn in turns:
                    print_json_line(turn_to_plain(turn, reveal=reveal))
            else:
                printer.print(turns)
            at = last + 1


def verify(partition: Partition = "", *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Walk every checksum and the chain.

    Exit status 1 when anything is not what was written.
    """
    found = PartitionStore.verify_at(path_of(partition, data_dir))
    if as_json:
        print_json(verification_to_plain(found))
    else:
        print_verification(console(), found)
    if not found.ok:
        raise typer.Exit(NO)


def export(
    partition: Partition,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
    *,
    include_keys: Annotated[
        bool, typer.Option("--include-keys", help="Whoever has the file can read its secrets.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write a whole log as one file.

    Without its keys, its secrets stay unreadable.
    """
    if path.exists():
        raise WrongUsage(f"{path} exists already: an export overwrites nothing")
    with reading(partition, data_dir) as store:
        store.export(path, include_keys=include_keys)
        turns = store.position - store.first_position + 1
    size_bytes = path.stat().st_size
    if as_json:
        print_json({"path": str(path.absolute()), "turns": turns, "size_bytes": size_bytes, "keys": include_keys})
    else:
        keys = "with its keys" if include_keys else "without its keys"
        console().print(f"{counted(turns, 'turn')} in {path} ({size_text(size_bytes)}), {keys}")
