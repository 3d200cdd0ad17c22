"""Operations that are given up, broken off, in flight at the same time or asked late: they fall into their places again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

import partita
from partita.actors.kernel.device_ports import PairingQuestion
from partita.actors.recorded_world import watch
from partita.actors.recorded_world.partition import PlayedPartition
from partita.events.device_connections import NoteOperation
from partita.events.errors import AbortError, NotFoundError, PlaybackDiverged, SystemClosed
from partita.session import Session
from tests.devices.peripherals import TIMEOUT_S, Belt, Scanner, settled
from tests.devices.test_playback import SETUP, choose_when_there_is_one, choosing, played, recorded, unplug


def open_wallet(session: Session) -> Any:
    choosing(session)
    wallet = session.new_page("https://shop.example/").navigator.hid.request_device().get(TIMEOUT_S)[0]
    wallet.open().get(TIMEOUT_S)
    return wallet


def open_scanner(session: Session) -> Any:
    choosing(session)
    scanner = session.new_page("https://shop.example/").navigator.usb.request_device().get(TIMEOUT_S)
    scanner.open().get(TIMEOUT_S)
    scanner.claim_interface(0).get(TIMEOUT_S)
    return scanner


def begun(session: Session, count: int) -> None:
    """Come back when so many operations have reached a device."""
    settled(lambda: sum(isinstance(turn.message, NoteOperation) for turn in session.log.turns(1)) >= count)


def test_an_operation_that_was_given_up_is_given_up_again(tmp_path: Path) -> None:
    def application(session: Session) -> bytes:
        scanner = open_scanner(session)
        waiting = scanner.transfer_in(1, 64)
        begun(session, 2)
        waiting.cancel()
        with pytest.raises(AbortError):
            waiting.get(TIMEOUT_S)
        scanner.transfer_out(1, b"the next").get(TIMEOUT_S)
        data: bytes = scanner.transfer_in(1, 64).get(TIMEOUT_S).data
        return data

    then, path = recorded(tmp_path, application)
    assert then == b"the next"
    now, report = played(path, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_what_was_under_way_when_the_session_was_closed_is_broken_off_again(tmp_path: Path) -> None:
    def application(session: Session) -> str:
        scanner = open_scanner(session)
        waiting = scanner.transfer_in(1, 64)
        begun(session, 2)
        scanner.control_transfer_in(SETUP, 9).get(TIMEOUT_S)
        session.flush().get(TIMEOUT_S)
        session.close()
        with pytest.raises(SystemClosed) as closed:
            waiting.get(TIMEOUT_S)
        return str(closed.value)

    bus = partita.SimulatedBus()
    bus.plug(Scanner())
    with partita.System(data_dir=tmp_path, record="devices", devices=bus) as system:
        then = application(system.from_partition("persist:app"))
    now, report = played(str(tmp_path / "Partitions" / "app"), application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_a_recording_that_ends_within_an_operation_ends_there(tmp_path: Path) -> None:
    def application(session: Session) -> Any:
        scanner = open_scanner(session)
        waiting = scanner.transfer_in(1, 64)
        begun(session, 2)
        scanner.control_transfer_in(SETUP, 9).get(TIMEOUT_S)
        return waiting

    log = tmp_path / "log"

    def until_here(session: Session) -> None:
        waiting = application(session)
        session.flush().get(TIMEOUT_S)
        session.log.export(log, include_keys=True)
        waiting.cancel()

    recorded(tmp_path, until_here)
    with partita.playback(log) as system:
        session = system.from_partition("persist:app")
        waiting = application(session)
        system.ended(session).get(TIMEOUT_S)
        assert not waiting.done
        waiting.cancel()
    assert system.report().agrees, system.report().error or system.report().first_difference


def test_a_connection_that_was_let_go_of_while_it_was_being_opened(tmp_path: Path) -> None:
    belt = Belt("C0:00:00:00:00:02")
    belt.pairing = PairingQuestion("confirm")

    def application(session: Session) -> str:
        asked: list[object] = []
        session.set_bluetooth_pairing_handler(waits_for_ever(asked))
        page = session.new_page("https://gym.example/")
        page.on("select-bluetooth-device", choose_when_there_is_one)
        found = page.navigator.bluetooth.request_device(accept_all_devices=True).get(TIMEOUT_S)
        opening = found.gatt.connect()
        settled(lambda: bool(asked))
        page.close()
        with pytest.raises(AbortError) as gone:
            opening.get(TIMEOUT_S)
        settled(lambda: not session._devices.state("bluetooth").connections)
        return str(gone.value)

    bus = partita.SimulatedBus()
    bus.plug(belt)
    with partita.System(data_dir=tmp_path, record="devices", devices=bus) as system:
        session = system.from_partition("persist:app")
        then = application(session)
        session.flush().get(TIMEOUT_S)
    now, report = played(str(tmp_path / "Partitions" / "app"), application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def waits_for_ever(asked: list[object]) -> Any:
    async def handler(pairing: object) -> object:
        asked.append(pairing)
        await trio.sleep_forever()
        raise AssertionError

    return handler


def test_many_operations_at_once_wait_for_nothing_but_their_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def application(session: Session) -> list[object]:
        wallet = open_wallet(session)
        reports: list[bytes] = []
        wallet.on("inputreport", lambda event: reports.append(event.data))
        sent = [wallet.send_report(0, b"%d" % number) for number in range(100)]
        features = [wallet.receive_feature_report(0) for _ in range(20)]
        told: list[object] = [each.get(TIMEOUT_S) for each in [*sent, *features]]
        settled(lambda: len(reports) == len(sent))
        return [*told, *reports]

    then, path = recorded(tmp_path, application)
    monkeypatch.setattr(watch, "RELIEF_S", 3600.0)  # nothing is let through because nothing else moves
    now, report = played(path, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_a_device_is_not_unplugged_before_the_application_has_asked_what_it_was_asked_then(tmp_path: Path) -> None:
    def application(session: Session) -> str:
        scanner = open_scanner(session)
        playing = session._partition
        if isinstance(playing, PlayedPartition):  # it thinks for longer than it did
            settled(lambda: playing.watch.is_relieved)
        waiting = scanner.transfer_in(1, 64)
        unplug(session, "1:2")
        with pytest.raises(NotFoundError) as unplugged:
            waiting.get(TIMEOUT_S)
        return str(unplugged.value)

    then, path = recorded(tmp_path, application)
    now, report = played(path, application)
    assert now == then
    assert report.agrees, report.error or report.first_difference


def test_an_application_that_asks_nothing_is_told_what_it_asked_then(tmp_path: Path) -> None:
    asks = True

    def application(session: Session) -> None:
        wallet = open_wallet(session)
        if asks:
            wallet.send_report(0, b"then").get(TIMEOUT_S)
        session.flush().get(TIMEOUT_S)

    _, path = recorded(tmp_path, application)
    asks = False
    with partita.playback(path, patience_s=1) as system:
        application(system.from_partition("persist:app"))
    error = system.report().error
    assert isinstance(error, PlaybackDiverged)
    assert "asked a device for SendReport(report_id=0)" in str(error)
