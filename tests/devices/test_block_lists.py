"""What no page may have, whatever anybody grants."""

from __future__ import annotations

import pytest
from devices.attached import hid, serial, usb
from devices.descriptors import KEYBOARD, MOUSE, collection, field, item
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.devices import serial_block_list, usb_block_list
from partita.actors.devices.bluetooth_uuids import canonical_uuid
from partita.actors.devices.hid_block_list import (
    HID_BLOCK_LIST,
    BlockRule,
    blocked_reports,
    is_excluded,
    is_protected_usage,
    protected_reports,
    shown_collections,
)
from partita.actors.devices.hid_collections import REPORT_TYPES, HIDCollectionInfo, HIDReportInfo, report_lengths
from partita.actors.devices.hid_items import Tag
from partita.actors.devices.hid_report_descriptor import parse_report_descriptor
from partita.actors.devices.security_keys import PASSWORD_KEEPERS, SECURITY_KEYS
from partita.actors.devices.structures import HIDDevice, USBConfiguration, USBDevice, USBInterface
from partita.actors.devices.usb_block_list import PROTECTED_CLASSES, USB_BLOCK_LIST, is_listed, protecting_class

FIDO = collection(0xF1D0, 1, field(count=64), field(Tag.OUTPUT, count=64))


def device(*parts: bytes, vendor_id: int = 0x1234, product_id: int = 0x5678) -> HIDDevice:
    return hid(*parse_report_descriptor(b"".join(parts)), vendor_id=vendor_id, product_id=product_id)


def with_id(report_id: int, page: int, usage: int, *tags: Tag) -> bytes:
    return collection(page, usage, item(Tag.REPORT_ID, report_id), *(field(tag) for tag in tags))


def test_a_security_key_is_offered_to_nobody_by_its_usage_page() -> None:
    assert is_excluded(device(FIDO))
    assert blocked_reports(device(FIDO)) == {("input", 0), ("output", 0)}


def test_a_security_key_is_offered_to_nobody_by_its_vendor_and_product() -> None:
    key = device(KEYBOARD, vendor_id=0x1050, product_id=0x0407)
    assert is_excluded(key)
    assert not is_excluded(device(KEYBOARD, vendor_id=0x1050, product_id=0x0408))
    assert is_excluded(device(MOUSE, vendor_id=0x1209, product_id=0x4321)), "a keeper of passwords"


def test_what_else_a_device_with_a_security_key_has_is_offered() -> None:
    both = device(with_id(1, 0xF1D0, 1, Tag.INPUT, Tag.OUTPUT), with_id(2, 0xFF00, 1, Tag.INPUT, Tag.FEATURE))
    assert not is_excluded(both)
    assert blocked_reports(both) == {("input", 1), ("output", 1)}
    [shown] = shown_collections(both)
    assert (shown.usage_page, [report.report_id for report in shown.input_reports]) == (0xFF00, [2])


def test_a_security_key_within_another_collection_is_one() -> None:
    nested = collection(0xFF00, 1, item(Tag.REPORT_ID, 1), field(), with_id(2, 0xF1D0, 1, Tag.INPUT))
    assert blocked_reports(device(nested)) == {("input", 2)}
    [shown] = shown_collections(device(nested))
    assert [report.report_id for report in shown.input_reports] == [1]
    assert shown.children == ()


def test_of_jabras_headsets_one_output_report_is_blocked() -> None:
    parts = with_id(5, 0xFF00, 1, Tag.INPUT, Tag.OUTPUT), with_id(6, 0xFF00, 1, Tag.OUTPUT)
    assert blocked_reports(device(*parts, vendor_id=0x0B0E)) == {("output", 5)}
    assert not blocked_reports(device(*parts, vendor_id=0x0B0F))


def test_a_device_without_reports_is_offered_to_nobody() -> None:
    assert is_excluded(hid())
    assert is_excluded(hid(HIDCollectionInfo(0xFF00, 1)))


@pytest.mark.parametrize(
    ("usage_page", "usage", "protected"),
    [
        (0x01, 0x01, "io"),  # pointer
        (0x01, 0x02, "io"),  # mouse
        (0x01, 0x04, ""),  # joystick
        (0x01, 0x05, ""),  # gamepad
        (0x01, 0x06, "io"),  # keyboard
        (0x01, 0x07, "io"),  # keypad
        (0x01, 0x08, ""),
        (0x01, 0x7F, ""),
        (0x01, 0x80, "iof"),  # system control
        (0x01, 0x8F, "iof"),
        (0x01, 0x90, ""),  # d-pad
        (0x01, 0x9F, ""),
        (0x01, 0xA0, "iof"),
        (0x01, 0xB6, "iof"),
        (0x01, 0xB7, ""),
        (0x07, 0x00, "iof"),  # the page of keys
        (0x07, 0xE7, "iof"),
        (0x0C, 0x01, ""),  # consumer control
        (0xFF00, 0x06, ""),
    ],
)
def test_keyboards_mice_and_the_systems_controls_are_protected(usage_page: int, usage: int, protected: str) -> None:
    assert "".join(kind[0] for kind in REPORT_TYPES if is_protected_usage(usage_page, usage, kind)) == protected


