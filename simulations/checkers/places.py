"""No more downloads are under way than there are places; who has one wants it, and at the end nobody has one or waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from partita.events.downloads import DownloadState
from partita.events.session import SessionState
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.simulations.life import CrashKind
    from partita.simulations.world import World

UNDER_WAY: Final = frozenset({"asking", "deciding", "receiving"})
WANT_ONE: Final = UNDER_WAY | {"queued"}


class PlacesAreKept(Checker):
    """A defect may have taken the word that a place is free: until the next process settles it, it counts as taken."""

    name = "places"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._defects_before = 0

    def crashed(self, kind: CrashKind) -> None:  # noqa: ARG002
        self._defects_before = self._defects()

    def opened(self, partition: Partition) -> None:
        if self._defects() > self._defects_before:
            return  # an opening takes its time, where commits do
        session = partition.actor("session").state
        assert isinstance(session, SessionState)
        for download_id in session.downloads.running:
            state = partition.actor(f"download/{download_id}").state
            if isinstance(state, DownloadState) and state.phase not in WANT_ONE:
                what = f"download/{download_id} is {state.phase}, and has its place from the process before"
                raise Broken(what, partition.position)

    def told(self, partition: Partition, position: int) -> None:
        session = partition.actor("session").state
        assert isinstance(session, SessionState)
        most = session.downloads.limits.concurrent
        under_way = [
            name
            for name, actor in tuple(partition.actors.items())
            if isinstance(actor.state, DownloadState) and actor.state.phase in UNDER_WAY
        ]
        if len(under_way) > most:
            raise Broken(f"{len(under_way)} downloads are under way, and {most} may be", position)

    def ended(self, partition: Partition) -> None:
        if self._defects():
            return
        session = partition.actor("session").state
        assert isinstance(session, SessionState)
        if session.downloads.running or session.downloads.lines:
            raise Broken(f"places are taken by {sorted(session.downloads.running)}, and nothing is under way")

    def _defects(self) -> int:
        return sum(fault.name.startswith("defect.") for fault in self.world.faults.struck)
