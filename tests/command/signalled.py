"""Run the command, with a signal at one call of one function.

``python signalled.py SIGINT mailbox.py:put_internal:3 download URL``: as the third call of it begins on the main thread.
A function's beginning is one of the places where CPython looks for signals: a thread that waits there for its turn hears them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import PurePath
from types import FrameType

from partita.command import main


def signal_at(number: int, file: str, function: str, call: int) -> None:
    """Send it to this process then; once."""
    left = call

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        code = frame.f_code
        if event == "call" and code.co_name == function and PurePath(code.co_filename).name == file:
            left -= 1
            if not left:
                sys.setprofile(None)
                os.kill(os.getpid(), number)

    assert threading.current_thread() is threading.main_thread()
    sys.setprofile(look)


if __name__ == "__main__":
    name, where = sys.argv[1:3]
    del sys.argv[1:3]
    file, function, call = where.split(":")
    signal_at(getattr(signal, name), file, function, int(call))
    main()
