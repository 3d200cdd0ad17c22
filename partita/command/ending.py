"""How a command ends: each error is one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from typing import TYPE_CHECKING, Final

import typer

from partita.errors import NetError, PartitaError, UnobservedFailure, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

NO: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


class WrongUsage(UsageError):
    """The command line asks for what cannot be."""


def ending(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with every way that it can end made an exit status."""

    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            warnings.simplefilter("ignore", UnobservedFailure)  # whoever would have looked has been told to stop
            raise typer.Exit(INTERRUPTED) from None
        except UsageError as error:
            complain(line_of(error))
            raise typer.Exit(WRONG_USAGE) from None
        except PartitaError as error:
            complain(line_of(error))
            raise typer.Exit(NO) from None
        except OSError as error:
            what = f"{error.filename}: " if error.filename is not None else ""
            complain(f"{what}{error.strerror or error}")
            raise typer.Exit(NO) from None

    return run


def line_of(error: PartitaError) -> str:
    """An error in one line: what was wrong, and its detail where it has one."""
    text = str(error)
    if isinstance(error, NetError) and error.detail:
        text = f"{text} ({error.detail})"
    return " ".join(text.split())


def complain(text: str) -> None:
    """One line on stderr."""
    print(f"partita: {text}", file=sys.stderr)  # noqa: T201  # this is where it is done


def _forget_stdout() -> None:
    """Nobody reads on: what is buffered goes nowhere, and the interpreter's own flush at exit does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
