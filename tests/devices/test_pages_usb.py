"""WebUSB, from a page to a simulated device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.devices.usb import WebUSBDevice
from partita.events.errors import (
    IndexSizeError,
    InvalidAccessError,
    InvalidStateError,
    NetworkError,
    NotFoundError,
    SecurityError,
)
from tests.devices.peripherals import TIMEOUT_S, Rig, Scanner, rig, settled

VENDOR = {"request_type": "vendor", "recipient": "device", "request": 0x33, "value": 0, "index": 0}


@pytest.fixture
def usb(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        made.plug(Scanner())
        yield made


def chosen(usb: Rig) -> WebUSBDevice:
    usb.choose_first(usb.session, "select-usb-device")
    page = usb.session.new_page("https://shop.example/")
    return page.navigator.usb.request_device([{"vendor_id": 0x1209}]).get(TIMEOUT_S)


def opened(usb: Rig) -> WebUSBDevice:
    device = chosen(usb)
    device.open().get(TIMEOUT_S)
    return device


def test_what_a_device_says_of_itself(usb: Rig) -> None:
    device = chosen(usb)
    assert (device.vendor_id, device.product_id, device.device_version) == (0x1209, 0x5302, (1, 2, 3))
    assert (device.manufacturer_name, device.product_name, device.serial_number) == ("Acme", "Scanner", "U77")
    assert [one.configuration_value for one in device.configurations] == [1, 2]
    assert device.configuration == device.configurations[0]
    name, event = usb.told[0]
    assert name == "select-usb-device"
    assert event.device_list[0].product_name == "Scanner"
    assert event.frame.url == "https://shop.example/"


def test_nothing_chosen_is_a_not_found_error(usb: Rig) -> None:
    page = usb.session.new_page("https://shop.example/")
    with pytest.raises(NotFoundError, match="No device selected"):
        page.navigator.usb.request_device([]).get(TIMEOUT_S)
    assert page.navigator.usb.get_devices().get(TIMEOUT_S) == []


def test_transfers_go_both_ways(usb: Rig) -> None:
    device = opened(usb)
    device.claim_interface(0).get(TIMEOUT_S)
    assert device.transfer_out(1, b"hello").get(TIMEOUT_S).bytes_written == 5
    result = device.transfer_in(1, 64).get(TIMEOUT_S)
    assert (result.data, result.status) == (b"hello", "ok")
    assert device.control_transfer_in(VENDOR, 7).get(TIMEOUT_S).data == b"version"
    assert device.control_transfer_out(VENDOR, b"x").get(TIMEOUT_S).bytes_written == 1
    assert device.control_transfer_in({**VENDOR, "request": 0x99}, 7).get(TIMEOUT_S).status == "stall"
    device.clear_halt("in", 1).get(TIMEOUT_S)
    device.reset().get(TIMEOUT_S)


def test_isochronous_packets(usb: Rig) -> None:
    device = opened(usb)
    device.claim_interface(0).get(TIMEOUT_S)
    with pytest.raises(NotFoundError):
        device.isochronous_transfer_in(2, [192])
    device.select_alternate_interface(0, 1).get(TIMEOUT_S)
    came = device.isochronous_transfer_in(2, [192, 100]).get(TIMEOUT_S)
    assert [len(packet.data) for packet in came.packets] == [192, 100]
    went = device.isochronous_transfer_out(2, bytes(10), [4, 6]).get(TIMEOUT_S)
    assert [packet.bytes_written for packet in went.packets] == [4, 6]
    with pytest.raises(InvalidAccessError):
        device.transfer_in(2, 64)
    with pytest.raises(TypeError, match="10 bytes together"):
        device.isochronous_transfer_out(2, b"short", [4, 6])


def test_what_is_not_open_claimed_or_there(usb: Rig) -> None:
    device = chosen(usb)
    with pytest.raises(InvalidStateError, match="opened first"):
        device.claim_interface(0)
    device.open().get(TIMEOUT_S)
    with pytest.raises(InvalidStateError):
        device.open()
    with pytest.raises(NotFoundError, match="not part of a claimed"):
        device.transfer_in(1, 64)
    with pytest.raises(NotFoundError, match="interface number"):
        device.claim_interface(7)
    with pytest.raises(NotFoundError, match="configuration value"):
        device.select_configuration(9)
    with pytest.raises(IndexSizeError):
        device.transfer_in(16, 64)
    with pytest.raises(InvalidStateError, match="not been claimed"):
        device.control_transfer_in({**VENDOR, "recipient": "interface"}, 1)
    with pytest.raises(TypeError, match="setup"):
        device.control_transfer_in({"request": 1}, 1)
    device.select_configuration(2).get(TIMEOUT_S)
    device.claim_interface(5).get(TIMEOUT_S)
    assert device.claimed_interfaces == (5,)


def test_protected_interfaces_are_claimed_by_nobody(usb: Rig) -> None:
    device = opened(usb)
    with pytest.raises(SecurityError, match="mass-storage"):
        device.claim_interface(1).get(TIMEOUT_S)
    device.select_configuration(2).get(TIMEOUT_S)
    device.close().get(TIMEOUT_S)
    usb.session.set_usb_protected_classes_handler(
        lambda asked: [name for name in asked.protected_classes if name != "mass-storage"]
    )
    device.open().get(TIMEOUT_S)
    device.claim_interface(1).get(TIMEOUT_S)


def test_unplugged_in_the_middle_of_a_transfer(usb: Rig) -> None:
    device = opened(usb)
    device.claim_interface(0).get(TIMEOUT_S)
    gone = []
    usb.session.new_page("https://shop.example/").navigator.usb.on("disconnect", gone.append)
    waiting = device.transfer_in(1, 64)
    usb.unplug("1:2")
    with pytest.raises(NotFoundError, match="disconnected"):
        waiting.get(TIMEOUT_S)
    settled(lambda: len(gone) == 1)
    settled(lambda: not device.opened)
    with pytest.raises(NotFoundError, match="disconnected"):
        device.transfer_in(1, 64)


def test_a_transfer_can_have_a_timeout(usb: Rig) -> None:
    device = opened(usb)
    device.claim_interface(0).get(TIMEOUT_S)
    with pytest.raises(NetworkError, match=r"not answered within 0\.05 s"):
        device.transfer_in(1, 64, timeout=0.05).get(TIMEOUT_S)


def test_given_back(usb: Rig) -> None:
    usb.note(usb.session, "usb-device-revoked")
    device = opened(usb)
    device.forget().get(TIMEOUT_S)
    settled(lambda: not device.opened)
    name, event = usb.told_after(2)[1]
    assert (name, event.origin, event.device.product_name) == (
        "usb-device-revoked",
        "https://shop.example",
        "Scanner",
    )
    with pytest.raises(SecurityError, match="not granted"):
        device.open().get(TIMEOUT_S)
