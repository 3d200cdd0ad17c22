"""What can be asked of a device that is open, and what comes of it: one word for each, whichever library carries it.

Data ride beside: an operation that sends takes bytes, one that receives gives them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Direction = Literal["in", "out"]
Parity = Literal["none", "even", "odd"]
FlowControl = Literal["none", "hardware"]
ControlType = Literal["standard", "class", "vendor"]
ControlRecipient = Literal["device", "interface", "endpoint", "other"]
TransferStatus = Literal["ok", "stall", "babble"]
"""WebUSB's: the transfer went well; the endpoint is halted; the device sent more than it was asked for."""

DeviceFailure = Literal["gone", "not_found", "busy", "denied", "timeout", "unsupported", "rejected", "failed"]
"""Why a device does not do what it is asked.

- ``gone``: it was unplugged, or is out of range; nothing can be done with the connection any more
- ``not_found``: there is no device under that key
- ``busy``: another process, or another part of this one, has it
- ``denied``: the system lets the user not have it; the message says what to do
- ``timeout``: it has not answered in time
- ``unsupported``: it, or the system, cannot do that
- ``rejected``: it, or its user, refuses: a pairing that failed, a GATT error
- ``failed``: anything else; the message says what
"""


# -- how a device is opened ------------------------------------------------------------------------------------------------


class OpenHID(Struct, frozen=True, array_like=True, tag="hid"):
    """``report_ids``: whether input reports begin with a byte that is their id."""

    report_ids: bool = False


class OpenUSB(Struct, frozen=True, array_like=True, tag="usb"):
    """Nothing is to be said."""


class OpenSerial(Struct, frozen=True, array_like=True, tag="serial"):
    """Web Serial 4.4, ``SerialOptions``. ``buffer_size``: bytes that are kept for a reader who is behind."""

    baud_rate: int
    data_bits: int = 8
    stop_bits: int = 1
    parity: Parity = "none"
    buffer_size: int = 255
    flow_control: FlowControl = "none"


class OpenBluetooth(Struct, frozen=True, array_like=True, tag="bluetooth"):
    """Connect to its GATT server (Web Bluetooth 5.2)."""


OpenOptions = OpenHID | OpenUSB | OpenSerial | OpenBluetooth


# -- operations ------------------------------------------------------------------------------------------------------------


class SendReport(Struct, frozen=True, array_like=True, tag="hid.send"):
    """An output report; the data are without its id. 0: the device uses none."""

    report_id: int


class SendFeatureReport(Struct, frozen=True, array_like=True, tag="hid.send_feature"):
    """A feature report, in the same way."""

    report_id: int


class ReceiveFeatureReport(Struct, frozen=True, array_like=True, tag="hid.receive_feature"):
    """Ask for a feature report of at most ``length`` bytes, the byte of the id not counted. The data come without it."""

    report_id: int
    length: int


class SelectConfiguration(Struct, frozen=True, array_like=True, tag="usb.configure"):
    configuration_value: int


class ClaimInterface(Struct, frozen=True, array_like=True, tag="usb.claim"):
    interface_number: int


class ReleaseInterface(Struct, frozen=True, array_like=True, tag="usb.release"):
    interface_number: int


class SelectAlternateInterface(Struct, frozen=True, array_like=True, tag="usb.alternate"):
    interface_number: int
    alternate_setting: int


class ControlTransfer(Struct, frozen=True, array_like=True, tag="usb.control"):
    """USB 2.0 9.3. ``length``: of the data asked for; only counts where ``direction`` is ``in``."""

    direction: Direction
    request_type: ControlType
    recipient: ControlRecipient
    request: int
    value: int
    index: int
    length: int = 0


class TransferIn(Struct, frozen=True, array_like=True, tag="usb.in"):
    """A bulk or interrupt transfer of at most ``length`` bytes from the endpoint of that number, 1 to 15."""

    endpoint_number: int
    length: int


class TransferOut(Struct, frozen=True, array_like=True, tag="usb.out"):
    """A bulk or interrupt transfer to the endpoint of that number, 1 to 15."""

    endpoint_number: int


class IsochronousTransferIn(Struct, frozen=True, array_like=True, tag="usb.iso_in"):
    """The packets' data come one behind another, each as long as :class:`Packet` says."""

    endpoint_number: int
    packet_lengths: tuple[int, ...]


