"""What no page may do with a device that is open, whatever it was granted. Pure.

Reports of protected usages and of the HID block list, interfaces of protected USB classes, services that were not named when the
device was chosen, and attributes of the GATT block list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct

from partita.actors.devices import gatt_block_list, hid_block_list, usb_block_list
from partita.actors.devices.hid_block_list import ReportKey
from partita.actors.devices.shown import hid_shown
from partita.actors.devices.usb_descriptors import usb_device
from partita.events.device_connections import Connection
from partita.events.device_facts import HIDFacts, USBFacts
from partita.events.device_transfers import (
    ClaimInterface,
    GATTService,
    Operation,
    ReadAttribute,
    ReceiveFeatureReport,
    SendFeatureReport,
    SendReport,
    StartNotifications,
    StopNotifications,
    WriteAttribute,
)
from partita.events.devices import KnownDevice

_READS: Final = (ReadAttribute, StartNotifications, StopNotifications)


class Attribute(Struct, frozen=True):
    """A characteristic or descriptor, and the service that it is in."""

    uuid: str
    service: str


def protection(
    operation: Operation, connection: Connection, known: KnownDevice, services: tuple[str, ...]
) -> str | None:
    """Why a page may not do this; None when it may. ``services``: those of a Bluetooth device that it was granted."""
    match operation:
        case SendReport(report_id):
            return _of_report(known, ("output", report_id))
        case SendFeatureReport(report_id) | ReceiveFeatureReport(report_id):
            return _of_report(known, ("feature", report_id))
        case ClaimInterface(number):
            return _of_interface(known, number, connection.protected_classes)
        case ReadAttribute() | WriteAttribute() | StartNotifications() | StopNotifications():
            return _of_attribute(operation, connection, services)
        case _:
            return None


@lru_cache(maxsize=512)
def protected_reports(known: KnownDevice) -> frozenset[ReportKey]:
    """The reports of a HID interface that no page sends or receives."""
    return hid_block_list.protected_reports(hid_shown(known))


def _of_report(known: KnownDevice, key: ReportKey) -> str | None:
    if isinstance(known.device.facts, HIDFacts) and key in protected_reports(known):
        return f"the {key[0]} report {key[1]} is protected: it is the system's, or on the block list"
    return None


def _of_interface(known: KnownDevice, number: int, classes: tuple[str, ...] | None) -> str | None:
    facts = known.device.facts
    assert isinstance(facts, USBFacts), "only USB devices have interfaces"
    protected = usb_block_list.PROTECTED_CLASSES.values() if classes is None else classes
    for configuration in usb_device(facts, known.device_id).configurations:  # whichever of them the page has selected
        for interface in configuration.interfaces:
            name = usb_block_list.protecting_class(interface, protected)
            if interface.interface_number == number and name is not None:
                return f"the interface {number} is of the class {name}, which is protected"
    return None


def _of_attribute(
    operation: ReadAttribute | WriteAttribute | StartNotifications | StopNotifications,
    connection: Connection,
    services: tuple[str, ...],
) -> str | None:
    found = attributes(connection.services).get(operation.handle)
    if found is None:
        return f"the device has no attribute {operation.handle}, or its services were not looked up"
    if found.service not in services:
        return f"the service {found.service} was not named when the device was chosen"
    blocked = (
        gatt_block_list.is_blocked_for_reads(found.uuid)
        if isinstance(operation, _READS)
        else gatt_block_list.is_blocked_for_writes(found.uuid)
    )
    return f"the attribute {found.uuid} is on the block list" if blocked else None


@lru_cache(maxsize=128)
def attributes(services: tuple[GATTService, ...]) -> dict[int, Attribute]:
    """All characteristics and descriptors, by their handles."""
    found = {}
    for service in services:
        for characteristic in service.characteristics:
            found[characteristic.handle] = Attribute(characteristic.uuid, service.uuid)
            for descriptor in characteristic.descriptors:
                found[descriptor.handle] = Attribute(descriptor.uuid, service.uuid)
    return found
