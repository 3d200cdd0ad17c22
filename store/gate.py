"""Holding transactions back while the map under them is changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from partita.events.errors import StoreFailed

TIMEOUT_S: Final = 30.0
"""Transactions are short: one that lives as long as this is a defect, and better an error than standing still."""


class Gate:
    """Counts the transactions alive, and lets the map change only when there are none."""

    def __init__(self) -> None:
        # Taken itself, not by way of the condition, where a Ctrl-C would leave it taken. Pass.__del__ may come anywhere.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._alive: set[int] = set()
        self._closed = False

    def enter(self) -> Pass:
        """Count one more, as soon as the map is not being changed; until its pass is given back."""
        entered = Pass(self)
        with self._lock:
            while self._closed:
                self._changed.wait()
            self._alive.add(id(entered))
        return entered

    def leave(self, entered: Pass) -> None:
        """Count one less, if it is one."""
        with self._lock:
            self._alive.discard(id(entered))
            if self._closed and not self._alive:
                self._changed.notify_all()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """What touches the map without a transaction."""
        entered = self.enter()
        try:
            yield
        finally:
            entered.give_back()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for the transactions alive to end, holding new ones back meanwhile."""
        with self._lock:
            if not self._changed.wait_for(lambda: not self._closed, TIMEOUT_S):
                raise StoreFailed("the map of the log is being changed and does not come back")
            self._closed = True
            ended = self._changed.wait_for(lambda: not self._alive, TIMEOUT_S)
        try:
            if not ended:
                raise StoreFailed(f"{len(self._alive)} transactions keep the map of the log from being changed")
            yield
        finally:
            with self._lock:
                self._closed = False
                self._changed.notify_all()


class Pass:
    """Of one that entered. It counts as given back when nobody has it: a Ctrl-C comes between any two steps of whoever had it."""

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def give_back(self) -> None:
        """May be done twice."""
        self._gate.leave(self)

    __del__ = give_back
