"""A value that is on its way: ``.get()`` from any thread, ``await`` under trio, asyncio and the simulation kernel.

Completion takes no lock. The result is stored first; then whoever completes pops the callbacks, and whoever adds a callback
looks again whether the result is there: each callback is popped once, whichever side comes to it. (Appending to and popping
from a list are atomic in CPython.)
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import reduce
from types import TracebackType
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import pykka
import trio

from partita.actors.kernel import threads
from partita.actors.kernel.raised import report
from partita.events import points

T = TypeVar("T")
R = TypeVar("R")

ExceptionInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

LOOK_UP_S: Final = 1.0
"""How long a thread that waits for ever sleeps at a time: so late a Ctrl-C may be noticed."""


class _Pending:
    __slots__ = ()

    def __repr__(self) -> str:
        return "<pending>"


_PENDING: Final = _Pending()


class UnobservedFailure(RuntimeWarning):
    """A future failed, and nobody looked at it."""


class _Alarm:
    """Rides on a failed future; goes off when the future is forgotten before anybody looked.

    Not for a future of a simulation that is over: its processes have crashed, and who held it with them.
    """

    __slots__ = ("error", "run")

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self.run = points.run()

    def __del__(self) -> None:
        if self.error is not None and not points.is_over(self.run):
            warnings.warn(
                f"a future failed and nobody looked at it: {type(self.error).__name__}: {self.error}",
                UnobservedFailure,
                stacklevel=2,
            )


class Future(pykka.Future[T], Generic[T]):
    """The result of a call that has begun. See API.md, rule 2.

    A future that fails and is never looked at is reported by the :mod:`warnings` module. ``map``, ``filter``, ``join`` and
    ``reduce`` give new futures and block nobody.
    """

    __slots__ = ("_alarm", "_callbacks", "_error", "_result")

    def __init__(self) -> None:
        self._result: T | _Pending | None = _PENDING
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], object]] = []

    # -- completing -------------------------------------------------------------------------------------------------

    def set(self, value: T | None = None) -> None:
        """Complete with a value. Raises :class:`queue.Full` when it is complete already, as pykka's futures do."""
        if self._result is not _PENDING:
            raise queue.Full
        self._result = value
        if self._callbacks:
            self._run_callbacks()

    def settle(self, value: T | None = None) -> bool:
        """:meth:`set`, unless it is complete already: True when this value came first."""
        if self._result is not _PENDING:
            return False
        self._result = value
        if self._callbacks:
            self._run_callbacks()
        return True

    def set_exception(self, exc_info: ExceptionInfo | BaseException | None = None) -> None:
        """Complete with an exception: one, an ``exc_info`` triple, or the one being handled."""
        if self._result is not _PENDING:
            raise queue.Full
        if isinstance(exc_info, BaseException):
            error: BaseException = exc_info
        else:
            kind, value, traceback = exc_info or sys.exc_info()
            if value is None:
                if kind is None:
                    raise TypeError("set_exception() outside of an except block needs an exception")
                value = kind()
            error = value.with_traceback(traceback)
        self._error = error
        self._alarm = _Alarm(error)
        self._result = None
        if self._callbacks:
            self._run_callbacks()

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Refused: pykka's hooks block whoever asks. Use :meth:`map`."""
        raise NotImplementedError("a get hook blocks its caller; use map(), or set() from a callback")

    def _run_callbacks(self) -> None:
        callbacks = self._callbacks
        ctrl_c: KeyboardInterrupt | None = None
        while callbacks:
            try:
                callback = callbacks.pop(0)  # in the order they were added
            except IndexError:  # another thread was quicker
                break
            try:
                callback()
            except BaseException as error:  # noqa: BLE001  # a caller's own function must not cost the others their answers
                if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                    ctrl_c = error  # it only happened to come in here: whom it is for is further up
                else:
                    report(error)
        if ctrl_c is not None:
            raise ctrl_c

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether the result, or the failure, is there."""
        return self._result is not _PENDING

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once, when the result is there: on the completing thread, or here and now if it is."""
        self._callbacks.append(callback)
        if self._result is not _PENDING:
            self._run_callbacks()

    def outcome(self) -> T:
        """The result of a future that is done; raises its failure."""
        error = self._error
        if error is not None:
            self._alarm.error = None
            try:
                raise error
            finally:
                del error  # no cycle through this frame
        assert self._result is not _PENDING, "outcome() of a future that is not done"
        return cast("T", self._result)

    def failure(self) -> BaseException | None:
        """The failure of a future that is done, if it has one; it counts as looked at."""
        if self._error is not None:
            self._alarm.error = None
        return self._error

    def get(self, timeout: float | None = None) -> T:
        """Block this thread until the result is there.

        ``timeout`` in seconds: raises :class:`TimeoutError` (pykka's ``Timeout``) when it passes first. On the runtime's own
        thread it raises ``WouldDeadlock`` at once: ``await`` it there. Under the simulation kernel it runs the simulation.
        """
        if self._result is _PENDING:
            kernel = threads.kernel_of_this_thread()
            if kernel is not None:
                kernel.wait_for(self, timeout)
            else:
                self._block(timeout)
        return self.outcome()

    def _block(self, timeout: float | None) -> None:
        gate = threading.Lock()
        gate.acquire()
        self.when_done(gate.release)
        if timeout is None:
            # A Ctrl-C that comes just as a wait begins is noticed at its end; one may have kept the gate from being opened.
            while self._result is _PENDING and not gate.acquire(timeout=LOOK_UP_S):
                pass
        elif not gate.acquire(timeout=max(0.0, timeout)):
            raise FutureTimeout(f"no result within {timeout} s")

    def __await__(self) -> Generator[Any, None, T]:  # pykka's yields nothing: it blocks
        if self._result is _PENDING:
            kernel = threads.kernel_of_this_thread()
            task_wait = None if kernel is None else kernel.task_wait()
            if task_wait is not None:
                yield from task_wait(self)
            elif trio.lowlevel.in_trio_task():
                yield from self._wait_in_trio().__await__()
            else:
                yield from self._wait_in_asyncio().__await__()
        return self.outcome()

    __iter__ = __await__

    async def _wait_in_trio(self) -> None:
        task = trio.lowlevel.current_task()
        token = trio.lowlevel.current_trio_token()
        thread = threading.get_ident()
        waiting = True
        parked = False

        def wake() -> None:
            nonlocal waiting
            if waiting:
                waiting = False
                if parked:  # else it came while the task was on its way here: there is nothing to wait for
                    trio.lowlevel.reschedule(task)

        def on_done() -> None:
            if threading.get_ident() == thread:
                wake()
                return
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(wake)

        def abort(_: object) -> trio.lowlevel.Abort:
            nonlocal waiting
            waiting = False
            return trio.lowlevel.Abort.SUCCEEDED

        self.when_done(on_done)
        if waiting:
            parked = True
            await trio.lowlevel.wait_task_rescheduled(abort)

    async def _wait_in_asyncio(self) -> None:
        loop = asyncio.get_running_loop()
        gate: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not gate.done():
                gate.set_result(None)

        def on_done() -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(wake)

        self.when_done(on_done)
        await gate

    # -- combining --------------------------------------------------------------------------------------------------

    def map(self, func: Callable[[T], R]) -> Future[R]:
        """A future of ``func(value)``; a failure passes through. ``func`` runs on the completing thread: be quick."""
        result: Future[R] = Future()

        def on_done() -> None:
            try:
                value = func(self.outcome())
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the new future's result
                result.set_exception(error)
            else:
                result.set(value)

        self.when_done(on_done)
        return result

    def filter(self: Future[Iterable[R]], func: Callable[[R], bool]) -> Future[Iterable[R]]:
        """A future of the list of those items that ``func`` says yes to."""
        return self.map(lambda items: [item for item in items if func(item)])

    def reduce(self: Future[Iterable[R]], func: Callable[[R, R], R], *initial: R) -> Future[R]:  # type: ignore[override]
        """A future of :func:`functools.reduce` over the items."""
        return self.map(lambda items: reduce(func, items, *initial))

    def join(self, *futures: pykka.Future[object]) -> Future[list[object]]:  # type: ignore[override]
        """A future of the list of this value and the others', in order; the first failure of them fails it."""
        parts = cast("tuple[Future[object], ...]", (self, *futures))
        joined: Future[list[object]] = Future()
        lock = threading.Lock()
        left = len(parts)

        def on_done() -> None:
            nonlocal left
            with lock:
                left -= 1
                if left:
                    return
            try:
                values = [part.outcome() for part in parts]
            except Exception as error:  # noqa: BLE001  # see map
                joined.set_exception(error)
            else:
                joined.set(values)

        for part in parts:
            part.when_done(on_done)
        return joined

    def __repr__(self) -> str:
        if self._result is _PENDING:
            return "<Future pending>"
        return f"<Future failed: {self._error!r}>" if self._error is not None else "<Future done>"


class FutureTimeout(pykka.Timeout, TimeoutError):
    """No result within the time that the caller gave."""


class Waiter(Protocol):
    """How the simulation kernel lets one of its tasks wait for a future."""

    def __call__(self, future: Future[Any], /) -> Generator[object, None, None]: ...


def resolved(value: T) -> Future[T]:
    """A future that is done."""
    future: Future[T] = Future()
    future.set(value)
    return future


def failed(error: BaseException) -> Future[object]:
    """A future that has failed."""
    future: Future[object] = Future()
    future.set_exception(error)
    return future
