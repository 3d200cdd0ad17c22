"""A bell for those who wait: whoever has news rings, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from partita.actors.kernel.future import Future


class Bell:
    """Any number wait, any number ring. What is rung for between looking and waiting is not missed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Future[None] | None = None

    def ring(self) -> None:
        """Wake those who wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set(None)

    def wait(self, is_news: Callable[[], bool]) -> Future[None]:
        """Done at the next ring, or at once when ``is_news`` says that there is something already."""
        with self._lock:
            if self._waiting is None:
                self._waiting = Future()
            waiting = self._waiting
        if is_news():
            self.ring()
        return waiting


def guard() -> threading.Lock:
    """A lock for a reader that several threads may share."""
    return threading.Lock()
