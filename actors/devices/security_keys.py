"""Security keys by vendor and product: what no page may have over USB or HID. Pure data.

With raw access to a key, a page could speak to it as any other page. Sources: WebUSB's list (WICG/webusb, ``blocklist.txt``) and
Chromium's of HID devices (``services/device/public/cpp/hid/hid_blocklist.cc``), which have nearly the same entries. Keys that are
newer than the lists are kept from pages by their FIDO usage page over HID, and by the HID class over USB.
"""

from __future__ import annotations

from typing import Final

_FEITIAN: Final = (0x0850, 0x0852, 0x0853, 0x0854, 0x0856, 0x0858, 0x085A, 0x085B, 0x0880)
"""KEY-ID's (the first) and HyperFIDO's (the last) among them: sold under the vendor's number."""

_YUBICO: Final = (
    *(0x0010, 0x0018, 0x0030),
    *(0x0110, 0x0111, 0x0112, 0x0113, 0x0114, 0x0115, 0x0116, 0x0120),
    *(0x0200, 0x0211),
    *(0x0401, 0x0402, 0x0403, 0x0404, 0x0405, 0x0406, 0x0407, 0x0410),
)

SECURITY_KEYS: Final = frozenset(
    {
        *((0x096E, product) for product in _FEITIAN),
        *((0x1050, product) for product in _YUBICO),
        (0x09C3, 0x0023),  # HID Global, BlueTrust Token
        (0x10C4, 0x8ACF),  # U2F Zero
        (0x18D1, 0x5026),  # Google, Titan
        (0x1A44, 0x00BB),  # VASCO
        (0x1D50, 0x60FC),  # OnlyKey
        (0x1E0D, 0xF1AE),  # Neowave, Keydo AES
        (0x1E0D, 0xF1D0),  # Neowave, Keydo
        (0x1EA8, 0xF025),  # Thetis
        (0x20A0, 0x4287),  # Nitrokey
        (0x24DC, 0x0101),  # JaCarta
        (0x2581, 0xF1D0),  # Happlink
        (0x2ABE, 0x1002),  # Bluink
        (0x2CCF, 0x0880),  # Feitian, HyperFIDO
    }
)
"""``(vendor, product)``, on both lists."""

PASSWORD_KEEPERS: Final = frozenset({(0x1209, 0x4321), (0x1209, 0x4322)})
"""``(vendor, product)`` of Mooltipass, on the list of HID devices only."""
