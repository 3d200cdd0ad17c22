"""``session.transport()`` and ``session.sync_transport()``: any program that takes an httpx transport runs through a session.

    client = httpx.Client(transport=session.sync_transport())
    client = httpx.AsyncClient(transport=session.transport())      # under trio and under asyncio

Each request of the client is one exchange of the session: its cookies, its cache, webRequest, its log. What the client does
itself stays with it:

- **Redirects** are followed by the client, when ``follow_redirects`` says so; each hop goes through the session, whose jar
  takes the hop's cookies before the client hears of it.
- **Cookies.** A client has a jar of its own besides, which it fills from the responses that it sees. What it sends of those
  comes from the session, which knows of newer ones; what the program gave the client itself (``cookies={...}``, a ``Cookie``
  field) goes out with the session's, and wins over one of the same name.
- **Header fields** that httpx sends because nobody said otherwise (``User-Agent: python-httpx/…``, ``Accept``,
  ``Accept-Encoding``) give way to the session's.
- **Timeouts.** A session has one bound for each wait: the longest of ``connect``, ``read`` and ``write``, and none when one of
  them is None. ``pool`` does not count: the session's own pool is waited for without a bound.
- **Errors** are :class:`~partita.NetError`, each also of httpx's class for it (``httpx.ConnectError``, ``httpx.ReadTimeout`` and
  their like), so that ``except`` clauses and retries of libraries work. A session that is closed is ``ERR_ABORTED``.

Clients of httpx's successor, ``httpx2``, run through the same transports: see :mod:`partita.dialects`. Closing a client does not
close the session.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from partita.actors.network.fields import Fields
from partita.actors.network.http import (
    AsyncBaseTransport,
    BaseTransport,
    NetError,
    Request,
    Response,
    is_httpx_default,
)
from partita.dialects import answer_for, error_for
from partita.events.errors import SystemClosed
from partita.requesting import FRAMING, Order, Wanted, fields_of, order
from partita.uploading import body_of

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

_OF_CONNECTIONS: Final = FRAMING | {"keep-alive", "te", "trailer", "upgrade"}
_MOST_COOKIES: Final = 4096


class _SeenCookies:
    """The ``name=value`` pairs that a client has been given by responses: it may send them back as its own."""

    def __init__(self) -> None:
        self._pairs: dict[str, None] = {}

    def saw(self, set_cookies: Iterable[str]) -> None:
        for line in set_cookies:
            self._pairs[line.partition(";")[0].strip()] = None
        while len(self._pairs) > _MOST_COOKIES:
            self._pairs.pop(next(iter(self._pairs)), None)

    def without(self, headers: Fields) -> Fields:
        """The header fields, with only those cookies that the program gave the client itself."""
        if not self._pairs:
            return headers
        kept = []
        for name, value in headers:
            if name.lower() != "cookie":
                kept.append((name, value))
            elif own := [pair for each in value.split(";") if (pair := each.strip()) not in self._pairs]:
                kept.append((name, "; ".join(own)))
        return tuple(kept)


class _Requests:
    """Makes a client's requests into the session's."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._seen = _SeenCookies()

    def order(self, request: Request) -> Order:
        given = fields_of(request, without=_OF_CONNECTIONS)
        own = tuple(field for field in given if not is_httpx_default(*field))
        asked = Wanted(request.method, str(request.url), self._seen.without(own), body_of(request))
        return order(self._partition, asked, redirect="manual", timeout=_timeout_s(request), streamed=True)

    def answer(self, request: Request, response: Response) -> Response:
        if set_cookies := response.headers.get_list("set-cookie"):
            self._seen.saw(set_cookies)
        return answer_for(request, response)


def _timeout_s(request: Request) -> float | None:
    given: dict[str, Any] = request.extensions.get("timeout", {})
    bounds = [given.get(wait) for wait in ("connect", "read", "write")]
    numbers = [float(bound) for bound in bounds if bound is not None]
    return max(numbers) if len(numbers) == len(bounds) and max(numbers) > 0 else None


class AsyncSessionTransport(AsyncBaseTransport):
    """For ``httpx.AsyncClient``, under trio and under asyncio, in any loop and in several at once."""

    def __init__(self, partition: Partition) -> None:
        self._requests = _Requests(partition)

    async def handle_async_request(self, request: Request) -> Response:
        """One exchange; the response's body is unread. Raises :class:`~partita.NetError`."""
        try:
            return self._requests.answer(request, await self._requests.order(request).begin())
        except NetError as error:
            raise error_for(request, error) from error.__cause__
        except SystemClosed as error:
            raise error_for(request, NetError("ERR_ABORTED", str(error))) from error


class SessionTransport(BaseTransport):
    """For ``httpx.Client``, in any thread and in several at once."""

    def __init__(self, partition: Partition) -> None:
        self._requests = _Requests(partition)

    def handle_request(self, request: Request) -> Response:
        """One exchange; the response's body is unread. Raises :class:`~partita.NetError`."""
        try:
            return self._requests.answer(request, self._answered(request))
        except NetError as error:
            raise error_for(request, error) from error.__cause__
        except SystemClosed as error:
            raise error_for(request, NetError("ERR_ABORTED", str(error))) from error

    def _answered(self, request: Request) -> Response:
        future = self._requests.order(request).begin(blocking=True)
        try:
            return future.get()
        except BaseException:  # also a KeyboardInterrupt: nobody waits any more
            future.cancel()
            raise
