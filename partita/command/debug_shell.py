"""The commands of the debugger: a table of them, and who runs a line."""

from __future__ import annotations

import gc
import shlex
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from partita.actors.replay.causes import same
from partita.actors.replay.debugger import Debugger
from partita.actors.replay.divergence import differences
from partita.actors.replay.naming import suggestion
from partita.actors.replay.paths import MISSING, Path, parse_path, resolved, value_in
from partita.actors.replay.query import Query
from partita.command.debug_pdb import run_inside
from partita.command.debug_views import View
from partita.command.ending import NO, WrongUsage

LISTED: Final = 10
SEARCH: Final = "when"


class Command(NamedTuple):
    """One command: how it is written, what it does, who does it."""

    usage: str
    help: str
    run: Callable[[Shell, str], None]
    aliases: tuple[str, ...] = ()
    is_step: bool = False


class Shell:
    """Runs the debugger's commands. ``log``: how the log was named, for commands that go on from here.

    ``status`` is the exit status so far: 1 once something asked for was not found.
    """

    def __init__(self, log: str, debugger: Debugger, view: View) -> None:
        self.log = log
        self.debugger = debugger
        self.view = view
        self.status = 0
        self.ended = False
        self._last_step = "step"

    def run(self, line: str) -> None:
        """One line: commands with ``;`` between them. An empty line takes the last step again.

        Raises :class:`PartitaError`; what was said before it is done, and the place stays.
        """
        for piece in split(line) or [self._last_step]:
            if self.ended:
                return
            name, _, argument = piece.partition(" ")
            command = COMMANDS.get(_FULL_NAMES.get(name, name))
            if command is None:
                raise WrongUsage(f"there is no command {name!r}{suggestion(name, _FULL_NAMES)}; help lists them")
            command.run(self, argument.strip())
            # What was charted is large and has no cycles: the collector need not walk it in the middle of a step.
            gc.freeze()
            if command.is_step:
                self._last_step = piece

    def _step(self, argument: str) -> None:
        if _is_search(argument):
            self._search(argument.removeprefix(SEARCH), backward=False)
            return
        moved = self.debugger.forward(_count(argument))
        if not moved:
            self._not_found(f"turn {self.debugger.last} is the last one")
        self.view.place("step", moved=moved > 0)

    def _back(self, argument: str) -> None:
        if _is_search(argument):
            self._search(argument.removeprefix(SEARCH), backward=True)
            return
        moved = self.debugger.back(_count(argument))
        if not moved:
            self._not_found(_beginning(self.debugger))
        self.view.place("back", moved=moved > 0)

    def _when(self, argument: str) -> None:
        self._search(argument, backward=False)

    def _search(self, expression: str, *, backward: bool) -> None:
        debugger = self.debugger
        query = Query(expression)
        here = debugger.position
        if not backward and here == debugger.last:
            debugger.jump(debugger.begin)
            self.view.note("from the beginning")
        found = False
        try:
            found = debugger.when(query, backward=backward)
        finally:
            if not found:
                debugger.jump(here)
        if not found:
            self._not_found(f"no turn {'before' if backward else 'after'} {here} for which this holds: {query.text}")
        if found or not self.view.is_text:
            self.view.place("back" if backward else "when", moved=found)

    def _not_found(self, text: str) -> None:
        self.status = NO
        self.view.note(text)

    def _jump(self, argument: str) -> None:
        debugger = self.debugger
        places = {"first": debugger.begin + 1, "last": debugger.last, "begin": debugger.begin}
        if argument in places:
            debugger.jump(min(places[argument], debugger.last))
        elif argument[:1] in ("+", "-"):
            debugger.jump(debugger.position + _number(argument))
        else:
            debugger.jump(_number(argument))
        self.view.place("jump")

    def _show(self, argument: str) -> None:
        if argument:
            here = self.debugger.position
            self.debugger.jump(_number(argument))
            try:
                self.view.place("show")
            finally:
                self.debugger.jump(here)
        else:
            self.view.place("show")

    def _list(self, argument: str) -> None:
        debugger = self.debugger
        around = _count(argument or str(LISTED)) // 2
        first, last = (
            max(debugger.position - around, debugger.begin + 1),
            min(debugger.position + around, debugger.last),
        )
        turns = debugger.store.turns(first, last) if first <= last else iter(())
        self.view.turns("list", turns)

    def _state(self, argument: str) -> None:
        if not argument:
            self.view.state()
            return
        images = self.debugger.timeline.at(self.debugger.position).images
        path = parse_path(self.debugger.path_from_here(argument), images)
        state = images[path.actor][0] if path.actor in images else MISSING
        steps = resolved(state, path.steps)
        if steps is None:
            self._not_found(f"nothing stands at {argument} at {self.debugger.position}")
            self.view.plain("state", path=argument)
            return
        self.view.value_at(str(Path(path.actor, steps)), value_in(state, steps))

    def _diff(self, argument: str) -> None:
        debugger = self.debugger
        positions = [_number(word) for word in argument.split()]
        if len(positions) > 2:  # noqa: PLR2004  # from one, to another
            raise WrongUsage("diff [N [M]]: what turn N changed, or what differs between N and M")
        if len(positions) == 2:  # noqa: PLR2004
            left, right = positions
        else:
            right = positions[0] if positions else debugger.position
            left = max(right - 1, debugger.begin)
        self.view.changes(debugger.between(left, right), left, right)

    def _why(self, argument: str) -> None:
        self.view.causes(self.debugger.why(_number(argument) if argument else None))

    def _blame(self, argument: str) -> None:
        if not argument:
            raise WrongUsage("blame PATH: session.preferences.user_agent, session.cookies['sid'], download/1a2b.phase")
        debugger = self.debugger
        self.view.blame(debugger.blame(argument))
        if debugger.position > debugger.begin:
            stretch = f"--from {debugger.begin + 1} --to {debugger.position}"
            log = f"{shlex.quote(self.log)} " if self.log else ""
            self.view.note(f"should it be otherwise? partita to-test {log}{stretch} --expect-fixed --assert EXPR")

    def _eval(self, argument: str) -> None:
        way, _, expression = argument.partition(" ")
        if way not in _WAYS or not expression.strip():
            query = Query(argument)
            self.view.values(query.text, self.debugger.values(query))
            return
        query = Query(expression)
        if way == "count":
            self.view.count(query.text, sum(1 for _ in self.debugger.holding(query)))
            return
        if way == "now":
            self.view.value(query.text, self.debugger.evaluate(query))
            return
        turns = self.debugger.holding(query)
        if way == "first":
            turns = iter([turn for turn, _ in zip(turns, (None,), strict=False)])
        elif way == "last":
            turns = iter(deque(turns, maxlen=1))
        if not self.view.turns("eval", turns, expression=query.text):
            self._not_found(f"no turn up to {self.debugger.position} for which this holds: {query.text}")

    def _print(self, argument: str) -> None:
        query = Query(argument)
        self.view.value(query.text, self.debugger.evaluate(query))

    def _pdb(self, argument: str) -> None:
        if not self.view.is_text:
            raise WrongUsage("pdb is a conversation: it has no --json")
        deciding = self.debugger.deciding(_number(argument) if argument else None)
        turn = deciding.turn
        if deciding.function is None:
            self.view.note("the kernel alone decides on this message: there is no decide function to be in")
            return
        self.view.note(f"inside the decide call of turn {turn.position}: state, message, ctx; c goes on, q leaves")
        sys.stdout.flush()
        try:
            ended, decision = run_inside(deciding.function, deciding.decide, sys.stdout)
        except Exception as error:  # noqa: BLE001  # whatever the rule raises is what one wants to see
            self.view.note(f"it raised {type(error).__name__}: {error}")
            return
        decided = ((), ()) if decision is None else (decision.events, decision.effects)
        differing = [
            *differences(turn.events, decided[0], "events", same=same),
            *differences(turn.effects, decided[1], "effects", same=same),
        ]
        self.view.decided_again(turn, differing if ended else None)

    def _help(self, argument: str) -> None:
        chosen = COMMANDS.get(_FULL_NAMES.get(argument, argument))
        if argument and chosen is None:
            raise WrongUsage(f"there is no command {argument!r}{suggestion(argument, _FULL_NAMES)}")
        for command in COMMANDS.values() if chosen is None else (chosen,):
            short = f" ({', '.join(command.aliases)})" if command.aliases else ""
            self.view.note(f"{command.usage + short:<34}  {command.help}")
        if chosen is None:
            self.view.note(QUERIES)

    def _quit(self, argument: str) -> None:  # noqa: ARG002  # the shape of every command
        self.ended = True

    COMMANDS: Final = {
        "step": Command("step [N]", "go on by N turns", _step, ("s", "n", "next", "forward"), is_step=True),
        "back": Command(
            "back [N] | back when EXPR", "go back by N turns, or to where EXPR held", _back, ("b",), is_step=True
        ),
        "when": Command("when EXPR", "go on to the next turn for which EXPR holds", _when, ("w",), is_step=True),
        "jump": Command("jump N | +N | -N | first | last", "go to a position", _jump, ("j",)),
        "show": Command("show [N]", "the turn, and what it changed", _show),
        "list": Command("list [N]", "the N turns around here", _list, ("l",)),
        "state": Command("state [PATH]", "the states as a tree, or what stands at PATH", _state),
        "diff": Command("diff [N [M]]", "what turn N changed, or what differs between N and M", _diff),
        "why": Command("why [N]", "the chain of causes, back to the outside", _why),
        "blame": Command("blame PATH", "the turn up to here that last changed PATH", _blame),
        "eval": Command(
            "eval [list|first|last|count|now] EXPR", "EXPR over all turns up to here: its values, or the turns", _eval
        ),
        "print": Command("print EXPR", "EXPR here", _print, ("p",)),
        "pdb": Command("pdb [N]", "into the decide call of the turn", _pdb),
        "help": Command("help [COMMAND]", "this", _help, ("h", "?")),
        "quit": Command("quit", "leave", _quit, ("q", "exit")),
    }


