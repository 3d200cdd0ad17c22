"""A partition whose exchanges are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from partita.actors.kernel.future import Future
from partita.actors.kernel.partition import Partition

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.mailbox import Envelope

MOST_WAITING_BYTES: Final = 16 << 20
"""Bytes of bodies that may wait for the disk before no more are read."""


class RecordingPartition(Partition):
    """It says of the turn being taken whom it answers and whether it was recorded, and stores bodies."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._answered: object = None
        self._in_turn = False
        self._position_before = 0
        self._stored_bytes = 0
        self._durable_bytes = 0
        self._room: Future[None] | None = None
        super().__init__(*arguments, **options)

    def take_turn(self, actor: Actor, envelope: Envelope) -> None:
        """See :meth:`Partition.take_turn`."""
        self._position_before = self.position
        self._answered = envelope[2]
        self._in_turn = True
        try:
            super().take_turn(actor, envelope)
        finally:
            self._answered = None
            self._in_turn = False

    def is_answering(self, reply: object) -> bool:
        """Whether ``reply`` is being given by the turn that is taken right now, on this thread."""
        return reply is self._answered

    @property
    def is_recording_turn(self) -> bool:
        """Of the turn being taken: whether it has a position."""
        return self._in_turn and self.position != self._position_before

    def put_blob(self, content: bytes) -> bytes:
        """See :meth:`Partition.put_blob`."""
        digest = super().put_blob(content)
        self._stored_bytes += len(content)
        return digest

    def drop_blobs(self, digests: Iterable[bytes]) -> None:
        """None are dropped: the bodies that were recorded lie among them, under the same names."""

    def sweep_blobs(self, is_named: Callable[[bytes], bool]) -> None:
        """Nor are those that no entry of the cache names."""

    def room(self) -> Future[None] | None:
        """What to wait for before more bodies are read: the disk, when it is far behind; None when it is not."""
        if self._room is None and self._stored_bytes - self._durable_bytes > MOST_WAITING_BYTES:
            self._room = self._all_durable(self._stored_bytes)
        return self._room

    def _all_durable(self, stored_bytes: int) -> Future[None]:
        durable: Future[object] = Future()
        room: Future[None] = Future()

        def on_done() -> None:
            durable.failure()  # who said something is told; here it is enough that nothing waits any more
            self._durable_bytes = stored_bytes
            self._room = None
            room.set(None)

        durable.when_done(on_done)
        self._submit((None, durable, None, ()), False)
        return room
