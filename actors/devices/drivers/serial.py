"""Serial ports through pyserial: a :class:`~partita.actors.kernel.device_ports.DeviceDriver`.

Linux is where it was tried. On macOS and Windows it does the same with what pyserial has there, and finds what is plugged in by
looking once a second; ``usb_driver_name`` and ``device_instance_id`` of the facts are empty, since pyserial does not know them.
"""

from __future__ import annotations

import trio

from partita.actors.devices.drivers.hotplug import HotplugWatch
from partita.actors.devices.drivers.serial_connection import SerialConnection
from partita.actors.devices.drivers.serial_ports import attached_ports, library, open_port
from partita.actors.devices.drivers.threads import BackgroundCall
from partita.actors.kernel.device_ports import Pair
from partita.events.device_facts import AttachedDevice
from partita.events.device_transfers import OpenOptions, OpenSerial
from partita.events.errors import DeviceError


class SerialDriver:
    """All serial ports. The keys are their paths (``/dev/ttyUSB0``, ``COM3``)."""

    async def watch(self) -> HotplugWatch:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.watch`. ``unsupported`` without pyserial."""
        await trio.lowlevel.checkpoint()
        library()
        return HotplugWatch(_snapshot, subsystem="tty")

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> SerialConnection:  # noqa: ARG002  # for Bluetooth
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.open`; the options are ``OpenSerial``.

        Raises ``DeviceError``: ``not_found``, ``denied`` (with what to do), ``busy`` (open here or elsewhere: the port is locked
        while it is open), ``unsupported`` (no serial port, or it has no such speed or parity).
        """
        if not isinstance(options, OpenSerial):
            raise DeviceError("unsupported", f"{type(options).__name__} opens no serial port")
        await trio.lowlevel.checkpoint()
        opening = BackgroundCall(f"serial opening {key}", lambda: open_port(key, options))
        try:
            port = await opening.ended()
        except trio.Cancelled:
            opening.outcome.when_done(lambda: _let_go(opening))
            raise
        return SerialConnection(key, port, options.buffer_size)

    async def close(self) -> None:
        """Nothing is held but what was opened."""
        await trio.lowlevel.checkpoint()


def _snapshot() -> dict[str, AttachedDevice]:
    return {port.key: port for port in attached_ports()}


def _let_go(opening: BackgroundCall[object]) -> None:
    """Nobody waits for the port any more."""
    if opening.outcome.failure() is None:
        port = opening.outcome.outcome()
        assert hasattr(port, "close")
        port.close()
