"""The session's list and the downloads themselves agree: who exists is listed, and who is listed as ended has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.events.downloads import DownloadState
from partita.events.session import SessionState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition

ENDED = frozenset({"interrupted", "completed", "cancelled", "refused"})


class DownloadsAreListed(Checker):
    """A download that is listed need not exist: a defect may have taken its first turn. Until the next process settles it."""

    name = "listed"

    def ended(self, partition: Partition) -> None:
        session = partition.actor("session").state
        assert isinstance(session, SessionState)
        items = session.downloads.items
        for name, actor in partition.actors.items():
            state = actor.state
            if not isinstance(state, DownloadState) or state.order is None or state.phase == "refused":
                continue
            entry = items.get(state.order.id)
            if entry is None:
                raise Broken(f"{name} is {state.phase}, and the session does not list it", partition.store.position)
            if entry.ended and state.phase not in ENDED:
                raise Broken(f"{name} is {state.phase}, and listed as ended", partition.store.position)
