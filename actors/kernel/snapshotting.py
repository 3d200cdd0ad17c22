"""When a partition's states are stored whole, so that an opening folds the rest only (DESIGN, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.actors.kernel.fold import Behaviors, fingerprint
from partita.actors.kernel.future import Future
from partita.events.errors import SystemClosed
from partita.events.types import Effect, State
from partita.store.snapshots import ActorImage, Snapshot

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class Snapshotting:
    """The snapshots of one partition: every so many turns, and when they are asked for."""

    def __init__(self, partition: Partition, behaviors: Behaviors, every_turns: int) -> None:
        self.next_position = 0
        """The turn of that position has one taken."""
        self._partition = partition
        self._every_turns = every_turns
        self._fingerprint = fingerprint(behaviors)

    def begin_behind(self, position: int) -> None:
        """Nothing is due before so many turns have been taken behind that position."""
        self.next_position = position + self._every_turns

    def take(self) -> None:
        """Have the states as of this turn stored in the same transaction as its batch."""
        partition = self._partition
        self.begin_behind(partition.position)
        images: list[ActorImage[State, Effect]] = [
            ActorImage(actor.name, actor.rules.kind, actor.state, tuple(actor.pending.values()))
            for actor in list(partition.actors.values())
        ]
        partition.committer.snapshot(Snapshot(partition.position, self._fingerprint, images))

    def take_now(self) -> Future[int]:
        """Store one now; the future gives its position once it is durable. From any thread."""
        partition = self._partition
        done: Future[int] = Future()

        def take() -> None:
            if partition.stopped:
                done.set_exception(SystemClosed(f"{partition.name} has been closed"))
                return
            self.take()
            partition.submit((None, done, partition.position, ()))

        partition.kernel.call_soon(take)
        return done
