"""What comes of open HID devices, and of who listens, when plugs are pulled and documents go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.devices.hid import WebHIDDevice
from partita.events.device_transfers import Operation, TransferResult
from partita.events.errors import AbortError, DeviceError, InvalidStateError, NetworkError, SystemClosed
from partita.events.pages import CommitNavigation
from partita.page import Page
from partita.simulation import World
from tests.devices.peripherals import TIMEOUT_S, Rig, Wallet, rig, settled

SHOP = "https://shop.example/"
BANK = "https://bank.example/"
KEY = "/dev/hidraw0"


class Silent(Wallet):
    """It takes what it is sent, and never answers."""

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        self.got.append(data)
        return None


@pytest.fixture
def hid(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        made.choose_first(made.session, "select-hid-device")
        yield made


def opened(hid: Rig, page: Page) -> WebHIDDevice:
    """The first device there is, open."""
    device = page.navigator.hid.request_device().get(TIMEOUT_S)[0]
    device.open().get(TIMEOUT_S)
    return device


@pytest.mark.parametrize("what", ["send_report", "send_feature_report", "receive_feature_report"])
def test_unplugged_in_the_middle_of_a_transfer(hid: Rig, what: str) -> None:
    wallet = Silent()
    hid.plug(wallet)
    device = opened(hid, hid.session.new_page(SHOP))
    data = () if what.startswith("receive") else (b"half",)
    under_way = getattr(device, what)(0, *data, timeout=TIMEOUT_S)
    behind = device.send_report(0, b"next", timeout=TIMEOUT_S)
    settled(lambda: bool(wallet.got))
    hid.unplug(KEY)
    for future in (under_way, behind):
        with pytest.raises(NetworkError, match="disconnected"):
            future.get(TIMEOUT_S)
    assert len(wallet.got) == 1, "what stood behind it has not reached the device"
    settled(lambda: not device.opened)
    assert hid.bus._bus.connections == ()


def test_a_device_that_does_not_answer_is_waited_for_no_longer_than_was_said(hid: Rig) -> None:
    hid.plug(Silent())
    device = opened(hid, hid.session.new_page(SHOP))
    with pytest.raises(NetworkError, match="not answered"):
        device.send_report(0, b"hello", timeout=0.01).get(TIMEOUT_S)
    assert device.opened


def test_a_page_that_is_closed_has_no_device_open(hid: Rig) -> None:
    hid.plug(Wallet())
    page = hid.session.new_page(SHOP)
    device = opened(hid, page)
    page.close()
    settled(lambda: hid.bus._bus.connections == ())
    assert not device.opened
    assert hid.events("broker/hid")[-3:] == ["ConnectionClosing", "ConnectionClosed", "EffectSettled"]


def test_a_page_that_goes_elsewhere_has_no_device_open_and_the_new_document_has_no_grant(hid: Rig) -> None:
    hid.plug(Wallet())
    page = hid.session.new_page(SHOP)
    device = opened(hid, page)
    hid.session._partition.ask(CommitNavigation(0, BANK), to=f"page/{page.id}").get(TIMEOUT_S)
    settled(lambda: hid.bus._bus.connections == ())
    assert not device.opened
    with pytest.raises(InvalidStateError):
        device.send_report(0, b"still there?")
    assert page.navigator.hid.get_devices().get(TIMEOUT_S) == []


def test_pages_hear_of_what_they_may_have_and_of_nothing_else(hid: Rig) -> None:
    hid.plug(Wallet())
    shop, bank = hid.session.new_page(SHOP), hid.session.new_page(BANK)
    heard: list[tuple[str, str]] = []
    for page in (shop, bank):
        for name in ("connect", "disconnect"):
            origin = page.main_frame.origin
            page.navigator.hid.on(name, lambda event, name=name, origin=origin: heard.append((origin, name)))
    opened(hid, shop)
    hid.unplug(KEY)
    hid.plug(Wallet())
    hid.plug(Wallet("/dev/hidraw5", "5-5", "nobody's"))
    settled(lambda: hid.events("broker/hid").count("DeviceAttached") == 3)
    settled(lambda: len(heard) == 2)
    assert heard == [("https://shop.example", "disconnect"), ("https://shop.example", "connect")]
    shop.close()
    hid.unplug(KEY)
    settled(lambda: hid.events("broker/hid").count("DeviceDetached") == 2)
    hid.session._system.callbacks.call(lambda: None)
    assert len(heard) == 2


def test_plugged_and_unplugged_a_thousand_times(hid: Rig) -> None:
    page = hid.session.new_page(SHOP)
    hid.plug(Wallet())
    page.navigator.hid.request_device().get(TIMEOUT_S)
    heard: list[str] = []
    for name in ("connect", "disconnect"):
        page.navigator.hid.on(name, lambda event, name=name: heard.append(name))
    for _ in range(1000):
        hid.bus.unplug(KEY)
        hid.bus.plug(Wallet())
    settled(lambda: len(heard) == 2000)
    assert heard == ["disconnect", "connect"] * 1000
    assert len(page.navigator.hid.get_devices().get(TIMEOUT_S)) == 1
    assert len(page.navigator.hid._objects) == 1
    assert len(hid.session._devices.state("hid").devices) == 1


class Bench:
    """A quiet simulated world with a wallet, a session, and a chooser that takes the first."""

    def __init__(self, **options: Any) -> None:
        self.world = World(1, quiet=True, **options)
        self.world.plug(Wallet())
        self.session: Any = self.world.system().from_partition("persist:shop")
        self.session.on("select-hid-device", lambda event: event.callback(event.device_list[0].device_id))
        self.page = self.session.new_page(SHOP)


@pytest.fixture
def slow() -> Iterator[Bench]:
    made = Bench(settings={"device.latency_s": 0.05})
    yield made
    made.world.close()


def test_who_opens_a_device_that_is_unplugged_meanwhile_is_told(slow: Bench) -> None:
    (device,) = slow.page.navigator.hid.request_device().get()
    opening = device.open()
    slow.world.run_for(0.01)
    slow.world.unplug(KEY)
    with pytest.raises(NetworkError, match="disconnected"):
        opening.get(60)


def test_who_opens_a_device_and_is_closed_meanwhile_is_told_and_nothing_stays_open(slow: Bench) -> None:
    (device,) = slow.page.navigator.hid.request_device().get()
    opening = device.open()
    slow.world.run_for(0.01)
    slow.page.close()
    with pytest.raises(AbortError):
        opening.get(60)
    slow.world.run_for(1)
    assert slow.world.bus.connections == ()
    assert slow.session._devices.state("hid").connections == {}


def test_a_process_that_crashes_leaves_the_device_to_the_next_one(slow: Bench) -> None:
    (device,) = slow.page.navigator.hid.request_device().get()
    device.open().get()
    slow.session.flush().get()
    slow.world.crash()
    assert slow.world.bus.connections == ()
    session: Any = slow.world.system().from_partition("persist:shop")
    session.on("select-hid-device", lambda event: event.callback(event.device_list[0].device_id))
    page = session.new_page(SHOP)
    assert page.navigator.hid.get_devices().get() == [], "grants end with their process"
    (again,) = page.navigator.hid.request_device().get()
    again.open().get()
    again.send_report(0, b"hello").get()
    assert [carried.key for carried in slow.world.bus.carried] == [KEY]
    slow.world.check()


def test_who_asks_in_a_session_that_is_closed_is_told_so(hid: Rig) -> None:
    page = hid.session.new_page(SHOP)
    navigator = page.navigator.hid
    hid.session.close()
    with pytest.raises(SystemClosed):
        navigator.request_device().get(TIMEOUT_S)
