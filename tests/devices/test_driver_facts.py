"""What drivers make of what systems and libraries say."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest
import trio
from devices.emulated.models import BULK, INTERRUPT, ISOCHRONOUS, LoopingUSB
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import replace

from partita.actors.devices.drivers import descriptors, libusb
from partita.actors.devices.drivers.changes import Sighting, Told
from partita.actors.devices.drivers.hid import HIDDriver
from partita.actors.devices.drivers.refusals import failure_of
from partita.actors.devices.drivers.texts import from_string_descriptor, from_utf8, well_formed
from partita.actors.devices.drivers.usb import USBDriver
from partita.events.device_facts import AttachedDevice, DeviceChange, HIDFacts
from partita.events.errors import DeviceError


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_written_down(text: str) -> None:
    assert msgpack.decode(msgpack.encode(well_formed(text))) == well_formed(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (None, ""),
        ("\ud83d\ude00", "\U0001f600"),
        ("half \ud83d", "half \ufffd"),
        ("\udc00 half", "\ufffd half"),
        ("ended\0", "ended"),
    ],
)
def test_halves_of_a_pair_are_joined_or_replaced(text: str | None, expected: str) -> None:
    assert well_formed(text) == expected


def test_strings_of_files_and_of_devices_are_read_whatever_they_say() -> None:
    assert from_utf8(b"a \xed\xa0\xbd b\n") == "a \ufffd\ufffd\ufffd b"
    assert from_string_descriptor(b"\x06\x03\x3d\xd8a\0") == "\ufffda"
    assert from_string_descriptor(b"\x04\x03a\0b\0") == "a"
    assert from_string_descriptor(b"") == ""


def test_endpoints_are_those_of_what_is_selected() -> None:
    device = LoopingUSB()
    assert descriptors.endpoint_types(device.descriptors, 1, {}) == {
        **dict.fromkeys((0x01, 0x81, 0x04, 0x84, 0x85, 0x86, 0x06), BULK),
        **dict.fromkeys((0x02, 0x82), INTERRUPT),
    }
    assert descriptors.endpoint_types(device.descriptors, 1, {0: 1}) == {
        **dict.fromkeys((0x01, 0x81), BULK),
        **dict.fromkeys((0x03, 0x83), ISOCHRONOUS),
    }
    assert descriptors.endpoint_types(device.descriptors, 2, {}) == {0x87: BULK}
    assert descriptors.endpoint_types(device.descriptors, 3, {}) == {}


@given(st.binary(max_size=80))
def test_no_descriptor_is_too_broken_to_be_read(rest: bytes) -> None:
    whole = LoopingUSB().descriptors[:18] + rest
    assert set(descriptors.endpoint_types(whole, 1, {}).values()) <= set(range(4))
    assert 0 not in descriptors.string_numbers(whole)
    descriptors.interface_strings(whole, 1)


def test_strings_that_descriptors_name_are_found() -> None:
    configuration = bytes([9, 2, 27, 0, 1, 1, 4, 0x80, 50])
    interfaces = bytes([9, 4, 0, 0, 0, 255, 0, 0, 5]) + bytes([9, 4, 0, 1, 0, 255, 0, 0, 6])
    whole = LoopingUSB().descriptors[:18] + configuration + interfaces
    assert descriptors.string_numbers(whole) == [1, 2, 3, 4, 5, 6]
    assert descriptors.interface_strings(whole, 1) == (4, {(0, 0): 5, (0, 1): 6})
    assert descriptors.interface_strings(whole, 2) == (0, {})


DEVICES = {key: AttachedDevice(key=key, place="1-1", facts=HIDFacts(1, 2, key)) for key in "abc"}
OTHER = replace(DEVICES["b"], facts=HIDFacts(1, 2, "another"))


@pytest.mark.parametrize(
    ("before", "after", "removed", "change"),
    [
        ("ab", "ab", "", None),
        ("a", "ab", "", DeviceChange(attached=(DEVICES["b"],))),
        ("ab", "a", "b", DeviceChange(detached=("b",))),
        ("ab", "a", "", DeviceChange(detached=("b",))),
        ("ab", "ab", "b", DeviceChange(attached=(DEVICES["b"],), detached=("b",))),
        ("a", "ab", "b", DeviceChange(attached=(DEVICES["b"],))),
        ("a", "a", "c", None),
    ],
)
def test_what_has_changed_between_two_looks(before: str, after: str, removed: str, change: DeviceChange | None) -> None:
    told = Told()
    told.next({key: Sighting(DEVICES[key]) for key in before})
    assert told.next({key: Sighting(DEVICES[key], int(key in removed)) for key in after}) == change


def test_a_device_that_says_something_else_of_itself_is_told_of_again() -> None:
    told = Told()
    assert told.next({}) == DeviceChange()  # the first time there is always something
    told.next({key: Sighting(device) for key, device in DEVICES.items()})
    now = {key: Sighting(device) for key, device in {**DEVICES, "b": OTHER}.items()}
    assert told.next(now) == DeviceChange(attached=(OTHER,))
    assert told.next(now) is None


@pytest.mark.parametrize(
    ("number", "failure"),
    [(13, "denied"), (1, "denied"), (16, "busy"), (2, "not_found"), (5, "failed"), (None, "failed")],
)
def test_the_systems_numbers_are_told_by_name(number: int | None, failure: str) -> None:
    assert failure_of(number) == failure


@pytest.mark.parametrize(
    ("code", "failure"),
    [(-4, "gone"), (-6, "busy"), (-12, "unsupported"), (-11, "failed"), (-5, "failed"), (-1, "failed")],
)
def test_why_a_transfer_was_not_taken_is_told_by_name(code: int, failure: str) -> None:
    assert libusb.transfer_refused(code, 64).failure == failure


def test_without_libusb_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = pytest.importorskip("usb.libloader")

    def missing(*arguments: object, **options: object) -> None:
        raise loader.NoLibraryCandidatesException("usb-1.0")

    monkeypatch.setattr(loader, "load_locate_library", missing)
    with pytest.raises(DeviceError, match=r"libusb-1\.0, which is not installed: install it with `") as raised:
        trio.run(USBDriver().watch)
    assert raised.value.failure == "unsupported"


def test_another_package_of_the_name_is_not_taken_for_hidapi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hidraw", None)
    monkeypatch.setitem(sys.modules, "hid", ModuleType("hid"))
    with pytest.raises(DeviceError, match=re.escape("is the package 'hid', not 'hidapi'")) as raised:
        trio.run(HIDDriver().watch)
    assert raised.value.failure == "unsupported"


@pytest.mark.parametrize(
    ("limit_s", "expected"),
    [(None, 0), (0.0, 1), (0.0001, 1), (1.5, 1500), (1e9, 0xFFFFFFFF), (float("inf"), 0xFFFFFFFF)],
)
def test_a_limit_is_told_to_libusb_in_milliseconds_and_0_is_none(limit_s: float | None, expected: int) -> None:
    assert libusb.milliseconds(limit_s) == expected
