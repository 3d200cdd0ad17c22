"""Web Bluetooth from a page to a peripheral at BlueZ, through bleak: choosers, attributes, lost links, pairing, grants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from devices.bluez.bench import Bench
from devices.bluez.peripheral import Characteristic, Description
from devices.bluez.talking import KEY, MUTE, WALLET, uuid
from devices.emulated.application import Told
from devices.packages import needs_bus

import partita
from partita.devices.bluetooth import WebBluetoothDevice
from partita.devices.gatt import RemoteCharacteristic
from partita.devices.requests import BluetoothPairing, PairingResponse
from partita.events.errors import NetworkError, SecurityError
from partita.session import Session
from tests.devices.peripherals import TIMEOUT_S, settled

pytestmark = needs_bus

SELECT = "select-bluetooth-device"
ORIGIN = "https://shop.example"
WANTED = [{"services": [0xFFE0]}]
OTHER = Description("C0:00:00:00:00:02", "Other", services={uuid(0x180F): [Characteristic(uuid(0x2A19))]})


@pytest.fixture
def session(bench: Bench, tmp_path: Path) -> Iterator[Session]:
    """One whose Bluetooth is the bench's."""
    with partita.System(data_dir=tmp_path) as system:
        yield system.from_partition("persist:app")


def events(session: Session) -> list[str]:
    """The names of the broker's events, but for what the kernel notes of its effects."""
    session.flush().get(TIMEOUT_S)
    names = [type(event).__name__ for turn in session.log.turns(1, "broker/bluetooth") for event in turn.events]
    return [name for name in names if not name.startswith("Effect")]


def choose_the_first(event: Any) -> None:
    event.prevent_default()
    if event.device_list:
        event.callback(event.device_list[0].device_id)


def connected(session: Session, bench: Bench, description: Description = WALLET) -> WebBluetoothDevice:
    bench.appear_now(description)
    page = session.new_page(f"{ORIGIN}/")
    page.on(SELECT, choose_the_first)
    device = page.navigator.bluetooth.request_device(filters=WANTED).get(TIMEOUT_S)
    device.gatt.connect().get(TIMEOUT_S)
    return device


def attribute(device: WebBluetoothDevice, number: int) -> RemoteCharacteristic:
    service = device.gatt.get_primary_service(0xFFE0).get(TIMEOUT_S)
    return service.get_characteristic(number).get(TIMEOUT_S)


COUNTER, MAILBOX, LOCKED, REFUSING, SILENT = 0xFFE1, 0xFFE2, 0xFFE3, 0xFFE4, 0xFFE5


# -- choosers ----------------------------------------------------------------------------------------------------------------


def test_the_page_is_told_the_list_again_while_devices_come_and_go(session: Session, bench: Bench) -> None:
    page = session.new_page(f"{ORIGIN}/")
    told = Told(page, SELECT)
    asked = page.navigator.bluetooth.request_device(filters=WANTED)
    lists = [told.next(SELECT).device_list]
    settled(lambda: bench.have_now("state")["scanning"] == 1)
    settled(lambda: "DevicesListed" in events(session))
    bench.appear_now(OTHER)  # no filter has it
    settled(lambda: len(session._devices.state("bluetooth").devices) == 1)
    bench.appear_now(WALLET)
    lists.append(told.next(SELECT).device_list)
    bench.have_now("forget", key=KEY)
    lists.append(told.next(SELECT).device_list)
    bench.appear_now(WALLET)
    last = told.next(SELECT)
    lists.append(last.device_list)
    assert [[device.device_name for device in each] for each in lists] == [[], ["Wallet"], [], ["Wallet"]]
    last.callback(last.device_list[0].device_id)
    assert asked.get(TIMEOUT_S).name == "Wallet"
    settled(lambda: bench.have_now("state")["scanning"] == 0)
    assert events(session) == [
        "WatchBegun",
        "ChooserOpened",
        "DevicesListed",
        "DeviceAttached",
        "DeviceAttached",
        "DeviceOffered",
        "DeviceDetached",
        "DeviceWithdrawn",
        "DeviceAttached",
        "DeviceOffered",
        "ChooserClosed",
        "DeviceGranted",
        "WatchStopped",
    ]


# -- attributes --------------------------------------------------------------------------------------------------------------


