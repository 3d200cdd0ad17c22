"""``page.navigator.usb``: WebUSB (https://wicg.github.io/webusb/) in snake_case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from partita.actors.devices.filters import exclusions, read, usb_filters
from partita.actors.devices.structures import (
    USBAlternateInterface,
    USBConfiguration,
    USBDirection,
    USBEndpoint,
    USBInterface,
)
from partita.actors.devices.usb_descriptors import usb_device
from partita.actors.kernel.future import Future
from partita.devices.errors import refusal
from partita.devices.frame import DeviceFrame, WebDevice, WebDevices, as_bytes, nothing
from partita.events.device_facts import USBFacts
from partita.events.device_filters import USBRequest
from partita.events.device_transfers import (
    ClaimInterface,
    ClearHalt,
    ControlRecipient,
    ControlTransfer,
    ControlType,
    Incoming,
    IsochronousTransferIn,
    IsochronousTransferOut,
    OpenUSB,
    Operation,
    ReleaseInterface,
    ResetDevice,
    SelectAlternateInterface,
    SelectConfiguration,
    TransferIn,
    TransferOut,
    TransferResult,
    TransferStatus,
)
from partita.events.devices import BrokerAnswer, KnownDevice
from partita.events.errors import IndexSizeError, InvalidAccessError, InvalidStateError, NotFoundError

Filters = Iterable[Mapping[str, object]]
Data = bytes | bytearray | memoryview

TIMEOUT_S: Final = 30.0
"""How long a device may take, unless it is said otherwise. What waits for data waits as long as it takes."""

_LAST_ENDPOINT: Final = 15
_SHORT: Final = 0xFFFF


class ControlSetup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """USBControlTransferParameters (WebUSB 6.2): ``request`` of 8 bits, ``value`` and ``index`` of 16."""

    request_type: ControlType
    recipient: ControlRecipient
    request: int
    value: int
    index: int


class USBInTransferResult(msgspec.Struct, frozen=True):
    """``data``: what has come; ``status``: ``"ok"``, ``"stall"`` or ``"babble"``."""

    data: bytes
    status: TransferStatus


class USBOutTransferResult(msgspec.Struct, frozen=True):
    """``bytes_written``: how many have gone out; ``status``: ``"ok"`` or ``"stall"``."""

    bytes_written: int
    status: TransferStatus


class USBIsochronousInTransferResult(msgspec.Struct, frozen=True):
    """``data``: of all packets, one behind another; ``packets``: each one's."""

    data: bytes
    packets: tuple[USBInTransferResult, ...]


class USBIsochronousOutTransferResult(msgspec.Struct, frozen=True):
    """``packets``: what became of each."""

    packets: tuple[USBOutTransferResult, ...]


class USBConnectionEvent(msgspec.Struct, frozen=True):
    """``connect`` and ``disconnect``: a device that the document may have has come, or is gone."""

    device: WebUSBDevice


class USB(WebDevices):
    """``navigator.usb``. Events: ``connect``, ``disconnect``."""

    def __init__(self, frame: DeviceFrame) -> None:
        super().__init__(frame, "usb")

    def request_device(self, filters: Filters = (), exclusion_filters: Filters | None = None) -> Future[WebUSBDevice]:
        """Have somebody choose a device (``select-usb-device``); what is chosen is granted to the document's origin.

        A filter is a mapping with some of ``vendor_id``, ``product_id``, ``class_code``, ``subclass_code``, ``protocol_code`` and
        ``serial_number``. Fails with :class:`NotFoundError` when none is chosen. Raises :class:`TypeError` for filters that are
        none, :class:`UsageError` when the frame is gone.
        """
        request = USBRequest(usb_filters(filters), exclusions(exclusion_filters, usb_filters))
        return self._frame.choose("usb", request).map(self._chosen)

    def _chosen(self, answer: BrokerAnswer) -> WebUSBDevice:
        if (error := refusal(answer, "usb")) is not None:
            raise error
        for known in self._frame.chosen("usb", answer.ids[0]):
            return self._object(known)
        raise NotFoundError("The device was disconnected.")

    def get_devices(self) -> Future[list[WebUSBDevice]]:
        """The devices that the document may have."""
        return self._frame.granted("usb", self._object)

    def _object(self, known: KnownDevice) -> WebUSBDevice:
        device = super()._object(known)
        assert isinstance(device, WebUSBDevice), "it makes no other"
        return device

    def _make(self, known: KnownDevice) -> WebUSBDevice:
        return WebUSBDevice(self._frame, known)

    def _event(self, device: WebDevice) -> USBConnectionEvent:
        assert isinstance(device, WebUSBDevice), "it makes no other"
        return USBConnectionEvent(device)


