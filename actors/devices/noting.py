"""A broker's carriers where devices are recorded (``record="devices"``): the same, and what went and came is noted.

Each operation, and whatever a device sends, is a turn before anybody hears of it: playback answers from these. Short data stand
in the message, sealed; longer ones are blobs.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec.structs import replace

from partita.actors.devices.carriers import answer, hand_over, hold_with, performed
from partita.actors.kernel.carrying import EffectDoor
from partita.actors.kernel.future import Future
from partita.actors.kernel.prompt import Prompt
from partita.actors.kernel.world import Call, Carriers, Door
from partita.events.device_connections import (
    CarryOut,
    ConnectionEnded,
    HoldConnection,
    NoteIncoming,
    NoteOperation,
    NoteTransfer,
    Payload,
)
from partita.events.device_transfers import DONE, Incoming, TransferResult
from partita.events.errors import DeviceError
from partita.events.secret import Secret

MOST_UNDER_WAY: Final = 64
"""So much of what one device sends may be on its way into the log; then no more is received."""

INLINE_BYTES: Final = 256
"""Data of so many bytes at most stand in the message: a HID report does, a USB transfer of 64 KiB is a blob."""


def payload(door: Door, data: bytes) -> Payload:
    """Data as the log has them."""
    if not data:
        return Payload()
    if len(data) <= INLINE_BYTES:
        return Payload(inline=Secret(data))
    return Payload(blob=door.put_blob(data).hex())


async def carry_out(effect: CarryOut, door: Door) -> None:
    """Answer the call when what came of it has been noted."""
    call = door.call(effect.call_id)
    if call is None:
        return
    door.tell(NoteOperation(effect.connection, effect.operation, effect.seen))
    try:
        outcome = await performed(effect, door, call)
        await _room(door)
        _note(effect, door, call, outcome)
    except Exception as defect:
        call.reject(defect)
        raise
    except BaseException:  # stopped: the session is closing, or nobody waits any more
        call.abandon(DeviceError("gone", "the operation was given up"))
        raise


def _note(effect: CarryOut, door: Door, call: Call, outcome: TransferResult | DeviceError) -> None:
    result = outcome if isinstance(outcome, TransferResult) else DONE
    data = call.payload
    assert isinstance(data, bytes), "data are bytes"
    word = NoteTransfer(
        connection=effect.connection,
        operation=effect.operation,
        sent=payload(door, data),
        result=replace(result, data=b"") if result.data else result,
        received=payload(door, result.data),
        reason="ok" if isinstance(outcome, TransferResult) else outcome.failure,  # type: ignore[arg-type]  # its failures are reasons
        failure="" if isinstance(outcome, TransferResult) else str(outcome),
    )
    door.tell(word, then=lambda: answer(call, outcome))


async def hold(effect: HoldConnection, door: EffectDoor) -> ConnectionEnded:
    """See :func:`partita.actors.devices.carriers.hold`; what comes is noted before it is handed on."""
    notes = _Notes(effect, door)
    ended = await hold_with(effect, door, notes.take)
    await notes.until_all_are_handed_over()
    return ended


class _Notes:
    """What a device has sent: noted, then handed over, in order. Several are on their way: to wait for each costs a round."""

    def __init__(self, effect: HoldConnection, door: EffectDoor) -> None:
        self._effect = effect
        self._door = door
        self._under_way = 0
        self._noted: deque[Incoming] = deque()
        self._reader_is_behind = False
        self._fewer: tuple[int, Future[None]] | None = None

    async def take(self, incoming: Incoming) -> None:
        door = self._door
        await _room(door)
        self._under_way += 1
        word = NoteIncoming(self._effect.id, incoming.channel, payload(door, incoming.data))
        door.tell(word, then=lambda: self._hand_over_after(incoming))
        if self._under_way >= MOST_UNDER_WAY:
            await self._until(MOST_UNDER_WAY // 2)

    async def until_all_are_handed_over(self) -> None:
        if self._under_way:
            await self._until(0)

    async def _until(self, few: int) -> None:
        fewer: Future[None] = Future()
        self._fewer = few, fewer
        await fewer

    def _hand_over_after(self, incoming: Incoming) -> None:
        self._noted.append(incoming)
        if not self._reader_is_behind:
            self._hand_over()

    def _hand_over(self) -> None:
        kernel = self._door.host.kernel
        self._reader_is_behind = False
        while self._noted and not self._reader_is_behind:
            ready = hand_over(self._effect, self._door, self._noted.popleft())
            self._under_way -= 1
            if ready is not None:
                self._reader_is_behind = True
                ready.when_done(lambda: kernel.call_soon(self._hand_over))  # he may have a thread of his own
        if self._fewer is not None and self._under_way <= self._fewer[0]:
            fewer, self._fewer = self._fewer[1], None
            fewer.set(None)


async def _room(door: Door) -> None:
    """Come back when the disk is not far behind with blobs."""
    while (room := door.room()) is not None:  # others that waited may have taken it
        await door.before_waiting()
        await room


def noting(carriers: Carriers) -> Carriers:
    """The same carriers, with every transfer in the log."""
    return {**carriers, CarryOut: Prompt(carry_out), HoldConnection: hold}
