"""What a device's report descriptor says, and what becomes of one that says it wrongly."""

from __future__ import annotations

import doctest

import pytest
from devices.descriptors import DIGITIZER, KEYBOARD, MOUSE, RECEIVER, SCALE, collection, field, item
from hypothesis import example, given, settings
from hypothesis import strategies as st

from partita.actors.devices import hid_report_descriptor
from partita.actors.devices.hid_collections import (
    REPORT_TYPES,
    HIDCollectionInfo,
    HIDReportInfo,
    HIDReportItem,
    report_ids,
    report_lengths,
    uses_report_ids,
)
from partita.actors.devices.hid_items import MAX_DESCRIPTOR_BYTES, MalformedReportDescriptor, Tag, read_items
from partita.actors.devices.hid_report_descriptor import MAX_DEPTH, parse_report_descriptor, string_indices


def only_item(*inside: bytes):
    [top] = parse_report_descriptor(collection(1, 4, *inside))
    [report] = top.input_reports
    [found] = report.items
    return found


def refused(descriptor: bytes) -> MalformedReportDescriptor:
    with pytest.raises(MalformedReportDescriptor) as caught:
        parse_report_descriptor(descriptor)
    assert f"byte {caught.value.offset}:" in str(caught.value)
    return caught.value


def test_a_mouse_is_an_application_with_a_pointer_in_it() -> None:
    [mouse] = parse_report_descriptor(MOUSE)
    [pointer] = mouse.children
    assert (mouse.usage_page, mouse.usage, mouse.type) == (1, 2, 1)
    assert (pointer.usage_page, pointer.usage, pointer.type, pointer.children) == (1, 1, 0, ())
    assert mouse.input_reports == pointer.input_reports, "a collection has the reports of those in it"
    [report] = mouse.input_reports
    buttons, padding, movement = report.items
    assert (buttons.is_range, buttons.usage_minimum, buttons.usage_maximum) == (True, 0x90001, 0x90003)
    assert (buttons.usages, buttons.report_size, buttons.report_count) == ((), 1, 3)
    assert padding.is_constant
    assert movement.usages == (0x10030, 0x10031)
    assert (movement.is_absolute, movement.is_array) == (False, False)
    assert (movement.logical_minimum, movement.logical_maximum) == (-127, 127)
    assert report_lengths((mouse,)) == {("input", 0): 3}
    assert report_ids((mouse,)) == (0,)
    assert not uses_report_ids((mouse,))


def test_a_keyboard_chooses_six_keys_from_an_array() -> None:
    collections = parse_report_descriptor(KEYBOARD)
    keys = collections[0].input_reports[0].items[-1]
    assert (keys.is_array, keys.usage_minimum, keys.usage_maximum) == (True, 0x70000, 0x70065)
    assert report_lengths(collections) == {("input", 0): 8, ("output", 0): 1}


def test_a_scale_has_a_report_of_each_type_under_an_id_of_its_own() -> None:
    collections = parse_report_descriptor(SCALE)
    [scale] = collections
    weight = scale.input_reports[0].items[0]
    assert (weight.unit_system, weight.unit_factor_mass_exponent, weight.unit_exponent) == ("si-linear", 1, -1)
    assert weight.unit_factor_length_exponent == 0
    feature = scale.feature_reports[0].items[0]
    assert (feature.is_buffered_bytes, feature.has_preferred_state) == (True, False)
    assert report_lengths(collections) == {("input", 3): 2, ("output", 4): 1, ("feature", 5): 6}
    assert report_ids(collections) == (3, 4, 5)
    assert uses_report_ids(collections)


