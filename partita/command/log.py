"""``partita log show | tail | verify``."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from partita.actors.replay.query import Watch
from partita.actors.session.behavior import BEHAVIORS
from partita.command.ending import NO
from partita.command.options import AsJson, AsJsonLines, DataDir, Partition, Reveal, Through
from partita.command.printing import console, print_json, print_json_line
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

Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="EXPR",
        help="For which this holds: 'event is CookieStored and cookie.name == \"sid\"'.",
        show_default=False,
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
    where: Where = None,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Print turns.

    Position, time, actor, cause, message, events, effects. Secrets are shown as dots unless --reveal is given.
    """
    with reading(partition, data_dir, through=through) as store:
        first = start or store.first_position
        turns = _chosen(store, first, stop, actor, Watch.if_any(where, store, BEHAVIORS, first))
        if as_json:
            for turn in turns:
                print_json_line(turn_to_plain(turn, reveal=reveal))
        elif not TurnPrinter(store.position, reveal=reveal).print(turns):
            console(error=True).print("no turns")


def _chosen(
    store: PartitionStore, start: int, stop: int | None, actor: str | None, watch: Watch | None
) -> Iterator[RecordedTurn]:
    if watch is not None:  # it is shown every turn: it may fold
        held = (turn for turn in store.turns(start, stop) if watch.holds(turn))
        return (
            held if actor is None else (turn for turn in of_actor(held, actor) if "/" in actor or turn.actor == actor)
        )
    if actor is None or "/" not in actor:
        return store.turns(start, stop, actor)
    return of_actor(store.turns(start, stop), actor)


def tail(
    partition: Partition = "",
    *,
    start: Start = None,
    actor: Actor = None,
    where: Where = None,
    reveal: Reveal = False,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Follow a log live.

    Prints the last turns, or those from --start on, then each new one as it becomes durable, until Ctrl-C.
    """
    with reading(partition, data_dir) as store:
        at = max(store.first_position, store.position - TAIL_TURNS + 1) if start is None else start
        watch = Watch.if_any(where, store, BEHAVIORS, at)
        printer = TurnPrinter(max(store.position, 9999), reveal=reveal)
        while True:
            last = store.wait_past(at - 1, LOOK_S)
            if last < at:
                continue
            turns = _chosen(store, at, last, actor, watch)
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
