"""Bodies between loops: one side gives chunks, the other takes them, each in a thread and a loop of its own.

A body is a chain of links. In each, ``chunk`` is given by the writer and ``wanted`` by the reader; both are futures, so either
side waits for the other under trio, asyncio, the simulation kernel or in a plain thread, and no lock is needed. The writer may
be one chunk ahead: it makes the next one when the last has been asked for. So at most one chunk waits in a pipe, and a slow
reader slows down the socket behind it.

    reader   wanted₁ ───────┐           wanted₂ ────┐
    writer          chunk₁ ─┴─(makes 2)─ chunk₂ ────┴─(makes 3)─ …  None, or why there is no more

Responses come by it from the kernel's loop to whoever reads them (:class:`PipeStream`), and bodies that are made while they
are sent go the other way (:class:`PipedUpload`).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator

from partita.actors.kernel.future import Future, resolved
from partita.actors.network.http import AsyncByteStream, NetError, SyncByteStream


class _Broken:
    """In place of a chunk: there is no more, and why. A value: a future that failed would ask to be looked at."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Link:
    __slots__ = ("chunk", "following", "wanted")

    def __init__(self) -> None:
        self.chunk: Future[bytes | _Broken | None] = Future()
        self.wanted: Future[bool] = Future()
        self.following: _Link | None = None


class _Both:
    """What both ends know. The writer has no reference to the reader: one that is forgotten has gone."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False


def pipe(on_close: Callable[[], object] | None = None) -> tuple[PipeWriter, PipeReader]:
    """The two ends of a pipe. ``on_close()`` is called when the reader goes before it has come to the end."""
    link, both = _Link(), _Both()
    return PipeWriter(link, both), PipeReader(link, both, on_close)


class PipeWriter:
    """The end that gives."""

    __slots__ = ("_both", "_link", "_over")

    def __init__(self, link: _Link, both: _Both) -> None:
        self._link = link
        self._both = both
        self._over = False

    def wanted(self) -> Future[bool]:
        """Done when the next chunk has been asked for, with False when nobody wants it."""
        return self._link.wanted

    def put(self, chunk: bytes) -> Future[bool]:
        """Give a chunk; done when it has been asked for, with False when nobody wants any more."""
        link = self._link
        self._link = link.following = _Link()
        link.chunk.set(chunk)
        return link.wanted if not self._both.closed else resolved(False)

    def end(self) -> None:
        """That was all."""
        if not self._over:
            self._over = True
            self._link.chunk.set(None)

    def fail(self, error: BaseException) -> None:
        """There is no more: whoever reads on gets the error."""
        if not self._over:
            self._over = True
            self._link.chunk.set(_Broken(error))

    async def fill(self, chunks: AsyncIterable[bytes]) -> None:
        """Give all of a body, and its end; what goes wrong with it is told to the reader. Stops early when he has gone."""
        try:
            async for chunk in chunks:
                if not await self.put(chunk):
                    return
        except Exception as error:  # noqa: BLE001  # it is the reader's
            self.fail(error)
        except BaseException:  # stopped: the reader has gone, or the session is closing
            self.fail(NetError("ERR_ABORTED", "what gives the body was stopped before its end"))
            raise
        else:
            self.end()


class PipeReader:
    """The end that takes. A wait that is cancelled loses nothing: the next one is for the same chunk.

    It is one reader's: two that read at once would get the same chunk. Forgotten by everybody, it is closed.
    """

    __slots__ = ("_both", "_link", "_on_close", "over")

    def __init__(self, link: _Link, both: _Both, on_close: Callable[[], object] | None) -> None:
        self._link = link
        self._both = both
        self._on_close = on_close
        self.over = False
        """Whether it has come to the end, or was closed."""

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Raises what the body broke off for."""
        if self.over:
            return None
        self._link.wanted.settle(True)
        return self._taken(await self._link.chunk)

    def next_blocking(self) -> bytes | None:
        """The same, for a plain thread."""
        if self.over:
            return None
        self._link.wanted.settle(True)
        return self._taken(self._link.chunk.get())

    def _taken(self, chunk: bytes | _Broken | None) -> bytes | None:
        following = self._link.following
        if following is not None:
            self._link = following
            assert isinstance(chunk, bytes), "a link that another follows holds a chunk"
            return chunk
        self.over = True
        self._on_close = None
        if isinstance(chunk, _Broken):
            raise chunk.error
        return None

    def close(self) -> None:
        """No more is wanted. From any thread, and as often as one likes."""
        if self.over:
            return
        self.over = self._both.closed = True
        link: _Link | None = self._link
        while link is not None:  # the writer may be ahead: a wait for what it made then was cancelled
            link.wanted.settle(False)
            link = link.following
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    def __del__(self) -> None:
        self.close()


class PipeStream(AsyncByteStream, SyncByteStream):
    """A response's body in httpx's words: read in the kernel's loop, taken in any thread and any loop."""

    def __init__(self, reader: PipeReader) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._reader.next_blocking, None)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return Chunks(self._reader.next)

    def close(self) -> None:
        """Read no more: the connection is let go of."""
        self._reader.close()

    async def aclose(self) -> None:
        """The same."""
        self._reader.close()


class WholeStream(AsyncByteStream, SyncByteStream):
    """A body that is at hand."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._body,))

    def __aiter__(self) -> AsyncIterator[bytes]:
        left = [self._body]

        async def next_chunk() -> bytes | None:
            return left.pop() if left else None

        return Chunks(next_chunk)


class PipedUpload:
    """A request's body that comes by a pipe: an :class:`~partita.actors.kernel.world.Upload`, which can be sent once."""

    def __init__(self, reader: PipeReader, size_bytes: int | None) -> None:
        self.size_bytes = size_bytes
        self.failure: Exception | None = None
        """What its maker raised, if he did: the program's own, to be raised where the request was begun."""
        self._reader = reader

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, from where it stands."""
        return Chunks(self.next)

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Raises :class:`NetError` ``ERR_ABORTED`` when its maker has failed."""
        try:
            return await self._reader.next()
        except Exception as error:
            self.failure = error
            raise NetError("ERR_ABORTED", f"what makes the request's body raised {error!r}") from error

    def close(self) -> None:
        """No more of it is wanted: whoever makes it stops."""
        self._reader.close()


class Chunks:
    """An iterator over what a function gives until it gives None.

    No generator: what a reader leaves behind must not wait for the garbage collector, and trio warns of it.
    """

    def __init__(self, next_chunk: Callable[[], Awaitable[bytes | None]]) -> None:
        self._next = next_chunk

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk
