"""The ports: everything nondeterministic enters through one of these.

A world is a bundle of them. There are three: live (:mod:`partita.actors.live_world`), simulated, and recorded. What carries
out an effect is written once, against these protocols, and runs in all three; under the simulation kernel there is no trio,
so it may await nothing but ports and the :class:`Door`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from msgspec import Struct, field

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


class NetworkRequest(Struct, frozen=True):
    """One request as it goes out: an absolute URL, and header fields in order."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float | None = None


class NetworkResponse(Protocol):
    """An answer whose head has come and whose body is still on its way."""

    status: int
    reason: str
    http_version: str
    headers: tuple[tuple[str, str], ...]

    def body(self) -> AsyncIterator[bytes]:
        """The body in chunks, as sent (content codings untouched). Raises ``NetError``."""
        ...

    async def close(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end. May be called twice."""
        ...


class Network(Protocol):
    """One exchange with a server: no redirect is followed, no cookie is known."""

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """Send the request; comes back with the head of the answer. Raises ``NetError``."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class OpenFile(Protocol):
    """A file open for writing."""

    async def write(self, offset: int, data: bytes) -> None:
        """Write all of ``data`` at ``offset``. Raises ``OSError``."""
        ...

    async def sync(self) -> None:
        """Come back when everything written is on the disk. Raises ``OSError``."""
        ...

    async def close(self) -> None:
        """Close it; may be called twice."""
        ...


class Files(Protocol):
    """Files outside the log: what is downloaded. Paths are absolute."""

    async def open(self, path: str, *, keep_bytes: int = 0) -> OpenFile:
        """Create or open ``path`` for writing, missing folders included, cut to at most ``keep_bytes``."""
        ...

    async def size(self, path: str) -> int | None:
        """Its length in bytes; None when there is no such file."""
        ...

    async def claim(self, path: str) -> bool:
        """Create ``path`` empty, folders included, durably; False when something of that name is there already."""
        ...

    async def rename(self, source: str, target: str) -> None:
        """Move ``source`` over ``target``, durably (the folder is synced)."""
        ...

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        """Remove it; no error when it is not there. ``only_if_empty``: a name that was claimed, and nothing else."""
        ...


class Handlers(Protocol):
    """The callbacks of the program around: they answer, but never enter state (DESIGN, 5)."""

    async def ask(self, partition: str, name: str, request: object) -> object:
        """Ask the handler ``name`` of a partition; None when there is none. What it raises is raised here."""
        ...


class World(Struct, frozen=True):
    """A bundle of ports. ``folders``: where the logs of persistent partitions lie (:mod:`partita.store.folder`)."""

    clock: Clock
    entropy: Entropy
    network: Network
    files: Files
    handlers: Handlers
    folders: Folders = field(default_factory=DiskFolders)


class Call(Protocol):
    """What no message carries: the body that a call sends, and the future that its caller holds."""

    payload: object

    def resolve(self, value: object) -> None:
        """The call's result."""
        ...

    def reject(self, error: BaseException) -> None:
        """The call has failed."""
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
    def cause(self) -> Cause:
        """The turn that the effect is of."""
        ...

    def tell(self, message: Message, *, to: str | None = None) -> None:
        """A message for the actor that had the effect (or for ``to``), caused by the effect's turn. Never refused."""
        ...

    async def ask(self, message: Message, *, to: str | None = None) -> object:
        """The same, and wait until its turn has been taken: visible, not yet durable. Returns the reply."""
        ...

    def published(self, actor: str) -> object:
        """The newest state of an actor of the partition; None when there is no such actor."""
        ...

    def call(self, call_id: int) -> Call | None:
        """The caller's side of a call that an effect names by number; None when the caller is gone."""
        ...

    def stop(self, effect_id: str) -> None:
        """Cancel another effect of the partition that is under way; no outcome of it comes."""
        ...


Carrier = Callable[[EffectT, "Door"], Awaitable[Message | None]]
"""Carries out one type of effect. What it returns is told to the actor that had it; what it raises is a defect."""

Carriers = Mapping[type[Effect], Callable[..., Awaitable[Message | None]]]
"""Each type of effect with the carrier for that type."""
