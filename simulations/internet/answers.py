"""What a simulated host says: plain functions, async functions and ASGI applications, all brought to one form.

An answer is made whole before its first byte goes out: a host that streams is heard to its end first.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct, json, structs

from partita.actors.network.http import AsyncByteStream, Headers, Request, Response, SyncByteStream

HeaderFields = Mapping[str, str] | list[tuple[str, str]] | tuple[tuple[str, str], ...]
Body = str | bytes | bytearray | memoryview
Said = Response | Body | dict[str, Any] | tuple[int, HeaderFields, Body] | None
"""What an app may answer: a response, a text, bytes, a dict (as JSON), ``(status, headers, body)``, None (404)."""

App = Callable[[Request], Said | Awaitable[Said]]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_ASGI_PARAMETERS: Final = 3
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_BODILESS: Final = frozenset({204, 304})
_FRAMING: Final = ("content-length", "transfer-encoding")


class Entity(Struct, frozen=True):
    """One version of what a URL stands for. ``last_modified``: an HTTP date. Serve it with :func:`serve`."""

    body: bytes
    e_tag: str = ""
    last_modified: str = ""
    content_type: str = "application/octet-stream"

    @property
    def version(self) -> str:
        """What its server calls this version; ``""`` when it does not say."""
        return self.e_tag or self.last_modified


class HungUp(Exception):
    """Raised by an app to close the connection in place of an answer."""


class InterimAnswer(Struct, frozen=True):
    """A 1xx response that comes first (RFC 9110 15.2)."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]


class Answer(Struct, frozen=True):
    """A response as the server means it. ``entity`` is the whole file that it is, or is a part of; None when it is neither.

    ``interim``: what is sent before it. An app says so in its response: ``extensions={"interim_responses": [(103, headers)]}``.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: memoryview
    entity: Entity | None = None
    interim: tuple[InterimAnswer, ...] = ()

    def header(self, name: str) -> str:
        """The first field of that name (in lower case); ``""`` when there is none."""
        for given, value in self.headers:
            if given.lower() == name:
                return value
        return ""


class _Slice(AsyncByteStream, SyncByteStream):
    """A response's body, not copied; ``entity``: what it is a part of."""

    def __init__(self, view: memoryview, entity: Entity | None = None) -> None:
        self.view = view
        self.entity = entity

    def __iter__(self) -> Iterator[bytes]:
        yield bytes(self.view)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield bytes(self.view)


# -- a server of files ------------------------------------------------------------------------------------------------


def serve(request: Request, entity: Entity, *, gzipped: bytes | None = None) -> Response:
    """Answer with the entity or with the range of it that was asked for (RFC 9110 13.1.5, 14): 200, 206 or 416.

    A request for several ranges gets all of it, as servers may answer. ``gzipped``: the entity as gzip has it, to be sent in its
    place; a range is one of these bytes then.
    """
    body = entity.body if gzipped is None else gzipped
    total = len(body)
    headers = [("Content-Type", entity.content_type), ("Accept-Ranges", "bytes")]
    headers += [] if gzipped is None else [("Content-Encoding", "gzip")]
    headers += [("ETag", entity.e_tag)] if entity.e_tag else []
    headers += [("Last-Modified", entity.last_modified)] if entity.last_modified else []
    asked = _range(request, entity, total)
    start, end = (0, total) if asked is None else asked
    if asked is not None:
        if start >= end:
            return Response(416, headers=[*headers, ("Content-Range", f"bytes */{total}")])
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{total}"))
    headers.append(("Content-Length", str(end - start)))
    view = memoryview(body)[start:end] if request.method != "HEAD" else memoryview(b"")
    return Response(200 if asked is None else 206, headers=headers, stream=_Slice(view, entity))


