"""Which Bluetooth devices a page asks to choose from, and what it may do with the one (Web Bluetooth 3). Pure.

A page says what it looks for, by what devices advertise, and which services it will use. What it is granted with the device are
the services of its filters and its optional ones, and of the manufacturers' data those that it named.

What the specification rejects with a ``TypeError`` is a :class:`TypeError` here, with Chromium's text where Chromium has one;
services that are kept from all pages are a :class:`SecurityError` in a filter, and are left out where they are optional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct, field

from partita.actors.devices.bluetooth_uuids import BluetoothUUID
from partita.actors.devices.filters import read_all
from partita.actors.devices.gatt_block_list import (
    is_blocked,
    is_blocked_manufacturer_filter,
    starts_with,
)
from partita.events.device_filters import (
    BluetoothFilter,
    BluetoothRequest,
    ManufacturerDataFilter,
    ServiceDataFilter,
)
from partita.events.errors import SecurityError

MAX_NAME_BYTES: Final = 248
"""Of a device's name in UTF-8 (Bluetooth Core 3.C.12.1)."""

_Company = Annotated[int, Meta(ge=0, le=0xFFFF)]
_Members = Iterable[Mapping[str, object]]
_T = TypeVar("_T")
_LAST_COMPANY: Final = 0xFFFF


class Advertisement(Struct, frozen=True, kw_only=True):
    """What is known of a device that is near, from what it advertises and from its services where they were looked up.

    ``name``: complete or, where ``name_is_complete`` is false, its beginning. ``services``: full UUIDs in lower case, and so are
    the keys of ``service_data``; those of ``manufacturer_data`` are the companies' numbers.
    """

    name: str | None = None
    name_is_complete: bool = True
    services: frozenset[str] = frozenset()
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)


def bluetooth_request(
    *,
    filters: _Members | None = None,
    accept_all_devices: bool = False,
    optional_services: Iterable[str | int] = (),
    optional_manufacturer_data: Iterable[int] = (),
) -> BluetoothRequest:
    """What ``navigator.bluetooth.request_device`` is asked with, made canonical (Web Bluetooth 3, "request Bluetooth devices").

    A filter has some of ``services`` (names, numbers or UUIDs), ``name``, ``name_prefix``, ``manufacturer_data``
    (``company_identifier``, ``data_prefix``, ``mask``) and ``service_data`` (``service``, ``data_prefix``, ``mask``); data are
    bytes, 0 of a mask's bits for those that do not count.

    Raises :class:`TypeError` for filters together with ``accept_all_devices`` or neither, lists and prefixes that are empty,
    names of more than 248 bytes, a company named twice, a mask of another length than its prefix, what names no service, and
    what is no filter at all; :class:`SecurityError` for services and data that are kept from all pages.
    """
    if not isinstance(accept_all_devices, bool):
        raise TypeError(f"accept_all_devices is True or False, not {accept_all_devices!r:.200}")
    if (filters is None) is not accept_all_devices:
        raise TypeError("Either 'filters' should be present or 'accept_all_devices' should be true, but not both.")
    canonical = None if filters is None else _filters(filters)
    optional = _each("optional_services", optional_services, BluetoothUUID.get_service)
    services = [uuid for each in canonical or () for uuid in each.services]
    services += [uuid for uuid in optional if not is_blocked(uuid)]
    return BluetoothRequest(
        filters=canonical,
        services=tuple(dict.fromkeys(services)),
        manufacturers=tuple(dict.fromkeys(_each("optional_manufacturer_data", optional_manufacturer_data, _company))),
    )


def bluetooth_offered(device: Advertisement, request: BluetoothRequest) -> bool:
    """Whether a page that asks so may be offered this device."""
    return request.filters is None or any(_matches(device, each) for each in request.filters)


class _DataMembers(Struct, kw_only=True):
    data_prefix: bytes | None = None
    mask: bytes | None = None


class _ManufacturerMembers(_DataMembers, kw_only=True):
    company_identifier: _Company


class _ServiceMembers(_DataMembers, kw_only=True):
    service: str | int


class _FilterMembers(Struct, kw_only=True):
    """Members as a page gives them; their own members are read when they are looked at."""

    services: object = None
    name: str | None = None
    name_prefix: str | None = None
    manufacturer_data: object = None
    service_data: object = None


