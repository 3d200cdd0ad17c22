"""HID devices, over hidapi.

A connection has one thread that reads and one for all else. With hidraw each of them has the node open for itself, because
hidapi keeps the text of the last error with the handle, where two threads would trip over each other.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import trio

from partita.actors.devices.drivers.hotplug import HotplugWatch
from partita.actors.devices.drivers.refusals import failure_of, hid_denied, missing_package
from partita.actors.devices.drivers.sysfs import HIDNode, hid_interface, hid_node
from partita.actors.devices.drivers.texts import well_formed
from partita.actors.devices.drivers.threads import SLICE_S, Producer, Worker
from partita.actors.kernel.device_ports import Pair
from partita.events.device_facts import AttachedDevice, HIDFacts
from partita.events.device_transfers import (
    Incoming,
    OpenHID,
    OpenOptions,
    Operation,
    ReceiveFeatureReport,
    SendFeatureReport,
    SendReport,
    TransferResult,
)
from partita.events.errors import DeviceError

_SLICE_MS: Final = int(SLICE_S * 1000)
_MOST_REPORT_BYTES: Final = 16_384
"""Linux's bound for one report (``HID_MAX_BUFFER_SIZE``)."""
_MOST_REPORTS: Final = 1024
_LEAVES_WITHIN_S: Final = 0.25
"""So long after a read has failed the system may still list the device that was unplugged."""


class Handle(Protocol):
    """hidapi's ``hid.device``."""

    def open_path(self, path: bytes) -> None: ...
    def close(self) -> None: ...
    def error(self) -> str: ...
    def read(self, max_length: int, timeout_ms: int = 0) -> list[int]: ...
    def write(self, buff: bytes) -> int: ...
    def send_feature_report(self, buff: bytes) -> int: ...
    def get_feature_report(self, report_num: int, max_length: int) -> list[int]: ...
    def get_report_descriptor(self) -> list[int]: ...


class Library(Protocol):
    """hidapi's module."""

    def enumerate(self) -> list[dict[str, Any]]: ...  # its values are of several types
    def device(self) -> Handle: ...


class HIDDriver:
    """The driver for HID devices. A key is hidapi's path: ``/dev/hidraw0`` on Linux (``1-2:1.0`` if it is built over libusb).

    Of each device, on Linux all is known without opening it. Elsewhere it is opened for a moment to read its report descriptor;
    where that is not permitted, the descriptor is empty. ``place`` is where it is plugged in, on Linux; elsewhere its ids and
    serial number, so that interfaces of a device without one stand apart.
    """

    def __init__(self) -> None:
        self._library: Library | None = None
        self._lock = threading.Lock()  # hidapi's begin and listing are for one thread at a time
        self._descriptors: dict[str, bytes] = {}

    async def watch(self) -> HotplugWatch:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.watch`."""
        self._loaded()
        return HotplugWatch(self.attached, subsystem="hidraw")

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> HIDConnection:  # noqa: ARG002  # the port's method
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.open`."""
        if not isinstance(options, OpenHID):
            raise DeviceError("unsupported", f"a HID device is not opened with {type(options).__name__}")
        library = self._loaded()
        opened = _Opened(library, key)
        worker = Worker(f"writing to {key}")
        try:
            await worker.run(lambda: self._open(opened))
        except BaseException:
            await worker.close()
            opened.close()
            raise
        return HIDConnection(opened, worker, self.is_attached, report_ids=options.report_ids)

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.close`."""
        self._library = None
        self._descriptors.clear()

    def attached(self) -> dict[str, AttachedDevice]:
        """All that is attached, by key; hidapi lists a device once for each of its usages. It blocks for some milliseconds."""
        library = self._loaded()
        with self._lock:
            listed = {os.fsdecode(entry["path"]): entry for entry in reversed(library.enumerate())}
        for path in self._descriptors.keys() - listed.keys():
            del self._descriptors[path]
        return {path: self._described(library, path, listed[path]) for path in sorted(listed)}

    def is_attached(self, key: str) -> bool:
        """Whether there is a device under that key now. It blocks for some milliseconds."""
        library = self._loaded()
        with self._lock:
            return any(os.fsdecode(entry["path"]) == key for entry in library.enumerate())

    def _loaded(self) -> Library:
        if self._library is None:
            self._library = load()
        return self._library

    def _described(self, library: Library, path: str, entry: Mapping[str, Any]) -> AttachedDevice:
        vendor_id, product_id = int(entry["vendor_id"]), int(entry["product_id"])
        name, serial_number = well_formed(entry["product_string"]), well_formed(entry["serial_number"])
        if sys.platform == "linux":
            node = hid_node(path) if _is_node(path) else hid_interface(path)
            serial_number = serial_number or node.serial_number
        else:
            node = HIDNode(
                report_descriptor=self._descriptor(library, path),
                place=f"{vendor_id:04x}:{product_id:04x}:{serial_number}" if serial_number else path,
            )
        facts = HIDFacts(
            vendor_id=vendor_id,
            product_id=product_id,
            product_name=name or node.name,
            serial_number=serial_number,
            report_descriptor=node.report_descriptor,
        )
        return AttachedDevice(key=path, place=node.place, facts=facts)

    def _descriptor(self, library: Library, path: str) -> bytes:
        """By opening the device, once for as long as it is attached."""
        known = self._descriptors.get(path)
        if known is None:
            known = b""
            handle = library.device()
            with contextlib.suppress(OSError, ValueError):
                handle.open_path(os.fsencode(path))
                known = bytes(handle.get_report_descriptor())
            handle.close()
            self._descriptors[path] = known
        return known

    def _open(self, opened: _Opened) -> None:
        try:
            with self._lock:
                opened.open()
        except OSError as error:
            raise self._refusal(opened.key, error) from error

    def _refusal(self, key: str, error: OSError) -> DeviceError:
        """Why a device cannot be opened: hidapi does not say, but the system does when it is asked again."""
        known = self.attached().get(key)
        if known is None:
            return DeviceError("not_found", f"there is no HID device {key!r}")
        assert isinstance(known.facts, HIDFacts), "what hidapi lists is HID"
        failure = failure_of(_number_of_refusal(key))
        if failure == "denied" or (failure == "failed" and sys.platform == "darwin"):
            return hid_denied(key, known.facts.vendor_id, known.facts.product_id)
        return DeviceError(failure, f"the HID device {key} cannot be opened: {error}")


