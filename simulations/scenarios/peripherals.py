"""What the scenario of devices plugs in: HID devices of all sorts, and some USB devices, serial ports and Bluetooth devices."""

from __future__ import annotations

from typing import Final

from partita.actors.kernel.context import Random
from partita.actors.kernel.device_ports import PairingQuestion
from partita.events.device_facts import BluetoothFacts, DeviceFacts, HIDFacts, SerialFacts, USBFacts
from partita.events.device_transfers import (
    DiscoverServices,
    GATTCharacteristic,
    GATTService,
    GetSignals,
    Incoming,
    InputSignals,
    Operation,
    ReceiveFeatureReport,
    SendFeatureReport,
    SendReport,
    TransferResult,
)
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice

VENDOR_ID: Final = 0x1209
OPEN_REPORT: Final = 1
PROTECTED_REPORT: Final = 2
"""Of a device that is a keyboard besides."""

_OPEN: Final = bytes.fromhex("0600ff 0901 a101 8501 150026ff00 75089508 09208102 09219102 0922b102 c0")
"""Vendor-defined: report 1 in, out and as a feature, 8 bytes each."""

_KEYBOARD: Final = bytes.fromhex(
    "05010906a1018502 050719e029e71500250175019508 8102 95019108 050819012905950575019102 c0"
)
"""Report 2, in and out."""

_MALFORMED: Final = bytes.fromhex("0600ff 0901 a101 8501 c0c0c0")
"""More collections end than begin."""

_USB: Final = bytes.fromhex("1201000200000040 0912 0253 2301 010203 01 09021200 01010080 32 09040000 00ff0000 00")
"""One configuration, one interface of the maker's own, no endpoints."""

LAST: Final = HIDFacts(VENDOR_ID, 0x53FF, "Acme Wallet", "the last", _OPEN)
"""Nobody but the last user has this one."""

SERVICE: Final = "0000180d-0000-1000-8000-00805f9b34fb"
MEASUREMENT: Final = "00002a37-0000-1000-8000-00805f9b34fb"


class Peripheral(SimulatedDevice):
    """One of them. ``protected``: how many operations have reached it that no page may carry out."""

    def __init__(self, key: str, place: str, facts: DeviceFacts) -> None:
        super().__init__(key, place)
        self._facts = facts
        self.protected = 0
        self._is_keyboard = is_keyboard(facts)
        self.is_open = False

    def facts(self) -> DeviceFacts:
        """See :class:`SimulatedDevice`; so for the rest."""
        return self._facts

    def opened(self) -> None:
        self.is_open = True

    def closed(self) -> None:
        self.is_open = False

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        match operation:
            case SendReport(number) | SendFeatureReport(number) | ReceiveFeatureReport(number):
                self.protected += number == PROTECTED_REPORT and self._is_keyboard and isinstance(operation, SendReport)
                self.send(Incoming(PROTECTED_REPORT, data))
                self.send(Incoming(OPEN_REPORT, data))
                return TransferResult(data=b"feature", bytes_written=len(data))
            case DiscoverServices():
                measurement = GATTCharacteristic(2, MEASUREMENT, ("read", "write"))
                return TransferResult(services=(GATTService(1, SERVICE, (measurement,)),))
            case GetSignals():
                signals = InputSignals(
                    data_carrier_detect=True, clear_to_send=True, ring_indicator=False, data_set_ready=True
                )
                return TransferResult(signals=signals)
            case _:
                return TransferResult(data=data, bytes_written=len(data))


def is_keyboard(facts: DeviceFacts) -> bool:
    """Whether it has a report that no page may have."""
    return isinstance(facts, HIDFacts) and facts.report_descriptor.endswith(_KEYBOARD)


def peripheral(number: int, random: Random) -> Peripheral:
    """The ``number``-th: two of three are HID devices, half of which have the same serial number, and a quarter none."""
    place = f"1-{number}"
    serial_number = random.choice(["", "TWIN", "TWIN", f"S{number}"])
    match random.below(9):
        case 6:
            facts: DeviceFacts = USBFacts(_USB, {1: "Acme", 2: "Scanner", 3: serial_number or "S"}, 1)
            return Peripheral(f"usb-{number}", place, facts)
        case 7:
            facts = SerialFacts(f"ttyUSB{number}", "Acme", VENDOR_ID, 0x5303, serial_number)
            return Peripheral(f"/dev/ttyUSB{number}", place, facts)
        case 8:
            device = Peripheral(f"AA:{number}", "", BluetoothFacts(f"Belt {number}", (SERVICE,)))
            device.pairing = random.choice([None, PairingQuestion("confirm"), PairingQuestion("providePin")])
            return device
        case drawn:
            descriptor = (_OPEN, _OPEN, _OPEN, _OPEN, _OPEN + _KEYBOARD, _MALFORMED)[drawn]
            facts = HIDFacts(VENDOR_ID, 0x5301, "Acme Wallet", serial_number, descriptor)
            return Peripheral(f"/dev/hidraw{number}", place, facts)