def test_values_go_both_ways(session: Session, bench: Bench) -> None:
    device = connected(session, bench)
    assert attribute(device, COUNTER).read_value().get(TIMEOUT_S) == b"\x07"
    mailbox = attribute(device, MAILBOX)
    mailbox.write_value_with_response(b"with").get(TIMEOUT_S)
    assert mailbox.read_value().get(TIMEOUT_S) == b"with"
    mailbox.write_value_without_response(b"without").get(TIMEOUT_S)
    settled(lambda: mailbox.read_value().get(TIMEOUT_S) == b"without")
    setting = mailbox.get_descriptor(0x2905).get(TIMEOUT_S)
    setting.write_value(b"\x05").get(TIMEOUT_S)
    assert setting.read_value().get(TIMEOUT_S) == b"\x05"
    with pytest.raises(NetworkError, match="0x80"):
        attribute(device, REFUSING).read_value().get(TIMEOUT_S)
    with pytest.raises(SecurityError, match="not allowed to access the service"):
        device.gatt.get_primary_service(0x180A)


def test_values_come_by_themselves_as_long_as_they_are_wanted(session: Session, bench: Bench) -> None:
    mailbox = attribute(connected(session, bench), MAILBOX)
    values: list[bytes] = []
    mailbox.on("characteristicvaluechanged", lambda event: values.append(event.value))
    mailbox.start_notifications().get(TIMEOUT_S)
    for number in range(5):
        bench.have_now("notify", key=KEY, handle=mailbox.handle, value=f"{number:02}")
        settled(lambda number=number: len(values) == number + 1)
    mailbox.stop_notifications().get(TIMEOUT_S)
    bench.have_now("notify", key=KEY, handle=mailbox.handle, value="ff")
    assert mailbox.read_value().get(TIMEOUT_S) == b""
    settled(lambda: len(values) == 6)
    assert values == [b"\0", b"\1", b"\2", b"\3", b"\4", b""], "what is read is told as well"


def test_a_link_that_is_lost_in_the_middle_fails_once_and_is_told_once(session: Session, bench: Bench) -> None:
    device = connected(session, bench)
    told = Told(device, "gattserverdisconnected")
    counter = attribute(device, COUNTER)
    waiting = attribute(device, SILENT).read_value()
    settled(lambda: f"mute {MUTE}" in bench.have_now("state")["seen"])
    bench.have_now("lose", key=KEY)
    with pytest.raises(NetworkError, match="The device was disconnected"):
        waiting.get(TIMEOUT_S)
    assert told.next("gattserverdisconnected") is device
    assert not device.gatt.connected
    with pytest.raises(NetworkError, match="GATT Server is disconnected"):
        counter.read_value()
    device.gatt.connect().get(TIMEOUT_S)
    assert attribute(device, COUNTER).read_value().get(TIMEOUT_S) == b"\x07"
    assert told.names == ["gattserverdisconnected"]
    assert events(session).count("ConnectionClosed") == 1


def test_a_device_that_has_gone_away_cannot_be_connected_to(session: Session, bench: Bench) -> None:
    device = connected(session, bench)
    told = Told(device, "gattserverdisconnected")
    device.gatt.disconnect().get(TIMEOUT_S)
    told.next("gattserverdisconnected")
    bench.have_now("move_away", key=KEY)
    with pytest.raises(NetworkError):
        device.gatt.connect().get(TIMEOUT_S)
    assert told.names == ["gattserverdisconnected"]


# -- pairing -----------------------------------------------------------------------------------------------------------------

Handler = Callable[[BluetoothPairing], Any]
PAIRINGS = [
    (("confirm", ""), "confirm", None, None),
    (("confirmPin", "42"), "confirmPin", "000042", None),
    (("pin", "0420"), "providePin", None, " 0420 "),
    (("passkey", "777"), "providePin", None, "000777"),
]


def wanting(pairing: tuple[str, str]) -> Description:
    return Description(KEY, "Wallet", services=WALLET.services, pairing=pairing)


