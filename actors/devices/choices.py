"""What a chooser lists: what is attached, by what the page asks for and what no page may have (FEATURES E12 to E22). Pure.

A list is made when the chooser opens, and again whenever something is plugged in or unplugged while it is open: what differs is
told (``hid-device-added``, ``hid-device-removed``, and their like for USB and serial).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from partita.actors.devices import hid_block_list, serial_block_list, usb_block_list
from partita.actors.devices.filters import hid_offered, serial_offered, usb_offered
from partita.actors.devices.structures import HIDDevice, SerialPort, USBDevice
from partita.events.device_filters import HIDDeviceFilter, SerialPortFilter, USBDeviceFilter

_NO_SERVICE_CLASSES: Final[Mapping[str, str]] = {}


def hid_choices(
    attached: Iterable[HIDDevice],
    filters: Sequence[HIDDeviceFilter] = (),
    excluded: Sequence[HIDDeviceFilter] = (),
) -> tuple[HIDDevice, ...]:
    """One for each device, in the order of ``attached``: the first of its interfaces that may be offered."""
    found: dict[str, HIDDevice] = {}
    for device in attached:
        if hid_offered(device, filters, excluded) and not hid_block_list.is_excluded(device):
            found.setdefault(device.device_id, device)
    return tuple(found.values())


def usb_choices(
    attached: Iterable[USBDevice],
    filters: Sequence[USBDeviceFilter] = (),
    excluded: Sequence[USBDeviceFilter] = (),
) -> tuple[USBDevice, ...]:
    """Those that may be offered, in the order of ``attached``."""
    return tuple(
        device for device in attached if usb_block_list.is_listed(device) and usb_offered(device, filters, excluded)
    )


def serial_choices(
    attached: Iterable[SerialPort],
    filters: Sequence[SerialPortFilter] = (),
    *,
    service_classes: Mapping[str, str] = _NO_SERVICE_CLASSES,
    allowed_service_class_ids: Iterable[str] = (),
) -> tuple[SerialPort, ...]:
    """Those that may be offered, by their names (FEATURES E16).

    ``service_classes``: of ports over Bluetooth, by their ids, the service class as a full UUID. ``allowed_service_class_ids``:
    those that the page has named beside the filters' own.
    """
    allowed = tuple(allowed_service_class_ids)
    found = []
    for port in attached:
        service_class_id = service_classes.get(port.port_id)
        if serial_block_list.is_blocked(port, service_class_id=service_class_id):
            continue
        if serial_offered(port, filters, service_class_id=service_class_id, allowed_service_class_ids=allowed):
            found.append(port)
    return tuple(sorted(found, key=lambda port: port.port_name))
