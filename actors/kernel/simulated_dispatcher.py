"""The simulation kernel: virtual time, a seeded order, no trio and no threads. It runs the same actors.

At each step one of those that could go on does: an actor with messages takes a turn, a committer commits, an effect goes on
where it waited. Which one is drawn from the seed. When nobody can go on, the clock jumps to the next timer. Nothing else
decides: the same seed and the same calls give the same log, to the byte, in any process on any machine.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from partita.actors.kernel import threads
from partita.actors.kernel.actor import Actor
from partita.actors.kernel.context import Random
from partita.actors.kernel.delivery import KernelCallbacks
from partita.actors.kernel.future import FutureTimeout
from partita.events.errors import PartitaError, WouldDeadlock
from partita.events.points import buggify

if TYPE_CHECKING:
    from partita.actors.kernel.future import Future, Waiter
    from partita.store.committer import Committer

EPOCH_US: Final = 1_767_225_600_000_000
"""Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z."""
SLOW_COMMIT_S: Final = 0.015
SLOWEST_COMMIT_S: Final = 60.0


class Stalled(PartitaError):
    """The simulation waits for something that can never come: nobody can go on, and no timer is set."""


class Stopped(BaseException):
    """Thrown into an effect that is cancelled; like trio's ``Cancelled``, no ``except Exception`` catches it."""


class _Task:
    """An effect, as a coroutine that this kernel steps."""

    __slots__ = ("_coroutine", "_kernel", "done", "name", "stopped", "waits")

    def __init__(self, kernel: SimulatedDispatcher, coroutine: Coroutine[object, object, None], name: str) -> None:
        self._kernel = kernel
        self._coroutine = coroutine
        self.name = name
        self.done = False
        kernel.tasks[self] = None
        self.stopped = False
        self.waits = 0  # counts its waits: a wake-up for an earlier one comes too late

    def step(self) -> None:
        """Go on to the next wait, or to the end."""
        if self.done:
            return
        stop = self.stopped and self.waits > 0  # it runs to its first wait in any case, as under trio
        self.waits += 1
        previous, self._kernel.task = self._kernel.task, self
        if stop:
            self.stopped = False  # thrown once: its finally blocks may await
        try:
            trap = self._coroutine.throw(Stopped()) if stop else self._coroutine.send(None)
        except (StopIteration, Stopped):
            self._end()
            return
        except BaseException:
            self._end()
            raise
        finally:
            self._kernel.task = previous
        assert isinstance(trap, _Trap), (
            f"{self.name} awaited {trap!r}: under simulation only ports and futures are awaited"
        )
        number = self.waits
        if self.stopped:
            self._kernel.ready_again(self, number)
        else:
            trap.arm(partial(self._kernel.ready_again, self, number))

    def _end(self) -> None:
        self.done = True
        self._kernel.tasks.pop(self, None)

    def abandon(self) -> None:
        """End it here and now: its process has crashed. What its ``finally`` blocks raise concerns nobody any more."""
        self.done = True
        with suppress(BaseException):
            self._coroutine.close()

    def stop(self) -> None:
        """Cancel it."""
        if not self.done and not self.stopped:
            self.stopped = True
            self._kernel.ready_again(self, self.waits)


class _Trap:
    """What a task yields: ``arm(wake)`` is called with what lets it go on."""

    __slots__ = ("arm",)

    def __init__(self, arm: Callable[[Callable[[], object]], object]) -> None:
        self.arm = arm


class _Sleep:
    """Awaitable: come back at a moment of virtual time."""

    __slots__ = ("_kernel", "_seconds")

    def __init__(self, kernel: SimulatedDispatcher, seconds: float) -> None:
        self._kernel = kernel
        self._seconds = seconds

    def __await__(self) -> Generator[_Trap, None, None]:
        yield _Trap(lambda wake: self._kernel.call_later(self._seconds, wake))


