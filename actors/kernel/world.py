"""The ports: everything nondeterministic enters through one of these.

A world is a bundle of them. There are three: live (:mod:`partita.actors.live_world`), simulated, and recorded. What carries
out an effect is written once, against these protocols, and runs in all three; under the simulation kernel there is no trio,
so it may await nothing but ports and the :class:`Door`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeVar, runtime_checkable

from msgspec import Struct, field

from partita.actors.kernel.device_ports import Devices, NoDevices
from partita.actors.kernel.file_ports import BodySource, Files
from partita.actors.kernel.future import Future
from partita.actors.kernel.shared import Shared
from partita.events.turn import Cause
from partita.events.types import Effect, Message
from partita.store.disk_folder import DiskFolders
from partita.store.folder import Folders

EffectT = TypeVar("EffectT", bound=Effect)


class Clock(Protocol):
    """Time. Wall and monotonic are apart: the one may jump, the other may not."""

    def now_us(self) -> int:
        """Wall time in integer microseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after this many monotonic seconds."""
        ...


class Entropy(Protocol):
    """Randomness of the world: seeds and keys. Actors draw from ``ctx.random``, never from here."""

    def random_bytes(self, count: int) -> bytes:
        """``count`` bytes that nobody can guess (in a simulated world: of the seed)."""
        ...


class Upload(Protocol):
    """A request's body that is made while it is sent. It can be sent once."""

    size_bytes: int | None
    """Its length; None when nobody knows it, and it goes out in chunks (RFC 9112 7.1)."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, from its beginning."""
        ...


class Trace(Protocol):
    """One source of a net log: what happens to a request or a connection is noted there (FEATURES N1)."""

    sensitive: bool
    """Whether credentials are noted as well."""
    octets: bool
    """Whether the bytes of connections are noted as well."""

    def note(self, event: str, phase: str = "none", parameters: Mapping[str, object] | None = None) -> None:
        """Something happened: ``event`` is Chromium's name, ``phase`` is ``"begin"``, ``"end"`` or ``"none"``."""
        ...

    def source(self, kind: str) -> Trace:
        """A new source that depends on this one, of Chromium's ``kind``: ``"SOCKET"``, ``"HTTP_STREAM_JOB"``, ..."""
        ...


class Timing(Struct, frozen=True):
    """When what happened to one request, in monotonic seconds; None for what did not happen.

    A connection that was used before has neither lookup, connect nor TLS.
    """

    began_s: float
    lookup_s: tuple[float, float] | None = None
    connect_s: tuple[float, float] | None = None
    tls_s: tuple[float, float] | None = None
    sent_s: tuple[float, float] | None = None
    head_s: float | None = None


class Interim(Struct, frozen=True):
    """A 1xx response that came before the final one (RFC 9110 15.2)."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class NetworkRequest(Struct, frozen=True):
    """One request as it goes out: an absolute URL, and header fields in order.

    ``pool``: connections are shared within one pool only, which is a partition's (FEATURES F11). ``on_new_connection``: not on
    one that was used before: the last try failed on such a one. ``trace``: where a net log wants to hear of it.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Upload = b""
    timeout_s: float | None = None
    pool: str = ""
    on_new_connection: bool = False
    trace: Trace | None = None


class NetworkResponse(Protocol):
    """An answer whose head has come and whose body is still on its way."""

    status: int
    reason: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    interim: tuple[Interim, ...]
    remote_address: str | None
    """The server's IP address, without a port; None where there is none to tell."""
    timing: Timing | None

    def body(self) -> AsyncIterator[bytes]:
        """The body in chunks, as sent (content codings untouched). Raises ``NetError``."""
        ...

    async def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end. May be called twice."""
        ...


@runtime_checkable
class BurstingResponse(NetworkResponse, Protocol):
    """A :class:`NetworkResponse` whose body need not come by the loop. Not all do this, nor do those always."""

    async def burst(self, take: Callable[[BodySource], Awaitable[bool]]) -> bool:
        """Let ``take`` have what comes next of the body; returns what it returns. False, at once: this is not to be had now.

        No other bytes are read meanwhile, and ``take`` comes back when its thread has ended. The rest of the body, and its
        end, come by :meth:`NetworkResponse.body`. Raises what ``take`` raises, and ``NetError`` when that has come back.
        """
        ...


class Network(Protocol):
    """One exchange with a server: no redirect is followed, no cookie is known."""

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """Send the request; comes back with the head of the answer.

        Raises ``NetError``; its ``stale_connection`` says that a connection which was used before was closed by the server
        before it answered: the request may be sent again on a new one.
        """
        ...

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """Have so many idle connections to the origin of ``url`` (FEATURES F10). What fails is nobody's business."""
        ...

    async def close_connections(self, pool: str) -> None:
        """Close all connections of a pool, those in use as well: their requests fail with ``ERR_ABORTED`` (FEATURES F11)."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Handlers(Protocol):
    """The callbacks of the program around: they answer, but never enter state (DESIGN, 5)."""

    async def ask(self, partition: str, name: str, request: object) -> object:
        """Ask the handler ``name`` of a partition; None when there is none. What it raises is raised here."""
        ...

    def hand_over(self, partition: str, name: str, request: object) -> Future[None] | None:
        """Give something to whoever takes it; a future that is done when he is ready for more, None when he is, or is nobody.

        He has all the time that he wants: it is he who is kept waiting.
        """
        ...

    def notify(self, partition: str, name: str, request: object) -> None:
        """The same as :meth:`ask`, for one that only looks on: nobody waits for it. What it raises, it reports itself."""
        ...


class NetLogs(Protocol):
    """Where net logs are written, if any is (FEATURES N1)."""

    def trace(self, partition: str, kind: str) -> Trace | None:
        """A new source of Chromium's ``kind`` in the partition's net log; None when none is being written."""
        ...


class NoNetLogs:
    """Nothing is written."""

    def trace(self, partition: str, kind: str) -> Trace | None:  # noqa: ARG002  # the port's method
        """None."""
        return None


class World(Struct, frozen=True):
    """A bundle of ports. ``folders``: where the logs of persistent partitions lie (:mod:`partita.store.folder`).

    ``shared``: what effects in it know of each other, whichever partition they are of.
    """

    clock: Clock
    entropy: Entropy
    network: Network
    files: Files
    handlers: Handlers
    folders: Folders = field(default_factory=DiskFolders)
    net_logs: NetLogs = field(default_factory=NoNetLogs)
    devices: Devices = field(default_factory=NoDevices)
    shared: Shared = field(default_factory=Shared)


class Call(Protocol):
    """What no message carries: the body that a call sends, and the future that its caller holds."""

    payload: object
    stop: Callable[[], object]
    """Cancels the effect that has asked for the call, also when it has answered already. From any thread."""

    def resolve(self, value: object) -> None:
        """The call's result."""
        ...

    def reject(self, error: BaseException) -> None:
        """The call has failed."""
        ...

    def abandon(self, error: BaseException) -> None:
        """The same, where nobody has to look at it: it was given up, or everything ends."""
        ...


