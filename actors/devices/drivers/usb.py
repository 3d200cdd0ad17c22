"""USB devices, over pyusb on libusb."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from partita.actors.devices.drivers.descriptors import put_together, string_numbers, vendor_and_product
from partita.actors.devices.drivers.hotplug import HotplugWatch
from partita.actors.devices.drivers.libusb import ERROR_ACCESS, Libusb
from partita.actors.devices.drivers.refusals import usb_denied
from partita.actors.devices.drivers.sysfs import usb_devices, usb_is_attached
from partita.actors.devices.drivers.texts import from_string_descriptor
from partita.actors.devices.drivers.threads import SLICE_S, Worker, in_a_thread
from partita.actors.devices.drivers.usb_connection import Opened, USBConnection, error_of
from partita.actors.kernel.device_ports import Pair
from partita.events.device_facts import AttachedDevice, USBFacts
from partita.events.device_transfers import OpenOptions, OpenUSB
from partita.events.errors import DeviceError

if TYPE_CHECKING:
    import usb.core

_LISTED_WITHIN_S: Final = 0.25
"""So long after the system has told of a device, libusb may not have heard of it."""
_STRING: Final = 3
_CLASS_AT: Final = 4
_HUB: Final = 9  # USB 2.0 11.23.1
_SLICE_MS: Final = int(SLICE_S * 1000)


class USBDriver:
    """The driver for USB devices. A key is bus and address, ``001/002``; a place is a port, ``1-2.3``.

    On Linux all that is known of a device is known without opening it. Elsewhere its strings are asked of the device, once; where
    it cannot be opened there are none.
    """

    def __init__(self) -> None:
        self._libusb: Libusb | None = None
        self._lock = threading.Lock()
        self._strings: dict[tuple[str, bytes], dict[int, str]] = {}

    async def watch(self) -> HotplugWatch:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.watch`."""
        await in_a_thread("beginning libusb", self._begun)
        return HotplugWatch(
            self.attached,
            subsystem="usb",
            device_type="usb_device",
            key_of=lambda node: node.removeprefix("/dev/bus/usb/"),
        )

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> USBConnection:  # noqa: ARG002  # the port's method
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.open`."""
        if not isinstance(options, OpenUSB):
            raise DeviceError("unsupported", f"a USB device is not opened with {type(options).__name__}")
        libusb = await in_a_thread("beginning libusb", self._begun)
        opened = Opened(key, libusb)
        worker = Worker(f"USB device {key}")
        try:
            await worker.run(lambda: self._open(opened))
        except BaseException:
            await worker.close()
            opened.close()
            raise
        return USBConnection(opened, worker, self.is_attached)

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.close`."""
        libusb, self._libusb = self._libusb, None
        if libusb is not None:
            await in_a_thread("ending libusb", libusb.close)
        self._strings.clear()

    def attached(self) -> dict[str, AttachedDevice]:
        """All that is attached, by key, without the hubs that it is attached to: these are the system's.

        It blocks: on Linux for milliseconds, elsewhere for as long as devices take to answer.
        """
        found = usb_devices() if sys.platform == "linux" else self.listed()
        return {key: device for key, device in found.items() if not _is_hub(device)}

    def is_attached(self, key: str) -> bool:
        """Whether there is a device under that key now. It blocks for some milliseconds."""
        return (
            usb_is_attached(key) if sys.platform == "linux" else any(_key(device) == key for device in self._devices())
        )

    def listed(self) -> dict[str, AttachedDevice]:
        """All that libusb lists, by key: what systems know of which there are no files to be read. It blocks."""
        found = {}
        for device in self._devices():
            key = _key(device)
            with contextlib.suppress(Exception):  # it has gone in the meantime
                found[key] = self._described(key, device)
        return found

    def _begun(self) -> Libusb:
        with self._lock:
            if self._libusb is None:
                self._libusb = Libusb()
            return self._libusb

    # -- in threads -----------------------------------------------------------------------------------------------------

    def _devices(self) -> list[usb.core.Device]:
        import usb.core  # noqa: PLC0415  # an extra

        return list(usb.core.find(find_all=True, backend=self._begun().backend))

    def _described(self, key: str, device: usb.core.Device) -> AttachedDevice:
        descriptors = put_together(device)
        strings = self._strings.get((key, descriptors))
        if strings is None:
            strings = self._strings[key, descriptors] = _strings(device, descriptors)
        facts = USBFacts(descriptors=descriptors, strings=strings, configuration_value=_configuration_value(device))
        place = f"{device.bus}-{'.'.join(map(str, device.port_numbers or ()))}"
        return AttachedDevice(key=key, place=place, facts=facts)

    def _open(self, opened: Opened) -> None:
        """As soon as libusb lists it, if the system says that it is attached."""
        until = time.monotonic() + _LISTED_WITHIN_S
        while (found := _find(opened.libusb.backend, opened.key)) is None:
            if not self.is_attached(opened.key) or time.monotonic() >= until:
                raise DeviceError("not_found", f"there is no USB device {opened.key!r}")
            time.sleep(_LISTED_WITHIN_S / 10)
        described = self.attached().get(opened.key)
        if described is None:
            raise DeviceError("not_found", f"there is no USB device {opened.key!r}")
        assert isinstance(described.facts, USBFacts), "what is listed is USB"
        try:
            opened.open(found, described.facts)
        except Exception as error:
            if getattr(error, "backend_error_code", None) == ERROR_ACCESS:
                raise usb_denied(opened.key, *vendor_and_product(described.facts.descriptors)) from error
            failed = error_of(error, f"the USB device {opened.key} cannot be opened")
            failure = "not_found" if failed.failure == "gone" else failed.failure
            raise DeviceError(failure, str(failed)) from error
        finally:
            found.finalize()  # not later, by whoever keeps the error: libusb may have been given up by then


def _find(backend: Any, key: str) -> Any:
    """What pyusb's backend calls a device."""
    for device in backend.enumerate_devices():
        descriptor = backend.get_device_descriptor(device)
        if f"{descriptor.bus:03}/{descriptor.address:03}" == key:
            return device
    return None


def _is_hub(device: AttachedDevice) -> bool:
    return isinstance(device.facts, USBFacts) and device.facts.descriptors[_CLASS_AT] == _HUB


def _key(device: usb.core.Device) -> str:
    return f"{device.bus:03}/{device.address:03}"


def _strings(device: usb.core.Device, descriptors: bytes) -> dict[int, str]:
    """What the device answers, in the first of its languages; nothing where it may not be opened."""
    import usb.control  # noqa: PLC0415  # an extra
    import usb.util  # noqa: PLC0415

    found: dict[int, str] = {}
    device.default_timeout = _SLICE_MS
    with contextlib.suppress(Exception):  # no string is worth a device
        languages = usb.control.get_descriptor(device, 255, _STRING, 0)
        language = int.from_bytes(bytes(languages[2:4]), "little")
        for number in string_numbers(descriptors):
            with contextlib.suppress(usb.core.USBError):
                data = bytes(usb.control.get_descriptor(device, 255, _STRING, number, language))
                found[number] = from_string_descriptor(data)
    usb.util.dispose_resources(device)
    return found


def _configuration_value(device: usb.core.Device) -> int:
    import usb.util  # noqa: PLC0415  # an extra

    value = 0
    with contextlib.suppress(Exception):  # it may not be opened: systems select the first
        value = device[0].bConfigurationValue
        value = device.get_active_configuration().bConfigurationValue
    usb.util.dispose_resources(device)
    return value
