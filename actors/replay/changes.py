"""Following a log: past turns, then live ones, with no gap and none twice.

Whoever follows keeps a position and nothing else. The writer only says that there is more; the turns are read from the log.
So a slow reader costs no memory, and where the past ends and the present begins is no seam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from partita.actors.kernel.news import Bell, guard
from partita.actors.replay.query import Query, Watch
from partita.events.errors import StoreUnavailable
from partita.events.turn import Turn

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

AnyTurn = Turn[Any, Any, Any]


TAKEN_ALONG: Final = 10_000
"""Turns that a reader who lags takes along when the partition closes."""


class Changes:
    """An iterator over the turns of an open partition: ``for`` in a plain thread, ``async for`` under trio and asyncio.

    It ends when the partition is closed, or when :meth:`close` is called. A reader that is at most ``TAKEN_ALONG`` turns behind
    when the partition closes is still told of all of them; one that is further behind reads the rest from the log itself.

    ``where`` leaves only the turns for which a query holds. One that raises on a turn raises :class:`QueryFailed` from the
    iteration, which may go on with the turn after it.
    """

    def __init__(self, partition: Partition, start: int | None, where: Query | str | None = None) -> None:
        self._partition = partition
        self._next = partition.store.position + 1 if start is None else max(1, start)
        self._watch = Watch.if_any(where, partition.store, partition.behaviors, self._next)
        self._turns: Iterator[AnyTurn] = iter(())
        self._closed = False
        self._bell = Bell()
        self._reading = guard()
        self._unsubscribe: Callable[[], None] = partition.subscribe(self._on_durable)
        self._forget: Callable[[], None] = _nothing
        self._forget = partition.on_close(
            self._on_partition_closing
        )  # which closes it at once, when the partition is closed already

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._unsubscribe()
        self._forget()
        self._bell.ring()

    def _on_partition_closing(self) -> None:
        """The log is about to close: what is left is taken along, within reason."""
        with self._reading:
            store = self._partition.store
            with suppress(StoreUnavailable):  # it was closed before this began
                self._turns = iter(list(islice(store.turns(self._next, store.position), TAKEN_ALONG)))
        self.close()

    def _available(self) -> AnyTurn | None:
        """The next turn, when it is in the log already. A log that was closed under a reader that lags ends its reading."""
        with self._reading:
            while (turn := self._next_turn()) is not None and self._watch is not None and not self._watch.holds(turn):
                pass
            return turn

    def _next_turn(self) -> AnyTurn | None:
        try:
            turn = next(self._turns, None)
            if turn is None and not self._closed and self._partition.store.position >= self._next:
                self._turns = self._partition.store.turns(self._next, self._partition.store.position)
                turn = next(self._turns, None)
        except StoreUnavailable:
            if not self._partition.closed:
                raise
            return None
        if turn is not None:
            self._next = turn.position + 1
        return turn

    def _on_durable(self, position: int) -> None:  # noqa: ARG002  # the log knows better
        self._bell.ring()

    def _is_more(self) -> bool:
        return self._closed or self._partition.store.position >= self._next

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AnyTurn:
        while True:
            turn = self._available()
            if turn is not None:
                return turn
            if self._closed:
                raise StopIteration
            self._bell.wait(self._is_more).get()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyTurn:
        while True:
            turn = self._available()
            if turn is not None:
                return turn
            if self._closed:
                raise StopAsyncIteration
            await self._bell.wait(self._is_more)


def _nothing() -> None:
    pass
