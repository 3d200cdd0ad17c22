"""Who dials: names are looked up, addresses raced (RFC 8305), TLS begun.

Addresses are tried in the order of the resolver, the two families by turns. One attempt after the other begins, each 250 ms
after the one before it or as soon as that has failed; the first that connects wins, and the others are dropped.
"""

from __future__ import annotations

import errno
import itertools
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol

import trio
from msgspec import Struct

from partita.actors.kernel.world import Trace
from partita.actors.network.http import NetError, net_error
from partita.actors.network.transport.streams import ByteStream, TcpStream, TlsStream

ATTEMPT_DELAY_S: Final = 0.25
"""RFC 8305 5."""

_GATHERED_BYTES: Final = 1024 * 1024

_UNDER_WAY: Final = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})


class Address(Struct, frozen=True):
    """An address of a host, as the socket module takes it."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """Its IP address."""
        return str(self.sockaddr[0])


class Resolver(Protocol):
    """Who looks names up."""

    async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """All addresses, the best first. Raises ``OSError`` (``socket.gaierror``) when there is none."""
        ...


class SystemResolver:
    """The system's own, on a thread of trio's. ``localhost`` and what is below it is this machine (RFC 6761 6.3)."""

    async def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """See :class:`Resolver`."""
        name = host.rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return (
                Address(socket.AF_INET6, ("::1", port, 0, 0)),
                Address(socket.AF_INET, ("127.0.0.1", port)),
            )
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in found))


class LiveDialer:
    """The :class:`~partita.actors.network.transport.streams.Dialer` of the real network.

    ``context`` makes the TLS context when the first connection needs one: certificates are slow to load.
    """

    def __init__(
        self,
        resolver: Resolver | None = None,
        context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._resolver = resolver or SystemResolver()
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._gathered: memoryview | None = None

    async def connect(self, host: str, port: int, *, trace: Trace | None) -> TcpStream:
        """See :class:`~partita.actors.network.transport.streams.Dialer`; so for the rest."""
        began = trio.current_time()
        addresses = await self._looked_up(host, port, trace)
        looked_up = trio.current_time()
        if trace is not None:
            trace.note("TCP_CONNECT", "begin", {"address_list": [_text(address, port) for address in addresses]})
        try:
            connected, address = await _first_of(addresses, trace)
        except OSError as error:
            failed = net_error(error)
            if trace is not None:
                trace.note("TCP_CONNECT", "end", {"net_error": failed.code})
            raise failed from error
        if trace is not None:
            local = connected.getsockname()
            trace.note(
                "TCP_CONNECT",
                "end",
                {"local_address": f"{local[0]}:{local[1]}", "remote_address": _text(address, port)},
            )
        return TcpStream(connected, address.ip, (began, looked_up), (looked_up, trio.current_time()))

    async def _looked_up(self, host: str, port: int, trace: Trace | None) -> tuple[Address, ...]:
        if trace is not None:
            trace.note("HOST_RESOLVER_MANAGER_REQUEST", "begin", {"host": f"{host}:{port}"})
        try:
            addresses = await self._resolver.addresses(host, port)
        except (OSError, UnicodeError) as error:  # a name that is too long is a UnicodeError
            failed = _not_resolved(host) if isinstance(error, UnicodeError) else net_error(error)
            if trace is not None:
                trace.note("HOST_RESOLVER_MANAGER_REQUEST", "end", {"net_error": failed.code})
            raise failed from error
        if trace is not None:
            trace.note("HOST_RESOLVER_MANAGER_REQUEST", "end")
        if not addresses:
            raise _not_resolved(host)
        return _interleaved(addresses)

    async def start_tls(self, stream: ByteStream, host: str, *, trace: Trace | None) -> TlsStream:
        assert isinstance(stream, TcpStream), "TLS is begun on what this dialer has connected"
        context = self._context
        if context is None:
            context = self._context = await trio.to_thread.run_sync(self._make_context)
            context.set_alpn_protocols(["http/1.1"])
        if self._gathered is None:
            self._gathered = memoryview(bytearray(_GATHERED_BYTES))
        began = trio.current_time()
        if trace is not None:
            trace.note("SSL_CONNECT", "begin")
        try:
            secured = context.wrap_socket(
                stream.socket, server_hostname=_server_name(host), do_handshake_on_connect=False
            )
            stream.socket = secured
            await _shake_hands(secured)
        except (OSError, ValueError) as error:
            failed = net_error(error) if isinstance(error, OSError) else NetError("ERR_INVALID_URL", str(error))
            if trace is not None:
                trace.note("SSL_CONNECT", "end", {"net_error": failed.code})
            raise failed from error
        if trace is not None:
            cipher = secured.cipher()
            trace.note("SSL_CONNECT", "end", {"version": secured.version(), "cipher_suite": cipher and cipher[0]})
        return TlsStream(secured, stream, (began, trio.current_time()), self._gathered)


def _not_resolved(host: str) -> NetError:
    return NetError("ERR_NAME_NOT_RESOLVED", f"{host} has no address")


def _server_name(host: str) -> str:
    """The host as a certificate has it: without the dot of a fully qualified name, or the zone of an address."""
    return host.rstrip(".").partition("%")[0]


async def _shake_hands(secured: ssl.SSLSocket) -> None:
    while True:
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(secured)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(secured)
        else:
            return


def _text(address: Address, port: int) -> str:
    return f"[{address.ip}]:{port}" if address.family == socket.AF_INET6 else f"{address.ip}:{port}"


def _interleaved(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """The two families by turns, that of the first address first (RFC 8305 4)."""
    first = [address for address in addresses if address.family == addresses[0].family]
    others = [address for address in addresses if address.family != addresses[0].family]
    if not others:
        return addresses
    pairs = itertools.zip_longest(first, others)
    return tuple(address for pair in pairs for address in pair if address is not None)


async def _first_of(addresses: tuple[Address, ...], trace: Trace | None) -> tuple[socket.socket, Address]:
    """Race them. Raises the first address's error when none connects."""
    if len(addresses) == 1:
        return await _attempt(addresses[0], trace), addresses[0]
    errors: dict[int, OSError] = {}
    won: list[tuple[socket.socket, Address]] = []

    async def attempt(number: int, address: Address, failed: trio.Event) -> None:
        try:
            connected = await _attempt(address, trace)
        except OSError as error:
            errors[number] = error
            failed.set()
            return
        if won:
            connected.close()
            return
        won.append((connected, address))
        race.cancel_scope.cancel()

    try:
        async with trio.open_nursery(strict_exception_groups=True) as race:
            for number, address in enumerate(addresses):
                failed = trio.Event()
                race.start_soon(attempt, number, address, failed)
                with trio.move_on_after(ATTEMPT_DELAY_S):
                    await failed.wait()
    except BaseException:
        for connected, _ in won:
            connected.close()
        raise
    if not won:
        raise errors[0]
    return won[0]


async def _attempt(address: Address, trace: Trace | None) -> socket.socket:
    """Connect to one address. Raises ``OSError``."""
    if trace is not None:
        trace.note("TCP_CONNECT_ATTEMPT", "begin", {"address": _text(address, int(address.sockaddr[1]))})
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    code = 0
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address.sockaddr)
        if code in _UNDER_WAY:
            await trio.lowlevel.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except BaseException:
        sock.close()
        raise
    finally:
        if trace is not None:
            trace.note("TCP_CONNECT_ATTEMPT", "end", {"os_error": code} if code else None)
    if code:
        sock.close()
        raise OSError(code, os.strerror(code))
    return sock
