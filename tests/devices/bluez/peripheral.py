"""A Bluetooth LE peripheral without a radio: what it says of itself, what it answers, how it wants to be paired. No D-Bus.

It has the shape of a simulated device: ``key``, ``place``, ``facts()``, ``perform()``, and ``send`` for what it says unasked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, field

from partita.events.device_facts import BluetoothFacts
from partita.events.device_transfers import (
    DONE,
    DiscoverServices,
    GATTCharacteristic,
    GATTDescriptor,
    GATTService,
    Incoming,
    Operation,
    ReadAttribute,
    StartNotifications,
    StopNotifications,
    TransferResult,
    WriteAttribute,
)
from partita.events.errors import DeviceError

PairingKind = Literal["confirm", "confirmPin", "pin", "passkey", "display"]


class Characteristic(Struct):
    """``secure``: of a link that is not paired, nobody may have it. ``refuses``: an ATT error that it always answers.

    ``mute``: it answers nothing.
    """

    uuid: str
    properties: tuple[str, ...] = ("read", "write")
    value: bytes = b""
    secure: bool = False
    refuses: int = 0
    mute: bool = False
    descriptors: dict[str, bytes] = field(default_factory=dict)


class Description(Struct):
    """What a peripheral is made of. ``pairing``: the kind, and what is compared or has to be entered."""

    key: str
    name: str = ""
    rssi: int | None = -50
    tx_power: int | None = None
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    services: dict[str, list[Characteristic]] = field(default_factory=dict)
    pairing: tuple[PairingKind, str] = ("confirm", "")


class Peripheral:
    """One that is near the adapter ``hci0``. Attributes have handles as they stand in its description, from 1 on."""

    def __init__(self, description: Description) -> None:
        self.key = description.key
        self.place = "hci0"
        self.description = description
        self.is_paired = False
        self.send: Callable[[Incoming], None] = lambda _: None
        self._characteristics: dict[int, Characteristic] = {}
        self._descriptors: dict[int, tuple[Characteristic, str]] = {}
        self._notifying: set[int] = set()
        self._services = self._laid_out()

    def facts(self) -> BluetoothFacts:
        """What it advertises."""
        made_of = self.description
        return BluetoothFacts(
            name=made_of.name,
            services=tuple(sorted(made_of.services)),
            manufacturer_data=made_of.manufacturer_data,
            service_data=made_of.service_data,
            rssi=made_of.rssi,
            tx_power=made_of.tx_power,
        )

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        """What it answers; None: nothing."""
        match operation:
            case DiscoverServices():
                return TransferResult(services=self._services)
            case ReadAttribute(handle) if handle in self._descriptors:
                owner, uuid = self._descriptors[handle]
                return TransferResult(data=owner.descriptors[uuid])
            case WriteAttribute(handle) if handle in self._descriptors:
                owner, uuid = self._descriptors[handle]
                owner.descriptors[uuid] = data
                return TransferResult(bytes_written=len(data))
            case (
                ReadAttribute(handle) | WriteAttribute(handle) | StartNotifications(handle) | StopNotifications(handle)
            ):
                return self._at(self._characteristics[handle], handle, operation, data)
            case _:
                return DeviceError("unsupported", type(operation).__name__)

    def notify(self, handle: int, value: bytes) -> None:
        """Say it to who has asked for it."""
        if handle in self._notifying:
            self.send(Incoming(handle, value))

    def disconnected(self) -> None:
        """Nobody has asked for anything any more."""
        self._notifying.clear()

    def _at(
        self, characteristic: Characteristic, handle: int, operation: Operation, data: bytes
    ) -> TransferResult | DeviceError | None:
        if characteristic.mute:
            return None
        if characteristic.secure and not self.is_paired:
            return DeviceError("rejected", "ATT error 0x05")
        if characteristic.refuses:
            return DeviceError("rejected", f"ATT error 0x{characteristic.refuses:02x}")
        match operation:
            case ReadAttribute():
                return TransferResult(data=characteristic.value)
            case WriteAttribute():
                characteristic.value = data
                self.notify(handle, data[::-1])
                return TransferResult(bytes_written=len(data))
            case StartNotifications():
                self._notifying.add(handle)
            case _:
                self._notifying.discard(handle)
        return DONE

    def _laid_out(self) -> tuple[GATTService, ...]:
        services = []
        handle = 0
        for uuid, characteristics in self.description.services.items():
            handle += 1
            first = handle
            laid_out = []
            for characteristic in characteristics:
                handle += 1
                own = handle
                self._characteristics[own] = characteristic
                descriptors = []
                for descriptor in characteristic.descriptors:
                    handle += 1
                    self._descriptors[handle] = (characteristic, descriptor)
                    descriptors.append(GATTDescriptor(handle, descriptor))
                laid_out.append(
                    GATTCharacteristic(own, characteristic.uuid, characteristic.properties, tuple(descriptors))
                )
            services.append(GATTService(first, uuid, tuple(laid_out)))
        return tuple(services)
