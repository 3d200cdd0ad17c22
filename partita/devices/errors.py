"""What a page is told when a device, or its broker, says no: the web's own exceptions (Web IDL 2.8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.events.device_facts import DeviceKind
from partita.events.devices import BrokerAnswer
from partita.events.errors import (
    AbortError,
    DOMException,
    InvalidStateError,
    NetworkError,
    NotFoundError,
    NotSupportedError,
    SecurityError,
)

_ERRORS: Final[Mapping[str, type[DOMException]]] = {
    "not_granted": SecurityError,
    "protected": SecurityError,
    "denied": SecurityError,
    "no_such_device": NotFoundError,
    "not_found": NotFoundError,
    "cancelled": NotFoundError,
    "unknown_device": NotFoundError,
    "unsupported": NotSupportedError,
    "document_gone": AbortError,
    "ended": AbortError,
}
"""By the reason; what is not here is a :class:`NetworkError`."""

_TEXTS: Final[Mapping[str, str]] = {
    "not_granted": "Access denied: the page was not granted this device.",
    "no_such_device": "The device was disconnected.",
    "gone": "The device was disconnected.",
    "busy": "The device is in use elsewhere.",
    "document_gone": "The document that asked is gone.",
    "ended": "The session has ended.",
}

CANCELLED: Final[Mapping[DeviceKind, str]] = {
    "hid": "Failed to execute 'requestDevice' on 'HID': No device selected.",
    "usb": "Failed to execute 'requestDevice' on 'USB': No device selected.",
    "serial": "Failed to execute 'requestPort' on 'Serial': No port selected by the user.",
    "bluetooth": "User cancelled the requestDevice() chooser.",
}
"""Chromium's words for a chooser in which nothing was chosen (FEATURES E16, E20)."""


def error_of(reason: str, failure: str = "", kind: DeviceKind | None = None) -> DOMException:
    """The exception of a reason. ``failure``: what there is to say of it. WebUSB has a word of its own for what is unplugged."""
    said = _TEXTS.get(reason, "")
    text = f"{said} ({failure})" if said and failure else said or failure or f"the device {reason}"
    if reason == "gone" and kind == "usb":
        return NotFoundError(text)
    return _ERRORS.get(reason, NetworkError)(text)


def refusal(answer: BrokerAnswer, kind: DeviceKind) -> DOMException | None:
    """What a broker's answer raises; None when it is none."""
    if answer.reason == "ok":
        return None
    if answer.reason in ("cancelled", "unknown_device"):
        return NotFoundError(CANCELLED[kind])
    return error_of(answer.reason, answer.failure, kind)


def not_open(what: str = "The device") -> InvalidStateError:
    """Chromium's words for what is done with a device too soon, or too late."""
    return InvalidStateError(f"{what} must be opened first.")
