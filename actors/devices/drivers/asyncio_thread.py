"""An asyncio loop on a thread of its own, for a library that knows no trio; begun by the first work that is given to it.

trio ── run(work) ──▶ a task of the loop           who is cancelled cancels the task, and waits for nobody
loop ── ask(function, ...) ──▶ a trio task          and the other way round
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

import trio

from partita.actors.devices.drivers.threads import BackgroundCall
from partita.actors.kernel.delivery import run_into
from partita.actors.kernel.future import Future
from partita.events.errors import DeviceError

T = TypeVar("T")

_ENDING_S: Final = 2.0
"""What has been cancelled has so long for its end; then it is cancelled in that as well."""
_CLOSING_S: Final = 8.0
_LAST_LOOKS: Final = 3
"""How often the loop looks at its sockets before it ends: those that were shut down are closed when it sees that."""


class AsyncioThread:
    """To be used and closed in one trio run.

    ``at_end``: runs in the loop when all that was given to it has ended. ``at_last``: when nothing runs there any more.
    """

    def __init__(self, name: str, at_end: Callable[[], Awaitable[None]], at_last: Callable[[], None]) -> None:
        self._name = name
        self._at_end = at_end
        self._at_last = at_last
        self._given: set[asyncio.Task[None]] = set()
        self._token: trio.lowlevel.TrioToken | None = None
        self._worker: BackgroundCall[None] | None = None
        self._began: Future[asyncio.AbstractEventLoop] = Future()
        self._end: asyncio.Event | None = None
        self._closed = False

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run it in the loop; what it returns or raises. Raises ``DeviceError`` ``gone`` when the loop has ended."""
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise _ended()
        if self._worker is None:
            self._token = trio.lowlevel.current_trio_token()
            self._worker = BackgroundCall(self._name, lambda: asyncio.run(self._live()))
        loop = await self._began
        outcome: Future[T] = Future()
        tasks: list[asyncio.Task[None]] = []
        outcome.when_done(outcome.failure)  # also when nobody waits any more

        def begin() -> None:
            task = loop.create_task(_into(outcome, work))
            tasks.append(task)
            self._given.add(task)
            task.add_done_callback(self._given.discard)

        def cancel() -> None:
            tasks[0].cancel()

        try:
            loop.call_soon_threadsafe(begin)
        except RuntimeError:
            raise _ended() from None
        try:
            return await outcome
        except trio.Cancelled:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(cancel)
            raise

    async def ask(self, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        """In the loop: have an async function run in trio, as a task of its own; what it returns or raises."""
        answer: Future[T] = Future()
        answer.when_done(answer.failure)
        scope = trio.CancelScope()

        async def carry_out() -> None:
            with scope:
                await run_into(answer, function, arguments)

        def begin() -> None:
            trio.lowlevel.spawn_system_task(carry_out, name=f"partita {self._name}")

        token = self._token
        assert token is not None, "what runs in the loop was given to it by trio"
        token.run_sync_soon(begin)
        try:
            return await answer
        except asyncio.CancelledError:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(scope.cancel)
            raise

    async def close(self) -> None:
        """Cancel what runs in the loop, and end it and its thread. May be called twice."""
        self._closed = True
        if self._worker is None:
            await trio.lowlevel.checkpoint()
            return
        with trio.CancelScope(shield=True):
            loop = await self._began
            end = self._end
            assert end is not None, "it is made before anybody is told of the loop"
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(end.set)
            await self._worker.ended()

    async def _live(self) -> None:
        self._end = asyncio.Event()
        self._began.set(asyncio.get_running_loop())
        await self._end.wait()
        await _cancelled(self._given)
        with suppress(Exception):
            await asyncio.wait_for(self._at_end(), _CLOSING_S)
        await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})
        for _ in range(_LAST_LOOKS):
            await asyncio.sleep(0)
        self._at_last()


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for _ in range(2):
        for task in tuple(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tuple(tasks), timeout=_ENDING_S)


async def _into(outcome: Future[T], work: Callable[[], Coroutine[Any, Any, T]]) -> None:
    try:
        result = await work()
    except asyncio.CancelledError:
        outcome.set_exception(_ended())
        raise
    except Exception as error:  # noqa: BLE001  # it is who waits for the outcome that is told
        outcome.set_exception(error)
    else:
        outcome.set(result)


def _ended() -> DeviceError:
    return DeviceError("gone", "the driver has been closed")
