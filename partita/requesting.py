"""What a program asks for, made into a request of a partition: sessions, pages and transports all begin it here.

Everything that is wrong with a request is said at the call, before anything is sent or written. A request with a body at hand
is sent as bytes, which can be sent again where a redirect or a retry asks for it; one whose body is made on the way (a
generator, a large file) is read by :mod:`partita.uploading` while it is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Container, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Final, TypedDict, Unpack, get_args

from msgspec import Struct

from partita.actors.kernel.checking import checked
from partita.actors.kernel.delivery import caller_is_asked
from partita.actors.kernel.future import Future
from partita.actors.network.fields import Fields, check_fields, check_method, first
from partita.actors.network.http import URL, Headers, NetError, Request, Response
from partita.actors.network.responses import SessionResponse
from partita.actors.network.urls import parse_url, without_userinfo
from partita.actors.protocols.schemes import standard_schemes
from partita.events.errors import SystemClosed, WouldDeadlock
from partita.events.network import CacheMode, Credentials, Fetch, Initiator, Redirect, ResourceType
from partita.events.session import SessionState
from partita.uploading import Uploading, body_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from partita.actors.kernel.carrying import Call, Carrying
    from partita.actors.kernel.partition import Partition

HeaderValues = Mapping[str, str] | list[tuple[str, str]]
Content = str | bytes | Iterable[bytes] | AsyncIterable[bytes] | IO[bytes]

FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
"""Fields that httpx adds to a request and that the connection decides."""

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "redirect": get_args(Redirect),
    "credentials": get_args(Credentials),
    "cache": get_args(CacheMode),
    "resource_type": get_args(ResourceType),
}


class FetchFuture(Future[Response]):
    """The response of a request that has begun.

    :meth:`cancel` gives the request up. So does a task that is cancelled while it awaits: whoever waits in a ``fail_after``
    or ``wait_for`` means the request as well. ``get(timeout)`` does not: one may ask again.
    """

    __slots__ = ("_carrying", "_number")

    def __init__(self, carrying: Carrying, number: int) -> None:
        """``number``: of the call that it is the answer to."""
        super().__init__()
        self._carrying = carrying
        self._number = number

    def cancel(self) -> None:
        """Give the request up (FEATURES F12f): it fails with ``ERR_ABORTED``, and what it has opened is closed.

        Nothing happens when the answer is there already. A request that was not sent yet never is.
        """
        if not self.done:
            error = NetError("ERR_ABORTED", "the request was cancelled by the program")
            self._carrying.abandon_call(self._number, error)

    def _block(self, timeout: float | None) -> None:
        if timeout is None and caller_is_asked():
            self.cancel()
            self.when_done(self.failure)  # it is refused here, and nobody else will ask
            raise WouldDeadlock(
                "get() would stop the asyncio loop in which a listener or a protocol handler of requests runs: await it"
            )
        super()._block(timeout)

    def outcome(self) -> Response:
        """See :meth:`Future.outcome`. The first look undoes the body's codings, in the thread of whoever looks."""
        response = super().outcome()
        if isinstance(response, SessionResponse) and response.is_stream_consumed:
            response.read()
        return response

    def failure(self) -> BaseException | None:
        """See :meth:`Future.failure`."""
        error = super().failure()
        if error is None and self.done:
            try:
                self.outcome()
            except NetError as undecodable:
                return undecodable
        return error

    def __await__(self) -> Generator[Any, None, Response]:
        try:
            return (yield from super().__await__())
        except BaseException:
            self.cancel()
            raise


class Wanted(Struct, frozen=True):
    """A request as its caller gave it, checked: what goes to which URL."""

    method: str
    url: str
    headers: Fields
    body: bytes | Uploading


def wanted(
    url: str | URL | Request,
    *,
    method: str = "GET",
    headers: HeaderValues | None = None,
    content: Content | None = None,
    json: object = None,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
) -> Wanted:
    """Of a whole ``httpx.Request``, or of httpx's arguments for one. Raises :class:`TypeError`, :class:`ValueError`."""
    if isinstance(url, Request):
        beside = {"headers": headers, "content": content, "json": json, "data": data, "files": files}
        also = ["method"] * (method != "GET") + [name for name, value in beside.items() if value is not None]
        if also:
            raise TypeError(f"a whole Request brings its own {', '.join(also)}: give one or the other")
        return Wanted(check_method(url.method), str(url.url), fields_of(url), body_of(url))
    url = str(url) if isinstance(url, URL) else url
    verb, fields = check_method(method), check_fields(_pairs(headers))
    if json is data is files is None and (content is None or isinstance(content, bytes | str)):
        return Wanted(verb, url, fields, content.encode() if isinstance(content, str) else content or b"")
    given: dict[str, Any] = {"content": content, "json": json, "data": data, "files": files}
    request = Request(
        verb,
        "http://body/",  # where it goes is not httpx's to know
        headers=list(fields),
        **{name: value for name, value in given.items() if value is not None},
    )
    return Wanted(verb, url, fields_of(request), body_of(request))


def fields_of(request: Request, *, without: Container[str] = FRAMING) -> Fields:
    """A request's own header fields, checked; those that are named in lower case in ``without`` are left out."""
    named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
    return check_fields((name, value) for name, value in named if name.lower() not in without)


