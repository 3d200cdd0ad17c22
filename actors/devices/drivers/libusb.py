"""libusb's own transfers, which may be under way side by side, beneath pyusb, whose calls wait for one after another.

pyusb finds the library, lists and opens devices, and does what concerns a device as a whole. Its transfers block their thread
and can be neither given up nor left waiting without a limit; those for isochronous endpoints lose what each packet said.
So transfers are handed to libusb here, as structures of its documented interface (``libusb.h``, "Asynchronous device I/O"):

    submit ──▶ the system ──▶ one thread handles events ──▶ callback ──▶ the task in trio's loop
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import trio
from msgspec import Struct

from partita.actors.devices.drivers.refusals import missing_libusb, missing_package
from partita.actors.devices.drivers.threads import SLICE_S, AwaitedThread, soon
from partita.events.errors import DeviceError

if TYPE_CHECKING:
    from usb.backend import IBackend

CONTROL: Final = 0
ISOCHRONOUS: Final = 1
BULK: Final = 2
INTERRUPT: Final = 3
"""Transfer types (USB 2.0 table 9-13; ``libusb_transfer_type``)."""

COMPLETED: Final = 0
FAILED: Final = 1
TIMED_OUT: Final = 2
CANCELLED: Final = 3
STALL: Final = 4
NO_DEVICE: Final = 5
OVERFLOW: Final = 6
"""``libusb_transfer_status``."""

ERROR_ACCESS: Final = -3
ERROR_NO_DEVICE: Final = -4
ERROR_NOT_FOUND: Final = -5
ERROR_BUSY: Final = -6
ERROR_TIMEOUT: Final = -7
ERROR_NO_MEM: Final = -11
ERROR_NOT_SUPPORTED: Final = -12
"""``libusb_error``."""

_AFTER_AN_ERROR_S: Final = 0.01
_LONGEST_MS: Final = 0xFFFFFFFF
_MOST_POOLED: Final = 4
_POOLED_BYTES: Final = 1 << 20
_function_type = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)


class _Packet(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("actual_length", ctypes.c_uint), ("status", ctypes.c_int))


class _Transfer(ctypes.Structure):
    _fields_ = (
        ("dev_handle", ctypes.c_void_p),
        ("flags", ctypes.c_uint8),
        ("endpoint", ctypes.c_ubyte),
        ("type", ctypes.c_ubyte),
        ("timeout", ctypes.c_uint),
        ("status", ctypes.c_int),
        ("length", ctypes.c_int),
        ("actual_length", ctypes.c_int),
        ("callback", ctypes.c_void_p),
        ("user_data", ctypes.c_void_p),
        ("buffer", ctypes.c_void_p),
        ("num_iso_packets", ctypes.c_int),
        ("packets", _Packet * 0),
    )


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class Request(Struct, frozen=True):
    """A transfer that is wanted. ``endpoint``: its address. ``kind``: its transfer type.

    ``memory``: is read or written where it is. ``length``: of all, in bytes. ``timeout_s``: None for no limit.
    ``packet_lengths``: in bytes, of an isochronous one.
    """

    endpoint: int
    kind: int
    memory: Buffer | bytes
    length: int
    timeout_s: float | None
    packet_lengths: tuple[int, ...] = ()


class Ended(Struct):
    """How a transfer ended. ``packets``: of an isochronous one, how long each was and its own status."""

    status: int
    length: int
    packets: tuple[tuple[int, int], ...] = ()


class Buffer:
    """Memory that libusb writes into, at ``address``."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._memory = (ctypes.c_char * size_bytes)()
        self.address = ctypes.addressof(self._memory)

    def put(self, data: bytes) -> None:
        """``data`` at its beginning."""
        ctypes.memmove(self.address, data, len(data))

    def take(self, length: int, offset: int = 0) -> bytes:
        """A copy of ``length`` bytes of it."""
        return ctypes.string_at(self.address + offset, length)