class IsochronousTransferOut(Struct, frozen=True, array_like=True, tag="usb.iso_out"):
    """The packets' data are given one behind another."""

    endpoint_number: int
    packet_lengths: tuple[int, ...]


class ClearHalt(Struct, frozen=True, array_like=True, tag="usb.clear_halt"):
    direction: Direction
    endpoint_number: int


class ResetDevice(Struct, frozen=True, array_like=True, tag="usb.reset"):
    """USB 2.0 7.1.7.5."""


class WriteSerial(Struct, frozen=True, array_like=True, tag="serial.write"):
    """Done when the system has taken the data."""


class DrainSerial(Struct, frozen=True, array_like=True, tag="serial.drain"):
    """Done when all that was written has been sent."""


class DiscardSerial(Struct, frozen=True, array_like=True, tag="serial.discard"):
    """What was written and not sent (``out``), or received and not read (``in``), is thrown away."""

    direction: Direction


class SetSignals(Struct, frozen=True, array_like=True, tag="serial.set_signals"):
    """What is None stays as it is (Web Serial 4.4, ``setSignals()``)."""

    data_terminal_ready: bool | None = None
    request_to_send: bool | None = None
    break_: bool | None = None


class GetSignals(Struct, frozen=True, array_like=True, tag="serial.get_signals"):
    """The result has :class:`InputSignals`."""


class DiscoverServices(Struct, frozen=True, array_like=True, tag="gatt.discover"):
    """All services with their characteristics and descriptors: the result has :class:`GATTService` of each."""


class ReadAttribute(Struct, frozen=True, array_like=True, tag="gatt.read"):
    """The value of the characteristic or descriptor of that handle."""

    handle: int


class WriteAttribute(Struct, frozen=True, array_like=True, tag="gatt.write"):
    """Of a descriptor, it is always with response."""

    handle: int
    with_response: bool = True


class StartNotifications(Struct, frozen=True, array_like=True, tag="gatt.notify"):
    """The characteristic's values come as :class:`Incoming` of its handle from now on."""

    handle: int


class StopNotifications(Struct, frozen=True, array_like=True, tag="gatt.stop"):
    handle: int


Operation = (
    SendReport
    | SendFeatureReport
    | ReceiveFeatureReport
    | SelectConfiguration
    | ClaimInterface
    | ReleaseInterface
    | SelectAlternateInterface
    | ControlTransfer
    | TransferIn
    | TransferOut
    | IsochronousTransferIn
    | IsochronousTransferOut
    | ClearHalt
    | ResetDevice
    | WriteSerial
    | DrainSerial
    | DiscardSerial
    | SetSignals
    | GetSignals
    | DiscoverServices
    | ReadAttribute
    | WriteAttribute
    | StartNotifications
    | StopNotifications
)


# -- what comes of them ----------------------------------------------------------------------------------------------------


class Packet(Struct, frozen=True, array_like=True):
    """One packet of an isochronous transfer: how many bytes came or went."""

    length: int
    status: TransferStatus = "ok"


class InputSignals(Struct, frozen=True, array_like=True):
    """Web Serial 4.4, ``SerialInputSignals``."""

    data_carrier_detect: bool
    clear_to_send: bool
    ring_indicator: bool
    data_set_ready: bool


class GATTDescriptor(Struct, frozen=True, array_like=True):
    handle: int
    uuid: str


class GATTCharacteristic(Struct, frozen=True, array_like=True):
    """``properties``: BlueZ's words for them: ``read``, ``write``, ``write-without-response``, ``notify``, ``indicate``, ..."""

    handle: int
    uuid: str
    properties: tuple[str, ...] = ()
    descriptors: tuple[GATTDescriptor, ...] = ()


class GATTService(Struct, frozen=True, array_like=True):
    """A primary service and what is in it. UUIDs are full and in lower case."""

    handle: int
    uuid: str
    characteristics: tuple[GATTCharacteristic, ...] = ()


class TransferResult(Struct, frozen=True, array_like=True):
    """What came of an operation. What it does not have is empty. ``bytes_written``: of those that send."""

    data: bytes = b""
    status: TransferStatus = "ok"
    bytes_written: int = 0
    packets: tuple[Packet, ...] = ()
    signals: InputSignals | None = None
    services: tuple[GATTService, ...] = ()


DONE = TransferResult()


class Incoming(Struct, frozen=True, array_like=True):
    """What a device sends unasked. ``channel``: the id of an input report, a characteristic's handle, 0 for a serial port."""

    channel: int
    data: bytes
