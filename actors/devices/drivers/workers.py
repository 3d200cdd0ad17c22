"""Between the threads that the libraries block and trio's loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import trio

from partita.actors.kernel.future import Future

T = TypeVar("T")


class Bell:
    """Rung on any thread for whoever waits in the trio loop that made it. Look first, then wait: no ringing is missed."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake all who wait."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._wake, idempotent=True)

    async def wait(self) -> None:
        """Until it is rung the next time."""
        await self._rung.wait()

    def _wake(self) -> None:
        rung, self._rung = self._rung, trio.Event()
        rung.set()


class Worker(Generic[T]):
    """A thread with one piece of work, begun at once. ``work`` has to come to its end when it is told to, not here."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self.outcome: Future[T] = Future()
        self.outcome.when_done(self.outcome.failure)  # who gave up waiting is not told of it at the end
        self._work = work
        self._thread = threading.Thread(target=self._run, name=f"partita {name}", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Block until it has ended."""
        self._thread.join()

    async def ended(self) -> T:
        """Wait until there is no thread any more; what the work returned or raised. Cancelled, it leaves the thread alone."""
        try:
            return await self.outcome
        finally:
            if self.outcome.done:
                self._thread.join()  # it has nothing left to do

    def _run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is told to who waits
            self.outcome.set_exception(error)
        else:
            self.outcome.set(result)
