"""Report descriptors written down item by item, as a device's firmware would have them."""

from __future__ import annotations

from partita.actors.devices.hid_items import Tag

SIZES = {0: 0, 1: 1, 2: 2, 4: 3}


def item(tag: Tag, value: int | bytes | None = None, *, size: int | None = None) -> bytes:
    """One short item; a number in as few bytes as hold it (signed where it is negative), or in ``size``."""
    if value is None:
        data = b""
    elif isinstance(value, bytes):
        data = value
    else:
        low, high = (-(1 << 7), 1 << 8), (-(1 << 15), 1 << 16)
        size = size or (1 if low[0] <= value < low[1] else 2 if high[0] <= value < high[1] else 4)
        data = value.to_bytes(size, "little", signed=value < 0)
    return bytes([tag | SIZES[len(data)]]) + data


def field(tag: Tag = Tag.INPUT, flags: int = 2, *, size: int = 8, count: int = 1) -> bytes:
    return item(Tag.REPORT_SIZE, size) + item(Tag.REPORT_COUNT, count) + item(tag, flags)


def collection(page: int, usage: int, *inside: bytes, kind: int = 1) -> bytes:
    opening = item(Tag.USAGE_PAGE, page) + item(Tag.USAGE, usage) + item(Tag.COLLECTION, kind)
    return opening + b"".join(inside) + item(Tag.END_COLLECTION)


MOUSE = bytes.fromhex(
    "05010902a1010901a100"  # Generic Desktop, Mouse { Pointer {
    "05091901290315002501950375018102"  # buttons 1 to 3, 0 to 1, a bit each
    "950175058101"  # five bits of nothing
    "0501093009311581257f750895028106"  # X and Y, -127 to 127, a byte each, relative
    "c0c0"
)

KEYBOARD = bytes.fromhex(
    "05010906a101"
    "050719e029e7150025017501950881029501750881019505750105081901290591029501750391019506750815002565050719002965"
    "8100c0"
)

SCALE = collection(
    0x8D,  # Weighing Devices
    0x20,
    item(Tag.REPORT_ID, 3),
    item(Tag.UNIT, 0x0101),  # SI linear, mass: grams
    item(Tag.UNIT_EXPONENT, 0x0F),  # tenths
    item(Tag.LOGICAL_MINIMUM, 0),
    item(Tag.LOGICAL_MAXIMUM, 32767),
    item(Tag.USAGE, 0x40),
    field(size=16),
    item(Tag.REPORT_ID, 4),
    item(Tag.USAGE, 0x80),
    field(Tag.OUTPUT, size=1),
    item(Tag.REPORT_ID, 5),
    item(Tag.USAGE, 0x60),
    field(Tag.FEATURE, 0x122, size=8, count=6),
)
