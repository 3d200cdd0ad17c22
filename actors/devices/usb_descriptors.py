"""USB descriptors, from the bytes that a device sends, into WebUSB's shapes (USB 2.0 9.5 and 9.6). Pure.

Devices are not to be trusted: what is cut off, has a length that cannot be, or stands where it does not belong is left out, and
what was read before it stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from partita.actors.devices.structures import (
    USBAlternateInterface,
    USBConfiguration,
    USBDevice,
    USBEndpoint,
    USBEndpointType,
    USBInterface,
    version_of,
)
from partita.events.device_facts import USBFacts

_DEVICE: Final = struct.Struct("<BBHBBBBHHHBBBB")
_CONFIGURATION: Final = struct.Struct("<BBHBBBBB")
_INTERFACE: Final = struct.Struct("<BBBBBBBBB")
_ENDPOINT: Final = struct.Struct("<BBBBHB")
_DEVICE_TYPE: Final = 1
_CONFIGURATION_TYPE: Final = 2
_INTERFACE_TYPE: Final = 4
_ENDPOINT_TYPE: Final = 5
_SHORTEST: Final = 2

_TRANSFERS: Final[Mapping[int, USBEndpointType]] = {1: "isochronous", 2: "bulk", 3: "interrupt"}
"""By the lower two bits of ``bmAttributes``; 0 is a control endpoint, which WebUSB does not list (USB 2.0 9.6.6)."""


class DeviceNumbers(Struct, frozen=True):
    """What the device descriptor says, as it stands there."""

    vendor_id: int = 0
    product_id: int = 0
    device_class: int = 0
    device_subclass: int = 0
    device_protocol: int = 0
    bcd_usb: int = 0
    bcd_device: int = 0
    manufacturer_index: int = 0
    product_index: int = 0
    serial_index: int = 0


def device_numbers(descriptors: bytes) -> DeviceNumbers:
    """The device descriptor, the first 18 bytes; zeros where there is none."""
    if len(descriptors) < _DEVICE.size or descriptors[1] != _DEVICE_TYPE:
        return DeviceNumbers()
    fields = _DEVICE.unpack_from(descriptors)
    _, _, bcd_usb, device_class, subclass, protocol, _, vendor, product, bcd_device, maker, name, serial, _ = fields
    return DeviceNumbers(vendor, product, device_class, subclass, protocol, bcd_usb, bcd_device, maker, name, serial)


def serial_number(facts: USBFacts) -> str:
    """The device's own; empty where it has none."""
    return facts.strings.get(device_numbers(facts.descriptors).serial_index or -1, "")


def usb_device(facts: USBFacts, device_id: str) -> USBDevice:
    """The device as pages and listeners see it (FEATURES T5)."""
    numbers = device_numbers(facts.descriptors)
    configurations = _configurations(facts.descriptors, tuple(sorted(facts.strings.items())))
    selected = next((one for one in configurations if one.configuration_value == facts.configuration_value), None)
    major, minor, subminor = version_of(numbers.bcd_device)
    usb_major, usb_minor, usb_subminor = version_of(numbers.bcd_usb)
    return USBDevice(
        device_id=device_id,
        vendor_id=numbers.vendor_id,
        product_id=numbers.product_id,
        product_name=facts.strings.get(numbers.product_index or -1),
        manufacturer_name=facts.strings.get(numbers.manufacturer_index or -1),
        serial_number=facts.strings.get(numbers.serial_index or -1),
        device_class=numbers.device_class,
        device_subclass=numbers.device_subclass,
        device_protocol=numbers.device_protocol,
        device_version_major=major,
        device_version_minor=minor,
        device_version_subminor=subminor,
        usb_version_major=usb_major,
        usb_version_minor=usb_minor,
        usb_version_subminor=usb_subminor,
        configuration=selected,
        configurations=configurations,
    )


@lru_cache(maxsize=256)
def _configurations(descriptors: bytes, strings: tuple[tuple[int, str], ...]) -> tuple[USBConfiguration, ...]:
    named = dict(strings)
    found = []
    offset = _DEVICE.size
    while offset + _CONFIGURATION.size <= len(descriptors):
        length, kind, total, _, value, name, _, _ = _CONFIGURATION.unpack_from(descriptors, offset)
        if length < _CONFIGURATION.size or kind != _CONFIGURATION_TYPE:
            break
        content = descriptors[offset + length : offset + max(total, length)]
        interfaces = _interfaces(content, named)
        found.append(
            USBConfiguration(configuration_value=value, configuration_name=named.get(name or -1), interfaces=interfaces)
        )
        offset += max(total, length)
    return tuple(found)


def _interfaces(content: bytes, strings: Mapping[int, str]) -> tuple[USBInterface, ...]:
    """Interfaces in the order of their first alternates. What is set at first is alternate 0 (USB 2.0 9.2.3)."""
    alternates: dict[int, list[USBAlternateInterface]] = {}
    number: int | None = None
    for descriptor in _each(content):
        kind = descriptor[1]
        if kind == _INTERFACE_TYPE and len(descriptor) >= _INTERFACE.size:
            _, _, number, setting, _, code, subclass, protocol, name = _INTERFACE.unpack_from(descriptor)
            alternate = USBAlternateInterface(
                alternate_setting=setting,
                interface_class=code,
                interface_subclass=subclass,
                interface_protocol=protocol,
                interface_name=strings.get(name or -1),
            )
            alternates.setdefault(number, []).append(alternate)
        elif kind == _ENDPOINT_TYPE and len(descriptor) >= _ENDPOINT.size and number is not None:
            endpoint = _endpoint(descriptor)
            if endpoint is not None:
                last = alternates[number][-1]
                alternates[number][-1] = replace(last, endpoints=(*last.endpoints, endpoint))
    return tuple(
        USBInterface(interface_number=number, alternate=settings[0], alternates=tuple(settings))
        for number, settings in alternates.items()
    )


def _endpoint(descriptor: bytes) -> USBEndpoint | None:
    _, _, address, attributes, packet_size, _ = _ENDPOINT.unpack_from(descriptor)
    transfer = _TRANSFERS.get(attributes & 3)
    if transfer is None or not address & 0xF:
        return None
    return USBEndpoint(
        endpoint_number=address & 0xF,
        direction="in" if address & 0x80 else "out",
        type=transfer,
        packet_size=packet_size & 0x7FF,
    )


def _each(content: bytes) -> Iterator[bytes]:
    offset = 0
    while offset + _SHORTEST <= len(content):
        length = content[offset]
        if length < _SHORTEST or offset + length > len(content):
            return
        yield content[offset : offset + length]
        offset += length
