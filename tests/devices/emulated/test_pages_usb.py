"""WebUSB from a page to an emulated usbfs node, through pyusb and libusb: choosers, transfers, unplugging, grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from devices.emulated.application import TIMEOUT_S, Hardware, Told, choose_first, settled
from devices.emulated.bench import Bench
from devices.emulated.models import LoopingUSB
from devices.emulated.running import events, run
from devices.emulated.subject import Subject

from partita.devices.usb import WebUSBDevice
from partita.events.device_transfers import ClaimInterface, OpenUSB
from partita.events.errors import DOMException
from partita.session import Session

ORIGIN = "https://shop.example"
SELECT, ADDED, REMOVED, REVOKED = "select-usb-device", "usb-device-added", "usb-device-removed", "usb-device-revoked"
VENDOR = {"request_type": "vendor", "recipient": "device", "request": 1, "value": 7, "index": 0}


def claimed(session: Session) -> WebUSBDevice:
    choose_first(session, "usb-device")
    device = session.new_page(f"{ORIGIN}/").navigator.usb.request_device().get(TIMEOUT_S)
    device.open().get(TIMEOUT_S)
    device.claim_interface(0).get(TIMEOUT_S)
    return device


def error_of(work: Any) -> list[str]:
    with pytest.raises(DOMException) as raised:
        work().get(TIMEOUT_S)
    return [type(raised.value).__name__, str(raised.value)]


# -- choosers ----------------------------------------------------------------------------------------------------------------


def chooses_while_devices_come_and_go(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, SELECT, ADDED, REMOVED)
    page = session.new_page(f"{ORIGIN}/")
    asked = page.navigator.usb.request_device([{"vendor_id": 0x1209, "serial_number": "B77"}])
    select = told.next(SELECT)
    hardware.plug("other")  # no filter has it
    settled(lambda: len(session._devices.state("usb").devices) == 1)
    hardware.plug("looper")
    added = told.next(ADDED)
    hardware.unplug("looper")
    removed = told.next(REMOVED)
    hardware.plug("looper")
    again = told.next(ADDED)
    select.callback(again.device.device_id)
    device = asked.get(TIMEOUT_S)
    return [
        select.device_list,
        [told.device.product_name for told in (added, removed, again)],
        [device.manufacturer_name, device.product_name, device.serial_number, device.usb_version],
        [len(configuration.interfaces) for configuration in device.configurations],
        told.names,
    ]


def test_a_chooser_is_told_what_is_plugged_in_and_out_while_it_is_open(bed: Bench, tmp_path: Path) -> None:
    devices = {
        "looper": LoopingUSB(),
        "other": LoopingUSB(3, "1-2", product_id=0x5309, strings={1: "Acme", 2: "Other", 3: "B78"}),
    }
    came = run(bed, chooses_while_devices_come_and_go, tmp_path, devices)
    assert came == [
        [],
        ["Looper", "Looper", "Looper"],
        ["Acme", "Looper", "B77", [2, 0, 0]],
        [2, 1],
        [SELECT, ADDED, REMOVED, ADDED],
    ]
    assert events(tmp_path, "usb") == [
        "BrokerConfigured",
        "WatchBegun",
        "DevicesListed",
        "ChooserOpened",
        "DeviceAttached",
        "DeviceAttached",
        "DeviceOffered",
        "DeviceDetached",
        "DeviceWithdrawn",
        "DeviceAttached",
        "DeviceOffered",
        "ChooserClosed",
        "DeviceGranted",
    ]


# -- transfers ---------------------------------------------------------------------------------------------------------------


def transfers(session: Session, hardware: Hardware) -> list[object]:
    device = claimed(session)
    content = bytes(range(256)) * 4096  # 1 MiB: libusb cuts none of it off
    said: list[object] = [device.transfer_out(1, content).get(TIMEOUT_S).bytes_written]
    came = device.transfer_in(1, len(content)).get(TIMEOUT_S)
    said.append([came.data == content, came.status])
    device.transfer_out(2, b"interrupt").get(TIMEOUT_S)
    said.append(device.transfer_in(2, 64).get(TIMEOUT_S).data)
    waiting = device.transfer_in(1, 64)  # side by side with what goes out
    device.transfer_out(1, b"late").get(TIMEOUT_S)
    said.append(waiting.get(TIMEOUT_S).data)
    said.append(device.control_transfer_out(VENDOR, b"register").get(TIMEOUT_S).bytes_written)
    said.append(device.control_transfer_in(VENDOR, 64).get(TIMEOUT_S).data)
    said.append(device.control_transfer_in({**VENDOR, "value": 8}, 64).get(TIMEOUT_S).status)
    said.append(device.transfer_in(4, 64).get(TIMEOUT_S).status)
    device.clear_halt("in", 4).get(TIMEOUT_S)
    device.transfer_out(4, b"goes on").get(TIMEOUT_S)
    said.append(device.transfer_in(4, 64).get(TIMEOUT_S).data)
    said.append(device.transfer_in(5, 64).get(TIMEOUT_S).status)
    said.append(error_of(lambda: device.transfer_in(6, 64, timeout=0.05))[0])
    device.select_alternate_interface(0, 1).get(TIMEOUT_S)
    went = device.isochronous_transfer_out(3, bytes(range(24)), [8, 8, 8]).get(TIMEOUT_S)
    said.append([packet.bytes_written for packet in went.packets])
    packets = device.isochronous_transfer_in(3, [8, 8, 8]).get(TIMEOUT_S).packets
    said.append([[packet.data, packet.status] for packet in packets])
    device.select_configuration(2).get(TIMEOUT_S)
    said.append(device.configuration.configuration_value if device.configuration else None)
    device.reset().get(TIMEOUT_S)
    device.close().get(TIMEOUT_S)
    return said


def test_transfers_of_all_kinds_go_both_ways(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, transfers, tmp_path, {"looper": LoopingUSB()}, plugged=("looper",))
    assert came == [
        1 << 20,
        [True, "ok"],
        b"interrupt",
        b"late",
        8,
        b"register",
        "stall",
        "stall",
        b"goes on",
        "babble",
        "NetworkError",
        [8, 8, 8],
        [[bytes(range(7)), "ok"], [bytes(range(7, 14)), "ok"], [b"", "stall"]],
        2,
    ]


def claims_what_another_program_has(session: Session, hardware: Hardware) -> list[str]:
    device = claimed(session)
    return error_of(lambda: device.claim_interface(1))


def test_an_interface_that_another_program_has_is_in_use_elsewhere(
    subject: Subject, bed: Bench, tmp_path: Path
) -> None:
    looper = LoopingUSB()
    bed.plug(looper)
    subject.open("usb", looper.key, OpenUSB()).perform(ClaimInterface(1))
    kind, text = run(bed, claims_what_another_program_has, tmp_path, {"looper": looper})
    assert kind == "NetworkError"
    assert text.startswith("The device is in use elsewhere.")


# -- what is plugged in and out ----------------------------------------------------------------------------------------------


def is_unplugged_in_mid_transfer(session: Session, hardware: Hardware) -> list[object]:
    device = claimed(session)
    told = Told(session.new_page(f"{ORIGIN}/").navigator.usb, "connect", "disconnect")
    waiting = device.transfer_in(6, 64)
    side_by_side = device.transfer_out(6, b"no answer")
    hardware.have("looper", "wait_until_asked", 2)
    hardware.unplug("looper")
    failures = [error_of(lambda: waiting), error_of(lambda: side_by_side)]
    gone = told.next("disconnect").device
    settled(lambda: not device.opened)
    failures.append(error_of(lambda: device.transfer_in(1, 64)))
    failures.append(error_of(device.open))
    hardware.plug("looper")
    back = told.next("connect").device
    back.open().get(TIMEOUT_S)
    return [failures, gone.serial_number, told.names, back.opened]


class Mute(LoopingUSB):
    """A looper for an application that wants to know whether its transfers have reached it."""

    def wait_until_asked(self, count: int) -> None:
        """Transfers at the endpoint that never answers."""
        settled(lambda: sum(getattr(one, "endpoint_number", 0) == 6 for one in self.asked) >= count)


def test_unplugged_in_mid_transfer_each_fails_once_and_the_document_is_told_once(bed: Bench, tmp_path: Path) -> None:
    failures, name, told, is_open = run(
        bed, is_unplugged_in_mid_transfer, tmp_path, {"looper": Mute()}, plugged=("looper",)
    )
    assert [kind for kind, _ in failures] == ["NotFoundError"] * 4
    assert all(text.startswith("The device was disconnected.") for _, text in failures)
    assert (name, told, is_open) == ("B77", ["disconnect", "connect"], True)
    heard = events(tmp_path, "usb")
    assert heard.count("DeviceDetached") == 1
    assert heard.count("ConnectionClosed") == 2


# -- grants ------------------------------------------------------------------------------------------------------------------


def gives_it_back(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, REVOKED)
    device = claimed(session)
    waiting = device.transfer_in(6, 64)
    device.forget().get(TIMEOUT_S)
    revoked = told.next(REVOKED)
    failed = error_of(lambda: waiting)[0]
    settled(lambda: not device.opened)
    left = session.new_page(f"{ORIGIN}/").navigator.usb.get_devices().get(TIMEOUT_S)
    return [[revoked.device.product_name, revoked.origin], failed, len(left), error_of(device.open)[0], told.names]


def test_what_is_given_back_is_closed_and_had_no_longer(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, gives_it_back, tmp_path, {"looper": LoopingUSB()}, plugged=("looper",))
    assert came == [["Looper", ORIGIN], "NotFoundError", 0, "SecurityError", [REVOKED]]
    assert events(tmp_path, "usb")[-3:] == ["DeviceRevoked", "ConnectionClosing", "ConnectionClosed"]
