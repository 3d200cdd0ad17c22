"""The live kernel in virtual time: trio, its scheduler seeded, its clock jumping; no thread, no socket.

It is the live :class:`~partita.actors.kernel.dispatcher.Dispatcher` but for its commits, which are a task of the same loop,
and for its turns, of which it takes one between two looks at the loop: whatever could come between two turns then does, for
some seed.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, MutableSequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import trio
import trio.testing

from partita.actors.kernel.context import Random
from partita.actors.kernel.delivery import KernelCallbacks
from partita.actors.kernel.dispatcher import WAITING, Dispatcher
from partita.actors.kernel.simulated_dispatcher import EPOCH_US, Stalled, commit_takes_s
from partita.simulations.life import Crash, Dead
from partita.store.committer import Committer

T = TypeVar("T")

COMMIT_S: Final = 0.002
"""The longest that a turn waits for its commit, in virtual seconds: how long depends on the seed."""

LONGEST_S: Final = 30 * 86_400.0
"""A run that has not ended after so much virtual time never will."""

_trio: Any = trio._core._run  # noqa: SLF001  # trio has no public switch for it; see test_trio_kernel.py
_outside: Final = trio.lowlevel.RunVar[trio.Nursery]("outside")


def outside() -> trio.Nursery:
    """Where everything runs that is not the process: servers. It ends with the run."""
    return _outside.get()


class VirtualClock:
    """The clock port of virtual time under trio. It goes on from one run to the next."""

    def __init__(self, *, start_us: int = EPOCH_US) -> None:
        self._start_us = start_us
        self.elapsed_s = 0.0
        """How much had passed when no run is under way."""

    def now_us(self) -> int:
        """Virtual wall time, integer microseconds since 1970."""
        return self._start_us + round(self.monotonic() * 1e6)

    def monotonic(self) -> float:
        """Virtual seconds since the beginning."""
        return trio.current_time() if trio.lowlevel.in_trio_run() else self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Come back after ``seconds`` of virtual time."""
        await trio.sleep(seconds)


class Schedule:
    """Who of trio's tasks goes next, drawn from a seed. It takes the place of trio's generator.

    ``draws_at_most``: after so many draws nothing is drawn, and tasks go in the order they were made.
    """

    def __init__(self, seed: int, *, draws_at_most: int | None = None) -> None:
        self._random = Random(seed)
        self._draws_at_most = math.inf if draws_at_most is None else draws_at_most
        self.draws = 0

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """What trio does to the tasks of a round."""
        if len(items) > 1:
            self.draws += 1
            if self.draws <= self._draws_at_most:
                self._random.shuffle(items)
            else:
                items.reverse()  # trio takes the last one first

    def random(self) -> float:
        """A number in [0, 1)."""
        self.draws += 1
        return self._random.random() if self.draws <= self._draws_at_most else 0.0

    def uniform(self, low: float, high: float) -> float:
        """A number between two."""
        return low + (high - low) * self.random()