class Libusb:
    """libusb, begun, and the thread that handles its events while a device is open.

    ``backend``: pyusb's, which holds the context. Raises ``DeviceError`` when pyusb or libusb are not there.
    """

    def __init__(self) -> None:
        self.backend: IBackend = _backend()
        backend: Any = self.backend
        self._context = backend.ctx
        self._lib = _with_prototypes(backend.lib)
        self._users = 0
        self._events: _Events | None = None
        self._under_way: dict[int, _Waiting] = {}
        self._number = 0
        self._callback = _function_type(None, ctypes.POINTER(_Transfer))(self._came_back)
        self._buffers: deque[Buffer] = deque(maxlen=_MOST_POOLED)

    def begin(self) -> None:
        """A device has been opened: its events are handled from now on, until :meth:`end` is called as often."""
        self._users += 1
        if self._events is None:
            self._events = _Events(self._lib, self._context)

    async def end(self) -> None:
        """A device has been closed."""
        self._users -= 1
        if not self._users and self._events is not None:
            events, self._events = self._events, None
            await events.close()

    def close(self) -> None:
        """Give the library up; all devices have been closed."""
        backend: Any = self.backend
        backend.finalize()

    def detach_drivers(self, handle: int) -> None:
        """Kernel drivers leave the interfaces that are claimed, and come back when these are released; where that can be had."""
        self._lib.libusb_set_auto_detach_kernel_driver(handle, 1)

    def buffer(self, size_bytes: int) -> Buffer:
        """Memory for a transfer; :meth:`give_back` keeps it for the next."""
        for kept in self._buffers:
            if kept.size_bytes >= size_bytes:
                self._buffers.remove(kept)
                return kept
        return Buffer(max(size_bytes, 1))

    def give_back(self, buffer: Buffer) -> None:
        """Nobody uses it any more."""
        if buffer.size_bytes <= _POOLED_BYTES:
            self._buffers.append(buffer)

    def submit(self, handle: int, request: Request) -> Transfer:
        """Hand a transfer to the system. Raises ``DeviceError`` when it does not take it. ``handle``: libusb's, of the device."""
        pointer = self._lib.libusb_alloc_transfer(len(request.packet_lengths))
        if not pointer:
            raise DeviceError("failed", "libusb has no memory for a transfer")
        self._number += 1
        transfer = pointer.contents
        transfer.dev_handle = handle
        transfer.flags = 0
        transfer.endpoint = request.endpoint
        transfer.type = request.kind
        transfer.timeout = milliseconds(request.timeout_s)
        transfer.length = request.length
        transfer.callback = ctypes.cast(self._callback, ctypes.c_void_p)
        transfer.user_data = self._number
        transfer.buffer = request.memory.address if isinstance(request.memory, Buffer) else _address_of(request.memory)
        transfer.num_iso_packets = len(request.packet_lengths)
        for packet, size in zip(_packets(transfer), request.packet_lengths, strict=True):
            packet.length = size
        waiting = _Waiting(pointer, request.memory)
        self._under_way[self._number] = waiting
        code = self._lib.libusb_submit_transfer(pointer)
        if code:
            del self._under_way[self._number]
            self._lib.libusb_free_transfer(pointer)
            raise transfer_refused(code, request.length)
        return Transfer(self, self._number, waiting)

    def cancel(self, number: int) -> None:
        """Have a transfer end soon; nothing happens when it has ended."""
        waiting = self._under_way.get(number)
        if waiting is not None:
            with waiting.lock:
                if waiting.ended is None:
                    self._lib.libusb_cancel_transfer(waiting.pointer)

    # -- in the thread that handles events --------------------------------------------------------------------------------

    def _came_back(self, pointer: Any) -> None:
        transfer = pointer.contents
        packets = tuple((packet.actual_length, packet.status) for packet in _packets(transfer))
        waiting = self._under_way.pop(transfer.user_data)
        with waiting.lock:
            waiting.ended = Ended(transfer.status, transfer.actual_length, packets)
            self._lib.libusb_free_transfer(pointer)
        soon(waiting.loop, waiting.event.set)


class Transfer:
    """A transfer under way."""

    def __init__(self, libusb: Libusb, number: int, waiting: _Waiting) -> None:
        self._libusb = libusb
        self._number = number
        self._waiting = waiting

    async def wait(self) -> Ended:
        """Until it has ended. A task that is cancelled leaves at once, and the transfer is cancelled as well."""
        try:
            await self._waiting.event.wait()
        except trio.Cancelled:
            self.cancel()
            raise
        assert self._waiting.ended is not None, "told when it has ended"
        return self._waiting.ended

    @property
    def has_ended(self) -> bool:
        """Whether the system has given its memory back."""
        return self._waiting.ended is not None

    def cancel(self) -> None:
        """Have it end soon, as ``CANCELLED`` if nothing else comes first."""
        self._libusb.cancel(self._number)

    async def settle(self) -> None:
        """Cancel it, and wait until the system has let go of its memory; also in a task that is cancelled."""
        self.cancel()
        with trio.CancelScope(shield=True):
            await self._waiting.event.wait()