def test_a_page_that_is_granted_a_keyboard_does_not_see_what_is_typed() -> None:
    keyboard = device(with_id(1, 1, 6, Tag.INPUT, Tag.OUTPUT, Tag.FEATURE), with_id(2, 0xFF31, 1, Tag.INPUT))
    assert not is_excluded(keyboard)
    assert protected_reports(keyboard) == {("input", 1), ("output", 1)}
    typed, own = shown_collections(keyboard)
    assert (typed.usage, typed.input_reports, typed.output_reports) == (6, (), ())
    assert [report.report_id for report in typed.feature_reports] == [1]
    assert own == keyboard.collections[1]


def test_a_keyboard_within_another_application_is_one() -> None:
    nested = device(collection(0xFF00, 1, item(Tag.REPORT_ID, 1), field(), with_id(2, 1, 6, Tag.INPUT)))
    assert protected_reports(nested) == {("input", 2)}
    deeper = device(collection(0xFF00, 1, collection(0xFF00, 2, with_id(2, 1, 6, Tag.INPUT), kind=2)))
    assert protected_reports(deeper) == {("input", 2)}
    logical = device(collection(0xFF00, 1, collection(1, 6, field(), kind=2)))
    assert not protected_reports(logical), "only applications say what a report is of"


def test_without_ids_all_reports_of_a_type_are_protected_together() -> None:
    both = device(KEYBOARD, collection(0xFF00, 1, field(), field(Tag.FEATURE)))
    assert protected_reports(both) == {("input", 0), ("output", 0)}
    assert [one.input_reports for one in shown_collections(both)] == [(), ()]
    assert shown_collections(both)[1].feature_reports


def test_a_rule_is_true_of_what_all_its_members_are_true_of() -> None:
    parts = device(with_id(1, 0xFF00, 1, Tag.INPUT, Tag.OUTPUT), with_id(2, 0xFF00, 2, Tag.INPUT))

    def keys(**members: object) -> set[tuple[str, int]]:
        return set(blocked_reports(parts, (BlockRule(**members),)))

    assert keys() == {("input", 1), ("output", 1), ("input", 2)}
    assert keys(vendor_id=0x1234, product_id=0x5678) == keys()
    assert keys(vendor_id=0x1234, product_id=1) == set()
    assert keys(usage_page=0xFF00, usage=2) == {("input", 2)}
    assert keys(report_type="output") == {("output", 1)}
    assert keys(report_id=2, report_type="output") == set()


collections = st.recursive(
    st.builds(
        HIDCollectionInfo,
        st.sampled_from([1, 7, 0xF1D0, 0xFF00]),
        st.sampled_from([1, 2, 6]),
        st.sampled_from([0, 1]),
        st.just(()),
        *[st.lists(st.builds(HIDReportInfo, st.integers(0, 2)), max_size=2).map(tuple)] * 3,
    ),
    lambda inner: st.builds(
        lambda outer, child: HIDCollectionInfo(
            outer.usage_page,
            outer.usage,
            1,
            (child,),
            *(tuple({*outer.reports(kind), *child.reports(kind)}) for kind in REPORT_TYPES),
        ),
        inner,
        inner,
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(collections, max_size=3), st.sampled_from([0x1234, 0x1050]))
def test_nothing_protected_is_shown_and_all_else_is(given_collections: list[HIDCollectionInfo], vendor_id: int) -> None:
    one = hid(*given_collections, vendor_id=vendor_id, product_id=0x0407)
    protected, blocked = protected_reports(one), blocked_reports(one)
    assert blocked <= protected
    shown = shown_collections(one)
    everything = set(report_lengths(one.collections))
    assert set(report_lengths(shown)) == everything - protected
    assert is_excluded(one) is (everything <= blocked)
    stack = list(shown)
    while stack:
        each = stack.pop()
        stack.extend(each.children)
        assert not any((kind, report.report_id) in protected for kind in REPORT_TYPES for report in each.reports(kind))


def test_the_lists_agree_on_security_keys() -> None:
    assert len(SECURITY_KEYS) == 43
    assert set(USB_BLOCK_LIST) == SECURITY_KEYS
    assert len(HID_BLOCK_LIST) == len(SECURITY_KEYS | PASSWORD_KEEPERS) + 2


@pytest.mark.parametrize(
    ("vendor_id", "product_id"), [(0x096E, 0x0850), (0x1050, 0x0120), (0x18D1, 0x5026), (0x2CCF, 0x0880)]
)
def test_a_usb_device_on_the_list_is_not_listed(vendor_id: int, product_id: int) -> None:
    key = usb((0xFF, 0, 0), vendor_id=vendor_id, product_id=product_id, device_version_major=5)
    assert usb_block_list.is_blocked(key)
    assert not is_listed(key)
    assert is_listed(usb((0xFF, 0, 0), vendor_id=vendor_id, product_id=product_id + 0x1000))


def test_only_versions_up_to_the_listed_one_are_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_block_list, "USB_BLOCK_LIST", {(0x1234, 0x5678): 0x0100})
    assert usb_block_list.is_blocked(usb(device_version_major=1))
    assert not usb_block_list.is_blocked(usb(device_version_major=1, device_version_subminor=1))


