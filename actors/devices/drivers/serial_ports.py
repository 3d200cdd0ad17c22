"""Which serial ports there are, and opening one: pyserial's part, all of it blocking."""

from __future__ import annotations

import importlib
import os
import select
from pathlib import Path
from typing import Any, Final

from partita.actors.devices.drivers.serial_failures import opening_failed
from partita.events.device_facts import AttachedDevice, SerialFacts
from partita.events.device_transfers import OpenSerial
from partita.events.errors import DeviceError

SLICE_S: Final = 0.25
"""No call of the library takes longer, so that closing and unplugging are noticed."""


def library(module: str = "serial") -> Any:
    """A module of pyserial. Raises ``DeviceError`` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        needs = "serial ports need pyserial: python -m pip install 'partita[devices]'"
        raise DeviceError("unsupported", needs) from error


def attached_ports() -> tuple[AttachedDevice, ...]:
    """All serial ports, each under its path. Raises ``DeviceError``."""
    try:
        found = library("serial.tools.list_ports").comports()
    except OSError as error:
        raise DeviceError("failed", f"the serial ports cannot be listed: {error}") from error
    return tuple(_attached(port) for port in found)


def open_port(key: str, options: OpenSerial) -> Any:
    """The ``serial.Serial`` of that path, for nobody else: locked. Raises ``DeviceError``."""
    serial = library()
    try:
        return serial.Serial(
            key,
            options.baud_rate,
            bytesize=options.data_bits,
            parity=_PARITY.get(options.parity, options.parity),
            stopbits=options.stop_bits,
            rtscts=options.flow_control == "hardware",
            timeout=SLICE_S,
            exclusive=True,
        )
    except Exception as error:
        raise opening_failed(key, error) from error


def write_some(port: Any, data: memoryview) -> int:
    """Write what there is room for; how many bytes that was. 0: there was none for as long as a slice.

    pyserial's own ``write()`` forgets how much it has written when its time is over, and counts too little when it is cancelled.
    On Windows it counts well; there it blocks until ``cancel_write()``.
    """
    if os.name != "posix":
        return int(port.write(bytes(data[:_PIECE_BYTES])))
    _, ready, _ = select.select([], [port.fileno()], [], _WRITE_SLICE_S)
    try:
        return os.write(port.fileno(), data[:_PIECE_BYTES]) if ready else 0
    except BlockingIOError:
        return 0


_PIECE_BYTES: Final = 1 << 16
_WRITE_SLICE_S: Final = 0.05  # what is urgent waits for so long at most
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}


def _attached(port: Any) -> AttachedDevice:
    place, _, interface = (port.location or "").partition(":")
    facts = SerialFacts(
        name=port.name or os.path.basename(port.device),  # noqa: PTH119  # of Windows' names too
        display_name=port.product or "",
        vendor_id=port.vid,
        product_id=port.pid,
        serial_number=port.serial_number or "",
        part=".".join(part for part in (interface.rpartition(".")[2], _number_of_several(port)) if part),
    )
    return AttachedDevice(port.device, place or port.device, facts)


def _number_of_several(port: Any) -> str:
    """Linux numbers the ports of an adapter that has several behind one USB interface. Empty for the first one."""
    try:
        number = (Path("/sys/class/tty") / port.name / "device" / "port_number").read_text().strip()
    except (OSError, TypeError):
        return ""
    return number if number != "0" else ""
