"""The live network port: HTTP over connections of its own (:mod:`partita.actors.network.transport`), in trio's loop."""

from __future__ import annotations

import contextlib

import trio

from partita.actors.kernel.world import NetworkRequest, Trace
from partita.actors.network.http import NetError, net_error
from partita.actors.network.transport import Dialer, Limits, Statistics
from partita.actors.network.transport.connection import Http1Connection
from partita.actors.network.transport.deadlines import Deadlines, within
from partita.actors.network.transport.dialing import LiveDialer
from partita.actors.network.transport.pools import Group, Pools
from partita.actors.network.transport.requests import CHUNKED, request_head, target_of
from partita.actors.network.transport.response import Http1Response
from partita.actors.network.transport.streams import ByteStream


class LiveNetwork:
    """The port ``network`` on real sockets. It belongs to the trio run that first sends through it.

    ``dialer``: who connects, in place of the system's sockets and OpenSSL. ``limits``: how many connections there may be.
    """

    def __init__(self, dialer: Dialer | None = None, *, limits: Limits | None = None) -> None:
        self._dialer: Dialer = dialer or LiveDialer()
        self._pools = Pools(limits or Limits())
        self._deadlines = Deadlines()
        self._is_swept = False
        self._closed = False

    async def send(self, request: NetworkRequest) -> Http1Response:
        """See :meth:`partita.actors.kernel.world.Network.send`."""
        if self._closed:
            raise NetError("ERR_ABORTED", "the network has been closed")
        origin, target = target_of(request.url)
        body = request.body
        length = (len(body) or None) if isinstance(body, bytes) else body.size_bytes
        if length is None and not isinstance(body, bytes):
            length = CHUNKED
        head = request_head(request.method, target, origin.host_field, request.headers, length)
        began_s = trio.current_time()
        pools = self._pools
        group = pools.group((request.pool, origin))
        got = pools.take(group, fresh=request.on_new_connection)
        if isinstance(got, Http1Connection):
            connection = got
            if request.trace is not None:
                request.trace.note("SOCKET_POOL_REUSED_AN_EXISTING_SOCKET")
        else:
            connection = await self._connected(request, group, has_place=bool(got))
        response = await connection.send(request, head, pools, began_s)
        if not self._is_swept and pools.has_idle:
            self._is_swept = True
            trio.lowlevel.spawn_system_task(self._sweep, name="idle connections")
        return response

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """See :meth:`partita.actors.kernel.world.Network.preconnect`."""
        if self._closed:
            return
        try:
            origin, _ = target_of(url)
        except NetError:
            return
        group = self._pools.group((pool, origin))
        async with trio.open_nursery() as dialing:
            for _ in range(sockets - group.places):
                if self._pools.take(group, fresh=True) is not True:
                    break
                dialing.start_soon(self._preconnected, group)

    async def close_connections(self, pool: str) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close_connections`."""
        self._pools.abort(pool)

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.world.Network.close`. What is under way fails with ``ERR_ABORTED``."""
        self._closed = True
        self._pools.abort(None)

    def statistics(self) -> Statistics:
        """The connections as of now."""
        return self._pools.statistics()

    # -- connections ----------------------------------------------------------------------------------------------------

    async def _connected(self, request: NetworkRequest, group: Group, *, has_place: bool) -> Http1Connection:
        """A connection for a request that found none idle: one that is given back, or a new one."""
        trace = request.trace
        if trace is not None:
            trace.note("SOCKET_POOL", "begin")
        try:
            if not has_place:
                given = await self._given(request, group)
                if given is not None:
                    return given
            connection = await self._dialed(group, request.timeout_s, trace)
            self._pools.connected(connection)
        except NetError as error:
            if trace is not None:
                trace.note("SOCKET_POOL", "end", {"net_error": error.code})
            raise
        if trace is not None:
            trace.note("SOCKET_POOL", "end")
        return connection

    async def _given(self, request: NetworkRequest, group: Group) -> Http1Connection | None:
        if request.trace is not None:
            request.trace.note("SOCKET_POOL_STALLED_MAX_SOCKETS_PER_GROUP")
        try:
            with within(request.timeout_s):
                given = await self._pools.wait(group, fresh=request.on_new_connection)
        except trio.TooSlowError as error:
            raise NetError("ERR_TIMED_OUT", "all connections to the host were in use for too long") from error
        assert given is None or isinstance(given, Http1Connection), "pools hold what was put there"
        return given

    async def _dialed(self, group: Group, timeout_s: float | None, trace: Trace | None) -> Http1Connection:
        """A new connection in a place that the group has. Raises :class:`NetError`, and the place is free again."""
        connection = None
        dialing = trio.CancelScope()
        if timeout_s is not None:
            dialing.deadline = trio.current_time() + timeout_s
        group.dialing[dialing] = None
        try:
            with dialing:
                connection = await self._dial(group, trace)
            if dialing.cancel_called and connection is not None:
                connection.close()
                connection = None
        finally:
            del group.dialing[dialing]
            if connection is None:
                self._pools.give_up(group)
        if connection is None:
            raise _not_in_time(timeout_s) if dialing.deadline <= trio.current_time() else _aborted()
        return connection

    async def _dial(self, group: Group, trace: Trace | None) -> Http1Connection:
        origin = group.key[1]
        source = None if trace is None else trace.source("SOCKET")
        stream: ByteStream | None = None
        try:
            stream = await self._dialer.connect(origin.host, origin.port, trace=source)
            if origin.scheme == "https":
                stream = await self._dialer.start_tls(stream, origin.host, trace=source)
        except BaseException as error:
            if stream is not None:
                stream.close()
            if isinstance(error, Exception):
                raise net_error(error) from error
            raise
        return Http1Connection(group, stream, source, self._deadlines)

    async def _preconnected(self, group: Group) -> None:
        with contextlib.suppress(NetError):  # FEATURES F10: fire and forget
            connection = await self._dialed(group, None, None)
            connection.used = True  # as good as: the server may tire of it before a request goes out
            self._pools.connected(connection, idle_since=trio.current_time())

    async def _sweep(self) -> None:
        """Close what has been idle for too long; ends when nothing has been idle for as long as that."""
        idle_s = self._pools.limits.idle_s
        quiet = 0
        try:
            while quiet < 2:  # noqa: PLR2004  # the second time in a row
                until = self._pools.expire(trio.current_time())
                quiet = quiet + 1 if until is None else 0
                await trio.sleep_until(trio.current_time() + idle_s if until is None else until)
        finally:
            self._is_swept = False


def _not_in_time(timeout_s: float | None) -> NetError:
    return NetError("ERR_CONNECTION_TIMED_OUT", f"no connection for {timeout_s} s")


def _aborted() -> NetError:
    return NetError("ERR_ABORTED", "all connections were closed")
