"""``page.navigator.serial``: Web Serial (https://wicg.github.io/serial/) in snake_case."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, Self, get_args

import msgspec

from partita.actors.devices.filters import serial_filters, service_class
from partita.actors.devices.shown import serial_shown
from partita.actors.kernel.future import Future, resolved
from partita.devices.errors import error_of, refusal
from partita.devices.frame import DeviceFrame, WebDevice, WebDevices, as_bytes, nothing
from partita.events.device_facts import SerialFacts
from partita.events.device_filters import SerialRequest
from partita.events.device_transfers import (
    DiscardSerial,
    DrainSerial,
    FlowControl,
    GetSignals,
    Incoming,
    InputSignals,
    OpenSerial,
    Parity,
    SetSignals,
    TransferResult,
    WriteSerial,
)
from partita.events.devices import BrokerAnswer, KnownDevice
from partita.events.errors import InvalidStateError, NotFoundError

TIMEOUT_S: Final = 30.0
"""How long a port may take, unless it is said otherwise."""

BUFFER_BYTES: Final = 255
"""How much is kept for a reader who is behind, unless it is said otherwise (Web Serial 4.4)."""

_DATA_BITS: Final = (7, 8)
_STOP_BITS: Final = (1, 2)
_LARGEST_BUFFER: Final = 16 << 20


class SerialPortInfo(msgspec.Struct, frozen=True, rename="camel"):
    """What a page is told of a port (Web Serial 4.3, SerialPortInfo)."""

    usb_vendor_id: int | None = None
    usb_product_id: int | None = None
    bluetooth_service_class_id: str | None = None


class SerialConnectionEvent(msgspec.Struct, frozen=True):
    """``connect`` and ``disconnect``, of the interface and of the port: it has come, or is gone."""

    port: WebSerialPort


class Serial(WebDevices):
    """``navigator.serial``. Events: ``connect``, ``disconnect``."""

    def __init__(self, frame: DeviceFrame) -> None:
        super().__init__(frame, "serial")

    def request_port(
        self,
        filters: Iterable[Mapping[str, object]] = (),
        allowed_bluetooth_service_class_ids: Iterable[str | int] = (),
    ) -> Future[WebSerialPort]:
        """Have somebody choose a port (``select-serial-port``); what is chosen is granted to the document's origin.

        A filter is a mapping with ``usb_vendor_id`` and perhaps ``usb_product_id``, or with ``bluetooth_service_class_id``. Fails
        with :class:`NotFoundError` when none is chosen. Raises :class:`TypeError` for filters that are none.
        """
        allowed = tuple(service_class(one) for one in allowed_bluetooth_service_class_ids)
        request = SerialRequest(serial_filters(filters), allowed)
        return self._frame.choose("serial", request).map(self._chosen)

    def _chosen(self, answer: BrokerAnswer) -> WebSerialPort:
        if (error := refusal(answer, "serial")) is not None:
            raise error
        for known in self._frame.chosen("serial", answer.ids[0]):
            return self._object(known)
        raise NotFoundError("The port was disconnected.")

    def get_ports(self) -> Future[list[WebSerialPort]]:
        """The ports that the document may have."""
        return self._frame.granted("serial", self._object)

    def _object(self, known: KnownDevice) -> WebSerialPort:
        port = super()._object(known)
        assert isinstance(port, WebSerialPort), "it makes no other"
        return port

    def _make(self, known: KnownDevice) -> WebSerialPort:
        return WebSerialPort(self._frame, known)

    def _event(self, device: WebDevice) -> SerialConnectionEvent:
        assert isinstance(device, WebSerialPort), "it makes no other"
        return SerialConnectionEvent(device)


class WebSerialPort(WebDevice):
    """A serial port as a document has it (Web Serial: SerialPort). Made by :class:`Serial`.

    ``readable`` and ``writable``: its two directions, while it is open; None else.
    """

    def __init__(self, frame: DeviceFrame, known: KnownDevice) -> None:
        super().__init__(frame, "serial", known)
        facts = known.device.facts
        assert isinstance(facts, SerialFacts), "a serial port has these"
        self.port_name: Final = serial_shown(known).port_name
        self._info = SerialPortInfo(facts.vendor_id, facts.product_id, facts.service_class_id)
        self._readable: SerialReadable | None = None
        self._writable: SerialWritable | None = None

    @property
    def readable(self) -> SerialReadable | None:
        """What it receives."""
        return self._readable if self.opened else None

    @property
    def writable(self) -> SerialWritable | None:
        """Where it sends."""
        return self._writable if self.opened else None

    @property
    def connected(self) -> bool:
        """Whether it is attached."""
        return self._is_attached

    def get_info(self) -> SerialPortInfo:
        """Its USB numbers, or its Bluetooth service class."""
        return self._info

    def open(
        self,
        *,
        baud_rate: int,
        data_bits: int = 8,
        stop_bits: int = 1,
        parity: Parity = "none",
        buffer_size: int = BUFFER_BYTES,
        flow_control: FlowControl = "none",
    ) -> Future[None]:
        """Open it (Web Serial 4.4). ``buffer_size``: bytes that wait for a reader at most; then the sender waits.

        Raises :class:`TypeError` for what no port can be set to, :class:`InvalidStateError` when it is open already. Fails with
        :class:`SecurityError` without a grant, with :class:`NetworkError` where it cannot be opened.
        """
        _one_of("data_bits", data_bits, _DATA_BITS)
        _one_of("stop_bits", stop_bits, _STOP_BITS)
        _one_of("parity", parity, get_args(Parity))
        _one_of("flow_control", flow_control, get_args(FlowControl))
        _above("baud_rate", baud_rate)
        _above("buffer_size", buffer_size)
        if buffer_size > _LARGEST_BUFFER:
            raise TypeError(f"buffer_size is at most {_LARGEST_BUFFER}, not {buffer_size}")
        readable = SerialReadable(buffer_size)
        options = OpenSerial(baud_rate, data_bits, stop_bits, parity, buffer_size, flow_control)

        def on_open(_: None) -> None:
            self._writable = SerialWritable(self)

        self._readable = readable
        return self._open(options, readable.take).map(on_open)

    def _closed(self, gone: bool) -> None:
        readable, self._readable, self._writable = self._readable, None, None
        if readable is not None:
            is_in_order = self._was_closed or (self._is_attached and not gone)  # its hanging up may be heard first
            readable.end(None if is_in_order else error_of("gone", kind="serial"))

    def set_signals(
        self,
        *,
        data_terminal_ready: bool | None = None,
        request_to_send: bool | None = None,
        break_: bool | None = None,
    ) -> Future[None]:
        """Set its lines; what is None stays as it is. Raises :class:`TypeError` when nothing is said."""
        if data_terminal_ready is None and request_to_send is None and break_ is None:
            raise TypeError("Signals dictionary must contain at least one member.")
        return self._perform(SetSignals(data_terminal_ready, request_to_send, break_), nothing, timeout=TIMEOUT_S)

    def get_signals(self) -> Future[InputSignals]:
        """Its lines: ``data_carrier_detect``, ``clear_to_send``, ``ring_indicator``, ``data_set_ready``."""

        def signals(result: TransferResult) -> InputSignals:
            assert result.signals is not None, "that is what was asked for"
            return result.signals

        return self._perform(GetSignals(), signals, timeout=TIMEOUT_S)

    def write(self, data: bytes, timeout: float | None) -> Future[None]:
        """For its ``writable``."""
        return self._perform(WriteSerial(), nothing, data, timeout)

    def drain(self, timeout: float | None) -> Future[None]:
        """For its ``writable``."""
        return self._perform(DrainSerial(), nothing, timeout=timeout)

    def discard(self) -> Future[None]:
        """For its ``writable``."""
        return self._perform(DiscardSerial("out"), nothing, timeout=TIMEOUT_S)

    def __repr__(self) -> str:
        return f"<WebSerialPort {self.port_name!r}>"


class SerialReadable:
    """What a port receives: ``async for chunk in port.readable``, a plain ``for``, or :meth:`read`.

    It ends when the port is closed, and raises :class:`NetworkError` when it was unplugged. When so many bytes wait as the port's
    ``buffer_size`` says, no more are taken from it.
    """

    def __init__(self, buffer_size: int) -> None:
        self._most = buffer_size
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._reader: Future[bytes] | None = None
        self._room: Future[None] | None = None
        self._ended = False
        self._error: Exception | None = None
        self._lock = threading.Lock()

    def read(self) -> Future[bytes]:
        """The next bytes, at least one; none at the end. Fails with :class:`NetworkError` when the port is gone.

        Raises :class:`InvalidStateError` while somebody else reads.
        """
        with self._lock:
            if self._reader is not None:
                raise InvalidStateError("somebody reads from this port already")
            if not self._chunks:
                future: Future[bytes] = Future()
                if not self._ended:
                    self._reader = future
                    return future
                if self._error is not None:
                    future.set_exception(self._error)
                else:
                    future.set(b"")
                return future
            chunk = self._chunks.popleft()
            self._waiting_bytes -= len(chunk)
            room = self._room if self._waiting_bytes < self._most else None
            if room is not None:
                self._room = None
        if room is not None:
            room.set(None)
        return resolved(chunk)

    def take(self, incoming: Incoming) -> Future[None] | None:
        """What the port has received; a future when there is no room for more."""
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is None:
                self._chunks.append(incoming.data)
                self._waiting_bytes += len(incoming.data)
                if self._waiting_bytes >= self._most and not self._ended:
                    self._room = Future()
                    return self._room
                return None
        reader.set(incoming.data)
        return None

    def end(self, error: Exception | None) -> None:
        """Nothing more comes; ``error``: why, when that is not because it was closed."""
        with self._lock:
            self._ended, self._error = True, error
            reader, self._reader = self._reader, None
            room, self._room = self._room, None
        if room is not None:
            room.set(None)
        if reader is not None and error is not None:
            reader.set_exception(error)
        elif reader is not None:
            reader.set(b"")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        chunk = self.read().get()
        if not chunk:
            raise StopIteration
        return chunk


class SerialWritable:
    """Where a port sends."""

    def __init__(self, port: WebSerialPort) -> None:
        self._port = port

    def write(self, data: bytes | bytearray | memoryview, *, timeout: float | None = TIMEOUT_S) -> Future[None]:
        """Send; done when the system has taken all of it. Raises :class:`InvalidStateError` when the port is not open.

        Fails with :class:`NetworkError`, also when that takes longer than ``timeout`` seconds.
        """
        return self._port.write(as_bytes(data), timeout)

    def drain(self, *, timeout: float | None = TIMEOUT_S) -> Future[None]:
        """Done when all that was written has been sent."""
        return self._port.drain(timeout)

    def abort(self) -> Future[None]:
        """Throw away what was written and has not been sent."""
        return self._port.discard()


def _one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise TypeError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r:.200}")


def _above(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise TypeError(f"{name} is a whole number above 0, not {value!r:.200}")