@pytest.mark.parametrize(
    ("interfaces", "listed"),
    [
        ([(0x08, 6, 0x50)], False),
        ([(0x08, 6, 0x50), (0xFF, 0, 0)], True),
        ([[(0xFF, 0, 0), (0x08, 6, 0x50)]], False),  # one alternate is enough
        ([(0x03, 1, 1)], True),
        ([], True),
    ],
)
def test_what_is_mass_storage_and_nothing_else_is_not_listed(interfaces, listed: bool) -> None:
    assert is_listed(usb(*interfaces)) is listed


def test_a_usb_device_that_can_do_something_else_in_another_configuration_is_listed() -> None:
    [storage] = usb((0x08, 6, 0x50)).configurations
    [own] = usb((0xFF, 0, 0)).configurations
    device = USBDevice(device_id="1", vendor_id=1, product_id=1, configurations=(storage, own))
    assert is_listed(device)
    assert is_listed(
        USBDevice(
            device_id="1", vendor_id=1, product_id=1, configurations=(storage, USBConfiguration(configuration_value=2))
        )
    )
    assert not is_listed(USBDevice(device_id="1", vendor_id=1, product_id=1))


@pytest.mark.parametrize("code", [0x01, 0x03, 0x08, 0x0B, 0x0E, 0x10, 0xE0])
def test_an_interface_of_a_protected_class_is_no_pages(code: int) -> None:
    name = PROTECTED_CLASSES[code]
    [interface] = usb((code, 0, 0)).configurations[0].interfaces
    assert protecting_class(interface) == name
    assert protecting_class(interface, [name]) == name
    assert protecting_class(interface, [other for other in PROTECTED_CLASSES.values() if other != name]) is None
    assert protecting_class(interface, []) is None
    [alternate] = usb([(0xFF, 0, 0), (code, 0, 0)]).configurations[0].interfaces
    assert protecting_class(alternate) == name
    alone = USBInterface(interface_number=0, alternate=interface.alternate)
    assert protecting_class(alone) == name, "also where its alternates were not read"


@pytest.mark.parametrize("code", [0x00, 0x02, 0x07, 0x0A, 0xDC, 0xFE, 0xFF])
def test_an_interface_of_another_class_can_be_claimed(code: int) -> None:
    [interface] = usb((code, 0, 0)).configurations[0].interfaces
    assert protecting_class(interface) is None


def test_to_protect_a_class_that_is_not_in_the_list_is_an_error() -> None:
    [interface] = usb((0xFF, 0, 0)).configurations[0].interfaces
    with pytest.raises(ValueError, match="'printer' is no protected class"):
        protecting_class(interface, ["printer"])


def test_of_bluetooths_own_services_pages_may_have_the_serial_port() -> None:
    assert not serial_block_list.is_blocked(serial(), service_class_id=canonical_uuid(0x1101))
    assert serial_block_list.is_blocked(serial(), service_class_id=canonical_uuid(0x1124))
    assert not serial_block_list.is_blocked(serial(), service_class_id="6e400001-b5a3-f393-e0a9-e50e24dcca9e")


def test_serial_ports_are_blocked_by_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not serial_block_list.is_blocked(serial("9025", "67"))
    monkeypatch.setattr(serial_block_list, "USB_SERIAL_BLOCK_LIST", frozenset({(0x2341, 0x43)}))
    assert serial_block_list.is_blocked(serial("9025", "67"))
    assert not serial_block_list.is_blocked(serial("9025", "68"))
    assert not serial_block_list.is_blocked(serial("9025"))
    assert not serial_block_list.is_blocked(serial())
