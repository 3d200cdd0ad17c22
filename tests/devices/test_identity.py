"""Which device a grant is for, when devices come, go, and pretend to be each other."""

from __future__ import annotations

import msgspec
import pytest
from devices.descriptors import MOUSE
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from partita.actors.devices.hid_report_descriptor import parse_report_descriptor
from partita.actors.devices.identity import (
    Attached,
    EphemeralGrant,
    Identity,
    LastingGrant,
    covers,
    grant_of,
    identity_of,
    known_again,
    settled,
)
from partita.actors.devices.structures import (
    HIDDevice,
    SerialPort,
    USBDevice,
    bcd_device,
    hid_name,
    serial_id,
    version_of,
)

SCALE = Attached(
    device_type="hid", attachment="a1", port="1-1", vendor_id=0x0922, product_id=0x8003, serial_number="S-1"
)
TWIN = replace(SCALE, attachment="a2", port="1-2")
NAMELESS = replace(SCALE, attachment="a3", port="1-3", serial_number=None)
IDENTITY = Identity("hid", 0x0922, 0x8003, "S-1")
LASTING = LastingGrant(IDENTITY)


@pytest.mark.parametrize(
    "missing",
    [
        {"vendor_id": None},
        {"product_id": None},
        {"serial_number": None},
        {"serial_number": ""},
        {"serial_number": " \0"},
    ],
)
def test_only_all_three_identify_a_device(missing: dict[str, str | None]) -> None:
    assert identity_of(SCALE) == IDENTITY
    device = replace(SCALE, **missing)
    assert identity_of(device) is None
    assert grant_of(device, [device]) == EphemeralGrant("hid", "a1")


def test_vendor_and_product_zero_are_numbers_as_all_others() -> None:
    assert identity_of(replace(SCALE, vendor_id=0, product_id=0)) == Identity("hid", 0, 0, "S-1")


def test_a_device_that_is_known_again_keeps_its_grant_at_any_port() -> None:
    grant = grant_of(SCALE, [SCALE, NAMELESS])
    assert grant == LASTING
    assert settled(grant, [SCALE], []) == LASTING
    back = replace(SCALE, attachment="a9", port="2-4")
    assert settled(grant, [], [back]) == LASTING
    assert covers(grant, back, [back, NAMELESS])
    assert not covers(grant, NAMELESS, [back, NAMELESS])


def test_a_device_of_the_same_number_and_another_type_is_another() -> None:
    usb = replace(SCALE, device_type="usb", attachment="u1")
    assert grant_of(SCALE, [SCALE, usb]) == LASTING
    assert not covers(LASTING, usb, [SCALE, usb])


def test_the_ports_of_one_serial_adapter_are_told_apart_by_their_part() -> None:
    first = replace(SCALE, device_type="serial", part="0")
    second = replace(first, attachment="a2", part="1")
    grant = grant_of(first, [first, second])
    assert isinstance(grant, LastingGrant)
    assert covers(grant, first, [first, second])
    assert not covers(grant, second, [first, second])


def test_a_device_without_a_serial_number_is_granted_as_long_as_it_is_attached() -> None:
    grant = grant_of(NAMELESS, [NAMELESS])
    assert grant == EphemeralGrant("hid", "a3")
    assert covers(grant, NAMELESS, [NAMELESS])
    assert settled(grant, [NAMELESS], [NAMELESS, SCALE]) == grant
    assert settled(grant, [NAMELESS], [SCALE]) is None
    assert not covers(grant, replace(NAMELESS, attachment="a7"), [])


def test_of_two_that_say_the_same_the_chosen_one_is_granted_while_it_is_attached() -> None:
    grant = grant_of(TWIN, [SCALE, TWIN])
    assert grant == EphemeralGrant("hid", "a2")
    assert covers(grant, TWIN, [SCALE, TWIN])
    assert not covers(grant, SCALE, [SCALE, TWIN])
    assert settled(grant, [SCALE, TWIN], [SCALE]) is None


def test_a_twin_that_comes_later_gets_nothing_of_the_first_ones_grant() -> None:
    together = [SCALE, TWIN]
    assert not covers(LASTING, TWIN, together)
    grant = settled(LASTING, [SCALE], together)
    assert grant == EphemeralGrant("hid", "a1")
    assert settled(grant, together, [TWIN]) is None, "the twin does not inherit it"


