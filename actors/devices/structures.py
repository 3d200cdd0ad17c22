"""Devices as Electron shows them to listeners and handlers (FEATURES T4 to T9 and Electron's BluetoothDevice). Pure.

Their JSON is Electron's, with names in camelCase. What a device does not have is None, where Electron leaves the member out. Ids
are of the moment: they hold as long as the device is attached, and say nothing of it.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from partita.actors.devices.hid_collections import HIDCollectionInfo

DeviceType = Literal["hid", "serial", "usb"]
"""Of which kind a device permission is (FEATURES F18a)."""

USBDirection = Literal["in", "out"]
USBEndpointType = Literal["bulk", "interrupt", "isochronous"]


class HIDDevice(Struct, frozen=True, kw_only=True, rename="camel"):
    """A HID interface (FEATURES T4). ``device_id``: shared by all interfaces of one device; ``guid``: this one's own.

    ``vendor_id``, ``product_id``: 16 bits each, 0 where there are none. ``collections``: the top-level ones.
    """

    device_id: str
    name: str
    vendor_id: int = 0
    product_id: int = 0
    serial_number: str | None = None
    guid: str | None = None
    collections: tuple[HIDCollectionInfo, ...] = ()


class USBEndpoint(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where data go in or out (FEATURES T8). ``endpoint_number``: 1 to 15; ``packet_size``: bytes of a packet at most."""

    endpoint_number: int
    direction: USBDirection
    type: USBEndpointType
    packet_size: int


class USBAlternateInterface(Struct, frozen=True, kw_only=True, rename="camel"):
    """One of the ways in which an interface can be set (FEATURES T7). The codes have 8 bits each."""

    alternate_setting: int = 0
    interface_class: int = 0
    interface_subclass: int = 0
    interface_protocol: int = 0
    interface_name: str | None = None
    endpoints: tuple[USBEndpoint, ...] = ()


class USBInterface(Struct, frozen=True, kw_only=True, rename="camel"):
    """An interface (FEATURES T7). ``alternate``: how it is set now; ``alternates``: all ways, in the descriptor's order."""

    interface_number: int
    alternate: USBAlternateInterface
    alternates: tuple[USBAlternateInterface, ...] = ()


class USBConfiguration(Struct, frozen=True, kw_only=True, rename="camel"):
    """A set of interfaces that work at the same time (FEATURES T6)."""

    configuration_value: int
    configuration_name: str | None = None
    interfaces: tuple[USBInterface, ...] = ()


class USBDevice(Struct, frozen=True, kw_only=True, rename="camel"):
    """A USB device (FEATURES T5). ``configuration``: the one that is selected; None where none is.

    Versions are apart, as the device's binary-coded decimals are: :func:`version_of`.
    """

    device_id: str
    vendor_id: int
    product_id: int
    product_name: str | None = None
    manufacturer_name: str | None = None
    serial_number: str | None = None
    device_class: int = 0
    device_subclass: int = 0
    device_protocol: int = 0
    device_version_major: int = 0
    device_version_minor: int = 0
    device_version_subminor: int = 0
    usb_version_major: int = 0
    usb_version_minor: int = 0
    usb_version_subminor: int = 0
    configuration: USBConfiguration | None = None
    configurations: tuple[USBConfiguration, ...] = ()


class SerialPort(Struct, frozen=True, kw_only=True, rename="camel"):
    """A serial port (FEATURES T9).

    ``port_name``: the last part of its path (``"ttyUSB0"``). ``vendor_id`` and ``product_id`` are decimal texts (``"9025"``),
    where HID and USB have numbers: Electron's own difference. ``usb_driver_name`` is macOS's, ``device_instance_id`` Windows'.
    """

    port_id: str
    port_name: str
    display_name: str | None = None
    vendor_id: str | None = None
    product_id: str | None = None
    serial_number: str | None = None
    usb_driver_name: str | None = None
    device_instance_id: str | None = None


class BluetoothDevice(Struct, frozen=True, kw_only=True, rename="camel"):
    """What ``select-bluetooth-device`` lists (Electron's ``structures/bluetooth-device.md``)."""

    device_id: str
    device_name: str


_LAST_ID: Final = 0xFFFF


def version_of(bcd: int) -> tuple[int, int, int]:
    """Major, minor and subminor of a binary-coded version (USB 2.0 9.6.1, ``bcdUSB`` and ``bcdDevice``): 0x0210 is 2.1.0."""
    return bcd >> 8 & 0xFF, bcd >> 4 & 0xF, bcd & 0xF


def bcd_device(device: USBDevice) -> int:
    """The device's own version in 16 bits, as its descriptor has it: the reverse of :func:`version_of`."""
    return device.device_version_major << 8 | device.device_version_minor << 4 | device.device_version_subminor


def hid_name(product_name: str, vendor_id: int, product_id: int) -> str:
    """What a HID device is called in a chooser; ids where it says nothing (Chromium's ``hid_chooser_context.cc``)."""
    return product_name or f"Unknown Device ({vendor_id:04X}:{product_id:04X})"


def serial_id(number: int | None) -> str | None:
    """A vendor's or product's number as :class:`SerialPort` has it.

    Raises :class:`ValueError` for one that has no 16 bits.
    """
    if number is not None and not 0 <= number <= _LAST_ID:
        raise ValueError(f"vendors and products are numbered 0 to 65535, not {number}")
    return None if number is None else str(number)
