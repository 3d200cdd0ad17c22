"""The network port on the simulation kernel: exchanges with the table of hosts, in virtual time.

It fails with the names that the live port gives to the same events. There is one wait for a head and one for a chunk of the
body, so that a run of many exchanges stays cheap.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from functools import lru_cache
from typing import Final

from partita.actors.kernel.world import Clock, NetworkRequest, NetworkResponse
from partita.actors.network.http import URL, NetError, Request, UnreadableURL
from partita.simulations.internet.deadlines import Within
from partita.simulations.internet.deliveries import SILENCE_S, Delivery
from partita.simulations.internet.hosts import KEEP_ALIVE_S, Connection, Internet
from partita.simulations.life import Life

_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


class SimulatedNetwork:
    """The port ``network`` of one process."""

    def __init__(self, internet: Internet, life: Life) -> None:
        self.life = life
        self._internet = internet
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._closed = False

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        self.life.check()
        if self._closed:
            raise NetError("ERR_ABORTED", "the network has been closed")
        url = _parsed(request.url)
        if url.scheme not in _PORTS:
            raise NetError("ERR_UNKNOWN_URL_SCHEME", f"{url.scheme}: is not spoken here")
        origin = (url.scheme, url.host, url.port or _PORTS[url.scheme])
        connection = self._unused(origin) or await self._connect(origin, request.timeout_s)
        try:
            return await self._exchange(origin, connection, url, request)
        except BaseException:
            self._internet.hang_up(connection)
            raise

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close`."""
        self._closed = True
        for idle in self._idle.values():
            for _, connection in idle:
                self._internet.hang_up(connection)
        self._idle.clear()

    # -- connections ----------------------------------------------------------------------------------------------------

    def _unused(self, origin: Origin) -> Connection | None:
        """An idle connection that the server has not closed yet, the one used last."""
        idle = self._idle.get(origin, [])
        while idle:
            since, connection = idle.pop()
            if not connection.broken and self._internet.clock.monotonic() - since < KEEP_ALIVE_S:
                return connection
            self._internet.hang_up(connection)
        return None

    def done_with(self, origin: Origin, connection: Connection, *, again: bool) -> None:
        """The response has been closed; ``again``: nothing of it is left on the connection."""
        if self._closed or connection.broken or not (again and self.life.alive):
            self._internet.hang_up(connection)
            return
        self._internet.answered(connection)
        self._idle.setdefault(origin, []).append((self._internet.clock.monotonic(), connection))

    async def _connect(self, origin: Origin, timeout_s: float | None) -> Connection:
        internet = self._internet
        scheme, name, port = origin
        route = internet.route(name, port)
        line = Line(internet.clock, self.life, timeout_s)
        await line.wait(route.delay_s)
        if route.error is not None:
            raise NetError(route.error, f"{name}:{port}")
        connection = internet.connect(name, port, self.life)
        if connection is None:
            raise NetError("ERR_CONNECTION_REFUSED", f"{name}:{port} is down")
        connection.tls = scheme == "https"
        return connection

    # -- exchanges ------------------------------------------------------------------------------------------------------

    async def _exchange(
        self, origin: Origin, connection: Connection, url: URL, sent: NetworkRequest
    ) -> NetworkResponse:
        internet = self._internet
        line = Line(internet.clock, self.life, sent.timeout_s, connection)
        fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.headers]
        request = Request(sent.method, url, headers=fields, content=sent.body)
        await line.wait(internet.latency_s + len(sent.body) / internet.bandwidth)
        delivery = await line.within(internet.answer(connection, request))
        head_bytes = delivery.head_bytes
        if delivery.garbage:
            await line.wait(internet.latency_s)
            raise NetError("ERR_INVALID_HTTP_RESPONSE", "illegal status line")
        if delivery.ending is not None and delivery.ends_at < head_bytes:
            await line.wait(internet.latency_s)
            await line.end(delivery, "ERR_EMPTY_RESPONSE")
        body = _Body(internet, line, delivery)
        await line.wait(internet.latency_s + (head_bytes + body.along_with_head) / internet.bandwidth)
        internet.answering(connection, sent.url)
        return SimulatedResponse(self, origin, connection, delivery, body)


@lru_cache(maxsize=1024)
def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except UnreadableURL as error:
        raise NetError("ERR_INVALID_URL", str(error)) from error


class Line:
    """Waiting for what comes over a connection, no longer than the timeout of the request."""

    def __init__(self, clock: Clock, life: Life, timeout_s: float | None, connection: Connection | None = None) -> None:
        self._clock = clock
        self._life = life
        self._timeout_s = timeout_s
        self.connection = connection

    async def wait(self, seconds: float) -> None:
        """Until something comes after ``seconds``. Raises :class:`NetError` when that is too late, or the line breaks."""
        timeout_s = self._timeout_s
        if timeout_s is not None and seconds > timeout_s:
            await self._clock.sleep(timeout_s)
            self.check()
            raise NetError("ERR_TIMED_OUT", f"nothing came for {timeout_s} s")
        await self._clock.sleep(seconds)
        self.check()

    def check(self) -> None:
        """Whether process and connection are still there."""
        self._life.check()
        if self.connection is not None and self.connection.broken:
            raise NetError("ERR_CONNECTION_RESET", "the host went down")

    async def within(self, answer: Awaitable[Delivery]) -> Delivery:
        """What a host says, if it does so in time."""
        try:
            delivery = await Within(self._clock, self._timeout_s, answer)
        except TimeoutError:
            self._life.check()
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
    """A response whose head has come."""

    http_version = "HTTP/1.1"

    def __init__(
        self, network: SimulatedNetwork, origin: Origin, connection: Connection, delivery: Delivery, body: _Body
    ) -> None:
        self._network = network
        self._origin = origin
        self._connection = connection
        self._body = body
        self._lies = delivery.lies
        self._taken = False
        self._closed = False
        answer = delivery.answer
        self.status = answer.status
        self.reason = answer.reason
        self.headers = answer.headers

    def body(self) -> AsyncIterator[bytes]:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.body`."""
        assert not self._taken, "a body is read once"
        self._taken = True
        return self._body

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.NetworkResponse.close`."""
        if not self._closed:  # also of a process that has crashed: its connections are closed for it
            self._closed = True
            self._network.done_with(self._origin, self._connection, again=self._body.whole and not self._lies)
