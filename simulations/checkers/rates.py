"""No download is faster than it may be: what has been reported since its response began, against virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partita.actors.downloads.rates import BURST_S
from partita.events.downloads import DownloadState, FetchDownload
from partita.simulations.checker import Broken, Checker

if TYPE_CHECKING:
    from partita.actors.kernel.partition import Partition
    from partita.actors.kernel.world import Door
    from partita.events.types import Effect
    from partita.simulations.world import World


class RatesAreKept(Checker):
    """Its own rate; a chunk is counted when it has come, so that the last one is beyond what there was time for."""

    name = "rates"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._begun_s: dict[str, float] = {}

    def carried(self, effect: Effect, door: Door) -> None:  # noqa: ARG002
        if isinstance(effect, FetchDownload):
            self._begun_s[effect.id] = self.world.stage.clock.monotonic()

    def told(self, partition: Partition, position: int) -> None:
        now_s = self.world.stage.clock.monotonic()
        for name, actor in tuple(partition.actors.items()):
            state = actor.state
            if not isinstance(state, DownloadState) or state.phase != "receiving" or state.order is None:
                continue
            rate, begun_s = state.order.options.rate_bytes_s, self._begun_s.get(state.effect_id or "")
            if not rate or begun_s is None or state.head is None:
                continue
            came_bytes = state.received_bytes - state.head.offset
            most_bytes = rate * (now_s - begun_s + BURST_S) + self.world.internet.chunk_bytes
            if came_bytes > most_bytes:
                raise Broken(
                    f"{name} has received {came_bytes} bytes, and {most_bytes:.0f} is what its rate allows", position
                )
