"""What carries out the cache's effects."""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.world import Carriers, Door
from partita.events.cache import DropBlobs, SweepBlobs
from partita.events.session import SessionState


async def drop_blobs(effect: DropBlobs, door: Door) -> None:
    """Remove blobs, but those that an entry names again by now.

    A body that is being stored at this moment may be of the same bytes; its entry is then without a body, which whoever looks
    for it finds out (:class:`~partita.actors.cache.bodies.CacheBodyMissing`).
    """
    session = door.published("session")
    assert isinstance(session, SessionState), "a partition has a session"
    digests = [bytes.fromhex(digest) for digest in effect.digests if not session.cache.names(digest)]
    if digests:
        door.drop_blobs(digests)


async def sweep_blobs(effect: SweepBlobs, door: Door) -> None:  # noqa: ARG001  # the shape of each
    """Remove blobs that no entry names. Where exchanges were ever recorded, the log names blobs as well: they all stay."""
    session = door.published("session")
    assert isinstance(session, SessionState), "a partition has a session"
    if not session.exchanges.count:
        door.sweep_blobs(lambda digest: session.cache.names(digest.hex()))


CARRIERS: Final[Carriers] = {DropBlobs: drop_blobs, SweepBlobs: sweep_blobs}
