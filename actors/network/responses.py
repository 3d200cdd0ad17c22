"""Responses in httpx's words, made of what the network said.

A :class:`SessionResponse` is an ``httpx.Response`` in all that one sees. Most programs look at a status and a body, so what
costs more than that (the request, its URL, the header fields) is made when it is first asked for. And its content codings are
undone by :mod:`partita.actors.network.decoding`, within limits, in place of httpx's.

httpx has no way to plug in either; here is the one place that leans on how it is made inside (the attributes that
``Response.__init__`` sets), and ``tests/network/test_responses.py`` holds it to that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

from partita.actors.kernel.world import Interim, NetworkRequest
from partita.actors.network import fields
from partita.actors.network.decoding import decoded, decoder_for
from partita.actors.network.fields import Fields
from partita.actors.network.http import (
    URL,
    AsyncByteStream,
    Headers,
    NetError,
    Request,
    Response,
    StreamClosed,
    StreamConsumed,
    SyncByteStream,
    VerbatimURL,
)
from partita.actors.network.pipe import PipeStream, WholeStream

NULL_BODY_STATUSES: Final = frozenset({101, 103, 204, 205, 304})
"""Responses of these have no body (Fetch standard 2.2.3, FEATURES F12h)."""

_CLIENTS: Final = frozenset({"httpx._client", "httpx2._client"})
_OWN: Final = frozenset({"_head_fields", "_sent", "_raw_body"})  # what is not httpx's, and made into it to be pickled


@lru_cache(maxsize=1024)
def parsed_url(text: str) -> URL:
    """``httpx.URL`` of a text; programs ask for few URLs again and again."""
    url = URL(text)
    return url if str(url) == text else VerbatimURL(text)


def request_of(sent: NetworkRequest) -> Request:
    """The request as it went out, for who wants to look at it. A body that was made on the way is not in it."""
    body = sent.body if isinstance(sent.body, bytes) else b""
    return Request(sent.method, parsed_url(sent.url), headers=octets(sent.headers), content=body)


def octets(headers: Fields) -> list[tuple[bytes, bytes]]:
    """Header fields as httpx has them."""
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]


class Head(Protocol):
    """The head of a response."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def reason(self) -> str:
        """The reason phrase; may be empty."""
        ...

    @property
    def http_version(self) -> str:
        """Such as ``HTTP/1.1``."""
        ...

    @property
    def headers(self) -> Fields:
        """The header fields."""
        ...


if TYPE_CHECKING:
    _Words = Response
else:
    _Words = object


