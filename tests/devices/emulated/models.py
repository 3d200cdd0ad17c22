"""Devices for tests: what they say of themselves, and what they do."""

from __future__ import annotations

import struct
import threading
from collections import defaultdict, deque

from devices.descriptors import collection, field, item

from partita.actors.devices.hid_items import Tag
from partita.events.device_facts import HIDFacts, SerialFacts, USBFacts
from partita.events.device_transfers import (
    DONE,
    ClearHalt,
    ControlTransfer,
    Incoming,
    IsochronousTransferIn,
    IsochronousTransferOut,
    Operation,
    Packet,
    ReceiveFeatureReport,
    SelectConfiguration,
    SendFeatureReport,
    SendReport,
    TransferIn,
    TransferOut,
    TransferResult,
    WriteSerial,
)
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice

VENDOR_ID = 0x1209
WALLET = collection(0xFF00, 1, field(Tag.INPUT, count=64), field(Tag.OUTPUT, count=64))
PANEL = collection(
    0xFF00,
    1,
    *(item(Tag.REPORT_ID, number) + field(tag, count=8) for number, tag in ((1, Tag.INPUT), (2, Tag.OUTPUT))),
    item(Tag.REPORT_ID, 5) + field(Tag.FEATURE, count=4),
)


class EchoingHID(SimulatedDevice):
    """Sends what it is sent, backwards, under the same id; keeps feature reports."""

    def __init__(
        self,
        number: int = 0,
        place: str = "1-1",
        *,
        product_id: int = 0x5301,
        name: str = "Wallet",
        serial_number: str = "S123",
        descriptor: bytes = WALLET,
    ) -> None:
        super().__init__(f"/dev/hidraw{number}", place)
        self.told = HIDFacts(VENDOR_ID, product_id, name, serial_number, descriptor)
        self.features: dict[int, bytes] = {}
        self.written: list[tuple[int, bytes]] = []

    def facts(self) -> HIDFacts:
        return self.told

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        match operation:
            case SendReport(report_id):
                self.written.append((report_id, data))
                self.send(Incoming(report_id, data[::-1]))
                return TransferResult(bytes_written=len(data))
            case SendFeatureReport(report_id):
                self.features[report_id] = data
                return TransferResult(bytes_written=len(data))
            case ReceiveFeatureReport(report_id, length) if report_id in self.features:
                return TransferResult(data=self.features[report_id][:length])
        return DeviceError("rejected", "it has no such report")

    def send_value(self, report_id: int, data: bytes) -> None:
        """Send it unasked."""
        self.send(Incoming(report_id, data))


