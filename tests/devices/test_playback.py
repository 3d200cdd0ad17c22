"""An application that talked to devices is played back without them: equal results, equal turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import partita
from partita.devices.requests import PairingResponse
from partita.events.errors import NetworkError, NotFoundError, PlaybackDiverged, PlaybackError, RecordingIncomplete
from partita.session import Session
from partita.system import Record
from tests.devices.peripherals import TIMEOUT_S, Belt, Modem, Scanner, Wallet, settled

Application = Callable[[Session], Any]
Hardware = Callable[[str], object]


def choosing(session: Session) -> None:
    for name in ("select-hid-device", "select-usb-device", "select-serial-port"):

        @session.on(name)
        def choose(event: Any) -> None:
            devices = getattr(event, "device_list", None) or event.port_list
            event.callback(getattr(devices[0], "device_id", None) or devices[0].port_id)


def choose_when_there_is_one(event: Any) -> None:
    event.prevent_default()
    if event.device_list:
        event.callback(event.device_list[0].device_id)


def recorded(folder: Path, application: Application, *, record: Record = "devices") -> tuple[Any, str]:
    """What the application came to with devices, and where its log is."""
    bus = partita.SimulatedBus()
    bus.plug(Wallet(), Scanner(), Modem(), Belt())
    with partita.System(data_dir=folder, record=record, devices=bus) as system:
        session = system.from_partition("persist:app")
        session.bus = bus  # type: ignore[attr-defined]
        then = application(session)
        session.flush().get(TIMEOUT_S)
        path = session.storage_path
    assert path is not None
    return then, path


def played(path: str, application: Application) -> tuple[Any, Any]:
    """What it comes to without any, and the report."""
    with partita.playback(path) as system:
        now = application(system.from_partition("persist:app"))
    return now, system.report()


def unplug(session: Session, key: str) -> None:
    """While it is recorded: when it is played back, that comes out of the log."""
    bus = getattr(session, "bus", None)
    if bus is not None:
        bus.unplug(key)


def talk(session: Session) -> list[object]:
    """To all of them, in turn."""
    choosing(session)
    page = session.new_page("https://shop.example/")
    said: list[object] = []

    wallet = page.navigator.hid.request_device([{"vendor_id": 0x1209}]).get(TIMEOUT_S)[0]
    wallet.open().get(TIMEOUT_S)
    reports: list[bytes] = []
    wallet.on("inputreport", lambda event: reports.append(event.data))
    for number in range(5):
        wallet.send_report(0, b"report %d" % number).get(TIMEOUT_S)
    settled(lambda: len(reports) == 5)
    said += reports
    said.append(wallet.receive_feature_report(0).get(TIMEOUT_S))

    scanner = page.navigator.usb.request_device([]).get(TIMEOUT_S)
    scanner.open().get(TIMEOUT_S)
    scanner.claim_interface(0).get(TIMEOUT_S)
    scanner.transfer_out(1, bytes(range(256)) * 300).get(TIMEOUT_S)
    said.append(scanner.transfer_in(1, 100_000).get(TIMEOUT_S))
    said.append(scanner.control_transfer_in({**SETUP, "request": 0x99}, 4).get(TIMEOUT_S))

    port = page.navigator.serial.request_port().get(TIMEOUT_S)
    port.open(baud_rate=9600).get(TIMEOUT_S)
    port.writable.write(b"AT").get(TIMEOUT_S)
    said += [port.readable.read().get(TIMEOUT_S), port.readable.read().get(TIMEOUT_S)]
    said.append(port.get_signals().get(TIMEOUT_S))

    page.on("select-bluetooth-device", choose_when_there_is_one)
    belt = page.navigator.bluetooth.request_device(filters=[{"services": ["heart_rate"]}]).get(TIMEOUT_S)
    belt.gatt.connect().get(TIMEOUT_S)
    service = belt.gatt.get_primary_service("heart_rate").get(TIMEOUT_S)
    measurement = service.get_characteristic("heart_rate_measurement").get(TIMEOUT_S)
    said.append(measurement.read_value().get(TIMEOUT_S))

    port.close().get(TIMEOUT_S)
    said.append([device.product_name for device in page.navigator.usb.get_devices().get(TIMEOUT_S)])
    scanner.forget().get(TIMEOUT_S)
    said.append(len(page.navigator.usb.get_devices().get(TIMEOUT_S)))
    page.close()
    return said


SETUP = {"request_type": "vendor", "recipient": "device", "request": 0x33, "value": 0, "index": 0}


def test_all_kinds_of_devices_are_played_back(tmp_path: Path) -> None:
    then, path = recorded(tmp_path, talk)
    assert then[0] == b"0 troper"
    now, report = played(path, talk)
    assert now == then
    assert report.agrees, report
    assert all(not opening.left for opening in report.openings)


def test_what_goes_wrong_is_played_back_as_it_went(tmp_path: Path) -> None:
    def application(session: Session) -> list[str]:
        choosing(session)
        page = session.new_page("https://shop.example/")
        said = []
        told: list[str] = []
        page.navigator.hid.on("disconnect", lambda event: told.append(event.device.product_name))
        wallet = page.navigator.hid.request_device().get(TIMEOUT_S)[0]
        wallet.open().get(TIMEOUT_S)
        scanner = page.navigator.usb.request_device().get(TIMEOUT_S)
        scanner.open().get(TIMEOUT_S)
        scanner.claim_interface(0).get(TIMEOUT_S)
        with pytest.raises(NetworkError, match="not answered"):
            scanner.transfer_in(1, 64, timeout=0.05).get(TIMEOUT_S)
        waiting = scanner.transfer_in(1, 64)
        unplug(session, "1:2")
        with pytest.raises(NotFoundError, match=r"The device was disconnected\.") as unplugged:
            waiting.get(TIMEOUT_S)
        said.append(str(unplugged.value))
        unplug(session, "/dev/hidraw0")
        settled(lambda: len(told) == 1)
        settled(lambda: not wallet.opened)
        return [*said, *told]

    then, path = recorded(tmp_path, application)
    assert then[1:] == ["Acme Wallet"]
    now, report = played(path, application)
    assert now == then
    assert report.agrees, report


def test_an_application_that_asks_for_something_else_is_told_so(tmp_path: Path) -> None:
    text = b"then"

    def application(session: Session) -> None:
        choosing(session)
        wallet = session.new_page("https://shop.example/").navigator.hid.request_device().get(TIMEOUT_S)[0]
        wallet.open().get(TIMEOUT_S)
        wallet.send_report(0, text).get(TIMEOUT_S)

    _, path = recorded(tmp_path, application)
    text = b"not so now"
    with pytest.raises(PlaybackError) as ended, partita.playback(path, patience_s=1) as system:
        application(system.from_partition("persist:app"))
    assert isinstance(ended.value, PlaybackDiverged)
    assert "10 bytes now" in str(ended.value)


@pytest.mark.parametrize("record", ["state", "exchanges"])
def test_without_the_transfers_there_is_nothing_to_play_back(tmp_path: Path, record: Record) -> None:
    def application(session: Session) -> None:
        choosing(session)
        wallet = session.new_page("https://shop.example/").navigator.hid.request_device().get(TIMEOUT_S)[0]
        wallet.open().get(TIMEOUT_S)
        wallet.receive_feature_report(0).get(TIMEOUT_S)

    _, path = recorded(tmp_path, application, record=record)
    with pytest.raises(RecordingIncomplete, match='record="devices"'), partita.playback(path, patience_s=1) as system:
        application(system.from_partition("persist:app"))


def test_short_data_are_sealed_and_long_ones_are_blobs(tmp_path: Path) -> None:
    def application(session: Session) -> None:
        choosing(session)
        scanner = session.new_page("https://shop.example/").navigator.usb.request_device().get(TIMEOUT_S)
        scanner.open().get(TIMEOUT_S)
        scanner.claim_interface(0).get(TIMEOUT_S)
        scanner.transfer_out(1, b"1234 is the pin").get(TIMEOUT_S)
        scanner.transfer_out(1, b"1234 is the pin" * 5000).get(TIMEOUT_S)
        session.flush().get(TIMEOUT_S)
        words = [turn.message for turn in session.log.turns(1) if type(turn.message).__name__ == "NoteTransfer"]
        assert [bool(word.sent.inline) for word in words[1:]] == [True, False]
        assert words[2].sent.blob
        assert "pin" not in repr(words)

    _, path = recorded(tmp_path, application)
    assert all(b"is the pin" not in file.read_bytes() for file in Path(path).rglob("*") if file.is_file())


def test_pairing_is_played_back(tmp_path: Path) -> None:
    from partita.actors.kernel.device_ports import PairingQuestion

    asked: list[str] = []

    def application(session: Session) -> list[object]:
        def handler(pairing: Any) -> PairingResponse:
            asked.append(pairing.pairing_kind)
            return PairingResponse(confirmed=True, pin="0420")

        session.set_bluetooth_pairing_handler(handler)
        page = session.new_page("https://gym.example/")
        page.on("select-bluetooth-device", choose_when_there_is_one)
        belt = page.navigator.bluetooth.request_device(accept_all_devices=True).get(TIMEOUT_S)
        belt.gatt.connect().get(TIMEOUT_S)
        bus = getattr(session, "bus", None)
        if bus is not None:
            (connection,) = bus._bus.connections
            answers: list[object] = []

            async def pair() -> None:
                answers.append(await connection.pair(PairingQuestion("providePin")))

            kernel = session._partition.kernel
            kernel.call_soon(lambda: kernel.carry_out(pair, "a pairing"))
            settled(lambda: len(answers) == 1)
        settled(lambda: not session._devices.state("bluetooth").pairings and bool(asked))
        belt.gatt.disconnect().get(TIMEOUT_S)
        return [turn.events for turn in session.log.turns(1) if type(turn.message).__name__ == "PairingAnswered"]

    then, path = recorded(tmp_path, application)
    assert len(then) == 1
    asked.clear()
    now, report = played(path, application)
    assert now == then
    assert asked == ["providePin"]
    assert report.agrees, report