def _range(request: Request, entity: Entity, total: int) -> tuple[int, int] | None:
    """The range that counts, as a slice; an empty one cannot be satisfied; None for all of it."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if request.method != "GET" or match is None or match[0] == "bytes=-":
        return None
    condition = request.headers.get("if-range")
    if condition is not None and (condition.startswith("W/") or condition not in (entity.e_tag, entity.last_modified)):
        return None
    if not match[1]:
        return max(0, total - int(match[2])), total
    start, end = int(match[1]), int(match[2]) + 1 if match[2] else total
    return None if end <= start < total else (start, min(end, total))


# -- asking an app ----------------------------------------------------------------------------------------------------


def is_asgi(app: Callable[..., object]) -> bool:
    """Whether it takes ``scope, receive, send`` and not one request."""
    required = [
        parameter
        for parameter in inspect.signature(app).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    return len(required) == _ASGI_PARAMETERS


def from_asgi(app: AsgiApp) -> App:
    """An ASGI 3 application as an app of one request. It is not told of its lifespan."""

    async def answer(request: Request) -> Response:
        status = 500
        headers: list[tuple[bytes, bytes]] = []
        body: list[bytes] = []
        arriving = [{"type": "http.request", "body": request.content, "more_body": False}]

        async def receive() -> MutableMapping[str, Any]:
            return arriving.pop() if arriving else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers.extend((bytes(name), bytes(value)) for name, value in message.get("headers", ()))
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        await app(_scope(request), receive, send)
        return Response(status, headers=Headers(headers), stream=_Slice(memoryview(b"".join(body))))

    return answer


def _scope(request: Request) -> Scope:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("192.0.2.1", 49152),
        "server": (url.host, url.port or (443 if url.scheme == "https" else 80)),
    }


async def answer_of(said: Said, request: Request) -> Answer:
    """What an app said, in one form. Raises :class:`TypeError` for what is no answer."""
    if said is None:
        answer = _answer(404, (("Content-Type", "text/plain; charset=utf-8"),), b"nothing here")
    elif isinstance(said, Response):
        answer = await _of_response(said)
    elif isinstance(said, str):
        answer = _answer(200, (("Content-Type", "text/html; charset=utf-8"),), said)
    elif isinstance(said, bytes | bytearray | memoryview):
        answer = _answer(200, (("Content-Type", "application/octet-stream"),), said)
    elif isinstance(said, dict):
        answer = _answer(200, (("Content-Type", "application/json"),), json.encode(said))
    elif isinstance(said, tuple) and len(said) == 3:  # noqa: PLR2004  # status, headers, body
        status, headers, body = said
        answer = _answer(status, _pairs(headers), body)
    else:
        raise TypeError(
            f"{request.url}: an app answers with a response, text, bytes, a dict, a tuple or None, not {said!r}"
        )
    return structs.replace(answer, body=memoryview(b"")) if request.method == "HEAD" else answer


def _answer(status: int, headers: tuple[tuple[str, str], ...], body: Body) -> Answer:
    view = memoryview(body.encode() if isinstance(body, str) else body)
    return Answer(status, _reason(status), _framed(status, headers, len(view)), view)


async def _of_response(response: Response) -> Answer:
    """Its body as it stands: a content coding is not undone."""
    stream = response.stream
    entity = None
    if isinstance(stream, _Slice):
        view, entity = stream.view, stream.entity
    elif isinstance(stream, SyncByteStream):
        view = memoryview(b"".join(stream))
    else:
        view = memoryview(b"".join([chunk async for chunk in stream]))
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    status = response.status_code
    given: Sequence[tuple[int, HeaderFields]] = response.extensions.get("interim_responses", ())
    interim = tuple(InterimAnswer(number, _reason(number), _pairs(fields)) for number, fields in given)
    return Answer(status, _reason(status), _framed(status, headers, len(view)), view, entity, interim)


def _pairs(headers: HeaderFields) -> tuple[tuple[str, str], ...]:
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)


def _framed(status: int, headers: tuple[tuple[str, str], ...], length: int) -> tuple[tuple[str, str], ...]:
    """The headers with a length, when they do not say how the body ends."""
    if status in _BODILESS or any(name.lower() in _FRAMING for name, _ in headers):
        return headers
    return (*headers, ("Content-Length", str(length)))


@lru_cache(maxsize=64)
def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
