"""What Linux says of HID and USB devices without their being opened: the files below ``/sys``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from partita.actors.devices.drivers.descriptors import interface_strings
from partita.actors.devices.drivers.texts import from_utf8
from partita.events.device_facts import AttachedDevice, USBFacts

_USB: Final = Path("/sys/bus/usb/devices")
_HID: Final = Path("/sys/class/hidraw")
_USB_DEVICE: Final = re.compile(r"\d+-\d+(\.\d+)*|usb\d+")
_DEVICE_STRINGS: Final = {14: "manufacturer", 15: "product", 16: "serial"}
"""Where the device descriptor has the number of a string, and the file that holds it (USB 2.0 table 9-8)."""


class HIDNode(Struct, frozen=True):
    """What is known of ``/dev/hidrawN``. What is not known is empty.

    ``place``: the USB device's (``1-2.3``), or where another bus has it (the address of a Bluetooth adapter and device).
    """

    report_descriptor: bytes = b""
    name: str = ""
    serial_number: str = ""
    place: str = ""


def hid_node(path: str) -> HIDNode:
    """Of the interface whose node is ``path`` (``/dev/hidraw0``)."""
    interface = _HID / Path(path).name / "device"
    told = dict(line.partition("=")[::2] for line in _text(interface / "uevent").splitlines())
    physical = told.get("HID_PHYS", "")
    return HIDNode(
        report_descriptor=_bytes(interface / "report_descriptor"),
        name=told.get("HID_NAME", ""),
        serial_number=told.get("HID_UNIQ", ""),
        place=_usb_parent(interface) or physical.partition("/input")[0] or path,
    )


def hid_interface(name: str) -> HIDNode:
    """Of the USB interface of that name (``1-2.3:1.0``), as far as the kernel's HID driver has it."""
    descriptors = sorted((_USB / name).glob("*/report_descriptor"))
    if len(descriptors) != 1:
        return HIDNode(place=name.partition(":")[0])
    return HIDNode(report_descriptor=_bytes(descriptors[0]), place=name.partition(":")[0])


def usb_devices() -> dict[str, AttachedDevice]:
    """All USB devices but the root hubs, by key: bus and address (``001/002``). Strings are those that the kernel has read."""
    return {device.key: device for device in _usb_devices()}


def usb_is_attached(key: str) -> bool:
    """Whether there is a device of that bus and address now."""
    return any(_key(folder) == key for folder in _folders())


def _usb_devices() -> Iterator[AttachedDevice]:
    for folder in _folders():
        descriptors = _bytes(folder / "descriptors")
        key = _key(folder)
        if descriptors and key:  # else it has gone in the meantime
            facts = USBFacts(
                descriptors=descriptors,
                strings=dict(sorted(_strings(folder, descriptors).items())),
                configuration_value=_number(folder / "bConfigurationValue"),
            )
            yield AttachedDevice(key=key, place=folder.name, facts=facts)


def _folders() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for folder in sorted(_USB.iterdir()):
            if _USB_DEVICE.fullmatch(folder.name) and not folder.name.startswith("usb"):
                yield folder


def _key(folder: Path) -> str:
    bus, address = _number(folder / "busnum"), _number(folder / "devnum")
    return f"{bus:03}/{address:03}" if bus and address else ""


def _strings(folder: Path, descriptors: bytes) -> dict[int, str]:
    found = {descriptors[at]: _text(folder / name) for at, name in _DEVICE_STRINGS.items()}
    value = _number(folder / "bConfigurationValue")
    configuration, interfaces = interface_strings(descriptors, value)
    found[configuration] = _text(folder / "configuration")
    for (number, setting), index in interfaces.items():
        interface = folder / f"{folder.name}:{value}.{number}"
        if _number(interface / "bAlternateSetting") == setting:
            found[index] = _text(interface / "interface")
    return {index: text for index, text in found.items() if index and text}


def _usb_parent(interface: Path) -> str:
    """The name of the USB device that the folder lies in; empty where there is none."""
    try:
        inside = interface.resolve(strict=True)
    except OSError:
        return ""
    return next((folder.name for folder in inside.parents if (folder / "descriptors").exists()), "")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    return from_utf8(_bytes(path))


def _number(path: Path) -> int:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else 0
