"""What listeners are told of a request, and what they say (FEATURES W5 to W19, T11 to T13).

Encoded, each of these has Electron's names: ``statusLine``, ``redirectURL``, ``blobUUID``.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from partita.events.network import ResourceType
from partita.events.web_request import Stage

__all__ = ["Details", "Stage", "UploadData", "UploadFile", "UploadItem", "UploadRawData", "WebRequestResponse"]


class UploadData(Struct, frozen=True, kw_only=True, rename="camel", weakref=True):
    """A part of a request's body (FEATURES T11).

    ``rawData``: ``bytes`` are there. ``file``: the path ``file``. ``blob``: too large to be handed around; it is asked for by
    ``blob_uuid`` (``session.get_blob_data``) as long as this object is kept. ``stream``: made while it is sent, not to be read.
    """

    type: Literal["rawData", "file", "blob", "stream"]
    bytes: builtins.bytes | None = None
    file: str | None = None
    blob_uuid: str | None = field(default=None, name="blobUUID")


UploadItem = UploadData


class UploadRawData(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="rawData"):
    """Bytes to be sent (FEATURES T12)."""

    bytes: builtins.bytes


class UploadFile(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="file"):
    """A file to be sent, or a part of one (FEATURES T13).

    ``length`` in bytes from ``offset``; 0 is all that follows. ``modification_time`` in seconds since 1970; with another than 0,
    a file that was changed since then is not sent.
    """

    file_path: str
    offset: int = 0
    length: int = 0
    modification_time: float = 0.0


class Details(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a listener is told of a request. What its stage does not know is None.

    - ``id``: the same for all stages of a request, across its redirects. ``timestamp``: milliseconds since 1970.
    - ``web_contents_id``, ``frame_url``, ``top_frame_url``: the page that it comes from, its document's URL, its main frame's.
    - ``upload_data`` (``before_request``): the body, in parts.
    - ``request_headers`` (``before_send_headers``, ``send_headers``) and ``response_headers`` (from ``headers_received`` on):
      a listener gets each as a :class:`~partita.actors.web_request.header_map.HeaderMap`, where names are found in any case.
    - ``status_line``, ``status_code`` (from ``headers_received`` on), ``from_cache`` and ``ip``: what is known of the response.
    - ``redirect_url`` (``before_redirect``): where the request goes on.
    - ``error`` (``completed``: ``"net::OK"``; ``error_occurred``: ``"net::ERR_..."``).
    - ``body`` (``response_body``): the whole body, decoded.
    """

    id: int
    url: str
    method: str
    resource_type: ResourceType
    timestamp: float
    referrer: str = ""
    web_contents_id: str | None = None
    frame_url: str | None = None
    top_frame_url: str | None = None
    upload_data: tuple[UploadData, ...] | None = None
    request_headers: Mapping[str, str] | None = None
    response_headers: Mapping[str, tuple[str, ...]] | None = None
    status_line: str | None = None
    status_code: int | None = None
    from_cache: bool | None = None
    redirect_url: str | None = field(default=None, name="redirectURL")
    ip: str | None = None
    error: str | None = None
    body: bytes | None = None


class WebRequestResponse(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a blocking listener says. What it leaves out stays as it is; ``cancel`` goes before all else (FEATURES W20).

    - ``cancel``: the request fails with ``net::ERR_BLOCKED_BY_CLIENT``.
    - ``redirect_url`` (``before_request``): it goes there instead.
    - ``request_headers`` (``before_send_headers``): all that are sent (FEATURES W10).
    - ``response_headers`` (``headers_received``): all that came (W14), and with them ``status_line`` (W15).
    - ``upload_data`` (``before_request``): the body that is sent (WANTS 44).
    - ``body`` (``response_body``): the body that the caller reads (WANTS 43).
    """

    cancel: bool = False
    redirect_url: str | None = field(default=None, name="redirectURL")
    request_headers: Mapping[str, str] | None = None
    response_headers: Mapping[str, str | Sequence[str]] | None = None
    status_line: str | None = None
    upload_data: bytes | None = None
    body: bytes | None = None