class HesitatingHID(EchoingHID):
    """Does nothing before it is let go on. ``is_asked``: whether it has been asked for something."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.go_on = threading.Event()

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        self.is_asked.set()
        assert self.go_on.wait(20), "the test lets it go on"
        return super().perform(operation, data)


def usb_descriptors(product_id: int, *configurations: bytes) -> bytes:
    """A device of those configurations, with strings 1 to 3."""
    counts = (1, 2, 3, len(configurations))
    head = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, VENDOR_ID, product_id, 0x0100, *counts)
    return head + b"".join(configurations)


def configuration(value: int, *interfaces: bytes) -> bytes:
    body = b"".join(interfaces)
    count = len({interface[2] for interface in interfaces})
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), count, value, 0, 0x80, 50) + body


def interface(number: int, *endpoints: tuple[int, int], setting: int = 0, extra: bytes = b"") -> bytes:
    """Endpoints are an address and a transfer type."""
    head = bytes([9, 4, number, setting, len(endpoints), 255, 0, 0, 0])
    return head + extra + b"".join(struct.pack("<BBBBHB", 7, 5, address, kind, 512, 1) for address, kind in endpoints)


ISOCHRONOUS, BULK, INTERRUPT = 1, 2, 3


class LoopingUSB(SimulatedDevice):
    """What comes in at an endpoint goes out at the one of the same number, transfer by transfer.

    1 is bulk, 2 interrupt, 3 isochronous (in the first interface's other setting). Endpoint 4 is halted until it is cleared, 5
    sends more than it is asked for, 6 never answers. ``asked``: all that it was asked, in order.
    """

    def __init__(
        self,
        address: int = 2,
        place: str = "1-1",
        *,
        product_id: int = 0x5302,
        strings: dict[int, str] | None = None,
    ) -> None:
        super().__init__(f"001/{address:03}", place)
        ends = [
            (0x80 * way | number, kind) for number, kind in ((1, BULK), (2, INTERRUPT), (4, BULK)) for way in (0, 1)
        ]
        ends += [(0x85, BULK), (0x86, BULK), (0x06, BULK)]
        first = interface(0, *ends, extra=bytes([5, 0x24, 1, 2, 3]))
        other = interface(0, (0x01, BULK), (0x81, BULK), (0x03, ISOCHRONOUS), (0x83, ISOCHRONOUS), setting=1)
        self.descriptors = usb_descriptors(
            product_id, configuration(1, first, other, interface(1)), configuration(2, interface(0, (0x87, BULK)))
        )
        self.strings = {1: "Acme", 2: "Looper", 3: "B77"} if strings is None else strings
        self.configuration_value = 1
        self.asked: list[Operation] = []
        self.queues: defaultdict[int, deque[bytes]] = defaultdict(deque)
        self.registers: dict[int, bytes] = {}
        self.halted = {4}

    def facts(self) -> USBFacts:
        return USBFacts(self.descriptors, self.strings, self.configuration_value)

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        self.asked.append(operation)
        match operation:
            case TransferIn(endpoint_number=number) | TransferOut(endpoint_number=number) if number in self.halted:
                return TransferResult(status="stall")
            case TransferIn(endpoint_number=5, length=length):
                return TransferResult(data=bytes(length + 1))
            case TransferIn(endpoint_number=6) | TransferOut(endpoint_number=6):
                return None
            case TransferIn(endpoint_number=number):
                queue = self.queues[number]
                return TransferResult(data=queue.popleft()) if queue else None
            case TransferOut(endpoint_number=number):
                self.queues[number].append(data)
                self.changed()
                return TransferResult(bytes_written=len(data))
            case ControlTransfer():
                return self._control(operation, data)
            case IsochronousTransferOut(packet_lengths=lengths):
                self.queues[3].append(data)
                return TransferResult(bytes_written=len(data), packets=tuple(Packet(length) for length in lengths))
            case IsochronousTransferIn(packet_lengths=lengths):
                return self._isochronous(lengths)
            case SelectConfiguration(configuration_value=value):
                self.configuration_value = value
            case ClearHalt(endpoint_number=number):
                self.halted.discard(number)
        return DONE

    def _control(self, operation: ControlTransfer, data: bytes) -> TransferResult:
        if operation.request_type != "vendor":
            return TransferResult(status="stall")
        if operation.direction == "out":
            self.registers[operation.value] = data
            return TransferResult(bytes_written=len(data))
        found = self.registers.get(operation.value)
        return TransferResult(status="stall") if found is None else TransferResult(data=found[: operation.length])

    def _isochronous(self, lengths: tuple[int, ...]) -> TransferResult | None:
        """A byte less in each packet than fits, and the last lost."""
        if not self.queues[3]:
            return None
        data = self.queues[3].popleft()
        sizes = [length - 1 for length in lengths[:-1]] + [0]
        packets = [Packet(size) for size in sizes[:-1]] + [Packet(0, "stall")]
        return TransferResult(data=data[: sum(sizes)], packets=tuple(packets))


class HIDInterfaceUSB(LoopingUSB):
    """A USB device with a HID interface; as such it does nothing."""

    def __init__(self) -> None:
        super().__init__(product_id=0x5301)
        head = interface(0, (0x81, INTERRUPT), extra=bytes([9, 0x21, 0x11, 1, 0, 1, 0x22, len(WALLET), 0]))
        self.descriptors = usb_descriptors(0x5301, configuration(1, head[:5] + b"\x03" + head[6:]))


class Printer(SimulatedDevice):
    """A serial device that sends back what it gets, in capitals."""

    def __init__(self, number: int = 0, product_id: int = 0x5303) -> None:
        super().__init__(f"/dev/ttyACM{number}", f"1-{number + 3}")
        self.told = SerialFacts(f"ttyACM{number}", "Acme Printer", 0x1209, product_id, f"P{number}")

    def facts(self) -> SerialFacts:
        return self.told

    def perform(self, operation: Operation, data: bytes) -> TransferResult:
        assert isinstance(operation, WriteSerial)
        self.send(Incoming(0, data.upper()))
        return TransferResult(bytes_written=len(data))
