"""What a program's protocol handlers are given and what they answer with: Electron's structures (FEATURES T15 to T17, T22)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from partita.events.protocols import CustomScheme, Privileges

__all__ = [
    "CustomScheme",
    "MimeTypedBuffer",
    "Privileges",
    "ProtocolRequest",
    "ProtocolResponse",
    "ProtocolResponseUploadData",
    "UploadedBytes",
]


class UploadedBytes(Struct, frozen=True):
    """A part of a request's body (FEATURES T11): here always the whole of it, in memory."""

    bytes: bytes


class ProtocolRequest(Struct, frozen=True, rename="camel"):
    """What a handler of the ``register_*`` and ``intercept_*`` families is given (FEATURES T15).

    ``url`` is as it was asked for, without a fragment; ``headers`` by name, of those that came more than once the values
    joined by ``", "``; ``upload_data`` is None for a request without a body.
    """

    url: str
    referrer: str
    method: str
    headers: dict[str, str]
    upload_data: tuple[UploadedBytes, ...] | None = None


class ProtocolResponseUploadData(Struct, frozen=True, rename="camel"):
    """The body of the request that a handler has made in place of its own answer (FEATURES T17)."""

    content_type: str
    data: str | bytes


class ProtocolResponse(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a handler of the ``register_*`` and ``intercept_*`` families answers with (FEATURES T16, R27).

    - ``error``: the number of a Chromium network error, such as -6; the request fails with it.
    - ``status_code``, ``headers``: a list stands for a field that comes more than once. ``content-type`` among them beats
      ``mime_type`` (default: ``text/html``, for files by their extension) and ``charset`` (default: ``utf-8``).
    - ``data``: bytes, a str, or a stream of bytes: a file, an iterator, an async iterator, or None for an empty body.
    - ``path``: a file, absolute.
    - ``url``, ``method``, ``referrer``, ``upload_data``: a request to be sent instead; ``session``: through that session,
      None for the handler's own.
    """

    error: int | None = None
    status_code: int = 200
    charset: str | None = None
    mime_type: str | None = None
    headers: Mapping[str, str | Sequence[str]] | None = None
    data: object = None
    path: str | None = None
    url: str | None = None
    referrer: str | None = None
    method: str | None = None
    session: object = None
    upload_data: ProtocolResponseUploadData | None = None


class MimeTypedBuffer(Struct, frozen=True, rename="camel"):
    """Bytes and what they are (FEATURES T22): an answer of ``register_buffer_protocol``."""

    data: bytes
    mime_type: str = "text/plain"
    charset: str = "utf-8"
