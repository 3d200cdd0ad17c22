"""A deadline for what runs inside a task of the simulation kernel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, Generic, TypeVar, cast

from partita.actors.kernel.world import Clock

T = TypeVar("T")


class Stop:
    """Ends a wait of :class:`Within` from outside: that raises :class:`TimeoutError` at once, and so does each later one."""

    def __init__(self) -> None:
        self.stopped = False
        self.ring: Callable[[], object] = bool

    def stop(self) -> None:
        """Now."""
        self.stopped = True
        self.ring()


class Within(Generic[T]):
    """Awaitable: the result of another one, or :class:`TimeoutError` when the kernel's clock or ``stop`` says so first.

    The simulation kernel has neither cancel scopes nor a way to wait for two things; what its tasks yield can be armed
    more than once, though, and a wake-up for a wait that is over does nothing. An alarm is set when there is something to
    wait for, so a plain function costs none.
    """

    def __init__(self, clock: Clock, seconds: float | None, awaited: Awaitable[T], stop: Stop | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._awaited = awaited
        self._rung = False
        self._stop = stop
        self._wake: Callable[[], object] = bool

    def __await__(self) -> Generator[Any, None, T]:
        work = self._awaited.__await__()
        if self._stop is not None:
            if self._stop.stopped:
                work.close()
                raise TimeoutError
            self._stop.ring = self._ring
        try:
            waits = next(work)
        except StopIteration as done:
            return cast("T", done.value)
        if self._seconds is not None:
            next(self._clock.sleep(self._seconds).__await__()).arm(self._ring)
        while True:
            try:
                yield type(waits)(partial(self._arm, waits))
            except BaseException as thrown:  # noqa: BLE001  # it is for the one that is awaited
                go_on = partial(work.throw, thrown)
            else:
                if self._rung:
                    work.close()
                    raise TimeoutError
                go_on = partial(work.send, None)
            try:
                waits = go_on()
            except StopIteration as done:
                return cast("T", done.value)

    def _arm(self, waits: Any, wake: Callable[[], object]) -> None:
        self._wake = wake
        waits.arm(wake)

    def _ring(self) -> None:
        self._rung = True
        self._wake()
