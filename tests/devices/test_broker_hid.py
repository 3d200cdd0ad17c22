"""HID devices from a session: what listeners and pages are told, and what the log says of it (FEATURES E12 to E15, F18)."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partita
from partita.devices.hid import WebHIDDevice
from partita.devices.requests import DevicePermission, SelectHIDDevice, UnknownHIDDeviceId
from partita.events.devices import ChooserClosed, DeviceChecked
from partita.events.errors import AbortError, SecurityError
from partita.page import Page
from tests.devices.descriptors import KEYBOARD, SCALE
from tests.devices.peripherals import TIMEOUT_S, Rig, Wallet, rig, settled

SHOP = "https://shop.example/"
BANK = "https://bank.example/"
KEY = "/dev/hidraw0"


@pytest.fixture
def hid(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def closings(hid: Rig) -> list[str]:
    """Why choosers were closed, by the log."""
    hid.session.flush().get(TIMEOUT_S)
    turns = hid.session.log.turns(1)
    return [event.answer.reason for turn in turns for event in turn.events if isinstance(event, ChooserClosed)]


def chosen(hid: Rig, page: Page | None = None) -> WebHIDDevice:
    """The first device there is, chosen for the page."""
    if not hid.session.listener_count("select-hid-device"):
        hid.choose_first(hid.session, "select-hid-device")
    page = page or hid.session.new_page(SHOP)
    return page.navigator.hid.request_device().get(TIMEOUT_S)[0]


def holding(hid: Rig) -> list[SelectHIDDevice]:
    """Choosers that are left open: their events."""
    events: list[SelectHIDDevice] = []

    @hid.session.on("select-hid-device")
    def hold(event: SelectHIDDevice) -> None:
        event.prevent_default()
        events.append(event)

    return events


# -- choosers ---------------------------------------------------------------------------------------------------------


def test_somebody_chooses_and_the_page_has_it(hid: Rig) -> None:
    hid.plug(Wallet(), Wallet("/dev/hidraw1", "1-2", "S456"))
    device = chosen(hid)
    name, event = hid.told[0]
    assert name == "select-hid-device"
    assert [one.serial_number for one in event.device_list] == ["S123", "S456"]
    assert event.frame.url == SHOP
    assert (device.vendor_id, device.product_name) == (0x1209, "Acme Wallet")
    assert closings(hid) == ["ok"]
    assert hid.events("broker/hid") == [
        "WatchBegun",
        "DeviceAttached",
        "DeviceAttached",
        "DevicesListed",
        "ChooserOpened",
        "ChooserClosed",
        "DeviceGranted",
    ]


def test_without_a_listener_nothing_is_chosen(hid: Rig) -> None:
    hid.plug(Wallet())
    assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
    assert closings(hid) == ["cancelled"]


@pytest.mark.parametrize("answer", [None, "", "callback()"])
def test_a_listener_that_chooses_nothing(hid: Rig, answer: str | None) -> None:
    hid.plug(Wallet())

    @hid.session.on("select-hid-device")
    def choose(event: SelectHIDDevice) -> None:
        event.prevent_default()
        event.callback() if answer == "callback()" else event.callback(answer)

    assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
    assert closings(hid) == ["cancelled"]


def test_a_listener_that_neither_prevents_the_default_nor_answers(hid: Rig) -> None:
    hid.plug(Wallet())
    hid.note(hid.session, "select-hid-device")
    assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
    assert len(hid.told) == 1


def test_a_listener_that_raises_has_chosen_nothing(hid: Rig) -> None:
    hid.plug(Wallet())

    @hid.session.on("select-hid-device")
    def choose(event: SelectHIDDevice) -> None:
        raise RuntimeError("no idea")

    with pytest.warns(partita.emitter.ListenerFailed, match="no idea"):
        assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []


def test_the_first_answer_counts(hid: Rig) -> None:
    hid.plug(Wallet(), Wallet("/dev/hidraw1", "1-2", "S456"))

    @hid.session.on("select-hid-device")
    def choose(event: SelectHIDDevice) -> None:
        event.callback(event.device_list[1].device_id)
        event.callback(event.device_list[0].device_id)
        event.callback("")

    (device,) = hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S)
    assert device.device_id == next(
        known.device_id
        for known in hid.session._devices.state("hid").devices.values()
        if known.device.key == "/dev/hidraw1"
    )
    assert closings(hid) == ["ok"]


def test_an_unknown_id_is_a_warning_and_no_choice(hid: Rig) -> None:
    hid.plug(Wallet())
    hid.session.on("select-hid-device", lambda event: event.callback("who is that"))
    with pytest.warns(UnknownHIDDeviceId, match="The device id who is that was not found"):
        assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
        settled(lambda: closings(hid) == ["unknown_device"])
        hid.session._system.callbacks.call(lambda: None)


def test_what_is_no_id_is_refused_and_the_chooser_still_waits(hid: Rig) -> None:
    hid.plug(Wallet())
    events = holding(hid)
    asked = hid.session.new_page(SHOP).navigator.hid.request_device()
    settled(lambda: bool(events))
    with pytest.raises(TypeError, match="a device id is a str"):
        events[0].callback(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surrogates"):
        events[0].callback("\ud800")
    assert not events[0].answered
    events[0].callback(events[0].device_list[0].device_id)
    assert len(asked.get(TIMEOUT_S)) == 1


def test_while_a_chooser_is_open_it_is_told_what_comes_and_goes(hid: Rig) -> None:
    hid.plug(Wallet())
    hid.note(hid.session, "hid-device-added", "hid-device-removed")
    events = holding(hid)
    asked = hid.session.new_page(SHOP).navigator.hid.request_device([{"vendor_id": 0x1209}])
    settled(lambda: bool(events))
    hid.plug(Wallet("/dev/hidraw1", "1-2", "S456"))
    hid.unplug(KEY)
    told = hid.told_after(2)
    assert [name for name, _ in told] == ["hid-device-added", "hid-device-removed"]
    assert [change.device.serial_number for _, change in told] == ["S456", "S123"]
    assert told[0][1].frame.url == SHOP
    events[0].callback(told[0][1].device.device_id)
    assert len(asked.get(TIMEOUT_S)) == 1
    hid.plug(Wallet())
    assert "DeviceOffered" not in hid.events("broker/hid")[-2:], "nobody chooses any more"
    assert len(hid.told) == 2


def test_a_malformed_report_descriptor_is_never_offered(hid: Rig) -> None:
    broken = Wallet()
    broken.report_descriptor = bytes.fromhex("0600ff0901a101c0c0")
    hid.plug(broken)
    hid.note(hid.session, "select-hid-device")
    assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
    assert hid.told[0][1].device_list == []


def test_a_check_that_says_no_asks_nobody(hid: Rig) -> None:
    hid.plug(Wallet())
    hid.choose_first(hid.session, "select-hid-device")
    hid.session.set_permission_check_handler(lambda check: check.permission != "hid")
    assert hid.session.new_page(SHOP).navigator.hid.request_device().get(TIMEOUT_S) == []
    assert hid.told == []
    assert "ChooserOpened" not in hid.events("broker/hid")


def test_a_page_that_is_closed_leaves_no_chooser(hid: Rig) -> None:
    hid.plug(Wallet())
    events = holding(hid)
    page = hid.session.new_page(SHOP)
    asked = page.navigator.hid.request_device()
    settled(lambda: bool(events))
    page.close()
    with pytest.raises(AbortError):
        asked.get(TIMEOUT_S)
    assert closings(hid) == ["document_gone"]
    events[0].callback(events[0].device_list[0].device_id)
    assert closings(hid) == ["document_gone"], "what is said now is nobody's business"


def test_ten_origins_ask_at_once(hid: Rig) -> None:
    hid.plug(Wallet())
    events = holding(hid)
    pages = [hid.session.new_page(f"https://{number}.example/") for number in range(10)]
    asking = [page.navigator.hid.request_device() for page in pages]
    settled(lambda: len(events) == 10)
    for event in reversed(events):
        number = int(event.frame.url[8])  # type: ignore[union-attr]
        event.callback(event.device_list[0].device_id if number % 2 else "")
    assert [len(asked.get(TIMEOUT_S)) for asked in asking] == [0, 1] * 5
    assert [len(page.navigator.hid.get_devices().get(TIMEOUT_S)) for page in pages] == [0, 1] * 5


# -- grants -----------------------------------------------------------------------------------------------------------


def test_a_grant_is_of_one_origin(hid: Rig) -> None:
    hid.plug(Wallet())
    device = chosen(hid)
    other = hid.session.new_page(BANK)
    assert other.navigator.hid.get_devices().get(TIMEOUT_S) == []
    same = hid.session.new_page(f"{SHOP}other/page")
    assert [one.device_id for one in same.navigator.hid.get_devices().get(TIMEOUT_S)] == [device.device_id]


def test_of_twins_the_chosen_one_is_granted_until_it_is_unplugged(hid: Rig) -> None:
    hid.plug(Wallet(), Wallet("/dev/hidraw1", "1-2"))
    device = chosen(hid)
    page = hid.session.new_page(SHOP)
    assert [one.device_id for one in page.navigator.hid.get_devices().get(TIMEOUT_S)] == [device.device_id]
    hid.unplug(KEY)
    hid.plug(Wallet())
    settled(lambda: hid.events("broker/hid").count("DeviceAttached") == 3)
    assert page.navigator.hid.get_devices().get(TIMEOUT_S) == []


@pytest.mark.parametrize("keep", [False, True])
def test_grants_across_openings(tmp_path: Path, keep: bool) -> None:
    with rig(tmp_path, "persist:shop", keep_device_grants=keep) as first:
        first.plug(Wallet())
        chosen(first)
    for _ in range(2):
        with rig(tmp_path, "persist:shop", keep_device_grants=keep) as again:
            again.plug(Wallet("/dev/hidraw7", "3-1"), Wallet("/dev/hidraw8", "3-2", serial_number=""))
            found = again.session.new_page(SHOP).navigator.hid.get_devices().get(TIMEOUT_S)
            assert [device._attachment.device.key for device in found] == (["/dev/hidraw7"] if keep else [])


def test_what_is_given_back_is_closed_and_told_of(hid: Rig) -> None:
    hid.plug(Wallet())
    hid.note(hid.session, "hid-device-revoked")
    device = chosen(hid)
    device.open().get(TIMEOUT_S)
    device.forget().get(TIMEOUT_S)
    settled(lambda: not device.opened)
    revoked = [event for name, event in hid.told_after(2) if name == "hid-device-revoked"]
    assert [(event.device.serial_number, event.origin) for event in revoked] == [("S123", SHOP.rstrip("/"))]
    with pytest.raises(SecurityError):
        device.open().get(TIMEOUT_S)


def test_what_is_unplugged_can_be_given_back(hid: Rig) -> None:
    hid.plug(Wallet())
    page = hid.session.new_page(SHOP)
    device = chosen(hid, page)
    hid.unplug(KEY)
    settled(lambda: "DeviceDetached" in hid.events("broker/hid"))
    device.forget().get(TIMEOUT_S)
    hid.plug(Wallet())
    settled(lambda: hid.events("broker/hid").count("DeviceAttached") == 2)
    assert page.navigator.hid.get_devices().get(TIMEOUT_S) == []


def test_a_device_permission_handler_alone_decides(hid: Rig) -> None:
    hid.plug(Wallet())
    asked: list[DevicePermission] = []
    granted: list[str] = []

    def handler(request: DevicePermission) -> bool:
        asked.append(request)
        return request.origin in granted

    device = chosen(hid)
    hid.session.set_device_permission_handler(handler)
    page = hid.session.new_page(SHOP)
    assert page.navigator.hid.get_devices().get(TIMEOUT_S) == [], "what was chosen before does not count"
    with pytest.raises(SecurityError):
        device.open().get(TIMEOUT_S)
    granted.append(BANK.rstrip("/"))
    (other,) = hid.session.new_page(BANK).navigator.hid.get_devices().get(TIMEOUT_S)
    other.open().get(TIMEOUT_S)
    assert {(one.device_type, one.origin) for one in asked} == {("hid", SHOP.rstrip("/")), ("hid", BANK.rstrip("/"))}
    hid.session.flush().get(TIMEOUT_S)
    checks = [event for turn in hid.session.log.turns(1) for event in turn.events if isinstance(event, DeviceChecked)]
    assert [(check.origin, check.granted) for check in checks] == [
        (SHOP.rstrip("/"), False),
        (SHOP.rstrip("/"), False),
        (BANK.rstrip("/"), True),
        (BANK.rstrip("/"), True),
    ]
    hid.session.set_device_permission_handler(None)
    assert len(page.navigator.hid.get_devices().get(TIMEOUT_S)) == 1, "without it, what was chosen counts again"


@pytest.mark.parametrize(("said", "words"), [(RuntimeError("no idea"), "no idea"), ("yes", "True or False")])
def test_a_device_permission_handler_that_fails_has_refused(hid: Rig, said: Any, words: str) -> None:
    hid.plug(Wallet())
    chosen(hid)

    def handler(request: DevicePermission) -> Any:
        if isinstance(said, Exception):
            raise said
        return said

    hid.session.set_device_permission_handler(handler)
    with pytest.warns(partita.emitter.ListenerFailed, match=words):
        assert hid.session.new_page(SHOP).navigator.hid.get_devices().get(TIMEOUT_S) == []


def test_a_late_device_permission_handler_has_refused(tmp_path: Path) -> None:
    go = threading.Event()
    bus = partita.SimulatedBus()
    with partita.System(data_dir=tmp_path, devices=bus, handler_timeout=0.05) as system:
        late = Rig(system.from_partition("devices"), bus)
        late.plug(Wallet())
        chosen(late)
        late.session.set_device_permission_handler(lambda request: go.wait(TIMEOUT_S))
        with pytest.warns(partita.emitter.ListenerFailed, match="HandlerTimeout"):
            assert late.session.new_page(SHOP).navigator.hid.get_devices().get(TIMEOUT_S) == []
        go.set()
        late.session.flush().get(TIMEOUT_S)
        checks = [
            event for turn in late.session.log.turns(1) for event in turn.events if isinstance(event, DeviceChecked)
        ]
        assert [check.granted for check in checks] == [False]


def test_a_keyboards_reports_pass_in_neither_direction(hid: Rig) -> None:
    keyed = Wallet()
    keyed.report_descriptor = SCALE + KEYBOARD
    hid.plug(keyed)
    device = chosen(hid)
    device.open().get(TIMEOUT_S)
    with pytest.raises(SecurityError, match="protected"):
        device.send_report(5, b"letters").get(TIMEOUT_S)
    assert keyed.got == []
    device.send_report(4, b"tare").get(TIMEOUT_S)
    assert keyed.got == [b"tare"]


def test_a_warning_that_is_an_error_costs_nobody_what_comes_after_it(hid: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type[BaseException] | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))
    hid.plug(Wallet())
    page = hid.session.new_page(SHOP)
    hid.session.once("select-hid-device", lambda event: event.callback("no such device"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnknownHIDDeviceId)
        assert page.navigator.hid.request_device().get(TIMEOUT_S) == []
        device = chosen(hid, page)  # the next chooser is told of
    assert device.product_name == "Acme Wallet"
    assert told == [UnknownHIDDeviceId]
