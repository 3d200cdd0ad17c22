"""What a page asks to choose from: filters as they were read and checked (:mod:`partita.actors.devices.filters`)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_Octet = Annotated[int, Meta(ge=0, le=0xFF)]
_Short = Annotated[int, Meta(ge=0, le=0xFFFF)]
_Long = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]


class HIDDeviceFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WebHID's. ``usage_page`` and ``usage`` are those of a top-level collection."""

    vendor_id: _Long | None = None
    product_id: _Short | None = None
    usage_page: _Short | None = None
    usage: _Short | None = None


class USBDeviceFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WebUSB's. The codes are those of the device or of one of its interfaces."""

    vendor_id: _Short | None = None
    product_id: _Short | None = None
    class_code: _Octet | None = None
    subclass_code: _Octet | None = None
    protocol_code: _Octet | None = None
    serial_number: str | None = None


class SerialPortFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Web Serial's: by USB numbers or by a Bluetooth service class, a UUID as text or as a number for short."""

    usb_vendor_id: _Short | None = None
    usb_product_id: _Short | None = None
    bluetooth_service_class_id: str | _Long | None = None


class ManufacturerDataFilter(Struct, frozen=True, kw_only=True):
    """What a device advertises under its company's number. ``mask``: which bits of ``data_prefix`` count, of its length."""

    company_identifier: int
    data_prefix: bytes = b""
    mask: bytes = b""


class ServiceDataFilter(Struct, frozen=True, kw_only=True):
    """What a device advertises under a service's UUID. ``mask``: which bits of ``data_prefix`` count, of its length."""

    service: str
    data_prefix: bytes = b""
    mask: bytes = b""


class BluetoothFilter(Struct, frozen=True, kw_only=True):
    """A filter that was made canonical: full UUIDs, masks of the length of what they mask. A device matches all of it."""

    services: tuple[str, ...] = ()
    name: str | None = None
    name_prefix: str | None = None
    manufacturer_data: tuple[ManufacturerDataFilter, ...] = ()
    service_data: tuple[ServiceDataFilter, ...] = ()


class BluetoothRequest(Struct, frozen=True, kw_only=True, array_like=True, tag="bluetooth"):
    """What a page asks for. ``filters``: None for all devices.

    ``services``: those that it may use of the device it is granted, in the order in which it named them, each once;
    ``manufacturers``: whose data it may see in the device's advertisements.
    """

    filters: tuple[BluetoothFilter, ...] | None
    services: tuple[str, ...] = ()
    manufacturers: tuple[int, ...] = ()


class HIDRequest(Struct, frozen=True, array_like=True, tag="hid"):
    """``navigator.hid.request_device``."""

    filters: tuple[HIDDeviceFilter, ...] = ()
    exclusion_filters: tuple[HIDDeviceFilter, ...] = ()


class USBRequest(Struct, frozen=True, array_like=True, tag="usb"):
    """``navigator.usb.request_device``."""

    filters: tuple[USBDeviceFilter, ...] = ()
    exclusion_filters: tuple[USBDeviceFilter, ...] = ()


class SerialRequest(Struct, frozen=True, array_like=True, tag="serial"):
    """``navigator.serial.request_port``. ``allowed_service_class_ids``: full UUIDs."""

    filters: tuple[SerialPortFilter, ...] = ()
    allowed_service_class_ids: tuple[str, ...] = ()


ChooserRequest = HIDRequest | USBRequest | SerialRequest | BluetoothRequest
