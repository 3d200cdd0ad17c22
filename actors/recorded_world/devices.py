"""The port ``devices`` of a partition that is played back: it answers from what was noted (``record="devices"``).

It answers at once, and in the recorded order: what is told of it is held back by the partition until its turn has come. Only the
end of a connection is waited for, so that nothing is closed too early.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, NoReturn, cast

from msgspec.structs import replace

from partita.actors.kernel.device_ports import DeviceConnection, DeviceWatch, Pair, PairingQuestion
from partita.actors.kernel.future import Future
from partita.actors.recorded_world.source import never
from partita.events.device_connections import (
    AskPairing,
    CarryOut,
    ConnectionClosed,
    ConnectionClosing,
    ConnectionEnded,
    ConnectionOpened,
    NoteIncoming,
    NoteOperation,
    NoteTransfer,
    Payload,
)
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import Incoming, OpenOptions, Operation, TransferResult
from partita.events.devices import DevicesChanged, WatchBegun, WatchEnded
from partita.events.errors import DeviceError, PlaybackDiverged, RecordingIncomplete

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import EffectDoor
    from partita.actors.recorded_world.opening import AnyTurn, Opening
    from partita.actors.recorded_world.partition import PlayedPartition


class PlayedDevices:
    """See :class:`partita.actors.kernel.device_ports.Devices`."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._host: PlayedPartition | None = None
        self._changes: dict[str, list[DeviceChange]] = defaultdict(list)
        self._watches: dict[str, deque[str]] = defaultdict(deque)
        self._ends: dict[str, AnyTurn] = {}
        self._connections: dict[str, _Recorded] = defaultdict(_Recorded)
        self._played: dict[str, _PlayedConnection] = {}
        self._operations: dict[object, _Operation] = {}
        for turn in opening.turns:
            if turn.actor.startswith("broker/"):
                self._note(turn)
        self._not_asked = deque(sorted(self._operations.values(), key=lambda one: one.word.seen))

    def follow(self, host: PlayedPartition) -> None:
        """Whose turns are waited for."""
        self._host = host

    @property
    def host(self) -> PlayedPartition:
        """The partition that is played back."""
        assert self._host is not None, "it follows one"
        return self._host

    @property
    def has_transfers(self) -> bool:
        """Whether anything that went to a device, or came from one, was recorded."""
        return bool(self._operations) or any(one.sent for one in self._connections.values())

    def _note(self, turn: AnyTurn) -> None:
        message = turn.message
        for event in turn.events:
            if isinstance(event, WatchBegun):
                self._watches[turn.actor].append(event.watch)
            elif isinstance(event, ConnectionClosing | ConnectionClosed):
                self._connections[event.id].closed_at.append(turn.position)
        match message:
            case DevicesChanged():
                self._changes[message.watch].append(message.change)
            case WatchEnded() | ConnectionEnded():
                self._ends[message.effect_id] = turn
            case ConnectionOpened():
                self._connections[message.connection].opened = turn
            case NoteOperation():
                operation = self._operations[turn.cause] = _Operation(turn)
                self._connections[message.connection].operations.append(operation)
            case NoteTransfer():
                self._operations[turn.cause].answer = turn
            case NoteIncoming() | AskPairing():
                self._connections[message.connection].sent.append(turn)
            case _:
                pass

    # -- what the application asks --------------------------------------------------------------------------------------

    def asked(self, connection: str, operation: Operation) -> None:
        """The broker has let it pass."""
        for one in self._connections[connection].operations:
            if not one.is_asked and one.word.operation == operation:
                one.is_asked = True
                return

    def missing(self, position: int) -> AnyTurn | None:
        """An operation that had been let pass by this position, and that the application has not asked yet.

        What came later has to come later: a device is not unplugged before it is asked what it was asked then.
        """
        waiting = self._not_asked
        while waiting and waiting[0].is_asked:
            waiting.popleft()
        return waiting[0].turn if waiting and waiting[0].word.seen <= position else None

    async def as_recorded(self, effect: CarryOut, door: EffectDoor) -> CarryOut | None:
        """It, as it was carried out; None when it is not to be. Raises :class:`RecordingIncomplete` without any transfers.

        The application may ask sooner than it did, and so know of less.

        What it does not have may have been refused then, or given up before its turn came: that is waited for. When nothing
        else moves, the playback ends.
        """
        call = door.call(effect.call_id)
        if call is None:
            return None
        data = cast("bytes", call.payload)
        recorded = self._connections[effect.connection]
        found = self.find(recorded, effect.operation, data)
        if found is not None:
            return replace(effect, seen=found.word.seen)
        if not self.has_transfers:
            raise RecordingIncomplete(
                'the application talks to a device, and what devices said was not recorded: record="devices" does that',
                position=self.host.position + 1,
            )
        left = recorded.operations
        then = f"{left[0].word.operation} at position {left[0].turn.position}" if left else "nothing more"
        error = PlaybackDiverged(
            f"a device is asked for {effect.operation} with {len(data)} bytes now; the recording has {then}",
            position=left[0].turn.position if left else self.host.position + 1,
        )
        await door.before_waiting()
        with self.host.watch.doubting(error):
            if not recorded.closed_at:
                await never()
            await self.host.reached(recorded.closed_at[0])
        call.reject(DeviceError("gone", "the device is not open (any more)"))
        return None

    def find(self, recorded: _Recorded, operation: Operation, data: bytes) -> _Operation | None:
        """The first of its operations that this is; of one that was never answered, what was sent is not known."""
        for one in recorded.operations:
            if one.word.operation == operation:
                sent = one.sent
                if sent is None or self.data(sent, one.turn.position) == data:
                    return one
        return None

    # -- the port -----------------------------------------------------------------------------------------------------

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """What was told to this broker's next watch."""
        watches = self._watches[f"broker/{kind}"]
        if not watches:
            await never()
        watch = watches.popleft()
        return _PlayedWatch(self, self._changes[watch], self._ends.get(watch))

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:  # noqa: ARG002  # the port's method
        """As it came out."""
        recorded, end = self._connections[connection], self._ends.get(connection)
        played = _PlayedConnection(self, recorded, end, pair)
        if recorded.opened is not None:
            self._played[connection] = played
            return
        await played.pair_all()
        if end is None or end.message.reason == "ok":
            await never()
        assert end is not None, "only who is stopped comes back from there"
        raise _failure(end)

    def connection(self, connection: str) -> DeviceConnection:
        """The one of that name, also when it has been closed: what was asked of it then was noted as well.

        One that never was open there is none of: whoever lets go of it says so himself.
        """
        played = self._played.get(connection)
        if played is None:
            raise DeviceError("gone", "it is not open any more")
        return played

    async def close(self, connection: str) -> None:
        """Who receives from it is told."""
        if (played := self._played.get(connection)) is not None:
            played.let_go()

    async def shut_down(self) -> None:
        """There is nothing to close."""

    # -- what was recorded --------------------------------------------------------------------------------------------

    def data(self, payload: Payload, position: int) -> bytes:
        """The bytes that were noted. Raises :class:`PlaybackError` when they are gone."""
        if payload.inline is not None:
            value = payload.inline.reveal()
            return value if isinstance(value, bytes) else value.encode("latin-1")
        return self._opening.content(payload.blob, position)


