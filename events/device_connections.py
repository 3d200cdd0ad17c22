"""Devices that are open: connections, what is done on them, pairing (DESIGN, 11).

The broker's other words are in :mod:`partita.events.devices`. At ``record="state"``, connections and pairing are recorded;
``record="devices"`` adds every transfer and all that devices send: :class:`NoteTransfer`, :class:`NoteIncoming`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import (
    GATTService,
    OpenOptions,
    Operation,
    PairingKind,
    TransferResult,
    lane_of,
)
from partita.events.permissions import Asker
from partita.events.secret import Secret
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, Recovery

BrokerReason = Literal[
    "ok",
    "cancelled",
    "unknown_device",
    "not_granted",
    "no_such_device",
    "document_gone",
    "ended",
    "protected",
    "gone",
    "not_found",
    "busy",
    "denied",
    "timeout",
    "unsupported",
    "rejected",
    "failed",
]
"""What came of a page's request to a broker:

- ``ok``: what it asked for
- ``cancelled``: nobody chose a device; ``unknown_device``: somebody named one that is not in the list (FEATURES E12)
- ``not_granted``: the origin has no grant for the device
- ``no_such_device``: it is not attached (any more)
- ``document_gone``, ``ended``: who asked is gone; the partition, or its process, has ended
- ``protected``: no page may do that, whatever it was granted
- the rest: the port's own words (``DeviceFailure``)
"""


ConnectionPhase = Literal["opening", "open", "closing"]


class Connection(Struct, frozen=True, array_like=True):
    """A device that a document has open, or is about to: a :class:`KnownDevice`'s ``id``, and the port's ``key`` for it.

    ``protected_classes``: of USB interfaces that may not be claimed; None: the list's own. ``services``: of a Bluetooth device,
    once they were looked up.
    """

    asker: Asker
    ticket: str
    known_id: str
    key: str
    phase: ConnectionPhase = "opening"
    protected_classes: tuple[str, ...] | None = None
    services: tuple[GATTService, ...] = ()


class ConnectionOpened(Message, frozen=True, tag="devices.opened/1"):
    """The port has opened it."""

    connection: str

    @property
    def said_by(self) -> str:
        """See :attr:`Message.said_by`."""
        return self.connection


class ConnectionEnded(Outcome, frozen=True, tag="devices.ended/1"):
    """It could not be opened, or is gone: the device, or the connection. ``ok``: it was given up while it was being opened."""

    reason: BrokerReason
    failure: str = ""


class CloseConnection(Message, frozen=True, tag="devices.close/1"):
    """Close it. The reply comes when the device can be opened again."""

    connection: str


class PerformOperation(Message, frozen=True, tag="devices.perform/1"):
    """Do something with a device that is open. The call of that number has the data, and gets the result."""

    connection: str
    operation: Operation
    call_id: int
    timeout_s: float | None = None


class NoteServices(Message, frozen=True, tag="devices.note_services/1"):
    """A Bluetooth device's services were looked up."""

    connection: str
    services: tuple[GATTService, ...]


class AskPairing(Message, frozen=True, tag="devices.ask_pairing/1"):
    """The device wants to be paired. The reply is a :class:`PairingSettled`'s answer, when it is there."""

    connection: str
    kind: PairingKind
    pin: Secret | None = None


class PairingAnswered(Outcome, frozen=True, tag="devices.pairing_answered/1"):
    """What the pairing handler said. ``failure``: why that is no answer; ``handler``: None where there is none."""

    confirmed: bool
    pin: Secret | None = None
    handler: int | None = None
    failure: str = ""


class Payload(Struct, frozen=True, array_like=True):
    """Bytes that went to a device or came from it. Short ones stand here, sealed; longer ones are a blob: its SHA-256, in hex."""

    inline: Secret | None = None
    blob: str = ""


