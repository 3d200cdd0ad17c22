"""The arguments of a frame's requests that have a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from partita.events.network import CacheMode, Credentials, Redirect, ReferrerPolicy, ResourceType
from partita.events.permissions import CheckedMediaType, FileAccessType, MediaType
from partita.requesting import Content, HeaderValues

PageMode = Literal["cors", "no-cors"]
"""How a page's request is made (Fetch standard 2.2.5)."""


class PageRequestOptions(TypedDict, total=False):
    """All of the arguments of :meth:`Frame.fetch` that have a name."""

    method: str
    headers: HeaderValues | None
    content: Content | None
    json: object
    data: Mapping[str, Any] | None
    files: Mapping[str, Any] | None
    mode: PageMode
    credentials: Credentials
    cache: CacheMode
    redirect: Redirect
    referrer: str | None
    referrer_policy: ReferrerPolicy
    resource_type: ResourceType
    timeout: float | None


class CheckDetails(TypedDict, total=False):
    """What belongs to some permissions only, where they are checked (FEATURES F16c, F16d)."""

    security_origin: str
    media_type: CheckedMediaType
    external_url: str
    file_path: str
    is_directory: bool
    file_access_type: FileAccessType


class RequestDetails(TypedDict, total=False):
    """The same, where they are requested (FEATURES F15b to F15d, T24)."""

    security_origin: str
    media_types: Sequence[MediaType]
    external_url: str
    file_path: str
    is_directory: bool
    file_access_type: FileAccessType
