"""A HID device's report descriptor, read into WebHID's collections (USB HID 1.11 6.2.2; WebHID, "HID interface"). Pure.

A descriptor is a program for a small machine. Its state is two tables: *global* items hold until they are said anew, and can be
pushed and popped; *local* items hold for the next *main* item. A main item opens or closes a collection, or makes an item of a
report out of what both tables say.

    usage page 1, usage 2, collection 1                       a mouse {
      usage page 9, usage minimum 1, usage maximum 3            buttons 1 to 3
      logical minimum 0, logical maximum 1                      each 0 or 1,
      report size 1, report count 3, input 2                    in 3 bits
    end collection                                            }

Where devices and documents differ, this follows Chromium, whose pages were written for it:

- The report id is no part of what push and pop keep (WebHID says so too; HID 1.11 does not).
- A usage without a page takes the page that holds when it is said, not the one that holds at the main item.
- Items outside of any collection are in no collection, and so are left out.
- Reserved items, and designators, are read over.

It follows HID 1.11 and common sense where Chromium falls short of them:

- A maximum is read as unsigned where the minimum is not negative and a signed one would lie below it: ``15 00 25 FF``, written
  by many devices for "0 to 255", is that, and not "0 to -1".
- Of the alternative usages between delimiters the first counts, the one that HID 1.11 6.2.2.8 prefers: the n-th usage stays
  that of the n-th field.

What cannot be followed is refused with the byte where it stands: what is cut off, collections and delimiters that do not close
or that were never opened, a pop without a push, a report id that is none, more than 50 collections inside each other, and a
report longer than 65,535 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from partita.actors.devices.hid_collections import (
    REPORT_TYPES,
    HIDCollectionInfo,
    HIDReportInfo,
    HIDReportItem,
    ReportType,
    UnitSystem,
)
from partita.actors.devices.hid_items import Item, MalformedReportDescriptor, Tag, read_items

MAX_DEPTH: Final = 50
"""Collections inside each other, as in Chromium (``hid_collection.cc``)."""

MAX_REPORT_BYTES: Final = 0xFFFF
"""Of one report. Windows tells lengths in 16 bits; Chromium keeps to it on all systems."""

MAX_PUSHED: Final = 256
"""Of the tables that are pushed and not popped. Devices push one or two; the bound is ours."""

_STRINGS: Final = 256
"""A USB device's strings are numbered with a byte (USB 2.0 9.6.7); 0 is none of them."""

_REPORT_IDS: Final = range(1, 256)
_USAGE_ID_BYTES: Final = 2
"""A usage in up to two bytes is an id; one in four has its page in the upper half (HID 1.11 6.2.2.8)."""

_REPORT_TAGS: Final[Mapping[Tag, ReportType]] = {Tag.INPUT: "input", Tag.OUTPUT: "output", Tag.FEATURE: "feature"}
_UNIT_SYSTEMS: Final[Mapping[int, UnitSystem]] = {
    0x0: "none",
    0x1: "si-linear",
    0x2: "si-rotation",
    0x3: "english-linear",
    0x4: "english-rotation",
    0xF: "vendor-defined",
}
_NOTHING: Final = Item(0, Tag.UNIT, b"")
"""An item that was not said counts as 0."""


def parse_report_descriptor(
    descriptor: bytes, *, strings: Mapping[int, str] | None = None
) -> tuple[HIDCollectionInfo, ...]:
    """A device's top-level collections, in order.

    ``descriptor``: as the device gave it, up to 65,535 bytes. ``strings``: the device's strings by their index, where somebody
    read them (:func:`string_indices` says which are asked for); a string that is not among them is left out.

    Raises :class:`MalformedReportDescriptor`, whose ``offset`` says at which byte.

    >>> mouse = bytes.fromhex("0501 0902 a101 0509 1901 2903 1500 2501 7501 9503 8102 c0")
    >>> [collection] = parse_report_descriptor(mouse)
    >>> collection.usage_page, collection.usage, collection.input_reports[0].items[0].report_count
    (1, 2, 3)
    """
    parser = _Parser(strings or {})
    for item in read_items(descriptor):
        parser.take(item)
    return parser.finish(len(descriptor))


def string_indices(descriptor: bytes) -> tuple[int, ...]:
    """Which of the device's strings its report items name, ascending; raises as :func:`parse_report_descriptor` does."""
    parser = _Parser({})
    for item in read_items(descriptor):
        parser.take(item)
    parser.finish(len(descriptor))
    return tuple(sorted(parser.strings_named))


class _Globals(Struct, frozen=True):
    """What holds until it is said anew. Bounds are kept as they were said: how to read a maximum depends on the minimum."""

    usage_page: int = 0
    logical_minimum: Item = _NOTHING
    logical_maximum: Item = _NOTHING
    physical_minimum: Item = _NOTHING
    physical_maximum: Item = _NOTHING
    unit_exponent: int = 0
    unit: int = 0
    report_size: int = 0
    report_count: int = 0


