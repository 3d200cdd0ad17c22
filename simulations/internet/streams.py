"""Lines below the live HTTP stack: a dialer of the table of hosts, under trio in virtual time.

A line is two pipes (:mod:`partita.simulations.internet.pipes`), one for each direction, and no task. The server at its other
end is one (:mod:`partita.simulations.internet.server`).

TLS is elided: ``start_tls`` notes that the client asked for it, and bytes go over the line as they are.
"""

from __future__ import annotations

import trio

from partita.actors.kernel.world import Trace
from partita.actors.network.ports import LiveNetwork
from partita.actors.network.transport import ByteStream
from partita.simulations import trio_kernel
from partita.simulations.internet.hosts import Connection, Internet
from partita.simulations.internet.pipes import Pipe, os_error
from partita.simulations.internet.server import serve
from partita.simulations.life import Life

Span = tuple[float, float]


def live_network(internet: Internet, life: Life) -> LiveNetwork:
    """The live network port of a process, over lines to the hosts of ``internet``."""
    return LiveNetwork(SimulatedDialer(internet, life))


class Line:
    """Both directions between a client and a host."""

    def __init__(self, internet: Internet, connection: Connection) -> None:
        self.connection = connection
        self.to_host = Pipe(internet.latency_s, internet.bandwidth)
        self.to_client = Pipe(internet.latency_s, internet.bandwidth)
        connection.on_break = self._break

    def _break(self) -> None:
        error = os_error("ERR_CONNECTION_RESET")
        self.to_host.break_off(error)
        self.to_client.break_off(error)

    def close_by_client(self) -> None:
        """The client is through with it; what the server still sends is lost."""
        self.to_host.end()
        self.to_client.break_off(os_error("ERR_CONNECTION_RESET"))


class SimulatedStream:
    """The client's end of a line, as the live network wants it."""

    tls_s: Span | None = None

    def __init__(self, internet: Internet, line: Line, life: Life, lookup_s: Span, connect_s: Span) -> None:
        self._internet = internet
        self._line = line
        self._life = life
        self._closed = False
        self.remote_address: str | None = line.connection.host.address
        self.lookup_s: Span | None = lookup_s
        self.connect_s: Span | None = connect_s

    async def send(self, data: bytes | memoryview) -> None:
        """See :class:`~partita.actors.network.transport.streams.ByteStream`; so for the rest."""
        self._check()
        try:
            await self._line.to_host.send(bytes(data))
        except trio.BrokenResourceError as error:
            self._check()
            raise os_error("ERR_CONNECTION_RESET") from error
        self._check()

    async def receive(self, max_bytes: int) -> bytes:
        self._check()
        try:
            data = await self._line.to_client.receive(max_bytes)
        except OSError:
            self._check()
            raise
        self._check()
        return data

    def is_spoiled(self) -> bool:
        return self._line.to_client.readable()

    def close(self) -> None:
        """Hang up: a process that has crashed does so as well."""
        if not self._closed:
            self._closed = True
            self._internet.hang_up(self._line.connection)
            self._line.close_by_client()

    def secure(self) -> None:
        """Speak TLS from here on."""
        self._check()
        self._line.connection.tls = True

    def _check(self) -> None:
        self._life.check()
        if self._closed:
            raise trio.ClosedResourceError


class SimulatedDialer:
    """Dials hosts of the table. Their servers run outside of the process, in the run's own nursery."""

    def __init__(self, internet: Internet, life: Life) -> None:
        self._internet = internet
        self._life = life

    async def connect(self, host: str, port: int, *, trace: Trace | None) -> SimulatedStream:
        """See :class:`~partita.actors.network.transport.streams.Dialer`; so for the rest."""
        self._life.check()
        internet = self._internet
        route = internet.route(host, port)
        began = trio.current_time()
        await trio.sleep(route.delay_s)
        self._life.check()
        if route.error is not None:
            raise os_error(route.error)
        connection = internet.connect(host, port, self._life)
        if connection is None:
            raise os_error("ERR_CONNECTION_REFUSED")
        if trace is not None:
            trace.note("TCP_CONNECT", "none", {"remote_address": f"{connection.host.address}:{port}"})
        line = Line(internet, connection)
        trio_kernel.outside().start_soon(serve, internet, line, name=f"connection {connection.number} to {host}:{port}")
        looked_up = began + route.lookup_s
        return SimulatedStream(internet, line, self._life, (began, looked_up), (looked_up, trio.current_time()))

    async def start_tls(self, stream: ByteStream, host: str, *, trace: Trace | None) -> ByteStream:  # noqa: ARG002  # elided
        assert isinstance(stream, SimulatedStream), "TLS is begun on what this dialer has connected"
        stream.secure()
        return stream
