"""Who answers for which partition: the handlers that requests, permissions and downloads wait for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from partita.actors.kernel.future import Future
from partita.events.errors import HandlerTimeout
from partita.events.points import reached

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel
    from partita.actors.kernel.world import Clock


class HandlerLate(RuntimeWarning):
    """A handler did not answer in the time that it has."""


class _Patience(Struct, frozen=True):
    """How long handlers are waited for, and what measures it."""

    seconds: float
    kernel: Callable[[], Kernel]
    clock: Clock

    async def answer_of(self, asked: Future[Any], handler: str) -> object:
        """The answer, if it comes in time; what comes later is nobody's business. Raises :class:`HandlerTimeout`."""
        in_time: Future[bool] = Future()

        def answered() -> None:
            asked.failure()  # what comes too late is looked at here, and by nobody else
            in_time.settle(True)

        async def expire() -> None:
            await self.clock.sleep(self.seconds)
            in_time.settle(False)

        asked.when_done(answered)
        timer = self.kernel().carry_out(expire, f"the time of {handler}")
        try:
            if await in_time:
                return asked.outcome()
        finally:
            timer.stop()
        reached("handler.late")
        late = f"{handler} did not answer within {self.seconds:g} s: that counts as a refusal"
        warnings.warn(late, HandlerLate, stacklevel=1)
        raise HandlerTimeout(late)


class HandlerTable:
    """The handlers port of a live system: who answers for which partition."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[str, str], Callable[[object], Future[Any]]] = {}
        self._patience: _Patience | None = None

    def set(self, partition: str, name: str, ask: Callable[[object], Future[Any]] | None) -> None:
        """``ask(request)`` gives the future of the answer; None takes the handler away."""
        if ask is None:
            self._handlers.pop((partition, name), None)
        else:
            self._handlers[partition, name] = ask

    def limit(self, seconds: float, kernel: Callable[[], Kernel], clock: Clock) -> None:
        """From now on, wait for an answer so long at most (API.md, rule 5). ``clock`` is that of ``kernel``'s world."""
        self._patience = _Patience(seconds, kernel, clock)

    @property
    def patience_s(self) -> float | None:
        """How many seconds a handler has for its answer; None: as many as it takes."""
        return None if self._patience is None else self._patience.seconds

    async def ask(self, partition: str, name: str, request: object) -> object:
        """The handler's answer; None when there is no handler. What it raises is raised here.

        Raises :class:`HandlerTimeout` when there is a limit and it has passed, and reports it.
        """
        ask = self._handlers.get((partition, name))
        if ask is None:
            return None
        asked = ask(request)
        if self._patience is None or asked.done:
            return await asked
        return await self._patience.answer_of(asked, f"the handler {name!r} of {partition!r}")

    def hand_over(self, partition: str, name: str, request: object) -> Future[None] | None:
        """Give something to a handler; its future, unless that is done."""
        take = self._handlers.get((partition, name))
        if take is None:
            return None
        taken = take(request)
        return None if taken.done else taken

    def notify(self, partition: str, name: str, request: object) -> None:
        """Let a handler that only looks on see it. What it raises, it has to report itself."""
        ask = self._handlers.get((partition, name))
        if ask is not None:
            ask(request)
