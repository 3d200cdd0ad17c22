"""The handlers of a session that say which devices its pages may have: a part of :class:`partita.Session` (FEATURES F18, F19)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from partita.devices.requests import BluetoothPairing, DevicePermission, PairingResponse, USBProtectedClasses
from partita.registered import is_async

if TYPE_CHECKING:
    from partita.actors.kernel.delivery import Place
    from partita.devices.desk import DeviceDesk
    from partita.permissions import PermissionDesk

DeviceHandler = Callable[[DevicePermission], bool]
Paired = PairingResponse | Mapping[str, Any]
PairingHandler = Callable[[BluetoothPairing], Paired | Awaitable[Paired]]
ProtectedClassesHandler = Callable[[USBProtectedClasses], Sequence[str]]

_WRONG = "Must pass null or function"


class DeviceHandlers:
    """What a session has to say about devices."""

    _desk: PermissionDesk
    _devices: DeviceDesk

    def set_device_permission_handler(self, handler: DeviceHandler | None) -> None:
        """Who says which origins may have which device: ``handler(DevicePermission) -> bool``, a plain function (FEATURES F18).

        While one is set, it alone decides, for what is chosen as well; but what cannot be known again (it has no serial number,
        or another that is attached has the same) stays granted to whom it was chosen for, until it is unplugged. Without one,
        choosing grants. It runs as a permission check handler does, when a page lists its devices, opens one, or is told of
        one. Raises :class:`TypeError` with Electron's text, and for what is no plain function.
        """
        _plain(handler, "device permission")
        self._desk.set("device", handler, _WRONG, None)

    def set_bluetooth_pairing_handler(self, handler: PairingHandler | None, *, deliver_on: Place | None = None) -> None:
        """Who confirms a pairing: ``handler(BluetoothPairing) -> PairingResponse``, plain or async (FEATURES F19).

        Without one, and by one that raises, is late or answers nonsense, it is refused. None takes it away, and refuses what it
        has not answered. A pin is trimmed of white space. Raises :class:`TypeError` with Electron's text.
        """
        self._desk.set("pairing", handler, _WRONG, deliver_on)
        if handler is None:
            self._devices.pairing.cleared()

    def set_usb_protected_classes_handler(self, handler: ProtectedClassesHandler | None) -> None:
        """Which USB classes are protected (WANTS 73): ``handler(USBProtectedClasses) -> list``, a plain function.

        It is asked whenever a page opens a USB device, and answers those of ``protected_classes`` that are to be so. Without one,
        and by one that fails, all of them are. Raises :class:`TypeError` with Electron's text, and for what is no plain function.
        """
        _plain(handler, "USB protected classes")
        self._desk.set("usb_protected_classes", handler, _WRONG, None)


def _plain(handler: object, name: str) -> None:
    if handler is not None and callable(handler) and is_async(handler):
        raise TypeError(f"a {name} handler is a plain function: a page's script waits for it")
