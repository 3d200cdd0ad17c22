"""Devices to be filtered, blocked and granted."""

from __future__ import annotations

from partita.actors.devices.hid_collections import HIDCollectionInfo
from partita.actors.devices.structures import (
    HIDDevice,
    SerialPort,
    USBAlternateInterface,
    USBConfiguration,
    USBDevice,
    USBInterface,
)


def hid(*collections: HIDCollectionInfo, vendor_id: int = 0x1234, product_id: int = 0x5678) -> HIDDevice:
    return HIDDevice(
        device_id="1", name="a device", vendor_id=vendor_id, product_id=product_id, collections=collections
    )


def usb(*interfaces: tuple[int, int, int] | list[tuple[int, int, int]], **members) -> USBDevice:
    """A device with one configuration; an interface is its codes, or the list of those of its alternates."""
    made = []
    for number, given in enumerate(interfaces):
        alternates = tuple(
            USBAlternateInterface(
                alternate_setting=setting, interface_class=one, interface_subclass=two, interface_protocol=three
            )
            for setting, (one, two, three) in enumerate(given if isinstance(given, list) else [given])
        )
        made.append(USBInterface(interface_number=number, alternate=alternates[0], alternates=alternates))
    members = {"vendor_id": 0x1234, "product_id": 0x5678, **members}
    configuration = USBConfiguration(configuration_value=1, interfaces=tuple(made))
    return USBDevice(device_id="1", configurations=(configuration,), **members)


def serial(vendor_id: str | None = None, product_id: str | None = None) -> SerialPort:
    return SerialPort(port_id="1", port_name="ttyUSB0", vendor_id=vendor_id, product_id=product_id)
