"""Grants of devices: to a page of an origin, for one device (FEATURES F18)."""

from __future__ import annotations

from msgspec import Struct

from partita.events.device_facts import DeviceKind


class Identity(Struct, frozen=True, array_like=True):
    """What tells a device from all others, also when it comes back.

    ``part``: which of its ports, where a serial adapter has several under one serial number: the number of the USB interface,
    or on macOS the driver's name, as in Chromium; else empty.
    """

    device_type: DeviceKind
    vendor_id: int
    product_id: int
    serial_number: str
    part: str = ""


class LastingGrant(Struct, frozen=True, array_like=True, tag="lasting"):
    """For a device that is known again whenever it comes."""

    identity: Identity


class EphemeralGrant(Struct, frozen=True, array_like=True, tag="ephemeral"):
    """For a device as long as it stays attached."""

    device_type: DeviceKind
    attachment: str


Grant = LastingGrant | EphemeralGrant
