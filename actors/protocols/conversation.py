"""One request and the handler that answers it, seen from where the handler runs.

The function runs where it was registered (API.md, rule 4): a plain one at that place, as listeners do; an async one in a task
of its own beside it, and its stream, if it answers with one, is read in that same task. Nobody reads ahead of whoever wants
the body: a plain stream is asked for each chunk, an async one is one chunk ahead.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from partita.actors.kernel.delivery import KernelCallbacks, Place
from partita.actors.kernel.future import Future
from partita.actors.kernel.task_place import TaskPlace
from partita.actors.kernel.world import Upload
from partita.actors.network.fields import Fields
from partita.actors.network.http import (
    AsyncByteStream,
    Headers,
    NetError,
    Request,
    Response,
    SyncByteStream,
    VerbatimURL,
)
from partita.actors.network.pipe import PipeWriter, pipe
from partita.actors.protocols.bodies import PIECE_BYTES, Chunks, PipedBody, SteppedBody, WholeBody, octets_of
from partita.actors.protocols.structures import ProtocolRequest, ProtocolResponse, UploadedBytes

Function = Callable[..., Any]


class Question:
    """A request, as a handler is asked it. ``abandon()``: nobody wants the answer any more."""

    def __init__(self, method: str, url: str, headers: Fields, body: bytes | Upload, referrer: str) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.referrer = referrer
        self.abandoned: Future[None] = Future()
        self.answered = False

    def abandon(self) -> None:
        """Whoever works on it is stopped. May be called twice."""
        self.abandoned.settle()

    async def whole_body(self) -> bytes:
        """The body, read to its end."""
        if not isinstance(self.body, bytes):
            self.body = b"".join([chunk async for chunk in self.body.chunks()])
        return self.body


class Told(Struct, frozen=True):
    """What a handler has answered, and where its streams are read: plain ones at ``place``, async ones in ``task``.

    A plain function has no task; one begins ``beside`` its place when it is needed.
    """

    result: object
    place: Place
    beside: Place
    task: TaskPlace | None
    body: bytes | Upload

    def stream(self, source: object) -> Chunks:
        """The body that a handler gave: bytes, a file, an iterator, an async iterator; None is an empty one.

        Raises :class:`TypeError` for something else.
        """
        if isinstance(source, Response):
            raise TypeError("an httpx.Response is the answer of a handler that was set by handle()")
        if source is None:
            return WholeBody(b"")
        if isinstance(source, (bytes, bytearray, memoryview)):
            return WholeBody(bytes(source))
        read = getattr(source, "read", None)
        if callable(read):
            if inspect.iscoroutinefunction(read):
                return self._piped(_Reads(source, read))
            return SteppedBody(self.place, lambda: read(PIECE_BYTES) or None, _closer(source), self.end)
        if isinstance(source, AsyncIterable):
            return self._piped(source)
        if hasattr(source, "__iter__") and not isinstance(source, str):
            return SteppedBody(self.place, _Steps(source), _closer(source), self.end)
        raise TypeError(f"a stream is a file, an iterator or an async iterator of bytes, not {type(source).__name__}")

    def end(self) -> None:
        """Its answer needs no more of it."""
        if self.task is not None:
            self.task.end()

    def discard(self) -> None:
        """Nobody wants its answer: what it holds open is closed."""
        source = self.result
        if isinstance(source, Response):
            source = source.stream
        elif isinstance(source, ProtocolResponse):
            source = source.data
        elif isinstance(source, Mapping):
            source = source.get("data")
        is_async = hasattr(source, "aclose")
        closed = self.own_task().run(_close, source) if is_async else self.place.run(_closer(source))
        closed.when_done(closed.failure)
        self.end()

    def own_task(self) -> TaskPlace:
        """Where async functions run for this answer."""
        return TaskPlace(self.beside, "a handler's stream") if self.task is None else self.task

    def _piped(self, source: AsyncIterable[bytes]) -> Chunks:
        task = self.own_task()
        writer, reader = pipe(task.stop)

        filled = task.run(_fill, writer, source)
        filled.when_done(filled.failure)
        task.end()
        return PipedBody(reader)


class Conversation:
    """A registered handler: ask it, and it answers where it runs."""

    def __init__(
        self, function: Function, place: Place, *, callbacks: Place, async_callbacks: Place, takes_request: bool
    ) -> None:
        """``callbacks``, ``async_callbacks``: where plain and async functions run when ``place`` is no more.

        ``takes_request``: it is given an ``httpx.Request`` and returns its answer; else see :class:`ProtocolRequest`.
        """
        self._function = function
        self._place = place
        self._callbacks = callbacks
        self._async_callbacks = callbacks if isinstance(callbacks, KernelCallbacks) else async_callbacks
        self._takes_request = takes_request
        self._is_async = is_async(function)
        self._calls_back = not takes_request and takes_a_callback(function)

    def ask(self, question: object) -> Future[Told]:
        """The future of the answer; what the function raises fails it."""
        assert isinstance(question, Question)
        place = self._place if self._place.alive() else self._callbacks
        beside = self._async_callbacks if place is self._callbacks else place
        reads_first = not isinstance(question.body, bytes) and not (self._is_async and self._takes_request)
        task = TaskPlace(beside, "a handler") if self._is_async or reads_first else None
        told: Future[Told] = Future()
        if task is not None:
            question.abandoned.when_done(task.stop)

        def succeed(result: object) -> None:
            at = task if self._is_async and task is not None else place
            answer = Told(result, at, beside, task, question.body)
            question.answered = True
            told.settle(answer)
            if question.abandoned.done:
                answer.discard()

        def fail(error: BaseException) -> None:
            if task is not None:
                task.end()
            if not told.done:
                told.set_exception(error)

        def call() -> None:
            at = task if self._is_async and task is not None else place
            answer = self._called(question, at)
            answer.when_done(lambda: _settle(answer, succeed, fail))

        if reads_first and task is not None:
            read = task.run(question.whole_body)
            read.when_done(lambda: _settle(read, lambda _: call(), fail))
        else:
            call()
        return told

    def _called(self, question: Question, place: Place) -> Future[Any]:
        request = http_request(question) if self._takes_request else protocol_request(question)
        if not self._calls_back:
            return place.run(self._function, request)
        answer: Future[Any] = Future()

        def callback(response: object = None) -> None:
            answer.settle(response)  # a second call says nothing (FEATURES R26)

        def fail(error: BaseException) -> None:
            if not answer.done:
                answer.set_exception(error)

        def returned(value: object) -> None:
            if value is not None:
                answer.settle(value)

        run = place.run(self._function, request, callback)
        run.when_done(lambda: _settle(run, returned, fail))
        return answer


def _settle(future: Future[Any], succeed: Callable[[Any], None], fail: Callable[[BaseException], None]) -> None:
    error = future.failure()
    if error is not None:
        fail(error)
    else:
        succeed(future.outcome())


def is_async(function: Function) -> bool:
    """Whether calling it gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def takes_a_callback(function: Function) -> bool:
    """Whether it wants ``(request, callback)``, as Electron's handlers do, and not ``(request)`` (FEATURES R26)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions do not say
        return False
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) > 1


# -- requests -------------------------------------------------------------------------------------------------------------


class UploadStream(AsyncByteStream):
    """The body of a request that is made while it is sent (FEATURES H6).

    It is there until the handler has answered: nobody goes on sending to one who has (Fetch standard 5.3, ``duplex: "half"``).
    """

    def __init__(self, question: Question, upload: Upload) -> None:
        self._question = question
        self._chunks: Final = upload.chunks()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk
        if self._question.answered:  # then it has ended wherever it stood
            raise NetError("ERR_ABORTED", "a request's body has to be read before its handler answers")


def http_request(question: Question) -> Request:
    """What ``handle`` gives to its function. ``extensions["referrer"]`` says where the request comes from."""
    body = question.body
    request = Request(
        question.method,
        "http://handler/",
        headers=_octets(question.headers),
        content=body if isinstance(body, bytes) else None,
        stream=None if isinstance(body, bytes) else UploadStream(question, body),
        extensions={"referrer": question.referrer},
    )
    request.url = VerbatimURL(question.url)
    if not any(name.lower() == "host" for name, _ in question.headers):
        host = request.url.netloc.decode("ascii")
        if host:
            request.headers["host"] = host
        else:
            request.headers.pop("host", None)
    return request


def protocol_request(question: Question) -> ProtocolRequest:
    """What the functions of the ``register_*`` and ``intercept_*`` families are given."""
    assert isinstance(question.body, bytes), "it has been read"
    headers: dict[str, str] = {}
    for name, value in question.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    upload = (UploadedBytes(question.body),) if question.body else None
    return ProtocolRequest(question.url, question.referrer, question.method, headers, upload)


def _octets(headers: Fields) -> Headers:
    """FEATURES H6: an opaque origin is not shown."""
    return Headers(
        [
            (name.encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers
            if not (name.lower() == "origin" and value == "null")
        ]
    )


# -- streams --------------------------------------------------------------------------------------------------------------


class _Steps:
    """An iterable, a chunk at each call; None at its end."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._iterator: Iterator[object] | None = None

    def __call__(self) -> object:
        if self._iterator is None:
            self._iterator = iter(self._source)
        chunk = next(self._iterator, None)
        while chunk == b"":
            chunk = next(self._iterator, None)
        return chunk


