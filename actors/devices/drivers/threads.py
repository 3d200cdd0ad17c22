"""Threads for libraries that block, and their ends in trio's loop.

A :class:`Worker` does jobs, one behind another, for whoever awaits them. A :class:`Producer` calls one function again and again
and keeps what comes of it. A :class:`BackgroundCall` makes one call, a :class:`Bell` is rung for who waits in the loop. All but
the call belong to the trio run in which they were made. No job blocks for much longer than :data:`SLICE_S`, so that a thread can
be told to end, and its end be waited for.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import outcome
import trio

from partita.actors.kernel.future import Future
from partita.events.errors import DeviceError

T = TypeVar("T")

SLICE_S: Final = 0.1
"""A call that waits for a device waits for so long at most; then its thread looks whether it shall end."""


class Worker:
    """One thread, in which blocking calls of a library are made in the order in which they were asked for."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = AwaitedThread(name, self._work)
        self._closed = False

    async def run(self, work: Callable[[], T], timeout_s: float | None = None) -> T:
        """What ``work()`` returns or raises, in the thread.

        Raises ``DeviceError``: ``gone`` when it has been closed, ``timeout`` after so many seconds (None: no limit).
        Then, and when the task is cancelled, a job that has not begun is not done, and what comes of another is dropped.
        """
        if self._closed:
            raise DeviceError("gone", "the device has been closed")
        results: list[T] = []
        job = _Job(lambda: results.append(work()))
        self._jobs.put(job)
        with trio.move_on_after(math.inf if timeout_s is None else timeout_s):
            await job.wait()
            return results[0]
        raise DeviceError("timeout", f"it was not done within {timeout_s} s")

    async def close(self) -> None:
        """Do what was asked for, and end the thread. May be called twice; it is closed also by a task that is cancelled."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await self._thread.ended()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()


async def in_a_thread(name: str, work: Callable[[], T]) -> T:
    """What ``work()`` returns or raises, in a thread of that name, which has ended then; also when the task is cancelled."""
    worker = Worker(name)
    try:
        return await worker.run(work)
    finally:
        await worker.close()


class Producer(Generic[T]):
    """One thread that calls ``produce`` again and again, until it raises or is closed.

    ``produce``: gives an item, or None when there is none yet; blocks for :data:`SLICE_S` at most, or until ``wake`` is called.
    ``finish``: is called in the thread when it ends. ``most``: so many items are kept; while there are as many it is not called.
    """

    def __init__(
        self,
        name: str,
        produce: Callable[[], T | None],
        *,
        most: int,
        wake: Callable[[], None] = lambda: None,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self._produce = produce
        self._wake = wake
        self._finish = finish
        self._items: deque[T] = deque()
        self._room = threading.Semaphore(most)
        self._stopping = False
        self._error: DeviceError | None = None
        self._waiting = trio.lowlevel.ParkingLot()
        self._loop = trio.lowlevel.current_trio_token()
        self._thread = AwaitedThread(name, self._work, self._tell)

    async def next(self) -> T:
        """The next item, in order. Raises the ``DeviceError`` that ended it, or ``gone`` when it has been closed."""
        await trio.lowlevel.checkpoint()
        while not self._items:
            if self._error is not None:
                raise DeviceError(self._error.failure, str(self._error))
            if self._stopping or self._thread.has_ended:
                raise DeviceError("gone", "it has been closed")
            await self._waiting.park()
        if self._stopping:
            raise DeviceError("gone", "it has been closed")
        item = self._items.popleft()
        self._room.release()
        return item

    @property
    def error(self) -> DeviceError | None:
        """What ended it, if anything did."""
        return self._error

    async def close(self) -> None:
        """End the thread; who waits for an item is told. May be called twice; it is done also by a task that is cancelled."""
        self._stopping = True
        self._tell()
        self._room.release()
        self._wake()
        await self._thread.ended()

    def _tell(self) -> None:
        self._waiting.unpark_all()

    def _work(self) -> None:
        try:
            while True:
                self._room.acquire()
                item = None
                while item is None:
                    if self._stopping:
                        return
                    item = self._produce()
                self._items.append(item)
                soon(self._loop, self._tell)
        except DeviceError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  # whatever a library raises ends what depends on it, not the process
            self._error = DeviceError("failed", f"{type(error).__name__}: {error}")
        finally:
            self._finish()


class BackgroundCall(Generic[T]):
    """One call in a thread of its own, begun at once; ``outcome`` is what comes of it. It is told to end elsewhere, not here."""

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


class Bell:
    """Rung on any thread for whoever waits in the trio loop that made it. Look first, then wait: no ringing is missed."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake all who wait."""
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._wake, idempotent=True)

    async def wait(self) -> None:
        """Until it is rung the next time."""
        await self._rung.wait()

    def _wake(self) -> None:
        rung, self._rung = self._rung, trio.Event()
        rung.set()


class _Job:
    """Something to be done in a thread, and the task that waits for it."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._task = trio.lowlevel.current_task()
        self._loop = trio.lowlevel.current_trio_token()
        self._abandoned = False

    async def wait(self) -> None:
        await trio.lowlevel.wait_task_rescheduled(self._abandon)

    def _abandon(self, _: object) -> trio.lowlevel.Abort:
        self._abandoned = True
        return trio.lowlevel.Abort.SUCCEEDED

    def do(self) -> None:
        if not self._abandoned:
            soon(self._loop, self._done, outcome.capture(self._work))

    def _done(self, result: outcome.Outcome[None]) -> None:
        if not self._abandoned:
            trio.lowlevel.reschedule(self._task, result)


class AwaitedThread:
    """A thread, begun at once, whose end can be awaited. ``then`` is called in the loop when it has ended."""

    def __init__(self, name: str, work: Callable[[], None], then: Callable[[], None] = lambda: None) -> None:
        self._work = work
        self._then = then
        self._loop = trio.lowlevel.current_trio_token()
        self._end = trio.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        return self._end.is_set()

    async def ended(self) -> None:
        """Wait until it has, and join it; also in a task that is cancelled."""
        with trio.CancelScope(shield=True):
            await self._end.wait()
        self._thread.join()  # it has nothing left to do

    def _run(self) -> None:
        try:
            self._work()
        finally:
            soon(self._loop, self._tell)

    def _tell(self) -> None:
        self._end.set()
        self._then()


def soon(loop: trio.lowlevel.TrioToken, call: Callable[..., object], *arguments: object) -> None:
    """Have ``call(*arguments)`` be called in the loop; from any thread. Nothing happens when the loop has ended."""
    with contextlib.suppress(trio.RunFinishedError):  # nobody waits any more
        loop.run_sync_soon(call, *arguments)
