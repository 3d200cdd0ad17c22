"""What bleak, dbus-fast and BlueZ raise, in the port's words. Pure: exceptions are known by their classes' names.

The names of BlueZ's errors are in its ``doc/org.bluez.Device.rst`` and ``org.bluez.GattCharacteristic.rst``; what it makes of
ATT errors, in ``create_gatt_dbus_error()`` of its ``src/gatt-client.c``.
"""

from __future__ import annotations

from typing import Final

from partita.events.device_transfers import DeviceFailure
from partita.events.errors import DeviceError

NO_BLUEZ: Final = "Bluetooth needs BlueZ: install it (Debian: bluez) and start its service (systemctl start bluetooth)"
NO_LIBRARY: Final = "Bluetooth needs bleak: python -m pip install 'partita[devices]'"
_NO_BUS: Final = "the system's message bus cannot be reached: Bluetooth needs D-Bus and BlueZ"
_NOT_PERMITTED: Final = (
    "the system lets this user not have Bluetooth: add the user to the group bluetooth, or allow org.bluez"
)

_NOT_AVAILABLE: Final[dict[str, tuple[DeviceFailure, str]]] = {
    "NO_BLUETOOTH": ("unsupported", "there is no Bluetooth adapter: plug one in, or load its driver"),
    "NO_BLE_CENTRAL_ROLE": (
        "unsupported",
        "the Bluetooth adapter cannot be a central of Bluetooth LE: use another one",
    ),
    "POWERED_OFF": ("unsupported", "Bluetooth is turned off: turn it on (bluetoothctl power on)"),
    "DENIED_BY_USER": ("denied", "the user has not allowed Bluetooth: allow it in the system's settings"),
    "DENIED_BY_SYSTEM": ("denied", _NOT_PERMITTED),
    "DENIED_BY_UNKNOWN": ("denied", _NOT_PERMITTED),
}
_DBUS_ERRORS: Final[dict[str, DeviceFailure]] = {
    "org.freedesktop.DBus.Error.ServiceUnknown": "unsupported",
    "org.freedesktop.DBus.Error.NameHasNoOwner": "unsupported",
    "org.freedesktop.DBus.Error.AccessDenied": "denied",
    "org.freedesktop.DBus.Error.NoReply": "timeout",
    "org.freedesktop.DBus.Error.UnknownObject": "gone",  # the device, and so its attributes, are not there any more
    "org.freedesktop.DBus.Error.UnknownMethod": "gone",  # what a call to an object says that is not there any more
    "org.bluez.Error.NotConnected": "gone",
    "org.bluez.Error.NotReady": "unsupported",
    "org.bluez.Error.NotSupported": "unsupported",
    "org.bluez.Error.NotPermitted": "rejected",
    "org.bluez.Error.NotAuthorized": "rejected",
    "org.bluez.Error.InvalidArguments": "rejected",
    "org.bluez.Error.InvalidValueLength": "rejected",
    "org.bluez.Error.AuthenticationFailed": "rejected",
    "org.bluez.Error.AuthenticationCanceled": "rejected",
    "org.bluez.Error.AuthenticationRejected": "rejected",
    "org.bluez.Error.AuthenticationTimeout": "rejected",
    "org.bluez.Error.InProgress": "busy",
}
_WHAT_TO_DO: Final = {"unsupported": NO_BLUEZ, "denied": _NOT_PERMITTED}

_INSUFFICIENT: Final = (0x05, 0x0C, 0x0F)
"""Authentication, the key's length, encryption (Bluetooth Core 5.4, 3.F.3.4.1.1)."""


def failed(doing: str, error: BaseException) -> DeviceError:
    """``doing``: what could not be done, before "failed"."""
    match error:
        case DeviceError():
            return error
        case TimeoutError():
            return DeviceError("timeout", f"{doing}: there was no answer in time")
        case FileNotFoundError() | ConnectionError() | EOFError():
            return DeviceError("unsupported", f"{_NO_BUS} ({error})")
        case PermissionError():
            return DeviceError("denied", f"{_NOT_PERMITTED} ({error})")
        case _:
            return DeviceError(*_of_a_library(doing, error))


def _of_a_library(doing: str, error: BaseException) -> tuple[DeviceFailure, str]:
    match type(error).__name__:
        case "BleakBluetoothNotAvailableError":
            reason = str(getattr(getattr(error, "reason", None), "name", ""))
            return _NOT_AVAILABLE.get(reason, ("failed", f"{doing} failed: {error}"))
        case "BleakDeviceNotFoundError":
            return "not_found", f"{doing} failed: {error}"
        case "BleakGATTProtocolError":
            return "rejected", f"{doing} failed with ATT error 0x{att_code(error):02x}: {error}"
        case "BleakDBusError":
            return _of_dbus(doing, str(getattr(error, "dbus_error", "")), str(error))
        case "AuthError" | "AuthTimeoutError":
            return "denied", f"{_NOT_PERMITTED} ({error})"
        case _:
            return "failed", f"{doing} failed: {error!r}"


def of_dbus(doing: str, name: str, text: str) -> DeviceError:
    """A D-Bus error of that name."""
    return DeviceError(*_of_dbus(doing, name, text))


def _of_dbus(doing: str, name: str, text: str) -> tuple[DeviceFailure, str]:
    failure = _DBUS_ERRORS.get(name, "failed")
    if name.startswith("org.freedesktop.DBus.Error.") and failure in _WHAT_TO_DO:
        return failure, f"{_WHAT_TO_DO[failure]} ({text})"
    return failure, f"{doing} failed: {text}"


def connecting_failed(key: str, error: BaseException) -> DeviceError:
    """What ends an attempt to connect. BlueZ says many things of a device that is not in range, none of them certain."""
    failure = failed(f"connecting to {key}", error)
    if failure.failure == "failed":
        return DeviceError("gone", f"{key} cannot be connected to, it may be out of range: {error}")
    return failure


def att_code(error: BaseException) -> int:
    """The ATT error's code, of a ``BleakGATTProtocolError``; 0 where there is none."""
    code = getattr(error, "code", 0)
    return int(code) if isinstance(code, int) else 0


def wants_pairing(error: BaseException) -> bool:
    """Whether an operation failed because the link is not encrypted, or not by one who has proved who he is.

    BlueZ says of all three insufficiencies just "Not paired".
    """
    if type(error).__name__ == "BleakGATTProtocolError":
        return att_code(error) in _INSUFFICIENT
    return getattr(error, "dbus_error", "") == "org.bluez.Error.NotPermitted" and "Not paired" in str(error)