@pytest.mark.parametrize(
    ("bit", "name", "value"),
    [
        (0, "is_constant", True),
        (1, "is_array", False),
        (2, "is_absolute", False),
        (3, "wrap", True),
        (4, "is_linear", False),
        (5, "has_preferred_state", False),
        (6, "has_null", True),
        (7, "is_volatile", True),
        (8, "is_buffered_bytes", True),
    ],
)
def test_each_bit_of_a_main_item_is_one_attribute(bit: int, name: str, value: bool) -> None:
    assert getattr(only_item(field(flags=1 << bit)), name) is value
    assert getattr(only_item(field(flags=0)), name) is not value
    assert getattr(only_item(field(flags=0x1FF & ~(1 << bit))), name) is not value


@pytest.mark.parametrize(
    ("nibble", "system"),
    [
        (0, "none"),
        (1, "si-linear"),
        (2, "si-rotation"),
        (3, "english-linear"),
        (4, "english-rotation"),
        (5, "reserved"),
        (14, "reserved"),
        (15, "vendor-defined"),
    ],
)
def test_the_lowest_four_bits_of_a_unit_are_its_system(nibble: int, system: str) -> None:
    assert only_item(item(Tag.UNIT, nibble), field()).unit_system == system


def test_the_other_bits_of_a_unit_are_powers_from_minus_eight_to_seven() -> None:
    found = only_item(item(Tag.UNIT, 0x0E7F8321), field())
    assert found.unit_factor_length_exponent == 2
    assert found.unit_factor_mass_exponent == 3
    assert found.unit_factor_time_exponent == -8
    assert found.unit_factor_temperature_exponent == -1
    assert found.unit_factor_current_exponent == 7
    assert found.unit_factor_luminous_intensity_exponent == -2


@pytest.mark.parametrize(
    ("minimum", "maximum", "bounds"),
    [
        (b"\x00", b"\x7f", (0, 127)),
        (b"\x81", b"\x7f", (-127, 127)),
        (b"\x00", b"\xff", (0, 255)),  # many devices: "0 to -1" makes no sense
        (b"\x00", b"\xff\x00", (0, 255)),
        (b"\xff", b"\xff", (-1, -1)),
        (b"\x00\x80", b"\xff\x7f", (-32768, 32767)),
        (b"\x00", b"\xff\xff\xff\xff", (0, 0xFFFFFFFF)),
        (b"", b"\x01", (0, 1)),
    ],
)
def test_bounds_are_signed_where_that_makes_sense(minimum: bytes, maximum: bytes, bounds: tuple[int, int]) -> None:
    for order in (1, -1):  # which of them is said first does not matter
        logical = [item(Tag.LOGICAL_MINIMUM, minimum), item(Tag.LOGICAL_MAXIMUM, maximum)][::order]
        physical = [item(Tag.PHYSICAL_MINIMUM, minimum), item(Tag.PHYSICAL_MAXIMUM, maximum)][::order]
        found = only_item(*logical, *physical, field())
        assert (found.logical_minimum, found.logical_maximum) == bounds
        assert (found.physical_minimum, found.physical_maximum) == bounds


def test_a_usage_in_four_bytes_brings_its_own_page() -> None:
    [top] = parse_report_descriptor(
        item(Tag.USAGE_PAGE, 1)
        + item(Tag.USAGE, 0xFF00_0001, size=4)
        + item(Tag.COLLECTION, 1)
        + item(Tag.END_COLLECTION)
    )
    assert (top.usage_page, top.usage) == (0xFF00, 1)


def test_a_usage_has_the_page_that_holds_when_it_is_said() -> None:
    found = only_item(item(Tag.USAGE, 0x30), item(Tag.USAGE_PAGE, 9), item(Tag.USAGE, 1), field(count=2))
    assert found.usages == (0x10030, 0x90001)


def test_a_range_of_one_usage_is_that_usage() -> None:
    found = only_item(item(Tag.USAGE_MINIMUM, 5), item(Tag.USAGE_MAXIMUM, 5), field())
    assert (found.is_range, found.usages) == (False, (0x10005,))