class FetchOptions(TypedDict, total=False):
    """What is said about a request besides what goes to which URL; see :meth:`partita.Session.fetch`.

    ``initiator``: the page that it is of. ``streamed``: the future is done when the head has come, and the body is read by
    whoever gets the response.
    """

    redirect: Redirect
    credentials: Credentials
    cache: CacheMode
    bypass_custom_protocol_handlers: bool
    resource_type: ResourceType
    timeout: float | None
    initiator: Initiator | None
    streamed: bool


class RequestOptions(FetchOptions, total=False):
    """All of the arguments of :meth:`partita.Session.fetch` that have a name."""

    method: str
    headers: HeaderValues | None
    content: Content | None
    json: object
    data: Mapping[str, Any] | None
    files: Mapping[str, Any] | None


class Order(Struct, frozen=True):
    """A request that is in order; nothing has happened yet."""

    partition: Partition
    message: Fetch
    body: bytes | Uploading

    def begin(self, *, blocking: bool = False) -> FetchFuture:
        """Send it, once. Raises :class:`SystemClosed`, :class:`Overloaded`.

        ``blocking``: the calling thread does nothing but wait for the answer: what a plain iterable makes is made there.
        """
        partition, number = self.partition, self.message.call_id
        if partition.closed:
            raise SystemClosed(f"{partition.name} has been closed; open it again with from_partition()")
        carrying = partition.carrying
        future = FetchFuture(carrying, number)
        if isinstance(self.body, bytes):
            _ask(partition, self.message, carrying.open_call(self.body, future, number)[1])
            return future
        upload, make = self.body.begin(partition.kernel, blocking=blocking)
        future.when_done(upload.close)  # answered or failed: nobody wants the rest of it
        _ask(partition, self.message, carrying.open_call(upload, future, number)[1])
        make()
        return future


def order(
    partition: Partition,
    asked: Wanted,
    *,
    redirect: Redirect = "follow",
    credentials: Credentials = "include",
    cache: CacheMode = "default",
    bypass_custom_protocol_handlers: bool = False,
    resource_type: ResourceType = "xhr",
    timeout: float | None = None,
    initiator: Initiator | None = None,
    streamed: bool = False,
) -> Order:
    """A request of a partition. Raises :class:`InvalidURL`, :class:`TypeError`, :class:`ValueError`."""
    _one_of("redirect", redirect)
    _one_of("credentials", credentials)
    _one_of("cache", cache)
    _one_of("resource_type", resource_type)
    if timeout is not None:
        if not isinstance(timeout, int | float):
            raise TypeError(f"timeout is a number of seconds, not {type(timeout).__name__}")
        if not timeout > 0:
            raise ValueError(f"timeout is a number of seconds above 0, not {timeout}")
    url, headers = _target(partition, asked)
    message = Fetch(
        call_id=partition.carrying.number(),
        method=asked.method,
        url=url,
        headers=headers,
        redirect=redirect,
        credentials=credentials,
        timeout_s=timeout,
        cache=cache,
        bypass_custom_protocol_handlers=bypass_custom_protocol_handlers,
        resource_type=resource_type,
        initiator=initiator,
        streamed=streamed,
    )
    return Order(partition, checked(message), asked.body)


def ordered(
    partition: Partition,
    url: str | URL | Request,
    *,
    method: str = "GET",
    headers: HeaderValues | None = None,
    content: Content | None = None,
    json: object = None,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    **options: Unpack[FetchOptions],
) -> Order:
    """A request of a partition; the arguments are those of :meth:`partita.Session.fetch`, and :class:`FetchOptions`.

    Raises :class:`InvalidURL`, :class:`TypeError`, :class:`ValueError`.
    """
    asked = wanted(url, method=method, headers=headers, content=content, json=json, data=data, files=files)
    return order(partition, asked, **options)


def begin_fetch(partition: Partition, url: str | URL | Request, **options: Unpack[RequestOptions]) -> FetchFuture:
    """Send it, as :func:`ordered` takes it. Raises also :class:`SystemClosed`, :class:`Overloaded`."""
    return ordered(partition, url, **options).begin()


def _target(partition: Partition, asked: Wanted) -> tuple[str, Fields]:
    """The URL, and the header fields with what its ``user:password@`` makes: no password stands in a message."""
    session = partition.actor("session").state
    assert isinstance(session, SessionState), "a partition has a session"
    url = parse_url(asked.url, standard_schemes(session.protocols))
    if "@" not in url or not url.startswith("http"):
        return url, asked.headers
    url, authorization = without_userinfo(url)
    if authorization is None or first(asked.headers, "authorization") is not None:
        return url, asked.headers
    return url, (*asked.headers, ("Authorization", authorization))


def _ask(partition: Partition, message: Fetch, call: Call) -> None:
    """Hand it to the session. One that is never begun fails for the reason that its message was not taken for."""
    try:
        taken = partition.ask(message, durable=False)
    except BaseException as error:
        call.reject(error)
        call.future.failure()  # it is raised here, and nobody else will ask
        raise

    def on_taken() -> None:
        error = taken.failure()
        if error is not None:
            call.reject(error)

    taken.when_done(on_taken)


def _pairs(headers: HeaderValues | None) -> Iterable[tuple[str, str]]:
    if headers is None:
        return ()
    if isinstance(headers, Headers):
        return headers.multi_items()
    return headers.items() if isinstance(headers, Mapping) else headers


def _one_of(name: str, value: object) -> None:
    known = _VALUES[name]
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}")
