"""How a command ends: each error is one line on stderr and an exit status, never a traceback."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import typer

from partita.errors import NetError, PartitaError, UnobservedFailure, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NO: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
STDOUT: Final = "the standard output could not be written"


class WrongUsage(UsageError):
    """The command line asks for what cannot be."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: as Ctrl-C, but nobody sits there."""


class Signals:
    """Ctrl-C, SIGTERM and SIGHUP, raised where they do no harm.

    A signal raises between any two steps, also between those of taking a lock that another thread waits for then for ever. So
    the first one is kept until :meth:`check`, or the end of a wait in :meth:`raising`. The second one raises wherever it comes.
    """

    def __init__(self) -> None:
        self._came: KeyboardInterrupt | None = None
        self._raises = False

    def come(self, number: int, _: object = None) -> None:
        """The handler of these signals."""
        raises = self._raises or self._came is not None
        self._came = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
        if raises:
            raise self._came

    def check(self) -> None:
        """Raise the one that has come."""
        if self._came is not None:
            raise self._came

    @contextmanager
    def raising(self) -> Iterator[None]:
        """In here, the first one raises at once too: where the command only waits, or only reads."""
        self._raises = True
        try:
            self.check()
            yield
        finally:
            self._raises = False


@contextmanager
def heeding_signals() -> Iterator[Signals]:
    """:class:`Signals` hears them, so that everything is closed in good order; one that is ignored (nohup) stays so."""
    signals = Signals()
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():  # no other one hears them
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and (handler := signal.getsignal(number)) not in (None, signal.SIG_IGN):
                    before[number] = handler
                    signal.signal(number, signals.come)
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with every way that it can end made an exit status."""

    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> None:
        try:
            command(*arguments, **options)
            with writing_stdout():
                sys.stdout.flush()
        except BrokenPipeError:
            _forget(sys.stdout)
            raise typer.Exit(0) from None
        except KeyboardInterrupt as stop:
            warnings.simplefilter("ignore", UnobservedFailure)  # whoever would have looked has been told to stop
            raise typer.Exit(NO if isinstance(stop, Terminated) else INTERRUPTED) from None
        except UsageError as error:
            complain(line_of(error))
            raise typer.Exit(WRONG_USAGE) from None
        except PartitaError as error:
            complain(line_of(error))
            raise typer.Exit(NO) from None
        except OSError as error:
            if error.filename == STDOUT:
                _forget(sys.stdout)
            what = f"{error.filename}: " if error.filename is not None else ""
            complain(f"{what}{error.strerror or error}")
            raise typer.Exit(NO) from None

    return run


@contextmanager
def writing_stdout() -> Iterator[None]:
    """An error of the standard output says so, in the place of a file's name."""
    try:
        yield
    except OSError as error:
        error.filename = STDOUT
        raise


def line_of(error: PartitaError) -> str:
    """An error in one line: what was wrong, and its detail where it has one."""
    text = str(error)
    if isinstance(error, NetError) and error.detail:
        text = f"{text} ({error.detail})"
    return " ".join(text.split())


def complain(text: str) -> None:
    """One line on stderr; where that cannot be written, nobody is told."""
    try:
        print(f"partita: {text}", file=sys.stderr)  # noqa: T201  # this is where it is done
    except OSError:
        _forget(sys.stderr)


def _forget(stream: TextIO) -> None:
    """Nobody reads on: what is buffered goes nowhere, and the interpreter's own flush at exit does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
