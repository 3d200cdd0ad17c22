"""The ``partita`` command: a file a command. What they share is in ``options``, ``reading``, ``printing``, ``ending``.

Exit status: 0 fine; 1 the answer is no (a divergence, damage, a failed request or download); 2 wrong usage; 130 Ctrl-C.
``--json`` prints one JSON object; of the streams ``log show`` and ``log tail``, one object a line.
"""

from __future__ import annotations

import gc
import io
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the process's arguments name, and end the process with its exit status."""
    _open_standard_streams()
    gc.disable()  # of what loading makes, nothing is garbage
    try:
        from partita.command.app import app  # noqa: PLC0415  # the tour's child needs none of it
    except KeyboardInterrupt:  # while still loading
        raise SystemExit(130) from None
    gc.freeze()
    gc.enable()
    app(prog_name="partita")


def _open_standard_streams() -> None:
    """Those that are closed lead nowhere; else the next file that is opened would get their numbers.

    Names that the standard output has no letters for are written with escapes.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number, inheritable=True)
            os.close(nowhere)
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # it has no path
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
