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
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import trio

from partita.actors.kernel.future import Future

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

    def alive(self) -> bool:
        """Always, until the system is closed."""
        return not self._closed

    def close(self) -> None:
        """Run what was handed over, then end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._work.put(_END)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

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
                await _run_into(future, function, arguments)
        finally:
            self._running = False


async def _run_into(future: Future[Any], function: Callback, arguments: tuple[object, ...]) -> None:
    """Run a callback in the loop that this runs in; its result is the future's."""
    try:
        result = function(*arguments)
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:  # noqa: BLE001  # see CallbackThread
        future.set_exception(error)
    except BaseException:
        future.set_exception(RuntimeError("the loop that the callback ran in has ended"))
        raise
    else:
        future.set(result)


class _TrioLoop:
    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ended = False

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

        def begin() -> None:
            trio.lowlevel.spawn_system_task(_run_into, future, function, arguments, name=f"partita: {function!r}")

        try:
            self._token.run_sync_soon(begin)
        except trio.RunFinishedError as error:
            self._ended = True
            future.set_exception(error)
        return future


class _AsyncioLoop:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def alive(self) -> bool:
        return self._loop.is_running()

    def run(self, function: Callback, *arguments: object) -> Future[Any]:
        future: Future[Any] = Future()

        def begin() -> None:
            task = self._loop.create_task(_run_into(future, function, arguments))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError as error:
            future.set_exception(error)
        return future


def place_of_caller(default: Place) -> Place:
    """The loop that the calling code runs in; ``default`` when it runs in none."""
    if trio.lowlevel.in_trio_task():
        return _TrioLoop()
    try:
        return _AsyncioLoop()
    except RuntimeError:
        return default


class HandlerTable:
    """The handlers port of a live system: who answers for which partition."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str], Callable[[object], Future[Any]]] = {}

    def set(self, partition: str, name: str, ask: Callable[[object], Future[Any]] | None) -> None:
        """``ask(request)`` gives the future of the answer; None takes the handler away."""
        if ask is None:
            self._handlers.pop((partition, name), None)
        else:
            self._handlers[partition, name] = ask

    async def ask(self, partition: str, name: str, request: object) -> object:
        """The handler's answer; None when there is no handler. What it raises is raised here."""
        ask = self._handlers.get((partition, name))
        return None if ask is None else await ask(request)
