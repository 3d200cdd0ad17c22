"""A node ``/dev/hidrawN`` (Linux, ``drivers/hid/hidraw.c``) in front of a made-up device."""

from __future__ import annotations

import errno
import os
import struct
import threading
from pathlib import Path

from devices.emulated.wire import Program

from partita.events.device_facts import HIDFacts
from partita.events.device_transfers import ReceiveFeatureReport, SendFeatureReport, SendReport, TransferResult
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice

RING = 64
"""Input reports that the system keeps for who does not read them (``HIDRAW_BUFFER_SIZE``)."""

TYPE = ord("H")
DESCRIPTOR_SIZE, DESCRIPTOR, RAW_INFO, RAW_NAME, RAW_PHYS, SEND_FEATURE, GET_FEATURE, RAW_UNIQ = 1, 2, 3, 4, 5, 6, 7, 8
ERRORS = {"timeout": errno.ETIMEDOUT, "rejected": errno.EPIPE, "gone": errno.ENODEV}


class HIDRawNode:
    """``path``: of the node, a pipe that holds a byte for each report that can be read: that is what ``poll`` goes by."""

    def __init__(self, path: Path, device: SimulatedDevice, *, report_ids: bool) -> None:
        self._device = device
        self._report_ids = report_ids
        self._lock = threading.RLock()  # a device may send something while it is asked
        self._gone = False
        self._signs = 0
        os.mkfifo(path, 0o666)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        device.plugged(self._news)

    def opened(self, program: Program) -> None:
        """Nothing to be done."""

    def closed(self, program: Program) -> None:
        """Nothing to be done."""

    def unplug(self) -> None:
        """Also while the device is asked for something, which fails then."""
        self._gone = True
        os.write(self._pipe, b"\0")  # whoever waits shall see it
        self._device.unplugged()

    def close(self) -> None:
        os.close(self._pipe)

    def read(self, program: Program, address: int, size: int) -> int:
        with self._lock:
            if self._gone:
                raise OSError(errno.EIO, "unplugged")
            if not self._device.incoming:
                raise OSError(errno.EAGAIN, "nothing has come")
            os.read(self._pipe, 1)
            self._signs -= 1
            incoming = self._device.incoming.popleft()
        report = (bytes([incoming.channel]) if self._report_ids else b"") + incoming.data
        program.poke(address, report[:size])
        return min(len(report), size)

    def write(self, program: Program, data: bytes) -> int:
        if not data:
            raise OSError(errno.EINVAL, "a report has its id at least")
        self._perform(SendReport(data[0]), data[1:])
        return len(data)

    def ioctl(self, program: Program, request: int, argument: int) -> int:
        size, kind, number = (request >> 16) & 0x3FFF, (request >> 8) & 0xFF, request & 0xFF
        if self._gone:
            raise OSError(errno.ENODEV, "unplugged")
        if kind != TYPE:
            raise OSError(errno.ENOTTY, "not hidraw's")
        if number == SEND_FEATURE:
            report = program.peek(argument, size)
            self._perform(SendFeatureReport(report[0]), report[1:])
            return size
        if number == GET_FEATURE:
            report_id = program.peek(argument, 1)
            result = self._perform(ReceiveFeatureReport(report_id[0], size - 1), b"")
            program.poke(argument, (report_id + result.data)[:size])
            return min(1 + len(result.data), size)
        return self._describe(program, number, size, argument)

    def _describe(self, program: Program, number: int, size: int, argument: int) -> int:
        facts = self._device.facts()
        assert isinstance(facts, HIDFacts)
        if number == DESCRIPTOR_SIZE:
            program.poke(argument, struct.pack("=i", len(facts.report_descriptor)))
            return 0
        if number == DESCRIPTOR:
            program.poke(argument + 4, facts.report_descriptor)
            return 0
        if number == RAW_INFO:
            program.poke(argument, struct.pack("=IHH", 3, facts.vendor_id, facts.product_id))
            return 0
        texts = {RAW_NAME: facts.product_name, RAW_PHYS: self._device.place, RAW_UNIQ: facts.serial_number}
        if number not in texts:
            raise OSError(errno.ENOTTY, "no such ioctl")
        text = texts[number].encode("utf-8", "surrogatepass")[: size - 1] + b"\0"
        program.poke(argument, text)
        return len(text)

    def _perform(self, operation: SendReport | SendFeatureReport | ReceiveFeatureReport, data: bytes) -> TransferResult:
        if self._gone:
            raise OSError(errno.ENODEV, "unplugged")
        with self._lock:
            result = self._device.perform(operation, data)
        if self._gone:
            raise OSError(errno.ENODEV, "unplugged")
        if result is None:
            raise OSError(errno.ETIMEDOUT, "no answer")
        if isinstance(result, DeviceError):
            raise OSError(ERRORS.get(result.failure, errno.EIO), str(result))
        return result

    def _news(self) -> None:
        """As many bytes in the pipe as there are reports; what the ring does not hold is lost."""
        with self._lock:
            while len(self._device.incoming) > RING:
                self._device.incoming.pop()
            while not self._gone and self._signs < len(self._device.incoming):
                os.write(self._pipe, b"\0")
                self._signs += 1
