"""A partition whose exchanges are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.actors.kernel.partition import Partition

if TYPE_CHECKING:
    from partita.actors.kernel.actor import Actor
    from partita.actors.kernel.mailbox import Envelope


class RecordingPartition(Partition):
    """It says of the turn being taken whom it answers and whether it was recorded, and stores bodies."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._answered: object = None
        self._position_before = 0
        super().__init__(*arguments, **options)

    def take_turn(self, actor: Actor, envelope: Envelope) -> None:
        """See :meth:`Partition.take_turn`."""
        self._position_before = self.position
        self._answered = envelope[2]
        try:
            super().take_turn(actor, envelope)
        finally:
            self._answered = None

    def is_answering(self, reply: object) -> bool:
        """Whether ``reply`` is being given by the turn that is taken right now, on this thread."""
        return reply is self._answered

    @property
    def is_recording_turn(self) -> bool:
        """Of the turn being taken: whether it has a position."""
        return self.position != self._position_before

    def put_blob(self, content: bytes) -> str:
        """Have bytes stored in front of the next turn; their SHA-256 in hexadecimal, which names them."""
        return self.committer.put_blob(content).hex()
