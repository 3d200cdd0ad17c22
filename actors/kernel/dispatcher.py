"""The live kernel: all actors of a system take their turns on one trio thread.

A thread or a task for each actor would cost 22 KB an actor and forty times the hops; a deque of those that have messages
costs a kilobyte and a pop. Effects run beside the turns as trio tasks of the same thread; commits run on a thread of their
own for each partition.

``ready`` is shared with every thread that sends a message. The dispatcher parks when it is empty; ``parked`` is set before
it looks a last time, and read by a sender after it has appended: one of the two always sees the other.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import trio

from partita.actors.kernel import threads
from partita.actors.kernel.delivery import CallbackThread
from partita.actors.kernel.prompt import first_step, rest_of
from partita.actors.kernel.raised import report
from partita.events.errors import SystemClosed, WouldDeadlock

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.delivery import Callbacks
    from partita.actors.kernel.future import Future, Waiter
    from partita.store.committer import Committer

QUANTUM: Final = 64
"""Turns that one actor takes before the next one has its chance."""

BUDGET: Final = 512
"""Turns between two looks at the event loop."""

CAUGHT_UP: Final = 4_096
"""Turns not yet durable at which a congested dispatcher goes on."""


MOST_IDLE: Final = 64
"""Tasks that are kept for effects to come."""

WAITING: Final = "waiting for an effect"
"""What those are called meanwhile."""


class _Carried:
    """An effect under way, in a task."""

    __slots__ = ("_in",)

    def __init__(self, task: _CarrierTask) -> None:
        self._in = task

    def stop(self) -> None:
        """Cancel it. Nothing happens when it has ended, whatever its task is at by now."""
        if self._in.carried is self:
            self._in.scope.cancel()


class _CarrierTask:
    """A trio task that carries out one effect after another, as if each had a task and a cancel scope of its own.

    To begin and end both costs as much as a small effect does. One that was cancelled is not used again.
    """

    __slots__ = ("_idle", "_task", "_work", "carried", "scope")

    def __init__(self, idle: list[_CarrierTask]) -> None:
        self.scope = trio.CancelScope()
        self.carried: _Carried | None = None
        self._work: Callable[[], Coroutine[object, object, None]] | None = None
        self._task: trio.lowlevel.Task | None = None
        self._idle = idle

    def take(self, work: Callable[[], Coroutine[object, object, None]]) -> _Carried:
        """What it has to do next."""
        self._work = work
        carried = self.carried = _Carried(self)
        return carried

    def go_on(self, name: str) -> None:
        """Begin with it. The task is idle, and looks like a new one: its name, and the context of whoever began the effect."""
        task = self._task
        assert task is not None, "it has been idle"
        task.name = name
        task.context = contextvars.copy_context()
        trio.lowlevel.reschedule(task)

    async def run(self) -> None:
        """Until it is cancelled, or there are idle ones enough."""
        self._task = trio.lowlevel.current_task()
        with self.scope:
            while self._work is not None:
                try:
                    await self._work()
                except Exception as error:  # noqa: BLE001  # one defect must not end the turns of all
                    report(error)
                finally:
                    self._work = self.carried = None  # what has ended is not kept alive
                if self.scope.cancel_called or len(self._idle) >= MOST_IDLE:
                    return
                self._task.name = WAITING
                self._idle.append(self)
                await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._idle.remove(self)
        return trio.lowlevel.Abort.SUCCEEDED


class _Beginning:
    """A prompt effect: it begins after the turns that are being taken, and is in a task from when it has to wait."""

    __slots__ = ("_begin_in_task", "_carried", "_name", "_stopped", "_work")

    def __init__(
        self,
        work: Callable[[], Coroutine[object, object, None]],
        name: str,
        begin_in_task: Callable[[Callable[[], Coroutine[object, object, None]], str], _Carried],
    ) -> None:
        self._work = work
        self._name = name
        self._begin_in_task = begin_in_task
        self._carried: _Carried | None = None
        self._stopped = False

    def begin(self) -> None:
        """Its first step, outside of any turn."""
        begun = self._work()
        if not first_step(begun):
            return
        try:
            self._carried = self._begin_in_task(lambda: rest_of(begun), self._name)
        except SystemClosed:
            begun.close()
            return
        if self._stopped:
            self._carried.stop()

    def stop(self) -> None:
        """Cancel it: where it first waits, if it has not begun yet."""
        self._stopped = True
        if self._carried is not None:
            self._carried.stop()


class Dispatcher:
    """Takes turns in a task of a trio loop: the caller's, or one on a thread of its own."""

    def __init__(self) -> None:
        self.ready: deque[Actor] = deque()
        self._soon: deque[Callable[[], object]] = deque()
        self._parked = False
        self._congested: set[Committer[Any]] = set()
        self._thread: int | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._task: trio.lowlevel.Task | None = None
        self._nursery: trio.Nursery | None = None
        self._idle: list[_CarrierTask] = []
        self.turning = False
        self.ended = False
        self.begins_promptly = True
        self._scope = trio.CancelScope()

    # -- the loop ---------------------------------------------------------------------------------------------------

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take turns until :meth:`end`."""
        self._token = trio.lowlevel.current_trio_token()
        self._task = trio.lowlevel.current_task()
        self._thread = threading.get_ident()
        threads.enter(self)
        try:
            with self._scope:
                await self._loop(task_status)
        finally:
            self.ended = True
            self._nursery = None
            threads.leave(self)
            self._run_soon()

    def end(self) -> None:
        """End the loop and every effect in it. From any thread."""
        assert self._token is not None
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._scope.cancel)

    async def _loop(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            while True:
                if self._take_some():
                    await trio.lowlevel.checkpoint()
                else:
                    await self._park()

    def _take_some(self) -> bool:
        """Up to a budget of turns; whether there is more to do at once."""
        self._run_soon()
        if self._congested:
            self._congested = {c for c in self._congested if c.backlog > CAUGHT_UP}
            if self._congested:
                return False
        ready = self.ready
        budget = BUDGET
        self.turning = True
        try:
            while ready and budget > 0 and not self._congested:
                actor = ready.popleft()
                try:
                    budget -= actor.take_turns(QUANTUM) or 1
                except Exception as error:  # noqa: BLE001  # one partition's defect must not end the turns of the others
                    report(error)
                    budget -= 1
                    if not actor.actor_inbox.ran_dry():
                        self.schedule(actor)
        finally:
            self.turning = False
        self._run_soon()  # effects of these turns that may need no task
        return bool(ready) and not self._congested

    def _run_soon(self) -> None:
        soon = self._soon
        while soon:
            try:
                function = soon.popleft()
            except IndexError:  # the kernel has ended, and two threads clear up
                return
            try:
                function()
            except Exception as error:  # noqa: BLE001  # one partition's defect must not end the turns of the others
                report(error)

    async def _park(self) -> None:
        if self._congested:
            await trio.sleep(0.001)  # the disk is behind: turns wait for it, effects go on
            return
        self._parked = True
        if self.ready or self._soon:
            self._parked = False
            await trio.lowlevel.checkpoint()
            return

        def abort(_: object) -> trio.lowlevel.Abort:
            self._parked = False
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _unpark(self) -> None:
        if self._parked:
            self._parked = False
            assert self._task is not None
            trio.lowlevel.reschedule(self._task)

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._unpark()
            return
        assert self._token is not None
        try:
            self._token.run_sync_soon(self._unpark, idempotent=True)
        except trio.RunFinishedError:
            self.ended = True

    # -- what a kernel does (see kernel.py) -------------------------------------------------------------------------

    def schedule(self, actor: Actor) -> None:
        """See :class:`~partita.actors.kernel.kernel.Kernel`; so for the rest."""
        self.ready.append(actor)
        if self._parked:
            self._wake()

    def call_soon(self, function: Callable[[], object]) -> None:
        self._soon.append(function)
        if self._parked:
            self._wake()
        if self.ended:  # by now, or before
            self._run_soon()

    def carry_out(self, work: Callable[[], Coroutine[object, object, None]], name: str) -> _Carried:
        if self._nursery is None:
            raise SystemClosed("the system has been closed")
        if self._idle:
            task = self._idle.pop()
            carried = task.take(work)
            task.go_on(name)
        else:
            task = _CarrierTask(self._idle)
            carried = task.take(work)
            self._nursery.start_soon(task.run, name=name)
        return carried

    def carry_out_promptly(self, work: Callable[[], Coroutine[object, object, None]], name: str) -> _Beginning:
        if self._nursery is None:
            raise SystemClosed("the system has been closed")
        beginning = _Beginning(work, name, self.carry_out)
        self._soon.append(beginning.begin)
        if self._parked:
            self._wake()
        return beginning

    def callbacks(self) -> Callbacks:
        return CallbackThread()

    def drive(self, committer: Committer[Any]) -> None:
        committer.start()

    def undrive(self, committer: Committer[Any]) -> None:
        committer.stop()
        self._congested.discard(committer)

    def congested(self, committer: Committer[Any]) -> None:
        self._congested.add(committer)

    def wait_for(self, future: Future[Any], timeout: float | None) -> None:  # noqa: ARG002  # refused whatever they are
        raise WouldDeadlock(
            "get() on the thread that would have to do the work waits for itself: await the future, or call from another thread"
        )

    def run_until(self, future: Future[Any]) -> None:
        while not future.done:
            if not self.ready and not self._soon:
                raise WouldDeadlock("nothing is left to do, and the answer has not come: await the future instead")
            self._take_some()

    def wait_if_possible(self, future: Future[Any]) -> None:
        if self.on_own_thread():
            self._run_soon()
        else:
            future.get()

    def task_wait(self) -> Waiter | None:
        return None

    def on_own_thread(self) -> bool:
        return threading.get_ident() == self._thread

    def may_block(self) -> bool:
        if threading.get_ident() == self._thread or trio.lowlevel.in_trio_run():
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False
