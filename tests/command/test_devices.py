"""Looking at devices, and recording what they send: the command where devices are emulated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devices.emulated.bench import Bench
from devices.emulated.models import PANEL, EchoingHID, LoopingUSB, Printer
from devices.emulated.running import environment as seeing
from devices.emulated.subject import WRAPPER, needs_umockdev

import partita as library
from partita.command.device_recording import Sent, Wanted, what_is_sent
from partita.events.device_transfers import Incoming
from partita.session import Session
from partita.system import System
from tests.devices.peripherals import Wallet

from .conftest import PATIENCE_S, Command, Done, environment


@pytest.fixture
def bed() -> Iterator[Bench]:
    testbed = Bench()
    try:
        yield testbed
    finally:
        testbed.close()


def begin(bed: Bench, home: Path, *arguments: object) -> subprocess.Popen[str]:
    """A command that sees what is plugged in there."""
    assert WRAPPER is not None, "umockdev is not installed, and PARTITA_EXPECTS_DEVICES says that it is"
    return subprocess.Popen(
        [WRAPPER, sys.executable, "-m", "partita", "devices", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(home), **seeing(bed)},
        text=True,
    )


def run(bed: Bench, home: Path, *arguments: object) -> Done:
    process = begin(bed, home, *arguments)
    out, err = process.communicate(timeout=PATIENCE_S)
    return Done(process.returncode, out, err)


def panel() -> EchoingHID:
    return EchoingHID(1, "1-3", product_id=0x5304, name="Panel", descriptor=PANEL)


# -- list, watch -------------------------------------------------------------------------------------------------------------


@needs_umockdev
def test_devices_of_all_kinds_are_listed(bed: Bench, home: Path) -> None:
    bed.plug(EchoingHID())
    bed.plug(LoopingUSB(3, "1-2"))
    bed.plug(Printer())
    listed = run(bed, home, "list", "--json")
    assert listed.status == 0, listed.err
    devices = listed.json["devices"]
    assert [(one["kind"], one["key"], one["place"]) for one in devices] == [
        ("hid", "/dev/hidraw0", "1-1"),
        ("usb", "001/003", "1-2"),
        ("serial", "/dev/ttyACM0", "1-3"),
    ]
    assert devices[0]["device"]["name"] == "Wallet"
    assert listed.json["unavailable"] == {}
    (head, *lines) = run(bed, home, "list", "-k", "hid", "-k", "serial").out.splitlines()
    assert head.split() == ["kind", "where", "vendor:product", "serial", "number", "name", "key"]
    assert [line.split() for line in lines] == [
        ["hid", "1-1", "1209:5301", "S123", "Wallet", "/dev/hidraw0"],
        ["serial", "1-3", "1209:5303", "P0", "Acme", "Printer", "/dev/ttyACM0"],
    ]


@needs_umockdev
def test_a_report_descriptor_that_cannot_be_followed_is_listed_with_the_reason(bed: Bench, home: Path) -> None:
    bed.plug(EchoingHID(descriptor=b"\x06\x00"))
    (device,) = run(bed, home, "list", "-k", "hid", "--json").json["devices"]
    assert device["device"]["collections"] == []
    assert "byte" in device["malformed"]


@needs_umockdev
def test_nothing_attached_is_said(bed: Bench, home: Path) -> None:
    listed = run(bed, home, "list")
    assert (listed.status, listed.out, listed.err) == (0, "", "no devices\n")


def test_a_kind_that_there_is_not_is_wrong_usage(partita: Command) -> None:
    done = partita("devices", "list", "-k", "midi")
    assert done.status == 2
    assert "there are no 'midi' devices" in done.err


@needs_umockdev
def test_devices_are_printed_as_they_come_and_go_until_ctrl_c(bed: Bench, home: Path) -> None:
    wallet = EchoingHID()
    bed.plug(wallet)
    watching = begin(bed, home, "watch", "-k", "hid", "--json")
    assert watching.stdout is not None
    try:
        lines = [json.loads(watching.stdout.readline())]
        bed.unplug(wallet)
        lines.append(json.loads(watching.stdout.readline()))
        bed.plug(panel())
        lines.append(json.loads(watching.stdout.readline()))
        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE_S) == 130
    finally:
        watching.kill()
        _, complaints = watching.communicate()
    assert complaints == ""
    assert all(line["at"].endswith("Z") for line in lines)
    assert [(line["change"], line["device"]["name"]) for line in lines] == [
        ("attached", "Wallet"),
        ("detached", "Wallet"),
        ("attached", "Panel"),
    ]


# -- grants ------------------------------------------------------------------------------------------------------------------


def test_grants_that_are_kept_are_listed(partita: Command, home: Path) -> None:
    bus = library.SimulatedBus()
    bus.plug(Wallet(), Wallet("/dev/hidraw1", "1-2", ""))
    with System(data_dir=home, devices=bus) as system:
        session = system.from_partition("persist:shop", keep_device_grants=True)
        choices = iter(range(2))
        session.on("select-hid-device", lambda event: event.callback(event.device_list[next(choices)].device_id))
        for origin in ("https://shop.example", "https://till.example"):
            session.new_page(f"{origin}/").navigator.hid.request_device().get()
        session.flush().get()
    found = partita("devices", "grants", "persist:shop", "--json")
    assert found.status == 0, found.err
    assert [(one["kind"], one["origin"], one["lasts"]) for one in found.json["grants"]] == [
        ("hid", "https://shop.example", True),
        ("hid", "https://till.example", False),
    ]
    (head, first, second) = partita("devices", "grants", "persist:shop").out.splitlines()
    assert head.split() == ["kind", "origin", "device", "for"]
    assert first.split() == ["hid", "https://shop.example", "1209:5301", "S123", "always"]
    assert second.endswith("as long as it is attached")


def test_a_partition_without_grants_says_so(partita: Command, home: Path) -> None:
    with System(data_dir=home) as system:
        system.from_partition("persist:shop").flush().get()
    found = partita("devices", "grants", "persist:shop")
    assert (found.status, found.out, found.err) == (0, "", "no grants\n")


# -- record ------------------------------------------------------------------------------------------------------------------


def played(path: Path, wanted: Wanted, count: int) -> tuple[list[Sent], Any]:
    """What the recorded device sends, without it."""
    with library.playback(path) as system:
        session: Session = system.from_partition("persist:desk")
        sending = what_is_sent(session, wanted)
        sent = [next(sending) for _ in range(count)]
        sending.close()
    return sent, system.report()


@needs_umockdev
@pytest.mark.parametrize("named", [("/dev/hidraw1",), ("--vendor", "1209", "--product", "0x5304")], ids=["key", "ids"])
def test_what_a_device_sends_is_printed_and_can_be_played_back(bed: Bench, home: Path, named: tuple[str, ...]) -> None:
    bed.plug(EchoingHID())
    recorded = panel()
    bed.plug(recorded)
    for number in range(3):
        recorded.send(Incoming(1, b"report %d" % number))
    done = run(bed, home, "record", *named, "-p", "persist:desk", "--count", "2", "--json")
    assert done.status == 0, done.err
    assert [(line["report_id"], bytes.fromhex(line["data"])) for line in done.lines] == [
        (1, b"report 0"),
        (1, b"report 1"),
    ]
    assert all(line["at"].endswith("Z") for line in done.lines)
    key = named[0] if len(named) == 1 else ""
    wanted = Wanted("hid", key, None if key else 0x1209, None if key else 0x5304, 9600)
    sent, report = played(home / "Partitions" / "desk", wanted, 2)
    assert sent == [Sent(1, b"report 0"), Sent(1, b"report 1")]
    assert report.agrees, report


@needs_umockdev
def test_what_a_serial_port_sends_is_recorded_until_ctrl_c(bed: Bench, home: Path) -> None:
    printer = Printer()
    bed.plug(printer)
    recording = begin(
        bed, home, "record", "/dev/ttyACM0", "-k", "serial", "--baud-rate", "115200", "-p", "persist:desk"
    )
    assert recording.stdout is not None
    assert recording.stderr is not None
    try:
        assert recording.stderr.readline() == "recording /dev/ttyACM0: Ctrl-C ends it\n"
        printer.send(Incoming(0, b"\x01"))
        line = recording.stdout.readline()
        recording.send_signal(signal.SIGINT)
        assert recording.wait(PATIENCE_S) == 130
    finally:
        recording.kill()
        recording.communicate()
    assert line.split()[1:] == ["01"]
    sent, report = played(home / "Partitions" / "desk", Wanted("serial", "/dev/ttyACM0", None, None, 115200), 1)
    assert sent == [Sent(0, b"\x01")]
    assert report.agrees, report


@needs_umockdev
@pytest.mark.parametrize("kind", ["hid", "serial"])
def test_a_device_that_is_unplugged_ends_its_recording(bed: Bench, home: Path, kind: str) -> None:
    device = panel() if kind == "hid" else Printer()
    bed.plug(device)
    recording = begin(bed, home, "record", device.key, "-k", kind, "-p", "persist:desk")
    assert recording.stdout is not None
    assert recording.stderr is not None
    assert recording.stderr.readline() == f"recording {device.key}: Ctrl-C ends it\n"
    device.send(Incoming(1, b"12345678"))
    assert "31" in recording.stdout.readline()
    bed.unplug(device)
    _, complaint = recording.communicate(timeout=PATIENCE_S)
    assert (recording.returncode, complaint) == (1, "partita: The device was disconnected.\n")


@needs_umockdev
def test_what_cannot_be_recorded_is_said(bed: Bench, home: Path) -> None:
    bed.plug(EchoingHID())
    bed.plug(EchoingHID(1, "1-2"))
    for arguments, complaint in {
        ("/dev/hidraw7", "-p", "persist:desk"): "there is no such hid device",
        ("--vendor", "1209", "-p", "persist:desk"): "name one of /dev/hidraw0, /dev/hidraw1",
        ("-p", "persist:desk"): "name the device by its key, or by --vendor",
        ("--vendor", "wallet", "-p", "persist:desk"): "--vendor is a number of four hexadecimal digits",
        ("/dev/hidraw0", "-p", "desk"): "name it persist:desk",
        ("/dev/hidraw0", "-k", "usb", "-p", "persist:desk"): "what 'usb' devices send is not recorded",
    }.items():
        done = run(bed, home, "record", *arguments)
        assert (done.status, done.out) == (2, ""), arguments
        assert complaint in done.err
