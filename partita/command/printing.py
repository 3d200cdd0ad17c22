"""What goes to stdout: JSON, or tables and text by rich: plain, and as wide as need be, where there is no terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import nullcontext
from typing import Final, TextIO, cast

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from partita.command.ending import writing_stdout

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
        with writing_stdout() if self._stream is sys.stdout else nullcontext():
            self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        with writing_stdout() if self._stream is sys.stdout else nullcontext():
            self._stream.flush()


def print_json(value: object) -> None:
    """One JSON object, for people to read as well."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    with writing_stdout():
        sys.stdout.write(_writable(text.decode()) + "\n")


def print_json_line(value: object) -> None:
    """One JSON object on a line of its own, out at once: somebody may follow."""
    with writing_stdout():
        sys.stdout.write(_writable(msgspec.json.encode(value).decode()) + "\n")
        sys.stdout.flush()


def _writable(text: str) -> str:
    """JSON as it is, or with its own escapes for what the standard output has no letters for."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return re.sub(r"[^\x00-\x7f]+", lambda match: json.dumps(match[0])[1:-1], text)
    return text


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


def shortened(text: str, width: int) -> str:
    """The text in at most ``width`` cells of a terminal, without its middle: ``film…bin``; as it is where it fits."""
    if cell_len(text) <= width:
        return text
    room = max(width - 1, 0)
    tail = _beginning(text[::-1], room // 2)[::-1]
    return f"{_beginning(text, room - cell_len(tail))}…{tail}"


def _beginning(text: str, width: int) -> str:
    """As many characters as fit."""
    taken = 0
    for number, char in enumerate(text):
        taken += cell_len(char)
        if taken > width:
            return text[:number]
    return text
