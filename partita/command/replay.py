"""``partita replay``: whether today's code agrees with what happened."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from partita.actors.replay.redecide import Divergence, Report, redecide
from partita.actors.session.behavior import BEHAVIORS
from partita.command.diff import difference_to_plain, sides
from partita.command.ending import NO
from partita.command.options import AsJson, DataDir, Partition, Reveal, Through
from partita.command.printing import console, counted, plain_table, print_json
from partita.command.reading import reading
from partita.command.turns import told, turn_to_plain
from partita.inspection import Plain, summary, to_plain

SHOWN = 3
"""So many divergences are shown in full; of the others, the position."""


def replay(
    partition: Partition = "",
    *,
    start: Annotated[int, typer.Option("--start", metavar="N", min=1, help="From this position on.")] = 1,
    stop: Annotated[
        int | None, typer.Option("--stop", metavar="N", help="To this position.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="K", min=1, help="End at so many divergences.", show_default=False)
    ] = None,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Decide every turn again, and compare.

    Exit status 1 when today's code would decide differently: shown side by side, with the function that decides.
    """
    with reading(partition, data_dir, through=through) as store:
        report = redecide(store, BEHAVIORS, start=start, stop=stop, limit=limit)
        if as_json:
            print_json(report_to_plain(report, reveal=reveal))
        else:
            print_report(console(), report, reveal=reveal)
    if not report.agrees:
        raise typer.Exit(NO)


def report_to_plain(report: Report, *, reveal: bool = False) -> dict[str, object]:
    """``first``, ``last``, ``turns``, ``skipped``, and ``divergences`` as a list of objects."""
    return {
        "first": report.first,
        "last": report.last,
        "turns": report.turns,
        "skipped": list(report.skipped),
        "divergences": [divergence_to_plain(divergence, reveal=reveal) for divergence in report.divergences],
    }


def divergence_to_plain(divergence: Divergence, *, reveal: bool = False) -> dict[str, object]:
    """All that a divergence says, as plain data."""
    before = divergence.turn_before
    return {
        "position": divergence.position,
        "function": divergence.function,
        "raised": divergence.raised,
        "differences": [difference_to_plain(difference, reveal=reveal) for difference in divergence.differences],
        "recorded": _outcome(divergence.recorded, reveal=reveal),
        "redecided": _outcome(divergence.redecided, reveal=reveal),
        "turn": turn_to_plain(divergence.turn, reveal=reveal),
        "turn_before": None if before is None else turn_to_plain(before, reveal=reveal),
        "state_before": to_plain(divergence.state_before, reveal=reveal),
    }


def _outcome(decided: tuple[tuple[object, ...], tuple[object, ...]], *, reveal: bool) -> dict[str, Plain]:
    events, effects = decided
    return {"events": to_plain(events, reveal=reveal), "effects": to_plain(effects, reveal=reveal)}


def print_report(out: Console, report: Report, *, reveal: bool = False) -> None:
    """What was found, and the first divergences side by side."""
    if report.turns:
        out.print(f"{counted(report.turns, 'turn')} decided again, {report.first} to {report.last}")
    else:
        out.print("no turns")
    if report.skipped:
        out.print(
            f"skipped: {counted(len(report.skipped), 'turn')} whose secrets were erased: {_positions(report.skipped)}"
        )
    if report.agrees:
        out.print(Text("0 divergences: today's code agrees with what happened", style="green"))
        return
    out.print(Text(counted(len(report.divergences), "divergence"), style="bold red"))
    for divergence in report.divergences[:SHOWN]:
        out.print()
        print_divergence(out, divergence, reveal=reveal)
    if len(report.divergences) > SHOWN:
        rest = tuple(divergence.position for divergence in report.divergences[SHOWN:])
        out.print(f"\nand at {_positions(rest)}")


def print_divergence(out: Console, divergence: Divergence, *, reveal: bool = False) -> None:
    """One divergence: the function, the fields side by side, the turn before, the state before."""
    turn = divergence.turn
    out.print(Text(f"turn {turn.position} of {turn.actor}: {summary(turn.message, reveal=reveal)}", style="bold"))
    out.print(Text("decided by    ", style="dim").append(divergence.function, style="cyan"))
    if divergence.raised is not None:
        out.print(Text("it raises     ", style="dim").append(divergence.raised, style="red"))
    if divergence.differences:
        table = plain_table("field", "recorded", "re-decided")
        for difference in divergence.differences:
            table.add_row(Text(difference.path), *sides(difference, reveal=reveal))
        out.print(table)
    if divergence.turn_before is not None:
        before = divergence.turn_before
        label = f"turn before   {before.position} of {before.actor}: "
        out.print(Text(label, style="dim").append(told(before, reveal=reveal)))
    out.print(Text("state before  ", style="dim").append(summary(divergence.state_before, reveal=reveal)))


def _positions(positions: tuple[int, ...], most: int = 20) -> str:
    text = ", ".join(map(str, positions[:most]))
    return text if len(positions) <= most else f"{text}, …"
