"""Which Bluetooth devices a page is offered, and what of them it may never have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.actors.devices.bluetooth_filters import (
    Advertisement,
    BluetoothFilter,
    ManufacturerDataFilter,
    ServiceDataFilter,
    bluetooth_offered,
    bluetooth_request,
)
from partita.actors.devices.bluetooth_uuids import canonical_uuid, is_valid_uuid
from partita.actors.devices.gatt_block_list import (
    GATT_BLOCK_LIST,
    MANUFACTURER_DATA_BLOCK_LIST,
    is_blocked,
    is_blocked_for_reads,
    is_blocked_for_writes,
    is_blocked_manufacturer_data,
    is_blocked_manufacturer_filter,
    starts_with,
)
from partita.events.errors import DOMException, SecurityError

HEART_RATE, BATTERY, HID = (canonical_uuid(number) for number in (0x180D, 0x180F, 0x1812))

BELT = Advertisement(
    name="Belt 7",
    services=frozenset({HEART_RATE, BATTERY}),
    manufacturer_data={17: b"\x01\x02\x03", 0x004C: b"\x02\x15abc"},
    service_data={BATTERY: b"\x55\x01"},
)


def offered(**members: object) -> bool:
    return bluetooth_offered(BELT, bluetooth_request(filters=[members]))


@pytest.mark.parametrize(
    ("members", "matches"),
    [
        ({"services": ["heart_rate"]}, True),
        ({"services": [0x180D, BATTERY]}, True),
        ({"services": ["heart_rate", "glucose"]}, False),
        ({"name": "Belt 7"}, True),
        ({"name": "Belt"}, False),
        ({"name_prefix": "Belt"}, True),
        ({"name_prefix": "belt"}, False),
        ({"name_prefix": "Belt 77"}, False),
        ({"manufacturer_data": [{"company_identifier": 17}]}, True),
        ({"manufacturer_data": [{"company_identifier": 18}]}, False),
        ({"manufacturer_data": [{"company_identifier": 17}, {"company_identifier": 18}]}, False),
        ({"manufacturer_data": [{"company_identifier": 17, "data_prefix": b"\x01\x02"}]}, True),
        ({"manufacturer_data": [{"company_identifier": 17, "data_prefix": b"\x01\x02\x03\x04"}]}, False),
        ({"manufacturer_data": [{"company_identifier": 17, "data_prefix": b"\x91\xaa", "mask": b"\x0f\x57"}]}, True),
        ({"manufacturer_data": [{"company_identifier": 17, "data_prefix": b"\x91\xaa", "mask": b"\x0f\x77"}]}, False),
        ({"service_data": [{"service": "battery_service"}]}, True),
        ({"service_data": [{"service": "battery_service", "data_prefix": b"\x55"}]}, True),
        ({"service_data": [{"service": "battery_service", "data_prefix": b"\x54"}]}, False),
        ({"service_data": [{"service": "battery_service", "data_prefix": b"\x54", "mask": b"\xfe"}]}, True),
        ({"service_data": [{"service": "heart_rate"}]}, False),
        ({"services": ["heart_rate"], "name": "Belt 8"}, False),
        ({"services": ["heart_rate"], "name_prefix": "B", "name": None}, True),
    ],
)
def test_a_device_is_offered_when_all_members_of_a_filter_match(members: dict[str, object], matches: bool) -> None:
    assert offered(**members) is matches
    either = bluetooth_request(filters=[{"name": "another"}, members])
    assert bluetooth_offered(BELT, either) is matches


def test_a_name_that_is_cut_off_matches_prefixes_only() -> None:
    cut = Advertisement(name="Belt", name_is_complete=False)
    assert not bluetooth_offered(cut, bluetooth_request(filters=[{"name": "Belt"}]))
    assert bluetooth_offered(cut, bluetooth_request(filters=[{"name_prefix": "Be"}]))
    assert not bluetooth_offered(Advertisement(), bluetooth_request(filters=[{"name_prefix": "B"}]))


def test_all_devices_are_accepted_when_the_page_says_so() -> None:
    request = bluetooth_request(accept_all_devices=True, optional_services=["battery_service"])
    assert request.filters is None
    assert request.services == (BATTERY,)
    assert bluetooth_offered(Advertisement(), request)


def test_a_page_may_use_the_services_of_its_filters_and_its_optional_ones_once_each() -> None:
    request = bluetooth_request(
        filters=[{"services": ["heart_rate"]}, {"services": [0x180D, 0x1810], "name": "x"}],
        optional_services=["battery_service", BATTERY, 0x1810, "human_interface_device"],
        optional_manufacturer_data=[76, 17, 76],
    )
    assert request.services == (HEART_RATE, canonical_uuid(0x1810), BATTERY)
    assert request.manufacturers == (76, 17)


def test_filters_are_made_canonical() -> None:
    request = bluetooth_request(
        filters=[
            {
                "services": [0x180D],
                "manufacturer_data": [{"company_identifier": 1, "data_prefix": b"ab"}, {"company_identifier": 2}],
                "service_data": [{"service": "battery_service", "data_prefix": b"a", "mask": b"\x01"}],
            }
        ]
    )
    assert request.filters == (
        BluetoothFilter(
            services=(HEART_RATE,),
            manufacturer_data=(
                ManufacturerDataFilter(company_identifier=1, data_prefix=b"ab", mask=b"\xff\xff"),
                ManufacturerDataFilter(company_identifier=2),
            ),
            service_data=(ServiceDataFilter(service=BATTERY, data_prefix=b"a", mask=b"\x01"),),
        ),
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "Either 'filters' should be present"),
        ({"filters": [{"name": "x"}], "accept_all_devices": True}, "but not both"),
        ({"accept_all_devices": 1}, "accept_all_devices is True or False"),
        ({"filters": []}, "'filters' member must be non-empty"),
        ({"filters": [{}]}, "A filter must restrict the devices in some way."),
        ({"filters": [{"name": None}]}, "A filter must restrict the devices in some way."),
        ({"filters": [{"services": []}]}, "must contain at least one service"),
        ({"filters": [{"services": "heart_rate"}]}, "'services' is a list"),
        ({"filters": [{"services": 0x180D}]}, "'services' is a list"),
        ({"filters": [{"services": ["heartrate"]}]}, "Invalid Service name: 'heartrate'"),
        ({"filters": [{"name": "x" * 249}]}, "can't be longer than 248 bytes"),
        ({"filters": [{"name_prefix": "é" * 125}]}, "can't be longer than 248 bytes"),
        ({"filters": [{"name_prefix": ""}]}, "'name_prefix', if present, must be non-empty."),
        ({"filters": [{"name": 5}]}, "filters[0]: Expected `str | null`"),
        ({"filters": [{"namePrefix": "x"}]}, "filters[0] has no member 'namePrefix'"),
        ({"filters": [{"manufacturer_data": []}]}, "'manufacturer_data', if present, must be non-empty."),
        ({"filters": [{"manufacturer_data": {}}]}, "is a list of mappings"),
        ({"filters": [{"manufacturer_data": [{}]}]}, "filters[0].manufacturer_data[0]: Object missing required field"),
        ({"filters": [{"manufacturer_data": [{"company_identifier": 65536}]}]}, "<= 65535"),
        ({"filters": [{"manufacturer_data": [{"company_identifier": -1}]}]}, ">= 0"),
        (
            {"filters": [{"manufacturer_data": [{"company_identifier": 1}, {"company_identifier": 1}]}]},
            "'company_identifier' must be unique.",
        ),
        (
            {"filters": [{"manufacturer_data": [{"company_identifier": 1, "data_prefix": b""}]}]},
            "'data_prefix', if present, must be non-empty.",
        ),
        (
            {"filters": [{"manufacturer_data": [{"company_identifier": 1, "mask": b"a"}]}]},
            "'data_prefix' must be non-empty when 'mask' is present.",
        ),
        (
            {"filters": [{"manufacturer_data": [{"company_identifier": 1, "data_prefix": b"ab", "mask": b"a"}]}]},
            "'mask' size must be equal to 'data_prefix' size.",
        ),
        ({"filters": [{"manufacturer_data": [{"company_identifier": 1, "data_prefix": "YWI="}]}]}, "got `str`"),
        ({"filters": [{"service_data": []}]}, "'service_data', if present, must be non-empty."),
        ({"filters": [{"service_data": [{"service": "x"}]}]}, "Invalid Service name"),
        ({"accept_all_devices": True, "optional_services": "heart_rate"}, "'optional_services' is a list"),
        ({"accept_all_devices": True, "optional_services": ["x"]}, "Invalid Service name"),
        ({"accept_all_devices": True, "optional_manufacturer_data": [1 << 16]}, "companies are numbered"),
        ({"accept_all_devices": True, "optional_manufacturer_data": [True]}, "companies are numbered"),
    ],
)
def test_what_cannot_be_asked_is_a_type_error(options: dict[str, object], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        bluetooth_request(**options)
    assert text in str(caught.value)


def test_a_name_of_248_bytes_is_a_name() -> None:
    assert not offered(name="x" * 248)
    assert not offered(name="\ud800")


@pytest.mark.parametrize(
    "members",
    [
        {"services": ["human_interface_device"]},
        {"services": ["heart_rate", 0xFFFD]},
        {"service_data": [{"service": HID}]},
        {"manufacturer_data": [{"company_identifier": 0x4C, "data_prefix": b"\x02"}]},
        {"manufacturer_data": [{"company_identifier": 0x4C, "data_prefix": b"\x02\x15"}]},
    ],
)
def test_to_look_for_what_is_kept_from_all_pages_is_a_security_error(members: dict[str, object]) -> None:
    with pytest.raises(SecurityError, match="block list") as caught:
        bluetooth_request(filters=[members])
    assert isinstance(caught.value, DOMException)
    assert caught.value.name == "SecurityError"


def test_a_filter_that_asks_for_more_than_what_is_blocked_is_none_of_it() -> None:
    assert offered(manufacturer_data=[{"company_identifier": 0x4C}])
    assert offered(manufacturer_data=[{"company_identifier": 0x4C, "data_prefix": b"\x02", "mask": b"\x0f"}])
    assert not offered(manufacturer_data=[{"company_identifier": 0x4C, "data_prefix": b"\x10"}])


@pytest.mark.parametrize(
    ("number", "reads", "writes"),
    [
        (0x1812, False, False),
        (0xFFFD, False, False),
        (0xFFF9, False, False),
        (0xFDE2, False, False),
        (0x2A03, False, False),
        (0x2A25, False, False),
        (0x2A02, True, False),
        (0x2902, True, False),
        (0x2903, True, False),
        (0x180D, True, True),
        (0x2A37, True, True),
        (0x2A4D, True, True),
    ],
)
def test_what_a_page_may_read_and_write(number: int, reads: bool, writes: bool) -> None:
    uuid = canonical_uuid(number)
    assert is_blocked_for_reads(uuid) is not reads
    assert is_blocked_for_writes(uuid) is not writes
    assert is_blocked(uuid) is (not reads and not writes)


def test_the_lists_are_written_in_valid_uuids_and_masks() -> None:
    assert all(is_valid_uuid(uuid) for uuid in GATT_BLOCK_LIST)
    for entries in MANUFACTURER_DATA_BLOCK_LIST.values():
        assert all(len(prefix) == len(mask) > 0 for prefix, mask in entries)


def test_firmware_updates_are_kept_from_pages() -> None:
    for uuid in (
        "00001530-1212-efde-1523-785feabcd123",
        "f000ffc0-0451-4000-b000-000000000000",
        "00060000-0000-1000-8000-00805f9b34fb",
    ):
        assert is_blocked(uuid)
    assert len(GATT_BLOCK_LIST) == 12


def test_ibeacons_are_kept_from_pages_and_what_else_apple_says_is_not() -> None:
    assert is_blocked_manufacturer_data(0x4C, b"\x02\x15")
    assert not is_blocked_manufacturer_data(0x4C, b"\x10\x05")
    assert not is_blocked_manufacturer_data(0x4C, b"")
    assert not is_blocked_manufacturer_data(0x4D, b"\x02\x15")


masked = st.integers(0, 3).flatmap(
    lambda n: st.tuples(st.binary(min_size=n, max_size=n), st.binary(min_size=n, max_size=n))
)


@settings(max_examples=200, deadline=None)
@given(masked, st.binary(max_size=4))
def test_what_a_blocked_filter_matches_is_blocked_data(given_filter: tuple[bytes, bytes], rest: bytes) -> None:
    prefix, mask = given_filter
    if is_blocked_manufacturer_filter(0x4C, prefix, mask):
        assert is_blocked_manufacturer_data(0x4C, prefix + rest)
        bits = bytes(one & bit for one, bit in zip(prefix, mask, strict=True))
        assert is_blocked_manufacturer_data(0x4C, bits + rest)


@settings(max_examples=200, deadline=None)
@given(masked, st.binary(max_size=6))
def test_bits_that_are_not_in_the_mask_do_not_matter(given_filter: tuple[bytes, bytes], data: bytes) -> None:
    prefix, mask = given_filter
    expected = len(data) >= len(prefix) and all(
        data[at] & mask[at] == prefix[at] & mask[at] for at in range(len(prefix))
    )
    assert starts_with(data, prefix, mask) is expected


members = st.dictionaries(
    st.sampled_from(["services", "name", "name_prefix", "manufacturer_data", "service_data", "x"]),
    st.none()
    | st.text(max_size=3)
    | st.lists(st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.integers())),
)


@settings(max_examples=200, deadline=None)
@given(st.none() | st.lists(members, max_size=3) | st.text(), st.booleans())
def test_anything_is_a_request_or_a_type_error(filters: object, accept_all: bool) -> None:
    try:
        request = bluetooth_request(filters=filters, accept_all_devices=accept_all)  # type: ignore[arg-type]
    except TypeError:
        return
    assert isinstance(bluetooth_offered(BELT, request), bool)
