"""HTTP's words: the only module that imports httpx, so that its successor can take its place in one line.

httpx is the public vocabulary (requests, responses, headers, transports, errors). What partita raises is its own:

    httpx.TransportError ── NetError          Chromium's name and number (API.md, rule 7)
                            ├── TimedOut             also an httpx.ReadTimeout
                            ├── ConnectionTimedOut   also an httpx.ConnectTimeout
                            ├── NotConnected         also an httpx.ConnectError
                            ├── ConnectionLost       also an httpx.ReadError
                            ├── MalformedResponse    also an httpx.RemoteProtocolError
                            ├── NotDecoded           also an httpx.DecodingError
                            ├── UnknownScheme        also an httpx.UnsupportedProtocol
                            └── RedirectedTooOften   also an httpx.TooManyRedirects
    httpx.RequestError ──── RedirectRefused   redirect="error" met a redirect (FEATURES F12d)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Self, cast

from httpx import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    BaseTransport,
    ByteStream,
    ConnectError,
    ConnectTimeout,
    DecodingError,
    Headers,
    HTTPError,
    LocalProtocolError,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Request,
    RequestError,
    Response,
    StreamClosed,
    StreamConsumed,
    SyncByteStream,
    TimeoutException,
    TooManyRedirects,
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
    "BaseTransport",
    "ByteStream",
    "DecodingError",
    "HTTPError",
    "Headers",
    "LocalProtocolError",
    "NetError",
    "PoolTimeout",
    "RedirectRefused",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "Response",
    "StreamClosed",
    "StreamConsumed",
    "SyncByteStream",
    "TimeoutException",
    "TransportError",
    "UnreadableURL",
    "UnsupportedProtocol",
    "VerbatimURL",
    "is_httpx_default",
    "net_error",
]


ACCEPT_ENCODING: Final = "gzip, deflate, br, zstd"
"""The content codings that :mod:`partita.actors.network.decoding` undoes, as Chrome lists them."""


_HTTPX_DEFAULTS: Final[Mapping[str, re.Pattern[str]]] = {
    "user-agent": re.compile(r"python-httpx2?/\S+"),
    "accept": re.compile(r"\*/\*"),
    "accept-encoding": re.compile("gzip, deflate(, br)?(, zstd)?"),  # those that it has libraries for
}


def is_httpx_default(name: str, value: str) -> bool:
    """Whether httpx's clients (and its successor's) send this header field when nobody said otherwise."""
    default = _HTTPX_DEFAULTS.get(name.lower())
    return default is not None and default.fullmatch(value) is not None


class VerbatimURL(URL):
    """A URL whose text is what was asked for: httpx's own would write ``x:///y`` as ``x:/y`` (FEATURES H5)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text

    def __str__(self) -> str:
        return self._text


class NetError(PartitaError, TransportError):
    """A request that failed on its way. ``str()`` is ``net::ERR_NAME``, ``code`` is Chromium's number.

    ``name`` is the part after ``net::``; ``detail`` says for people what happened, and is a note under a traceback.
    ``stale_connection``: the connection had been used before, and the server closed it before it answered.
    """

    stale_connection = False

    def __new__(cls, name: str, detail: str = "", *, request: Request | None = None) -> Self:  # noqa: ARG004  # as __init__
        """The class is the one that httpx's programs look for."""
        kind = _CLASSES.get(name, cls) if cls is NetError else cls
        return cast("Self", super().__new__(kind, name))

    def __init__(self, name: str, detail: str = "", *, request: Request | None = None) -> None:
        TransportError.__init__(self, f"net::{name}", request=request)
        self.name = name
        self.code = net_errors.CODES[name]
        self.detail = detail
        if detail:
            self.add_note(detail)

    def __reduce__(self) -> tuple[type[NetError], tuple[str, str]]:
        return NetError, (self.name, self.detail)


class TimedOut(NetError, ReadTimeout):
    """The server said nothing for too long."""


class ConnectionTimedOut(NetError, ConnectTimeout):
    """No connection was made in time."""


class NotConnected(NetError, ConnectError):
    """No connection was made."""


class ConnectionLost(NetError, ReadError):
    """The connection was gone before all had come."""


class MalformedResponse(NetError, RemoteProtocolError):
    """What the server said is no HTTP, or not all of it."""


class NotDecoded(NetError, DecodingError):
    """The body is not of the codings that its head names, or unfolds beyond all measure."""


class UnknownScheme(NetError, UnsupportedProtocol):
    """Nobody answers for the URL's scheme."""


class RedirectedTooOften(NetError, TooManyRedirects):
    """One redirect led to another, and so on."""


_CLASSES: Final[Mapping[str, type[NetError]]] = {
    "ERR_TIMED_OUT": TimedOut,
    "ERR_CONNECTION_TIMED_OUT": ConnectionTimedOut,
    **dict.fromkeys(
        (
            "ERR_ADDRESS_INVALID",
            "ERR_ADDRESS_UNREACHABLE",
            "ERR_CERT_AUTHORITY_INVALID",
            "ERR_CERT_COMMON_NAME_INVALID",
            "ERR_CERT_DATE_INVALID",
            "ERR_CERT_INVALID",
            "ERR_CERT_REVOKED",
            "ERR_CONNECTION_FAILED",
            "ERR_CONNECTION_REFUSED",
            "ERR_INTERNET_DISCONNECTED",
            "ERR_NAME_NOT_RESOLVED",
            "ERR_NAME_RESOLUTION_FAILED",
            "ERR_SSL_PROTOCOL_ERROR",
            "ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        ),
        NotConnected,
    ),
    **dict.fromkeys(("ERR_CONNECTION_ABORTED", "ERR_CONNECTION_CLOSED", "ERR_CONNECTION_RESET"), ConnectionLost),
    **dict.fromkeys(
        (
            "ERR_CONTENT_LENGTH_MISMATCH",
            "ERR_EMPTY_RESPONSE",
            "ERR_INCOMPLETE_CHUNKED_ENCODING",
            "ERR_INVALID_CHUNKED_ENCODING",
            "ERR_INVALID_HTTP_RESPONSE",
            "ERR_INVALID_RESPONSE",
            "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION",
            "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH",
            "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION",
            "ERR_RESPONSE_HEADERS_TOO_BIG",
            "ERR_RESPONSE_HEADERS_TRUNCATED",
        ),
        MalformedResponse,
    ),
    "ERR_CONTENT_DECODING_FAILED": NotDecoded,
    "ERR_UNKNOWN_URL_SCHEME": UnknownScheme,
    "ERR_TOO_MANY_REDIRECTS": RedirectedTooOften,
}
"""What httpx's programs look for in an ``except``, to retry or to report: by the name of the error."""


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
