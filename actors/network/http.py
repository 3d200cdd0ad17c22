"""HTTP's words: the only module that imports httpx, so that its successor can take its place in one line.

httpx is the public vocabulary (requests, responses, headers, transports, errors). What partita raises is its own:

    httpx.TransportError ── NetError          Chromium's name and number (API.md, rule 7)
    httpx.RequestError ──── RedirectRefused   redirect="error" met a redirect (FEATURES F12d)
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from httpx import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncHTTPTransport,
    BaseTransport,
    ByteStream,
    DecodingError,
    Headers,
    HTTPError,
    Limits,
    LocalProtocolError,
    PoolTimeout,
    RemoteProtocolError,
    Request,
    RequestError,
    Response,
    SyncByteStream,
    TimeoutException,
    TransportError,
    UnsupportedProtocol,
)
from httpx import InvalidURL as UnreadableURL

from partita.actors.network import net_errors
from partita.events.errors import PartitaError

__all__ = [
    "ACCEPT_ENCODING",
    "URL",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncHTTPTransport",
    "BaseTransport",
    "ByteStream",
    "DecodingError",
    "HTTPError",
    "Headers",
    "Limits",
    "LocalProtocolError",
    "NetError",
    "PoolTimeout",
    "RedirectRefused",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "Response",
    "SyncByteStream",
    "TimeoutException",
    "TransportError",
    "UnreadableURL",
    "UnsupportedProtocol",
    "net_error",
]


def _decodable() -> str:
    """The content codings that httpx decodes here: two of them need a library."""
    codings = ["gzip", "deflate"]
    if find_spec("brotli") or find_spec("brotlicffi"):
        codings.append("br")
    if find_spec("zstandard"):
        codings.append("zstd")
    return ", ".join(codings)


ACCEPT_ENCODING: Final = _decodable()


class NetError(PartitaError, TransportError):
    """A request that failed on its way. ``str()`` is ``net::ERR_NAME``, ``code`` is Chromium's number.

    ``name`` is the part after ``net::``; ``detail`` says for people what happened, and is a note under a traceback.
    """

    def __init__(self, name: str, detail: str = "", *, request: Request | None = None) -> None:
        TransportError.__init__(self, f"net::{name}", request=request)
        self.name = name
        self.code = net_errors.CODES[name]
        self.detail = detail
        if detail:
            self.add_note(detail)

    def __reduce__(self) -> tuple[type[NetError], tuple[str, str]]:
        return type(self), (self.name, self.detail)


class RedirectRefused(PartitaError, RequestError):
    """A redirect was met, and the caller asked for none. ``str()`` is Electron's text (FEATURES F12d)."""

    def __init__(self, *, request: Request | None = None) -> None:
        text = "Attempted to redirect, but redirect policy was 'error'"
        RequestError.__init__(self, text, request=request)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and the members of groups, nearest first."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        cause = current.__cause__ or current.__context__
        if cause is not None:
            waiting.append(cause)


# What h11 says in a RemoteProtocolError, and what Chromium calls it. Tried in order.
_PROTOCOL_TEXTS: Final = (
    ("incomplete chunked read", "ERR_INCOMPLETE_CHUNKED_ENCODING"),
    ("without sending complete message body", "ERR_CONTENT_LENGTH_MISMATCH"),
    ("without sending a response", "ERR_EMPTY_RESPONSE"),
    ("Receive buffer too long", "ERR_RESPONSE_HEADERS_TOO_BIG"),
)

# The most particular first.
_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (PoolTimeout, "ERR_INSUFFICIENT_RESOURCES"),
    (TimeoutException, "ERR_TIMED_OUT"),
    (UnsupportedProtocol, "ERR_UNKNOWN_URL_SCHEME"),
    (LocalProtocolError, "ERR_INVALID_ARGUMENT"),
    (DecodingError, "ERR_CONTENT_DECODING_FAILED"),
    (UnreadableURL, "ERR_INVALID_URL"),
    (TransportError, "ERR_CONNECTION_FAILED"),
)


def net_error(error: BaseException, request: Request | None = None) -> NetError:
    """The NetError that an exception of httpx, of the operating system or of OpenSSL amounts to."""
    if isinstance(error, NetError):
        return error
    failed = NetError(_name_of(error), _detail_of(error), request=request)
    failed.__cause__ = error
    return failed


def _name_of(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, OSError) and (name := net_errors.of_os_error(cause)) is not None:
            return name
    if isinstance(error, RemoteProtocolError):
        text = str(error)
        return next((name for part, name in _PROTOCOL_TEXTS if part in text), "ERR_INVALID_HTTP_RESPONSE")
    return next((name for kind, name in _KINDS if isinstance(error, kind)), "ERR_FAILED")


def _detail_of(error: BaseException) -> str:
    """The most telling text: the innermost one that is not empty."""
    texts = [text for cause in _causes(error) if (text := str(cause))]
    return texts[-1] if texts else type(error).__name__
