"""Lines below the live HTTP stack: a backend for httpcore that dials the table of hosts, under trio in virtual time.

A line is two pipes (:mod:`partita.simulations.internet.pipes`), one for each direction, and no task. The server at its other
end is one (:mod:`partita.simulations.internet.server`).

TLS is elided: ``start_tls`` notes that the client asked for it, and bytes go over the line as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import trio

from partita.actors.network.backends import (
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    WriteError,
    WriteTimeout,
)
from partita.actors.network.ports import LiveNetwork
from partita.simulations import trio_kernel
from partita.simulations.internet.hosts import Connection, Internet
from partita.simulations.internet.pipes import Pipe, os_error
from partita.simulations.internet.server import serve
from partita.simulations.life import Life

if TYPE_CHECKING:
    import ssl


def _failed(kind: type[Exception], name: str, text: str) -> Exception:
    """An error of httpcore's that an error of the system led to: its context, which httpcore lets live (no cause does)."""
    failed = kind(text)
    failed.__context__ = os_error(name)
    return failed


def live_network(internet: Internet, life: Life) -> LiveNetwork:
    """The live network port of a process, over lines to the hosts of ``internet``."""
    return LiveNetwork(SimulatedBackend(internet, life))


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


class SimulatedStream(AsyncNetworkStream):
    """The client's end of a line, as httpcore wants it."""

    def __init__(self, internet: Internet, line: Line, life: Life) -> None:
        self._internet = internet
        self._line = line
        self._life = life

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's protocol
        """Up to ``max_bytes``; ``b""`` at the end."""
        self._life.check()
        try:
            with trio.fail_after(math.inf if timeout is None else timeout):
                data = await self._line.to_client.receive(max_bytes)
        except trio.TooSlowError as error:
            raise ReadTimeout(f"nothing came for {timeout} s") from error
        except OSError as error:
            raise ReadError(str(error)) from error
        self._life.check()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """All of ``buffer``."""
        self._life.check()
        try:
            with trio.fail_after(math.inf if timeout is None else timeout):
                await self._line.to_host.send(bytes(buffer))
        except trio.TooSlowError as error:
            raise WriteTimeout(f"nothing could be sent for {timeout} s") from error
        except trio.BrokenResourceError as error:
            raise WriteError(str(error)) from error
        self._life.check()

    async def aclose(self) -> None:
        """Hang up: a process that has crashed does so as well."""
        self._internet.hang_up(self._line.connection)
        self._line.close_by_client()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002  # elided
        server_hostname: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> AsyncNetworkStream:
        """Note that the client asked for it."""
        self._life.check()
        self._line.connection.tls = True
        return self

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: an idle connection that is readable is of no use any more."""
        return self._line.to_client.readable() if info == "is_readable" else None


class SimulatedBackend(AsyncNetworkBackend):
    """Dials hosts of the table. Their servers run outside of the process, in the run's own nursery."""

    def __init__(self, internet: Internet, life: Life) -> None:
        self._internet = internet
        self._life = life

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,  # noqa: ARG002  # there is one
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  # no socket
    ) -> AsyncNetworkStream:
        """Look the name up, dial, and come back with the client's end."""
        self._life.check()
        internet = self._internet
        route = internet.route(host, port)
        with trio.move_on_after(math.inf if timeout is None else timeout) as waiting:
            await trio.sleep(route.delay_s)
        self._life.check()
        if waiting.cancelled_caught:
            raise ConnectTimeout(f"{host}:{port} did not answer for {timeout} s")
        if route.error is not None:
            raise _failed(ConnectError, route.error, f"{host}:{port}")
        connection = internet.connect(host, port, self._life)
        if connection is None:
            raise _failed(ConnectError, "ERR_CONNECTION_REFUSED", f"{host}:{port} is down")
        line = Line(internet, connection)
        trio_kernel.outside().start_soon(serve, internet, line, name=f"connection {connection.number} to {host}:{port}")
        return SimulatedStream(internet, line, self._life)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> AsyncNetworkStream:
        """There are none."""
        raise _failed(ConnectError, "ERR_CONNECTION_REFUSED", path)

    async def sleep(self, seconds: float) -> None:
        """In virtual time."""
        await trio.sleep(seconds)
