"""A node ``/dev/bus/usb/BBB/DDD`` (Linux, ``drivers/usb/core/devio.c``) in front of a made-up device.

A program submits transfers ("URBs") and reaps them when they have ended. That one has ended it sees by ``poll``, for which the
node can be written to then: here it is a pipe, which is full for as long as there is nothing to be reaped.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devices.emulated.wire import Program

from partita.events.device_facts import USBFacts
from partita.events.device_transfers import (
    DONE,
    ClaimInterface,
    ClearHalt,
    ControlRecipient,
    ControlTransfer,
    ControlType,
    IsochronousTransferIn,
    IsochronousTransferOut,
    Operation,
    ReleaseInterface,
    ResetDevice,
    SelectAlternateInterface,
    SelectConfiguration,
    TransferIn,
    TransferOut,
    TransferResult,
)
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice

TYPE = ord("U")
SET_INTERFACE, SET_CONFIGURATION, GET_DRIVER, SUBMIT, DISCARD, REAP, REAP_NO_DELAY = 4, 5, 8, 10, 11, 12, 13
CLAIM, RELEASE, IOCTL, RESET, CLEAR_HALT, DISCONNECT, CONNECT, CAPABILITIES, DISCONNECT_CLAIM = (
    15, 16, 18, 20, 21, 22, 23, 26, 27,
)  # fmt: skip
ZERO_PACKET, NO_PACKET_SIZE_LIMIT, REAP_AFTER_DISCONNECT = 0x01, 0x04, 0x10
ISOCHRONOUS, INTERRUPT, CONTROL, BULK = range(4)
URB = struct.Struct(
    "=BBxxiIxxxxQiiiiiIQ"
)  # type, endpoint, status, flags, buffer, length, actual, start, packets, errors, ...
STATUS_AT, ACTUAL_AT, PACKETS_AT = 4, 28, URB.size
PACKET = struct.Struct("=IIi")
SETUP = struct.Struct("<BBHHH")
STATUSES = {"ok": 0, "stall": -errno.EPIPE, "babble": -errno.EOVERFLOW}
ERRORS = {"gone": errno.ESHUTDOWN, "busy": errno.EBUSY, "not_found": errno.ENOENT, "unsupported": errno.EOPNOTSUPP}
TYPES: tuple[ControlType, ...] = ("standard", "class", "vendor")
RECIPIENTS: tuple[ControlRecipient, ...] = ("device", "interface", "endpoint", "other")


@dataclass
class Urb:
    """A transfer: where the program has it, what it asks of the device, and how it ended."""

    address: int
    buffer: int
    kind: int
    operation: ControlTransfer | TransferIn | TransferOut | IsochronousTransferIn | IsochronousTransferOut
    data: bytes
    status: int = 0
    result: TransferResult = DONE

    @property
    def room(self) -> int:
        """Bytes that the program has for what the device sends; -1 where it sends nothing."""
        match self.operation:
            case ControlTransfer(direction="in", length=length) | TransferIn(length=length):
                return length
            case IsochronousTransferIn(packet_lengths=lengths):
                return sum(lengths)
        return -1


@dataclass
class Opening:
    """What one program has under way."""

    pending: dict[int, Urb] = field(default_factory=dict)
    ended: deque[Urb] = field(default_factory=deque)


class USBNode:
    """``path``: of the node. ``drivers``: of the kernel, by the interface that each has. ``configured``: is told the value."""

    def __init__(
        self, path: Path, device: SimulatedDevice, drivers: dict[int, str], configured: Callable[[int], None]
    ) -> None:
        self.drivers = drivers
        self._device = device
        self._configured = configured
        self._lock = threading.RLock()  # a device may have news while it is asked
        self._asking = self._has_news = False
        self._gone = False
        self._unbound: dict[int, str] = {}
        self._claimed: dict[int, Program] = {}
        self._openings: dict[Program, Opening] = {}
        os.mkfifo(path, 0o666)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, 4096)
        self._is_full = False
        self._show()
        device.plugged(self._news)

    def opened(self, program: Program) -> None:
        with self._lock:
            self._openings[program] = Opening()

    def closed(self, program: Program) -> None:
        with self._lock:
            del self._openings[program]
            self._claimed = {number: owner for number, owner in self._claimed.items() if owner is not program}
            self._show()

    def unplug(self) -> None:
        with self._lock:
            self._gone = True
            for opening in self._openings.values():
                for urb in opening.pending.values():
                    urb.status = -errno.ESHUTDOWN
                    opening.ended.append(urb)
                opening.pending.clear()
            self._show()
        self._device.unplugged()

    def close(self) -> None:
        os.close(self._pipe)

    def read(self, program: Program, address: int, size: int) -> int:
        descriptors = self._facts().descriptors[:size]
        program.poke(address, descriptors)
        return len(descriptors)

    def write(self, program: Program, data: bytes) -> int:
        raise OSError(errno.EINVAL, "usbfs is not written to")

    def ioctl(self, program: Program, request: int, argument: int) -> int:
        kind, number = (request >> 8) & 0xFF, request & 0xFF
        if kind != TYPE:
            raise OSError(errno.ENOTTY, "not usbfs'")
        with self._lock:
            opening = self._openings[program]
            if number in (REAP, REAP_NO_DELAY):
                return self._reap(program, opening, argument)
            if self._gone:
                raise OSError(errno.ENODEV, "unplugged")
            if number == SUBMIT:
                return self._submit(program, opening, argument)
            if number == DISCARD:
                return self._discard(opening, argument)
            return self._control(program, number, argument)

    # -- transfers ------------------------------------------------------------------------------------------------------

    def _submit(self, program: Program, opening: Opening, address: int) -> int:
        urb = self._urb(program, address)
        opening.pending[address] = urb
        self._ask_those([(opening, urb)])
        return 0

    def _urb(self, program: Program, address: int) -> Urb:
        kind, endpoint, _, _, buffer, length, _, _, packets, *_ = URB.unpack(program.peek(address, URB.size))
        number, is_in = endpoint & 0xF, bool(endpoint & 0x80)
        if kind == CONTROL:
            bits, request, value, index, size = SETUP.unpack(program.peek(buffer, SETUP.size))
            operation = ControlTransfer(
                direction="in" if bits & 0x80 else "out",
                request_type=TYPES[bits >> 5 & 3],
                recipient=RECIPIENTS[bits & 0x1F],
                request=request,
                value=value,
                index=index,
                length=size if bits & 0x80 else 0,
            )
            data = b"" if bits & 0x80 else program.peek(buffer + SETUP.size, size)
            return Urb(address, buffer + SETUP.size, kind, operation, data)
        data = b"" if is_in else program.peek(buffer, length)
        if kind == ISOCHRONOUS:
            table = program.peek(address + PACKETS_AT, packets * PACKET.size)
            lengths = tuple(size for size, _, _ in PACKET.iter_unpack(table))
            isochronous = IsochronousTransferIn if is_in else IsochronousTransferOut
            return Urb(address, buffer, kind, isochronous(number, lengths), data)
        return Urb(address, buffer, kind, TransferIn(number, length) if is_in else TransferOut(number), data)

    def _ask(self, opening: Opening, urb: Urb) -> None:
        """Let the device answer; what it does not answer stays pending."""
        result = self._standard(urb.operation) if isinstance(urb.operation, ControlTransfer) else None
        if result is None:
            result = self._device.perform(urb.operation, urb.data)
        if result is None:
            return
        if isinstance(result, DeviceError):
            urb.status = -ERRORS.get(result.failure, errno.EPROTO)
        else:
            urb.result = result
            urb.status = STATUSES[result.status]
            if 0 <= urb.room < len(result.data):
                urb.status = -errno.EOVERFLOW
        del opening.pending[urb.address]
        opening.ended.append(urb)
        self._show()

    def _standard(self, asked: ControlTransfer) -> TransferResult | None:
        """Descriptors, which every device gives (USB 2.0 9.4.3), in one language."""
        if (asked.request_type, asked.direction, asked.request) != ("standard", "in", 6):
            return None
        facts = self._facts()
        kind, number = asked.value >> 8, asked.value & 0xFF
        if kind == 3:
            text = b"\x09\x04" if not number else facts.strings.get(number, "").encode("utf-16-le", "surrogatepass")
            found = bytes([len(text) + 2, 3]) + text if text else b""
        else:
            found = {1: facts.descriptors[:18], 2: facts.descriptors[18:]}.get(kind, b"")
        return TransferResult(data=found[: asked.length]) if found else TransferResult(status="stall")

    def _reap(self, program: Program, opening: Opening, argument: int) -> int:
        if not opening.ended:
            self._show()
            raise OSError(errno.ENODEV if self._gone else errno.EAGAIN, "nothing has ended")
        urb = opening.ended.popleft()
        actual = urb.result.bytes_written
        if urb.room >= 0:
            data = urb.result.data[: urb.room]
            actual = len(data)
            if urb.kind != ISOCHRONOUS:
                program.poke(urb.buffer, data)
        if urb.kind == ISOCHRONOUS:
            self._reap_packets(program, urb)
        program.poke(urb.address + STATUS_AT, struct.pack("=i", urb.status))
        program.poke(urb.address + ACTUAL_AT, struct.pack("=i", actual))
        program.poke(argument, struct.pack("=Q", urb.address))
        self._show()
        return 0

    def _reap_packets(self, program: Program, urb: Urb) -> None:
        operation = urb.operation
        assert isinstance(operation, IsochronousTransferIn | IsochronousTransferOut)
        table = b""
        taken = offset = 0
        for size, packet in zip(operation.packet_lengths, urb.result.packets, strict=False):
            if isinstance(operation, IsochronousTransferIn):
                program.poke(urb.buffer + offset, urb.result.data[taken : taken + packet.length])
            taken += packet.length
            offset += size
            table += PACKET.pack(size, packet.length, STATUSES[packet.status])
        program.poke(urb.address + PACKETS_AT, table)

    def _discard(self, opening: Opening, address: int) -> int:
        urb = opening.pending.pop(address, None)
        if urb is None:
            raise OSError(errno.EINVAL, "it has ended already")
        urb.status = -errno.ENOENT
        opening.ended.append(urb)
        self._show()
        return 0

    def _news(self) -> None:
        """Ask again what got no answer."""
        with self._lock:
            if self._asking:
                self._has_news = True  # for what is asked right now, or for what was asked before
            else:
                self._ask_those(self._pending())

    def _ask_those(self, urbs: list[tuple[Opening, Urb]]) -> None:
        self._asking = True
        try:
            while urbs:
                self._has_news = False
                for opening, urb in urbs:
                    self._ask(opening, urb)
                urbs = self._pending() if self._has_news else []
        finally:
            self._asking = False

    def _pending(self) -> list[tuple[Opening, Urb]]:
        return [(opening, urb) for opening in self._openings.values() for urb in opening.pending.values()]

    def _show(self) -> None:
        """Let the node be written to while something can be reaped."""
        something = any(opening.ended for opening in self._openings.values())
        if something and self._is_full:
            os.read(self._pipe, 4096)
        elif not something and not self._is_full:
            os.write(self._pipe, bytes(4096))
        self._is_full = not something

    # -- what is done to the device as a whole --------------------------------------------------------------------------

    def _control(self, program: Program, number: int, argument: int) -> int:
        if number == CAPABILITIES:
            able = ZERO_PACKET | NO_PACKET_SIZE_LIMIT | REAP_AFTER_DISCONNECT
            program.poke(argument, struct.pack("=I", able))
        elif number in (CLAIM, DISCONNECT_CLAIM):
            self._claim(program, self._number(program, argument), detach=number == DISCONNECT_CLAIM)
        elif number == RELEASE:
            interface = self._number(program, argument)
            if self._claimed.get(interface) is not program:
                raise OSError(errno.EINVAL, "not claimed")
            self._perform(ReleaseInterface(interface))
            del self._claimed[interface]
        elif number == GET_DRIVER:
            driver = self.drivers.get(self._number(program, argument))
            if driver is None:
                raise OSError(errno.ENODATA, "no driver has it")
            program.poke(argument + 4, driver.encode() + b"\0")
        elif number == IOCTL:
            return self._bind(*struct.unpack("=ii", program.peek(argument, 8)))
        elif number == SET_CONFIGURATION:
            value = self._number(program, argument)
            self._perform(SelectConfiguration(value))
            self._configured(value)
        elif number == SET_INTERFACE:
            self._perform(SelectAlternateInterface(*struct.unpack("=II", program.peek(argument, 8))))
        elif number == CLEAR_HALT:
            endpoint = self._number(program, argument)
            self._perform(ClearHalt("in" if endpoint & 0x80 else "out", endpoint & 0xF))
        elif number == RESET:
            self._perform(ResetDevice())
        else:
            raise OSError(errno.ENOTTY, "no such ioctl")
        return 0

    def _claim(self, program: Program, interface: int, *, detach: bool) -> None:
        if self._claimed.get(interface, program) is not program:
            raise OSError(errno.EBUSY, "another program has it")
        if interface in self.drivers:
            if not detach:
                raise OSError(errno.EBUSY, "a driver has it")
            self._unbound[interface] = self.drivers.pop(interface)
        self._perform(ClaimInterface(interface))
        self._claimed[interface] = program

    def _bind(self, interface: int, code: int) -> int:
        if code & 0xFF == DISCONNECT and interface in self.drivers:
            self._unbound[interface] = self.drivers.pop(interface)
            return 0
        if code & 0xFF == CONNECT and interface in self._unbound:
            self.drivers[interface] = self._unbound.pop(interface)
            return 1
        if code & 0xFF == CONNECT:
            return 0
        raise OSError(errno.ENODATA, "no driver has it")

    def _perform(self, operation: Operation) -> None:
        result = self._device.perform(operation, b"")
        if result is None:
            raise OSError(errno.ETIMEDOUT, "no answer")
        if isinstance(result, DeviceError):
            raise OSError(ERRORS.get(result.failure, errno.EIO), str(result))

    def _number(self, program: Program, argument: int) -> int:
        return int.from_bytes(program.peek(argument, 4), "little")

    def _facts(self) -> USBFacts:
        facts = self._device.facts()
        assert isinstance(facts, USBFacts)
        return facts
