"""A USB device that is open: its transfers, side by side, and what is done to it as a whole, one after another."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any, Final

import trio

from partita.actors.devices.drivers import libusb as lib
from partita.actors.devices.drivers.descriptors import endpoint_types
from partita.actors.devices.drivers.libusb import Ended, Libusb, Request, Transfer
from partita.actors.devices.drivers.threads import Worker
from partita.events.device_facts import USBFacts
from partita.events.device_transfers import (
    DONE,
    ClaimInterface,
    ClearHalt,
    ControlTransfer,
    DeviceFailure,
    Direction,
    Incoming,
    IsochronousTransferIn,
    IsochronousTransferOut,
    Operation,
    Packet,
    ReleaseInterface,
    ResetDevice,
    SelectAlternateInterface,
    SelectConfiguration,
    TransferIn,
    TransferOut,
    TransferResult,
    TransferStatus,
)
from partita.events.errors import DeviceError

_SETUP: Final = struct.Struct("<BBHHH")  # USB 2.0 table 9-2
_TYPES: Final = {"standard": 0, "class": 1, "vendor": 2}
_RECIPIENTS: Final = {"device": 0, "interface": 1, "endpoint": 2, "other": 3}
_IN: Final = 0x80
_LOOKS_EVERY_S: Final = 1.0
_STATUSES: Final[dict[int, TransferStatus]] = {lib.COMPLETED: "ok", lib.STALL: "stall", lib.OVERFLOW: "babble"}
_FAILURES: Final[dict[int, tuple[DeviceFailure, str]]] = {
    lib.ERROR_ACCESS: ("denied", "the system does not permit it"),
    lib.ERROR_NO_DEVICE: ("gone", "the device has been unplugged"),
    lib.ERROR_NOT_FOUND: ("failed", "the device has nothing of that number"),
    lib.ERROR_BUSY: ("busy", "another program or a driver of the system has it"),
    lib.ERROR_TIMEOUT: ("timeout", "the device did not answer in time"),
    lib.ERROR_NOT_SUPPORTED: ("unsupported", "the system cannot do that"),
}


class Opened:
    """A device that libusb has opened, or is about to. Its methods block."""

    def __init__(self, key: str, libusb: Libusb) -> None:
        self.key = key
        self.libusb = libusb
        self.backend: Any = libusb.backend
        self.facts = USBFacts(b"")
        self.handle: Any = None
        self.claimed: set[int] = set()

    def open(self, device: Any, facts: USBFacts) -> None:
        """``device``: pyusb's word for it. Raises pyusb's errors."""
        self.handle = self.backend.open_device(device)
        self.facts = facts
        self.libusb.detach_drivers(self.handle.handle)

    def close(self) -> None:
        """Release what is claimed, so that the system's drivers come back, and let go of the device. May be called twice."""
        handle, self.handle = self.handle, None
        if handle is None:
            return
        for interface in sorted(self.claimed):
            with contextlib.suppress(Exception):  # it has been unplugged
                self.backend.release_interface(handle, interface)
        self.claimed.clear()
        self.backend.close_device(handle)


