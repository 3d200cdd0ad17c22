"""What the port says of a device that is attached: raw facts, as the system and the device tell them (FEATURES T4 to T9).

They are what the log holds. What a page or a listener is shown is made of them: :mod:`partita.actors.devices.shown`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

DeviceKind = Literal["hid", "usb", "serial", "bluetooth"]
"""Of which kind a device is: whose broker it is at."""


class HIDFacts(Struct, frozen=True, array_like=True, tag="hid"):
    """One HID interface. ``report_descriptor``: its bytes; empty where they could not be read.

    ``vendor_id``, ``product_id``: 16 bits each, 0 where there are none. ``serial_number``: empty where there is none.
    """

    vendor_id: int
    product_id: int
    product_name: str = ""
    serial_number: str = ""
    report_descriptor: bytes = b""


class USBFacts(Struct, frozen=True, array_like=True, tag="usb"):
    """One USB device. ``descriptors``: the device descriptor (18 bytes) and behind it every configuration's, as it sends them.

    ``strings``: those that its descriptors name, by index. ``configuration_value``: of the one that is selected, 0 for none.
    """

    descriptors: bytes
    strings: dict[int, str] = field(default_factory=dict)
    configuration_value: int = 0


class SerialFacts(Struct, frozen=True, array_like=True, tag="serial"):
    """One serial port. ``name``: the last part of its path (``"ttyUSB0"``). ``part``: which of its adapter's ports it is.

    ``usb_driver_name`` is macOS's, ``device_instance_id`` Windows'; ``service_class_id``: of one over Bluetooth, a full UUID.
    """

    name: str
    display_name: str = ""
    vendor_id: int | None = None
    product_id: int | None = None
    serial_number: str = ""
    part: str = ""
    usb_driver_name: str = ""
    device_instance_id: str = ""
    service_class_id: str | None = None


class BluetoothFacts(Struct, frozen=True, array_like=True, tag="bluetooth"):
    """One Bluetooth LE device that is near, as it advertises itself. UUIDs are full and in lower case.

    ``rssi``: dBm; None where nobody measured. ``manufacturer_data`` is by the companies' numbers, without these.
    """

    name: str = ""
    services: tuple[str, ...] = ()
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    rssi: int | None = None
    tx_power: int | None = None
    appearance: int | None = None


DeviceFacts = HIDFacts | USBFacts | SerialFacts | BluetoothFacts


class AttachedDevice(Struct, frozen=True, array_like=True):
    """What is attached, under the port's own ``key``: a path (``/dev/hidraw0``), a bus and address, a Bluetooth address.

    ``place``: where it is plugged in, as the system names it (``1-2.3``); HID interfaces of one device share it. A key may come
    again after its device is gone.
    """

    key: str
    place: str
    facts: DeviceFacts


class DeviceChange(Struct, frozen=True, array_like=True):
    """What the port tells who watches: what has come, or says something else of itself now, and the keys of what is gone.

    What is gone goes first: a key that is in both belongs to another device now.
    """

    attached: tuple[AttachedDevice, ...] = ()
    detached: tuple[str, ...] = ()
