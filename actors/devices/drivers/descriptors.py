"""A USB device's descriptors, read as far as the driver needs them, and put together where a system gives them in parts."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import usb.core

DEVICE_BYTES: Final = 18
_CONFIGURATION: Final = 2
_INTERFACE: Final = 4
_ENDPOINT: Final = 5


def vendor_and_product(descriptors: bytes) -> tuple[int, int]:
    """The two ids that the device descriptor has (USB 2.0 table 9-8)."""
    vendor_id, product_id = struct.unpack_from("<HH", descriptors, 8)
    return vendor_id, product_id


def endpoint_types(descriptors: bytes, configuration_value: int, alternates: Mapping[int, int]) -> dict[int, int]:
    """By the endpoint's address, its transfer type: 0 control, 1 isochronous, 2 bulk, 3 interrupt (USB 2.0 table 9-13).

    Of that configuration, with the alternate settings that are selected, by interface; 0 where none is given.
    """
    found: dict[int, int] = {}
    is_selected = is_active = False
    for kind, at in _parts(descriptors):
        if kind == _CONFIGURATION and at + 9 <= len(descriptors):
            is_selected = descriptors[at + 5] == configuration_value
            is_active = False
        elif kind == _INTERFACE and at + 9 <= len(descriptors):
            is_active = is_selected and alternates.get(descriptors[at + 2], 0) == descriptors[at + 3]
        elif kind == _ENDPOINT and is_active and at + 4 <= len(descriptors):
            found[descriptors[at + 2]] = descriptors[at + 3] & 3
    return found


def interface_strings(descriptors: bytes, configuration_value: int) -> tuple[int, dict[tuple[int, int], int]]:
    """The number of the configuration's string, and of each interface's, by interface and alternate setting; 0 for none."""
    inside = False
    configuration = 0
    interfaces: dict[tuple[int, int], int] = {}
    for kind, at in _parts(descriptors):
        if kind == _CONFIGURATION and at + 9 <= len(descriptors):
            inside = descriptors[at + 5] == configuration_value
            configuration = descriptors[at + 6] if inside else configuration
        elif kind == _INTERFACE and inside and at + 9 <= len(descriptors):
            interfaces[descriptors[at + 2], descriptors[at + 3]] = descriptors[at + 8]
    return configuration, interfaces


def string_numbers(descriptors: bytes) -> list[int]:
    """Of all strings that the descriptors name, ascending."""
    found = set(descriptors[14:17])
    for kind, at in _parts(descriptors):
        if kind == _CONFIGURATION and at + 9 <= len(descriptors):
            found.add(descriptors[at + 6])
        elif kind == _INTERFACE and at + 9 <= len(descriptors):
            found.add(descriptors[at + 8])
    return sorted(found - {0})


def put_together(device: usb.core.Device) -> bytes:
    """The descriptors of one that pyusb has taken apart: to the byte what the device sent."""
    head = struct.pack(
        "<BBHBBBBHHHBBBB",
        DEVICE_BYTES,
        1,
        device.bcdUSB,
        device.bDeviceClass,
        device.bDeviceSubClass,
        device.bDeviceProtocol,
        device.bMaxPacketSize0,
        device.idVendor,
        device.idProduct,
        device.bcdDevice,
        device.iManufacturer,
        device.iProduct,
        device.iSerialNumber,
        device.bNumConfigurations,
    )
    return head + b"".join(_configuration(configuration) for configuration in device)


def _configuration(configuration: usb.core.Configuration) -> bytes:
    inside = [bytes(configuration.extra_descriptors)]
    for interface in configuration:
        inside.append(
            bytes(
                [
                    9,
                    _INTERFACE,
                    interface.bInterfaceNumber,
                    interface.bAlternateSetting,
                    interface.bNumEndpoints,
                    interface.bInterfaceClass,
                    interface.bInterfaceSubClass,
                    interface.bInterfaceProtocol,
                    interface.iInterface,
                ]
            )
            + bytes(interface.extra_descriptors)
        )
        inside.extend(_endpoint(endpoint) for endpoint in interface)
    head = struct.pack(
        "<BBHBBBBB",
        9,
        _CONFIGURATION,
        configuration.wTotalLength,
        configuration.bNumInterfaces,
        configuration.bConfigurationValue,
        configuration.iConfiguration,
        configuration.bmAttributes,
        configuration.bMaxPower,
    )
    return head + b"".join(inside)


def _endpoint(endpoint: usb.core.Endpoint) -> bytes:
    head: Sequence[int] = (endpoint.bEndpointAddress, endpoint.bmAttributes)
    body = struct.pack("<BBHB", *head, endpoint.wMaxPacketSize, endpoint.bInterval)
    if endpoint.bLength > 7:  # noqa: PLR2004  # of an audio device's there are two bytes more
        body += bytes([endpoint.bRefresh, endpoint.bSynchAddress])
    return bytes([2 + len(body), _ENDPOINT]) + body + bytes(endpoint.extra_descriptors)


def _parts(descriptors: bytes) -> Iterator[tuple[int, int]]:
    """Each descriptor behind the device's: its type, and where it begins."""
    at = DEVICE_BYTES
    while at + 2 <= len(descriptors) and descriptors[at] >= 2:  # noqa: PLR2004  # its own length and type
        yield descriptors[at + 1], at
        at += descriptors[at]
