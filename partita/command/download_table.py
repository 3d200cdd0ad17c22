"""Downloads while they come, as a table for people: a line each, and one for all of them together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.table import Table
from rich.text import Text

from partita.command.printing import plain_table, size_text

_STYLES: Final = {
    "waiting": "dim",
    "paused": "yellow",
    "completed": "green",
    "interrupted": "red",
    "failed": "red",
    "cancelled": "red",
}
_ORDER: Final = ("progressing", "paused", "waiting", "failed", "interrupted", "cancelled", "completed")
"""Where not all fit, those about which there is most to see come first."""


class Line(Struct, frozen=True):
    """How one stands: its file's name or URL, bytes (0 in all: unknown), bytes a second."""

    name: str
    state: str
    received_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: int = 0


def table(lines: Sequence[Line], *, most: int) -> Table:
    """All of them, or ``most`` lines, the last of which says how many there are more; then the sum."""
    shown = lines
    if len(lines) > most:
        by_interest = sorted(range(len(lines)), key=lambda number: (_ORDER.index(lines[number].state), number))
        shown = [lines[number] for number in sorted(by_interest[: max(most - 1, 0)])]
    made = plain_table("file", "state", "received", "speed", "left", "%", header=True)
    for line in shown:
        made.add_row(*_cells(line))
    if len(shown) < len(lines):
        made.add_row(Text(f"... and {len(lines) - len(shown)} more", style="dim"))
    if len(lines) > 1:
        made.add_row(*_cells(total(lines)), style="bold")
    return made


def total(lines: Sequence[Line]) -> Line:
    """All of them as one; how much it is in all is known when it is known of each that can still come."""
    ended = sum(line.state == "completed" for line in lines)
    failed = sum(line.state in ("failed", "interrupted", "cancelled") for line in lines)
    unknown = any(not line.total_bytes for line in lines if line.state in ("waiting", "progressing", "paused"))
    text = f"{ended} of {len(lines)} completed" + (f", {failed} not" if failed else "")
    return Line(
        "all",
        text,
        sum(line.received_bytes for line in lines),
        0 if unknown else sum(line.total_bytes for line in lines),
        sum(line.bytes_per_second for line in lines),
    )


def _cells(line: Line) -> tuple[Text | str, ...]:
    received, whole, speed = line.received_bytes, line.total_bytes, line.bytes_per_second
    left_s = (whole - received) / speed if whole and speed else None
    return (
        line.name,
        Text(line.state, style=_STYLES.get(line.state, "")),
        f"{size_text(received)} / {size_text(whole)}" if whole else size_text(received) if received else "",
        f"{size_text(speed)}/s" if speed else "",
        "" if left_s is None else time_text(left_s),
        f"{min(100, received * 100 // whole)}" if whole else "",
    )


def time_text(seconds: float) -> str:
    """``0:07``, ``12:00``, ``1:02:03``; ``> 99 h`` for what nobody waits for."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    if hours > 99:  # noqa: PLR2004  # as the text says
        return "> 99 h"
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
