"""Web Serial, from a page to a simulated port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.devices.serial import SerialReadable, WebSerialPort
from partita.events.device_transfers import Incoming
from partita.events.errors import InvalidStateError, NetworkError, NotFoundError
from tests.devices.peripherals import TIMEOUT_S, Modem, Rig, rig, settled


@pytest.fixture
def serial(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        made.plug(Modem())
        yield made


def chosen(serial: Rig) -> WebSerialPort:
    serial.choose_first(serial.session, "select-serial-port")
    page = serial.session.new_page("https://shop.example/")
    return page.navigator.serial.request_port([{"usb_vendor_id": 0x1209}]).get(TIMEOUT_S)


def opened(serial: Rig, **options: int) -> WebSerialPort:
    port = chosen(serial)
    port.open(baud_rate=115_200, **options).get(TIMEOUT_S)  # type: ignore[arg-type]
    return port


def test_a_chooser_shows_ports_as_electron_does(serial: Rig) -> None:
    port = chosen(serial)
    _, event = serial.told[0]
    assert [(one.port_name, one.vendor_id, one.product_id) for one in event.port_list] == [("ttyACM0", "4617", "21251")]
    assert event.web_contents is not None
    assert port.get_info().usb_vendor_id == 0x1209
    assert port.connected
    assert port.readable is None
    assert port.writable is None


def test_both_directions(serial: Rig) -> None:
    port = opened(serial)
    assert port.readable is not None
    assert port.writable is not None
    port.writable.write(b"hello").get(TIMEOUT_S)
    port.writable.drain().get(TIMEOUT_S)
    assert port.readable.read().get(TIMEOUT_S) == b"hello"
    assert port.readable.read().get(TIMEOUT_S) == b"hello"
    assert port.get_signals().get(TIMEOUT_S).clear_to_send
    port.set_signals(data_terminal_ready=True).get(TIMEOUT_S)
    port.writable.abort().get(TIMEOUT_S)
    with pytest.raises(TypeError, match="at least one member"):
        port.set_signals()


def test_reading_ends_when_the_port_is_closed(serial: Rig) -> None:
    port = opened(serial)
    readable = port.readable
    assert readable is not None
    waiting = readable.read()
    port.close().get(TIMEOUT_S)
    assert waiting.get(TIMEOUT_S) == b""
    assert list(readable) == []
    assert not port.opened
    port.open(baud_rate=9600).get(TIMEOUT_S)


def test_reading_fails_when_the_port_is_unplugged(serial: Rig) -> None:
    port = opened(serial)
    readable = port.readable
    assert readable is not None
    waiting = readable.read()
    serial.unplug("/dev/ttyACM0")
    with pytest.raises(NetworkError, match="disconnected"):
        waiting.get(TIMEOUT_S)
    settled(lambda: not port.connected)


def test_reading_fails_when_the_other_side_hangs_up_before_the_port_is_seen_to_be_gone(serial: Rig) -> None:
    port = opened(serial)
    readable = port.readable
    assert readable is not None
    waiting = readable.read()
    bus = serial.bus
    (connection,) = bus._bus.connections
    bus._do(lambda: connection.end("its other side has hung up"))
    with pytest.raises(NetworkError, match="disconnected"):
        waiting.get(TIMEOUT_S)
    assert port.connected


def test_a_reader_who_is_behind_holds_the_port_back() -> None:
    readable = SerialReadable(4)
    assert readable.take(Incoming(0, b"ab")) is None
    held = readable.take(Incoming(0, b"cd"))
    assert held is not None
    assert not held.done
    assert readable.read().get(0) == b"ab"
    assert held.done
    assert readable.read().get(0) == b"cd"
    waiting = readable.read()
    with pytest.raises(InvalidStateError):
        readable.read()
    readable.end(None)
    assert waiting.get(0) == b""


def test_nothing_is_lost_behind_a_small_buffer(serial: Rig) -> None:
    port = opened(serial, buffer_size=1)
    assert port.readable is not None
    assert port.writable is not None
    for number in range(50):
        port.writable.write(b"%03d" % number)
    got = [port.readable.read().get(TIMEOUT_S) for _ in range(100)]
    assert got == [b"%03d" % (number // 2) for number in range(100)]


@pytest.mark.parametrize(
    "wrong", [{"baud_rate": 0}, {"baud_rate": 9600, "data_bits": 9}, {"baud_rate": 9600, "parity": "mark"}]
)
def test_what_no_port_can_be_set_to(serial: Rig, wrong: dict[str, int]) -> None:
    port = chosen(serial)
    with pytest.raises(TypeError, match=r"is one of|above 0"):
        port.open(**wrong)  # type: ignore[arg-type]
    assert not port.opened


def test_an_unknown_port_cancels(serial: Rig) -> None:
    @serial.session.on("select-serial-port")
    def choose(event: object) -> None:
        event.callback("nonsense")  # type: ignore[attr-defined]

    page = serial.session.new_page("https://shop.example/")
    with pytest.raises(NotFoundError, match="No port selected by the user"):
        page.navigator.serial.request_port().get(TIMEOUT_S)


def test_revoked_with_its_frame(serial: Rig) -> None:
    serial.note(serial.session, "serial-port-revoked")
    port = chosen(serial)
    port.forget().get(TIMEOUT_S)
    name, event = serial.told_after(2)[1]
    assert (name, event.port.port_name, event.origin) == ("serial-port-revoked", "ttyACM0", "https://shop.example")
    assert event.frame.url == "https://shop.example/"