COMMANDS: Final = Shell.COMMANDS
_FULL_NAMES: Final = {name: full for full, command in COMMANDS.items() for name in (full, *command.aliases)}
_WAYS: Final = ("list", "first", "last", "count", "now")
QUERIES: Final = (
    "EXPR is a Python expression over position, time, actor, cause, message, event, effect, turn, state, session,\n"
    'actors[NAME], and the fields of events by name: event is CookieStored and cookie.name == "sid".\n'
    "PATH is one like session.cookies['sid'].value, download/1a2b.phase or state.phase (of the turn's own actor).\n"
    "; separates commands, an empty line repeats a step."
)


def split(line: str) -> list[str]:
    """The commands of a line; a ``;`` within quotes divides nothing."""
    pieces, quote, begin = [], "", 0
    escaped = False
    for index, sign in enumerate(line):
        if escaped:
            escaped = False
        elif quote and sign == "\\":
            escaped = True
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == ";":
            pieces.append(line[begin:index])
            begin = index + 1
    return [piece.strip() for piece in (*pieces, line[begin:]) if piece.strip()]


def _is_search(argument: str) -> bool:
    return argument.split(" ", 1)[0] == SEARCH


def _beginning(debugger: Debugger) -> str:
    return "this is before the first turn" if debugger.begin == 0 else f"history starts here: at {debugger.begin + 1}"


def _count(argument: str) -> int:
    count = _number(argument) if argument else 1
    if count < 1:
        raise WrongUsage(f"{count} is no number of turns: it is counted from 1")
    return count


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no position: a whole number is wanted") from None
