"""Web Serial from a page to an emulated adapter, through pyserial: choosers, both directions, unplugging, grants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from devices.emulated.application import TIMEOUT_S, Hardware, Told, choose_first, settled
from devices.emulated.bench import Bench
from devices.emulated.models import Printer
from devices.emulated.running import events, run

from partita.devices.serial import WebSerialPort
from partita.events.errors import DOMException
from partita.session import Session

ORIGIN = "https://shop.example"
SELECT, ADDED, REMOVED, REVOKED = (
    "select-serial-port",
    "serial-port-added",
    "serial-port-removed",
    "serial-port-revoked",
)


def opened(session: Session) -> WebSerialPort:
    choose_first(session, "serial-port")
    port = session.new_page(f"{ORIGIN}/").navigator.serial.request_port().get(TIMEOUT_S)
    port.open(baud_rate=115_200).get(TIMEOUT_S)
    return port


def error_of(work: Any) -> list[str]:
    with pytest.raises(DOMException) as raised:
        work().get(TIMEOUT_S)
    return [type(raised.value).__name__, str(raised.value)]


def chooses_while_ports_come_and_go(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, SELECT, ADDED, REMOVED)
    page = session.new_page(f"{ORIGIN}/")
    asked = page.navigator.serial.request_port([{"usb_vendor_id": 0x1209, "usb_product_id": 0x5303}])
    select = told.next(SELECT)
    hardware.plug("other")  # no filter has it
    settled(lambda: len(session._devices.state("serial").devices) == 2)
    hardware.plug("second")
    added = told.next(ADDED)
    hardware.unplug("first")
    removed = told.next(REMOVED)
    select.callback(added.port.port_id)
    port = asked.get(TIMEOUT_S)
    return [
        [[one.port_name, one.display_name, one.vendor_id, one.product_id] for one in select.port_list],
        [select.web_contents is page, added.web_contents is page],
        [added.port.port_name, removed.port.port_name, port.port_name],
        [port.get_info().usb_vendor_id, port.get_info().usb_product_id],
        told.names,
    ]


def test_a_chooser_is_told_what_is_plugged_in_and_out_while_it_is_open(bed: Bench, tmp_path: Path) -> None:
    devices = {"first": Printer(), "second": Printer(1), "other": Printer(2, 0x5309)}
    came = run(bed, chooses_while_ports_come_and_go, tmp_path, devices, plugged=("first",))
    assert came == [
        [["ttyACM0", "Acme Printer", "4617", "21251"]],
        [True, True],
        ["ttyACM1", "ttyACM0", "ttyACM1"],
        [0x1209, 0x5303],
        [SELECT, ADDED, REMOVED],
    ]
    assert events(tmp_path, "serial") == [
        "BrokerConfigured",
        "WatchBegun",
        "DeviceAttached",
        "DevicesListed",
        "ChooserOpened",
        "DeviceAttached",
        "DeviceAttached",
        "DeviceOffered",
        "DeviceDetached",
        "DeviceWithdrawn",
        "ChooserClosed",
        "DeviceGranted",
    ]


def read(port: WebSerialPort, count: int) -> bytes:
    data = b""
    while len(data) < count:
        assert port.readable is not None
        data += port.readable.read().get(TIMEOUT_S)
    return data


def talks(session: Session, hardware: Hardware) -> list[object]:
    port = opened(session)
    readable, writable = port.readable, port.writable
    assert readable is not None
    assert writable is not None
    waiting = readable.read()
    writable.write(b"hello").get(TIMEOUT_S)
    first = waiting.get(TIMEOUT_S)
    said: list[object] = [first + read(port, 5 - len(first))]
    content = bytes(range(97, 123)) * 1000
    written = writable.write(content)
    said.append(read(port, len(content)) == content.upper())
    written.get(TIMEOUT_S)
    writable.drain().get(TIMEOUT_S)
    waiting = readable.read()
    port.close().get(TIMEOUT_S)
    said += [waiting.get(TIMEOUT_S), port.readable, port.writable]
    port.open(baud_rate=9600, parity="even", stop_bits=2, data_bits=7).get(TIMEOUT_S)
    assert port.writable is not None
    port.writable.write(b"again").get(TIMEOUT_S)
    said.append(read(port, 5))
    return said


def test_bytes_go_both_ways(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, talks, tmp_path, {"printer": Printer()}, plugged=("printer",))
    assert came == [b"HELLO", True, b"", None, None, b"AGAIN"]
    assert events(tmp_path, "serial")[-7:] == [
        "ConnectionBegun",
        "ConnectionReady",
        "ConnectionClosing",
        "ConnectionClosed",
        "ConnectionBegun",
        "ConnectionReady",
        "ConnectionClosed",
    ]


def is_unplugged_while_it_is_read(session: Session, hardware: Hardware) -> list[object]:
    port = opened(session)
    told = Told(session.new_page(f"{ORIGIN}/").navigator.serial, "connect", "disconnect")
    assert port.readable is not None
    waiting = port.readable.read()
    hardware.unplug("printer")
    failures = [error_of(lambda: waiting)]
    gone = told.next("disconnect").port
    settled(lambda: not port.opened and not port.connected)
    failures.append(error_of(lambda: port.open(baud_rate=9600)))
    hardware.plug("printer")
    back = told.next("connect").port
    back.open(baud_rate=9600).get(TIMEOUT_S)
    back.writable.write(b"back").get(TIMEOUT_S)
    return [failures, gone.port_name, told.names, read(back, 4)]


def test_unplugged_while_it_is_read_it_fails_once_and_the_document_is_told_once(bed: Bench, tmp_path: Path) -> None:
    failures, name, told, said = run(
        bed, is_unplugged_while_it_is_read, tmp_path, {"printer": Printer()}, plugged=("printer",)
    )
    assert failures == [
        ["NetworkError", "The device was disconnected."],
        ["NotFoundError", "The device was disconnected."],
    ]
    assert (name, told, said) == ("ttyACM0", ["disconnect", "connect"], b"BACK")
    heard = events(tmp_path, "serial")
    assert heard.count("DeviceDetached") == 1
    assert heard.count("ConnectionClosed") == 2


def gives_it_back(session: Session, hardware: Hardware) -> list[object]:
    told = Told(session, REVOKED)
    port = opened(session)
    port.forget().get(TIMEOUT_S)
    revoked = told.next(REVOKED)
    settled(lambda: not port.opened)
    left = session.new_page(f"{ORIGIN}/").navigator.serial.get_ports().get(TIMEOUT_S)
    refused = error_of(lambda: port.open(baud_rate=9600))[0]
    return [[revoked.port.port_name, revoked.origin, revoked.frame.url], len(left), refused, told.names]


def test_what_is_given_back_is_closed_and_had_no_longer(bed: Bench, tmp_path: Path) -> None:
    came = run(bed, gives_it_back, tmp_path, {"printer": Printer()}, plugged=("printer",))
    assert came == [["ttyACM0", ORIGIN, f"{ORIGIN}/"], 0, "SecurityError", [REVOKED]]
    assert events(tmp_path, "serial")[-3:] == ["DeviceRevoked", "ConnectionClosing", "ConnectionClosed"]
