"""The port ``devices`` of a partition that is played back: it answers from what was noted (``record="devices"``).

It answers at once, and in the recorded order: what is told of it is held back by the partition until its turn has come. Only the
end of a connection is waited for, so that nothing is closed too early.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from partita.actors.kernel.device_ports import DeviceConnection, DeviceWatch, Pair, PairingQuestion
from partita.actors.kernel.future import Future
from partita.actors.recorded_world.source import never
from partita.events.device_connections import (
    AskPairing,
    ConnectionEnded,
    ConnectionOpened,
    NoteIncoming,
    NoteTransfer,
    Payload,
)
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import Incoming, OpenOptions, Operation, TransferResult
from partita.events.devices import DevicesChanged, WatchBegun, WatchEnded
from partita.events.errors import DeviceError, PlaybackDiverged, PlaybackError, RecordingIncomplete

if TYPE_CHECKING:
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
        for turn in opening.turns:
            if turn.actor.startswith("broker/"):
                self._note(turn)

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
        """Whether any transfer was recorded."""
        return any(one.transfers or one.sent for one in self._connections.values())

    def _note(self, turn: AnyTurn) -> None:
        message = turn.message
        for event in turn.events:
            if isinstance(event, WatchBegun):
                self._watches[turn.actor].append(event.watch)
        match message:
            case DevicesChanged():
                self._changes[message.watch].append(message.change)
            case WatchEnded() | ConnectionEnded():
                self._ends[message.effect_id] = turn
            case ConnectionOpened():
                self._connections[message.connection].opened = turn
            case NoteTransfer():
                self._connections[message.connection].transfers.append(turn)
            case NoteIncoming() | AskPairing():
                self._connections[message.connection].sent.append(turn)
            case _:
                pass

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
        played = self._played[connection] = _PlayedConnection(self, recorded, end, pair)
        if recorded.opened is not None:
            return
        await played.pair_all()
        if end is None or end.message.reason == "ok":
            await never()
        assert end is not None, "only who is stopped comes back from there"
        raise _failure(end)

    def connection(self, connection: str) -> DeviceConnection:
        """The one of that name, also when it has been closed: what was asked of it then was noted as well."""
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


class _Recorded:
    """What a connection was seen to do."""

    def __init__(self) -> None:
        self.opened: AnyTurn | None = None
        self.transfers: list[AnyTurn] = []
        self.sent: deque[AnyTurn] = deque()


def _failure(end: AnyTurn) -> DeviceError:
    message = cast("WatchEnded | ConnectionEnded", end.message)
    return DeviceError(message.reason, message.failure)


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

    def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:  # noqa: ARG002  # the port's method
        devices = self._devices
        try:
            return self._performed(operation, data)
        except PlaybackError as error:
            devices.host.fail(error)
            raise DeviceError("failed", str(error)) from error

    def _performed(self, operation: Operation, data: bytes) -> TransferResult:
        devices = self._devices
        for turn in self._recorded.transfers:
            word = cast("NoteTransfer", turn.message)
            if word.operation == operation and devices.data(word.sent, turn.position) == data:
                self._recorded.transfers.remove(turn)
                if word.reason != "ok":
                    raise DeviceError(word.reason, word.failure)
                return replace(word.result, data=devices.data(word.received, turn.position))
        if not devices.has_transfers:
            raise RecordingIncomplete(
                'the application talks to a device, and what devices said was not recorded: record="devices" does that'
            )
        left = self._recorded.transfers
        then = f"{left[0].message.operation} at position {left[0].position}" if left else "nothing more"
        raise PlaybackDiverged(
            f"a device is asked for {operation} with {len(data)} bytes now; the recording has {then}",
            position=left[0].position if left else devices.host.position,
        )

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
