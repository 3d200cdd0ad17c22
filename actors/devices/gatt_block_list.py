"""What of Bluetooth's attributes no page may have (Web Bluetooth 7.2, "the GATT blocklist"). Pure data and its questions.

Source: the registry that Web Bluetooth refers to (WebBluetoothCG/registries, ``gatt_blocklist.txt`` and
``manufacturer_data_blocklist.txt``). Its reasons, in short:

- HID over GATT: a page could read what is typed.
- Firmware updates whose signature nobody checks (Nordic's legacy DFU, TI's over-the-air download, Cypress' bootloader): a page
  could take the device over for good.
- FIDO's services, of all three numbers: a page could speak as another page.
- Switching off a device's privacy, moving its connection; serial numbers, by which it could be followed.
- Descriptors that say who is notified, and what is broadcast: pages could disturb each other.
- Apple's iBeacon in advertisements: it says where one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from partita.actors.devices.bluetooth_uuids import canonical_uuid

Exclusion = Literal["exclude", "exclude-reads", "exclude-writes"]
"""What is kept from pages: the attribute, reading it, or writing it."""

GATT_BLOCK_LIST: Final[Mapping[str, Exclusion]] = {
    canonical_uuid(0x1812): "exclude",  # human_interface_device
    "00001530-1212-efde-1523-785feabcd123": "exclude",  # Nordic, legacy Device Firmware Update
    "f000ffc0-0451-4000-b000-000000000000": "exclude",  # TI, Over-the-Air Download
    canonical_uuid(0x60000): "exclude",  # Cypress, Bootloader
    canonical_uuid(0xFFFD): "exclude",  # FIDO
    canonical_uuid(0xFFF9): "exclude",  # FIDO
    canonical_uuid(0xFDE2): "exclude",  # Google, FIDO without pairing
    canonical_uuid(0x2A02): "exclude-writes",  # gap.peripheral_privacy_flag
    canonical_uuid(0x2A03): "exclude",  # gap.reconnection_address
    canonical_uuid(0x2A25): "exclude",  # serial_number_string
    canonical_uuid(0x2902): "exclude-writes",  # gatt.client_characteristic_configuration
    canonical_uuid(0x2903): "exclude-writes",  # gatt.server_characteristic_configuration
}
"""By the full UUID of a service, a characteristic or a descriptor."""

MANUFACTURER_DATA_BLOCK_LIST: Final[Mapping[int, tuple[tuple[bytes, bytes], ...]]] = {
    0x004C: ((b"\x02", b"\xff"),),  # Apple: iBeacon
}
"""By company: beginnings of its data, each with its mask."""


def is_blocked(uuid: str) -> bool:
    """Whether an attribute is kept from pages altogether ("blocklisted"). ``uuid``: full, in lower case."""
    return GATT_BLOCK_LIST.get(uuid) == "exclude"


def is_blocked_for_reads(uuid: str) -> bool:
    """Whether no page may read it; so it is where it is kept from pages altogether."""
    return GATT_BLOCK_LIST.get(uuid) in ("exclude", "exclude-reads")


def is_blocked_for_writes(uuid: str) -> bool:
    """Whether no page may write it; so it is where it is kept from pages altogether."""
    return GATT_BLOCK_LIST.get(uuid) in ("exclude", "exclude-writes")


def is_blocked_manufacturer_data(company: int, data: bytes) -> bool:
    """Whether what a device advertises under its company's number is kept from pages. ``data``: without the number."""
    return any(starts_with(data, prefix, mask) for prefix, mask in MANUFACTURER_DATA_BLOCK_LIST.get(company, ()))


def is_blocked_manufacturer_filter(company: int, prefix: bytes, mask: bytes) -> bool:
    """Whether a filter asks for nothing but what is blocked: all that it matches, an entry of the list matches as well.

    ``prefix`` and ``mask``: of one length.
    """
    return any(
        len(prefix) >= len(blocked)
        and all(wanted & bits == bits for wanted, bits in zip(mask, blocked_mask, strict=False))
        and starts_with(prefix, blocked, blocked_mask)
        for blocked, blocked_mask in MANUFACTURER_DATA_BLOCK_LIST.get(company, ())
    )


def starts_with(data: bytes, prefix: bytes, mask: bytes) -> bool:
    """Whether data begin with ``prefix`` in all bits that ``mask``, of the same length, has (Web Bluetooth 3, "matches")."""
    if len(data) < len(prefix):
        return False
    return all((one ^ other) & bits == 0 for one, other, bits in zip(data, prefix, mask, strict=False))