class OfSession(_Words):
    """What makes an ``httpx.Response`` a session's. ``body``: all of it, codings and all, or the stream that it is read from.

    ``extensions``: ``http_version`` and ``reason_phrase`` as httpx has them, ``from_cache``, ``remote_address`` (or None), and
    ``interim_responses``: the 1xx responses before it, each with ``status`` and ``headers``.
    """

    headers_class: ClassVar[type[Headers]] = Headers

    def __init__(
        self,
        sent: NetworkRequest,
        head: Head,
        body: bytes | AsyncByteStream,
        *,
        interim: tuple[Interim, ...] = (),
        remote_address: str | None = None,
        from_cache: bool = False,
        history: list[Response] | None = None,
    ) -> None:
        self.status_code = head.status
        self._head_fields = head.headers
        self._sent: NetworkRequest | Request | None = sent
        self.next_request = None
        self.extensions = {
            "http_version": head.http_version.encode("ascii", "replace"),
            "reason_phrase": head.reason.encode("latin-1", "replace"),
            "from_cache": from_cache,
            "remote_address": remote_address,
            "interim_responses": interim,
        }
        self.history = [] if history is None else history
        self.is_closed = False
        self.is_stream_consumed = False
        self.default_encoding = "utf-8"
        self._num_bytes_downloaded = 0
        if isinstance(body, bytes):
            self._raw_body: bytes | None = body
            self.stream = WholeStream(body)
        else:
            self._raw_body = None
            assert isinstance(body, SyncByteStream), "it is read from any thread and any loop"
            self.stream = body

    def as_read(self) -> Self:
        """Itself, with a body that is here whole: it counts as read. Codings are undone by the first :meth:`read`."""
        assert self._raw_body is not None, "a stream is read by its reader"
        self.is_closed = self.is_stream_consumed = True
        self._num_bytes_downloaded = len(self._raw_body)
        if not self._raw_body or not self._coded():
            self._content = self._raw_body
        return self

    def _coded(self) -> str:
        return fields.joined(self._head_fields, "content-encoding")

    # -- what is made when it is asked for ----------------------------------------------------------------------------

    @property
    def headers(self) -> Headers:
        """The header fields."""
        made = self.__dict__.get("headers")
        if made is None:
            made = self.__dict__["headers"] = self.headers_class(octets(self._head_fields))
        return made

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self.__dict__["headers"] = headers

    @property
    def _request(self) -> Request | None:
        sent = self._sent
        if isinstance(sent, NetworkRequest):
            sent = self._sent = request_of(sent)
        return sent

    @_request.setter
    def _request(self, request: Request | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._sent = request

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> bytes:
        """All of the body, its codings undone. Raises :class:`~partita.NetError`."""
        if not hasattr(self, "_content"):
            if self._raw_body is None or not self.is_stream_consumed:
                return super().read()
            with self._its_errors():
                self._content = decoded(self._raw_body, self._coded())
        return self._content

    def iter_raw(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body as it comes, codings and all, in pieces of ``chunk_size`` bytes. Raises :class:`~partita.NetError`."""
        chunks = self._begin_to_read()
        if not isinstance(chunks, Iterable):
            raise RuntimeError("the stream is an async one: use aiter_raw() and its like")  # noqa: TRY004  # as httpx
        pieces = _Pieces(chunk_size)
        with self._reading(chunks):
            for raw in chunks:
                self._num_bytes_downloaded += len(raw)
                yield from pieces.cut(raw)
        yield from pieces.rest()
        self.close()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The same without its codings."""
        if hasattr(self, "_content"):
            yield from super().iter_bytes(chunk_size)
            return
        pieces = _Pieces(chunk_size)
        with self._its_errors():
            decoder = decoder_for(self._coded())
            for raw in self.iter_raw():
                for chunk in (raw,) if decoder is None else decoder.feed(raw):
                    yield from pieces.cut(chunk)
        yield from pieces.rest()

    async def aiter_raw(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """:meth:`iter_raw` under trio and asyncio."""
        chunks = self._begin_to_read()
        if not isinstance(chunks, AsyncIterable):
            raise RuntimeError("the stream is a plain one: use iter_raw() and its like")  # noqa: TRY004  # as httpx
        pieces = _Pieces(chunk_size)
        with self._reading(chunks):
            async for raw in chunks:
                self._num_bytes_downloaded += len(raw)
                for piece in pieces.cut(raw):
                    yield piece
        for piece in pieces.rest():
            yield piece
        await self.aclose()

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        """:meth:`iter_bytes` under trio and asyncio."""
        if hasattr(self, "_content"):
            async for piece in super().aiter_bytes(chunk_size):
                yield piece
            return
        pieces = _Pieces(chunk_size)
        with self._its_errors():
            decoder = decoder_for(self._coded())
            async with aclosing(self.aiter_raw()) as raws:
                async for raw in raws:
                    for chunk in (raw,) if decoder is None else decoder.feed(raw):
                        for piece in pieces.cut(chunk):
                            yield piece
        for piece in pieces.rest():
            yield piece

    def _begin_to_read(self) -> object:
        """Where the body comes from; it is read once.

        httpx's clients put a generator around each stream, which nobody closes when its reader goes early, and of which trio
        then warns: what is inside is read in its place.
        """
        if self.is_stream_consumed:
            raise StreamConsumed
        if self.is_closed:
            raise StreamClosed
        self.is_stream_consumed = True
        self._num_bytes_downloaded = 0
        stream: object = self.stream
        if type(stream).__module__ in _CLIENTS:
            stream = getattr(stream, "_stream", stream)
        return stream

    @contextmanager
    def _reading(self, chunks: object) -> Iterator[None]:
        """Who stops in the middle cannot go on, so nothing more has to come."""
        try:
            with self._its_errors():
                yield
        except BaseException:
            if isinstance(chunks, PipeStream):
                chunks.close()
            raise

    @contextmanager
    def _its_errors(self) -> Iterator[None]:
        try:
            yield
        except NetError as error:
            error.request = self.request
            raise

    # -- pickling -----------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in super().__getstate__().items() if name not in _OWN}
        return {**state, "_head_fields": (), "_raw_body": None, "headers": self.headers, "_sent": self._request}


class SessionResponse(OfSession, Response):  # pyright: ignore[reportIncompatibleVariableOverride]
    """``httpx.Response`` of a session."""


class _Pieces:
    """Chunks cut to a size; None leaves them as they come."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._kept = bytearray()

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        size = self._size
        if size is None:
            if chunk:
                yield chunk
            return
        self._kept += chunk
        whole = len(self._kept) // size * size
        for start in range(0, whole, size):
            yield bytes(self._kept[start : start + size])
        del self._kept[:whole]

    def rest(self) -> Iterator[bytes]:
        if self._kept:
            yield bytes(self._kept)