_KEPT_AS_SAID: Final = {
    Tag.LOGICAL_MINIMUM: "logical_minimum",
    Tag.LOGICAL_MAXIMUM: "logical_maximum",
    Tag.PHYSICAL_MINIMUM: "physical_minimum",
    Tag.PHYSICAL_MAXIMUM: "physical_maximum",
}
_KEPT_AS_NUMBER: Final = {
    Tag.UNIT_EXPONENT: "unit_exponent",
    Tag.UNIT: "unit",
    Tag.REPORT_SIZE: "report_size",
    Tag.REPORT_COUNT: "report_count",
}


class _Locals(Struct):
    """What holds for the next main item."""

    usages: list[int] = field(default_factory=list)
    usage_minimum: int | None = None
    usage_maximum: int | None = None
    strings: list[int] = field(default_factory=list)
    string_minimum: int | None = None
    string_maximum: int | None = None
    in_delimiter: bool = False
    chosen: bool = False
    """Whether a usage was said since the delimiter opened: the others are its alternatives."""


class _Collection(Struct):
    """One that is being read. ``offset``: of the item that opened it."""

    offset: int
    usage_page: int
    usage: int
    type: int
    children: list[HIDCollectionInfo] = field(default_factory=list)
    items: dict[ReportType, dict[int, list[HIDReportItem]]] = field(
        default_factory=lambda: {report_type: {} for report_type in REPORT_TYPES}
    )

    def closed(self) -> HIDCollectionInfo:
        reports = (
            tuple(HIDReportInfo(report_id, tuple(items)) for report_id, items in self.items[report_type].items())
            for report_type in REPORT_TYPES
        )
        return HIDCollectionInfo(self.usage_page, self.usage, self.type, tuple(self.children), *reports)


