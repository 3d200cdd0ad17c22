"""A node ``/dev/ttyACMn`` in front of a made-up serial device: a link to a pseudo-terminal. It has no modem lines."""

from __future__ import annotations

import os
import select
import threading
import tty
from pathlib import Path

from devices.emulated.wire import Program

from partita.events.device_transfers import WriteSerial
from partita.simulations.devices.device import SimulatedDevice


class TTYNode:
    """What a program writes to ``path``, the device is asked to write; what the device sends, a program can read."""

    def __init__(self, path: Path, device: SimulatedDevice) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        path.symlink_to(os.ttyname(self._near))
        self._woken, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        device.plugged(self._news)

    def opened(self, program: Program) -> None:
        """Nothing to be done."""

    def closed(self, program: Program) -> None:
        """Nothing to be done."""

    def ioctl(self, program: Program, request: int, argument: int) -> int:
        return program.run()

    def read(self, program: Program, address: int, size: int) -> int:
        return program.run()

    def write(self, program: Program, data: bytes) -> int:
        return program.run()

    def unplug(self) -> None:
        """Hang up: whoever has it open can neither read nor write any more."""
        self._device.unplugged()
        os.close(self._waker)
        self._thread.join(10)
        for descriptor in (self._far, self._near, self._woken):
            os.close(descriptor)

    def close(self) -> None:
        """Nothing is left to be done."""

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._far, self._woken], [], [])
            if self._woken in ready:
                return
            self._device.perform(WriteSerial(), os.read(self._far, 4096))

    def _news(self) -> None:
        with self._lock:
            while self._device.incoming:
                os.write(self._far, self._device.incoming.popleft().data)