@pytest.mark.parametrize(("pairing", "kind", "shown", "pin"), PAIRINGS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_pairing_that_is_confirmed_unlocks_the_device(
    session: Session,
    bench: Bench,
    pairing: tuple[str, str],
    kind: str,
    shown: str | None,
    pin: str | None,
    is_async: bool,
) -> None:
    asked: list[BluetoothPairing] = []

    def handler(question: BluetoothPairing) -> PairingResponse:
        asked.append(question)
        return PairingResponse(confirmed=True, pin=pin)

    async def slow_handler(question: BluetoothPairing) -> PairingResponse:
        return handler(question)

    session.set_bluetooth_pairing_handler(slow_handler if is_async else handler)
    device = connected(session, bench, wanting(pairing))
    assert attribute(device, LOCKED).read_value().get(TIMEOUT_S) == b"secret"
    assert [(one.pairing_kind, one.pin, one.device_id) for one in asked] == [(kind, shown, device.id)]
    assert asked[0].frame is not None
    assert asked[0].frame.url == f"{ORIGIN}/"
    assert bench.have_now("state")["paired"] == [KEY]
    (settlement,) = settlements(session)
    assert settlement.confirmed
    assert [name for name in events(session) if name.startswith("Pairing")] == ["PairingAsked", "PairingSettled"]


def refuses(_: BluetoothPairing) -> PairingResponse:
    return PairingResponse(confirmed=False)


def fails(_: BluetoothPairing) -> PairingResponse:
    raise ValueError("nobody is there")


def answers_nonsense(_: BluetoothPairing) -> object:
    return "yes"


@pytest.mark.parametrize(("pairing", "kind", "shown", "pin"), PAIRINGS)
def test_a_pairing_that_is_refused_leaves_the_device_locked(
    session: Session, bench: Bench, pairing: tuple[str, str], kind: str, shown: str | None, pin: str | None
) -> None:
    session.set_bluetooth_pairing_handler(refuses)
    stays_locked(session, bench, pairing)


@pytest.mark.parametrize("handler", [None, answers_nonsense, fails])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # warnings are errors here
def test_who_says_nothing_that_can_be_understood_has_refused(
    session: Session, bench: Bench, handler: Handler | None
) -> None:
    session.set_bluetooth_pairing_handler(handler)
    stays_locked(session, bench, ("confirm", ""))


@pytest.mark.parametrize("pairing", [("pin", "0420"), ("passkey", "777")])
def test_a_wrong_pin_leaves_the_device_locked_and_the_next_one_may_be_right(
    session: Session, bench: Bench, pairing: tuple[str, str]
) -> None:
    pins = ["1111", pairing[1]]
    session.set_bluetooth_pairing_handler(lambda _: {"confirmed": True, "pin": pins.pop(0)})
    device = connected(session, bench, wanting(pairing))
    locked = attribute(device, LOCKED)
    with pytest.raises(NetworkError, match="AuthenticationFailed"):
        locked.read_value().get(TIMEOUT_S)
    assert bench.have_now("state")["paired"] == []
    assert locked.read_value().get(TIMEOUT_S) == b"secret"
    assert [settlement.confirmed for settlement in settlements(session)] == [True, True]


def stays_locked(session: Session, bench: Bench, pairing: tuple[str, str]) -> None:
    device = connected(session, bench, wanting(pairing))
    with pytest.raises(NetworkError, match="AuthenticationRejected"):
        attribute(device, LOCKED).read_value().get(TIMEOUT_S)
    assert bench.have_now("state")["paired"] == []
    assert attribute(device, COUNTER).read_value().get(TIMEOUT_S) == b"\x07"
    assert [settlement.confirmed for settlement in settlements(session)] == [False]


def settlements(session: Session) -> list[Any]:
    session.flush().get(TIMEOUT_S)
    found = [event for turn in session.log.turns(1, "broker/bluetooth") for event in turn.events]
    return [event for event in found if type(event).__name__ == "PairingSettled"]


# -- grants ------------------------------------------------------------------------------------------------------------------


def test_what_is_given_back_is_disconnected_and_had_no_longer(session: Session, bench: Bench) -> None:
    device = connected(session, bench)
    told = Told(device, "gattserverdisconnected")
    device.forget().get(TIMEOUT_S)
    told.next("gattserverdisconnected")
    settled(lambda: bench.have_now("state")["connected"] == [])
    with pytest.raises(SecurityError, match="not granted"):
        device.gatt.connect().get(TIMEOUT_S)
    page = session.new_page(f"{ORIGIN}/")
    assert page.navigator.bluetooth.get_devices().get(TIMEOUT_S) == []
    assert events(session)[-3:] == ["DeviceRevoked", "ConnectionClosing", "ConnectionClosed"]
