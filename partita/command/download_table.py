"""Downloads while they come, as a table for people: a line each, and one for all of them together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from partita.command.printing import plain_table, shortened, size_text

_COLUMNS: Final = ("file", "state", "received", "speed", "left", "%")
GAP: Final = 2
LEAST: Final = 8
"""Cells that a name has before columns go."""
FEWEST: Final = 3
"""Columns that are there in any case."""

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
    """How one stands: its file's name or URL, bytes (0 in all: unknown), bytes a second.

    ``waits_s``: it goes on by itself in so many seconds; None: when it can.
    """

    name: str
    state: str
    received_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: int = 0
    waits_s: float | None = None


def table(lines: Sequence[Line], *, most: int, width: int) -> RenderableType:
    """All of them, or ``most`` lines, the last of which says how many there are more; then the sum.

    ``width``, in cells: where it is not enough, names lose their middle, then the last columns go; no figure is cut.
    """
    shown = lines
    if len(lines) > most:
        by_interest = sorted(range(len(lines)), key=lambda number: (_ORDER.index(lines[number].state), number))
        shown = [lines[number] for number in sorted(by_interest[: max(most - 1, 0)])]
    rows = [_cells(line) for line in shown]
    columns, room = _fitting(rows, width)
    made = plain_table(*_COLUMNS[:columns])
    for name, *others in rows:
        made.add_row(shortened(str(name), room), *others[: columns - 1])
    below = []
    if len(shown) < len(lines):
        below.append(Text(f"... and {len(lines) - len(shown)} more", style="dim"))
    if len(lines) > 1:
        *cells, percent = map(str, _cells(total(lines)))
        below.append(Text("  ".join(filter(None, (*cells, percent and f"{percent} %"))), style="bold"))
    return Group(made, *(_cut(text) for text in below))


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


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _fitting(rows: Sequence[tuple[Text | str, ...]], width: int) -> tuple[int, int]:
    """How many columns there is room for, and the cells that are left for names."""
    widths = [max(cell_len(str(cell)) for cell in column) for column in zip(_COLUMNS, *rows, strict=True)]
    columns = len(widths) + 1
    room = 0
    while room < LEAST and columns > FEWEST:
        columns -= 1
        room = width - sum(GAP + widest for widest in widths[1:columns])
    return columns, max(room, 1)


def _cells(line: Line) -> tuple[Text | str, ...]:
    received, whole, speed = line.received_bytes, line.total_bytes, line.bytes_per_second
    left_s = (whole - received) / speed if whole and speed else None
    state = line.state if line.waits_s is None else f"{line.state} {time_text(line.waits_s)}"
    return (
        line.name,
        Text(state, style=_STYLES.get(line.state, "")),
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