def test_a_lasting_grant_ends_when_nobody_can_say_whose_it_is() -> None:
    assert not covers(LASTING, SCALE, [SCALE, TWIN])
    assert settled(LASTING, [], [SCALE, TWIN]) is None
    third = replace(SCALE, attachment="a5", port="1-5")
    assert settled(LASTING, [SCALE], [TWIN, third]) is None


def test_a_device_is_known_again_in_the_next_listing_by_its_port_and_what_it_says() -> None:
    listed = replace(TWIN, attachment="")
    assert known_again(listed, [SCALE, TWIN]) == TWIN
    assert known_again(replace(listed, port="9-9"), [SCALE, TWIN]) is None
    assert known_again(replace(listed, serial_number="S-2"), [SCALE, TWIN]) is None


devices = st.builds(
    Attached,
    device_type=st.just("hid"),
    attachment=st.sampled_from(["a", "b", "c", "d"]),
    port=st.sampled_from(["1", "2"]),
    vendor_id=st.sampled_from([None, 1]),
    product_id=st.sampled_from([1, 2]),
    serial_number=st.sampled_from([None, "", "x", "y"]),
)
attachments = st.lists(devices, max_size=4, unique_by=lambda device: device.attachment)


@settings(max_examples=200, deadline=None)
@given(attachments, st.data())
def test_a_grant_covers_the_chosen_device_and_no_other(attached: list[Attached], data: st.DataObject) -> None:
    if not attached:
        return
    chosen = data.draw(st.sampled_from(attached))
    grant = grant_of(chosen, attached)
    assert [device for device in attached if covers(grant, device, attached)] == [chosen]
    assert settled(grant, attached, attached) == grant


@settings(max_examples=200, deadline=None)
@given(attachments, st.lists(attachments, max_size=5), st.data())
def test_whatever_comes_and_goes_a_grant_covers_one_device_at_most_and_never_an_impostor(
    before: list[Attached], later: list[list[Attached]], data: st.DataObject
) -> None:
    if not before:
        return
    chosen = data.draw(st.sampled_from(before))
    grant = grant_of(chosen, before)
    for now in later:
        grant = settled(grant, before, now)
        if grant is None:
            return
        covered = [device for device in now if covers(grant, device, now)]
        assert len(covered) <= 1
        if isinstance(grant, LastingGrant):
            assert all(identity_of(device) == identity_of(chosen) for device in covered)
        else:
            assert len(covered) == 1
        before = now


def test_a_version_is_three_numbers_in_sixteen_bits() -> None:
    assert version_of(0x0210) == (2, 1, 0)
    assert version_of(0x1234) == (0x12, 3, 4)
    major, minor, subminor = version_of(0x0105)
    device = USBDevice(
        device_id="1",
        vendor_id=1,
        product_id=1,
        device_version_major=major,
        device_version_minor=minor,
        device_version_subminor=subminor,
    )
    assert bcd_device(device) == 0x0105


def test_what_has_no_name_is_called_by_its_numbers() -> None:
    assert hid_name("Scale", 1, 2) == "Scale"
    assert hid_name("", 0x45E, 0x28E) == "Unknown Device (045E:028E)"


def test_a_serial_port_has_its_numbers_in_decimal_text() -> None:
    port = SerialPort(port_id="1", port_name="ttyUSB0", vendor_id=serial_id(0x2341), product_id=serial_id(None))
    assert (port.vendor_id, port.product_id) == ("9025", None)
    with pytest.raises(ValueError, match="65535"):
        serial_id(0x10000)


def test_the_json_of_a_device_is_electrons() -> None:
    device = HIDDevice(device_id="1", name="Mouse", vendor_id=1, collections=parse_report_descriptor(MOUSE))
    shown = msgspec.json.decode(msgspec.json.encode(device))
    assert (shown["deviceId"], shown["vendorId"]) == ("1", 1)
    [mouse] = shown["collections"]
    assert set(mouse) == {"usagePage", "usage", "type", "children", "inputReports", "outputReports", "featureReports"}
    [report] = mouse["inputReports"]
    assert report["reportId"] == 0
    assert {"isAbsolute", "hasPreferredState", "usageMinimum", "unitFactorLuminousIntensityExponent"} <= set(
        report["items"][0]
    )
    assert msgspec.json.decode(msgspec.json.encode(device), type=HIDDevice) == device
