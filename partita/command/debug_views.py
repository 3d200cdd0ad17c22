"""What the debugger shows, for people and as JSON: one object a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec
from rich.text import Text
from rich.tree import Tree

from partita.actors.replay.causes import Blame, Causes, same
from partita.actors.replay.debugger import Debugger
from partita.actors.replay.divergence import Difference, differences
from partita.actors.replay.paths import MISSING
from partita.command.diff import difference_to_plain, sides
from partita.command.printing import console, plain_table, print_json_line
from partita.command.state import grow, state_to_plain, state_tree
from partita.command.turns import TurnPrinter, short_actor, told, turn_to_plain
from partita.inspection import cause_text, name_of, summary, time_text, to_plain
from partita.store.codec import RecordedTurn

CHANGES_SHOWN: Final = 20
"""So many of a turn's changes are shown with it; ``diff`` shows all."""

VALUES_AT_ONCE: Final = 200
PROMPT_WIDTH: Final = 60


class View:
    """Shows things on standard output: as text, or with ``as_json`` one object a line. Secrets as dots unless ``reveal``."""

    def __init__(self, debugger: Debugger, *, as_json: bool, reveal: bool) -> None:
        self._debugger = debugger
        self._as_json = as_json
        self._reveal = reveal
        self._out = console()

    def prompt(self) -> str:
        """Position, actor and message of where one stands."""
        debugger = self._debugger
        turn = debugger.turn
        if turn is None:
            where = "before the first turn" if debugger.begin == 0 else "history starts here"
        else:
            message = summary(turn.message, reveal=self._reveal)
            where = f"{short_actor(turn.actor)} {message}"
            if len(where) > PROMPT_WIDTH:
                where = f"{where[: PROMPT_WIDTH - 1]}…"
        return f"[{debugger.position}/{debugger.last}] {where}> "

    @property
    def is_text(self) -> bool:
        """Whether it is people who read this."""
        return not self._as_json

    def note(self, text: str) -> None:
        """A remark, for people only."""
        if not self._as_json:
            self._out.print(Text(text, style="dim"))

    def plain(self, command: str, **fields: object) -> None:
        """One object, with ``as_json``."""
        if self._as_json:
            print_json_line({"command": command, "position": self._debugger.position, **fields})

    def place(self, command: str, *, moved: bool = True) -> None:
        """Where one stands: the turn, and what it changed."""
        debugger = self._debugger
        turn = debugger.turn
        changes = debugger.changes()
        if self._as_json:
            plain = None if turn is None else turn_to_plain(turn, reveal=self._reveal)
            self.plain(command, moved=moved, turn=plain, changes=self._plain_changes(changes))
            return
        if turn is None:
            start = (
                "before the first turn" if debugger.begin == 0 else f"history starts here: after turn {debugger.begin}"
            )
            self._out.print(Text(f"{debugger.position}: {start}", style="bold"))
            return
        head = f"turn {turn.position} of {turn.actor}, {time_text(turn.time)} UTC, because of {cause_text(turn.cause)}"
        self._out.print(Text(head, style="cyan"))
        self._out.print(told(turn, reveal=self._reveal))
        self._changes_table(changes, most=CHANGES_SHOWN)

    def changes(self, changes: list[Difference], left: int, right: int) -> None:
        """What differs between two positions, all of it."""
        self.plain("diff", left=left, right=right, differences=self._plain_changes(changes))
        if not self._as_json:
            if not changes:
                self._out.print(f"nothing differs between {left} and {right}")
            self._changes_table(changes, most=None)

    def _plain_changes(self, changes: list[Difference]) -> list[object]:
        return [difference_to_plain(change, reveal=self._reveal) for change in changes]

    def _changes_table(self, changes: list[Difference], most: int | None) -> None:
        if not changes:
            return
        table = plain_table("changed", "before", "after")
        for change in changes[:most]:
            table.add_row(Text(change.path.replace("\\n", " ")), *sides(change, reveal=self._reveal))
        self._out.print(table)
        if most is not None and len(changes) > most:
            self._out.print(f"and {len(changes) - most} more: diff shows all")

    def state(self) -> None:
        """All states, as a tree."""
        timeline = self._debugger.timeline
        folded = timeline.fold_from(timeline.at(self._debugger.position))
        plain = state_to_plain(folded, reveal=self._reveal)
        plain.pop("position")
        self.plain("state", **plain)
        if not self._as_json:
            self._out.print(state_tree(folded, self._debugger.store.name, reveal=self._reveal))

    def value_at(self, path: str, value: object) -> None:
        """What stands at a path, as a tree."""
        self.plain("state", path=path, value=to_plain(value, reveal=self._reveal))
        if self._as_json:
            return
        tree = Tree(Text(path.replace("\\n", " "), style="bold"))
        grow(tree, value, reveal=self._reveal)
        if tree.children:
            self._out.print(tree)
        else:
            self._out.print(f"{path} = {summary(value, reveal=self._reveal, width=None)}".replace("\\n", " "))

    def causes(self, chain: Causes) -> None:
        """From the turn back to the outside."""
        outside = None if chain.outside is None else to_plain(chain.outside)
        turns = [turn_to_plain(turn, reveal=self._reveal) for turn in chain.turns]
        self.plain("why", turns=turns, outside=outside, lost=chain.lost)
        if self._as_json:
            return
        for number, turn in enumerate(chain.turns):
            lead = "turn" if number == 0 else "because of turn"
            self._out.print(Text(f"{lead} {turn.position} of {short_actor(turn.actor)}", style="cyan"))
            self._out.print(told(turn, reveal=self._reveal))
        if chain.outside is not None:
            self._out.print(f"because of {cause_text(chain.outside)}, from outside")
        else:
            self._out.print(
                f"because of turn {chain.lost}, which is not kept: history starts at {self._debugger.begin + 1}"
            )

    def blame(self, found: Blame) -> None:
        """The turn that last changed a path."""
        fields: dict[str, object] = {
            name: to_plain(value, reveal=self._reveal)
            for name, value in (("before", found.before), ("after", found.after))
            if value is not MISSING
        }
        turn = None if found.turn is None else turn_to_plain(found.turn, reveal=self._reveal)
        self.plain("blame", path=found.path, turn=turn, **fields)
        if self._as_json:
            return
        path = found.path.replace("\\n", " ")
        if found.turn is None:
            begin = (
                "the beginning" if self._debugger.begin == 0 else f"where history starts, at {self._debugger.begin + 1}"
            )
            self._out.print(f"{path} = {self._short(found.after)}, from {begin} on")
            return
        head = f"{path} was changed by turn {found.turn.position} of {short_actor(found.turn.actor)}"
        self._out.print(Text(head, style="cyan"))
        if found.before is MISSING or found.after is MISSING or not isinstance(found.after, msgspec.Struct):
            self._out.print(f"{self._short(found.before)} → {self._short(found.after)}")
        else:
            self._changes_table(list(differences(found.before, found.after, same=same)), most=CHANGES_SHOWN)
        self._out.print(told(found.turn, reveal=self._reveal))
        self._out.print(f"because of {cause_text(found.turn.cause)}")

    def turns(self, command: str, turns: Iterable[RecordedTurn], **fields: object) -> int:
        """Turns in a row, or what there is of them before an error; how many."""
        if self._as_json:
            listed = [turn_to_plain(turn, reveal=self._reveal) for turn in turns]
            self.plain(command, turns=listed, **fields)
            return len(listed)
        return TurnPrinter(self._debugger.last, reveal=self._reveal, to=self._out).print(turns)

    def values(self, expression: str, values: Iterator[tuple[int, object]]) -> int:
        """Values over time; how many."""
        count = 0
        while True:
            page: list[tuple[int, object]] = []
            try:
                page.extend(values if self._as_json else islice(values, VALUES_AT_ONCE))
            finally:  # where they break off by an error, those before it are shown
                if page and not self._as_json:
                    self._values_table(page, header=count == 0)
            count += len(page)
            if self._as_json:
                listed = [{"position": at, "value": to_plain(value, reveal=self._reveal)} for at, value in page]
                self.plain("eval", expression=expression, values=listed)
                return count
            if not page:
                return count

    def _values_table(self, page: list[tuple[int, object]], *, header: bool) -> None:
        table = plain_table("turn", "value", header=header)
        for position, value in page:
            table.add_row(str(position), Text(self._short(value)))
        self._out.print(table)

    def value(self, expression: str, values: list[object]) -> None:
        """What an expression gives here."""
        self.plain("print", expression=expression, values=[to_plain(value, reveal=self._reveal) for value in values])
        if not self._as_json:
            for value in values:
                self._out.print(self._short(value, width=None))
            if not values:
                self._out.print("(absent)")

    def count(self, expression: str, count: int) -> None:
        """A number of turns."""
        self.plain("eval", expression=expression, count=count)
        if not self._as_json:
            self._out.print(str(count))

    def decided_again(self, turn: RecordedTurn, differing: list[Difference] | None) -> None:
        """Whether a decision that was made again is the recorded one; None when it was broken off."""
        if differing is None:
            self._out.print("left before it had decided; nothing has changed")
        elif not differing:
            self._out.print(f"decided as turn {turn.position} was: {name_of(turn.message)}")
        else:
            self._out.print(f"decided otherwise than turn {turn.position} was:")
            table = plain_table("field", "recorded", "decided now")
            for difference in differing:
                table.add_row(Text(difference.path), *sides(difference, reveal=self._reveal))
            self._out.print(table)

    def _short(self, value: object, width: int | None = 200) -> str:
        return summary(value, reveal=self._reveal, width=width)