class WebUSBDevice(WebDevice):
    """A USB device as a document has it (WebUSB: USBDevice). Made by :class:`USB`.

    ``configurations``: all that it has. The names of the descriptors' fields are those of :class:`USBDevice`.
    """

    def __init__(self, frame: DeviceFrame, known: KnownDevice) -> None:
        super().__init__(frame, "usb", known)
        facts = known.device.facts
        assert isinstance(facts, USBFacts), "a USB device has these"
        device = usb_device(facts, known.device_id)
        self.vendor_id: Final = device.vendor_id
        self.product_id: Final = device.product_id
        self.device_class: Final = device.device_class
        self.device_subclass: Final = device.device_subclass
        self.device_protocol: Final = device.device_protocol
        self.usb_version: Final = device.usb_version_major, device.usb_version_minor, device.usb_version_subminor
        self.device_version: Final = (
            device.device_version_major,
            device.device_version_minor,
            device.device_version_subminor,
        )
        self.manufacturer_name: Final = device.manufacturer_name
        self.product_name: Final = device.product_name
        self.serial_number: Final = device.serial_number
        self.configurations: Final[tuple[USBConfiguration, ...]] = device.configurations
        self._at_first = self._configuration = device.configuration
        self._claimed: dict[int, USBAlternateInterface] = {}

    @property
    def configuration(self) -> USBConfiguration | None:
        """The one that is selected; None where none is."""
        return self._configuration

    @property
    def claimed_interfaces(self) -> tuple[int, ...]:
        """The numbers of the interfaces that are claimed."""
        return tuple(self._claimed)

    def open(self) -> Future[None]:
        """Open it. Fails with :class:`SecurityError` without a grant, with :class:`NotFoundError`, :class:`NetworkError`.

        Raises :class:`InvalidStateError` when it is open already, :class:`UsageError` when the frame is gone.
        """
        return self._open(OpenUSB(), _nothing_comes)

    def _closed(self, gone: bool) -> None:  # noqa: ARG002  # the shape of each
        self._claimed.clear()
        self._configuration = self._at_first

    # -- what it is set to ------------------------------------------------------------------------------------------

    def select_configuration(self, configuration_value: int) -> Future[None]:
        """Select a configuration; what was claimed is claimed no longer.

        Raises :class:`InvalidStateError` when it is not open, :class:`NotFoundError` for a configuration that it has not.
        """
        self._check_open()
        for configuration in self.configurations:
            if configuration.configuration_value == configuration_value:
                selected = configuration
                break
        else:
            raise NotFoundError("The configuration value provided is not supported by the device.")

        def on_selected(_: TransferResult) -> None:
            self._configuration = selected
            self._claimed.clear()

        return self._perform(SelectConfiguration(configuration_value), on_selected, timeout=TIMEOUT_S)

    def claim_interface(self, interface_number: int) -> Future[None]:
        """Claim an interface of the configuration. Fine when it is claimed already.

        Raises as :meth:`select_configuration` does. Fails with :class:`SecurityError` for one of a protected class, with
        :class:`NetworkError` where the system, or another program, has it.
        """
        interface = self._interface(interface_number)

        def on_claimed(_: TransferResult) -> None:
            self._claimed.setdefault(interface_number, interface.alternate)

        return self._perform(ClaimInterface(interface_number), on_claimed, timeout=TIMEOUT_S)

    def release_interface(self, interface_number: int) -> Future[None]:
        """Claim it no longer. Fine when it is not claimed."""
        self._interface(interface_number)

        def on_released(_: TransferResult) -> None:
            self._claimed.pop(interface_number, None)

        return self._perform(ReleaseInterface(interface_number), on_released, timeout=TIMEOUT_S)

    def select_alternate_interface(self, interface_number: int, alternate_setting: int) -> Future[None]:
        """Set an interface that is claimed in another way. Raises :class:`InvalidStateError`, :class:`NotFoundError`."""
        interface = self._interface(interface_number)
        self._check_claimed(interface_number)
        for alternate in interface.alternates or (interface.alternate,):
            if alternate.alternate_setting == alternate_setting:
                selected = alternate
                break
        else:
            raise NotFoundError(
                "The alternate setting provided is not supported by the device in its current configuration."
            )

        def on_selected(_: TransferResult) -> None:
            self._claimed[interface_number] = selected

        operation = SelectAlternateInterface(interface_number, alternate_setting)
        return self._perform(operation, on_selected, timeout=TIMEOUT_S)

    def reset(self) -> Future[None]:
        """Reset the device (USB 2.0 7.1.7.5)."""
        return self._perform(ResetDevice(), nothing, timeout=TIMEOUT_S)

    def clear_halt(self, direction: USBDirection, endpoint_number: int) -> Future[None]:
        """An endpoint that has stalled can be used again."""
        self._endpoint(direction, endpoint_number, None)
        return self._perform(ClearHalt(direction, endpoint_number), nothing, timeout=TIMEOUT_S)

    # -- transfers --------------------------------------------------------------------------------------------------

    def control_transfer_in(
        self, setup: Mapping[str, Any] | ControlSetup, length: int, *, timeout: float | None = TIMEOUT_S
    ) -> Future[USBInTransferResult]:
        """Ask for at most ``length`` bytes. ``setup``: ``request_type``, ``recipient``, ``request``, ``value``, ``index``.

        Raises :class:`TypeError` for a setup that is none; an interface, or an endpoint's, has to be claimed.
        """
        operation = self._control("in", setup, _length(length))
        return self._perform(operation, _came, timeout=timeout)

    def control_transfer_out(
        self, setup: Mapping[str, Any] | ControlSetup, data: Data = b"", *, timeout: float | None = TIMEOUT_S
    ) -> Future[USBOutTransferResult]:
        """Tell something, with up to 65,535 bytes of data. See :meth:`control_transfer_in`."""
        content = as_bytes(data)
        operation = self._control("out", setup, _length(len(content)))
        return self._perform(operation, _went, content, timeout)

    def transfer_in(
        self, endpoint_number: int, length: int, *, timeout: float | None = None
    ) -> Future[USBInTransferResult]:
        """Bulk or interrupt: at most ``length`` bytes, as soon as the device has some.

        Raises :class:`InvalidStateError` when it is not open, :class:`IndexSizeError`, :class:`NotFoundError` for an endpoint
        that is of no claimed interface, :class:`InvalidAccessError` for an isochronous one. ``timeout`` in seconds; None waits
        as long as it takes.
        """
        self._endpoint("in", endpoint_number, "bulk")
        return self._perform(TransferIn(endpoint_number, length), _came, timeout=timeout)

    def transfer_out(
        self, endpoint_number: int, data: Data, *, timeout: float | None = TIMEOUT_S
    ) -> Future[USBOutTransferResult]:
        """Bulk or interrupt. Raises as :meth:`transfer_in` does."""
        self._endpoint("out", endpoint_number, "bulk")
        return self._perform(TransferOut(endpoint_number), _went, as_bytes(data), timeout)

    def isochronous_transfer_in(
        self, endpoint_number: int, packet_lengths: Iterable[int], *, timeout: float | None = TIMEOUT_S
    ) -> Future[USBIsochronousInTransferResult]:
        """Packets of at most these lengths. Raises as :meth:`transfer_in` does."""
        self._endpoint("in", endpoint_number, "isochronous")
        operation = IsochronousTransferIn(endpoint_number, tuple(packet_lengths))
        return self._perform(operation, _packets_came, timeout=timeout)

    def isochronous_transfer_out(
        self, endpoint_number: int, data: Data, packet_lengths: Iterable[int], *, timeout: float | None = TIMEOUT_S
    ) -> Future[USBIsochronousOutTransferResult]:
        """``data`` in packets of these lengths, which are as long together. Raises as :meth:`transfer_in` does."""
        self._endpoint("out", endpoint_number, "isochronous")
        lengths, content = tuple(packet_lengths), as_bytes(data)
        if sum(lengths) != len(content):
            raise TypeError(f"the packets are {sum(lengths)} bytes together, and the data {len(content)}")
        return self._perform(IsochronousTransferOut(endpoint_number, lengths), _packets_went, content, timeout)

    # -- what may be done -------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if not self.opened:
            raise self._not_open()

    def _interface(self, number: int) -> USBInterface:
        self._check_open()
        for interface in () if self._configuration is None else self._configuration.interfaces:
            if interface.interface_number == number:
                return interface
        raise NotFoundError(
            "The interface number provided is not supported by the device in its current configuration."
        )

    def _check_claimed(self, number: int) -> None:
        if number not in self._claimed:
            raise InvalidStateError("The specified interface has not been claimed.")

    def _endpoint(self, direction: USBDirection, number: int, kind: str | None) -> USBEndpoint:
        self._check_open()
        if not 1 <= number <= _LAST_ENDPOINT:
            raise IndexSizeError("The specified endpoint number is out of range.")
        for alternate in self._claimed.values():
            for endpoint in alternate.endpoints:
                if (endpoint.endpoint_number, endpoint.direction) == (number, direction):
                    if kind is not None and (endpoint.type == "isochronous") != (kind == "isochronous"):
                        raise InvalidAccessError(f"The specified endpoint is {endpoint.type}.")
                    return endpoint
        raise NotFoundError("The specified endpoint is not part of a claimed and selected alternate interface.")

    def _control(self, direction: USBDirection, given: Mapping[str, Any] | ControlSetup, length: int) -> Operation:
        self._check_open()
        setup = read(given, ControlSetup, "setup")
        if setup.recipient == "interface":
            self._interface(setup.index & 0xFF)
            self._check_claimed(setup.index & 0xFF)
        elif setup.recipient == "endpoint":
            self._endpoint("in" if setup.index & 0x80 else "out", setup.index & 0xF, None)
        return ControlTransfer(
            direction, setup.request_type, setup.recipient, setup.request, setup.value, setup.index, length
        )

    def __repr__(self) -> str:
        return f"<WebUSBDevice {self.product_name!r} {self.vendor_id:04x}:{self.product_id:04x}>"


def _nothing_comes(_: Incoming) -> None:
    """USB devices send nothing unasked."""


def _length(length: int) -> int:
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= _SHORT:
        raise TypeError(f"a control transfer has 0 to 65535 bytes, not {length!r:.200}")
    return length


def _came(result: TransferResult) -> USBInTransferResult:
    return USBInTransferResult(result.data, result.status)


def _went(result: TransferResult) -> USBOutTransferResult:
    return USBOutTransferResult(result.bytes_written, result.status)


def _packets_came(result: TransferResult) -> USBIsochronousInTransferResult:
    packets, offset = [], 0
    for packet in result.packets:
        packets.append(USBInTransferResult(result.data[offset : offset + packet.length], packet.status))
        offset += packet.length
    return USBIsochronousInTransferResult(result.data, tuple(packets))


def _packets_went(result: TransferResult) -> USBIsochronousOutTransferResult:
    return USBIsochronousOutTransferResult(
        tuple(USBOutTransferResult(packet.length, packet.status) for packet in result.packets)
    )
