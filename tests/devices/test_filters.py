"""Which devices a page is offered, and which questions are none."""

from __future__ import annotations

import contextlib

import pytest
from devices.attached import hid, serial, usb
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.devices.filters import (
    SERIAL_PORT_PROFILE,
    HIDDeviceFilter,
    exclusions,
    hid_filters,
    hid_offered,
    serial_filters,
    serial_offered,
    service_class,
    usb_filters,
    usb_offered,
)
from partita.actors.devices.hid_collections import HIDCollectionInfo

PAD = hid(HIDCollectionInfo(0x01, 0x05), HIDCollectionInfo(0xFF00, 0x01))
CUSTOM = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"


@pytest.mark.parametrize(
    ("members", "matches"),
    [
        ({"vendor_id": 0x1234}, True),
        ({"vendor_id": 0x1235}, False),
        ({"vendor_id": 0x1234, "product_id": 0x5678}, True),
        ({"vendor_id": 0x1234, "product_id": 0x5679}, False),
        ({"usage_page": 0x01}, True),
        ({"usage_page": 0x01, "usage": 0x05}, True),
        ({"usage_page": 0xFF00, "usage": 0x05}, False),  # of one collection the page, of the other the usage
        ({"usage_page": 0x0C}, False),
        ({"vendor_id": 0x1234, "usage_page": 0xFF00}, True),
        ({"vendor_id": 0x9999, "usage_page": 0xFF00}, False),
        ({"vendor_id": 0x1_1234}, False),
    ],
)
def test_a_hid_device_is_offered_when_all_members_of_a_filter_match(members: dict[str, int], matches: bool) -> None:
    filters = hid_filters([members])
    assert hid_offered(PAD, filters) is matches
    assert hid_offered(PAD, [*hid_filters([{"vendor_id": 1}]), *filters]) is matches
    assert hid_offered(PAD, (), filters) is not matches


def test_usages_are_those_of_top_level_collections() -> None:
    nested = hid(HIDCollectionInfo(0x01, 0x05, children=(HIDCollectionInfo(0x01, 0x02),)))
    assert not hid_offered(nested, hid_filters([{"usage_page": 1, "usage": 2}]))


def test_without_filters_every_device_is_offered() -> None:
    assert hid_offered(PAD, hid_filters([]))
    assert usb_offered(usb(), usb_filters([]))
    assert serial_offered(serial(), serial_filters([]))


def test_an_exclusion_is_stronger_than_a_filter() -> None:
    filters, excluded = hid_filters([{"vendor_id": 0x1234}]), exclusions([{"usage_page": 1}], hid_filters)
    assert hid_offered(PAD, filters)
    assert not hid_offered(PAD, filters, excluded)
    assert not usb_offered(usb(), (), exclusions([{"vendor_id": 0x1234, "product_id": 0x5678}], usb_filters))
    assert usb_offered(usb(), (), exclusions(None, usb_filters))


@pytest.mark.parametrize(
    ("members", "matches"),
    [
        ({}, True),
        ({"vendor_id": 0x1234}, True),
        ({"vendor_id": 0x1234, "product_id": 1}, False),
        ({"class_code": 0xEF}, True),  # the device's
        ({"class_code": 0xEF, "subclass_code": 2, "protocol_code": 1}, True),
        ({"class_code": 0xEF, "subclass_code": 3}, False),
        ({"class_code": 0xFF}, True),  # an interface's
        ({"class_code": 0xFF, "subclass_code": 1, "protocol_code": 2}, True),
        ({"class_code": 0xFF, "subclass_code": 1, "protocol_code": 3}, True),  # an alternate's
        ({"class_code": 0xFF, "subclass_code": 2, "protocol_code": 2}, False),
        ({"class_code": 0x02, "protocol_code": None}, True),
        ({"class_code": 0x08}, False),
        ({"serial_number": "A1"}, True),
        ({"serial_number": "A2"}, False),
        ({"serial_number": ""}, False),
        ({"vendor_id": 1, "class_code": 0xFF}, False),
        ({"class_code": 0xFF, "serial_number": "A2"}, False),
    ],
)
def test_a_usb_device_is_offered_for_the_class_of_itself_or_of_an_interface(
    members: dict[str, int], matches: bool
) -> None:
    device = usb(
        (0x02, 2, 1),
        [(0xFF, 1, 2), (0xFF, 1, 3)],
        serial_number="A1",
        device_class=0xEF,
        device_subclass=2,
        device_protocol=1,
    )
    assert usb_offered(device, usb_filters([members])) is matches


@pytest.mark.parametrize(
    ("members", "matches"),
    [
        ({"usb_vendor_id": 0x2341}, True),
        ({"usb_vendor_id": 0x2341, "usb_product_id": 0x43}, True),
        ({"usb_vendor_id": 0x2341, "usb_product_id": 0x44}, False),
        ({"usb_vendor_id": 0x2342}, False),
        ({"bluetooth_service_class_id": 0x1101}, False),
    ],
)
def test_a_serial_port_is_offered_for_its_numbers(members: dict[str, int], matches: bool) -> None:
    assert serial_offered(serial("9025", "67"), serial_filters([members])) is matches
    assert not serial_offered(serial(), serial_filters([members])), "it has no numbers"


def test_a_serial_port_without_a_product_matches_its_vendor_only() -> None:
    assert serial_offered(serial("9025"), serial_filters([{"usb_vendor_id": 0x2341}]))
    assert not serial_offered(serial("9025"), serial_filters([{"usb_vendor_id": 0x2341, "usb_product_id": 0x43}]))


