"""Responses that come from this machine: out of memory, of a file, or from a handler's stream. Nothing is read ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Final, Protocol

from partita.actors.kernel.delivery import Callback, Place
from partita.actors.kernel.file_ports import ReadableFile
from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Interim, Timing
from partita.actors.network.fields import Fields
from partita.actors.network.http import NetError
from partita.actors.network.pipe import PipeReader

PIECE_BYTES: Final = 1024 * 1024
"""So much of a file is read at once: each reading is a hop to a thread and back."""


class Chunks(Protocol):
    """A body, read from its beginning to its end."""

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Raises ``NetError``."""
        ...

    async def close(self) -> None:
        """No more is wanted; may be called twice."""
        ...


class WholeBody:
    """All of it, in memory."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def next(self) -> bytes | None:
        """See :class:`Chunks`; so for the rest."""
        content, self.content = self.content, b""
        return content or None

    async def close(self) -> None:
        self.content = b""


class FileBody:
    """The octets of a file from ``start`` to before ``stop``."""

    def __init__(self, file: ReadableFile, start: int, stop: int) -> None:
        self._file = file
        self._at = start
        self._stop = stop

    async def next(self) -> bytes | None:
        """See :class:`Chunks`; so for the rest. A file that has become shorter since breaks off."""
        if self._at >= self._stop:
            return None
        try:
            piece = await self._file.read(self._at, min(PIECE_BYTES, self._stop - self._at))
        except OSError as error:
            raise NetError("ERR_FAILED", f"the file could not be read: {error.strerror or error}") from error
        if not piece:
            raise NetError("ERR_CONTENT_LENGTH_MISMATCH", "the file has become shorter while it was read")
        self._at += len(piece)
        return piece

    async def close(self) -> None:
        self._at = self._stop
        await self._file.close()


class SteppedBody:
    """A stream that is read where its handler runs, a step for each chunk: nothing is made that nobody has asked for."""

    def __init__(self, place: Place, step: Callback, close: Callback, end: Callable[[], None]) -> None:
        """``step`` gives a chunk, None at the end; ``close`` is run there, once; then ``end`` says that the place may go."""
        self._place = place
        self._step = step
        self._close: Callback | None = close
        self._end = end

    async def next(self) -> bytes | None:
        """See :class:`Chunks`; so for the rest."""
        if self._close is None:
            return None
        if not self._place.alive():
            raise NetError("ERR_ABORTED", "the place where the handler ran has ended before its stream did")
        try:
            chunk = await self._place.run(self._step)
        except Exception as error:
            raise broken_stream(error) from error
        if chunk is None:
            await self._closed()
            return None
        return octets_of(chunk)

    async def close(self) -> None:
        self._closed()

    def _closed(self) -> Future[None]:
        """Done when it has been closed; what that raises is nobody's business any more."""
        close, self._close = self._close, None
        done: Future[None] = Future()
        if close is not None and self._place.alive():
            closed = self._place.run(close)
            closed.when_done(lambda: (closed.failure(), done.settle()))
        else:
            done.settle()
        self._end()
        return done


class PipedBody:
    """A stream that its handler's task puts into a pipe, one chunk ahead at most."""

    def __init__(self, reader: PipeReader) -> None:
        self._reader = reader

    async def next(self) -> bytes | None:
        """See :class:`Chunks`; so for the rest."""
        try:
            return await self._reader.next()
        except Exception as error:
            raise broken_stream(error) from error

    async def close(self) -> None:
        self._reader.close()


class Part:
    """The octets of a body from ``start`` to before ``stop``."""

    def __init__(self, whole: Chunks, start: int, stop: int) -> None:
        self._whole = whole
        self._skip = start
        self._left = stop - start

    async def next(self) -> bytes | None:
        """See :class:`Chunks`; so for the rest. What stands before it is read and dropped."""
        while self._left:
            chunk = await self._whole.next()
            if chunk is None:
                raise NetError("ERR_CONTENT_LENGTH_MISMATCH", "the stream has ended before its Content-Length said so")
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            if skipped < len(chunk):
                wanted = chunk[skipped : skipped + self._left]
                self._left -= len(wanted)
                return wanted
        await self._whole.close()
        return None

    async def close(self) -> None:
        await self._whole.close()


def broken_stream(error: BaseException) -> NetError:
    """What a handler's stream raised, in a word of the network (FEATURES R15)."""
    if isinstance(error, NetError):
        return error
    return NetError("ERR_FAILED", f"the handler's stream raised {type(error).__name__}: {error}")


def octets_of(chunk: object) -> bytes:
    """A chunk as bytes. Raises :class:`NetError` for what is none."""
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(chunk)
    raise NetError("ERR_FAILED", f"a handler's stream gives bytes, not {type(chunk).__name__}")


class LocalResponse:
    """A :class:`~partita.actors.kernel.world.NetworkResponse` that no server has sent.

    ``whole_body``: all of it, where it is in memory already.
    """

    http_version = "HTTP/1.1"
    interim: tuple[Interim, ...] = ()
    remote_address: str | None = None
    timing: Timing | None = None

    def __init__(self, status: int, headers: Fields, chunks: Chunks, reason: str | None = None) -> None:
        self.status = status
        self.reason = reason_of(status) if reason is None else reason
        self.headers = headers
        self.whole_body = chunks.content if isinstance(chunks, WholeBody) else None
        self._chunks = chunks

    def body(self) -> AsyncIterator[bytes]:
        """See :class:`~partita.actors.kernel.world.NetworkResponse`; so for the rest."""
        return _Body(self._chunks)

    async def close(self) -> None:
        await self._chunks.close()


class _Body:
    """No generator: what a reader leaves behind must not wait for the garbage collector."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._chunks.next()
        while chunk == b"":
            chunk = await self._chunks.next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk


def reason_of(status: int) -> str:
    """The status's phrase of RFC 9110 15; empty for one without."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
