"""What the program's own code has raised: as a log can hold it, and as the program is told of it."""

from __future__ import annotations

import threading
from typing import Final

LONGEST: Final = 1000
"""How much is kept of what a handler raised, in characters."""


def failure_of(error: BaseException) -> str:
    """What was raised, as the log can hold it."""
    return writable(f"{type(error).__name__}: {error}"[:LONGEST])


def writable(text: str) -> str:
    """A text as the log can hold it: what UTF-8 has no bytes for (a lone surrogate) is written as its number."""
    return text.encode("utf-8", "backslashreplace").decode()


def report(error: BaseException) -> None:
    """Tell of it as of what ends a thread; whoever calls this goes on."""
    thread = threading.current_thread()
    threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))
