"""Where a redirect leads (Fetch standard 4.4, HTTP-redirect fetch). Pure."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from partita.actors.network import fields, urls
from partita.actors.network.fields import Fields
from partita.actors.network.http import ACCEPT_ENCODING, URL, NetError, RedirectRefused, UnreadableURL
from partita.events.errors import InvalidURL
from partita.events.network import Credentials, Redirect

LIMIT: Final = 20
"""Redirects that one exchange follows (Fetch standard 4.4, step 7)."""

_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_MOVED: Final = frozenset({301, 302})
_SEE_OTHER: Final = 303
_OF_THE_BODY: Final = frozenset({"content-encoding", "content-language", "content-location", "content-type"})
_OF_THE_ORIGIN: Final = frozenset({"authorization", "cookie", "host"})
_UNSAFE_SCHEMES: Final = frozenset({"about", "blob", "data", "file", "filesystem", "javascript"})


class Outgoing(Struct, frozen=True):
    """A request as its caller means it: the session's own header fields are not in it yet."""

    method: str
    url: str
    headers: Fields = ()
    body: bytes = b""
    redirect: Redirect = "follow"
    credentials: Credentials = "include"
    timeout_s: float | None = None
    accept_encoding: str = ACCEPT_ENCODING


def redirected(request: Outgoing, status: int, headers: Fields, *, followed: int) -> Outgoing | None:
    """The request that a response leads to; None when the response is the answer.

    ``followed`` is the number of redirects so far. Raises :class:`RedirectRefused` or :class:`NetError`.
    """
    if status not in _STATUSES:
        return None
    location = fields.first(headers, "location")
    if location is None or request.redirect == "manual":
        return None
    if request.redirect == "error":
        raise RedirectRefused
    if followed >= LIMIT:
        raise NetError("ERR_TOO_MANY_REDIRECTS", f"{LIMIT} redirects were followed, and {request.url} is one more")
    url = _target(request.url, location)
    method, body, kept = request.method, request.body, request.headers
    if (status in _MOVED and method == "POST") or (status == _SEE_OTHER and method not in ("GET", "HEAD")):
        method, body, kept = "GET", b"", fields.without(kept, _OF_THE_BODY)
    if urls.origin(url) != urls.origin(request.url):
        kept = fields.without(kept, _OF_THE_ORIGIN)
    return msgspec.structs.replace(request, method=method, url=url, headers=kept, body=body)


def _target(base: str, location: str) -> str:
    try:
        target = str(URL(base).join(_as_utf8(location)))
    except (UnreadableURL, ValueError) as error:
        raise NetError("ERR_INVALID_REDIRECT", f"{base} redirects to {location!r}: {error}") from None
    scheme = target.partition(":")[0].lower()
    if scheme in _UNSAFE_SCHEMES:
        raise NetError("ERR_UNSAFE_REDIRECT", f"{base} redirects to the scheme {scheme!r}")  # FEATURES F12d
    if scheme not in urls.SCHEMES:
        raise NetError("ERR_UNKNOWN_URL_SCHEME", f"{base} redirects to the scheme {scheme!r}")
    try:
        target = urls.parse_http_url(target)
    except InvalidURL as error:
        raise NetError("ERR_INVALID_REDIRECT", f"{base} redirects to {location!r}: {error}") from None
    fragment = base.partition("#")[2]
    return f"{target}#{fragment}" if fragment and "#" not in target else target


def _as_utf8(location: str) -> str:
    """Servers send UTF-8 in ``Location`` though the field is octets; what is none stays Latin-1."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location
