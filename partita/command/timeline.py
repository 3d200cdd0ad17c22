"""A log as a story: a line a turn, long runs of progress in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from rich.text import Text

from partita.command.printing import plain_table, size_text
from partita.command.turns import short_actor
from partita.events.device_connections import TransferNoted
from partita.events.downloads import DownloadProgressed
from partita.events.exchanges import BodyNoted
from partita.inspection import cause_text, led_to, name_of, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from partita.store.codec import RecordedTurn

SHORT_RUN: Final = 2
"""So many turns of progress in a row are still shown one by one."""


class Line(msgspec.Struct, frozen=True):
    """The turns ``first`` to ``last`` of one cause; more than one where bytes came, and where a device sent something."""

    first: int
    last: int
    time: int
    actor: str
    cause: str
    what: str
    led_to: tuple[str, ...]

    def plain(self) -> dict[str, object]:
        """As JSON has it."""
        return {**msgspec.structs.asdict(self), "led_to": list(self.led_to)}


def timeline(turns: Iterable[RecordedTurn]) -> list[Line]:
    """The lines of these turns."""
    lines: list[Line] = []
    run: list[RecordedTurn] = []
    for turn in turns:
        if run and not (_is_progress(turn) and turn.cause == run[0].cause):
            lines += _condensed(run)
            run = []
        if _is_progress(turn):
            run.append(turn)
        else:
            lines.append(_line(turn))
    return [*lines, *_condensed(run)]


def timeline_table(turns: Iterable[RecordedTurn]) -> Table:
    """The same for people."""
    table = plain_table("turn", "time (UTC)", "actor", "because of", "message", "led to")
    for line in timeline(turns):
        table.add_row(
            str(line.first) if line.first == line.last else f"{line.first}-{line.last}",
            Text(time_text(line.time)[11:], style="dim"),
            Text(short_actor(line.actor), style="cyan"),
            Text(line.cause, style="dim"),
            Text(line.what, style="bold"),
            ", ".join(line.led_to),
        )
    return table


def _is_progress(turn: RecordedTurn) -> bool:
    return bool(turn.events) and all(
        isinstance(event, (DownloadProgressed, BodyNoted, TransferNoted)) for event in turn.events
    )


def _condensed(run: list[RecordedTurn]) -> list[Line]:
    lines = [_line(turn) for turn in run]
    if len(run) <= SHORT_RUN:
        return lines
    events = [event for turn in run for event in turn.events]
    received = [event.received_bytes for event in events if isinstance(event, DownloadProgressed)]
    if received:
        span = f"{len(run)} times, {size_text(received[0])} to {size_text(received[-1])}"
    elif isinstance(events[0], TransferNoted):
        span = f"{len(run)} times"
    else:
        span = f"{len(run)} times, {size_text(sum(e.size_bytes for e in events if isinstance(e, BodyNoted)))}"
    first = lines[0]
    return [msgspec.structs.replace(first, last=run[-1].position, led_to=(f"{first.led_to[0]}, {span}",))]


def _line(turn: RecordedTurn) -> Line:
    outcome = tuple(f"{'→ ' if kind == 'effect' else ''}{name_of(what)}" for kind, what in led_to(turn))
    return Line(
        turn.position, turn.position, turn.time, turn.actor, cause_text(turn.cause), name_of(turn.message), outcome
    )