def test_local_items_hold_for_one_main_item_and_global_ones_until_said_anew() -> None:
    [top] = parse_report_descriptor(
        collection(1, 4, item(Tag.USAGE, 0x30), field(size=4, count=3), item(Tag.INPUT, 2), field(size=1))
    )
    first, second, third = top.input_reports[0].items
    assert (first.usages, second.usages) == ((0x10030,), ())
    assert (second.report_size, second.report_count, third.report_size) == (4, 3, 1)


def test_push_and_pop_keep_the_global_items_and_not_the_report_id() -> None:
    [top] = parse_report_descriptor(
        collection(
            1,
            4,
            item(Tag.REPORT_ID, 1),
            item(Tag.REPORT_SIZE, 8),
            item(Tag.REPORT_COUNT, 2),
            item(Tag.UNIT, 0x11),
            item(Tag.PUSH),
            item(Tag.REPORT_SIZE, 1),
            item(Tag.UNIT, 0),
            item(Tag.REPORT_ID, 2),
            item(Tag.INPUT, 2),
            item(Tag.POP),
            item(Tag.INPUT, 2),
        )
    )
    [report] = top.input_reports
    assert report.report_id == 2
    assert [(one.report_size, one.unit_system) for one in report.items] == [(1, "none"), (8, "si-linear")]


def test_a_tablet_takes_its_coordinates_off_the_stack_for_each_report() -> None:
    collections = parse_report_descriptor(DIGITIZER)
    [tablet] = collections
    assert [(child.usage_page, child.usage) for child in tablet.children] == [(0x0D, 0x21), (0x0D, 0x20), (0x0D, 0x20)]
    for report in tablet.input_reports:
        position = report.items[0]
        assert position.usages == (0x10030, 0x10031)
        assert (position.logical_maximum, position.physical_maximum) == (12000, 12)
        assert (position.unit_system, position.unit_factor_length_exponent) == ("english-linear", 1)
    assert report_lengths(collections) == {("input", 1): 5, ("input", 2): 6, ("input", 3): 6}
    pressure = tablet.input_reports[2].items[-1]
    assert (pressure.unit_system, pressure.is_linear, pressure.unit_exponent) == ("si-linear", False, 4)
    factors = (
        pressure.unit_factor_length_exponent,
        pressure.unit_factor_mass_exponent,
        pressure.unit_factor_time_exponent,
    )
    assert factors == (1, 1, -2), "newtons"


def test_a_receiver_has_reports_of_its_own_length_under_each_id() -> None:
    collections = parse_report_descriptor(RECEIVER)
    lengths = {0x10: 6, 0x11: 19, 0x20: 14, 0x21: 31}
    assert report_lengths(collections) == {
        (kind, report_id): length for report_id, length in lengths.items() for kind in ("input", "output")
    }
    assert [one.usage for one in collections] == [1, 2, 4]


def test_zeros_after_the_end_are_read_over() -> None:
    assert parse_report_descriptor(MOUSE + bytes(12)) == parse_report_descriptor(MOUSE)


def test_of_the_alternatives_between_delimiters_the_first_counts() -> None:
    found = only_item(
        item(Tag.DELIMITER, 1),
        item(Tag.USAGE, 0x30),
        item(Tag.USAGE, 0x31),
        item(Tag.DELIMITER, 0),
        item(Tag.USAGE, 0x32),
        field(count=2),
    )
    assert found.usages == (0x10030, 0x10032)


def test_long_items_and_reserved_ones_are_read_over() -> None:
    long_item = bytes([0xFE, 3, 0x90]) + b"\xa1\xc0\xc0"
    assert parse_report_descriptor(long_item + MOUSE + long_item + b"\xfd\x01") == parse_report_descriptor(MOUSE)


def test_a_report_that_two_collections_have_parts_of_is_as_long_as_both() -> None:
    collections = parse_report_descriptor(
        collection(1, 4, item(Tag.REPORT_ID, 7), field(size=4)) + collection(1, 5, field(size=12))
    )
    assert report_lengths(collections) == {("input", 7): 2}


