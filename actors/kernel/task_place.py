"""A place of its own for one conversation: all that is run there runs in one task, one after another.

A function that answers piece by piece needs it: its loop's cancel scopes, and what it has opened under them, belong to one
task. The task lives in the loop of the place beside which it was begun, which has to be one where things run beside each
other: a loop, or :class:`~partita.actors.kernel.async_callbacks.AsyncCallbacks`; in a simulation it is a task of the kernel.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import trio

from partita.actors.kernel import threads
from partita.actors.kernel.delivery import Callback, KernelCallbacks, Place, run_into
from partita.actors.kernel.future import Future


class TaskPlace:
    """A :class:`~partita.actors.kernel.delivery.Place`. It is there until :meth:`end` or :meth:`stop`."""

    def __init__(self, beside: Place, name: str) -> None:
        self._work: deque[tuple[Future[Any], Callback, tuple[object, ...]]] = deque()
        self._bell: Future[None] = Future()
        self._over = False
        self._stopped = False
        self._cancel: Callable[[], object] | None = None
        if isinstance(beside, KernelCallbacks):
            self._cancel = beside.beside(self._live, name)
        else:
            lived = beside.run(self._live)
            lived.when_done(lambda: self._ended(lived))

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        """Run it after all that was handed over before. When this place is no more, the future fails."""
        future: Future[Any] = Future()
        self._work.append((future, function, arguments))
        self._bell.settle()
        if self._over:
            self._refuse_the_rest()
        return future

    def alive(self) -> bool:
        """Whether what is handed over will be run."""
        return not self._over

    def end(self) -> None:
        """Run what was handed over, and no more. From any thread."""
        self._over = True
        self._bell.settle()

    def stop(self) -> None:
        """Cancel what runs, and run nothing more. From any thread, and as often as one likes."""
        self._over = True
        self._stopped = True
        self._bell.settle()
        if self._cancel is not None:
            self._cancel()

    async def _live(self) -> None:
        try:
            with self._cancellable():
                while not self._stopped:
                    while self._work and not self._stopped:
                        await run_into(*self._work.popleft())
                    if self._over:
                        return
                    await self._bell
                    self._bell = Future()
        finally:
            self._over = True
            self._refuse_the_rest()

    def _ended(self, lived: Future[Any]) -> None:
        """It may never have begun: its loop was over."""
        lived.failure()
        self._over = True
        self._refuse_the_rest()

    def _cancellable(self) -> AbstractContextManager[object]:
        kernel = threads.kernel_of_this_thread()
        if kernel is not None and kernel.task_wait() is not None:
            return nullcontext()  # a simulation's task is cancelled by its kernel
        if trio.lowlevel.in_trio_task():
            scope, token = trio.CancelScope(), trio.lowlevel.current_trio_token()

            def cancel_scope() -> None:
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(scope.cancel)

            self._cancel = cancel_scope
            return scope
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "a loop runs nothing but tasks"

        def cancel_task() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(task.cancel)

        self._cancel = cancel_task
        return nullcontext()

    def _refuse_the_rest(self) -> None:
        while self._work:
            with suppress(IndexError):  # another thread was quicker
                self._work.popleft()[0].set_exception(RuntimeError("the task that it was to run in has ended"))
