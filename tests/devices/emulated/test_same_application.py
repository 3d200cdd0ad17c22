"""One application with emulated devices, with simulated ones of the same class, and played back: all come to the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from devices.emulated.application import PARTITION, TIMEOUT_S, Application, Hardware, Told, choose_first, settled
from devices.emulated.bench import Bench
from devices.emulated.models import PANEL, EchoingHID, LoopingUSB
from devices.emulated.running import log_path, run, turns
from msgspec import msgpack

import partita
from partita.events.device_transfers import Operation, SendReport, TransferResult
from partita.events.errors import DeviceError, NetworkError, NotFoundError
from partita.session import Session
from partita.simulations.devices.device import SimulatedDevice

ORIGIN = "https://shop.example"
SETUP = {"request_type": "vendor", "recipient": "device", "request": 1, "value": 7, "index": 0}


class Scales(EchoingHID):
    """What it is told it shows; what it weighs it says by itself."""

    def __init__(self) -> None:
        super().__init__(descriptor=PANEL, name="Scales")

    def perform(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        if isinstance(operation, SendReport):
            self.written.append((operation.report_id, data))
            return TransferResult(bytes_written=len(data))
        return super().perform(operation, data)


class Looper(LoopingUSB):
    """In another place than the scales."""

    def __init__(self) -> None:
        super().__init__(3, "1-2")


def devices() -> dict[str, SimulatedDevice]:
    return {"scales": Scales(), "looper": Looper()}


class Bus:
    """Hardware on a simulated bus."""

    def __init__(self, devices: Mapping[str, SimulatedDevice]) -> None:
        self.bus = partita.SimulatedBus()
        self._devices = devices
        self.bus.plug(*devices.values())

    def plug(self, name: str) -> None:
        self.bus.plug(self._devices[name])

    def unplug(self, name: str) -> None:
        self.bus.unplug(self._devices[name].key)

    def have(self, name: str, do: str, *arguments: object) -> None:
        getattr(self._devices[name], do)(*arguments)


class Nothing:
    """No hardware: all that it did stands in the log."""

    def plug(self, name: str) -> None:
        """Not again."""

    def unplug(self, name: str) -> None:
        """Not again."""

    def have(self, name: str, do: str, *arguments: object) -> None:
        """Not again."""


def emulated(bed: Bench, folder: Path, application: Application) -> Any:
    return run(bed, application, folder, devices(), plugged=("scales", "looper"), record="devices")


def simulated(folder: Path, application: Application) -> Any:
    hardware = Bus(devices())
    with partita.System(data_dir=folder, record="devices", devices=hardware.bus) as system:
        came = application(system.from_partition(PARTITION, keep_device_grants=True), hardware)
    return sent(came)


def played(folder: Path, application: Application) -> tuple[Any, Any]:
    """What it comes to without any devices, and the report."""
    with partita.playback(log_path(folder)) as system:
        came = application(system.from_partition(PARTITION, keep_device_grants=True), Nothing())
    return sent(came), system.report()


def sent(came: Any) -> Any:
    """As it comes from another process."""
    return msgpack.decode(msgpack.encode(came))


def weighs(session: Session, hardware: Hardware) -> list[object]:
    """One thing after another, so that there is one order only."""
    choose_first(session, "hid-device")
    choose_first(session, "usb-device")
    page = session.new_page(f"{ORIGIN}/")
    told = Told(page.navigator.hid, "connect", "disconnect")

    (scales,) = page.navigator.hid.request_device([{"vendor_id": 0x1209}]).get(TIMEOUT_S)
    scales.open().get(TIMEOUT_S)
    said: list[object] = [[scales.product_name, len(scales.collections)]]
    reports = Told(scales, "inputreport")
    for number in range(3):
        scales.send_report(2, b"show %d" % number).get(TIMEOUT_S)
        hardware.have("scales", "send_value", 1, b"%d grams" % number)
        report = reports.next("inputreport")
        said.append([report.report_id, report.data])
    scales.send_feature_report(5, b"zero").get(TIMEOUT_S)
    said.append(scales.receive_feature_report(5).get(TIMEOUT_S))
    scales.close().get(TIMEOUT_S)
    hardware.unplug("scales")
    said.append(told.next("disconnect").device.product_name)
    hardware.plug("scales")
    said.append(told.next("connect").device.product_name)

    looper = page.navigator.usb.request_device().get(TIMEOUT_S)
    looper.open().get(TIMEOUT_S)
    looper.claim_interface(0).get(TIMEOUT_S)
    content = bytes(range(256)) * 400
    said.append(looper.transfer_out(1, content).get(TIMEOUT_S).bytes_written)
    said.append(looper.transfer_in(1, len(content)).get(TIMEOUT_S).data)
    said.append(looper.control_transfer_out(SETUP, b"value").get(TIMEOUT_S).bytes_written)
    said.append(looper.control_transfer_in(SETUP, 64).get(TIMEOUT_S).data)
    said.append(looper.transfer_in(4, 64).get(TIMEOUT_S).status)
    looper.clear_halt("in", 4).get(TIMEOUT_S)
    looper.transfer_out(4, b"on").get(TIMEOUT_S)
    said.append(looper.transfer_in(4, 64).get(TIMEOUT_S).data)
    looper.select_alternate_interface(0, 1).get(TIMEOUT_S)
    looper.isochronous_transfer_out(3, bytes(range(24)), [8, 8, 8]).get(TIMEOUT_S)
    packets = looper.isochronous_transfer_in(3, [8, 8, 8]).get(TIMEOUT_S).packets
    said.append([[packet.data, packet.status] for packet in packets])
    looper.close().get(TIMEOUT_S)
    looper.forget().get(TIMEOUT_S)
    said.append([one.product_name for one in page.navigator.hid.get_devices().get(TIMEOUT_S)])
    said.append(len(page.navigator.usb.get_devices().get(TIMEOUT_S)))
    page.close()
    return said


def sequence(folder: Path) -> list[tuple[str, str, list[str]]]:
    """Who was told what, and what came of it. Ids are drawn, and so are the names of pages."""
    return [
        (turn.actor.partition("/")[0], type(turn.message).__name__, [type(event).__name__ for event in turn.events])
        for turn in turns(folder)
    ]


def test_live_simulated_and_played_back_are_one(bed: Bench, tmp_path: Path) -> None:
    live, like_it = tmp_path / "live", tmp_path / "simulated"
    came = emulated(bed, live, weighs)
    assert came[:3] == [["Scales", 1], [1, b"0 grams"], [1, b"1 grams"]]
    assert simulated(like_it, weighs) == came
    assert sequence(like_it) == sequence(live)
    for folder in (live, like_it):
        again, report = played(folder, weighs)
        assert again == came
        assert report.agrees, report
        assert all(not opening.left for opening in report.openings)


def is_pulled_out(session: Session, hardware: Hardware) -> list[object]:
    """In the middle of what it does, which ends in one order or another."""
    choose_first(session, "hid-device")
    choose_first(session, "usb-device")
    page = session.new_page(f"{ORIGIN}/")
    told = Told(page.navigator.usb, "connect", "disconnect")
    looper = page.navigator.usb.request_device().get(TIMEOUT_S)
    looper.open().get(TIMEOUT_S)
    looper.claim_interface(0).get(TIMEOUT_S)
    with pytest.raises(NetworkError) as late:
        looper.transfer_in(6, 64, timeout=0.05).get(TIMEOUT_S)
    waiting = looper.transfer_in(6, 64)
    hardware.unplug("looper")
    with pytest.raises(NotFoundError) as gone:
        waiting.get(TIMEOUT_S)
    told.next("disconnect")
    settled(lambda: not looper.opened)
    hardware.plug("looper")
    looper = told.next("connect").device
    looper.open().get(TIMEOUT_S)
    looper.claim_interface(0).get(TIMEOUT_S)
    looper.transfer_out(1, b"again").get(TIMEOUT_S)
    again = looper.transfer_in(1, 64).get(TIMEOUT_S).data
    return [type(late.value).__name__, str(gone.value).partition(" (")[0], told.names, again]


def test_a_device_that_is_pulled_out_is_so_in_each_of_them(bed: Bench, tmp_path: Path) -> None:
    live, like_it = tmp_path / "live", tmp_path / "simulated"
    came = emulated(bed, live, is_pulled_out)
    assert came == ["NetworkError", "The device was disconnected.", ["disconnect", "connect"], b"again"]
    assert simulated(like_it, is_pulled_out) == came
    for folder in (live, like_it):
        again, report = played(folder, is_pulled_out)
        assert again == came
        assert report.agrees, report