class _Parser:
    def __init__(self, strings: Mapping[int, str]) -> None:
        self._strings = strings
        self.strings_named: set[int] = set()
        self._globals = _Globals()
        self._pushed: list[_Globals] = []
        self._locals = _Locals()
        self._report_id = 0
        self._open: list[_Collection] = []
        self._top_level: list[HIDCollectionInfo] = []
        self._report_bits: dict[tuple[ReportType, int], int] = {}

    def take(self, item: Item) -> None:
        tag = item.tag
        if tag in _REPORT_TAGS or tag in (Tag.COLLECTION, Tag.END_COLLECTION):
            if self._locals.in_delimiter:
                raise MalformedReportDescriptor(item.offset, "the delimiter before it was not closed")
            if tag is Tag.COLLECTION:
                self._open_collection(item)
            elif tag is Tag.END_COLLECTION:
                self._close_collection(item)
            else:
                self._add_report_item(item, _REPORT_TAGS[tag])
            self._locals = _Locals()
        elif tag & 0b1100 == Tag.USAGE:  # the type of local items
            self._take_local(item)
        else:
            self._take_global(item)

    def finish(self, end: int) -> tuple[HIDCollectionInfo, ...]:
        if self._open:
            raise MalformedReportDescriptor(end, f"the collection of byte {self._open[-1].offset} was not closed")
        return tuple(self._top_level)

    def _open_collection(self, item: Item) -> None:
        if len(self._open) == MAX_DEPTH:
            raise MalformedReportDescriptor(item.offset, f"more than {MAX_DEPTH} collections inside each other")
        usage = self._locals.usages[0] if self._locals.usages else self._globals.usage_page << 16
        self._open.append(_Collection(item.offset, usage >> 16, usage & 0xFFFF, item.unsigned & 0xFF))

    def _close_collection(self, item: Item) -> None:
        if not self._open:
            raise MalformedReportDescriptor(item.offset, "it closes a collection, and none is open")
        closed = self._open.pop().closed()
        (self._open[-1].children if self._open else self._top_level).append(closed)

    def _add_report_item(self, item: Item, report_type: ReportType) -> None:
        if not self._open:
            return
        made = self._report_item(item)
        key = report_type, self._report_id
        bits = self._report_bits.get(key, 0) + made.report_size * made.report_count
        if bits > MAX_REPORT_BYTES * 8:
            raise MalformedReportDescriptor(
                item.offset, f"with it, {report_type} report {self._report_id} is longer than {MAX_REPORT_BYTES} bytes"
            )
        self._report_bits[key] = bits
        for collection in self._open:
            collection.items[report_type].setdefault(self._report_id, []).append(made)

    def _report_item(self, item: Item) -> HIDReportItem:
        held, said, flags = self._globals, self._locals, item.unsigned
        is_range = None not in (said.usage_minimum, said.usage_maximum) and said.usage_minimum != said.usage_maximum
        logical_minimum, logical_maximum = _bounds(held.logical_minimum, held.logical_maximum)
        physical_minimum, physical_maximum = _bounds(held.physical_minimum, held.physical_maximum)
        return HIDReportItem(
            is_constant=bool(flags & 0x001),
            is_array=not flags & 0x002,
            is_absolute=not flags & 0x004,
            wrap=bool(flags & 0x008),
            is_linear=not flags & 0x010,
            has_preferred_state=not flags & 0x020,
            has_null=bool(flags & 0x040),
            is_volatile=bool(flags & 0x080),
            is_buffered_bytes=bool(flags & 0x100),
            is_range=is_range,
            usages=() if is_range else _usages(said),
            usage_minimum=said.usage_minimum if is_range else None,
            usage_maximum=said.usage_maximum if is_range else None,
            report_size=held.report_size,
            report_count=held.report_count,
            unit_exponent=_nibble(held.unit_exponent, 0),
            unit_system=_UNIT_SYSTEMS.get(held.unit & 0xF, "reserved"),
            unit_factor_length_exponent=_nibble(held.unit, 1),
            unit_factor_mass_exponent=_nibble(held.unit, 2),
            unit_factor_time_exponent=_nibble(held.unit, 3),
            unit_factor_temperature_exponent=_nibble(held.unit, 4),
            unit_factor_current_exponent=_nibble(held.unit, 5),
            unit_factor_luminous_intensity_exponent=_nibble(held.unit, 6),
            logical_minimum=logical_minimum,
            logical_maximum=logical_maximum,
            physical_minimum=physical_minimum,
            physical_maximum=physical_maximum,
            strings=self._named(item),
        )

    def _named(self, item: Item) -> tuple[str, ...]:
        said = self._locals
        indices = list(said.strings)
        if said.string_minimum is not None and said.string_maximum is not None:
            if said.string_maximum >= _STRINGS:
                raise MalformedReportDescriptor(
                    item.offset, f"a device has no string {said.string_maximum}: 255 is the last"
                )
            indices.extend(range(said.string_minimum, said.string_maximum + 1))
        self.strings_named.update(indices)
        return tuple(self._strings[index] for index in indices if index in self._strings)

    def _take_global(self, item: Item) -> None:
        tag, value = item.tag, item.unsigned
        if tag in _KEPT_AS_SAID:
            self._globals = replace(self._globals, **{_KEPT_AS_SAID[tag]: item})
        elif tag in _KEPT_AS_NUMBER:
            self._globals = replace(self._globals, **{_KEPT_AS_NUMBER[tag]: value})
        elif tag is Tag.USAGE_PAGE:
            self._globals = replace(self._globals, usage_page=value & 0xFFFF)
        elif tag is Tag.REPORT_ID:
            if value not in _REPORT_IDS:
                raise MalformedReportDescriptor(item.offset, f"{value} is no report id: they are 1 to 255")
            self._report_id = value
        elif tag is Tag.PUSH:
            if len(self._pushed) == MAX_PUSHED:
                raise MalformedReportDescriptor(item.offset, f"more than {MAX_PUSHED} pushes without a pop")
            self._pushed.append(self._globals)
        elif not self._pushed:
            raise MalformedReportDescriptor(item.offset, "a pop, and nothing was pushed")
        else:
            self._globals = self._pushed.pop()

    def _take_local(self, item: Item) -> None:
        said, value = self._locals, item.unsigned
        match item.tag:
            case Tag.USAGE:
                self._add_usage(self._usage(item))
            case Tag.USAGE_MINIMUM:
                said.usage_minimum = self._usage(item)
            case Tag.USAGE_MAXIMUM:
                said.usage_maximum = self._usage(item)
            case Tag.STRING_INDEX:
                if value >= _STRINGS:
                    raise MalformedReportDescriptor(item.offset, f"a device has no string {value}: 255 is the last")
                said.strings.append(value)
            case Tag.STRING_MINIMUM:
                said.string_minimum = value
            case Tag.STRING_MAXIMUM:
                said.string_maximum = value
            case Tag.DELIMITER:
                self._delimit(item)
            case _:  # designators: which part of the body a field is for
                pass

    def _usage(self, item: Item) -> int:
        return self._globals.usage_page << 16 | item.unsigned if len(item.data) <= _USAGE_ID_BYTES else item.unsigned

    def _add_usage(self, usage: int) -> None:
        said = self._locals
        if said.in_delimiter and said.chosen:
            return
        said.chosen = said.in_delimiter
        said.usages.append(usage)

    def _delimit(self, item: Item) -> None:
        said, opens = self._locals, bool(item.unsigned)
        if opens == said.in_delimiter:
            what = "a delimiter within a delimiter" if opens else "it closes a delimiter, and none is open"
            raise MalformedReportDescriptor(item.offset, what)
        said.in_delimiter, said.chosen = opens, False


def _usages(said: _Locals) -> tuple[int, ...]:
    """A range of one usage is that usage."""
    alone = said.usage_minimum if said.usage_minimum == said.usage_maximum else None
    return (*said.usages, alone) if alone is not None else tuple(said.usages)


def _bounds(minimum: Item, maximum: Item) -> tuple[int, int]:
    low, high = (int.from_bytes(item.data, "little", signed=True) for item in (minimum, maximum))
    return low, maximum.unsigned if high < low and low >= 0 else high


def _nibble(value: int, position: int) -> int:
    """Four bits as a number from -8 to 7; ``position`` counts from the lowest."""
    nibble = value >> 4 * position & 0xF
    return nibble - 16 if nibble >= 8 else nibble  # noqa: PLR2004
