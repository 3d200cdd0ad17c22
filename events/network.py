"""A request that the network is asked for (FEATURES F12). It changes no state of its own, so it leaves no turn."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from partita.events.types import Effect, Message

Redirect = Literal["follow", "manual", "error"]
"""What a redirect means to the caller: go there, hand the 3xx response over, or fail (Fetch standard 2.2.5)."""

Credentials = Literal["include", "omit", "same-origin"]
"""Whether cookies are sent and stored. Without a page, same-origin means include (FEATURES F12d)."""

CacheMode = Literal["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"]
"""What the HTTP cache may do (Fetch standard 2.2.5, FEATURES F12i)."""

ResourceType = Literal[
    "mainFrame",
    "subFrame",
    "stylesheet",
    "script",
    "image",
    "font",
    "object",
    "xhr",
    "ping",
    "cspReport",
    "media",
    "webSocket",
    "other",
]
"""What a request is for, as webRequest's filters name it (FEATURES W4)."""

ReferrerPolicy = Literal[
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
]
"""What a request may say of the page that it comes from (Referrer Policy 3); empty is the default, the last but one."""

RequestMode = Literal["navigate", "same-origin", "no-cors", "cors"]
"""Fetch standard 2.2.5."""


class Initiator(Struct, frozen=True):
    """The page that a request comes from. A request without one is a top-level, same-site one (API.md, ``fetch``).

    ``page``: its id. ``url``: its document's, without a fragment. ``top_level_url``: that of the page's main frame, whose site
    is the one of cookies and cache. ``mode`` is ``"navigate"`` where the request replaces the document.
    ``user_activated``: a person asked for it. ``referrer``: what it names in place of its document, empty for nothing.
    ``cross_site_ancestor``: a frame around its own is of another site than the main frame.
    """

    page: str
    url: str
    top_level_url: str
    mode: RequestMode = "cors"
    referrer_policy: ReferrerPolicy = ""
    user_activated: bool = False
    referrer: str | None = None
    cross_site_ancestor: bool = False


class Fetch(Message, frozen=True, tag="network.fetch/1"):
    """Send a request. The body stays with the call of that id: bulk bytes never ride in messages.

    ``timeout_s`` bounds each wait of the exchange (to connect, to send, for the next bytes), not the whole of it.
    ``streamed``: the call is answered when the head has come, and its caller reads the body.
    """

    call_id: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None
    cache: CacheMode = "default"
    bypass_custom_protocol_handlers: bool = False
    resource_type: ResourceType = "xhr"
    initiator: Initiator | None = None
    streamed: bool = False


class SendRequest(Effect, frozen=True, tag="network.send_request/1"):
    """The same, for the world to do. The call of that id is answered with the response; no outcome comes back."""

    call_id: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None
    cache: CacheMode = "default"
    bypass_custom_protocol_handlers: bool = False
    resource_type: ResourceType = "xhr"
    initiator: Initiator | None = None
    streamed: bool = False


class RevalidateCached(Message, frozen=True, tag="network.revalidate_cached/1"):
    """A response was served stale: ask its server again, for the cache alone (RFC 5861 3)."""

    lazy: ClassVar[bool] = True
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials = "include"
    timeout_s: float | None = None
    resource_type: ResourceType = "xhr"
    initiator: Initiator | None = None


class Revalidate(Effect, frozen=True, tag="network.revalidate/1"):
    """The same, for the world to do. Nobody waits for it."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials = "include"
    timeout_s: float | None = None
    resource_type: ResourceType = "xhr"
    initiator: Initiator | None = None


class Preconnect(Message, frozen=True, tag="network.preconnect/1"):
    """Have ``num_sockets`` idle connections to the origin of ``url`` (FEATURES F10)."""

    lazy: ClassVar[bool] = True
    url: str
    num_sockets: int = 1


class OpenConnections(Effect, frozen=True, tag="network.open_connections/1"):
    """The same, for the world to do. Nobody waits for it."""

    url: str
    num_sockets: int = 1


class CloseAllConnections(Message, frozen=True, tag="network.close_all_connections/1"):
    """Close the partition's connections, those in use as well (FEATURES F11). The call of that id is answered when it is done."""

    call_id: int


class CloseConnections(Effect, frozen=True, tag="network.close_connections/1"):
    """The same, for the world to do."""

    call_id: int
