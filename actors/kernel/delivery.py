"""Where the program's own functions run: listeners, handlers.

A function that was registered inside a running trio or asyncio loop runs there; otherwise, or when that loop has ended, on
the system's callback thread, in order (API.md, rules 4 and 5). A plain or an async function will do in each place.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

import trio

from partita.actors.kernel.future import Future
from partita.events.errors import HandlerTimeout

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel

Callback = Callable[..., object]

_END: Final = object()


class Place(Protocol):
    """Somewhere a function can be run."""

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        """Run it there; the future is its result (an async function is awaited), or what it raised."""
        ...

    def alive(self) -> bool:
        """Whether anything still runs there."""
        ...


class Callbacks(Place, Protocol):
    """The place of all callbacks that have no loop of their own. They run one after another."""

    def call(self, function: Callback, *arguments: object, timeout_s: float | None = None) -> object:
        """Run a plain function there, and wait for what it returns or raises; whoever is there already runs it at once.

        Raises :class:`HandlerTimeout` when it takes longer than ``timeout_s`` seconds.
        """
        ...

    def close(self) -> None:
        """Run what was handed over, and no more."""
        ...


class CallbackThread:
    """One thread for all callbacks that have no loop of their own; started by the first of them."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._beside: dict[threading.Thread, Callable[[], object]] = {}

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        """Run it after all that was handed over before."""
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                future.set(None)
                return future
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="partita callbacks", daemon=True)
                self._thread.start()
        self._work.put((function, arguments, future))
        return future

    def call(self, function: Callback, *arguments: object, timeout_s: float | None = None) -> object:
        """See :class:`Callbacks`. The calling thread stands still meanwhile."""
        if threading.current_thread() is self._thread:
            return function(*arguments)
        future = self.run(lambda: (function(*arguments),))  # in a tuple, so that nobody awaits it
        done = threading.Event()

        def on_done() -> None:
            future.failure()  # looked at: what comes too late is nobody's business
            done.set()

        future.when_done(on_done)
        if not done.wait(timeout_s):
            raise HandlerTimeout(f"no answer within {timeout_s:g} s")
        returned = future.outcome()
        return None if returned is None else returned[0]

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], object], name: str) -> None:
        """Run what takes long under a trio on a thread of its own; ``stop`` cancels it when the system is closed."""

        def live() -> None:
            try:
                trio.run(work)
            finally:
                with self._lock:
                    self._beside.pop(thread, None)

        thread = threading.Thread(target=live, name=f"partita {name}", daemon=True)
        with self._lock:
            closed = self._closed
            self._beside[thread] = stop
            thread.start()  # in here: who closes joins it
        if closed:
            stop()

    def alive(self) -> bool:
        """Always, until the system is closed."""
        return not self._closed

    def close(self) -> None:
        """Run what was handed over, then end the thread. What runs beside it is stopped."""
        with self._lock:
            self._closed = True
            thread = self._thread
            beside = dict(self._beside)
        self._work.put(_END)
        for stop in beside.values():
            stop()
        for each in (thread, *beside):
            if each is not None and each is not threading.current_thread():
                each.join()

    def _loop(self) -> None:
        while (work := self._work.get()) is not _END:
            function, arguments, future = work
            try:
                result = function(*arguments)
                if inspect.isawaitable(result):
                    result = trio.run(_await, result)
            except BaseException as error:  # noqa: BLE001  # also SystemExit: the thread is not the callback's to end
                future.set_exception(error)
            else:
                future.set(result)
            del work, function, arguments, future


async def _await(awaitable: Any) -> Any:
    return await awaitable


class KernelCallbacks:
    """Callbacks as one task of a kernel, beside the turns: for kernels that have a thread of their own to nobody."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._work: deque[tuple[Callback, tuple[object, ...], Future[Any]]] = deque()
        self._running = False
        self._closed = False

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        """Run it after all that was handed over before."""
        future: Future[Any] = Future()
        if self._closed:
            future.set(None)
            return future
        self._work.append((function, arguments, future))
        if not self._running:
            self._running = True
            self._kernel.carry_out(self._run_all, "callbacks")
        return future

    def call(self, function: Callback, *arguments: object, timeout_s: float | None = None) -> object:  # noqa: ARG002
        """See :class:`Callbacks`: there is one thread for everything, so whoever calls is there. No time passes."""
        return function(*arguments)

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> Callable[[], object]:
        """Run what takes long as a task of its own; returns what cancels it. On the kernel's thread."""
        carried = self._kernel.carry_out(work, name)
        return lambda: self._kernel.call_soon(carried.stop)

    def alive(self) -> bool:
        """Always, until the system is closed."""
        return not self._closed

    def close(self) -> None:
        """What waits for its turn is not run any more: a kernel without threads cannot be waited for."""
        self._closed = True
        while self._work:
            self._work.popleft()[2].set(None)

    async def _run_all(self) -> None:
        try:
            while self._work:
                function, arguments, future = self._work.popleft()
                await run_into(future, function, arguments)
        finally:
            self._running = False


