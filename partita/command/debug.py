"""``partita debug``: move about in a log, and ask it questions."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated

import typer

from partita.actors.replay.debugger import Debugger
from partita.actors.replay.naming import STATE_NAMES, TURN_NAMES, attributes, types_by_name
from partita.actors.session.behavior import BEHAVIORS
from partita.command.debug_shell import COMMANDS, Shell
from partita.command.debug_views import View
from partita.command.ending import complain, line_of
from partita.command.options import AsJsonLines, DataDir, Partition, Reveal, Through
from partita.command.printing import counted
from partita.command.reading import reading
from partita.errors import PartitaError


def debug(
    partition: Partition = "",
    *,
    commands: Annotated[
        list[str] | None,
        typer.Option(
            "-c", "--command", metavar="COMMANDS", help="Run these, ; between them, and end.", show_default=False
        ),
    ] = None,
    through: Through = None,
    reveal: Reveal = False,
    as_json: AsJsonLines = False,
    data_dir: DataDir = None,
) -> None:
    """Step through a log, forward and back.

    Begins at the last turn. Commands come from -c, else from standard input; help lists them. Exit status 1 when something
    asked for was not found, 2 when a command was wrong.
    """
    with reading(partition, data_dir, through=through) as store:
        debugger = Debugger(store, BEHAVIORS)
        shell = Shell(partition, debugger, View(debugger, as_json=as_json, reveal=reveal))
        if commands:
            for line in commands:
                shell.run(line)
        elif sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
            _converse(shell)
            return
        else:
            while not shell.ended and (line := sys.stdin.readline()):
                if line.strip() and not line.lstrip().startswith("#"):
                    shell.run(line)
        if shell.status:
            raise typer.Exit(shell.status)


def _converse(shell: Shell) -> None:
    """Prompt after prompt. What goes wrong is said, and one stays where one was."""
    _complete_words()
    debugger = shell.debugger
    shell.view.note(f"{counted(debugger.last - debugger.begin, 'turn')}; help lists the commands, Ctrl-D leaves")
    while not shell.ended:
        try:
            shell.run(input(shell.view.prompt()))
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
        except PartitaError as error:
            complain(line_of(error))


def _complete_words() -> None:
    """History and completion, where the system has readline. The history is not kept: it may hold secrets."""
    with suppress(ImportError):
        import readline  # noqa: PLC0415  # not on every system

        words = sorted({*COMMANDS, *TURN_NAMES, *STATE_NAMES, *types_by_name(), *attributes()})

        def complete(text: str, number: int) -> str | None:
            head, dot, tail = text.rpartition(".")
            names = [word for word in words if word.startswith(text)]
            if dot and not names:
                names = [f"{head}.{word}" for word in words if word.startswith(tail)]
            return names[number] if number < len(names) else None

        readline.set_completer(complete)
        readline.set_completer_delims(" \t\n;()[]<>=!,'\"")
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
