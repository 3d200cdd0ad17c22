"""The cache's entries and the blobs of their bodies agree: each body is there, and at the end no blob that nobody names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.session import SessionState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition


class StoredBodiesAreThere(Checker):
    """Compares the names of the blobs on the disk with those in the cache's state. Where the disk lied, not at all."""

    name = "blobs"

    def opened(self, partition: Partition) -> None:
        self._look(partition)

    def ended(self, partition: Partition) -> None:
        left = self._look(partition)
        if left and not self._turns_were_lost():
            raise Broken(f"blobs that nobody names: {sorted(left)}")

    def _look(self, partition: Partition) -> set[str]:
        """The blobs that nobody names."""
        state = partition.actor("session").state
        assert isinstance(state, SessionState), "a partition has a session"
        if self.world.disk.lied or state.exchanges.count:  # exchanges that were recorded name blobs, too
            return set()
        named = {
            part.digest: entry.url
            for shelf in state.cache.shelves.values()
            for entries in shelf.values()
            for entry in entries
            for part in entry.parts
        }
        there = {digest.hex() for digest in partition.store.blob_digests()}
        if missing := named.keys() - there:
            digest = min(missing)
            raise Broken(f"the stored response of {named[digest]} has no body: the blob {digest} is not there")
        return there - named.keys()

    def _turns_were_lost(self) -> bool:
        """Then a body may lie there whose entry was undone. The next opening sweeps."""
        return "commit.failed" in self.world.marks or any(
            fault.name.startswith("defect.") for fault in self.world.faults.struck
        )
