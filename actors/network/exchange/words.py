"""What the machine of an exchange asks for, and what it is told. Frozen, and all of it plain data.

The machine gives one :data:`Command` at a time and is fed one :data:`Word` in answer to it; what it tells the session on the
way is in :attr:`Exchange.told`.
"""

from __future__ import annotations

from msgspec import Struct

from partita.actors.cache.rules import CachedHead, StoreOrder
from partita.actors.kernel.world import Interim, NetworkRequest
from partita.actors.network.fields import Fields
from partita.actors.network.http import NetError, RedirectRefused
from partita.actors.web_request.details import Details, WebRequestResponse
from partita.events.cookies import CookiesReceived
from partita.events.protocols import SchemeHandler


class Head(Struct, frozen=True):
    """The head of a response, wherever it comes from."""

    status: int
    reason: str
    http_version: str
    headers: Fields
    interim: tuple[Interim, ...] = ()
    remote_address: str | None = None


class Hop(Struct, frozen=True):
    """A redirect that was followed: what was sent, and the head of what came back."""

    request: NetworkRequest
    status: int
    reason: str
    http_version: str
    headers: Fields


# -- commands -------------------------------------------------------------------------------------------------------------


class AskHook(Struct, frozen=True):
    """Ask a webRequest listener that may change what happens. Answered by :class:`HookAnswered`."""

    hook: str
    details: Details


class NotifyHook(Struct, frozen=True):
    """Tell a webRequest listener that only looks on. Nobody waits for it."""

    hook: str
    details: Details


class Send(Struct, frozen=True):
    """Ask the network. Answered by :class:`HeadCame` or :class:`SendFailed`."""

    request: NetworkRequest


class AskScheme(Struct, frozen=True):
    """Ask the handler of a scheme; None: read the file that a ``file:`` URL names. Answered as :class:`Send` is."""

    handler: SchemeHandler | None
    request: NetworkRequest
    referrer: str


class OpenCached(Struct, frozen=True):
    """Begin to read a stored body. Answered by :class:`CacheOpened` or :class:`CacheBroke`."""

    head: CachedHead


class StoreCookies(Struct, frozen=True):
    """Tell the jar, and wait until it has been: a redirect's cookies go to where it leads. Answered by :class:`Done`."""

    message: CookiesReceived


class Drain(Struct, frozen=True):
    """Let go of the response at hand, so that its connection can be used again. Answered by :class:`Done`.

    ``store``: its body is worth keeping, if it is short.
    """

    store: StoreOrder | None = None


class ReadBody(Struct, frozen=True):
    """Read and decode the whole body, for those who may rewrite it. Answered by :class:`BodyRead` or :class:`BodyBroke`.

    ``content_encoding``: the codings that it came in; ``cached``, ``store``: as in :class:`Deliver`.
    """

    content_encoding: str
    cached: CachedHead | None = None
    store: StoreOrder | None = None


class Deliver(Struct, frozen=True):
    """The answer's head: its body is the caller's to read, and its end is told by one of the words for it.

    ``cached``: its body is (or begins with) this stored one; ``body``: it is these bytes; neither: it is the network's.
    ``store``: what is read is to be stored.
    """

    request: NetworkRequest
    head: Head
    hops: tuple[Hop, ...]
    from_cache: bool
    cached: CachedHead | None = None
    body: bytes | None = None
    store: StoreOrder | None = None


class Fail(Struct, frozen=True):
    """It has failed; nothing more will be asked for."""

    error: NetError | RedirectRefused


class Over(Struct, frozen=True):
    """The body has been read, or was left alone; nothing more will be asked for."""


Command = AskHook | Send | AskScheme | OpenCached | StoreCookies | Drain | ReadBody | Deliver | Fail | Over


# -- words ----------------------------------------------------------------------------------------------------------------


class Begin(Struct, frozen=True):
    """The first word."""


class HookAnswered(Struct, frozen=True):
    """What the listener said; None: nothing."""

    answer: WebRequestResponse | None


class HeadCame(Struct, frozen=True):
    head: Head


class SendFailed(Struct, frozen=True):
    error: NetError


class CacheOpened(Struct, frozen=True):
    """The stored body is there."""


class CacheBroke(Struct, frozen=True):
    """The stored body is not there (any more)."""


class Done(Struct, frozen=True):
    """It has been done."""


class BodyRead(Struct, frozen=True):
    content: bytes


class BodyEnded(Struct, frozen=True):
    """The caller has read it all."""


class BodyBroke(Struct, frozen=True):
    error: NetError


class BodyLeft(Struct, frozen=True):
    """The caller has closed the response before its end, or has gone."""


Word = (
    Begin
    | HookAnswered
    | HeadCame
    | SendFailed
    | CacheOpened
    | CacheBroke
    | Done
    | BodyRead
    | BodyEnded
    | BodyBroke
    | BodyLeft
)