def test_what_stands_outside_of_all_collections_is_in_none() -> None:
    assert parse_report_descriptor(field()) == ()
    assert report_ids(()) == ()


def test_a_report_item_has_the_strings_that_were_read() -> None:
    descriptor = collection(
        1,
        4,
        item(Tag.STRING_INDEX, 4),
        item(Tag.STRING_MINIMUM, 6),
        item(Tag.STRING_MAXIMUM, 8),
        field(count=4),
        item(Tag.STRING_INDEX, 2),
        field(),
    )
    assert string_indices(descriptor) == (2, 4, 6, 7, 8)
    [top] = parse_report_descriptor(descriptor, strings={2: "on", 4: "left", 6: "right", 8: "up"})
    assert [one.strings for one in top.input_reports[0].items] == [("left", "right", "up"), ("on",)]
    assert parse_report_descriptor(descriptor)[0].input_reports[0].items[0].strings == ()


@pytest.mark.parametrize(
    ("descriptor", "offset", "what"),
    [
        (b"\x05", 0, "1 more bytes"),
        (MOUSE + b"\x27\x01\x02", len(MOUSE), "2 more bytes"),
        (b"\xfe", 0, "cut off"),
        (b"\xfe\x05", 0, "6 more bytes"),
        (b"\xfe\x05\x10abcd", 0, "1 more bytes"),
        (MOUSE[:-1], len(MOUSE) - 1, "the collection of byte 4 was not closed"),
        (MOUSE + b"\xc0", len(MOUSE), "none is open"),
        (item(Tag.POP), 0, "nothing was pushed"),
        (item(Tag.PUSH) * 257, 256, "pushes"),
        (item(Tag.REPORT_ID, 0), 0, "no report id"),
        (item(Tag.REPORT_ID, 256), 0, "no report id"),
        (item(Tag.DELIMITER, 0), 0, "none is open"),
        (item(Tag.DELIMITER, 1) * 2, 2, "within a delimiter"),
        (item(Tag.DELIMITER, 1) + MOUSE, 6, "not closed"),
        (item(Tag.STRING_INDEX, 256), 0, "no string 256"),
        (
            collection(1, 4, item(Tag.STRING_MINIMUM, 0) + item(Tag.STRING_MAXIMUM, -1, size=4) + field()),
            17,
            "no string",
        ),
        (item(Tag.COLLECTION, 1) * 51, 100, "inside each other"),
        (collection(1, 4, field(size=0xFFFFFFFF, count=0xFFFFFFFF)), 16, "longer than 65535 bytes"),
        (bytes(MAX_DESCRIPTOR_BYTES + 1), MAX_DESCRIPTOR_BYTES, "65535 are the most"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_byte_where_it_stands(
    descriptor: bytes, offset: int, what: str
) -> None:
    error = refused(descriptor)
    assert error.offset == offset
    assert what in str(error)


def test_what_is_not_said_counts_as_zero() -> None:
    [top] = parse_report_descriptor(item(Tag.COLLECTION) + item(Tag.INPUT) + item(Tag.END_COLLECTION))
    assert top == HIDCollectionInfo(0, 0, 0, (), (HIDReportInfo(0, (HIDReportItem(),)),))
    [found] = top.input_reports[0].items
    assert (found.report_size, found.report_count, found.unit_exponent, found.unit_system) == (0, 0, 0, "none")
    assert (found.logical_minimum, found.logical_maximum, found.usages, found.usage_minimum) == (0, 0, (), None)
    assert report_lengths((top,)) == {("input", 0): 0}


def test_a_collection_without_a_usage_has_the_page_that_holds() -> None:
    [top] = parse_report_descriptor(item(Tag.USAGE_PAGE, 0xFF01) + item(Tag.COLLECTION, 1) + item(Tag.END_COLLECTION))
    assert (top.usage_page, top.usage) == (0xFF01, 0)


def test_the_longest_report_is_of_65535_bytes() -> None:
    longest = field(size=8, count=0xFFFF)
    assert report_lengths(parse_report_descriptor(collection(1, 4, longest))) == {("input", 0): 0xFFFF}
    other = item(Tag.OUTPUT, 2)
    assert len(report_lengths(parse_report_descriptor(collection(1, 4, longest, other)))) == 2
    assert "longer than 65535 bytes" in str(refused(collection(1, 4, longest, field(size=1))))


def test_fifty_collections_inside_each_other_are_followed() -> None:
    [top] = parse_report_descriptor(
        item(Tag.COLLECTION, 1) * MAX_DEPTH + field() + item(Tag.END_COLLECTION) * MAX_DEPTH
    )
    depth = 1
    while top.children:
        assert report_lengths((top,)) == {("input", 0): 1}
        [top] = top.children
        depth += 1
    assert depth == MAX_DEPTH


def test_the_largest_descriptor_in_the_deepest_collections_is_read() -> None:
    inside = MAX_DESCRIPTOR_BYTES - 3 * MAX_DEPTH
    worst = item(Tag.COLLECTION, 1) * MAX_DEPTH + item(Tag.INPUT) * inside + item(Tag.END_COLLECTION) * MAX_DEPTH
    [top] = parse_report_descriptor(worst)
    assert len(top.input_reports[0].items) == inside


tags = st.sampled_from(Tag)
items = st.builds(
    item, tags, st.none() | st.sampled_from([1, 2, 4]).flatmap(lambda n: st.binary(min_size=n, max_size=n))
)


def check(collections: tuple[HIDCollectionInfo, ...], depth: int = 1) -> None:
    assert depth <= MAX_DEPTH
    for each in collections:
        assert 0 <= each.usage_page <= 0xFFFF
        assert 0 <= each.usage <= 0xFFFF
        assert 0 <= each.type <= 0xFF
        for report_type in REPORT_TYPES:
            reports = each.reports(report_type)
            assert len({report.report_id for report in reports}) == len(reports)
            for child in each.children:
                for report in child.reports(report_type):
                    [own] = [one for one in reports if one.report_id == report.report_id]
                    assert set(report.items) <= set(own.items)
        check(each.children, depth + 1)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600) | st.lists(items, max_size=80).map(b"".join))
@example(MOUSE)
@example(KEYBOARD + SCALE)
def test_any_bytes_are_either_read_or_refused(descriptor: bytes) -> None:
    try:
        collections = parse_report_descriptor(descriptor)
    except MalformedReportDescriptor as error:
        assert 0 <= error.offset <= len(descriptor)
        return
    check(collections)
    lengths = report_lengths(collections)
    assert all(0 <= length <= 0xFFFF for length in lengths.values())
    assert sorted({report_id for _, report_id in lengths}) == list(report_ids(collections))
    assert all(0 <= index <= 255 for index in string_indices(descriptor))


@settings(max_examples=200, deadline=None)
@given(st.lists(items, max_size=40))
def test_items_are_read_back_as_they_were_written(written: list[bytes]) -> None:
    assert [
        bytes([one.tag | {0: 0, 1: 1, 2: 2, 4: 3}[len(one.data)]]) + one.data for one in read_items(b"".join(written))
    ] == written


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(MOUSE + SCALE)), st.binary(min_size=1, max_size=3))
def test_a_descriptor_that_was_damaged_is_read_or_refused(at: int, damage: bytes) -> None:
    whole = MOUSE + SCALE
    try:
        check(parse_report_descriptor(whole[:at] + damage + whole[at + len(damage) :]))
    except MalformedReportDescriptor as error:
        assert error.offset <= len(whole) + len(damage)


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(hid_report_descriptor).failed == 0
