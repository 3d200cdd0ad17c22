"""The simulated internet: one table of hosts, below both levels.

:mod:`partita.simulations.internet.network` answers the kernel's network port from it in virtual time;
:mod:`partita.simulations.internet.streams` puts it below the live HTTP stack. It outlives the processes that use it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Final, TypeVar, cast, overload

from msgspec import Struct

from partita.actors.kernel.world import Clock, Network
from partita.actors.network.http import Request
from partita.simulations.faults import Faults
from partita.simulations.internet import deliveries
from partita.simulations.internet.answers import Answer, App, AsgiApp, answer_of, from_asgi, is_asgi
from partita.simulations.internet.deliveries import Delivery, delivered, without
from partita.simulations.life import Life

FAULTS: Final[Mapping[str, float]] = {
    "dns.fails": 0.05,
    "dns.slow": 0.1,
    "connect.refused": 0.05,
    "connect.slow": 0.1,  # the first SYN is lost, and sent again after a second (RFC 6298 2)
    "connect.times_out": 0.03,
    "network.keepalive_race": 0.1,  # an idle connection is closed just as a request goes out on it
    **deliveries.FAULTS,
}
"""What may go wrong between a client and a server, each with its highest odds."""

SETTINGS: Final[Mapping[str, tuple[float, ...]]] = {
    "network.latency_s": (0.0, 0.001, 0.02, 0.2),  # one way
    "network.bandwidth": (200_000.0, 1e6, 10e6, 1e9),  # bytes a second, of each connection
    "network.chunk_bytes": (16_384, 65_536, 262_144, 1_048_576),
    "server.knows_if_range": (1, 1, 1, 0),  # 0: its servers send a range whatever has become of the file
}
"""How the net is, each with the values it may have."""

KEEP_ALIVE_S: Final = 15.0
"""How long a server keeps an idle connection open."""

_LOST_SYN_S: Final = 1.0
_NO_SYN_ANSWERED_S: Final = 127.0  # Linux tells after six SYNs, each waited for twice as long as the one before
_SLOWEST_DNS_S: Final = 10.0

_EMPTY_DIGEST: Final = hashlib.sha256().hexdigest()

AnyApp = TypeVar("AnyApp", bound=Callable[..., object])


class Seen(Struct, frozen=True):
    """A request as its host saw it. ``at_s``: virtual seconds; ``body_digest``: SHA-256 in hexadecimal."""

    at_s: float
    host: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body_digest: str
    connection: int


class Host:
    """One name of the internet, its address there (of RFC 2544's networks), and the app that answers."""

    def __init__(self, name: str, app: App, address: str) -> None:
        self.name = name
        self.app = app
        self.address = address
        self.up = True


class Connection:
    """A client's connection to a host; ``number`` counts all there ever were, from 1."""

    def __init__(self, number: int, host: Host, life: Life) -> None:
        self.number = number
        self.host = host
        self.life = life
        self.requests = 0
        self.tls = False
        self.broken = False
        self.on_break: Callable[[], None] | None = None


class Route(Struct, frozen=True):
    """What a client meets that dials: after ``delay_s`` a connection, or ``error`` (Chromium's name).

    For the first ``lookup_s`` of that it waits for the name.
    """

    delay_s: float
    error: str | None = None
    lookup_s: float = 0.0


class Internet:
    """Hosts, and the lines to them.

    ``clock`` is virtual time; ``settings`` are those of :data:`SETTINGS`. ``requests``: all that hosts were asked;
    ``served``: for each URL the bodies of every version that was served whole or in part, by ETag, Last-Modified or, where
    the server gave neither, ``sha256:<digest>``.
    """

    def __init__(self, faults: Faults, clock: Clock, *, settings: Mapping[str, float]) -> None:
        self.faults = faults
        self.clock = clock
        self.latency_s = settings.get("network.latency_s", 0.02)
        self.bandwidth = settings.get("network.bandwidth", 10e6)
        self.chunk_bytes = int(min(settings.get("network.chunk_bytes", 65_536), self.bandwidth))  # a second's at most
        self.knows_if_range = bool(settings.get("server.knows_if_range", 1))
        self.requests: list[Seen] = []
        self.served: dict[str, dict[str, bytes | memoryview]] = {}
        self._hosts: dict[str, Host] = {}
        self._connections: dict[int, Connection] = {}
        self._made = 0
        self._answering: dict[int, str] = {}
        self._in_use: list[tuple[Life, Callable[[], int]]] = []

    # -- hosts --------------------------------------------------------------------------------------------------------

    @overload
    def host(self, name: str, app: AnyApp, *, asgi: None = None) -> AnyApp: ...
    @overload
    def host(self, name: str, app: None = None, *, asgi: AsgiApp) -> AsgiApp: ...
    @overload
    def host(self, name: str, app: None = None, *, asgi: None = None) -> Callable[[AnyApp], AnyApp]: ...
    def host(self, name: str, app: Callable[..., object] | None = None, *, asgi: AsgiApp | None = None) -> object:
        """Put up a host; alone, ``@internet.host("shop.test")`` decorates its app.

        ``name``: ``"shop.test"`` answers on every port, ``"shop.test:8080"`` on that one. ``app``: a plain or async function
        of an ``httpx.Request``, or an ASGI 3 application (known by its three parameters, or given as ``asgi``). What an app
        raises ends the run: it is a defect of the test.
        """
        if asgi is not None:
            self._put_up(name, from_asgi(asgi))
            return asgi
        if app is None:
            return lambda decorated: self.host(name, decorated)
        known = from_asgi(cast("AsgiApp", app)) if is_asgi(app) else cast("App", app)
        self._put_up(name, known)
        return app

    def _put_up(self, name: str, app: App) -> None:
        before = self._hosts.get(name.lower())
        number = len(self._hosts) + 1
        address = before.address if before is not None else f"198.18.{number // 256 % 256}.{number % 256}"
        self._hosts[name.lower()] = Host(name, app, address)

    def down(self, name: str) -> None:
        """Nobody listens there any more; connections to it are reset."""
        host = self._hosts[name.lower()]
        host.up = False
        for connection in [known for known in self._connections.values() if known.host is host]:
            self.break_off(connection)

    def up(self, name: str) -> None:
        """It listens again."""
        self._hosts[name.lower()].up = True

    # -- connections, for both levels -----------------------------------------------------------------------------------

    def route(self, name: str, port: int) -> Route:
        """Look a name up and dial it; the faults on the way are drawn here."""
        strikes = self.faults.strikes
        delay_s = 2 * self.latency_s
        if (slow := strikes("dns.slow")) is not None:
            delay_s += slow.random() * _SLOWEST_DNS_S
        lookup_s = delay_s
        host = self._find(name, port)
        if strikes("dns.fails") is not None or host is None:
            return Route(delay_s, "ERR_NAME_NOT_RESOLVED", lookup_s)
        lost, refused, dead = strikes("connect.slow"), strikes("connect.refused"), strikes("connect.times_out")
        delay_s += 2 * self.latency_s
        if dead is not None:
            return Route(delay_s + _NO_SYN_ANSWERED_S, "ERR_CONNECTION_TIMED_OUT", lookup_s)
        if lost is not None:
            delay_s += _LOST_SYN_S
        return Route(delay_s, None if refused is None else "ERR_CONNECTION_REFUSED", lookup_s)

    def connect(self, name: str, port: int, life: Life) -> Connection | None:
        """A new connection; None when the host is down by now."""
        host = self._find(name, port)
        if host is None or not host.up:
            return None
        self._made += 1
        connection = self._connections[self._made] = Connection(self._made, host, life)
        return connection

    def _find(self, name: str, port: int) -> Host | None:
        name = name.lower()
        return self._hosts.get(f"{name}:{port}") or self._hosts.get(name)

    def hang_up(self, connection: Connection) -> None:
        """The client, or the server, is through with it."""
        connection.broken = True
        self._connections.pop(connection.number, None)
        self._answering.pop(connection.number, None)

    def break_off(self, connection: Connection) -> None:
        """The connection is gone, and both sides are told so."""
        self.hang_up(connection)
        if connection.on_break is not None:
            connection.on_break()

    # -- exchanges, for both levels -------------------------------------------------------------------------------------

    def tires(self, connection: Connection) -> bool:
        """Whether the server has closed an idle connection just as a request went out on it (RFC 9112 9.3.1)."""
        connection.requests += 1
        return connection.requests > 1 and self.faults.strikes("network.keepalive_race") is not None

    async def answer(self, connection: Connection, request: Request) -> Delivery:
        """What the host says to a request that has arrived, and how it comes over the line."""
        path = request.url.raw_path.decode("ascii")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        content = request.content
        digest = hashlib.sha256(content).hexdigest() if content else _EMPTY_DIGEST
        host = connection.host
        self.requests.append(
            Seen(self.clock.monotonic(), host.name, request.method, path, headers, digest, connection.number)
        )

        async def ask(asked: Request) -> Answer:
            said = host.app(asked)
            answer = await answer_of(await said if isawaitable(said) else said, asked)
            self._keep(str(asked.url), asked.method, answer)
            return answer

        heard = request if self.knows_if_range else without(request, b"if-range")
        delivery = await delivered(heard, ask, self.faults)
        if delivery.lies and delivery.answer.status == 200:  # noqa: PLR2004
            announced = int(delivery.answer.header("content-length"))
            if announced < len(delivery.answer.body):  # by its own words, the server served no more than this
                body: bytes | memoryview = delivery.answer.body[:announced]
                if delivery.answer.header("content-encoding") == "gzip":  # which stands for so much of the file
                    body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body)
                self.served.setdefault(str(request.url), {})[f"announced:{announced}"] = body
        return delivery

    def _keep(self, url: str, method: str, answer: Answer) -> None:
        if answer.entity is not None:
            body: bytes | memoryview = answer.entity.body
        elif answer.status == 200 and method != "HEAD":  # noqa: PLR2004
            body = answer.body
        else:
            return
        versions = self.served.setdefault(url, {})
        version = answer.header("etag") or answer.header("last-modified")
        if not version:
            version = next((known for known, kept in versions.items() if kept is body or kept == body), "")
        if not version or (version in versions and versions[version] != body):  # weak tags do not tell bytes apart
            version = f"{version or 'sha256'}:{hashlib.sha256(body).hexdigest()}"
        versions.setdefault(version, body)

    def answering(self, connection: Connection, url: str) -> None:
        """A response is on its way there."""
        if not connection.broken:
            self._answering[connection.number] = url

    def answered(self, connection: Connection) -> None:
        """It has come, or nobody wants it any more."""
        self._answering.pop(connection.number, None)

    @property
    def open_responses(self) -> tuple[str, ...]:
        """The URLs of the responses that living processes have begun to receive and not closed yet."""
        connections = self._connections
        return tuple(url for number, url in self._answering.items() if connections[number].life.alive)

    @property
    def in_use(self) -> int:
        """How many connections of living processes carry something, are being made, or are waited for."""
        return sum(count() for life, count in self._in_use if life.alive)

    # -- ports ----------------------------------------------------------------------------------------------------------

    def network(self, life: Life) -> Network:
        """The network port of a process on the simulation kernel."""
        from partita.simulations.internet.network import SimulatedNetwork  # noqa: PLC0415  # it is written against this

        network = SimulatedNetwork(self, life)
        self._in_use.append((life, lambda: network.in_use))
        return network

    def live_network(self, life: Life) -> Network:
        """The network port of a process under trio in virtual time: the live one, over lines to these hosts."""
        from partita.simulations.internet.streams import live_network  # noqa: PLC0415  # the other level has no trio

        network = live_network(self, life)

        def in_use() -> int:
            known = network.statistics()
            return known.dialing + known.in_use + known.waiting

        self._in_use.append((life, in_use))
        return network
