"""``session.stream(...)``: a response whose body is read while it comes."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from partita.actors.network.http import Response

if TYPE_CHECKING:
    from partita.requesting import FetchFuture, Order


class Streamed:
    """``with`` or ``async with``: the request is sent as the block begins, and what is left unread at its end never comes."""

    def __init__(self, order: Order) -> None:
        self._order: Order | None = order
        self._response: Response | None = None

    def _begin(self, *, blocking: bool) -> FetchFuture:
        order, self._order = self._order, None
        if order is None:
            raise RuntimeError("a stream is one request: call session.stream() again for another one")
        return order.begin(blocking=blocking)

    def __enter__(self) -> Response:
        future = self._begin(blocking=True)
        try:
            self._response = future.get()
        except BaseException:  # also a KeyboardInterrupt: nobody waits any more
            future.cancel()
            raise
        return self._response

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._response is not None:
            self._response.close()

    async def __aenter__(self) -> Response:
        self._response = await self._begin(blocking=False)
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._response is not None:
            await self._response.aclose()