class TrioKernel(Dispatcher):
    """The live kernel for one simulated process. Commits and callbacks are tasks beside the turns."""

    def __init__(self, schedule: Schedule, *, commit_s: float = COMMIT_S) -> None:
        super().__init__()
        self._schedule = schedule
        self._commit_s = commit_s
        self._committers: list[Committer[Any]] = []
        self._submitted = trio.Event()
        self._crashed = False

    def callbacks(self) -> KernelCallbacks:
        """See :class:`~partita.actors.kernel.kernel.Kernel`."""
        return KernelCallbacks(self)

    # -- turns ----------------------------------------------------------------------------------------------------------

    async def _loop(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with trio.open_nursery() as beside:
                beside.start_soon(self._commit_for_ever, name="commits")
                await super()._loop(task_status)
        except BaseException as error:
            if any(not isinstance(leaf, trio.Cancelled) for leaf in _leaves(error)):
                self.crash()
            raise

    def _take_some(self) -> bool:
        self._run_soon()
        if self.ready:
            self.turning = True
            try:
                self.ready.popleft().take_turns(1)
            finally:
                self.turning = False
        return bool(self.ready or self._soon)

    def _run_soon(self) -> None:
        """As the live one does; but a defect ends the run, and after a crash nothing runs any more."""
        while self._soon and not self._crashed:
            self._soon.popleft()()

    def crash(self) -> None:
        """The process is gone: what it had in hand is dropped."""
        self._crashed = True
        self._soon.clear()
        self.ready.clear()
        self._committers.clear()
        self._scope.cancel()

    def end(self) -> None:
        """End the loop and every effect in it."""
        self._scope.cancel()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the effects that are under way, sorted."""
        nursery = self._nursery
        return (
            () if nursery is None else tuple(sorted(task.name for task in nursery.child_tasks if task.name != WAITING))
        )

    # -- commits --------------------------------------------------------------------------------------------------------

    async def _commit_for_ever(self) -> None:
        while True:
            await self._submitted.wait()
            await trio.sleep(self._commit_s * self._schedule.random() + commit_takes_s())
            self._submitted = trio.Event()
            for committer in tuple(self._committers):
                committer.commit_once()
                committer.rest(self._ring)

    def _ring(self) -> None:
        self._submitted.set()

    def drive(self, committer: Committer[Any]) -> None:
        self._committers.append(committer)
        committer.rest(self._ring)

    def undrive(self, committer: Committer[Any]) -> None:
        while committer.commit_once():
            pass
        if committer in self._committers:
            self._committers.remove(committer)

    def congested(self, committer: Committer[Any]) -> None:
        committer.commit_once()


# -- a run --------------------------------------------------------------------------------------------------------------


def run_in_virtual_time(
    main: Callable[[TrioKernel], Awaitable[T]],
    seed: int | Schedule,
    *,
    clock: VirtualClock | None = None,
    commit_s: float = COMMIT_S,
    longest_s: float = LONGEST_S,
) -> T:
    """Run ``main(kernel)`` under trio in virtual time, and return what it returns; the same for the same seed.

    ``seed`` or a :class:`Schedule` that goes on from an earlier run settles who goes next; so does ``clock`` for the time.
    Everything that still runs when ``main`` has returned is cancelled. What ends the run comes out as it was raised:
    :class:`~partita.simulations.life.Crash` before all else, else the one exception there was, else the group. Raises
    :class:`~partita.actors.kernel.simulated_dispatcher.Stalled` when the run did not end within ``longest_s``, or never can.
    """
    schedule = Schedule(seed) if isinstance(seed, int) else seed
    clock = clock or VirtualClock()
    machine = trio.testing.MockClock(autojump_threshold=0)
    machine._real_clock = _still  # noqa: SLF001  # it multiplies what it reads there by a rate of zero, at every step
    machine.jump(clock.elapsed_s)
    with _deterministic(schedule):
        try:
            return trio.run(_whole, main, TrioKernel(schedule, commit_s=commit_s), longest_s, clock=machine)
        except BaseExceptionGroup as group:
            raise _first_of(group) from group
        finally:
            clock.elapsed_s = machine.current_time()


def _still() -> float:
    return 0.0


async def _whole(main: Callable[[TrioKernel], Awaitable[T]], kernel: TrioKernel, longest_s: float) -> T:
    async with trio.open_nursery() as world:
        _outside.set(world)
        world.start_soon(_give_up_after, longest_s)
        async with trio.open_nursery() as process:
            await process.start(kernel.run)
            try:
                result = await main(kernel)
            except BaseException:
                kernel.crash()
                raise
            kernel.end()
        world.cancel_scope.cancel()
    return result


async def _give_up_after(longest_s: float) -> None:
    """Time jumps to this deadline when nobody can go on and no other is set."""
    await trio.sleep(longest_s)
    raise Stalled(f"the run did not end within {longest_s} s of virtual time: what it waits for can never come")


@contextmanager
def _deterministic(schedule: Schedule) -> Iterator[None]:
    """Have trio's scheduler draw from ``schedule``, and order the tasks of a round before it shuffles them."""
    before = _trio._ALLOW_DETERMINISTIC_SCHEDULING, _trio._r  # noqa: SLF001
    _trio._ALLOW_DETERMINISTIC_SCHEDULING, _trio._r = True, schedule  # noqa: SLF001
    try:
        yield
    finally:
        _trio._ALLOW_DETERMINISTIC_SCHEDULING, _trio._r = before  # noqa: SLF001


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _first_of(group: BaseException) -> BaseException:
    leaves = list(_leaves(group))
    for kind in (Crash, Dead):
        ending = next((leaf for leaf in leaves if isinstance(leaf, kind)), None)
        if ending is not None:
            return ending
    return leaves[0] if len(leaves) == 1 else group