class _Operation:
    """One operation: the turn in which it began, and the one of what came of it; None when nothing did."""

    def __init__(self, turn: AnyTurn) -> None:
        self.turn = turn
        self.answer: AnyTurn | None = None
        self.is_asked = False

    @property
    def word(self) -> NoteOperation:
        return cast("NoteOperation", self.turn.message)

    @property
    def sent(self) -> Payload | None:
        return None if self.answer is None else cast("NoteTransfer", self.answer.message).sent


class _Recorded:
    """What a connection was seen to do. ``operations``: those that have not been carried out again, in order."""

    def __init__(self) -> None:
        self.opened: AnyTurn | None = None
        self.operations: list[_Operation] = []
        self.sent: deque[AnyTurn] = deque()
        self.closed_at: list[int] = []


def _failure(end: AnyTurn) -> DeviceError:
    message = cast("WatchEnded | ConnectionEnded", end.message)
    return DeviceError(message.reason, message.failure)


async def _unanswered() -> NoReturn:
    """It was given up, or the recording ends within it."""
    await never()
    raise AssertionError("only who is stopped comes back from there")


class _PlayedWatch:
    def __init__(self, devices: PlayedDevices, changes: list[DeviceChange], end: AnyTurn | None) -> None:
        self._devices = devices
        self._changes = deque(changes)
        self._end = end

    async def next(self) -> DeviceChange:
        if self._changes:
            return self._changes.popleft()
        if self._end is None or self._end.message.reason == "ok":
            await never()
        assert self._end is not None, "only who is stopped comes back from there"
        await self._devices.host.reached(self._end.position - 1)
        raise _failure(self._end)

    async def close(self) -> None:
        """Nothing is held."""


class _PlayedConnection:
    def __init__(self, devices: PlayedDevices, recorded: _Recorded, end: AnyTurn | None, pair: Pair) -> None:
        self._devices = devices
        self._recorded = recorded
        self._end = end
        self._pair = pair
        self._closed: Future[None] = Future()

    def perform(
        self,
        operation: Operation,
        data: bytes,
        timeout_s: float | None,  # noqa: ARG002  # the port's method
    ) -> TransferResult | Awaitable[TransferResult]:
        devices = self._devices
        found = devices.find(self._recorded, operation, data)
        assert found is not None, "what is not in the recording does not come here"
        self._recorded.operations.remove(found)
        if found.answer is None:
            return _unanswered()
        word = cast("NoteTransfer", found.answer.message)
        if word.reason != "ok":
            raise DeviceError(word.reason, word.failure)
        return replace(word.result, data=devices.data(word.received, found.answer.position))

    async def receive(self) -> Incoming:
        sent = self._recorded.sent
        while sent:
            turn = sent.popleft()
            if isinstance(turn.message, AskPairing):
                self._ask(turn.message)
                continue
            word = cast("NoteIncoming", turn.message)
            return Incoming(word.channel, self._devices.data(word.data, turn.position))
        if self._end is None or self._end.message.reason == "ok":
            await self._closed
            raise DeviceError("gone", "the connection was closed")
        await self._devices.host.reached(self._end.position - 1)
        raise _failure(self._end)

    async def pair_all(self) -> None:
        """All that it wanted to be paired for before it could be opened."""
        while self._recorded.sent:
            turn = self._recorded.sent.popleft()
            if isinstance(turn.message, AskPairing):
                self._ask(turn.message)

    def _ask(self, word: AskPairing) -> None:
        pin = "" if word.pin is None else word.pin.reveal_text()

        async def ask() -> None:
            await self._pair(PairingQuestion(word.kind, pin))

        self._devices.host.kernel.carry_out(ask, "a pairing")

    async def close(self) -> None:
        """See :class:`partita.actors.kernel.device_ports.DeviceConnection`."""
        self.let_go()

    def let_go(self) -> None:
        """Nobody has it any more."""
        self._closed.settle(None)
