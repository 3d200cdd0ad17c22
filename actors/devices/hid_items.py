"""The items that a HID report descriptor consists of (USB HID 1.11, 6.2.2.2 and 6.2.2.3). Pure.

    short item   | tag 4 bits | type 2 bits | size 2 bits |  data: 0, 1, 2 or 4 bytes
    long item    | 0xFE | size of the data | tag |  data: 0 to 255 bytes

Data are little-endian. What an item means is said by its type and tag together; long items have no meaning yet (6.2.2.3), and
are read over.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

MAX_DESCRIPTOR_BYTES: Final = 0xFFFF
"""The length of a descriptor is told in 16 bits (HID 1.11 6.2.1, ``wDescriptorLength``)."""

_LONG: Final = 0xFE
_LONG_HEADER_BYTES: Final = 3
_SIZES: Final = (0, 1, 2, 4)


class MalformedReportDescriptor(ValueError):
    """A report descriptor that cannot be followed. ``offset``: of the item that is wrong, in bytes from the beginning."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"report descriptor, byte {offset}: {what}")
        self.offset = offset


class Tag(IntEnum):
    """What an item is: its first byte without the two bits of the size (HID 1.11 6.2.2.4, 6.2.2.7 and 6.2.2.8)."""

    INPUT = 0x80
    OUTPUT = 0x90
    COLLECTION = 0xA0
    FEATURE = 0xB0
    END_COLLECTION = 0xC0

    USAGE_PAGE = 0x04
    LOGICAL_MINIMUM = 0x14
    LOGICAL_MAXIMUM = 0x24
    PHYSICAL_MINIMUM = 0x34
    PHYSICAL_MAXIMUM = 0x44
    UNIT_EXPONENT = 0x54
    UNIT = 0x64
    REPORT_SIZE = 0x74
    REPORT_ID = 0x84
    REPORT_COUNT = 0x94
    PUSH = 0xA4
    POP = 0xB4

    USAGE = 0x08
    USAGE_MINIMUM = 0x18
    USAGE_MAXIMUM = 0x28
    DESIGNATOR_INDEX = 0x38
    DESIGNATOR_MINIMUM = 0x48
    DESIGNATOR_MAXIMUM = 0x58
    STRING_INDEX = 0x78
    STRING_MINIMUM = 0x88
    STRING_MAXIMUM = 0x98
    DELIMITER = 0xA8


_TAGS: Final = {int(tag): tag for tag in Tag}


class Item(NamedTuple):
    """A short item. ``data``: 0, 1, 2 or 4 bytes; ``offset``: where its first byte stands."""

    offset: int
    tag: Tag
    data: bytes

    @property
    def unsigned(self) -> int:
        """The data as a number; 0 where there are none."""
        return int.from_bytes(self.data, "little")


def read_items(descriptor: bytes) -> Iterator[Item]:
    """The items whose meaning is known, in order; long items and reserved tags are read over.

    Raises :class:`MalformedReportDescriptor` where the descriptor ends within an item, or is longer than 65,535 bytes.
    """
    if len(descriptor) > MAX_DESCRIPTOR_BYTES:
        raise MalformedReportDescriptor(
            MAX_DESCRIPTOR_BYTES, f"it goes on to {len(descriptor)} bytes: 65535 are the most"
        )
    at = 0
    while at < len(descriptor):
        first = descriptor[at]
        if first == _LONG:
            header_bytes, size = _LONG_HEADER_BYTES, descriptor[at + 1] if at + 1 < len(descriptor) else 0
        else:
            header_bytes, size = 1, _SIZES[first & 0b11]
        end = at + header_bytes + size
        if end > len(descriptor):
            missing = end - len(descriptor)
            raise MalformedReportDescriptor(at, f"the item 0x{first:02x} is cut off: {missing} more bytes belong to it")
        tag = _TAGS.get(first & 0b1111_1100)
        if tag is not None and first != _LONG:
            yield Item(at, tag, descriptor[at + header_bytes : end])
        at = end
