"""``page.navigator``: the interfaces of the web platform to devices (API.md, Pages)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from partita.devices.bluetooth import Bluetooth
from partita.devices.frame import DeviceFrame
from partita.devices.hid import HID
from partita.devices.serial import Serial
from partita.devices.usb import USB

if TYPE_CHECKING:
    from partita.frame import FrameTree


class Navigator:
    """Of one frame: ``hid``, ``usb``, ``serial``, ``bluetooth``."""

    def __init__(self, tree: FrameTree, number: int) -> None:
        self._frame = DeviceFrame(tree, number)

    @cached_property
    def hid(self) -> HID:
        """WebHID."""
        return HID(self._frame)

    @cached_property
    def usb(self) -> USB:
        """WebUSB."""
        return USB(self._frame)

    @cached_property
    def serial(self) -> Serial:
        """Web Serial."""
        return Serial(self._frame)

    @cached_property
    def bluetooth(self) -> Bluetooth:
        """Web Bluetooth."""
        return Bluetooth(self._frame)
