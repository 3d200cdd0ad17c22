"""The life of a process inside the simulation: it begins, and it ends in order or by a crash.

What a process had in its hands when it crashed is dead: its ports raise :class:`Dead` at whatever still runs (``finally``
blocks, mostly), so that nothing of it touches the disk or the network of the one after it.
"""

from __future__ import annotations

from typing import Literal

CrashKind = Literal["kill", "power"]
"""``kill``: the process is gone, what the system had in its buffers is not. ``power``: what was not synced may be gone too."""


class Crash(BaseException):
    """The process ends here. Like trio's ``Cancelled``, no ``except Exception`` catches it."""

    def __init__(self, kind: CrashKind, at: str) -> None:
        super().__init__(f"{kind} at {at}")
        self.kind: CrashKind = kind
        self.at = at


class Dead(BaseException):
    """The process that this belonged to has crashed."""


class Life:
    """One process: ``number`` counts from 1."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.crash: Crash | None = None

    def end(self, crash: Crash) -> Crash:
        """It crashes: the error to raise. What unwinds meanwhile may put :class:`Dead` in its place."""
        self.alive = False
        self.crash = self.crash or crash
        return self.crash

    def check(self) -> None:
        """Raise :class:`Dead` when it has ended."""
        if not self.alive:
            raise Dead