class NoteOperation(Message, frozen=True, tag="devices.note_operation/1"):
    """A device is asked for something (``record="devices"``): from here on it may answer.

    ``seen``: the last position that the broker knew of when it let it pass. To play it back, what came later has to come later.
    """

    lazy: ClassVar[bool] = True
    connection: str
    operation: Operation
    seen: int


class NoteTransfer(Message, frozen=True, tag="devices.note_transfer/1"):
    """What was done with a device, and what came of it (``record="devices"``).

    ``result``: without its data, which are in ``received``. ``reason``: ``ok``, or why it failed.
    """

    lazy: ClassVar[bool] = True
    connection: str
    operation: Operation
    sent: Payload
    result: TransferResult
    received: Payload
    reason: BrokerReason = "ok"
    failure: str = ""


class NoteIncoming(Message, frozen=True, tag="devices.note_incoming/1"):
    """What a device has sent unasked (``record="devices"``)."""

    lazy: ClassVar[bool] = True
    connection: str
    channel: int
    data: Payload


class ConnectionBegun(Event, frozen=True, tag="devices.connection_begun/1"):
    id: str
    connection: Connection


class ConnectionReady(Event, frozen=True, tag="devices.connection_ready/1"):
    """It is open."""

    id: str


class ConnectionClosing(Event, frozen=True, tag="devices.connection_closing/1"):
    """It is being closed."""

    id: str


class ConnectionClosed(Event, frozen=True, tag="devices.connection_closed/1"):
    """It is no more, and why."""

    id: str
    reason: BrokerReason
    failure: str = ""


class ServicesNoted(Event, frozen=True, tag="devices.services_noted/1"):
    connection: str
    services: tuple[GATTService, ...]


class PairingAsked(Event, frozen=True, tag="devices.pairing_asked/1"):
    """FEATURES F19: somebody is to confirm."""

    question: str
    connection: str
    kind: PairingKind


class PairingSettled(Event, frozen=True, tag="devices.pairing_settled/1"):
    """Somebody has, or nobody will."""

    question: str
    connection: str
    confirmed: bool
    handler: int | None = None
    failure: str = ""


class OperationNoted(Event, frozen=True, tag="devices.operation_noted/1"):
    """The message has it all."""

    connection: str


class TransferNoted(Event, frozen=True, tag="devices.transfer_noted/1"):
    """The message has it all."""

    connection: str


class HoldConnection(AwaitedEffect, frozen=True, tag="devices.hold/1"):
    """Open a device, and hand on what it sends, until it is let go of. Its id is the connection's name."""

    recovery: ClassVar[Recovery | None] = "fail"
    kind: DeviceKind
    key: str
    options: OpenOptions


class LetGo(Effect, frozen=True, tag="devices.let_go/1"):
    """Close these connections; what holds them comes to its end."""

    connections: tuple[str, ...]


class StopPairing(Effect, frozen=True, tag="devices.stop_pairing/1"):
    """What the pairing handler says of these questions is nobody's business any more."""

    questions: tuple[str, ...]


class CarryOut(Effect, frozen=True, tag="devices.carry_out/1"):
    """Do one thing with an open device, and answer the call. ``seen``: see :class:`NoteOperation`.

    What was asked for first reaches the device first: one line for each direction of an endpoint, for what a serial port sends,
    for its signals, and for all that a HID or a Bluetooth device is asked.
    """

    connection: str
    operation: Operation
    call_id: int
    timeout_s: float | None = None
    seen: int = 0

    @property
    def line(self) -> str:
        """See :attr:`Effect.line`."""
        return f"{self.connection}/{lane_of(self.operation)}"


class AskPairingHandler(AwaitedEffect, frozen=True, tag="devices.ask_pairing_handler/1"):
    """Put a pairing to the handler. One that its process does not outlive has failed."""

    recovery: ClassVar[Recovery | None] = "fail"
    device_id: str
    asker: Asker
    kind: PairingKind
    pin: Secret | None = None


class PendingPairing(Struct, frozen=True, array_like=True):
    """A pairing that nobody has answered."""

    connection: str
    kind: PairingKind