class HIDConnection:
    """A HID device that is open.

    Input reports that nobody receives are kept, 1024 here and as many as the system holds (64 on Linux); what comes then is lost.
    """

    def __init__(
        self, opened: _Opened, worker: Worker, is_attached: Callable[[str], bool], *, report_ids: bool
    ) -> None:
        self._key = key = opened.key
        self._opened = opened
        self._worker = worker
        self._is_attached = is_attached
        self._report_ids = report_ids
        self._closed = self._released = False
        self._reader = Producer(f"reading {key}", self._read, most=_MOST_REPORTS)

    async def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.perform`.

        hidapi takes no limit of time for what is sent or asked for: when ours is over its call is left alone, and what is asked
        next waits for its end, which the system sees to (after 5 s on Linux).
        """
        self._check()
        match operation:
            case SendReport(report_id=report_id):
                report = bytes((report_id,)) + data
                return await self._sent(len(data), lambda handle: handle.write(report), timeout_s)
            case SendFeatureReport(report_id=report_id):
                report = bytes((report_id,)) + data
                return await self._sent(len(data), lambda handle: handle.send_feature_report(report), timeout_s)
            case ReceiveFeatureReport(report_id=report_id, length=length):
                return await self._worker.run(lambda: self._receive_feature(report_id, length), timeout_s)
            case _:
                raise DeviceError("unsupported", f"a HID device cannot do {type(operation).__name__}")

    async def receive(self) -> Incoming:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.receive`."""
        return await self._reader.next()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.close`."""
        self._closed = True
        await self._reader.close()
        with trio.CancelScope(shield=True):
            if not self._released:
                self._released = True
                await self._worker.run(self._opened.close)
            await self._worker.close()

    def _check(self) -> None:
        if self._closed:
            raise DeviceError("gone", f"the connection to {self._key} has been closed")
        error = self._reader.error
        if error is not None:
            raise DeviceError(error.failure, str(error))

    async def _sent(self, length: int, send: Callable[[Handle], int], timeout_s: float | None) -> TransferResult:
        await self._worker.run(lambda: self._send(send), timeout_s)
        return TransferResult(bytes_written=length)

    # -- in the threads -------------------------------------------------------------------------------------------------

    def _read(self) -> Incoming | None:
        try:
            report = bytes(self._opened.reading.read(_MOST_REPORT_BYTES, _SLICE_MS))
        except OSError as error:
            raise self._failure("reading", str(error), _LEAVES_WITHIN_S) from error
        if not report:
            return None
        return Incoming(report[0], report[1:]) if self._report_ids else Incoming(0, report)

    def _send(self, send: Callable[[Handle], int]) -> None:
        handle = self._opened.writing
        try:
            count = send(handle)
        except OSError as error:
            raise self._failure("writing", str(error)) from error
        if count < 0:
            raise self._failure("writing", handle.error())

    def _receive_feature(self, report_id: int, length: int) -> TransferResult:
        try:
            report = bytes(self._opened.writing.get_feature_report(report_id, length + 1))
        except OSError as error:
            raise self._failure("a feature report", str(error)) from error
        return TransferResult(data=report[1:])

    def _failure(self, what: str, why: str, within_s: float = 0.0) -> DeviceError:
        """``gone`` for a device that is no longer listed, or is not ``within_s`` from now."""
        until = time.monotonic() + within_s
        while self._is_attached(self._key):
            if time.monotonic() >= until:
                return DeviceError("failed", f"{what} failed at {self._key}: {why}")
            time.sleep(_LEAVES_WITHIN_S / 10)
        return DeviceError("gone", f"the HID device {self._key} has been unplugged")


class _Opened:
    """The handles of one device: one to read with, one for all else, which may be the same."""

    def __init__(self, library: Library, key: str) -> None:
        self.key = key
        self._library = library
        self.reading = library.device()
        self.writing = self.reading

    def open(self) -> None:
        path = os.fsencode(self.key)
        self.reading.open_path(path)
        if _is_node(self.key):
            self.writing = self._library.device()
            try:
                self.writing.open_path(path)
            except OSError:
                self.reading.close()
                raise

    def close(self) -> None:
        self.writing.close()
        self.reading.close()


def load() -> Library:
    """hidapi: on Linux over hidraw, which leaves the device to its driver, where the package has that. Raises ``DeviceError``."""
    found = None
    for name in ("hidraw", "hid") if sys.platform == "linux" else ("hid",):
        try:
            found = importlib.import_module(name)
        except ImportError as error:
            if name == "hid":
                raise missing_package("hidapi", "HID", error) from error
            continue
        break
    if not hasattr(found, "device"):
        other = ImportError("what is installed as 'hid' is the package 'hid', not 'hidapi'; uninstall it first")
        raise missing_package("hidapi", "HID", other)
    return cast("Library", found)


def _is_node(path: str) -> bool:
    return path.startswith("/dev/hidraw")


def _number_of_refusal(path: str) -> int | None:
    """The ``errno`` with which the system refuses to open a node; None where there are no nodes, or it does not refuse."""
    if not _is_node(path):
        return None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.errno
    return None
