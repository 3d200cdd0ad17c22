"""Devices that stall, are late, fail and are unplugged, under the simulation kernel; played back on the live one without any."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

import partita
from partita.actors.kernel.future import Future
from partita.actors.kernel.handler_table import HandlerTable
from partita.actors.kernel.simulated_dispatcher import SimulatedDispatcher
from partita.actors.live_world.live import live_world
from partita.events.errors import DOMException, InvalidStateError, NotFoundError
from partita.session import Session
from partita.simulations.devices.bus import FAULTS, Bus
from partita.simulations.faults import Faults
from tests.devices.peripherals import Scanner, Wallet
from tests.devices.test_playback import SETUP

SEEDS = range(16)
PATIENCE_S = 3600.0  # of virtual time; in playback everything is there already


class Entropy:
    def __init__(self, seed: int) -> None:
        self.seed, self.count = seed, 0

    def random_bytes(self, count: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(f"{self.seed} {self.count}".encode()).digest(count)


def choose(event: Any) -> None:
    event.prevent_default()
    event.callback(event.device_list[0].device_id if event.device_list else None)


def application(session: Session) -> list[str]:
    """Rounds of operations on two devices, many of them in flight; a device that is lost is asked for again."""
    told: list[str] = []
    session.on("select-hid-device", choose)
    session.on("select-usb-device", choose)
    page = session.new_page("https://shop.example/")

    def outcome(future: Future[Any]) -> str:
        try:
            value = future.get(PATIENCE_S)
        except (InvalidStateError, NotFoundError):
            return "lost"
        except DOMException as error:
            return f"{type(error).__name__}: {error}"
        return value.hex() if isinstance(value, bytes) else repr(getattr(value, "data", value))

    for number in range(6):
        begun: list[Future[Any]] = []
        try:
            found = page.navigator.hid.request_device().get(PATIENCE_S)
            for wallet in found:
                wallet.open().get(PATIENCE_S)
                begun += [wallet.send_report(0, b"%d %d" % (number, each), timeout=1.0) for each in range(4)]
                begun += [wallet.receive_feature_report(0, timeout=1.0) for _ in range(3)]
        except DOMException:
            told.append("no wallet")
        try:
            scanner = page.navigator.usb.request_device().get(PATIENCE_S)
            scanner.open().get(PATIENCE_S)
            told.append(outcome(scanner.claim_interface(0)))
            begun += [scanner.transfer_out(1, bytes([number]) * 300, timeout=1.0) for _ in range(2)]
            begun += [scanner.transfer_in(1, 512, timeout=1.0) for _ in range(3)]
            begun += [scanner.control_transfer_in(SETUP, 9, timeout=1.0) for _ in range(2)]
        except DOMException:
            told.append("no scanner")
        told += [outcome(each) for each in begun]
        page.close()
        page = session.new_page("https://shop.example/")
    session.flush().get(PATIENCE_S)
    return told


def record(seed: int, folder: Path) -> tuple[Path, list[str]]:
    kernel = SimulatedDispatcher(seed)
    odds = dict.fromkeys(FAULTS, 0.05)
    bus = Bus(Faults(seed, odds), kernel.clock, settings={"device.latency_s": 0.01})
    bus.plug(Wallet())
    bus.plug(Scanner())
    world = msgspec.structs.replace(
        live_world(HandlerTable()), clock=kernel.clock, entropy=Entropy(seed), devices=bus.port()
    )
    log = folder / f"log {seed}"
    try:
        with partita.System(data_dir=folder, world=world, kernel=kernel, record="devices") as system:
            session = system.from_partition("shop")
            told = application(session)
            kernel.run_for(1.0)
            session.log.export(log, include_keys=True)
        kernel.run_until_idle()  # who listens hears of the end
    finally:
        kernel.close()
    return log, told


@pytest.mark.filterwarnings("ignore:The device id")  # it was unplugged while it was chosen
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_went_wrong_goes_wrong_again(tmp_path: Path, seed: int) -> None:
    log, then = record(seed, tmp_path)
    with partita.playback(log) as system:
        session = system.from_partition("shop")
        now = application(session)
    report = system.report()
    assert report.agrees, report.error or report.first_difference
    assert now == then
