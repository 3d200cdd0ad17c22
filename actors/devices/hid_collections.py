"""What a HID device says of its reports, in WebHID's shapes (HIDCollectionInfo, HIDReportInfo, HIDReportItem). Pure.

A report is a run of bits. Each of its items says how ``report_count`` fields of ``report_size`` bits each are to be read. A
collection names what belongs together; it holds the reports of the collections in it as well, with the items that are its own
or theirs.

A *usage* says what a thing is for: its page in the upper 16 bits, its id in the lower 16 (``0x0001_0002``: Generic Desktop,
Mouse). In a collection the two are apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

ReportType = Literal["input", "output", "feature"]
REPORT_TYPES: Final[tuple[ReportType, ...]] = ("input", "output", "feature")

UnitSystem = Literal[
    "none", "si-linear", "si-rotation", "english-linear", "english-rotation", "vendor-defined", "reserved"
]
"""In which units a field counts (WebHID: HIDUnitSystem; HID 1.11 6.2.2.7)."""


class HIDReportItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields of a report that are alike (WebHID: HIDReportItem).

    ``report_size``: bits of each field; ``report_count``: how many. ``usages``: of the fields in order, or what they choose from
    where ``is_array``; empty where ``is_range``, which has ``usage_minimum`` to ``usage_maximum`` instead. The logical bounds
    are those of the number in the field, the physical ones (both 0: the same) those of what it stands for, in units of
    10 ** ``unit_exponent``. The ``unit_factor_*_exponent`` are powers of the system's units, -8 to 7. ``strings``: what the
    device calls the fields; empty where nobody read its strings.
    """

    is_absolute: bool = True
    is_array: bool = True
    is_buffered_bytes: bool = False
    is_constant: bool = False
    is_linear: bool = True
    is_range: bool = False
    is_volatile: bool = False
    has_null: bool = False
    has_preferred_state: bool = True
    wrap: bool = False
    usages: tuple[int, ...] = ()
    usage_minimum: int | None = None
    usage_maximum: int | None = None
    report_size: int = 0
    report_count: int = 0
    unit_exponent: int = 0
    unit_system: UnitSystem = "none"
    unit_factor_length_exponent: int = 0
    unit_factor_mass_exponent: int = 0
    unit_factor_time_exponent: int = 0
    unit_factor_temperature_exponent: int = 0
    unit_factor_current_exponent: int = 0
    unit_factor_luminous_intensity_exponent: int = 0
    logical_minimum: int = 0
    logical_maximum: int = 0
    physical_minimum: int = 0
    physical_maximum: int = 0
    strings: tuple[str, ...] = ()


class HIDReportInfo(Struct, frozen=True, rename="camel"):
    """A report, or what a collection has of it. ``report_id``: 1 to 255, or 0 for a device that has no ids."""

    report_id: int
    items: tuple[HIDReportItem, ...] = ()


class HIDCollectionInfo(Struct, frozen=True, rename="camel"):
    """A collection (WebHID: HIDCollectionInfo). ``usage_page`` and ``usage``: 16 bits each.

    ``type``: 0 physical, 1 application, 2 logical, 3 report, 4 named array, 5 usage switch, 6 usage modifier, 0x80 to 0xFF the
    vendor's own (HID 1.11 6.2.2.6). Reports stand in the order in which their first items do.
    """

    usage_page: int = 0
    usage: int = 0
    type: int = 0
    children: tuple[HIDCollectionInfo, ...] = ()
    input_reports: tuple[HIDReportInfo, ...] = ()
    output_reports: tuple[HIDReportInfo, ...] = ()
    feature_reports: tuple[HIDReportInfo, ...] = ()

    def reports(self, report_type: ReportType) -> tuple[HIDReportInfo, ...]:
        """Those of one type."""
        if report_type == "input":
            return self.input_reports
        return self.output_reports if report_type == "output" else self.feature_reports


def report_lengths(collections: tuple[HIDCollectionInfo, ...]) -> dict[tuple[ReportType, int], int]:
    """How long each report is, in bytes, by type and report id.

    Without the byte of the report id, as WebHID counts (the data of ``sendReport()``): a device that uses ids sends and expects
    one more. The last byte is filled up (HID 1.11 8.4). ``collections``: a device's top-level ones; where two of them have
    parts of the same report, the parts are put together.
    """
    bits: dict[tuple[ReportType, int], int] = {}
    for report_type, report in _reports(collections):
        key = report_type, report.report_id
        bits[key] = bits.get(key, 0) + sum(item.report_size * item.report_count for item in report.items)
    return {key: (length + 7) // 8 for key, length in bits.items()}


def report_ids(collections: tuple[HIDCollectionInfo, ...]) -> tuple[int, ...]:
    """The ids of a device's reports, ascending. ``(0,)``: it has reports and no ids; empty: no reports."""
    return tuple(sorted({report.report_id for _, report in _reports(collections)}))


def uses_report_ids(collections: tuple[HIDCollectionInfo, ...]) -> bool:
    """Whether each report begins with a byte that says which it is (HID 1.11 6.2.2.7, Report ID)."""
    return any(report_ids(collections))


def _reports(collections: tuple[HIDCollectionInfo, ...]) -> Iterator[tuple[ReportType, HIDReportInfo]]:
    for collection in collections:
        for report_type in REPORT_TYPES:
            for report in collection.reports(report_type):
                yield report_type, report
