"""UUIDs of Bluetooth, as Web Bluetooth names them (Web Bluetooth 7, ``BluetoothUUID``). Pure.

A number of 16 or 32 bits is short for a full UUID on Bluetooth's base; a name for such a number. Full UUIDs are written in lower
case: others are not valid, as in browsers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from partita.actors.devices.assigned_numbers import CHARACTERISTICS, DESCRIPTORS, SERVICES

BASE: Final = "-0000-1000-8000-00805f9b34fb"
"""What all UUIDs that a number is short for end in (Bluetooth Core 3.B.2.5.1)."""

_VALID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LAST_ALIAS: Final = 0xFFFF_FFFF


def is_valid_uuid(text: object) -> bool:
    """Whether this is a full UUID in lower case (Web Bluetooth 7, "valid UUID")."""
    return isinstance(text, str) and _VALID.fullmatch(text) is not None


def canonical_uuid(alias: int) -> str:
    """The full UUID that a number of up to 32 bits is short for; :class:`TypeError` for what is no such number.

    >>> canonical_uuid(0x180D)
    '0000180d-0000-1000-8000-00805f9b34fb'
    """
    if isinstance(alias, bool) or not isinstance(alias, int) or not 0 <= alias <= _LAST_ALIAS:
        raise TypeError(f"a UUID is short for a number from 0 to 0xffffffff, not {alias!r:.200}")
    return f"{alias:08x}{BASE}"


class BluetoothUUID:
    """The web's ``BluetoothUUID``. Each of its methods takes a name, a number or a full UUID, and returns the full UUID.

    They raise :class:`TypeError` for what is none of these: names are those of the kind, ``"heart_rate"`` for services.

    >>> BluetoothUUID.get_service("heart_rate") == BluetoothUUID.get_service(0x180D)
    True
    """

    @staticmethod
    def canonical_uuid(alias: int) -> str:
        """See :func:`canonical_uuid`."""
        return canonical_uuid(alias)

    @staticmethod
    def get_service(name: str | int) -> str:
        """Of a service: ``"heart_rate"``, ``0x180D``."""
        return _resolved(name, SERVICES, "Service", "alert_notification")

    @staticmethod
    def get_characteristic(name: str | int) -> str:
        """Of a characteristic: ``"heart_rate_measurement"``, ``0x2A37``."""
        return _resolved(name, CHARACTERISTICS, "Characteristic", "aerobic_heart_rate_lower_limit")

    @staticmethod
    def get_descriptor(name: str | int) -> str:
        """Of a descriptor: ``"gatt.client_characteristic_configuration"``, ``0x2902``."""
        return _resolved(name, DESCRIPTORS, "Descriptor", "gatt.characteristic_presentation_format")


def _resolved(name: str | int, names: Mapping[str, int], kind: str, example: str) -> str:
    if isinstance(name, int):
        return canonical_uuid(name)
    if is_valid_uuid(name):
        return name
    if isinstance(name, str) and name in names:
        return canonical_uuid(names[name])
    raise TypeError(
        f"Invalid {kind} name: {name!r:.200}. It must be a number (0x1234), a UUID in lower case"
        f" ({canonical_uuid(0x1234)!r}), or one of the standard names ({example!r})."
    )
