"""No response body is ever mixed with another, and no body is complete that was not sent so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.simulations.world import World

_BODIES = "bodies"
_MADE = "made"


class NotedBody(Struct, frozen=True):
    """What a user received of ``url``. ``whole``: to its end; else it is the beginning. ``sent``: what is to come back."""

    url: str
    received: bytes
    sent: bytes = b""
    whole: bool = True


def note_body(world: World, url: str, received: bytes, *, sent: bytes = b"", whole: bool = True) -> None:
    """Have the checker look at a body of a successful response; see :class:`NotedBody`."""
    world.memory.setdefault(_BODIES, []).append(NotedBody(url, received, sent, whole))


def note_made(world: World, url: str, body: bytes) -> None:
    """Let ``body`` be one of ``url``, too, though no host has served it: a protocol's handler has made it, say."""
    world.memory.setdefault(_MADE, {}).setdefault(url, {})[body] = None


class NothingIsMixed(Checker):
    """Looks at what users noted of the responses that they got, from the network, the cache or a handler.

    What a server announced is what it served: where it lied about the length, a part of the body is all there is.
    """

    name = "mixing"

    def ended(self, partition: Partition) -> None:  # noqa: ARG002
        memory = self.world.memory
        for noted in memory.get(_BODIES, ()):
            url, received = noted.url, noted.received
            served = [*self.world.internet.served.get(url, {}).values(), *memory.get(_MADE, {}).get(url, ())]
            if not (received in served if noted.whole else _begins_one(received, served)):
                raise Broken(
                    f"the body of {url} is {len(received)} bytes that were never served there: {received[:40]!r}"
                )
            if noted.sent and not noted.sent.startswith(received):
                raise Broken(f"{len(noted.sent)} bytes were sent to {url}, and {len(received)} others came back")


def _begins_one(received: bytes, served: Iterable[bytes | memoryview]) -> bool:
    return any(body[: len(received)] == received for body in served)
