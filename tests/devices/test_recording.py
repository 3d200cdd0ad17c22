"""``record="devices"``: what is in the log, what is not there in clear, and that copies of the log have all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import partita
from partita.actors.devices.noting import MOST_UNDER_WAY
from partita.actors.exchanges import partition as recording
from partita.command.app import app
from partita.command.timeline import timeline
from partita.events.device_connections import NoteIncoming, NoteTransfer, Payload
from partita.events.device_transfers import Incoming
from partita.session import Session
from partita.store.committer import _Blob
from partita.store.partition import PartitionStore
from tests.devices.peripherals import TIMEOUT_S, Modem, Scanner, Wallet, settled
from tests.devices.test_playback import choosing, played

PIN = b"0420 is the pin of the wallet"
SCAN = bytes(range(256)) * 400


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    bus = partita.SimulatedBus()
    bus.plug(Wallet(), Scanner(), Modem())
    with partita.System(data_dir=tmp_path, record="devices", devices=bus) as system:
        yield system.from_partition("persist:app")


def scanning(session: Session) -> list[bytes]:
    """A PIN to the wallet and back, and a scan."""
    choosing(session)
    page = session.new_page("https://shop.example/")
    wallet = page.navigator.hid.request_device([{"vendor_id": 0x1209}]).get(TIMEOUT_S)[0]
    reports: list[bytes] = []
    wallet.on("inputreport", lambda event: reports.append(event.data))
    wallet.open().get(TIMEOUT_S)
    wallet.send_report(0, PIN).get(TIMEOUT_S)
    settled(lambda: len(reports) == 1)
    scanner = page.navigator.usb.request_device().get(TIMEOUT_S)
    scanner.open().get(TIMEOUT_S)
    scanner.claim_interface(0).get(TIMEOUT_S)
    scanner.transfer_out(1, SCAN).get(TIMEOUT_S)
    scan = scanner.transfer_in(1, len(SCAN)).get(TIMEOUT_S).data
    session.flush().get(TIMEOUT_S)
    return [*reports, scan]


TOLD = [PIN[::-1], SCAN]


def payloads(turns: Any) -> list[Payload]:
    found = []
    for turn in turns:
        if isinstance(turn.message, NoteTransfer):
            found += [turn.message.sent, turn.message.received]
        elif isinstance(turn.message, NoteIncoming):
            found.append(turn.message.data)
    return found


def blobs_of(session: Session) -> dict[str, bytes | None]:
    """What the log names, and what its store has of it."""
    store = session._partition.store
    return {one.blob: store.blob(bytes.fromhex(one.blob)) for one in payloads(session.log.turns(1)) if one.blob}


def test_a_fork_has_the_blobs_that_it_names(session: Session) -> None:
    assert scanning(session) == TOLD
    assert list(blobs_of(session).values()) == [SCAN]
    fork = session.fork("persist:fork")
    assert list(blobs_of(fork).values()) == [SCAN]


def test_an_exported_log_is_played_back_with_its_blobs(session: Session, tmp_path: Path) -> None:
    assert scanning(session) == TOLD
    session.log.export(tmp_path / "log", include_keys=True)
    now, report = played(str(tmp_path / "log"), scanning)
    assert now == TOLD
    assert report.agrees, report.error or report.first_difference


def test_what_the_cache_drops_is_kept_where_a_device_has_sent_the_same(session: Session) -> None:
    assert scanning(session) == TOLD
    partition = session._partition
    digests = [bytes.fromhex(name) for name in blobs_of(session)]

    def drop() -> None:
        partition.drop_blobs(digests)
        partition.sweep_blobs(lambda digest: False)

    partition.kernel.call_soon(drop)
    session.flush().get(TIMEOUT_S)
    assert list(blobs_of(session).values()) == [SCAN]


def test_a_log_that_gives_up_its_beginning_gives_up_its_blobs(tmp_path: Path) -> None:
    bus = partita.SimulatedBus()
    bus.plug(Scanner())
    with partita.System(data_dir=tmp_path, record="devices", devices=bus, retain_bytes=20_000) as system:
        session = system.from_partition("persist:app")
        choosing(session)
        scanner = session.new_page("https://shop.example/").navigator.usb.request_device().get(TIMEOUT_S)
        scanner.open().get(TIMEOUT_S)
        scanner.claim_interface(0).get(TIMEOUT_S)
        for number in range(40):
            scanner.transfer_out(1, SCAN + b"%d" % number).get(TIMEOUT_S)
            if number % 10 == 9:
                session.flush().get(TIMEOUT_S)
                session._partition.snapshot().get(TIMEOUT_S)
        store = session._partition.store
        settled(lambda: store.first_position > 1)
        named = blobs_of(session)
        assert 0 < len(named) < 40
        assert all(content is not None and content.startswith(SCAN) for content in named.values())


def test_an_archive_of_exchanges_passes_devices_by(session: Session) -> None:
    assert scanning(session) == TOLD
    assert session.har()["log"]["entries"] == []


def test_the_log_shows_transfers_and_no_data(session: Session, tmp_path: Path) -> None:
    scanning(session)
    path = session.storage_path
    assert path is not None
    shown = CliRunner().invoke(app, ["log", "show", path])
    assert shown.exit_code == 0, shown.output
    assert "devices.note_transfer" in shown.output
    assert "hid.send" in shown.output
    as_json = CliRunner().invoke(app, ["log", "show", path, "--json"])
    assert as_json.exit_code == 0, as_json.output
    assert PIN.decode() not in shown.output + as_json.output
    assert PIN.hex() not in shown.output + as_json.output
    assert as_json.output.count("note_incoming") == 1


def test_input_of_one_device_is_one_line_of_the_timeline(tmp_path: Path) -> None:
    bus = partita.SimulatedBus()
    wallet = Wallet()
    bus.plug(wallet)
    with partita.System(data_dir=tmp_path, record="devices", devices=bus) as system:
        session = system.from_partition("persist:app")
        choosing(session)
        device = session.new_page("https://shop.example/").navigator.hid.request_device().get(TIMEOUT_S)[0]
        reports: list[bytes] = []
        device.on("inputreport", lambda event: reports.append(event.data))
        device.open().get(TIMEOUT_S)
        for number in range(50):
            wallet.send(Incoming(0, b"%d" % number))
        settled(lambda: len(reports) == 50)
        session.flush().get(TIMEOUT_S)
        last = timeline(session.log.turns(1))[-1]
    assert (last.what, last.last - last.first) == ("devices.note_incoming", 49)
    assert last.led_to == ("devices.transfer_noted, 50 times",)


@pytest.mark.parametrize("report", [b"0420 is the pin", bytes(8), b"\1\0\0\0\0\0"])
def test_a_log_to_give_away_has_no_data_of_devices(session: Session, tmp_path: Path, report: bytes) -> None:
    choosing(session)
    wallet = session.new_page("https://shop.example/").navigator.hid.request_device().get(TIMEOUT_S)[0]
    wallet.open().get(TIMEOUT_S)
    wallet.send_report(0, report).get(TIMEOUT_S)
    session.flush().get(TIMEOUT_S)
    shared = session.log.export_shareable(tmp_path / "log")
    assert shared.secrets >= 2
    with PartitionStore.read(tmp_path / "log") as store:
        noted = payloads(store.turns())
    assert all(one.inline is None or one.inline.erased for one in noted)
    assert any(one.inline is not None for one in noted)


def test_a_disk_that_is_far_behind_holds_transfers_back(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING_BYTES", 1 << 20)
    committer = session._partition.committer
    waiting: list[int] = []
    put_blob = committer.put_blob

    def counted(content: bytes) -> bytes:
        waiting.append(sum(len(item.content) for item in list(committer._queue) if isinstance(item, _Blob)))
        return put_blob(content)

    monkeypatch.setattr(committer, "put_blob", counted)
    choosing(session)
    scanner = session.new_page("https://shop.example/").navigator.usb.request_device().get(TIMEOUT_S)
    scanner.open().get(TIMEOUT_S)
    scanner.claim_interface(0).get(TIMEOUT_S)
    sent = [scanner.transfer_out(1, bytes([number]) * 500_000) for number in range(60)]
    for each in sent:
        each.get(TIMEOUT_S)
    assert len(waiting) >= 60
    assert max(waiting) < 4 << 20


def test_a_reader_that_is_behind_holds_back_what_is_noted(session: Session) -> None:
    choosing(session)
    port = session.new_page("https://shop.example/").navigator.serial.request_port().get(TIMEOUT_S)
    port.open(baud_rate=9600, buffer_size=16).get(TIMEOUT_S)
    assert port.writable is not None
    assert port.readable is not None
    for number in range(300):
        port.writable.write(b"%09d\n" % number).get(TIMEOUT_S)

    def noted() -> int:
        session.flush().get(TIMEOUT_S)
        return sum(isinstance(turn.message, NoteIncoming) for turn in session.log.turns(1))

    settled(lambda: noted() >= MOST_UNDER_WAY)
    assert noted() <= 2 * MOST_UNDER_WAY
    came = b""
    while len(came) < 6000:
        came += port.readable.read().get(TIMEOUT_S)
    assert came == b"".join(b"%09d\n" % number * 2 for number in range(300))
    assert noted() == 600
