"""Carries out a broker's effects, over the ports ``devices`` and ``handlers`` only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, cast

from msgspec import Struct

from partita.actors.devices.connecting import known_of
from partita.actors.devices.protecting import protected_reports
from partita.actors.kernel.device_ports import DeviceConnection, PairingAnswer, PairingQuestion
from partita.actors.kernel.future import Future
from partita.actors.kernel.prompt import Prompt
from partita.actors.kernel.raised import failure_of
from partita.actors.kernel.world import Call, Carriers, Door
from partita.events.device_connections import (
    AskPairing,
    AskPairingHandler,
    BrokerReason,
    CarryOut,
    ConnectionEnded,
    ConnectionOpened,
    HoldConnection,
    LetGo,
    NoteServices,
    PairingAnswered,
    StopPairing,
)
from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import Incoming, PairingKind, TransferResult
from partita.events.devices import BrokerState, DevicesChanged, StopWatch, Watch, WatchEnded
from partita.events.errors import DeviceError, StoreFailed
from partita.events.permissions import Asker
from partita.events.secret import Secret
from partita.events.types import Message

INCOMING: Final = "devices/incoming"
PAIRING: Final = "devices/pairing"
"""The names under which the handlers port is asked."""


class IncomingFrom(Struct, frozen=True):
    """What the handlers port is handed: what a device has sent on a connection."""

    kind: DeviceKind
    connection: str
    incoming: Incoming


class PairingRequest(Struct, frozen=True):
    """What the handlers port is asked, when a device wants to be paired."""

    asker: Asker
    device_id: str
    kind: PairingKind
    pin: str


class PairingSaid(Struct, frozen=True):
    """What it answers. ``failure``: why that is no answer; ``handler``: its number, None where there is none."""

    confirmed: bool
    pin: str = ""
    handler: int | None = None
    failure: str = ""


def reason_of(error: DeviceError) -> BrokerReason:
    """Its failure, which is among the reasons."""
    return cast("BrokerReason", error.failure)


async def watch(effect: Watch, door: Door) -> WatchEnded:
    """Tell what is attached, then what changes. It ends when the port can say no more, and with a defect of what it tells."""
    try:
        watching = await door.world.devices.watch(effect.kind)
    except DeviceError as error:
        return WatchEnded(effect.id, reason_of(error), str(error))
    is_first = True
    try:
        while True:
            change = await watching.next()
            await _tell(DevicesChanged(effect.id, change, is_first), door)
            is_first = False
    except DeviceError as error:
        return WatchEnded(effect.id, reason_of(error), str(error))
    finally:
        await watching.close()


async def _tell(message: Message, door: Door) -> None:
    """Tell the broker, and come back when it knows. Raises whatever its rules raise: then it knows nothing of it, for good."""
    try:
        await door.ask(message)
    except StoreFailed:  # the log cannot even be read just now: the message is taken when it can
        door.tell(message)


async def stop_watch(effect: StopWatch, door: Door) -> None:
    """It has said enough."""
    door.stop(effect.watch)


async def stop_pairing(effect: StopPairing, door: Door) -> None:
    """Nobody waits for the answer."""
    for question in effect.questions:
        door.stop(question)


Take = Callable[[Incoming], Awaitable[None]]
"""Takes what a device has sent, and comes back when it is ready for more."""


async def hold(effect: HoldConnection, door: Door) -> ConnectionEnded:
    """Open a device, and hand on what it sends. The end is told when the device can be opened again."""
    return await hold_with(effect, door, None)


async def hold_with(effect: HoldConnection, door: Door, take: Take | None) -> ConnectionEnded:
    """The same; ``take`` gets what is sent, and hands it on."""
    devices = door.world.devices

    async def pair(question: PairingQuestion) -> PairingAnswer:
        pin = Secret(question.pin) if question.pin else None
        said = await door.ask(AskPairing(effect.id, question.kind, pin))
        assert isinstance(said, PairingAnswered), "what a broker answers"
        return PairingAnswer(said.confirmed, "" if said.pin is None else said.pin.reveal_text())

    try:
        await devices.open(effect.id, effect.kind, effect.key, effect.options, pair)
        try:
            await _tell(ConnectionOpened(effect.id), door)
            await _hand_on(devices.connection(effect.id), effect, door, take)
        finally:
            await devices.close(effect.id)
    except DeviceError as error:
        return ConnectionEnded(effect.id, reason_of(error), str(error))


async def _hand_on(connection: DeviceConnection, effect: HoldConnection, door: Door, take: Take | None) -> NoReturn:
    """What a device sends unasked, to whoever listens. Input reports that no page may see are dropped."""
    hidden = _hidden_channels(effect, door)
    while True:
        incoming = await connection.receive()
        if incoming.channel in hidden:
            continue
        if take is not None:
            await take(incoming)
        elif (ready := hand_over(effect, door, incoming)) is not None:
            await ready


def hand_over(effect: HoldConnection, door: Door, incoming: Incoming) -> Future[None] | None:
    """To whoever listens. A future that is done when he is ready for more; None when he is."""
    return door.world.handlers.hand_over(door.partition, INCOMING, IncomingFrom(effect.kind, effect.id, incoming))


def _hidden_channels(effect: HoldConnection, door: Door) -> frozenset[int]:
    state = cast("BrokerState", door.published(door.actor))
    connection = state.connections.get(effect.id)
    known = None if connection is None or effect.kind != "hid" else known_of(state, connection)
    if known is None:
        return frozenset()
    return frozenset(report_id for report_type, report_id in protected_reports(known) if report_type == "input")


async def let_go(effect: LetGo, door: Door) -> None:
    """What holds them ends by itself then. One that is still being opened is not waited for."""
    for name in effect.connections:
        try:
            door.world.devices.connection(name)
        except DeviceError:
            door.stop(name)
            door.tell(ConnectionEnded(name, "ok"))
        else:
            await door.world.devices.close(name)


async def carry_out(effect: CarryOut, door: Door) -> None:
    """Answer the call with what came of it, or with the error."""
    call = door.call(effect.call_id)
    if call is None:
        return
    try:
        outcome = await performed(effect, door, call)
    except Exception as defect:
        call.reject(defect)
        raise
    except BaseException:  # stopped: the session is closing, or nobody waits any more
        call.abandon(DeviceError("gone", "the operation was given up"))
        raise
    answer(call, outcome)


async def performed(effect: CarryOut, door: Door, call: Call) -> TransferResult | DeviceError:
    """Have the port do it; what it raises is an outcome as well."""
    try:
        connection = door.world.devices.connection(effect.connection)
        result = connection.perform(effect.operation, cast("bytes", call.payload), effect.timeout_s)
        if not isinstance(result, TransferResult):
            await door.before_waiting()
            result = await result
        if result.services:
            await door.before_waiting()
            await door.ask(NoteServices(effect.connection, result.services))
    except DeviceError as error:
        return error
    return result


def answer(call: Call, outcome: TransferResult | DeviceError) -> None:
    """What its caller hears."""
    if isinstance(outcome, DeviceError):
        call.reject(outcome)
    else:
        call.resolve(outcome)


async def ask_pairing_handler(effect: AskPairingHandler, door: Door) -> PairingAnswered:
    """Ask; one that raises, is late or is not there has refused (FEATURES F19)."""
    pin = "" if effect.pin is None else effect.pin.reveal_text()
    request = PairingRequest(effect.asker, effect.device_id, effect.kind, pin)
    try:
        said = await door.world.handlers.ask(door.partition, PAIRING, request)
    except Exception as error:  # noqa: BLE001  # whatever the program's own code raises
        return PairingAnswered(effect.id, confirmed=False, failure=failure_of(error))
    if not isinstance(said, PairingSaid):
        return PairingAnswered(effect.id, confirmed=False)
    given = Secret(said.pin.strip()) if said.pin.strip() else None
    return PairingAnswered(effect.id, said.confirmed, given, said.handler, said.failure)


CARRIERS: Final[Carriers] = {
    Watch: watch,
    StopWatch: stop_watch,
    StopPairing: stop_pairing,
    HoldConnection: hold,
    LetGo: let_go,
    CarryOut: Prompt(carry_out),
    AskPairingHandler: ask_pairing_handler,
}
