"""A bell for one who waits: whoever has news rings, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from partita.actors.kernel.future import Future


class Bell:
    """One waits, any number ring. What is rung for between looking and waiting is not missed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Future[None] | None = None

    def ring(self) -> None:
        """Wake the one who waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set(None)

    def wait(self, is_news: Callable[[], bool]) -> Future[None]:
        """Done at the next ring, or at once when ``is_news`` says that there is something already."""
        waiting: Future[None] = Future()
        with self._lock:
            self._waiting = waiting
        if is_news():
            self.ring()
        return waiting
