"""Bodies that a program makes while they are sent: generators, files, streams.

They are made chunk by chunk, as the connection asks for them, on the program's side: an async iterable in the loop that the
request was begun in; a plain one in the calling thread when that waits for the answer anyway, else in a thread of its own (it
may block, and a loop must not). Nobody asks for more when the answer has come, or the request has failed.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from partita.actors.kernel.delivery import place_of_caller
from partita.actors.network.http import ByteStream, Request
from partita.actors.network.pipe import PipedUpload, PipeWriter, pipe

if TYPE_CHECKING:
    from partita.actors.kernel.kernel import Kernel

AT_ONCE_BYTES: Final = 1024 * 1024
"""A body that says that it is no longer than this is read when the request is made: it can then be sent again."""


class Uploading(Struct, frozen=True):
    """What makes a body, and its length if that is known."""

    source: Iterable[bytes] | AsyncIterable[bytes]
    size_bytes: int | None

    def begin(self, kernel: Kernel, *, blocking: bool) -> tuple[PipedUpload, Callable[[], object]]:
        """The body as it is sent; and what lets it be made, to be called when the request is on its way.

        ``blocking``: a plain iterable is read by that call, which comes back when no more is wanted.
        """
        writer, reader = pipe()
        upload = PipedUpload(reader, self.size_bytes)
        source = self.source
        if blocking and not isinstance(source, AsyncIterable):
            return upload, lambda: _make_here(writer, source)
        return upload, lambda: _make_beside(kernel, writer, source)


def body_of(request: Request) -> bytes | Uploading:
    """The body of an ``httpx.Request``: bytes where it is at hand or short, else what makes it."""
    stream: object = request.stream
    length = request.headers.get("content-length", "")
    size_bytes = int(length) if length.isdecimal() else None
    if isinstance(stream, Iterable):
        if type(stream).__name__ == ByteStream.__name__ or (size_bytes is not None and size_bytes <= AT_ONCE_BYTES):
            return request.read()
        return Uploading(stream, size_bytes)
    assert isinstance(stream, AsyncIterable), "httpx has these two kinds"
    return Uploading(stream, size_bytes)


# -- making it ------------------------------------------------------------------------------------------------------------


def _make_here(writer: PipeWriter, source: Iterable[bytes]) -> None:
    """In the calling thread, until all is made or no more is wanted."""
    if not writer.wanted().get():
        return
    made = iter(source)
    try:
        for chunk in made:
            if chunk and not writer.put(_checked(chunk)).get():
                break
        else:
            writer.end()
    except Exception as error:  # noqa: BLE001  # the program's own: it is raised where the request was begun
        writer.fail(error)
    finally:
        close = getattr(made, "close", None)
        if close is not None:
            close()


def _make_beside(kernel: Kernel, writer: PipeWriter, source: Iterable[bytes] | AsyncIterable[bytes]) -> None:
    """In the loop of the caller, if it has one and the source is made for loops; else in a thread that ends with it."""
    own = kernel.callbacks()
    place = place_of_caller(own) if isinstance(source, AsyncIterable) else own
    made = place.run(_make, writer, source)

    def on_made() -> None:
        made.failure()  # the reader was told
        own.close()

    made.when_done(on_made)


async def _make(writer: PipeWriter, source: Iterable[bytes] | AsyncIterable[bytes]) -> None:
    if not await writer.wanted():
        return
    chunks = aiter(source) if isinstance(source, AsyncIterable) else _Stepped(iter(source))
    try:
        await writer.fill(_Checked(chunks))
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


class _Stepped:
    """A plain iterator, as an async one."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _Stepped:
        return self

    async def __anext__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class _Checked:
    """Chunks that are bytes, and not empty: an empty one would end a chunked body (RFC 9112 7.1)."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _Checked:
        return self

    async def __anext__(self) -> bytes:
        while True:
            chunk = await anext(self._chunks)
            if chunk:
                return _checked(chunk)


def _checked(chunk: object) -> bytes:
    if not isinstance(chunk, bytes):
        raise TypeError(f"a request's body is made of bytes, and what makes it gave {type(chunk).__name__}")
    return chunk
