"""What a chooser lists of what is attached, by what the page asks for (FEATURES E12, E16, E20). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from partita.actors.devices import hid_block_list
from partita.actors.devices.bluetooth_filters import bluetooth_offered
from partita.actors.devices.choices import hid_choices, serial_choices, usb_choices
from partita.actors.devices.shown import advertisement_of, hid_shown, serial_shown
from partita.actors.devices.usb_descriptors import usb_device
from partita.events.device_facts import BluetoothFacts, HIDFacts, SerialFacts, USBFacts
from partita.events.device_filters import ChooserRequest, HIDRequest, SerialRequest, USBRequest
from partita.events.devices import KnownDevice


def offered(attached: Iterable[KnownDevice], request: ChooserRequest) -> tuple[str, ...]:
    """The ids (``device_id``) of those that may be offered: ports by their names, others in the order in which they came."""
    match request:
        case HIDRequest():
            interfaces = [hid_shown(known) for known in attached if isinstance(known.device.facts, HIDFacts)]
            found = hid_choices(interfaces, request.filters, request.exclusion_filters)
            return tuple(device.device_id for device in found)
        case USBRequest():
            devices = [
                usb_device(known.device.facts, known.device_id)
                for known in attached
                if isinstance(known.device.facts, USBFacts)
            ]
            listed = usb_choices(devices, request.filters, request.exclusion_filters)
            return tuple(device.device_id for device in listed)
        case SerialRequest():
            return _ports(attached, request)
        case _:
            return tuple(
                known.device_id
                for known in attached
                if isinstance(known.device.facts, BluetoothFacts)
                and bluetooth_offered(advertisement_of(known.device.facts), request)
            )


def _ports(attached: Iterable[KnownDevice], request: SerialRequest) -> tuple[str, ...]:
    ports, classes = [], {}
    for known in attached:
        facts = known.device.facts
        if isinstance(facts, SerialFacts):
            ports.append(serial_shown(known))
            if facts.service_class_id is not None:
                classes[known.device_id] = facts.service_class_id
    listed = serial_choices(
        ports,
        request.filters,
        service_classes=classes,
        allowed_service_class_ids=request.allowed_service_class_ids,
    )
    return tuple(port.port_id for port in listed)


def handed_over(attached: Iterable[KnownDevice], device_id: str) -> tuple[KnownDevice, ...]:
    """What a page has with a device that it was granted: of a HID device, each interface of which not all reports are blocked."""
    return tuple(
        known
        for known in attached
        if known.device_id == device_id
        and not (isinstance(known.device.facts, HIDFacts) and hid_block_list.is_excluded(hid_shown(known)))
    )
