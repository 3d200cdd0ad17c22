"""Simulated devices of each kind, and a session that has them on its bus."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

import partita
from partita.actors.kernel.delivery import HandlerTable
from partita.actors.live_world.live import live_world
from partita.actors.live_world.ports import SystemClock
from partita.events.device_facts import BluetoothFacts, DeviceFacts, HIDFacts, SerialFacts, USBFacts
from partita.events.device_transfers import (
    ClaimInterface,
    ControlTransfer,
    DiscoverServices,
    GATTCharacteristic,
    GATTDescriptor,
    GATTService,
    GetSignals,
    Incoming,
    InputSignals,
    IsochronousTransferIn,
    IsochronousTransferOut,
    Operation,
    Packet,
    ReadAttribute,
    ReceiveFeatureReport,
    SendReport,
    StartNotifications,
    TransferIn,
    TransferOut,
    TransferResult,
    WriteAttribute,
    WriteSerial,
)
from partita.events.errors import DeviceError
from partita.simulations.devices.bus import Bus
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.faults import Faults
from tests.durability.waiting import until

TIMEOUT_S = 20.0

VENDOR_PAGE = bytes.fromhex(
    "0600ff 0901 a101"  # usage page, usage, collection
    "0920 1500 26ff00 7508 9540 8102"  # 64 bytes in
    "0921 1500 26ff00 7508 9540 9102"  # 64 bytes out
    "0922 1500 26ff00 7508 9504 b102"  # 4 bytes of a feature
    "c0"
)
"""Vendor-defined: 64 bytes in and out, 4 bytes of a feature, no ids."""


class Wallet(SimulatedDevice):
    """A HID device that sends back what it gets, the last byte first."""

    def __init__(self, key: str = "/dev/hidraw0", place: str = "1-1", serial_number: str = "S123") -> None:
        super().__init__(key, place)
        self.serial_number = serial_number
        self.report_descriptor = VENDOR_PAGE
        self.feature = b"abcd"
        self.got: list[bytes] = []

    def facts(self) -> DeviceFacts:
        return HIDFacts(0x1209, 0x5301, "Acme Wallet", self.serial_number, self.report_descriptor)

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        self.got.append(data)
        match operation:
            case SendReport():
                self.send(Incoming(0, data[::-1]))
                return TransferResult(bytes_written=len(data))
            case ReceiveFeatureReport():
                return TransferResult(data=self.feature)
            case _:
                self.feature = data
                return TransferResult(bytes_written=len(data))


def device_descriptor(vendor_id: int, product_id: int, *, configurations: int = 1) -> bytes:
    """USB 2.0 9.6.1; strings 1 to 3."""
    return struct.pack(
        "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, vendor_id, product_id, 0x0123, 1, 2, 3, configurations
    )


def interface_descriptor(number: int, setting: int, code: int, *endpoints: tuple[int, int, int]) -> bytes:
    """USB 2.0 9.6.5, with its endpoints: address, attributes, packet size."""
    content = bytes([9, 4, number, setting, len(endpoints), code, 0, 0, 0])
    for address, attributes, size in endpoints:
        content += struct.pack("<BBBBHB", 7, 5, address, attributes, size, 1)
    return content


def configuration_descriptor(value: int, interfaces: int, content: bytes) -> bytes:
    """USB 2.0 9.6.3."""
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(content), interfaces, value, 0, 0x80, 50) + content


SCANNER = (
    device_descriptor(0x1209, 0x5302, configurations=2)
    + configuration_descriptor(
        1,
        2,
        interface_descriptor(0, 0, 0xFF, (0x81, 2, 64), (0x01, 2, 64))
        + interface_descriptor(0, 1, 0xFF, (0x82, 1, 192), (0x02, 1, 192))
        + interface_descriptor(1, 0, 0x08, (0x83, 2, 64)),
    )
    + configuration_descriptor(2, 1, interface_descriptor(5, 0, 0xFF, (0x81, 3, 8)))
)
"""Two configurations; an interface with two settings, and one of mass storage."""


class Scanner(SimulatedDevice):
    """A USB device: what goes out comes in; requests beyond 0x7F stall."""

    def __init__(self, key: str = "1:2", place: str = "1-2") -> None:
        super().__init__(key, place)
        self.queued: list[bytes] = []
        self.answers = True

    def facts(self) -> DeviceFacts:
        return USBFacts(SCANNER, {1: "Acme", 2: "Scanner", 3: "U77"}, 1)

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        match operation:
            case ControlTransfer(direction="in") if operation.request <= 0x7F:
                return TransferResult(data=b"version-1"[: operation.length])
            case ControlTransfer(direction="out") if operation.request <= 0x7F:
                return TransferResult(bytes_written=len(data))
            case ControlTransfer():
                return TransferResult(status="stall")
            case TransferOut():
                self.queued.append(data)
                return TransferResult(bytes_written=len(data))
            case TransferIn():
                return TransferResult(data=self.queued.pop(0)[: operation.length]) if self.queued else None
            case IsochronousTransferIn():
                packets = tuple(Packet(length) for length in operation.packet_lengths)
                return TransferResult(data=bytes(sum(operation.packet_lengths)), packets=packets)
            case IsochronousTransferOut():
                return TransferResult(packets=tuple(Packet(length) for length in operation.packet_lengths))
            case ClaimInterface() if not self.answers:
                return DeviceError("busy", "a driver has it")
            case _:
                return TransferResult()


class Modem(SimulatedDevice):
    """A serial port that says everything twice."""

    def __init__(self, key: str = "/dev/ttyACM0", place: str = "1-3") -> None:
        super().__init__(key, place)

    def facts(self) -> DeviceFacts:
        return SerialFacts("ttyACM0", "Acme Modem", 0x1209, 0x5303, "M1")

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        match operation:
            case WriteSerial():
                self.send(Incoming(0, data))
                self.send(Incoming(0, data))
                return TransferResult(bytes_written=len(data))
            case GetSignals():
                return TransferResult(
                    signals=InputSignals(
                        data_carrier_detect=True, clear_to_send=True, ring_indicator=False, data_set_ready=True
                    )
                )
            case _:
                return TransferResult()


HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"
CONTROL_POINT = "00002a39-0000-1000-8000-00805f9b34fb"
DEVICE_INFORMATION = "0000180a-0000-1000-8000-00805f9b34fb"
SERIAL_NUMBER = "00002a25-0000-1000-8000-00805f9b34fb"
NAME = "00002901-0000-1000-8000-00805f9b34fb"


class Belt(SimulatedDevice):
    """A heart-rate belt."""

    def __init__(self, key: str = "C0:00:00:00:00:01") -> None:
        super().__init__(key)
        self.values: dict[int, bytes] = {3: b"\0\x48", 5: b"", 7: b"Heart", 9: b"secret"}

    def facts(self) -> DeviceFacts:
        return BluetoothFacts("Belt", (HEART_RATE, DEVICE_INFORMATION), {0x004C: b"\1"}, rssi=-50)

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        match operation:
            case DiscoverServices():
                return TransferResult(services=self.services())
            case ReadAttribute():
                return TransferResult(data=self.values[operation.handle])
            case WriteAttribute():
                self.values[operation.handle] = data
                return TransferResult(bytes_written=len(data))
            case StartNotifications():
                self.send(Incoming(operation.handle, b"\0\x50"))
                return TransferResult()
            case _:
                return TransferResult()

    def services(self) -> tuple[GATTService, ...]:
        """What it has."""
        heart = GATTService(
            1,
            HEART_RATE,
            (
                GATTCharacteristic(3, MEASUREMENT, ("read", "notify"), (GATTDescriptor(7, NAME),)),
                GATTCharacteristic(5, CONTROL_POINT, ("write", "write-without-response")),
            ),
        )
        return heart, GATTService(8, DEVICE_INFORMATION, (GATTCharacteristic(9, SERIAL_NUMBER, ("read",)),))


class Rig:
    """A session with a bus, and listeners that choose the first device there is.

    What is done to the bus is done on the session's own thread, as hardware would do it by its port.
    """

    def __init__(self, session: partita.Session, bus: Bus) -> None:
        self.session = session
        self.bus = bus
        self.told: list[tuple[str, Any]] = []

    def plug(self, *devices: SimulatedDevice) -> None:
        """Plug them in."""
        for device in devices:
            self._on_the_kernel(lambda device=device: self.bus.plug(device))

    def unplug(self, key: str) -> None:
        """Pull it out."""
        self._on_the_kernel(lambda: self.bus.unplug(key))

    def _on_the_kernel(self, work: Any) -> None:
        done: partita.Future[None] = partita.Future()

        def run() -> None:
            work()
            done.set(None)

        self.session._partition.kernel.call_soon(run)
        done.get(TIMEOUT_S)

    def note(self, emitter: Any, *names: str) -> None:
        """Have what is told under these names noted."""
        for name in names:
            emitter.on(name, lambda event, name=name: self.told.append((name, event)))

    def choose_first(self, emitter: Any, name: str) -> None:
        """Whoever is asked to choose takes the first of the list."""

        def choose(event: Any) -> None:
            self.told.append((name, event))
            event.prevent_default()
            devices = getattr(event, "device_list", None) or getattr(event, "port_list", None)
            if devices:
                first = devices[0]
                event.callback(getattr(first, "device_id", None) or first.port_id)

        emitter.on(name, choose)

    def told_after(self, count: int) -> list[tuple[str, Any]]:
        """What was told, once it is so much."""
        settled(lambda: len(self.told) >= count)
        return self.told

    def events(self, actor: str) -> list[str]:
        """The names of the events of an actor, as the log has them."""
        self.session.flush().get(TIMEOUT_S)
        return [
            type(event).__name__ for turn in self.session.log.turns(1) if turn.actor == actor for event in turn.events
        ]


def settled(condition: Callable[[], bool]) -> None:
    """Come back when it holds; what it waits for happens on other threads."""
    until(condition, "what the test waits for")


@contextmanager
def rig(directory: Path, name: str = "devices", **options: Any) -> Iterator[Rig]:
    """A session in a system of its own, whose world has a bus without faults."""
    bus = Bus(Faults(0, {}), SystemClock())
    world = msgspec.structs.replace(live_world(HandlerTable()), devices=bus.port())
    with partita.System(data_dir=directory, world=world) as system:
        yield Rig(system.from_partition(name, **options), bus)
