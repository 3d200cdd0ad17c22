"""Tells of what happens at the brokers, in the log's order, once it is durable (FEATURES E12 to E23).

The session's listeners hear of choosers and of what was given back; pages hear of devices that come and go, when they may have
them. Nothing is followed before a page first asks for a device.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from partita.actors.devices.shown import shown
from partita.actors.kernel.checking import checked
from partita.actors.pages.brokers import broker_of
from partita.devices.requests import (
    ConnectionEventName,
    HIDDeviceChange,
    HIDDeviceRevoked,
    SelectBluetoothDevice,
    SelectHIDDevice,
    Selecting,
    SelectSerialPort,
    SelectUSBDevice,
    SerialPortChange,
    SerialPortRevoked,
    UnknownHIDDeviceId,
    UnknownUsbDeviceId,
    USBDeviceChange,
    USBDeviceRevoked,
)
from partita.events.device_connections import ConnectionClosed
from partita.events.device_facts import DeviceKind
from partita.events.device_filters import HIDRequest, SerialRequest, USBRequest
from partita.events.devices import (
    AnswerChooser,
    Chooser,
    ChooserClosed,
    ChooserOpened,
    DeviceAttached,
    DeviceDetached,
    DeviceOffered,
    DeviceRevoked,
    DeviceUpdated,
    DeviceWithdrawn,
    KnownDevice,
)
from partita.events.errors import SystemClosed
from partita.events.turn import Turn
from partita.events.types import Event

if TYPE_CHECKING:
    from partita.devices.desk import DeviceDesk
    from partita.emitter import Emitter
    from partita.follower import Follower
    from partita.frame import Frame
    from partita.page import Page
    from partita.permissions import PermissionDesk

SESSION_EVENTS: Final = (
    "select-hid-device",
    "hid-device-added",
    "hid-device-removed",
    "hid-device-revoked",
    "select-usb-device",
    "usb-device-added",
    "usb-device-removed",
    "usb-device-revoked",
    "select-serial-port",
    "serial-port-added",
    "serial-port-removed",
    "serial-port-revoked",
)
"""What the session emits about devices (FEATURES E12 to E23)."""

_UNKNOWN: Final[Mapping[DeviceKind, type[Warning]]] = {"hid": UnknownHIDDeviceId, "usb": UnknownUsbDeviceId}

Hears = Callable[[ConnectionEventName, KnownDevice, tuple[str, ...]], bool]
"""Is told of a device that has come or gone; whether he wants to hear of the next one."""


class DeviceTelling:
    """Follows the brokers of one session. ``known``: devices as they were told of, by kind and ``device_id``."""

    def __init__(self, desk: DeviceDesk, follower: Follower, permissions: PermissionDesk, session: Emitter) -> None:
        self._desk = desk
        self._follower = follower
        self._permissions = permissions
        self._session = session
        self._known: dict[tuple[DeviceKind, str], KnownDevice] = {}
        self._choosers: dict[str, Chooser] = {}
        self._opened_at: dict[str, int] = {}
        self._position = 0
        self._hearing: dict[DeviceKind, list[Hears]] = {}
        self._follows = False
        self._rows: Final[Mapping[type[Event], Callable[[DeviceKind, Any], None]]] = {
            DeviceAttached: self._attached,
            DeviceUpdated: self._updated,
            DeviceDetached: self._detached,
            ChooserOpened: self._ask,
            DeviceOffered: self._offered,
            DeviceWithdrawn: self._withdrawn,
            ChooserClosed: self._chosen,
            DeviceRevoked: self._revoked,
            ConnectionClosed: self._closed,
        }

    def follow(self) -> None:
        """From now on."""
        if not self._follows:
            self._follows = True
            self._follower.follow(tuple(self._rows), self._tell)

    def hear(self, kind: DeviceKind, hears: Hears) -> None:
        """Somebody wants to know which devices come and go."""
        self.follow()
        self._hearing.setdefault(kind, []).append(hears)

    # -- what is followed -------------------------------------------------------------------------------------------

    def _tell(self, turn: Turn[Any, Any, Any], event: Event) -> None:
        self._position = turn.position
        self._rows[type(event)](cast("DeviceKind", turn.actor.partition("/")[2]), event)

    def _attached(self, kind: DeviceKind, event: DeviceAttached) -> None:
        self._known[kind, event.known.device_id] = event.known
        if not event.first:
            self._heard(kind, "connect", event)

    def _updated(self, kind: DeviceKind, event: DeviceUpdated) -> None:
        self._known[kind, event.known.device_id] = event.known

    def _detached(self, kind: DeviceKind, event: DeviceDetached) -> None:
        self._heard(kind, "disconnect", event)
        self._known.pop((kind, event.known.device_id), None)

    def _closed(self, kind: DeviceKind, event: ConnectionClosed) -> None:  # noqa: ARG002  # the shape of each
        self._desk.disconnected(event.id, gone=event.reason == "gone")

    def _heard(self, kind: DeviceKind, name: ConnectionEventName, event: DeviceAttached | DeviceDetached) -> None:
        for hears in tuple(self._hearing.get(kind, ())):
            if not hears(name, event.known, event.origins):
                self._hearing[kind].remove(hears)

    def _shown(self, kind: DeviceKind, device_id: str) -> KnownDevice | None:
        known = self._known.get((kind, device_id))
        if known is None:  # it was attached before anything was followed
            devices = self._desk.state(kind).devices.values()
            known = next((one for one in devices if one.device_id == device_id), None)
        return known

    # -- choosers ---------------------------------------------------------------------------------------------------

    def _ask(self, kind: DeviceKind, opened: ChooserOpened) -> None:
        chooser = self._choosers[opened.chooser] = opened.opened
        self._opened_at[opened.chooser] = self._position
        page, frame = self._asker(chooser)
        event = self._selecting(kind, opened.chooser, chooser, page, frame)
        emitter: Emitter | None = page if kind == "bluetooth" else self._session
        told = [] if emitter is None else emitter._emit(_SELECT[kind], event)  # noqa: SLF001  # classes of one family
        waiting = len(told)
        if not waiting:
            self._unless_answered(event)
            return
        left = [waiting]

        def on_told() -> None:
            left[0] -= 1
            if not left[0]:
                self._unless_answered(event)

        for future in told:
            future.when_done(on_told)

    def _unless_answered(self, event: Selecting) -> None:
        """FEATURES E12: the default is to choose nothing."""
        if not event.default_prevented:
            event.callback()

    def _selecting(
        self, kind: DeviceKind, name: str, chooser: Chooser, page: Page | None, frame: Frame | None
    ) -> Selecting:
        opened_at = self._opened_at.get(name, 0)

        def answer(device_id: str) -> None:
            with suppress(SystemClosed):  # it was refused with all others
                message = checked(AnswerChooser(name, device_id))
                self._desk.partition.follow_up(message, to=broker_of(kind), cause=opened_at)

        listed = [self._shown(kind, device_id) for device_id in chooser.offered]
        devices: list[Any] = [shown(known) for known in listed if known is not None]
        request = chooser.request
        match request:
            case HIDRequest():
                return SelectHIDDevice(devices, request.filters, request.exclusion_filters, answer, frame, page)
            case USBRequest():
                return SelectUSBDevice(devices, request.filters, request.exclusion_filters, answer, frame, page)
            case SerialRequest():
                return SelectSerialPort(devices, request.filters, answer, frame, page)
            case _:
                return SelectBluetoothDevice(devices, answer, frame, page)

    def _asker(self, chooser: Chooser) -> tuple[Page | None, Frame | None]:
        page = self._permissions.page_of(chooser.asker.page)
        return page, None if page is None else page.frame(chooser.asker.frame)

    def _chosen(self, kind: DeviceKind, event: ChooserClosed) -> None:
        chooser = self._choosers.pop(event.chooser, None)
        self._opened_at.pop(event.chooser, None)
        if chooser is not None and event.answer.reason == "unknown_device" and kind in _UNKNOWN:
            warnings.warn(f"The device id {event.answer.failure} was not found.", _UNKNOWN[kind], stacklevel=1)

    def _offered(self, kind: DeviceKind, event: DeviceOffered) -> None:
        chooser, known = self._choosers.get(event.chooser), self._shown(kind, event.device_id)
        if chooser is not None and known is not None:
            if kind == "bluetooth":
                self._list_again(event.chooser, chooser, known, is_there=True)
            else:
                self._tell_change(f"{_PREFIX[kind]}-added", chooser, known)

    def _withdrawn(self, kind: DeviceKind, event: DeviceWithdrawn) -> None:
        chooser = self._choosers.get(event.chooser)
        if chooser is not None:
            if kind == "bluetooth":
                self._list_again(event.chooser, chooser, event.device, is_there=False)
            else:
                self._tell_change(f"{_PREFIX[kind]}-removed", chooser, event.device)

    def _list_again(self, name: str, chooser: Chooser, known: KnownDevice, *, is_there: bool) -> None:
        """A Bluetooth chooser is told its whole list each time, as in Electron."""
        others = tuple(device_id for device_id in chooser.offered if device_id != known.device_id)
        offered = chooser.offered if is_there and known.device_id in chooser.offered else others
        if is_there and known.device_id not in offered:
            offered = (*offered, known.device_id)
        chooser = Chooser(chooser.asker, chooser.ticket, chooser.request, offered, chooser.handler)
        self._choosers[name] = chooser
        page, frame = self._asker(chooser)
        if page is not None:
            event = self._selecting("bluetooth", name, chooser, page, frame)
            page._emit(_SELECT["bluetooth"], event)  # noqa: SLF001  # classes of one family

    def _tell_change(self, name: str, chooser: Chooser, known: KnownDevice) -> None:
        page, frame = self._asker(chooser)
        device = cast("Any", shown(known))
        change: object
        if name.startswith("hid"):
            change = HIDDeviceChange(device, frame)
        elif name.startswith("usb"):
            change = USBDeviceChange(device, frame)
        else:
            change = SerialPortChange(device, page)
        self._session._emit(name, change)  # noqa: SLF001  # classes of one family

    def _revoked(self, kind: DeviceKind, event: DeviceRevoked) -> None:
        device = cast("Any", shown(event.known))
        revoked: object
        match kind:
            case "hid":
                revoked = HIDDeviceRevoked(device, event.origin)
            case "usb":
                revoked = USBDeviceRevoked(device, event.origin)
            case "serial":
                page = self._permissions.page_of(event.page)
                frame = None if page is None else page.frame(event.frame)
                revoked = SerialPortRevoked(device, frame, event.origin)
            case _:
                return  # Electron has no event for it
        self._session._emit(f"{_PREFIX[kind]}-revoked", revoked)  # noqa: SLF001  # classes of one family


_SELECT: Final[Mapping[DeviceKind, str]] = {
    "hid": "select-hid-device",
    "usb": "select-usb-device",
    "serial": "select-serial-port",
    "bluetooth": "select-bluetooth-device",
}
_PREFIX: Final[Mapping[DeviceKind, str]] = {"hid": "hid-device", "usb": "usb-device", "serial": "serial-port"}
