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
        self._changed = threading.Condition(threading.Lock())
        self._alive = 0
        self._closed = False

    def enter(self) -> None:
        """Count one more, as soon as the map is not being changed."""
        with self._changed:
            while self._closed:
                self._changed.wait()
            self._alive += 1

    def leave(self) -> None:
        """Count one less."""
        with self._changed:
            self._alive -= 1
            if self._closed and not self._alive:
                self._changed.notify_all()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """What touches the map without a transaction."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for the transactions alive to end, holding new ones back meanwhile."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._closed, TIMEOUT_S):
                raise StoreFailed("the map of the log is being changed and does not come back")
            self._closed = True
            ended = self._changed.wait_for(lambda: not self._alive, TIMEOUT_S)
        try:
            if not ended:
                raise StoreFailed(f"{self._alive} transactions keep the map of the log from being changed")
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
