"""Following a log: past turns, then live ones, with no gap and none twice.

Whoever follows keeps a position and nothing else. The writer only says that there is more; the turns are read from the log.
So a slow reader costs no memory, and where the past ends and the present begins is no seam.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from partita.actors.kernel.future import Future
from partita.events.turn import Turn

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

AnyTurn = Turn[Any, Any, Any]


class Changes:
    """An iterator over the turns of an open partition: ``for`` in a plain thread, ``async for`` under trio and asyncio.

    It ends when the partition is closed, or when :meth:`close` is called.
    """

    def __init__(self, partition: Partition, start: int | None) -> None:
        self._partition = partition
        self._next = partition.store.position + 1 if start is None else max(1, start)
        self._turns: Iterator[AnyTurn] = iter(())
        self._news: Future[None] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._unsubscribe: Callable[[], None] = partition.subscribe(self._on_news)
        partition.on_close(self.close)

    def close(self) -> None:
        """End the iteration."""
        self._closed = True
        self._unsubscribe()
        self._on_news(0)

    def _on_news(self, position: int) -> None:  # noqa: ARG002  # the log knows better
        with self._lock:
            news, self._news = self._news, None
        if news is not None:
            news.set(None)

    def _available(self) -> AnyTurn | None:
        """The next turn, when it is in the log already."""
        turn = next(self._turns, None)
        if turn is None and not self._closed and self._partition.store.position >= self._next:
            self._turns = self._partition.store.turns(self._next, self._partition.store.position)
            turn = next(self._turns, None)
        if turn is not None:
            self._next = turn.position + 1
        return turn

    def _more(self) -> Future[None]:
        """Done when there may be more. The log is looked at again after asking: nothing slips through in between."""
        news: Future[None] = Future()
        self._news = news
        if self._closed or self._partition.store.position >= self._next:
            self._on_news(0)
        return news

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AnyTurn:
        while True:
            turn = self._available()
            if turn is not None:
                return turn
            if self._closed:
                raise StopIteration
            self._more().get()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyTurn:
        while True:
            turn = self._available()
            if turn is not None:
                return turn
            if self._closed:
                raise StopAsyncIteration
            await self._more()