def transfer_refused(code: int, length: int) -> DeviceError:
    """What an error of ``libusb_submit_transfer`` means; ``length`` in bytes."""
    if code == ERROR_NO_DEVICE:
        return DeviceError("gone", "the USB device has been unplugged")
    if code == ERROR_BUSY:
        return DeviceError("busy", "the USB endpoint is in use")
    if code == ERROR_NOT_SUPPORTED:
        return DeviceError("unsupported", "this system's libusb cannot do such a transfer")
    if code == ERROR_NO_MEM:
        return DeviceError(
            "failed",
            f"the system has no memory for a transfer of {length} bytes: ask for less at a time,"
            " or on Linux raise /sys/module/usbcore/parameters/usbfs_memory_mb",
        )
    if code == ERROR_NOT_FOUND:
        return DeviceError("failed", "the USB device has no such endpoint in what is claimed")
    return DeviceError("failed", f"the system does not take the transfer (libusb says {code})")


class _Waiting:
    """What has to live until a transfer ends, and who waits for that."""

    def __init__(self, pointer: Any, memory: Buffer | bytes) -> None:
        self.pointer = pointer
        self.memory = memory
        self.lock = threading.Lock()
        self.loop = trio.lowlevel.current_trio_token()
        self.event = trio.Event()
        self.ended: Ended | None = None


class _Events:
    """The thread in which libusb calls back."""

    def __init__(self, lib: Any, context: Any) -> None:
        self._lib = lib
        self._context = context
        self._stopping = False
        self._thread = AwaitedThread("USB transfers", self._run)

    async def close(self) -> None:
        self._stopping = True
        self._lib.libusb_interrupt_event_handler(self._context)
        await self._thread.ended()

    def _run(self) -> None:
        limit = _Timeval(0, int(SLICE_S * 1_000_000))
        while not self._stopping:
            if self._lib.libusb_handle_events_timeout_completed(self._context, ctypes.byref(limit), None):
                time.sleep(_AFTER_AN_ERROR_S)  # it came back at once, and may do so again


def milliseconds(timeout_s: float | None) -> int:
    """As libusb takes a limit: 0 is none."""
    return 0 if timeout_s is None else max(1, math.ceil(min(timeout_s * 1000, _LONGEST_MS)))


def _address_of(data: bytes) -> int | None:
    """Where the bytes are; they are there for as long as somebody holds them."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value


def _packets(transfer: _Transfer) -> Any:
    count = transfer.num_iso_packets
    return (_Packet * count).from_address(ctypes.addressof(transfer) + _Transfer.packets.offset)


def _backend() -> IBackend:
    """pyusb's, with a context of its own: the one that pyusb shares is never given up, and it has a thread."""
    try:
        import usb.backend.libusb1 as backends  # noqa: PLC0415  # an extra
        import usb.core  # noqa: PLC0415
        import usb.libloader  # noqa: PLC0415
    except ImportError as error:
        raise missing_package("pyusb", "USB", error) from error
    try:
        library = backends._load_library(_finder())  # noqa: SLF001  # see above; a test holds pyusb to these names
        backends._setup_prototypes(library)  # noqa: SLF001
        backends._lib = library  # noqa: SLF001
        backend: IBackend = backends._LibUSB(library)  # noqa: SLF001
    except usb.libloader.LibraryException as error:
        raise missing_libusb() from error
    except (OSError, usb.core.USBError, NotImplementedError) as error:
        raise missing_libusb(error) from error
    return backend


def _finder() -> Callable[[str], str | None] | None:
    """Who finds libusb in place of pyusb: the package that brings it, except on Linux, where it knows nothing of udev."""
    find: Callable[[str], str | None] | None = None
    if sys.platform != "linux":
        with contextlib.suppress(ImportError):
            import libusb_package  # noqa: PLC0415  # optional

            find = libusb_package.find_library
    return find


def _with_prototypes(lib: Any) -> Any:
    """The same library with prototypes of our own, which do not get in the way of pyusb's."""
    own = type(lib)(lib._name)  # noqa: SLF001  # ctypes' documented attribute
    pointer = ctypes.POINTER(_Transfer)
    own.libusb_alloc_transfer.argtypes = (ctypes.c_int,)
    own.libusb_alloc_transfer.restype = pointer
    own.libusb_free_transfer.argtypes = (pointer,)
    own.libusb_free_transfer.restype = None
    own.libusb_submit_transfer.argtypes = (pointer,)
    own.libusb_cancel_transfer.argtypes = (pointer,)
    own.libusb_handle_events_timeout_completed.argtypes = (
        ctypes.c_void_p,
        ctypes.POINTER(_Timeval),
        ctypes.c_void_p,
    )
    own.libusb_interrupt_event_handler.argtypes = (ctypes.c_void_p,)
    own.libusb_interrupt_event_handler.restype = None
    own.libusb_set_auto_detach_kernel_driver.argtypes = (ctypes.c_void_p, ctypes.c_int)
    return own
