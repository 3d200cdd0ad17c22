"""What handlers and listeners are told about devices (FEATURES E12 to E23, F18, F19; WANTS 31, 33, 73)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from partita.actors.devices.structures import BluetoothDevice, DeviceType, HIDDevice, SerialPort, USBDevice
from partita.events.device_transfers import PairingKind

if TYPE_CHECKING:
    from partita.frame import Frame
    from partita.page import Page

DeviceOfPermission = HIDDevice | USBDevice | SerialPort


class UnknownHIDDeviceId(RuntimeWarning):  # Electron's name for the warning
    """A listener of ``select-hid-device`` named a device that there is not: that cancels (FEATURES E12)."""


class UnknownUsbDeviceId(RuntimeWarning):  # Electron's name for the warning
    """The same, for ``select-usb-device`` (FEATURES E20)."""


class DevicePermission(msgspec.Struct, frozen=True, rename="camel"):
    """What a device permission handler is asked (FEATURES F18). ``origin``: serialized, without a slash at its end."""

    device_type: DeviceType
    origin: str
    device: DeviceOfPermission


class BluetoothPairing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pairing handler is asked (FEATURES F19).

    ``pairing_kind``: ``"confirm"``; ``"confirmPin"``, where ``pin`` is to be compared with what the device shows;
    ``"providePin"``, where the answer has to have one. ``frame``: None when it is gone already.
    """

    device_id: str
    pairing_kind: PairingKind
    frame: Frame | None
    pin: str | None = None


class PairingResponse(msgspec.Struct, frozen=True, rename="camel"):
    """What it answers. ``pin``: for ``"providePin"``."""

    confirmed: bool
    pin: str | None = None


class USBProtectedClasses(msgspec.Struct, frozen=True, rename="camel"):
    """What a handler of protected USB classes is told: which are. It answers those that are to be so (WANTS 73)."""

    protected_classes: tuple[str, ...]


class Selecting:
    """What all events have that let somebody choose a device.

    ``callback(device_id)`` chooses, now or later, once; without an id, or with an empty one, nothing is chosen. Without
    ``prevent_default()`` and without an answer, nothing is chosen as soon as the listeners have ended (FEATURES E12).
    """

    def __init__(self, answer: Callable[[str], object], frame: Frame | None, web_contents: Page | None) -> None:
        self.frame = frame
        self.web_contents = web_contents
        self.default_prevented = False
        self.answered = False
        self._answer = answer

    def prevent_default(self) -> None:
        """Somebody will answer."""
        self.default_prevented = True

    def callback(self, device_id: str | None = None) -> None:
        """Choose. What is said after the first time is ignored. Raises :class:`TypeError` for what is no id."""
        if device_id is not None and not isinstance(device_id, str):
            raise TypeError(f"a device id is a str, or None for no device, not {device_id!r:.200}")
        if not self.answered:
            self._answer(device_id or "")  # first: what raises is no answer
            self.answered = True


class SelectHIDDevice(Selecting):
    """``select-hid-device`` (FEATURES E12). ``filters``, ``exclusion_filters``: what the page asks for (WANTS 31)."""

    def __init__(
        self, devices: Sequence[HIDDevice], filters: Sequence[Any], excluded: Sequence[Any], *selecting: Any
    ) -> None:
        super().__init__(*selecting)
        self.device_list = list(devices)
        self.filters = list(filters)
        self.exclusion_filters = list(excluded)


class SelectUSBDevice(Selecting):
    """``select-usb-device`` (FEATURES E20). ``filters``, ``exclusion_filters``: what the page asks for."""

    def __init__(
        self, devices: Sequence[USBDevice], filters: Sequence[Any], excluded: Sequence[Any], *selecting: Any
    ) -> None:
        super().__init__(*selecting)
        self.device_list = list(devices)
        self.filters = list(filters)
        self.exclusion_filters = list(excluded)


class SelectSerialPort(Selecting):
    """``select-serial-port`` (FEATURES E16). ``filters``: what the page asks for (WANTS 33)."""

    def __init__(self, ports: Sequence[SerialPort], filters: Sequence[Any], *selecting: Any) -> None:
        super().__init__(*selecting)
        self.port_list = list(ports)
        self.filters = list(filters)


class SelectBluetoothDevice(Selecting):
    """``select-bluetooth-device``, of the page: again whenever the list changes while it is open; any of them may answer."""

    def __init__(self, devices: Sequence[BluetoothDevice], *selecting: Any) -> None:
        super().__init__(*selecting)
        self.device_list = list(devices)


class HIDDeviceChange(msgspec.Struct, frozen=True, rename="camel"):
    """``hid-device-added`` and ``hid-device-removed``: the list of a chooser that is open (FEATURES E13, E14)."""

    device: HIDDevice
    frame: Frame | None


class USBDeviceChange(msgspec.Struct, frozen=True, rename="camel"):
    """``usb-device-added`` and ``usb-device-removed`` (FEATURES E21, E22): the form of the page, which its source has not."""

    device: USBDevice
    frame: Frame | None


class SerialPortChange(msgspec.Struct, frozen=True, rename="camel"):
    """``serial-port-added`` and ``serial-port-removed`` (FEATURES E17, E18)."""

    port: SerialPort
    web_contents: Page | None


class HIDDeviceRevoked(msgspec.Struct, frozen=True, rename="camel"):
    """``hid-device-revoked``: a page has given it back (FEATURES E15)."""

    device: HIDDevice
    origin: str


class USBDeviceRevoked(msgspec.Struct, frozen=True, rename="camel"):
    """``usb-device-revoked`` (FEATURES E23)."""

    device: USBDevice
    origin: str


class SerialPortRevoked(msgspec.Struct, frozen=True, rename="camel"):
    """``serial-port-revoked`` (FEATURES E19)."""

    port: SerialPort
    frame: Frame | None
    origin: str


ConnectionEventName = Literal["connect", "disconnect"]