def _filters(given: _Members) -> tuple[BluetoothFilter, ...]:
    members = read_all(given, _FilterMembers, "filters")
    if not members:
        raise TypeError("'filters' member must be non-empty to find any devices.")
    return tuple(_canonical(each, f"filters[{position}]") for position, each in enumerate(members))


def _canonical(given: _FilterMembers, where: str) -> BluetoothFilter:
    present = given.services, given.name, given.name_prefix, given.manufacturer_data, given.service_data
    if all(each is None for each in present):
        raise TypeError("A filter must restrict the devices in some way.")
    if given.name_prefix == "":
        raise TypeError("'name_prefix', if present, must be non-empty.")
    for name in (given.name, given.name_prefix):
        if name is not None and len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            raise TypeError(f"A device name can't be longer than {MAX_NAME_BYTES} bytes.")
    return BluetoothFilter(
        services=_services(given.services),
        name=given.name,
        name_prefix=given.name_prefix,
        manufacturer_data=_manufacturer_data(given.manufacturer_data, where),
        service_data=_service_data(given.service_data, where),
    )


def _services(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    found = _each("services", given, BluetoothUUID.get_service)
    if not found:
        raise TypeError("'services', if present, must contain at least one service.")
    for uuid in found:
        _allowed(uuid)
    return found


def _manufacturer_data(given: object, where: str) -> tuple[ManufacturerDataFilter, ...]:
    if given is None:
        return ()
    members = read_all(given, _ManufacturerMembers, f"{where}.manufacturer_data")
    if not members:
        raise TypeError("'manufacturer_data', if present, must be non-empty.")
    found: dict[int, ManufacturerDataFilter] = {}
    for each in members:
        company = each.company_identifier
        if company in found:
            raise TypeError("'company_identifier' must be unique.")
        prefix, mask = _data(each)
        if is_blocked_manufacturer_filter(company, prefix, mask):
            raise SecurityError(
                f"the data of company 0x{company:04x} that begin so are on the block list: no page may have them"
            )
        found[company] = ManufacturerDataFilter(company_identifier=company, data_prefix=prefix, mask=mask)
    return tuple(found.values())


def _service_data(given: object, where: str) -> tuple[ServiceDataFilter, ...]:
    if given is None:
        return ()
    members = read_all(given, _ServiceMembers, f"{where}.service_data")
    if not members:
        raise TypeError("'service_data', if present, must be non-empty.")
    found = []
    for each in members:
        service = BluetoothUUID.get_service(each.service)
        _allowed(service)
        prefix, mask = _data(each)
        found.append(ServiceDataFilter(service=service, data_prefix=prefix, mask=mask))
    return tuple(found)


def _data(given: _DataMembers) -> tuple[bytes, bytes]:
    """A prefix and its mask; without a mask all bits count."""
    prefix, mask = given.data_prefix or b"", given.mask
    if not prefix and isinstance(given.data_prefix, bytes):
        raise TypeError("'data_prefix', if present, must be non-empty.")
    if not isinstance(mask, bytes):
        return prefix, b"\xff" * len(prefix)
    if not prefix:
        raise TypeError("'data_prefix' must be non-empty when 'mask' is present.")
    if len(mask) != len(prefix):
        raise TypeError("'mask' size must be equal to 'data_prefix' size.")
    return prefix, mask


def _allowed(service: str) -> None:
    if is_blocked(service):
        raise SecurityError(f"the service {service} is on the block list: no page may have it")


def _company(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= _LAST_COMPANY:
        raise TypeError(f"companies are numbered 0 to 65535, not {given!r:.200}")
    return given


def _each(name: str, given: object, resolve: Callable[..., _T]) -> tuple[_T, ...]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"{name!r} is a list, not {given!r:.200}")
    return tuple(resolve(one) for one in given)


def _matches(device: Advertisement, given: BluetoothFilter) -> bool:
    if given.name is not None and (device.name != given.name or not device.name_is_complete):
        return False
    if given.name_prefix is not None and not (device.name or "").startswith(given.name_prefix):
        return False
    if not device.services.issuperset(given.services):
        return False
    return all(
        _has(device.manufacturer_data.get(each.company_identifier), each.data_prefix, each.mask)
        for each in given.manufacturer_data
    ) and all(_has(device.service_data.get(each.service), each.data_prefix, each.mask) for each in given.service_data)


def _has(data: bytes | None, prefix: bytes, mask: bytes) -> bool:
    return data is not None and starts_with(data, prefix, mask)
