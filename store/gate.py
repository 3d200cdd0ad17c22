"""Holding transactions back while the map under them is changed.

A Ctrl-C comes between any two steps of whoever began a transaction, also between the last one and the next. Locks are therefore
taken themselves, and not by way of a condition, in whose Python code one could be left taken; and a transaction that nobody has
any more is none: its pass is held weakly, and looked at by whoever waits.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from partita.events.errors import StoreFailed

TIMEOUT_S: Final = 30.0
"""Transactions are short: one that lives as long as this is a defect, and better an error than standing still."""

LOOK_AGAIN_S: Final = 0.05
"""Who waits looks this often whether somebody has been forgotten."""


class Pass:
    """Of one that entered, as long as somebody has it and has not given it back."""

    __slots__ = ("__weakref__", "_gate")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def give_back(self) -> None:
        """May be done twice."""
        self._gate.leave(self)


class Gate:
    """Counts the transactions alive, and lets the map change only when there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._alive: dict[int, weakref.ref[Pass]] = {}
        self._closed = False

    def enter(self) -> Pass:
        """Count one more, as soon as the map is not being changed; until its pass is given back, or forgotten."""
        entered = Pass(self)
        try:
            with self._lock:
                while self._closed:
                    self._changed.wait()
                self._alive[id(entered)] = weakref.ref(entered)
        except BaseException:
            self.leave(entered)
            raise
        return entered

    def leave(self, entered: Pass) -> None:
        """Count one less, if it is one."""
        with self._lock:
            self._alive.pop(id(entered), None)
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
            if not self._wait_for(lambda: not self._closed):
                raise StoreFailed("the map of the log is being changed and does not come back")
            self._closed = True
            ended = self._wait_for(self._is_empty)
        try:
            if not ended:
                raise StoreFailed(f"{len(self._alive)} transactions keep the map of the log from being changed")
            yield
        finally:
            with self._lock:
                self._closed = False
                self._changed.notify_all()

    def _is_empty(self) -> bool:
        return all(entered() is None for entered in self._alive.values())

    def _wait_for(self, reached: Callable[[], bool]) -> bool:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not reached():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            self._changed.wait(min(left_s, LOOK_AGAIN_S))
        return True
