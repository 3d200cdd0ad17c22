"""Where a redirect leads (Fetch standard 4.4, HTTP-redirect fetch). Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from partita.actors.kernel.world import Upload
from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.network.http import ACCEPT_ENCODING, NetError, RedirectRefused
from partita.events.errors import InvalidURL
from partita.events.network import CacheMode, Credentials, Initiator, Redirect, ResourceType

LIMIT: Final = 20
"""Redirects that one exchange follows (Fetch standard 4.4, step 7)."""

STATUSES: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses of a redirect (Fetch standard 2.2.3)."""

_MOVED: Final = frozenset({301, 302})
_SEE_OTHER: Final = 303
_OF_THE_BODY: Final = frozenset({"content-encoding", "content-language", "content-location", "content-type"})
_OF_THE_ORIGIN: Final = frozenset({"authorization", "cookie", "host"})
_UNSAFE_SCHEMES: Final = frozenset({"about", "blob", "data", "file", "filesystem", "javascript"})


class Outgoing(Struct, frozen=True):
    """A request as its caller means it: the session's own header fields are not in it yet.

    ``uses_cache``: false for what must leave the cache alone, and tell caches on the way nothing of it either.
    """

    method: str
    url: str
    headers: Fields = ()
    body: bytes | Upload = b""
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None
    accept_encoding: str = ACCEPT_ENCODING
    cache: CacheMode = "default"
    bypass_custom_protocol_handlers: bool = False
    resource_type: ResourceType = "xhr"
    initiator: Initiator | None = None
    uses_cache: bool = True


def redirected(
    request: Outgoing,
    status: int,
    headers: Fields,
    *,
    followed: int,
    schemes: Collection[str] = (),
    standard_schemes: Collection[str] = (),
) -> Outgoing | None:
    """The request that a response leads to; None when the response is the answer.

    ``followed`` is the number of redirects so far; ``schemes`` are those that have a handler (FEATURES R28), ``standard_schemes``
    those whose URLs have a host and a path (H5). Raises :class:`RedirectRefused` or :class:`NetError`.
    """
    if status not in STATUSES:
        return None
    location = fields.first(headers, "location")
    if location is None or request.redirect == "manual":
        return None
    if request.redirect == "error":
        raise RedirectRefused
    url = _target(request.url, location, schemes, standard_schemes)
    method, body, kept = request.method, request.body, request.headers
    if (status in _MOVED and method == "POST") or (status == _SEE_OTHER and method not in ("GET", "HEAD")):
        method, body, kept = "GET", b"", fields.without(kept, _OF_THE_BODY)
    return moved(msgspec.structs.replace(request, method=method, headers=kept, body=body), url, followed=followed)


def moved(request: Outgoing, url: str, *, followed: int) -> Outgoing:
    """The same request for another URL. Raises :class:`NetError` after too many of them, or for a body that has been sent."""
    if followed >= LIMIT:
        raise NetError("ERR_TOO_MANY_REDIRECTS", f"{LIMIT} redirects were followed, and {request.url} is one more")
    if not isinstance(request.body, bytes):
        raise NetError(
            "ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED",
            f"{request.url} leads to {url}, and the body can be sent only once",
        )
    kept = request.headers
    if urls.origin(url) != urls.origin(request.url):
        kept = fields.without(kept, _OF_THE_ORIGIN)
    return msgspec.structs.replace(request, url=url, headers=kept)


def _target(base: str, location: str, schemes: Collection[str], standard_schemes: Collection[str]) -> str:
    text = _as_utf8(location).strip()
    if (scheme := urls.scheme_of(text).lower()) in _UNSAFE_SCHEMES:
        raise NetError("ERR_UNSAFE_REDIRECT", f"{base} redirects to the scheme {scheme[:80]!r}")  # FEATURES F12d
    try:
        target = urls.resolved(base, text, standard_schemes)
    except InvalidURL as error:
        raise NetError("ERR_INVALID_REDIRECT", f"{base} redirects to {location[:80]!r}: {error}") from None
    scheme = urls.scheme_of(target)
    if scheme not in urls.SCHEMES and scheme not in schemes:
        raise NetError("ERR_UNKNOWN_URL_SCHEME", f"{base} redirects to the scheme {scheme[:80]!r}")
    fragment = base.partition("#")[2]
    return f"{target}#{fragment}" if fragment and "#" not in target else target


def _as_utf8(location: str) -> str:
    """Servers send UTF-8 in ``Location`` though the field is octets; what is none stays Latin-1."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location
