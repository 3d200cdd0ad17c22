"""Turns for people, and turns as JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from partita.command.printing import console
from partita.inspection import ID_SHOWN, cause_text, led_to, summary, time_text, to_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from partita.store.codec import RecordedTurn

PAGE_TURNS: Final = 200
"""A long log is printed as it is read, so many turns at a time."""

WIDE: Final = 118
"""From this many columns on there is room for dates."""

ACTOR_WIDTH: Final = 17


class TurnPrinter:
    """Prints turns as the rows of one table, in as many pieces as they come."""

    def __init__(self, last_position: int, *, reveal: bool = False, to: Console | None = None) -> None:
        self._console = console() if to is None else to
        self._digits = max(3, len(str(last_position)))
        self._reveal = reveal
        self._begun = False

    def print(self, turns: Iterable[RecordedTurn]) -> int:
        """Print them; how many they were."""
        count = 0
        left = iter(turns)
        while True:
            page: list[RecordedTurn] = []
            try:
                page.extend(islice(left, PAGE_TURNS))
            finally:  # where the turns break off by an error, those before it are shown
                if page:
                    self._print_page(page)
            if not page:
                return count
            count += len(page)

    def _print_page(self, page: list[RecordedTurn]) -> None:
        wide = self._console.width >= WIDE
        table = Table(box=None, show_header=not self._begun, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("#", justify="right", width=self._digits, no_wrap=True)
        table.add_column("time (UTC)", width=23 if wide else 12, no_wrap=True, style="dim")
        table.add_column("actor", width=ACTOR_WIDTH, no_wrap=True, style="cyan")
        table.add_column("cause", width=13, no_wrap=True, style="dim")
        table.add_column("message, · events, → effects", overflow="fold")
        for turn in page:
            time = time_text(turn.time)
            table.add_row(
                str(turn.position),
                time if wide else time[11:],
                short_actor(turn.actor),
                cause_text(turn.cause),
                told(turn, reveal=self._reveal),
            )
        self._console.print(table)
        self._begun = True


def told(turn: RecordedTurn, *, reveal: bool = False) -> Text:
    """A turn's message, and below it what it led to."""
    text = Text(summary(turn.message, reveal=reveal), style="bold")
    for kind, what in led_to(turn):
        sign, style = ("·", "green") if kind == "event" else ("→", "yellow")
        text.append(f"\n{sign} {summary(what, reveal=reveal)}", style=f"not bold {style}")
    return text


def short_actor(actor: str) -> str:
    """An actor's name with the beginning of its id: ``download/1a2b3c4d``."""
    kind, slash, name = actor.partition("/")
    return f"{kind}{slash}{name[:ID_SHOWN]}"


def turn_to_plain(turn: RecordedTurn, *, reveal: bool = False) -> dict[str, object]:
    """A turn as one JSON object: its fields, and its time once more as ISO 8601."""
    plain = to_plain(turn, reveal=reveal)
    assert isinstance(plain, dict)
    return {**plain, "at": time_text(turn.time, precise=True)}


def of_actor(turns: Iterable[RecordedTurn], begin: str) -> Iterator[RecordedTurn]:
    """The turns of the actors whose names begin so."""
    return (turn for turn in turns if turn.actor.startswith(begin))
