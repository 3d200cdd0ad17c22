"""What of USB devices no page may have (WebUSB 7.1; FEATURES E20; WANTS 73 and 87). Pure data and its questions.

- **Blocked devices** are offered to nobody. Source: WICG/webusb, ``blocklist.txt``, which is Chromium's as well: security keys.
- **Protected classes**: interfaces that no page may claim, because the system has drivers and the web has interfaces with
  questions of their own for them. Source: WebUSB 7.1, "protected interface class". A session may say which of them are protected
  (``setUSBProtectedClassesHandler``).
- Devices that are mass storage and nothing else are not listed (Electron's ``usb_chooser_context.cc``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from partita.actors.devices.security_keys import SECURITY_KEYS
from partita.actors.devices.structures import USBDevice, USBInterface, bcd_device

_ALL_VERSIONS: Final = 0xFFFF
_MASS_STORAGE: Final = 0x08

USB_BLOCK_LIST: Final[Mapping[tuple[int, int], int]] = dict.fromkeys(sorted(SECURITY_KEYS), _ALL_VERSIONS)
"""By vendor and product: the last of the device's own versions (``bcdDevice``) that is blocked. So far each entry means all."""

PROTECTED_CLASSES: Final[Mapping[int, str]] = {
    0x01: "audio",
    0x03: "hid",
    _MASS_STORAGE: "mass-storage",
    0x0B: "smart-card",
    0x0E: "video",
    0x10: "audio-video",
    0xE0: "wireless",
}
"""Codes of the classes, with their names in ``setUSBProtectedClassesHandler``."""


def is_blocked(device: USBDevice) -> bool:
    """Whether the device is on the block list: its vendor, product and version."""
    last = USB_BLOCK_LIST.get((device.vendor_id, device.product_id))
    return last is not None and bcd_device(device) <= last


def is_listed(device: USBDevice) -> bool:
    """Whether a chooser may list the device at all.

    Not when it is blocked, and not when all interfaces of all of its configurations are mass storage. One that has a
    configuration without interfaces is listed; one without configurations is not, as in Electron.
    """
    if is_blocked(device):
        return False
    return any(
        not configuration.interfaces or not all(map(_is_mass_storage, configuration.interfaces))
        for configuration in device.configurations
    )


def protecting_class(interface: USBInterface, protected: Iterable[str] = PROTECTED_CLASSES.values()) -> str | None:
    """The protected class for whose sake no page may claim the interface; None where one may.

    One alternate of such a class is enough. ``protected``: the names of the classes that are, where the session's handler has
    said something else than the list.

    Raises :class:`ValueError` for a name that is not in the list.
    """
    named = frozenset(protected)
    if unknown := sorted(named.difference(PROTECTED_CLASSES.values())):
        names = ", ".join(PROTECTED_CLASSES.values())
        raise ValueError(f"{unknown[0]!r:.200} is no protected class: they are {names}")
    for alternate in interface.alternates or (interface.alternate,):
        name = PROTECTED_CLASSES.get(alternate.interface_class)
        if name in named:
            return name
    return None


def _is_mass_storage(interface: USBInterface) -> bool:
    return any(
        alternate.interface_class == _MASS_STORAGE for alternate in interface.alternates or (interface.alternate,)
    )