class _Reads:
    """A file whose ``read`` is async, as an async iterator."""

    def __init__(self, source: object, read: Callable[[int], Awaitable[object]]) -> None:
        self._source = source
        self._read = read

    def __aiter__(self) -> _Reads:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._read(PIECE_BYTES)
        if not chunk:
            raise StopAsyncIteration
        return octets_of(chunk)

    async def aclose(self) -> None:
        await _close(self._source)


async def _fill(writer: PipeWriter, source: AsyncIterable[object]) -> None:
    """Put a stream into a pipe. It is closed before its reader hears of its end."""
    chunks = aiter(source)
    try:
        try:
            async for chunk in chunks:
                if not await writer.put(octets_of(chunk)):
                    return
        finally:
            with suppress(Exception):  # what the end of a stream raises is nobody's business any more
                await _close(chunks)
                await _close(source)
    except Exception as error:  # noqa: BLE001  # it is the reader's
        writer.fail(error)
    except BaseException:
        writer.fail(NetError("ERR_ABORTED", "the handler's loop has ended, or nobody wants more of its stream"))
        raise
    else:
        writer.end()


def _closer(source: object) -> Callable[[], None]:
    """What closes a plain stream."""

    def close() -> None:
        wrapped = _wrapped_by(source) if isinstance(source, SyncByteStream) else None
        for each in (source, wrapped):
            method = getattr(each, "close", None)
            if callable(method):
                method()

    return close


async def _close(source: object) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if callable(close):
        closed = close()
        if inspect.isawaitable(closed):
            await closed
    if isinstance(source, AsyncByteStream):
        await _close(_wrapped_by(source))


def _wrapped_by(stream: AsyncByteStream | SyncByteStream) -> object:
    """What ``httpx.Response(content=...)`` was given: the stream that it makes of that does not close it."""
    return getattr(stream, "_stream", None)
