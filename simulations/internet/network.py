"""The network port on the simulation kernel: exchanges with the table of hosts, in virtual time.

It fails with the names that the live port gives to the same events. There is one wait for a head and one for a chunk of the
body, so that a run of many exchanges stays cheap. It has as many connections as are asked for: what waits for one is tested
below the live stack.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Final

from msgspec import structs

from partita.actors.kernel.world import Clock, Interim, NetworkRequest, NetworkResponse, Timing, Upload
from partita.actors.network.http import URL, NetError, Request, UnreadableURL
from partita.simulations.internet.deadlines import Stop, Within
from partita.simulations.internet.deliveries import SILENCE_S, Delivery
from partita.simulations.internet.hosts import KEEP_ALIVE_S, Connection, Internet
from partita.simulations.life import Life

_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, str, int]
"""The pool, the scheme, the host and the port."""

_STALE: Final[Mapping[str, str]] = {
    "ERR_EMPTY_RESPONSE": "ERR_CONNECTION_CLOSED",
    "ERR_CONNECTION_RESET": "ERR_CONNECTION_RESET",
}
"""How a connection that was used before ends ahead of the first byte of an answer, and what that is called then."""


class SimulatedNetwork:
    """The port ``network`` of one process."""

    def __init__(self, internet: Internet, life: Life) -> None:
        self.life = life
        self._internet = internet
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._lines: dict[Line, str] = {}
        self._closed = False

    @property
    def in_use(self) -> int:
        """How many connections carry something, or are being made."""
        return len(self._lines)

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        self.life.check()
        if self._closed:
            raise NetError("ERR_ABORTED", "the network has been closed")
        url = _parsed(request.url)
        origin = _origin(request.pool, url)
        line = self._begin(origin, request.timeout_s)
        reused = False
        try:
            line.connection = None if request.on_new_connection else self._unused(origin)
            reused = line.connection is not None
            if not reused:
                line.connection = await self._connected(origin, line)
            return await self._exchange(origin, line, url, request)
        except BaseException as error:
            self.done_with(origin, line, again=False)
            if reused and not line.heard and isinstance(error, NetError) and error.name in _STALE:
                stale = NetError(_STALE[error.name], error.detail)
                stale.stale_connection = True
                raise stale from error
            raise

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """See :meth:`partita.actors.kernel.world.Network.preconnect`. One after the other."""
        self.life.check()
        with contextlib.suppress(NetError):
            origin = _origin(pool, _parsed(url))
            for _ in range(sockets - len(self._idle.get(origin, ()))):
                line = self._begin(origin, None)
                try:
                    line.connection = await self._connected(origin, line)
                    line.connection.requests = 1  # the server may tire of it before a request goes out
                finally:
                    self.done_with(origin, line, again=line.connection is not None)

    async def close_connections(self, pool: str) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close_connections`."""
        self._abort(lambda known: known == pool)

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close`."""
        self._closed = True
        self._abort(lambda _: True)

    def _abort(self, concerned: Callable[[str], bool]) -> None:
        for origin in [origin for origin in self._idle if concerned(origin[0])]:
            for _, connection in self._idle.pop(origin):
                self._internet.hang_up(connection)
        for line in [line for line, pool in self._lines.items() if concerned(pool)]:
            line.abort()

    # -- connections ----------------------------------------------------------------------------------------------------

    def _begin(self, origin: Origin, timeout_s: float | None) -> Line:
        line = Line(self._internet.clock, self.life, timeout_s)
        self._lines[line] = origin[0]
        return line

    def _unused(self, origin: Origin) -> Connection | None:
        """An idle connection that the server has not closed yet, the one used last."""
        idle = self._idle.get(origin, [])
        while idle:
            since, connection = idle.pop()
            if not connection.broken and self._internet.clock.monotonic() - since < KEEP_ALIVE_S:
                return connection
            self._internet.hang_up(connection)
        return None

    def done_with(self, origin: Origin, line: Line, *, again: bool) -> None:
        """The response has been closed; ``again``: nothing of it is left on the connection."""
        self._lines.pop(line, None)
        connection = line.connection
        if connection is None:
            return
        if self._closed or connection.broken or line.aborted or not (again and self.life.alive):
            self._internet.hang_up(connection)
            return
        self._internet.answered(connection)
        self._idle.setdefault(origin, []).append((self._internet.clock.monotonic(), connection))

    async def _connected(self, origin: Origin, line: Line) -> Connection:
        internet = self._internet
        _, scheme, name, port = origin
        began_s = internet.clock.monotonic()
        route = internet.route(name, port)
        await line.wait(route.delay_s)
        if route.error is not None:
            raise NetError(route.error, f"{name}:{port}")
        connection = internet.connect(name, port, self.life)
        if connection is None:
            raise NetError("ERR_CONNECTION_REFUSED", f"{name}:{port} is down")
        connection.tls = scheme == "https"
        looked_up_s = began_s + route.lookup_s
        line.dialed = Timing(began_s, (began_s, looked_up_s), (looked_up_s, internet.clock.monotonic()))
        return connection

    # -- exchanges ------------------------------------------------------------------------------------------------------

    async def _exchange(self, origin: Origin, line: Line, url: URL, sent: NetworkRequest) -> NetworkResponse:
        internet = self._internet
        connection = line.connection
        assert connection is not None, "there is one by now"
        fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.headers]
        content = sent.body if isinstance(sent.body, bytes) else await _read(sent.body)
        request = Request(sent.method, url, headers=fields, content=content)
        began_s = internet.clock.monotonic()
        await line.wait(internet.latency_s + len(content) / internet.bandwidth)
        sent_s = internet.clock.monotonic()
        if internet.tires(connection):
            await line.wait(internet.latency_s)
            raise NetError("ERR_EMPTY_RESPONSE", "the server closed the connection before it saw the request")
        delivery = await line.within(internet.answer(connection, request))
        head_bytes = delivery.head_bytes
        if delivery.garbage:
            await line.wait(internet.latency_s)
            raise NetError("ERR_INVALID_HTTP_RESPONSE", "illegal status line")
        if delivery.ending is not None and delivery.ends_at < head_bytes:
            await line.wait(internet.latency_s)
            line.heard = delivery.ends_at > 0
            await line.end(delivery, "ERR_RESPONSE_HEADERS_TRUNCATED" if line.heard else "ERR_EMPTY_RESPONSE")
        body = _Body(internet, line, delivery)
        await line.wait(internet.latency_s + (head_bytes + body.along_with_head) / internet.bandwidth)
        line.heard = True
        internet.answering(connection, sent.url)
        timing = structs.replace(
            line.dialed or Timing(began_s), sent_s=(began_s, sent_s), head_s=internet.clock.monotonic()
        )
        return SimulatedResponse(self, origin, line, delivery, body, timing=timing)


@lru_cache(maxsize=1024)
def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except UnreadableURL as error:
        raise NetError("ERR_INVALID_URL", str(error)) from error


def _origin(pool: str, url: URL) -> Origin:
    if url.scheme not in _PORTS:
        raise NetError("ERR_UNKNOWN_URL_SCHEME", f"{url.scheme}: is not spoken here")
    return pool, url.scheme, url.host, url.port or _PORTS[url.scheme]


async def _read(upload: Upload) -> bytes:
    """All of an upload. Raises :class:`NetError` when it is not as long as it says."""
    content = b"".join([chunk async for chunk in upload.chunks()])
    if upload.size_bytes not in (None, len(content)):
        raise NetError(
            "ERR_INVALID_ARGUMENT", f"the upload has {len(content)} bytes, and announced {upload.size_bytes}"
        )
    return content


class Line:
    """One request on its way: waiting for what comes over its connection, no longer than its timeout.

    ``heard``: something of the answer has come. ``dialed``: how long it took to connect, if it had to.
    """

    def __init__(self, clock: Clock, life: Life, timeout_s: float | None) -> None:
        self._clock = clock
        self._life = life
        self._timeout_s = timeout_s
        self._stop = Stop()
        self.connection: Connection | None = None
        self.dialed: Timing | None = None
        self.heard = False

    @property
    def aborted(self) -> bool:
        """Whether it was given up on this side."""
        return self._stop.stopped

    def abort(self) -> None:
        """Whoever waits here waits no longer."""
        self._stop.stop()

    async def wait(self, seconds: float) -> None:
        """Until something comes after ``seconds``. Raises :class:`NetError` when that is too late, or the line breaks."""
        timeout_s = self._timeout_s
        late = timeout_s is not None and seconds > timeout_s
        with contextlib.suppress(TimeoutError):
            await Within(
                self._clock,
                None,
                self._clock.sleep(seconds if timeout_s is None else min(seconds, timeout_s)),
                self._stop,
            )
        self.check()
        if late:
            late_in = "ERR_CONNECTION_TIMED_OUT" if self.connection is None else "ERR_TIMED_OUT"
            raise NetError(late_in, f"nothing came for {timeout_s} s")

    def check(self) -> None:
        """Whether process and connection are still there."""
        self._life.check()
        if self._stop.stopped:
            raise NetError("ERR_ABORTED", "all connections were closed")
        if self.connection is not None and self.connection.broken:
            raise NetError("ERR_CONNECTION_RESET", "the host went down")

    async def within(self, answer: Awaitable[Delivery]) -> Delivery:
        """What a host says, if it does so in time."""
        try:
            delivery = await Within(self._clock, self._timeout_s, answer, self._stop)
        except TimeoutError:
            self.check()
            raise NetError("ERR_TIMED_OUT", f"the host did not answer for {self._timeout_s} s") from None
        self.check()
        return delivery

    async def end(self, delivery: Delivery, closed: str) -> None:
        """The connection ends as the delivery says; ``closed`` is the name for an orderly end in the wrong place."""
        if delivery.ending == "silent":
            await self.wait(SILENCE_S)
            raise NetError("ERR_CONNECTION_TIMED_OUT", "the other side has said nothing for hours")
        if delivery.ending == "reset":
            raise NetError("ERR_CONNECTION_RESET", "connection reset by peer")
        raise NetError(closed, "the server closed the connection too early")


class _Body:
    """The chunks as they come. No generator: what a reader leaves behind must not wait for the garbage collector."""

    def __init__(self, internet: Internet, line: Line, delivery: Delivery) -> None:
        self._internet = internet
        self._line = line
        self._delivery = delivery
        answer = delivery.answer
        length = answer.header("content-length")
        size = len(answer.body)
        announced = int(length) if length else size + 1  # the last chunk of a chunked body is empty, and has to come
        cut_at = delivery.ends_at - delivery.head_bytes
        self._breaks = delivery.ending is not None and 0 <= cut_at < announced
        self._broken_off = "ERR_CONTENT_LENGTH_MISMATCH" if length else "ERR_INCOMPLETE_CHUNKED_ENCODING"
        self._until = cut_at if self._breaks else min(size, announced)
        self._at = 0
        self._stalls = delivery.stall_s > 0
        self._over = False
        self.whole = False
        small = self._until <= internet.chunk_bytes and not self._stalls
        self.along_with_head = self._until if small else 0
        self.came_along = bytes(answer.body[: self._until]) if small and not self._breaks else None
        """The body, when all of it comes along with the head."""

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        try:
            return await self._next()
        except BaseException:
            self._over = True
            raise

    async def _next(self) -> bytes:
        start, delivery = self._at, self._delivery
        if start >= self._until:
            self._line.check()
            if self._breaks:
                await self._line.end(delivery, self._broken_off)
            self.whole = True
            raise StopAsyncIteration
        end = min(start + self._internet.chunk_bytes, self._until)
        seconds = (end - start) / self._internet.bandwidth
        if self._stalls and delivery.stall_at < end:
            self._stalls = False
            seconds += delivery.stall_s
        if end > self.along_with_head:
            await self._line.wait(seconds)
        else:
            self._line.check()
        self._at = end
        return bytes(delivery.answer.body[start:end])


class SimulatedResponse:
    """A response whose head has come. ``whole_body``: see the live network's."""

    http_version = "HTTP/1.1"

    def __init__(
        self,
        network: SimulatedNetwork,
        origin: Origin,
        line: Line,
        delivery: Delivery,
        body: _Body,
        *,
        timing: Timing,
    ) -> None:
        self._network = network
        self._origin = origin
        self._line = line
        self._body = body
        self._lies = delivery.lies
        self._taken = False
        self._closed = False
        answer = delivery.answer
        self.status = answer.status
        self.reason = answer.reason
        self.headers = answer.headers
        self.interim = tuple(Interim(interim.status, interim.headers) for interim in answer.interim)
        self.remote_address: str | None = None if line.connection is None else line.connection.host.address
        self.timing: Timing | None = timing
        self.whole_body = body.came_along

    def body(self) -> AsyncIterator[bytes]:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.body`."""
        assert not self._taken, "a body is read once"
        self._taken = True
        return self._body

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.close`."""
        if not self._closed:  # also of a process that has crashed: its connections are closed for it
            self._closed = True
            whole = self._body.whole or self.whole_body is not None
            self._network.done_with(self._origin, self._line, again=whole and not self._lies)