class USBConnection:
    """A USB device that is open."""

    def __init__(self, opened: Opened, worker: Worker, is_attached: Callable[[str], bool]) -> None:
        self._opened = opened
        self._libusb = opened.libusb
        self._worker = worker
        self._is_attached = is_attached
        self._configuration_value = opened.facts.configuration_value
        self._alternates: dict[int, int] = {}
        self._endpoints = self._active_endpoints()
        self._given_up: set[Transfer] = set()
        self._under_way: set[Transfer] = set()
        self._closing = trio.Event()
        self._closed = False
        self._libusb.begin()

    async def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.perform`.

        A transfer whose time is over when some data have come or gone is one that is short, and no failure. What is done to the
        device as a whole is left alone when its time is over; what is asked next of that kind waits for its end.
        """
        if self._closing.is_set():
            raise self._gone()
        match operation:
            case ControlTransfer():
                return await self._control(operation, data, timeout_s)
            case TransferIn(endpoint_number=number, length=length):
                return await self._transfer_in(number, length, timeout_s)
            case TransferOut(endpoint_number=number):
                ended = await self._transfer(Request(number, self._kind(number), data, len(data), timeout_s))
                return TransferResult(status=_STATUSES[ended.status], bytes_written=ended.length)
            case IsochronousTransferIn(endpoint_number=number, packet_lengths=lengths):
                return await self._isochronous_in(number, lengths, timeout_s)
            case IsochronousTransferOut(endpoint_number=number, packet_lengths=lengths):
                return await self._isochronous_out(number, lengths, data, timeout_s)
            case _:
                await self._worker.run(lambda: self._done_to_device(operation), timeout_s)
                return DONE

    async def receive(self) -> Incoming:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.receive`.

        Nothing comes unasked: it waits for the end, and looks every second whether the device is still there.
        """
        while not self._closing.is_set() and await self._is_there():
            with trio.move_on_after(_LOOKS_EVERY_S):
                await self._closing.wait()
        raise self._gone()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.close`."""
        self._closing.set()
        for transfer in (*self._under_way, *self._given_up):
            await transfer.settle()
        with trio.CancelScope(shield=True):
            if not self._closed:
                self._closed = True
                await self._worker.run(self._opened.close)
                await self._worker.close()
                await self._libusb.end()
            else:
                await self._worker.close()

    # -- transfers ------------------------------------------------------------------------------------------------------

    async def _control(self, operation: ControlTransfer, data: bytes, timeout_s: float | None) -> TransferResult:
        is_in = operation.direction == "in"
        length = operation.length if is_in else len(data)
        kind = (_IN if is_in else 0) | _TYPES[operation.request_type] << 5 | _RECIPIENTS[operation.recipient]
        setup = _SETUP.pack(kind, operation.request, operation.value, operation.index, length)
        memory = self._libusb.buffer(len(setup) + length)
        memory.put(setup if is_in else setup + data)
        ended = await self._transfer(Request(0, lib.CONTROL, memory, len(setup) + length, timeout_s))
        result = TransferResult(
            data=memory.take(ended.length, len(setup)) if is_in else b"",
            status=_STATUSES[ended.status],
            bytes_written=0 if is_in else ended.length,
        )
        self._libusb.give_back(memory)
        return result

    async def _transfer_in(self, number: int, length: int, timeout_s: float | None) -> TransferResult:
        address = _IN | number
        memory = self._libusb.buffer(length)
        ended = await self._transfer(Request(address, self._kind(address), memory, length, timeout_s))
        result = TransferResult(data=memory.take(ended.length), status=_STATUSES[ended.status])
        self._libusb.give_back(memory)
        return result

    async def _isochronous_in(self, number: int, lengths: tuple[int, ...], timeout_s: float | None) -> TransferResult:
        address = _IN | number
        self._check_isochronous(address, lengths)
        memory = self._libusb.buffer(sum(lengths))
        ended = await self._transfer(Request(address, lib.ISOCHRONOUS, memory, sum(lengths), timeout_s, lengths))
        pieces = []
        offset = 0
        for size, (came, _) in zip(lengths, ended.packets, strict=True):
            pieces.append(memory.take(came, offset))
            offset += size
        self._libusb.give_back(memory)
        return TransferResult(data=b"".join(pieces), status=_STATUSES[ended.status], packets=_packets(ended))

    async def _isochronous_out(
        self, number: int, lengths: tuple[int, ...], data: bytes, timeout_s: float | None
    ) -> TransferResult:
        self._check_isochronous(number, lengths)
        if sum(lengths) != len(data):
            raise DeviceError("failed", f"packets of {sum(lengths)} bytes in all were given {len(data)} bytes")
        ended = await self._transfer(Request(number, lib.ISOCHRONOUS, data, len(data), timeout_s, lengths))
        packets = _packets(ended)
        written = sum(packet.length for packet in packets)
        return TransferResult(status=_STATUSES[ended.status], bytes_written=written, packets=packets)

    async def _transfer(self, request: Request) -> Ended:
        """How a transfer ended that did not fail. Raises ``DeviceError``."""
        transfer = self._libusb.submit(self._opened.handle.handle, request)
        self._under_way.add(transfer)
        try:
            ended = await transfer.wait()
        finally:
            self._under_way.discard(transfer)
            self._given_up = {other for other in self._given_up if not other.has_ended}
            if not transfer.has_ended:
                self._given_up.add(transfer)
        if ended.status in _STATUSES:
            return ended
        if ended.status == lib.TIMED_OUT:
            if ended.length:
                return Ended(lib.COMPLETED, ended.length, ended.packets)
            raise DeviceError(
                "timeout", f"the USB device {self._opened.key} did not answer within {request.timeout_s} s"
            )
        if self._closing.is_set() or ended.status == lib.NO_DEVICE or not await self._is_there():
            raise self._gone()
        raise DeviceError(
            "failed", f"the transfer with the USB device {self._opened.key} failed on the wire, or was stopped"
        )

    async def _is_there(self) -> bool:
        return await self._worker.run(lambda: self._is_attached(self._opened.key))

    def _gone(self) -> DeviceError:
        what = "connection to it has been closed" if self._closing.is_set() else "device has been unplugged"
        return DeviceError("gone", f"USB device {self._opened.key}: the {what}")

    # -- endpoints ------------------------------------------------------------------------------------------------------

    def _active_endpoints(self) -> dict[int, int]:
        return endpoint_types(self._opened.facts.descriptors, self._configuration_value, self._alternates)

    def _kind(self, address: int) -> int:
        kind = self._endpoints.get(address)
        if kind not in (lib.BULK, lib.INTERRUPT):
            raise self._no_endpoint(address, "bulk or interrupt")
        return kind

    def _check_isochronous(self, address: int, lengths: tuple[int, ...]) -> None:
        if self._endpoints.get(address) != lib.ISOCHRONOUS:
            raise self._no_endpoint(address, "isochronous")
        if not lengths:
            raise DeviceError("failed", "an isochronous transfer needs a packet at least")

    def _no_endpoint(self, address: int, kind: str) -> DeviceError:
        direction = "in" if address & _IN else "out"
        return DeviceError(
            "failed",
            f"the USB device {self._opened.key} has no {kind} endpoint {address & 0xF} ({direction}) in the configuration"
            " and alternate interfaces that are selected",
        )

    # -- in the worker's thread -----------------------------------------------------------------------------------------

    def _done_to_device(self, operation: Operation) -> None:
        try:
            self._do(operation)
        except DeviceError:
            raise
        except Exception as error:  # pyusb's are of several classes
            raise error_of(error, f"{type(operation).__name__} at the USB device {self._opened.key}") from error

    def _do(self, operation: Operation) -> None:
        backend, handle = self._opened.backend, self._opened.handle
        match operation:
            case SelectConfiguration(configuration_value=value):
                backend.set_configuration(handle, value)
                self._configuration_value = value
                self._alternates.clear()
            case ClaimInterface(interface_number=number):
                backend.claim_interface(handle, number)
                self._opened.claimed.add(number)
            case ReleaseInterface(interface_number=number):
                backend.release_interface(handle, number)
                self._opened.claimed.discard(number)
                self._alternates.pop(number, None)
            case SelectAlternateInterface(interface_number=number, alternate_setting=setting):
                backend.set_interface_altsetting(handle, number, setting)
                self._alternates[number] = setting
            case ClearHalt(direction=direction, endpoint_number=number):
                backend.clear_halt(handle, _address(direction, number))
            case ResetDevice():
                self._reset()
            case _:
                raise DeviceError("unsupported", f"a USB device cannot do {type(operation).__name__}")
        self._endpoints = self._active_endpoints()

    def _reset(self) -> None:
        try:
            self._opened.backend.reset_device(self._opened.handle)
        except Exception as error:
            if getattr(error, "backend_error_code", None) == lib.ERROR_NOT_FOUND:  # libusb_reset_device says so of this
                raise DeviceError("gone", "the USB device came back as another one when it was reset") from error
            raise


def error_of(error: Exception, what: str) -> DeviceError:
    """What an exception of pyusb means. ``what``: was tried, and with which device."""
    if isinstance(error, NotImplementedError):
        return DeviceError("unsupported", f"{what}: this system's libusb cannot do that")
    code = getattr(error, "backend_error_code", None)
    failure, why = _FAILURES.get(code, ("failed", str(error))) if isinstance(code, int) else ("failed", repr(error))
    return DeviceError(failure, f"{what}: {why}")


def _address(direction: Direction, number: int) -> int:
    return (_IN if direction == "in" else 0) | number


def _packets(ended: Ended) -> tuple[Packet, ...]:
    """A packet that was lost on the wire has no length, and is nothing else."""
    return tuple(Packet(length, _STATUSES.get(status, "ok")) for length, status in ended.packets)
