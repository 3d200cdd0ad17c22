"""Which devices a page asks to choose from: the filters of WebHID, WebUSB and Web Serial. Pure.

A filter is a mapping with the dictionary's members in snake_case. A device matches a filter when it matches all of its members,
and is offered when it matches one of the filters and none of the exclusion filters. No filters at all: every device.

What the specifications reject with a ``TypeError`` is a :class:`TypeError` here, with Chromium's text where Chromium has one.
Numbers that are out of range are rejected as well, where JavaScript would cut off their upper bits; and so are members that the
dictionary does not have, which JavaScript would pass over: ``{"vendorId": 1}`` is a mistake, and matches everything there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from partita.actors.devices.bluetooth_uuids import canonical_uuid, is_valid_uuid
from partita.actors.devices.hid_collections import HIDCollectionInfo
from partita.actors.devices.structures import HIDDevice, SerialPort, USBAlternateInterface, USBDevice
from partita.events.device_filters import HIDDeviceFilter, SerialPortFilter, USBDeviceFilter
from partita.store.decoding import converted

_Filter = TypeVar("_Filter", bound=Struct)

_NOTHING_TO_FILTER_BY: Final = "A filter must provide a property to filter by."
SERIAL_PORT_PROFILE: Final = canonical_uuid(0x1101)
"""The Bluetooth service class of serial ports (Web Serial 4.3): the one that needs no mention to be allowed."""


def hid_filters(given: Iterable[Mapping[str, object]]) -> tuple[HIDDeviceFilter, ...]:
    """The filters of ``navigator.hid.request_device`` (WebHID, "a valid filter").

    Raises :class:`TypeError` for an empty filter, a product without its vendor, a usage without its page, and for what is no
    filter at all.
    """
    filters = read_all(given, HIDDeviceFilter, "filters")
    for each in filters:
        if each == HIDDeviceFilter():
            raise TypeError(_NOTHING_TO_FILTER_BY)
        _needs(each, product_id="vendor_id", usage="usage_page")
    return filters


def usb_filters(given: Iterable[Mapping[str, object]]) -> tuple[USBDeviceFilter, ...]:
    """The filters of ``navigator.usb.request_device`` (WebUSB 4, "is valid"). An empty filter is one: it matches every device.

    Raises :class:`TypeError` for a product without its vendor, a subclass without its class, a protocol without its subclass,
    and for what is no filter at all.
    """
    filters = read_all(given, USBDeviceFilter, "filters")
    for each in filters:
        _needs(each, product_id="vendor_id", subclass_code="class_code", protocol_code="subclass_code")
    return filters


def serial_filters(given: Iterable[Mapping[str, object]]) -> tuple[SerialPortFilter, ...]:
    """The filters of ``navigator.serial.request_port`` (Web Serial 3.1), service classes as full UUIDs.

    Raises :class:`TypeError` for an empty filter, a product without its vendor, USB and Bluetooth in one, a service class that is
    no UUID, and for what is no filter at all.
    """
    return tuple(_serial_filter(each) for each in read_all(given, SerialPortFilter, "filters"))


def exclusions(
    given: Iterable[Mapping[str, object]] | None,
    read: Callable[[Iterable[Mapping[str, object]]], tuple[_Filter, ...]],
) -> tuple[_Filter, ...]:
    """Exclusion filters, read as filters are; None where there are none.

    Raises :class:`TypeError` for an empty list as well, which excludes nothing (WebHID, ``requestDevice()``).
    """
    if given is None:
        return ()
    filters = read(given)
    if not filters:
        raise TypeError("'exclusion_filters', if present, must contain at least one filter.")
    return filters


def service_class(given: str | int) -> str:
    """A Bluetooth service class as a full UUID: a UUID, in lower case, or the number that it is short for.

    Raises :class:`TypeError` for what is neither.
    """
    try:
        uuid = canonical_uuid(given) if isinstance(given, int) else given
    except TypeError:
        uuid = ""
    if not is_valid_uuid(uuid):
        raise TypeError("Invalid Bluetooth service class ID filter value.")
    return uuid


def hid_offered(
    device: HIDDevice, filters: Sequence[HIDDeviceFilter], excluded: Sequence[HIDDeviceFilter] = ()
) -> bool:
    """Whether a page that asks so may be offered this HID interface; of a device with several, one is enough."""
    return _offered(lambda each: _matches_hid(device, each), filters, excluded)


def usb_offered(
    device: USBDevice, filters: Sequence[USBDeviceFilter], excluded: Sequence[USBDeviceFilter] = ()
) -> bool:
    """Whether a page that asks so may be offered this device."""
    return _offered(lambda each: _matches_usb(device, each), filters, excluded)


def serial_offered(
    port: SerialPort,
    filters: Sequence[SerialPortFilter],
    *,
    service_class_id: str | None = None,
    allowed_service_class_ids: Iterable[str] = (),
) -> bool:
    """Whether a page that asks so may be offered this port.

    ``service_class_id``: for a port over Bluetooth, its service class as a full UUID. Other classes than the serial port's must
    be named by a filter or by ``allowed_service_class_ids`` (Web Serial 3.1).
    """
    allowed = {SERIAL_PORT_PROFILE, *allowed_service_class_ids, *(each.bluetooth_service_class_id for each in filters)}
    if service_class_id is not None and service_class_id not in allowed:
        return False
    return _offered(lambda each: _matches_serial(port, service_class_id, each), filters, ())


def read_all(given: object, dictionary: type[_Filter], name: str) -> tuple[_Filter, ...]:
    """A list of mappings as structs; a :class:`TypeError` says which of them is wrong, and how."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"{name!r} is a list of mappings, not {given!r:.200}")
    return tuple(read(each, dictionary, f"{name}[{position}]") for position, each in enumerate(given))