async def run_into(future: Future[Any], function: Callback, arguments: tuple[object, ...]) -> None:
    """Run a callback in the loop that this runs in; its result is the future's."""
    try:
        result = function(*arguments)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:  # noqa: BLE001  # see CallbackThread
        future.set_exception(error)
    except BaseException:
        future.set_exception(RuntimeError(_LOOP_ENDED))
        raise
    else:
        future.set(result)


AT_A_TIME: Final = 50
"""So many plain functions run in a trio loop before others have their turn."""

_LOOP_ENDED: Final = "the loop that the callback ran in has ended"


class _TrioLoop:
    """One for a loop: trio begins tasks in any order, but what is run here begins in the order it was handed over.

    Plain functions run in a task that they share, one after another; what has to be awaited gets one of its own.
    """

    _of_this_loop: Final[trio.lowlevel.RunVar[_TrioLoop]] = trio.lowlevel.RunVar("partita callbacks")

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ended = False
        self._is_due = False
        self._work: deque[tuple[Future[Any], Callback, tuple[object, ...]]] = deque()

    @classmethod
    def current(cls) -> _TrioLoop:
        """The one of the loop that the calling code runs in."""
        try:
            return cls._of_this_loop.get()
        except LookupError:
            loop = cls()
            cls._of_this_loop.set(loop)
            return loop

    def alive(self) -> bool:
        if self._ended:
            return False
        try:
            self._token.run_sync_soon(lambda: None, idempotent=True)
        except trio.RunFinishedError:
            self._ended = True
        return not self._ended

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        future: Future[Any] = Future()
        self._work.append((future, function, arguments))
        if not self._is_due:
            self._is_due = True
            try:
                self._token.run_sync_soon(self._begin)
            except trio.RunFinishedError as error:
                self._ended = True
                self._fail_all(error)
        return future

    def _begin(self) -> None:
        trio.lowlevel.spawn_system_task(self._run_all, name="partita callbacks")

    async def _run_all(self) -> None:
        """Plain functions, until one is met that has to be awaited: it has this task then, and the rest another."""
        try:
            while True:
                for _ in range(AT_A_TIME):
                    if not self._work:
                        self._is_due = False
                        if not self._work:  # handed over just now, by who saw that it was due
                            return
                        self._is_due = True
                    future, function, arguments = self._work.popleft()
                    if (awaitable := self._began(future, function, arguments)) is not None:
                        self._begin()
                        await run_into(future, lambda: awaitable, ())  # at once
                        return
                await trio.lowlevel.checkpoint()
        except BaseException:  # the loop ends
            self._ended = True
            self._fail_all(RuntimeError(_LOOP_ENDED))
            raise

    def _began(
        self, future: Future[Any], function: Callback, arguments: tuple[object, ...]
    ) -> Awaitable[object] | None:
        """Run a function: what is to be awaited, or None when all is done."""
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001  # see CallbackThread
            future.set_exception(error)
        except BaseException:
            future.set_exception(RuntimeError(_LOOP_ENDED))
            raise
        else:
            if inspect.isawaitable(result):
                return result
            future.set(result)
        return None

    def _fail_all(self, error: BaseException) -> None:
        while self._work:
            self._work.popleft()[0].set_exception(error)


class _AsyncioLoop:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def alive(self) -> bool:
        return self._loop.is_running()

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        future: Future[Any] = Future()

        def begin() -> None:
            task = self._loop.create_task(run_into(future, function, arguments))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError as error:
            future.set_exception(error)
        return future


_asked: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[_AsyncioLoop]]] = WeakKeyDictionary()
"""By asyncio loop, the places in it of functions that requests wait for, as long as their owners have them."""


def place_of_caller(default: Place, *, asked: bool = False) -> Place:
    """The loop that the calling code runs in; ``default`` when it runs in none. ``asked``: requests wait for what runs there."""
    if trio.lowlevel.in_trio_task():
        return _TrioLoop.current()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return default
    place = _AsyncioLoop()
    if asked:
        _asked.setdefault(loop, WeakSet()).add(place)
    return place


def caller_is_asked() -> bool:
    """Whether the calling code runs in an asyncio loop that requests wait for: blocked, that loop could never answer them."""
    try:
        return bool(_asked.get(asyncio.get_running_loop()))
    except RuntimeError:
        return False
