"""What pyserial and the system raise, in the port's words. Pure.

pyserial puts what it caught into a text and raises its own ``SerialException``, mostly without a number; the number is in the
exception that it was handling. On Windows there is but the text.
"""

from __future__ import annotations

import errno
from typing import Final

from partita.events.device_transfers import DeviceFailure
from partita.events.errors import DeviceError

NOT_PERMITTED: Final = (
    "the user may not open it: add the user to the group that has it (Debian: dialout, Arch: uucp) and log in again,"
    ' or add a udev rule: SUBSYSTEM=="tty", TAG+="uaccess"'
)

_AT_OPENING: Final[dict[int, DeviceFailure]] = {
    errno.ENOENT: "not_found",
    errno.ENODEV: "not_found",
    errno.ENXIO: "not_found",
    errno.EIO: "not_found",  # its other side has hung up
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EBUSY: "busy",
    errno.EAGAIN: "busy",  # the lock
    errno.EINVAL: "unsupported",
    errno.ENOTTY: "unsupported",  # no serial port
    errno.EISDIR: "unsupported",
}
_WHEN_OPEN: Final[dict[int, DeviceFailure]] = {
    errno.EIO: "gone",
    errno.ENODEV: "gone",
    errno.ENXIO: "gone",
    errno.EBADF: "gone",
    errno.EINVAL: "unsupported",
    errno.ENOTTY: "unsupported",
    errno.EOPNOTSUPP: "unsupported",
}
_TEXTS_AT_OPENING: Final[tuple[tuple[str, DeviceFailure], ...]] = (
    ("FileNotFoundError", "not_found"),
    ("PermissionError", "busy"),  # Windows' ERROR_ACCESS_DENIED: somebody has it open
)


def opening_failed(key: str, error: Exception) -> DeviceError:
    """The port cannot be opened."""
    failure: DeviceFailure = "failed"
    if (number := _number(error)) is not None:
        failure = _AT_OPENING.get(number, "failed")
    elif isinstance(error, ValueError):
        failure = "unsupported"
    else:
        failure = next((failure for text, failure in _TEXTS_AT_OPENING if text in str(error)), "failed")
    match failure:
        case "not_found":
            return DeviceError(failure, f"there is no serial port {key}: {error}")
        case "denied":
            return DeviceError(failure, f"{key}: {NOT_PERMITTED}")
        case "busy":
            return DeviceError(failure, f"{key} is open already, here or in another program: close it there")
        case "unsupported":
            return DeviceError(failure, f"{key} cannot be opened like this: {error}")
        case _:
            return DeviceError(failure, f"{key} cannot be opened: {error}")


def operation_failed(key: str, doing: str, error: Exception) -> DeviceError:
    """The port is open, and does not do what it is asked. ``doing``: what, after "cannot"."""
    number = _number(error)
    failure: DeviceFailure = "failed" if number is None else _WHEN_OPEN.get(number, "failed")
    if failure == "gone":
        return unplugged(key, error)
    return DeviceError(failure, f"{key} cannot {doing}: {error}")


def unplugged(key: str, error: Exception) -> DeviceError:
    """Nothing can be read from it any more."""
    return DeviceError("gone", f"{key} was unplugged, or its other side has hung up: {error}")


def _number(error: BaseException) -> int | None:
    """Of an ``OSError`` or a ``termios.error`` (which is none), or of the one that pyserial has made a text of."""
    for one in (error, error.__cause__, error.__context__):
        number = getattr(one, "errno", None)
        if number is None and type(one).__module__ == "termios":
            assert one is not None
            number = one.args[0] if one.args else None
        if isinstance(number, int):
            return number
    return None