def read(given: object, dictionary: type[_Filter], where: str) -> _Filter:
    """A mapping as a struct; a :class:`TypeError` says where it is wrong, and how."""
    members: Any = msgspec.structs.asdict(given) if isinstance(given, dictionary) else given
    if not isinstance(members, Mapping):
        raise TypeError(f"{where} is a mapping, not {given!r:.200}")
    if others := [name for name in members if name not in dictionary.__struct_fields__]:
        has = ", ".join(dictionary.__struct_fields__)
        raise TypeError(f"{where} has no member {others[0]!r:.200}: it has {has}")
    try:
        return converted(dict(members), dictionary, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise TypeError(f"{where}: {error}") from None


def _needs(given: Struct, **needed: str) -> None:
    for name, other in needed.items():
        if getattr(given, name) is not None and getattr(given, other) is None:
            raise TypeError(f"A filter containing a {name} must also contain a {other}.")


def _serial_filter(given: SerialPortFilter) -> SerialPortFilter:
    if given.bluetooth_service_class_id is not None:
        if given.usb_vendor_id is not None or given.usb_product_id is not None:
            raise TypeError(
                "A filter cannot specify both bluetooth_service_class_id and usb_vendor_id or usb_product_id."
            )
        return SerialPortFilter(bluetooth_service_class_id=service_class(given.bluetooth_service_class_id))
    if given.usb_product_id is not None and given.usb_vendor_id is None:
        raise TypeError("A filter containing a usb_product_id must also specify a usb_vendor_id.")
    if given.usb_vendor_id is None:
        raise TypeError(_NOTHING_TO_FILTER_BY)
    return given


def _offered(matches: Callable[[_Filter], bool], filters: Sequence[_Filter], excluded: Sequence[_Filter]) -> bool:
    if any(matches(each) for each in excluded):
        return False
    return not filters or any(matches(each) for each in filters)


def _matches_hid(device: HIDDevice, given: HIDDeviceFilter) -> bool:
    if given.vendor_id not in (None, device.vendor_id) or given.product_id not in (None, device.product_id):
        return False
    return any(_matches_collection(collection, given) for collection in device.collections)


def _matches_collection(collection: HIDCollectionInfo, given: HIDDeviceFilter) -> bool:
    return given.usage_page in (None, collection.usage_page) and given.usage in (None, collection.usage)


def _matches_usb(device: USBDevice, given: USBDeviceFilter) -> bool:
    if given.vendor_id not in (None, device.vendor_id) or given.product_id not in (None, device.product_id):
        return False
    if given.serial_number not in (None, device.serial_number):
        return False
    own = device.device_class, device.device_subclass, device.device_protocol
    return _has_codes(given, own) or any(
        _has_codes(given, (each.interface_class, each.interface_subclass, each.interface_protocol))
        for each in alternates_of(device)
    )


def _has_codes(given: USBDeviceFilter, codes: tuple[int, int, int]) -> bool:
    wanted = given.class_code, given.subclass_code, given.protocol_code
    return all(want in (None, code) for want, code in zip(wanted, codes, strict=True))


def alternates_of(device: USBDevice) -> Iterator[USBAlternateInterface]:
    """All ways in which the interfaces of a device can be set, in all of its configurations."""
    for configuration in device.configurations:
        for interface in configuration.interfaces:
            yield from interface.alternates


def _matches_serial(port: SerialPort, service_class_id: str | None, given: SerialPortFilter) -> bool:
    if given.bluetooth_service_class_id is not None:
        return given.bluetooth_service_class_id == service_class_id
    if port.vendor_id is None or int(port.vendor_id) != given.usb_vendor_id:
        return False
    return given.usb_product_id is None or (
        port.product_id is not None and int(port.product_id) == given.usb_product_id
    )
