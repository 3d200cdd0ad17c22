"""The ``partita`` command: a file a command. What they share is in ``options``, ``reading``, ``printing``, ``ending``.

Exit status: 0 fine; 1 the answer is no (a divergence, damage, a failed request or download); 2 wrong usage; 130 Ctrl-C.
``--json`` prints one JSON object; of the streams ``log show`` and ``log tail``, one object a line.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command that the process's arguments name, and end the process with its exit status."""
    try:
        from partita.command.app import app  # noqa: PLC0415  # the tour's child needs none of it
    except KeyboardInterrupt:  # while still loading
        raise SystemExit(130) from None
    app(prog_name="partita")