class Door(Protocol):
    """What carries out an effect sees of the partition that asked for it."""

    @property
    def world(self) -> World:
        """The ports."""
        ...

    @property
    def partition(self) -> str:
        """The partition's name."""
        ...

    @property
    def actor(self) -> str:
        """The actor that had the effect."""
        ...

    @property
    def cause(self) -> Cause:
        """The turn that the effect is of."""
        ...

    def number(self) -> int:
        """A number that was given to nobody else since the partition was opened, counting up."""
        ...

    async def before_waiting(self) -> None:
        """Come back in a task: what carries out an effect promptly awaits it before anything that may wait."""
        ...

    def tell(self, message: Message, *, to: str | None = None, then: Callable[[], object] | None = None) -> None:
        """A message for the actor that had the effect (or for ``to``), caused by the effect's turn. Never refused.

        ``then`` is called when its turn has been taken: visible, not yet durable.
        """
        ...

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        """The same, and wait until its turn has been taken: visible, not yet durable. Returns the reply."""
        ...

    async def durable(self) -> None:
        """Come back when all turns taken so far are durable; those of an effect that fail to be are taken again, and waited for.

        Of what callers said in vain nothing is told here.

        Raises :class:`SystemClosed` when the partition is closed first.
        """
        ...

    @property
    def stopped(self) -> bool:
        """Whether the effect has been stopped, and only clears up behind it."""
        ...

    def published(self, actor: str) -> object:
        """The newest state of an actor of the partition; None when there is no such actor."""
        ...

    def put_blob(self, content: bytes) -> bytes:
        """Have bytes stored in front of what is told next; returns their digest, 32 bytes, which names them.

        Raises :class:`Overloaded` when the disk is far behind.
        """
        ...

    def room(self) -> Awaitable[None] | None:
        """What to wait for before more bytes are recorded: the disk, when it is far behind; None when it is not."""
        ...

    async def blob(self, digest: bytes) -> bytes | None:
        """The bytes of that name, also those that are not durable yet; None when they are not there (any more)."""
        ...

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        """Have blobs removed that nothing names any more. Where exchanges are recorded they stay: the log names them."""
        ...

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        """Have all blobs removed that nothing names, but those that were put or read a moment ago."""
        ...

    def hold_blobs(self, digests: Iterable[bytes]) -> None:
        """They are being read: none is removed before it was let go of as often as it is held."""
        ...

    def let_go_of_blobs(self, digests: Iterable[bytes]) -> None:
        """They have been read, or nobody wants to any more."""
        ...

    def call(self, call_id: int) -> Call | None:
        """The caller's side of a call that an effect names by number; None when the caller is gone."""
        ...

    def stop(self, effect_id: str) -> None:
        """Cancel another effect of the partition that is under way; no outcome of it comes. It may take a while to end."""
        ...

    async def alone(self) -> None:
        """Come back when all that was being carried out for this actor before has ended. It stops none of it."""
        ...

    def awaiting(self) -> Callable[[], bool]:
        """Says, whenever it is called, whether the outcome of this effect is still to come, as far as its actor knows.

        It keeps nothing of the partition alive; when that is gone, nothing is to come.
        """
        ...


Carrier = Callable[[EffectT, "Door"], Awaitable[Message | None]]
"""Carries out one type of effect. What it returns is told to the actor that had it; what it raises is a defect."""

Carriers = Mapping[type[Effect], Callable[..., Awaitable[Message | None]]]
"""Each type of effect with the carrier for that type."""
