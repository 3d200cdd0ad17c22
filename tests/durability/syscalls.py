"""What a child asks of the system, by strace: which calls, in which order, and with which failures put in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest


def _works(strace: str) -> bool:
    """It may be there and not be allowed to trace."""
    try:
        return subprocess.run([strace, "-qq", "-o", "/dev/null", "true"], timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


STRACE: Final = shutil.which("strace") or ""
needs_strace = pytest.mark.skipif(not STRACE or not _works(STRACE), reason="strace is not here, or may not trace")


def tracing(report: Path, calls: str, text_bytes: int = 64) -> list[str]:
    """A wrapper that reports these calls of a child and its threads, with the names of files, and so much of a text."""
    return [STRACE, "-f", "-y", "-qq", "-s", str(text_bytes), "-e", f"trace={calls}", "-o", str(report)]


def killing_at(call: str, number: int) -> list[str]:
    """Options: SIGKILL as a thread makes this call for the ``number``-th time."""
    return ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"]


def failing(call: str, error: str, when: str) -> list[str]:
    """Options: the call is not made and gives this error. ``when`` counts in each thread: ``3``, ``3+``."""
    return ["-e", f"inject={call}:error={error}:when={when}"]


@dataclass(frozen=True)
class Syscall:
    """One call. ``began`` and ``ended`` are places in the order of all that was seen of all threads."""

    thread: int
    name: str
    arguments: str
    result: str
    began: int
    ended: int

    @property
    def failed(self) -> bool:
        return self.result.startswith("-1")


_WHOLE: Final = re.compile(r"(\d+)\s+(\w+)\((.*)\)\s+= (.*)")
_BEGUN: Final = re.compile(r"(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>")
_RESUMED: Final = re.compile(r"(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s+= (.*)")


def read(report: Path) -> list[Syscall]:
    """The calls of a report, in the order of their ends."""
    return list(_read(report.read_text(errors="replace")))


def _read(text: str) -> Iterator[Syscall]:
    begun: dict[str, tuple[int, str]] = {}
    for at, line in enumerate(text.splitlines()):
        if match := _BEGUN.match(line):
            begun[match[1]] = (at, match[3])
        elif match := _RESUMED.match(line):
            began, arguments = begun.pop(match[1], (at, ""))
            yield Syscall(int(match[1]), match[2], arguments + match[3], match[4], began, at)
        elif match := _WHOLE.match(line):
            yield Syscall(int(match[1]), match[2], match[3], match[4], at, at)
