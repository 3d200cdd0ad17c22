"""What a chooser lists, and what it is told when something is plugged in or unplugged."""

from __future__ import annotations

from devices.attached import hid, serial, usb
from devices.descriptors import KEYBOARD, SCALE, collection, field
from msgspec.structs import replace

from partita.actors.devices.bluetooth_uuids import canonical_uuid
from partita.actors.devices.choices import (
    hid_choices,
    serial_choices,
    usb_choices,
)
from partita.actors.devices.filters import exclusions, hid_filters, serial_filters, usb_filters
from partita.actors.devices.hid_report_descriptor import parse_report_descriptor
from partita.actors.devices.offering import handed_over
from partita.events.device_facts import AttachedDevice, HIDFacts
from partita.events.devices import KnownDevice

FIDO = collection(0xF1D0, 1, field(count=64))


def interface(device_id: str, guid: str, descriptor: bytes):
    return replace(hid(*parse_report_descriptor(descriptor)), device_id=device_id, guid=guid)


HEADSET = [
    interface("1", "a", KEYBOARD),
    interface("1", "b", SCALE),
    interface("1", "c", FIDO),
]
SPARE = interface("2", "d", SCALE)


def test_a_device_with_several_interfaces_is_listed_once() -> None:
    assert hid_choices([*HEADSET, SPARE]) == (HEADSET[0], SPARE)


def test_the_interface_that_the_page_asked_for_stands_for_its_device() -> None:
    filters = hid_filters([{"usage_page": 0x8D}])
    assert hid_choices([*HEADSET, SPARE], filters) == (HEADSET[1], SPARE)
    excluded = exclusions([{"usage_page": 1}], hid_filters)
    assert hid_choices(HEADSET, (), excluded) == (HEADSET[1],)


def test_security_keys_and_sticks_are_not_listed_whatever_is_asked_for() -> None:
    key = usb((0xFF, 0, 0), vendor_id=0x1050, product_id=0x0407)
    stick = usb((0x08, 6, 0x50))
    own = usb((0xFF, 0, 0))
    assert usb_choices([key, stick, own]) == (own,)
    assert usb_choices([key], usb_filters([{"vendor_id": 0x1050}])) == ()
    assert usb_choices([own], usb_filters([{"class_code": 0xFF}])) == (own,)
    assert usb_choices([own], (), exclusions([{"class_code": 0xFF}], usb_filters)) == ()


def test_serial_ports_are_listed_by_name() -> None:
    ports = [replace(serial("9025", "67"), port_id=name, port_name=name) for name in ("ttyUSB1", "ttyACM0", "ttyUSB0")]
    assert [port.port_name for port in serial_choices(ports)] == ["ttyACM0", "ttyUSB0", "ttyUSB1"]
    assert serial_choices(ports, serial_filters([{"usb_vendor_id": 1}])) == ()


def test_ports_over_bluetooth_are_listed_by_their_service_classes() -> None:
    own = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
    classes = {"a": canonical_uuid(0x1101), "b": canonical_uuid(0x1124), "c": own}
    ports = [replace(serial(), port_id=name, port_name=name) for name in "abcd"]

    def names(*allowed: str) -> str:
        found = serial_choices(ports, service_classes=classes, allowed_service_class_ids=iter(allowed))
        return "".join(port.port_name for port in found)

    assert names() == "ad"
    assert names(own) == "acd"
    assert names(*classes.values()) == "acd", "what Bluetooth itself has specified stays blocked"


def test_a_page_gets_all_interfaces_of_the_chosen_device_and_no_security_key() -> None:
    def known(name: str, device_id: str, descriptor: bytes) -> KnownDevice:
        facts = HIDFacts(0x046D, 0x0A44, "Headset", "1", descriptor)
        return KnownDevice(name, device_id, AttachedDevice(f"/dev/{name}", "1-1", facts))

    scale, keys, fido = known("a", "1", SCALE), known("b", "1", KEYBOARD), known("c", "1", FIDO)
    other = known("d", "2", SCALE)
    assert handed_over([scale, keys, fido, other], "1") == (scale, keys)
    assert handed_over([fido], "1") == ()
