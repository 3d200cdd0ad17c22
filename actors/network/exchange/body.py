"""The body of an answer on its way to the caller: from the network, the cache or both, and into the cache while it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from partita.actors.cache.bodies import CacheBodyMissing, CacheWriter, SpanReader
from partita.actors.kernel.file_ports import BodySource
from partita.actors.kernel.world import BurstingResponse, Interim, Timing
from partita.actors.network.exchange.words import BodyBroke, BodyEnded, BodyLeft, Deliver
from partita.actors.network.http import NetError

if TYPE_CHECKING:
    from partita.actors.network.exchange.driver import Driver

LARGEST_WHOLE_BYTES = 256 * 1024
"""A stored body up to this size is handed over with its head."""


class Delivered:
    """The answer: a :class:`~partita.actors.kernel.world.NetworkResponse`.

    ``whole_body``: all of the body, when it was there with the head; its end has been told then, and the connection is free.
    ``tells``: whether the machine hears of the body's end.
    """

    def __init__(self, driver: Driver, command: Deliver, *, tells: bool = True) -> None:
        head, response = command.head, driver.response
        self.status = head.status
        self.reason = head.reason
        self.http_version = head.http_version
        self.headers = head.headers
        self.interim: tuple[Interim, ...] = head.interim
        self.remote_address = head.remote_address
        self.timing: Timing | None = None if response is None else response.timing
        self.from_cache = command.from_cache
        self.whole_body: bytes | None = command.body
        self._driver = driver
        self._tells = tells
        self._cached: SpanReader | None = driver.cached if command.cached is not None else None
        self._then_network = command.body is None and (command.cached is None or command.cached.then_network)
        self._writer = None if command.store is None else CacheWriter(driver.door, command.store)
        self._network: AsyncIterator[bytes] | None = None
        self._over = False
        self._take_whole()

    def _take_whole(self) -> None:
        """What is all there already needs no waiting for."""
        if self.whole_body is None:
            if self._cached is not None and not self._then_network:
                self.whole_body = self._cached.whole(LARGEST_WHOLE_BYTES)
            elif self._cached is None:
                response = self._driver.response
                self.whole_body = b"" if response is None else getattr(response, "whole_body", None)
                if self.whole_body and self._writer is not None:
                    self._writer.add(self.whole_body)
        if self.whole_body is not None:
            self._end()

    def body(self) -> AsyncIterator[bytes]:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.body`."""
        return _Chunks(self)

    async def next_chunk(self) -> bytes | None:
        """More of the body; None at its end. Raises :class:`NetError`."""
        if self._over:
            return None
        try:
            chunk = await self._next()
        except CacheBodyMissing as missing:
            error = NetError("ERR_CACHE_READ_FAILURE", str(missing))
            await self._break(error)
            raise error from missing
        except NetError as error:
            await self._break(error)
            raise
        if chunk is None:
            self._end()
            await self.close()
        return chunk

    async def burst(self, take: Callable[[BodySource], Awaitable[bool]]) -> bool:
        """See :class:`~partita.actors.kernel.world.BurstingResponse`: where nothing stands between network and reader."""
        response = self._driver.response
        if self._over or self._cached is not None or self._writer is not None or not self._then_network:
            return False
        if not isinstance(response, BurstingResponse):
            return False
        try:
            return await response.burst(take)
        except NetError as error:
            await self._break(error)
            raise

    async def _next(self) -> bytes | None:
        if self._cached is not None:
            chunk = await self._cached.next_chunk()
            if chunk is not None:
                return chunk
            self._cached = None
        if not self._then_network or self._driver.response is None:
            return None
        if self._network is None:
            self._network = self._driver.response.body()
        try:
            chunk = await anext(self._network)
        except StopAsyncIteration:
            return None
        if self._writer is not None:
            self._writer.add(chunk)
        return chunk

    def _end(self) -> None:
        self._over = True
        if self._writer is not None:
            self._writer.finish()
        if self._tells:
            self._driver.feed(BodyEnded())

    async def _break(self, error: NetError) -> None:
        self._over = True
        if self._writer is not None:
            self._writer.abandon()
        if self._tells:
            self._driver.feed(BodyBroke(error))
        await self._driver.let_go()

    async def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end. May be called twice."""
        if not self._over:
            self._over = True
            if self._writer is not None:
                self._writer.abandon()
            if self._tells:
                self._driver.feed(BodyLeft())
        await self._driver.let_go()


class _Chunks:
    """No generator: what a reader leaves behind must not wait for the garbage collector."""

    def __init__(self, delivered: Delivered) -> None:
        self._delivered = delivered
        self._whole = delivered.whole_body

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> bytes:
        if self._whole is not None:
            whole, self._whole = self._whole, b""
            if whole:
                return whole
            raise StopAsyncIteration
        chunk = await self._delivered.next_chunk()
        if chunk is None:
            raise StopAsyncIteration
        return chunk
