"""Processes that a test starts, talks to over pipes, and ends, whatever happens.

A child writes whole lines, each in one system call (:func:`say`), so that what it said before it was killed is there to the
last line. Every wait has a bound: a child that hangs fails its test.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import partita

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60.0


def environment() -> dict[str, str]:
    """A child finds partita and the tests where this process found them."""
    folders = [str(Path(partita.__file__).parents[1]), str(HERE.parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def say(*words: object) -> None:
    """In a child: a line to the parent."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def heard() -> str:
    """In a child: the next line from the parent; empty at the end."""
    return sys.stdin.readline().strip()


class Child:
    """``with Child("writing.py", folder) as child: child.line()``. Killed at the end of the block if it is still there.

    ``wrapper``: a command that the interpreter is started by (strace, unshare).
    """

    def __init__(self, script: str, *arguments: object, wrapper: Sequence[str] = ()) -> None:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*wrapper, sys.executable, str(HERE / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(),
            start_new_session=True,
        )
        self._lines: deque[str] = deque()
        self._half = b""
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def errors(self) -> str:
        """What it has written to its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def tell(self, *words: object) -> None:
        """A line for it."""
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self._process.stdin.flush()

    def line(self, patience_s: float = PATIENCE_S) -> str:
        """Its next line. Fails when it says none."""
        self._read_until(lambda: bool(self._lines), patience_s)
        assert self._lines, f"the child has ended ({self._process.wait(patience_s)}):\n{self.errors}"
        return self._lines.popleft()

    def rest(self, patience_s: float = PATIENCE_S) -> list[str]:
        """All that it says until it has ended."""
        self._read_until(lambda: self._ended, patience_s)
        self._process.wait(patience_s)
        rest = list(self._lines)
        self._lines.clear()
        return rest

    def finish(self, patience_s: float = PATIENCE_S) -> list[str]:
        """The same for one that is to end well."""
        rest = self.rest(patience_s)
        assert self._process.returncode == 0, f"the child has ended with {self._process.returncode}:\n{self.errors}"
        return rest

    def kill(self) -> None:
        """SIGKILL for it and whatever it has started, if it is still there."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)

    @property
    def killed(self) -> bool:
        """Whether SIGKILL was its end."""
        return self._process.returncode == -signal.SIGKILL

    def _read_until(self, enough: Callable[[], bool], patience_s: float) -> None:
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        deadline = time.monotonic() + patience_s
        while not enough() and not self._ended:
            ready, _, _ = select.select([out], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the child has said nothing for {patience_s} s:\n{self.errors}"
            data = os.read(out, 1 << 16)
            self._ended = not data
            *whole, self._half = (self._half + data).split(b"\n")
            self._lines.extend(line.decode() for line in whole)
        assert not self._ended or not self._half, f"half a line: {self._half!r}"
