"""``page.navigator``: the interfaces of the web platform to devices (API.md, Pages)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from partita.devices.frame import DeviceFrame
from partita.devices.hid import HID

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