def test_a_port_over_bluetooth_is_offered_when_its_service_class_is_named() -> None:
    port = serial()
    assert serial_offered(port, (), service_class_id=SERIAL_PORT_PROFILE)
    assert not serial_offered(port, (), service_class_id=CUSTOM)
    assert serial_offered(port, (), service_class_id=CUSTOM, allowed_service_class_ids=[CUSTOM])
    named = serial_filters([{"bluetooth_service_class_id": CUSTOM}])
    assert serial_offered(port, named, service_class_id=CUSTOM)
    assert not serial_offered(port, named, service_class_id=SERIAL_PORT_PROFILE)
    short = serial_filters([{"bluetooth_service_class_id": 0x1101}])
    assert serial_offered(port, short, service_class_id=SERIAL_PORT_PROFILE)


@pytest.mark.parametrize(
    ("read", "members", "text"),
    [
        (hid_filters, {}, "A filter must provide a property to filter by."),
        (hid_filters, {"vendor_id": None}, "A filter must provide a property to filter by."),
        (hid_filters, {"product_id": 1}, "A filter containing a product_id must also contain a vendor_id."),
        (hid_filters, {"usage": 1, "vendor_id": 1}, "A filter containing a usage must also contain a usage_page."),
        (hid_filters, {"vendor_id": 1 << 32}, "filters[0]: Expected `int` <= 4294967295 - at `$.vendor_id`"),
        (hid_filters, {"usage_page": 0x10000}, "filters[0]: Expected `int` <= 65535 - at `$.usage_page`"),
        (hid_filters, {"vendor_id": "1"}, "Expected `int | null`, got `str`"),
        (hid_filters, {"vendor_id": True}, "Expected `int | null`, got `bool`"),
        (hid_filters, {"vendorId": 1}, "filters[0] has no member 'vendorId': it has vendor_id"),
        (usb_filters, {"product_id": 1}, "A filter containing a product_id must also contain a vendor_id."),
        (usb_filters, {"subclass_code": 1}, "A filter containing a subclass_code must also contain a class_code."),
        (
            usb_filters,
            {"class_code": 1, "protocol_code": 1},
            "A filter containing a protocol_code must also contain a subclass_code.",
        ),
        (usb_filters, {"class_code": 256}, "<= 255"),
        (usb_filters, {"vendor_id": -1}, ">= 0"),
        (usb_filters, {"class_code": -1}, ">= 0"),
        (hid_filters, {"vendor_id": -1}, ">= 0"),
        (serial_filters, {}, "A filter must provide a property to filter by."),
        (serial_filters, {"usb_product_id": 1}, "must also specify a usb_vendor_id"),
        (serial_filters, {"usb_vendor_id": 1, "bluetooth_service_class_id": 1}, "cannot specify both"),
        (serial_filters, {"bluetooth_service_class_id": "serial_port"}, "Invalid Bluetooth service class ID"),
        (serial_filters, {"bluetooth_service_class_id": CUSTOM.upper()}, "Invalid Bluetooth service class ID"),
    ],
)
def test_what_is_no_filter_is_a_type_error(read, members: dict[str, object], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        read([members])
    assert text in str(caught.value)


@pytest.mark.parametrize("given", [{"vendor_id": 1}, "abc", b"", None, 5, [5], [None], [["vendor_id", 1]]])
def test_filters_are_a_list_of_mappings(given: object) -> None:
    for read in (hid_filters, usb_filters, serial_filters):
        with pytest.raises(TypeError, match="mapping"):
            read(given)


def test_the_filter_that_is_wrong_is_named_by_its_position() -> None:
    with pytest.raises(TypeError, match=r"filters\[1\]"):
        hid_filters([{"vendor_id": 1}, {"vendor_id": "x"}])


def test_an_empty_list_of_exclusions_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="must contain at least one filter"):
        exclusions([], hid_filters)


def test_filters_that_were_read_can_be_read_again() -> None:
    filters = hid_filters([{"vendor_id": 1, "product_id": 2}])
    assert filters == (HIDDeviceFilter(vendor_id=1, product_id=2),)
    assert hid_filters(filters) == filters


@pytest.mark.parametrize("wrong", [-1, 1 << 32, "0x1101", "", True])
def test_what_is_no_service_class_is_a_type_error(wrong: str | int) -> None:
    with pytest.raises(TypeError, match="Invalid Bluetooth service class ID"):
        service_class(wrong)


numbers = st.integers(0, 3)
hid_given = st.fixed_dictionaries({"vendor_id": numbers}, optional={"product_id": numbers, "usage_page": numbers})
hid_devices = st.builds(
    lambda vendor, product, pages: hid(
        *(HIDCollectionInfo(page, 1) for page in pages), vendor_id=vendor, product_id=product
    ),
    numbers,
    numbers,
    st.lists(numbers, min_size=1, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(hid_devices, st.lists(hid_given, min_size=1, max_size=4), st.lists(hid_given, max_size=3))
def test_more_filters_offer_more_and_more_exclusions_less(device, given, excluded) -> None:
    filters, excluded = hid_filters(given), hid_filters(excluded)
    if hid_offered(device, filters, excluded):
        assert hid_offered(device, filters)
        assert hid_offered(device, (), excluded)
    assert hid_offered(device, filters) is any(hid_offered(device, [one]) for one in filters)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_anything_that_is_no_list_of_filters_is_a_type_error_and_nothing_else(given: object) -> None:
    for read in (hid_filters, usb_filters, serial_filters):
        with contextlib.suppress(TypeError):
            read(given)
