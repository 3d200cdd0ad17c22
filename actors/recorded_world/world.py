"""The ports of a partition that is played back, and what carries out its effects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from partita.actors.devices.noting import noting
from partita.actors.exchanges.carriers import recorded
from partita.actors.kernel.carrying import EffectDoor
from partita.actors.kernel.world import Carriers, Clock, NetworkRequest, NetworkResponse
from partita.actors.network.http import NetError
from partita.actors.recorded_world.answers import answer_as_recorded, pair_as_recorded
from partita.actors.recorded_world.partition import PlayedPartition
from partita.actors.recorded_world.source import PlayedSource
from partita.events.device_connections import AskPairingHandler, CarryOut
from partita.events.downloads import StopFetch
from partita.events.errors import PlaybackError
from partita.events.permissions import AskHandler
from partita.events.types import Effect, Message

if TYPE_CHECKING:
    from partita.actors.exchanges.door import Source
    from partita.actors.recorded_world.opening import Opening
    from partita.events.exchanges import BeginExchange


class PlayedClock:
    """Wall time is that of the turn to be taken next; beyond the recording it stands still."""

    def __init__(self, opening: Opening, live: Clock) -> None:
        self._opening = opening
        self._live = live
        self._position: Callable[[], int] = lambda: opening.first - 1

    def follow(self, position: Callable[[], int]) -> None:
        """Show the time of the turn after ``position()``."""
        self._position = position

    def now_us(self) -> int:
        """See :class:`partita.actors.kernel.world.Clock`; so for the rest."""
        turn = self._opening.at(self._position() + 1) or self._opening.turns[-1]
        return turn.time

    def monotonic(self) -> float:
        return self._live.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._live.sleep(seconds)


class AbsentNetwork:
    """No network at all."""

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        """Refuse. What is recorded is answered before it comes here."""
        raise NetError("ERR_INTERNET_DISCONNECTED", f"a playback touches no network: {request.method} {request.url}")

    async def preconnect(self, pool: str, url: str, sockets: int) -> None:
        """Nothing comes of it, and that is nobody's business."""

    async def close_connections(self, pool: str) -> None:
        """There are none."""

    async def close(self) -> None:
        """There is nothing to close."""


def played(carriers: Carriers) -> Carriers:
    """The same carriers over recorded exchanges. A hole in the recording ends the playback, and says so."""
    wrapped = recorded(noting(carriers), _source)
    return {effect: _guarded(effect, carry) for effect, carry in wrapped.items()}


def _source(door: EffectDoor, word: BeginExchange) -> Source:
    assert isinstance(door.host, PlayedPartition)
    return PlayedSource(door.host.opening, word, door.host.asking.note_asked)


def _guarded(
    kind: type[Effect], carry: Callable[..., Awaitable[Message | None]]
) -> Callable[..., Awaitable[Message | None]]:
    async def carry_out(effect: Effect, door: EffectDoor) -> Message | None:
        host = door.host
        assert isinstance(host, PlayedPartition)
        if kind is StopFetch:
            assert isinstance(effect, StopFetch)
            stopped = (effect.effect_id or "", *effect.helpers)
            await host.reached(max(map(host.opening.last_word_of, stopped)))
        if isinstance(effect, AskHandler):
            return await answer_as_recorded(effect, door, host)
        if isinstance(effect, AskPairingHandler):
            return await pair_as_recorded(effect, door, host)
        try:
            if isinstance(effect, CarryOut):
                again = await host.devices.as_recorded(effect, door)
                return None if again is None else await carry(again, door)
            return await carry(effect, door)
        except PlaybackError as error:
            host.fail(error)
            return None

    return carry_out
