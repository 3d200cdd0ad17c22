"""Carriers whose exchanges are recorded: the same as those without, behind a door that notes."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from partita.actors.exchanges.door import RecordingDoor, Source
from partita.actors.kernel.carrying import EffectDoor
from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Carriers, NetworkRequest, NetworkResponse, World
from partita.actors.network.urls import without_userinfo
from partita.events.download_segments import FetchSegment
from partita.events.downloads import FetchDownload
from partita.events.exchanges import BeginExchange
from partita.events.network import SendRequest
from partita.events.types import Effect, Message

PIECE_BYTES: Final = 1 << 20
PIECE_S: Final = 0.1
"""A piece of a body is noted when it has so many bytes, or so long after the word before it."""

SourceOf = Callable[[EffectDoor, BeginExchange], Source]
Beginning = Callable[[Any, EffectDoor], BeginExchange | None]


class LiveSource:
    """The words as the network says them."""

    def __init__(self, door: EffectDoor, word: BeginExchange) -> None:  # noqa: ARG002  # the shape of each
        world = door.world
        self._network = world.network
        self._monotonic = world.clock.monotonic
        self._noted_at = self._monotonic()

    def ports(self, world: World) -> World:
        """See :class:`~partita.actors.exchanges.door.Source`; so for the rest."""
        return world

    def begun(self, exchange: str) -> None:
        """It says nothing to the network."""

    async def send(self, request: NetworkRequest) -> NetworkResponse:
        return await self._network.send(request)

    def is_due(self, gathered_bytes: int) -> bool:
        return gathered_bytes >= PIECE_BYTES or self._monotonic() - self._noted_at >= PIECE_S

    def noted(self) -> None:
        self._noted_at = self._monotonic()

    def asked(self, reply: Future[object]) -> None:
        """It comes when it comes."""


def _of_fetch(effect: SendRequest, door: EffectDoor) -> BeginExchange | None:
    """None: the call is gone, and nothing will be sent."""
    call = door.call(effect.call_id)
    if call is None:
        return None
    body = call.payload if isinstance(call.payload, bytes) else b""
    digest = hashlib.sha256(body).hexdigest() if body else ""
    return BeginExchange("fetch", effect.method, without_userinfo(effect.url)[0], digest)


def _of_download(effect: FetchDownload | FetchSegment, door: EffectDoor) -> BeginExchange:  # noqa: ARG001  # the shape of each
    return BeginExchange("download", "GET", without_userinfo(effect.order.url)[0], effect_id=effect.id)


BEGINNINGS: Final[Mapping[type[Effect], Beginning]] = {
    SendRequest: _of_fetch,
    FetchDownload: _of_download,
    FetchSegment: _of_download,
}
"""The effects that talk to servers, and the first word of each."""


def recorded(carriers: Carriers, source_of: SourceOf = LiveSource) -> Carriers:
    """The same carriers, with every exchange of theirs in the log."""
    return {
        effect: _recorded(carry, BEGINNINGS[effect], source_of) if effect in BEGINNINGS else carry
        for effect, carry in carriers.items()
    }


def _recorded(
    carry: Callable[..., Awaitable[Message | None]], beginning: Beginning, source_of: SourceOf
) -> Callable[..., Awaitable[Message | None]]:
    async def carry_out(effect: Effect, door: EffectDoor) -> Message | None:
        word = beginning(effect, door)
        if word is None:
            return await carry(effect, door)
        recording = RecordingDoor(door, source_of(door, word))
        recording.is_streamed = isinstance(effect, SendRequest) and effect.streamed
        await recording.begin(word)
        outcome = await carry(effect, recording)
        recording.note_piece()
        await recording.settled()
        return outcome

    return carry_out