class SimulatedClock:
    """The clock port of virtual time."""

    def __init__(self, kernel: SimulatedDispatcher) -> None:
        self._kernel = kernel

    def now_us(self) -> int:
        """Virtual wall time, integer microseconds since 1970."""
        return self._kernel.now_us

    def monotonic(self) -> float:
        """Virtual seconds since the beginning."""
        return (self._kernel.now_us - self._kernel.began_us) / 1e6

    async def sleep(self, seconds: float) -> None:
        """Come back after ``seconds`` of virtual time."""
        await _Sleep(self._kernel, seconds)


class SimulatedDispatcher:
    """Runs on the thread that calls it: ``future.get()``, :meth:`run_for` and :meth:`run_until_idle` let it go on."""

    begins_promptly = (
        False  # when a task goes on is drawn: an effect that had none would leave the schedule less to draw
    )

    def __init__(self, seed: int, *, start_us: int = EPOCH_US, draws_at_most: int | None = None) -> None:
        """``draws_at_most``: after so many draws nothing is drawn any more, and the first that could go on does."""
        self.seed = seed
        self.draws = 0
        self.tasks: dict[_Task, None] = {}
        """Effects, and other coroutines, that have not come to their end; in the order they began."""
        self._draws_at_most = math.inf if draws_at_most is None else draws_at_most
        self.began_us = start_us
        self.now_us = start_us
        self.task: _Task | None = None
        self.steps = 0
        self.clock = SimulatedClock(self)
        self._random = Random(seed)
        self._ready: list[Actor | tuple[_Task, int]] = []  # actors with messages, tasks with the wait that is over
        self._soon: deque[Callable[[], object]] = deque()
        self._committers: list[Committer[Any]] = []
        self._slow: set[Committer[Any]] = set()  # those that the disk keeps waiting
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.turning = False
        self.ended = False
        threads.enter(self)

    def close(self) -> None:
        """Give the thread back: blocking waits on it block again."""
        threads.leave(self)

    # -- going on ---------------------------------------------------------------------------------------------------

    def step(self) -> bool:  # noqa: C901  # every call more is paid by every step
        """One step of one of those that could go on; False when nobody could."""
        if self._soon:
            self._soon.popleft()()
            return True
        ready = self._ready
        count = len(ready)
        for committer in self._committers:
            if committer.is_due and committer not in self._slow:
                count += 1
        if not count:
            return False
        self.steps += 1
        drawn = 0
        if count > 1:
            self.draws += 1
            if self.draws <= self._draws_at_most:
                drawn = self._random.below(count)
        if drawn >= len(ready):
            self._commit(drawn - len(ready))
            return True
        one = ready.pop()
        if drawn < len(ready):
            ready[drawn], one = one, ready[drawn]
        if isinstance(one, Actor):
            self.turning = True
            try:
                one.take_turns(1)
            finally:
                self.turning = False
            return True
        task, wait = one
        if task.waits == wait:
            task.step()
        return True

    def _commit(self, number: int) -> None:
        """The ``number``-th of those that have something to commit does, now or when the disk has taken its time."""
        behind = [committer for committer in self._committers if committer.is_due and committer not in self._slow]
        committer = behind[number]
        slow_s = commit_takes_s()
        if slow_s:
            self._slow.add(committer)
            self.call_later(slow_s, lambda: self._commit_late(committer))
        else:
            committer.commit_once()

    def _commit_late(self, committer: Committer[Any]) -> None:
        self._slow.discard(committer)
        if committer in self._committers:
            committer.commit_once()

    @property
    def timers(self) -> int:
        """How many wake-ups are set for later."""
        return len(self._timers)

    def crash(self) -> None:
        """The process that ran here is gone: nobody goes on. Virtual time does."""
        tasks, self.tasks = self.tasks, {}
        self._ready.clear()
        self._soon.clear()
        self._timers.clear()
        self._committers.clear()
        self._slow.clear()
        for task in tasks:
            task.abandon()
        self._ready.clear()  # what their last blocks may have woken
        self._soon.clear()
        self.task = None
        self.turning = False

    def run_until_idle(self) -> None:
        """Go on until only timers are left."""
        while self.step():
            pass

    def settle(self) -> None:
        """The same, with what is on its way to the disk there: slow commits are waited for in no time."""
        self.run_until_idle()
        while late := [committer for committer in self._committers if committer in self._slow]:
            for committer in late:
                self._commit_late(committer)
            self.run_until_idle()

    def run_for(self, seconds: float) -> None:
        """Let this much virtual time pass."""
        end_us = self.now_us + round(seconds * 1e6)
        while True:
            self.run_until_idle()
            if not self._timers or self._timers[0][0] > end_us:
                break
            self._jump()
        self.now_us = end_us

    def run_until(self, future: Future[Any]) -> None:
        """Go on until ``future`` is done; raises :class:`Stalled` when it never will be."""
        while not future.done:
            if not self.step():
                if not self._timers:
                    raise Stalled("nobody can go on and no timer is set: what is waited for can never come")
                self._jump()

    def wait_for(self, future: Future[Any], timeout: float | None) -> None:
        """What ``get()`` does here; a ``timeout`` is in virtual seconds."""
        if self.task is not None:
            raise WouldDeadlock("get() inside an effect waits for itself: await the future")
        if timeout is None:
            self.run_until(future)
            return
        end_us = self.now_us + round(timeout * 1e6)
        while not future.done and self.now_us < end_us:
            if not self.step():
                if not self._timers or self._timers[0][0] > end_us:
                    self.now_us = end_us
                else:
                    self._jump()
        if not future.done:
            raise FutureTimeout(f"no result within {timeout} s of virtual time")

    def _jump(self) -> None:
        """To the next timer."""
        at_us, _, wake = heapq.heappop(self._timers)
        self.now_us = max(self.now_us, at_us)
        wake()

    def call_later(self, seconds: float, wake: Callable[[], object]) -> None:
        """Call ``wake`` after ``seconds`` of virtual time; timers of one moment go in the order they were set."""
        at_us = self.now_us + max(0, round(seconds * 1e6))
        heapq.heappush(self._timers, (at_us, next(self._numbers), wake))

    def ready_again(self, task: _Task, wait: int) -> None:
        """A task may go on, unless it has gone on from that wait already."""
        self._ready.append((task, wait))

    # -- what a kernel does (see kernel.py) -------------------------------------------------------------------------

    def schedule(self, actor: Actor) -> None:
        """See :class:`~partita.actors.kernel.kernel.Kernel`; so for the rest."""
        self._ready.append(actor)

    def call_soon(self, function: Callable[[], object]) -> None:
        self._soon.append(function)

    def carry_out(self, work: Callable[[], Coroutine[object, object, None]], name: str) -> _Task:
        task = _Task(self, work(), name)
        self.ready_again(task, 0)
        return task

    carry_out_promptly = carry_out

    def callbacks(self) -> KernelCallbacks:
        return KernelCallbacks(self)

    def drive(self, committer: Committer[Any]) -> None:
        self._committers.append(committer)

    def undrive(self, committer: Committer[Any]) -> None:
        while committer.commit_once():
            pass
        self._committers.remove(committer)

    def congested(self, committer: Committer[Any]) -> None:
        committer.commit_once()

    def wait_if_possible(self, future: Future[Any]) -> None:
        self.run_until(future)

    def task_wait(self) -> Waiter | None:
        return _wait if self.task is not None else None

    def on_own_thread(self) -> bool:
        return True

    def may_block(self) -> bool:
        return False


def commit_takes_s() -> float:
    """How long a simulated disk takes for a commit: no time, or, where a simulation says so, up to a minute or so."""
    if not buggify("commit.slow"):
        return 0.0
    slow_s = SLOW_COMMIT_S
    while slow_s < SLOWEST_COMMIT_S and buggify("commit.slow"):
        slow_s *= 4
    return slow_s


def _wait(future: Future[Any]) -> Generator[object, None, None]:
    yield _Trap(future.when_done)
