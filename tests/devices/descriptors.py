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

DIGITIZER = bytes.fromhex(
    # a tablet of the USB-IF's descriptor tool: three reports that push and pop the table of coordinates
    "050d0901a1018501"
    "0921a1000501093009317510950215 0026e02e3500450c65135500a48102"
    "050d0932094409421500250135004501750195036500810295017505 8103c0"
    "85020920a100b4a4093009318102050d09321500250135004501650075018102050919002910 25107505814075028101c0"
    "8503050d0920a100b4093009318102050d0932094475011500250135004501650081029506 8103"
    "09301500257f3500452d6711e1000055047508950181 12c0c0"
)

RECEIVER = b"".join(
    # a receiver of wireless mice: its maker's own collections, each with reports of its own length
    item(Tag.USAGE_PAGE, 0xFF00) + item(Tag.USAGE, usage) + item(Tag.COLLECTION, 1) + inside + item(Tag.END_COLLECTION)
    for usage, inside in (
        (1, item(Tag.REPORT_ID, 0x10) + field(flags=0, count=6) + item(Tag.OUTPUT, 0)),
        (2, item(Tag.REPORT_ID, 0x11) + field(flags=0, count=19) + item(Tag.OUTPUT, 0)),
        (
            4,
            item(Tag.REPORT_ID, 0x20)
            + field(flags=0, count=14)
            + item(Tag.OUTPUT, 0)
            + item(Tag.REPORT_ID, 0x21)
            + field(flags=0, count=31)
            + item(Tag.OUTPUT, 0),
        ),
    )
)
