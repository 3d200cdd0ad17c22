"""Which serial ports no page may have (Web Serial 8; FEATURES E16; WANTS 87). Pure data and its questions.

Source: Chromium's ``chrome/browser/serial/serial_blocklist.cc`` and WICG/serial, ``bluetooth-service-blocklist.txt``. Both lists
are empty so far. What is certain is a rule of theirs: of the services that Bluetooth itself has specified, pages may have the
serial port profile and no other.
"""

from __future__ import annotations

from typing import Final

from partita.actors.devices.bluetooth_uuids import BASE
from partita.actors.devices.filters import SERIAL_PORT_PROFILE
from partita.actors.devices.structures import SerialPort

USB_SERIAL_BLOCK_LIST: Final[frozenset[tuple[int, int]]] = frozenset()
"""``(vendor, product)``."""

SERVICE_CLASS_BLOCK_LIST: Final[frozenset[str]] = frozenset()
"""Full UUIDs of service classes that makers have made themselves."""


def is_blocked(port: SerialPort, *, service_class_id: str | None = None) -> bool:
    """Whether a port is offered to nobody. ``service_class_id``: of one over Bluetooth, its service class as a full UUID."""
    if service_class_id is not None:
        if service_class_id.endswith(BASE):
            return service_class_id != SERIAL_PORT_PROFILE
        return service_class_id in SERVICE_CLASS_BLOCK_LIST
    if port.vendor_id is None or port.product_id is None:
        return False
    return (int(port.vendor_id), int(port.product_id)) in USB_SERIAL_BLOCK_LIST
