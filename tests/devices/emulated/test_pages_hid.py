"""WebHID from a page to an emulated hidraw node, through hidapi: choosers, reports, what is plugged in and out, grants."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from devices.emulated.application import TIMEOUT_S, Hardware, Told, choose_first, settled
from devices.emulated.bench import Bench
from devices.emulated.models import PANEL, EchoingHID, HesitatingHID
from devices.emulated.running import events, run

from partita.devices.hid import WebHIDDevice
from partita.events.errors import DOMException
from partita.session import Session

ORIGIN = "https://shop.example"
WALLET_ID, PANEL_ID = ({"vendor_id": 0x1209, "product_id": number} for number in (0x5301, 0x5304))
SELECT, ADDED, REMOVED, REVOKED = "select-hid-device", "hid-device-added", "hid-device-removed", "hid-device-revoked"


def opened(session: Session) -> WebHIDDevice:
    choose_first(session, "hid-device")
    (device,) = session.new_page(f"{ORIGIN}/").navigator.hid.request_device().get(TIMEOUT_S)
    device.open().get(TIMEOUT_S)
    return device


def error_of(work: Any) -> list[str]:
    with pytest.raises(DOMException) as raised:
        work().get(TIMEOUT_S)
    return [type(raised.value).__name__, str(raised.value)]


# -- choosers ----------------------------------------------------------------------------------------------------------------


def chooses_while_devices_come_and_go(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, SELECT, ADDED, REMOVED)
    page = session.new_page(f"{ORIGIN}/")
    asked = page.navigator.hid.request_device([WALLET_ID, PANEL_ID])
    select = told.next(SELECT)
    hardware.plug("panel")
    added = told.next(ADDED)
    hardware.plug("other")  # no filter has it
    settled(lambda: len(session._devices.state("hid").devices) == 3)
    hardware.unplug("panel")
    removed = told.next(REMOVED)
    hardware.plug("panel")
    again = told.next(ADDED)
    select.callback(again.device.device_id)
    (device,) = asked.get(TIMEOUT_S)
    hardware.unplug("wallet")  # nobody chooses any more
    settled(lambda: len(session._devices.state("hid").devices) == 2)
    return [
        [one.name for one in select.device_list],
        select.frame.url,
        [told.device.name for told in (added, removed, again)],
        added.device.device_id != again.device.device_id,
        [device.product_name, device.vendor_id, device.product_id, len(device.collections)],
        told.names,
    ]


def test_a_chooser_is_told_what_is_plugged_in_and_out_while_it_is_open(bed: Bench, tmp_path: Path) -> None:
    devices = {
        "wallet": EchoingHID(),
        "panel": EchoingHID(1, "1-2", product_id=0x5304, name="Panel", descriptor=PANEL),
        "other": EchoingHID(2, "1-3", product_id=0x5305, name="Other"),
    }
    came = run(bed, chooses_while_devices_come_and_go, tmp_path, devices, plugged=("wallet",))
    assert came == [
        ["Wallet"],
        f"{ORIGIN}/",
        ["Panel", "Panel", "Panel"],
        True,
        ["Panel", 0x1209, 0x5304, 1],
        [SELECT, ADDED, REMOVED, ADDED],
    ]
    assert events(tmp_path, "hid") == [
        "BrokerConfigured",
        "WatchBegun",
        "DeviceAttached",
        "DevicesListed",
        "ChooserOpened",
        "DeviceAttached",
        "DeviceOffered",
        "DeviceAttached",
        "DeviceDetached",
        "DeviceWithdrawn",
        "DeviceAttached",
        "DeviceOffered",
        "ChooserClosed",
        "DeviceGranted",
        "DeviceDetached",
    ]


def is_not_given_any(session: Session, hardware: Hardware) -> list[object]:
    page = session.new_page(f"{ORIGIN}/")

    def request() -> int:
        return len(page.navigator.hid.request_device().get(TIMEOUT_S))

    said: list[object] = [request()]  # nobody listens
    answers: list[Any] = [lambda _: None, lambda event: event.callback(), lambda event: event.callback("nonsense")]
    asked: list[int] = []

    @session.on(SELECT)
    def choose(event: Any) -> None:
        asked.append(len(event.device_list))
        answers[len(asked) - 1](event)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        said += [request(), request(), request()]
        settled(lambda: len(warned) == 1)
    said.append([warned[0].category.__name__, str(warned[0].message)])
    session.set_permission_check_handler(lambda _: False)
    said += [request(), asked]
    return said


def test_nothing_is_given_when_nobody_chooses_or_nobody_may(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, is_not_given_any, tmp_path, {"wallet": EchoingHID()}, plugged=("wallet",))
    warned = ["UnknownHIDDeviceId", "The device id nonsense was not found."]
    assert came == [0, 0, 0, 0, warned, 0, [1, 1, 1]]
    assert "DeviceGranted" not in events(tmp_path, "hid")


# -- reports -----------------------------------------------------------------------------------------------------------------


class Panel(EchoingHID):
    """With ids."""

    def __init__(self) -> None:
        super().__init__(descriptor=PANEL, name="Panel")


def talks(session: Session, hardware: Hardware) -> list[object]:
    device = opened(session)
    reports = Told(device, "inputreport")
    said: list[object] = []
    for number in range(3):
        device.send_report(2, b"report %d" % number).get(TIMEOUT_S)
        report = reports.next("inputreport")
        said.append([report.report_id, report.data])
    device.send_feature_report(5, b"abcd").get(TIMEOUT_S)
    said.append(device.receive_feature_report(5).get(TIMEOUT_S))
    said.append(error_of(lambda: device.receive_feature_report(9))[0])
    device.close().get(TIMEOUT_S)
    said.append(device.opened)
    device.open().get(TIMEOUT_S)
    hardware.have("panel", "send_value", 1, b"unasked!")
    said.append(reports.next("inputreport").data)
    return said


def test_reports_go_both_ways(bed: Bench, tmp_path: Path) -> None:
    panel = Panel()
    came = run(bed, talks, tmp_path, {"panel": panel}, plugged=("panel",))
    assert came == [
        [2, b"0 troper"],
        [2, b"1 troper"],
        [2, b"2 troper"],
        b"abcd",
        "NetworkError",
        False,
        b"unasked!",
    ]
    assert panel.written == [(2, b"report %d" % number) for number in range(3)]
    assert panel.features == {5: b"abcd"}
    assert events(tmp_path, "hid")[-7:] == [
        "ConnectionBegun",
        "ConnectionReady",
        "ConnectionClosing",
        "ConnectionClosed",
        "ConnectionBegun",
        "ConnectionReady",
        "ConnectionClosed",
    ]


# -- what is plugged in and out ----------------------------------------------------------------------------------------------


def is_unplugged_while_it_is_asked(session: Session, hardware: Hardware) -> list[object]:
    device = opened(session)
    page = session.new_page(f"{ORIGIN}/")
    told = Told(page.navigator.hid, "connect", "disconnect")
    strangers = Told(session.new_page("https://other.example/").navigator.hid, "connect", "disconnect")
    first, second = device.send_report(0, b"first"), device.send_report(0, b"second")
    hardware.have("wallet", "wait_until_asked")
    hardware.unplug("wallet")
    gone = told.next("disconnect").device
    hardware.have("wallet", "let_go_on")
    failures = [error_of(lambda: first), error_of(lambda: second)]
    settled(lambda: not device.opened)
    failures.append(error_of(lambda: device.send_report(0, b"third")))
    hardware.plug("wallet")
    back = told.next("connect").device
    back.open().get(TIMEOUT_S)
    back.send_report(0, b"again").get(TIMEOUT_S)
    return [failures, gone.product_name, gone is not back, told.names, strangers.names]


class Slow(HesitatingHID):
    """A wallet for an application that cannot see the events of threading."""

    def wait_until_asked(self) -> None:
        assert self.is_asked.wait(TIMEOUT_S), "a report is on its way to it"

    def let_go_on(self) -> None:
        self.go_on.set()


def test_unplugged_in_mid_report_it_fails_once_and_the_document_is_told_once(bed: Bench, tmp_path: Path) -> None:
    """Its serial number lets the grant outlast the plug."""
    wallet = Slow()
    came = run(bed, is_unplugged_while_it_is_asked, tmp_path, {"wallet": wallet}, plugged=("wallet",))
    failures, name, is_another, told, strangers = came
    assert [kind for kind, _ in failures] == ["NetworkError"] * 3
    assert all(text.startswith("The device was disconnected.") for _, text in failures)
    assert (name, is_another, told, strangers) == ("Wallet", True, ["disconnect", "connect"], [])
    assert wallet.written[-1] == (0, b"again")
    heard = events(tmp_path, "hid")
    assert heard.count("DeviceDetached") == 1
    assert heard.count("ConnectionClosed") == 2


# -- grants ------------------------------------------------------------------------------------------------------------------


def gives_it_back(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, REVOKED)
    device = opened(session)
    device.forget().get(TIMEOUT_S)
    revoked = told.next(REVOKED)
    settled(lambda: not device.opened)
    page = session.new_page(f"{ORIGIN}/")
    return [
        [revoked.device.name, revoked.origin],
        len(page.navigator.hid.get_devices().get(TIMEOUT_S)),
        error_of(device.open),
        told.names,
    ]


def test_what_is_given_back_is_closed_and_had_no_longer(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, gives_it_back, tmp_path, {"wallet": EchoingHID()}, plugged=("wallet",))
    revoked, left, refused, told = came
    assert revoked == ["Wallet", ORIGIN]
    assert left == 0
    assert refused == ["SecurityError", "Access denied: the page was not granted this device."]
    assert told == [REVOKED]
    assert events(tmp_path, "hid")[-3:] == ["DeviceRevoked", "ConnectionClosing", "ConnectionClosed"]


def is_granted_still(session: Session, hardware: Hardware) -> list[object]:
    page = session.new_page(f"{ORIGIN}/")
    (device,) = page.navigator.hid.get_devices().get(TIMEOUT_S)
    device.open().get(TIMEOUT_S)
    device.send_report(0, b"ab").get(TIMEOUT_S)
    return [device.product_name]


def chooses(session: Session, hardware: Hardware) -> bool:
    return opened(session).opened


def test_a_grant_that_is_kept_is_found_by_the_next_process(bed: Bench, tmp_path: Path) -> None:
    wallet = EchoingHID()
    assert run(bed, chooses, tmp_path, {"wallet": wallet}, plugged=("wallet",)) is True
    assert run(bed, is_granted_still, tmp_path, {"wallet": wallet}) == ["Wallet"]
    assert wallet.written == [(0, b"ab")]
