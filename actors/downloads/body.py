"""The body of a download's response, whose first bytes can be looked at before it is received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

from partita.actors.kernel.file_ports import BodySource
from partita.actors.kernel.world import BurstingResponse, NetworkResponse
from partita.actors.network.http import NetError


class Body:
    """Its chunks, in order and once: ``async for``, which raises :class:`NetError`. No generator: nobody has to close it."""

    def __init__(self, response: NetworkResponse) -> None:
        self._response = response
        self._chunks = response.body()
        self._first: bytes | None = None
        self._broke: NetError | None = None

    async def first(self) -> bytes:
        """What comes first, however little: nobody waits for more. It comes again with the rest, and so does what goes wrong."""
        if self._first is None and self._broke is None:
            try:
                self._first = await anext(self._chunks, b"")
            except NetError as error:
                self._broke = error
        return self._first or b""

    async def burst(self, take: Callable[[BodySource], Awaitable[bool]]) -> bool:
        """Let ``take`` have what comes next; returns what it says. False: it comes by chunks only. Raises :class:`NetError`."""
        if self._first or self._broke is not None or not isinstance(self._response, BurstingResponse):
            return False
        return await self._response.burst(take)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._broke is not None:
            raise self._broke
        if self._first:
            first, self._first = self._first, b""
            return first
        return await anext(self._chunks)
