"""Where async callbacks run that have no loop of their own: begun in order, then beside each other.

On the callback thread an async function would hold up all that come after it, for ever when it never ends. So these have a
trio of their own, on a thread that the first of them starts; beside the callbacks of a simulation each is a task of that kernel.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Any

import trio

from partita.actors.kernel.delivery import Callback, Callbacks, CallbackThread, KernelCallbacks, run_into
from partita.actors.kernel.future import Future


class AsyncCallbacks:
    """A :class:`~partita.actors.kernel.delivery.Place`. It ends with the callbacks that it stands beside."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._work: deque[tuple[Future[Any], Callback, tuple[object, ...]]] = deque()
        self._lock = threading.Lock()
        self._bell: Future[None] = Future()
        self._begun = False
        self._stopped = False

    def alive(self) -> bool:
        """Always, until the system is closed."""
        return self._callbacks.alive() and not self._stopped

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        """Begin it after all that was handed over before. When the system is closed, the future is None."""
        future: Future[Any] = Future()
        self._work.append((future, function, arguments))
        if not self.alive():
            self._forget_the_rest()
        elif isinstance(self._callbacks, KernelCallbacks):
            self._callbacks.beside(self._run_next, "async callback")
        else:
            self._begin()
        return future

    def _begin(self) -> None:
        assert isinstance(self._callbacks, CallbackThread), "there are two places for callbacks"
        with self._lock:
            begun, self._begun = self._begun, True
        if not begun:
            self._callbacks.beside(self._live, self._stop, "async callbacks")
        self._bell.settle()
        if self._stopped:
            self._forget_the_rest()

    def _stop(self) -> None:
        self._stopped = True
        self._bell.settle()

    async def _live(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                while not self._stopped:
                    await self._bell
                    self._bell = Future()
                    for _ in range(len(self._work)):
                        nursery.start_soon(self._run_next)
                nursery.cancel_scope.cancel()
        finally:
            self._stopped = True
            self._forget_the_rest()

    async def _run_next(self) -> None:
        """What was handed over first, whichever task this is."""
        if self._work:
            with suppress(SystemExit, KeyboardInterrupt):  # the loop is not the callback's to end
                await run_into(*self._work.popleft())

    def _forget_the_rest(self) -> None:
        while self._work:
            with suppress(IndexError):  # another thread was quicker
                self._work.popleft()[0].set(None)
