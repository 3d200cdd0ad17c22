"""What a user is told who cannot have a device: why, and what to do about it."""

from __future__ import annotations

import errno
import sys
from typing import Final

from partita.events.device_transfers import DeviceFailure
from partita.events.errors import DeviceError

_BY_NUMBER: Final[dict[int, DeviceFailure]] = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EBUSY: "busy",
    errno.ENOENT: "not_found",
    errno.ENODEV: "not_found",
    errno.ENXIO: "not_found",
}
_RULES: Final = "/etc/udev/rules.d/70-partita.rules"


def failure_of(number: int | None) -> DeviceFailure:
    """Which failure to open a device an ``errno`` is; ``failed`` for one that says nothing of the kind."""
    return _BY_NUMBER.get(number or 0, "failed")


def missing_package(name: str, kind: str, error: ImportError) -> DeviceError:
    """``name``: of the package on PyPI that carries this kind of devices and cannot be imported."""
    return DeviceError(
        "unsupported",
        f"{kind} devices need the package {name!r} ({error}): install it with `python -m pip install {name}`,"
        " or all that devices need with `python -m pip install 'partita[devices]'`",
    )


def missing_libusb(error: Exception | None = None) -> DeviceError:
    """The library itself is not there, or does not begin its work."""
    if sys.platform == "linux":
        remedy = "install it with `apt install libusb-1.0-0` (Debian, Ubuntu) or `dnf install libusb1` (Fedora)"
    elif sys.platform == "darwin":
        remedy = "install it with `brew install libusb`"
    else:
        remedy = "put libusb-1.0.dll where programs are looked for, or install it with `python -m pip install libusb-package`"
    why = "is not installed" if error is None else f"cannot be used ({error})"
    return DeviceError("unsupported", f"USB devices need the library libusb-1.0, which {why}: {remedy}")


def hid_denied(path: str, vendor_id: int, product_id: int) -> DeviceError:
    """``path``: of the node that may not be opened; the ids are the device's, 16 bits each."""
    return _denied("HID", path, f'KERNEL=="hidraw*", KERNELS=="*:{vendor_id:04X}:{product_id:04X}.*", TAG+="uaccess"')


def usb_denied(key: str, vendor_id: int, product_id: int) -> DeviceError:
    """``key``: bus and address; the ids are the device's, 16 bits each."""
    rule = (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor_id:04x}", ATTR{{idProduct}}=="{product_id:04x}", TAG+="uaccess"'
    )
    return _denied("USB", key, rule)


def _denied(kind: str, key: str, rule: str) -> DeviceError:
    if sys.platform == "linux":
        remedy = f"write the line `{rule}` to {_RULES}, and run `udevadm control --reload && udevadm trigger` as root"
    elif sys.platform == "darwin":
        remedy = "allow the program to monitor input in System Settings, Privacy & Security"
    else:
        remedy = "give the device a driver that lets programs have it (WinUSB, for one, by Zadig), and close those that use it"
    return DeviceError("denied", f"this user may not open the {kind} device {key}: {remedy}")
