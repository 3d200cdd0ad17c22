"""Into the decide call of a recorded turn, with Python's own debugger."""

from __future__ import annotations

import bdb
import pdb  # noqa: T100  # it is what the user asked for
import sys
from collections.abc import Callable
from contextlib import suppress
from types import CodeType, FrameType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from partita.actors.kernel.behavior import Decision


class InsideDecide(pdb.Pdb):
    """Runs a call, and stops first where one function begins, however deep below the call it is."""

    def __init__(self, code: CodeType, stdin: TextIO | None, stdout: TextIO | None) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.prompt = "(pdb) "
        self._code = code
        self._inside = False

    def stop_here(self, frame: FrameType) -> bool:
        """Not before the function is reached; from there on as ever."""
        if not self._inside and frame.f_code is self._code:
            self._inside = True
        return self._inside and super().stop_here(frame)

    def user_call(self, frame: FrameType, argument_list: None) -> None:
        """The call itself is no place to look at: its first line is."""
        if frame.f_code is not self._code:
            super().user_call(frame, argument_list)


def run_inside(
    function: Callable[..., object], call: Callable[[], Decision | None], out: TextIO
) -> tuple[bool, Decision | None]:
    """Make the call under pdb, stopped at the beginning of ``function``; whether it came to its end, and what it gave.

    In a terminal, pdb has its own; else it reads from standard input, to the end of which it is as if one quit.
    """
    code: CodeType = function.__code__
    made: list[Decision | None] = []
    terminal = sys.stdin.isatty() and out.isatty()
    debugger = InsideDecide(code, None if terminal else sys.stdin, None if terminal else out)
    with suppress(bdb.BdbQuit):
        debugger.runcall(lambda: made.append(call()))
    return (True, made[0]) if made else (False, None)
