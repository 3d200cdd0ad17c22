"""What of HID devices no page may have (WebHID, "blocked report"; FEATURES E12). Pure data and its questions.

Two kinds of reports pass neither way:

- **Blocked ones**, by a list of rules. Sources: WICG/webhid, ``blocklist.txt``, and Chromium's
  ``services/device/public/cpp/hid/hid_blocklist.cc``, which adds security keys and is narrower for Jabra's headsets. A device of
  which all reports are blocked is offered to nobody.
- Those of **protected usages**: keyboards, mice and the system's own controls, whose input goes to all programs. Source:
  Chromium's ``hid_report_utils.cc``. What else the same device has is not protected, nor are the features of mice and keyboards.

Which usage a report is of is said by its top-level collection, and by application collections within that: a keyboard is none the
less one inside of something else. Reports are told by their type and id. So a protected report without an id takes all reports of
its type with it: those of a device that uses no ids cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from partita.actors.devices.hid_collections import REPORT_TYPES, HIDCollectionInfo, ReportType
from partita.actors.devices.security_keys import PASSWORD_KEEPERS, SECURITY_KEYS
from partita.actors.devices.structures import HIDDevice

FIDO_PAGE: Final = 0xF1D0
KEYBOARD_PAGE: Final = 0x07
GENERIC_DESKTOP_PAGE: Final = 0x01

_APPLICATION: Final = 1
_POINTERS_AND_KEYS: Final = frozenset({0x01, 0x02, 0x06, 0x07})
"""Pointer, mouse, keyboard and keypad."""

_SYSTEM_CONTROLS: Final = frozenset({*range(0x80, 0x90), *range(0xA0, 0xB7)})
"""System control to system warm restart; system dock to system display swap (HID Usage Tables 4)."""


class BlockRule(Struct, frozen=True, kw_only=True):
    """Which reports are blocked: those that all members are true of. A member that is None is true of all.

    ``usage_page`` and ``usage``: of the top-level collection that the report is in, or of an application collection in that.
    """

    vendor_id: int | None = None
    product_id: int | None = None
    usage_page: int | None = None
    usage: int | None = None
    report_type: ReportType | None = None
    report_id: int | None = None


HID_BLOCK_LIST: Final = (
    BlockRule(usage_page=FIDO_PAGE),
    *(
        BlockRule(vendor_id=vendor_id, product_id=product_id)
        for vendor_id, product_id in sorted(SECURITY_KEYS | PASSWORD_KEEPERS)
    ),
    BlockRule(vendor_id=0x0B0E, usage_page=0xFF00, report_type="output", report_id=0x05),  # Jabra: what is its own
)

ReportKey = tuple[ReportType, int]
"""Which report of a device: its type and its id."""


def is_protected_usage(usage_page: int, usage: int, report_type: ReportType) -> bool:
    """Whether reports of this type belong to the system in a collection of this usage; page and usage of 16 bits each."""
    if usage_page == KEYBOARD_PAGE:
        return True
    if usage_page != GENERIC_DESKTOP_PAGE:
        return False
    return usage in _SYSTEM_CONTROLS or (usage in _POINTERS_AND_KEYS and report_type != "feature")


def blocked_reports(device: HIDDevice, rules: tuple[BlockRule, ...] = HID_BLOCK_LIST) -> frozenset[ReportKey]:
    """The reports that are on the block list."""
    own = tuple(
        rule
        for rule in rules
        if rule.vendor_id in (None, device.vendor_id) and rule.product_id in (None, device.product_id)
    )
    return frozenset(key for collection, key in _reports(device) if any(_holds(rule, collection, key) for rule in own))


def protected_reports(device: HIDDevice) -> frozenset[ReportKey]:
    """The reports that no page sends or receives: those on the block list, and those of protected usages."""
    return blocked_reports(device) | frozenset(
        (report_type, report_id)
        for collection, (report_type, report_id) in _reports(device)
        if is_protected_usage(collection.usage_page, collection.usage, report_type)
    )


def is_excluded(device: HIDDevice) -> bool:
    """Whether no chooser lists the interface: all of its reports are on the block list, or it has none.

    Keyboards and mice are listed, as in Chromium; a page that is granted one does not see what is typed.
    """
    blocked = blocked_reports(device)
    return all(key in blocked for _, key in _reports(device))


def shown_collections(device: HIDDevice) -> tuple[HIDCollectionInfo, ...]:
    """The collections that a page sees of a device it was granted.

    Without blocked reports, and without collections that had no others; reports of protected usages are left out as well, but
    their collections are shown (Chromium's ``hid_service.cc`` and ``hid_device.cc``).
    """
    blocked = blocked_reports(device)
    left = (_without(collection, blocked) for collection in device.collections)
    protected = protected_reports(device)
    return tuple(_cleared(collection, protected) for collection in left if collection is not None)


def _holds(rule: BlockRule, collection: HIDCollectionInfo, key: ReportKey) -> bool:
    report_type, report_id = key
    return (
        rule.usage_page in (None, collection.usage_page)
        and rule.usage in (None, collection.usage)
        and rule.report_type in (None, report_type)
        and rule.report_id in (None, report_id)
    )


def _without(collection: HIDCollectionInfo, keys: frozenset[ReportKey]) -> HIDCollectionInfo | None:
    """A collection without these reports, deep down; None when they were all that it had."""
    if not any((kind, report.report_id) not in keys for kind in REPORT_TYPES for report in collection.reports(kind)):
        return None
    left = (_without(child, keys) for child in collection.children)
    return _keeping(collection, tuple(child for child in left if child is not None), keys)


def _cleared(collection: HIDCollectionInfo, keys: frozenset[ReportKey]) -> HIDCollectionInfo:
    """A collection without these reports, deep down, and all collections in it."""
    return _keeping(collection, tuple(_cleared(child, keys) for child in collection.children), keys)


def _keeping(
    collection: HIDCollectionInfo, children: tuple[HIDCollectionInfo, ...], keys: frozenset[ReportKey]
) -> HIDCollectionInfo:
    reports = {
        kind: tuple(report for report in collection.reports(kind) if (kind, report.report_id) not in keys)
        for kind in REPORT_TYPES
    }
    return replace(
        collection,
        children=children,
        input_reports=reports["input"],
        output_reports=reports["output"],
        feature_reports=reports["feature"],
    )


def _reports(device: HIDDevice) -> Iterator[tuple[HIDCollectionInfo, ReportKey]]:
    """Each report of each collection that says what it is of: the top-level ones and the applications in them."""
    for top_level in device.collections:
        for collection in (top_level, *_applications(top_level)):
            for report_type in REPORT_TYPES:
                for report in collection.reports(report_type):
                    yield collection, (report_type, report.report_id)


def _applications(collection: HIDCollectionInfo) -> Iterator[HIDCollectionInfo]:
    for child in collection.children:
        if child.type == _APPLICATION:
            yield child
        yield from _applications(child)
