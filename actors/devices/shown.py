"""A device as pages, listeners and handlers see it, made of the facts that the log holds. Pure.

A report descriptor that cannot be followed leaves a HID interface without collections: it has no reports that anybody could send,
so no chooser lists it. ``partita devices list`` says why.
"""

from __future__ import annotations

from functools import lru_cache

from partita.actors.devices.bluetooth_filters import Advertisement
from partita.actors.devices.hid_collections import HIDCollectionInfo
from partita.actors.devices.hid_items import MalformedReportDescriptor
from partita.actors.devices.hid_report_descriptor import parse_report_descriptor
from partita.actors.devices.identity import Attached
from partita.actors.devices.structures import (
    BluetoothDevice,
    HIDDevice,
    SerialPort,
    USBDevice,
    hid_name,
    serial_id,
)
from partita.actors.devices.usb_descriptors import device_numbers, serial_number, usb_device
from partita.events.device_facts import BluetoothFacts, HIDFacts, SerialFacts, USBFacts
from partita.events.devices import KnownDevice

ShownDevice = HIDDevice | USBDevice | SerialPort | BluetoothDevice


def shown(known: KnownDevice) -> ShownDevice:
    """It, in Electron's shape."""
    facts = known.device.facts
    match facts:
        case HIDFacts():
            return hid_shown(known)
        case USBFacts():
            return usb_device(facts, known.device_id)
        case SerialFacts():
            return serial_shown(known)
        case BluetoothFacts():
            return BluetoothDevice(device_id=known.device_id, device_name=facts.name or f"Unknown ({known.device.key})")


def hid_shown(known: KnownDevice) -> HIDDevice:
    """A HID interface (FEATURES T4)."""
    facts = known.device.facts
    assert isinstance(facts, HIDFacts)
    return HIDDevice(
        device_id=known.device_id,
        name=hid_name(facts.product_name, facts.vendor_id, facts.product_id),
        vendor_id=facts.vendor_id,
        product_id=facts.product_id,
        serial_number=facts.serial_number or None,
        guid=known.id,
        collections=collections_of(facts.report_descriptor),
    )


def serial_shown(known: KnownDevice) -> SerialPort:
    """A serial port (FEATURES T9)."""
    facts = known.device.facts
    assert isinstance(facts, SerialFacts)
    return SerialPort(
        port_id=known.device_id,
        port_name=facts.name,
        display_name=facts.display_name or None,
        vendor_id=serial_id(facts.vendor_id),
        product_id=serial_id(facts.product_id),
        serial_number=facts.serial_number or None,
        usb_driver_name=facts.usb_driver_name or None,
        device_instance_id=facts.device_instance_id or None,
    )


@lru_cache(maxsize=512)
def collections_of(report_descriptor: bytes) -> tuple[HIDCollectionInfo, ...]:
    """The top-level collections; none where the descriptor cannot be followed."""
    try:
        return parse_report_descriptor(report_descriptor)
    except MalformedReportDescriptor:
        return ()


def advertisement_of(facts: BluetoothFacts) -> Advertisement:
    """What is known of a Bluetooth device that is near."""
    return Advertisement(
        name=facts.name or None,
        services=frozenset(facts.services),
        manufacturer_data=facts.manufacturer_data,
        service_data=facts.service_data,
    )


def attached_of(known: KnownDevice) -> Attached:
    """It, as far as grants go: all HID interfaces of a device are one."""
    facts, place = known.device.facts, known.device.place
    match facts:
        case HIDFacts():
            return Attached(
                device_type="hid",
                attachment=known.device_id,
                port=place,
                vendor_id=facts.vendor_id,
                product_id=facts.product_id,
                serial_number=facts.serial_number or None,
            )
        case USBFacts():
            numbers = device_numbers(facts.descriptors)
            return Attached(
                device_type="usb",
                attachment=known.device_id,
                port=place,
                vendor_id=numbers.vendor_id,
                product_id=numbers.product_id,
                serial_number=serial_number(facts) or None,
            )
        case SerialFacts():
            return Attached(
                device_type="serial",
                attachment=known.device_id,
                port=place,
                vendor_id=facts.vendor_id,
                product_id=facts.product_id,
                serial_number=facts.serial_number or None,
                part=facts.part,
            )
        case BluetoothFacts():
            return Attached(device_type="bluetooth", attachment=known.device_id, port=known.device.key)
