"""What goes to stdout: JSON, or tables and text by rich: plain, and as wide as need be, where there is no terminal."""

from __future__ import annotations

import io
import sys
from typing import Final, TextIO, cast

import msgspec
from rich.console import Console
from rich.table import Table

PIPE_WIDTH: Final = 4000
"""Into a pipe or file, lines are not broken for a width that nobody has."""


def console(*, error: bool = False) -> Console:
    """A console on stdout, or stderr. It takes texts as they are: no markup, no emoji, nothing highlighted."""
    stream = sys.stderr if error else sys.stdout
    return Console(
        file=stream if stream.isatty() else cast("TextIO", _Trimmed(stream)),
        width=None if stream.isatty() else PIPE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


class _Trimmed(io.TextIOBase):
    """Into a pipe or file, lines end with their last character: tables are not filled up with blanks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def print_json(value: object) -> None:
    """One JSON object, for people to read as well."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")


def print_json_line(value: object) -> None:
    """One JSON object on a line of its own, out at once: somebody may follow."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def plain_table(*columns: str, header: bool = True) -> Table:
    """A table without borders: its rows can be cut and searched by other programs."""
    table = Table(box=None, show_header=header, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1], overflow="fold")
    return table


def counted(count: int, noun: str) -> str:
    """``1 turn``, ``2 turns``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size_text(count: int) -> str:
    """A number of bytes for people: ``64.0 MiB``."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":  # noqa: PLR2004  # what makes the next unit
            return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError
