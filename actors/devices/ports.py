"""The live port of devices: each kind's driver, begun when it is first asked for, and who has what open."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import trio

from partita.actors.kernel.device_ports import DeviceConnection, DeviceDriver, DeviceWatch, Pair
from partita.actors.kernel.future import Future
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import OpenOptions
from partita.events.errors import DeviceError

LETTING_GO_S: Final = 5.0
"""So long at most it is waited for who is letting go of a device that another one wants to open."""

DriverFactory = Callable[[], DeviceDriver]
"""Makes a driver; raises ``DeviceError`` where there is none."""


def _driver(module: str, name: str) -> DeviceDriver:
    """The driver of that module, whose library is imported only now."""
    package = "partita.actors.devices.drivers"
    try:
        found = importlib.import_module(f"{package}.{module}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{module}":
            raise
        raise DeviceError("unsupported", f"there is no driver for {module} devices") from error
    driver: DeviceDriver = getattr(found, name)()
    return driver


DRIVERS: Final[Mapping[DeviceKind, DriverFactory]] = MappingProxyType(
    {
        "hid": partial(_driver, "hid", "HIDDriver"),
        "usb": partial(_driver, "usb", "USBDriver"),
        "serial": partial(_driver, "serial", "SerialDriver"),
        "bluetooth": partial(_driver, "bluetooth", "BluetoothDriver"),
    }
)


class _Use:
    """That somebody has a device. ``is_ending``: he lets go of it; ``ended``: he has."""

    def __init__(self) -> None:
        self.is_ending = False
        self.ended: Future[None] = Future()


class _InUse:
    """What is open in this process, by whichever of its systems: the hardware is one for all of them (DESIGN, 11)."""

    def __init__(self) -> None:
        self._taken: dict[tuple[int, DeviceKind, str], _Use] = {}
        self._lock = threading.Lock()

    async def take(self, hardware: int, kind: DeviceKind, key: str) -> _Use:
        """For one user. Raises ``DeviceError`` ``busy`` when somebody has it.

        Who is letting go of it is waited for: a device that is plugged in again may have the key of the one before.
        """
        with trio.move_on_after(LETTING_GO_S):
            while True:
                with self._lock:
                    before = self._taken.get((hardware, kind, key))
                    if before is None:
                        use = self._taken[hardware, kind, key] = _Use()
                        return use
                if not before.is_ending:
                    break
                await before.ended
        raise DeviceError("busy", f"the {kind} device {key} is open already in this program")

    def give_back(self, hardware: int, kind: DeviceKind, key: str) -> None:
        """He has it no longer."""
        with self._lock:
            use = self._taken.pop((hardware, kind, key))
        use.ended.set(None)


_IN_USE: Final = _InUse()


class LiveDevices:
    """The port ``devices`` on the machine's hardware. It belongs to the trio run that first asks it for something.

    ``drivers``: what makes the driver of each kind, in place of those over hidapi, pyusb, pyserial and bleak.
    """

    def __init__(self, drivers: Mapping[DeviceKind, DriverFactory] = DRIVERS) -> None:
        self._factories = drivers
        self._drivers: dict[DeviceKind, DeviceDriver] = {}
        self._opened: dict[str, _Open] = {}
        self._watches: set[_Watch] = set()
        self._closed = False

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """See :meth:`partita.actors.kernel.device_ports.Devices.watch`. What is not closed is, when this is shut down."""
        watch = _Watch(await self._driver(kind).watch(), self._watches)
        if self._closed:
            await watch.close()
            raise _shut_down()
        return watch

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:
        """See :meth:`partita.actors.kernel.device_ports.Devices.open`."""
        driver = self._driver(kind)
        assert connection not in self._opened, f"the name {connection!r} has been given already"
        use = await _IN_USE.take(id(self._factories), kind, key)
        if self._closed:  # while it was waited for
            _IN_USE.give_back(id(self._factories), kind, key)
            raise _shut_down()
        self._opened[connection] = place = _Open(kind, key, use)  # nobody else opens it in the meantime
        try:
            opened = await driver.open(key, options, pair)
        except BaseException:
            self._forget(connection, place)
            place.settled.set()
            raise
        place.connection = opened
        place.settled.set()
        if place.unwanted:
            await self._close(connection, place)
            raise DeviceError("gone", f"the {kind} device {key} was closed while it was being opened")

    def connection(self, connection: str) -> DeviceConnection:
        """See :meth:`partita.actors.kernel.device_ports.Devices.connection`."""
        place = self._opened.get(connection)
        if place is None or place.connection is None or place.unwanted:
            raise DeviceError("gone", "it is not open any more")
        return place.connection

    async def close(self, connection: str) -> None:
        """See :meth:`partita.actors.kernel.device_ports.Devices.close`. The device is free when it comes back."""
        place = self._opened.get(connection)
        if place is not None:
            place.unwanted = place.use.is_ending = True
            with trio.CancelScope(shield=True):  # also for a task that has been cancelled
                await place.settled.wait()
                await self._close(connection, place)

    async def shut_down(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.Devices.shut_down`. May be called twice."""
        self._closed = True
        if not (self._opened or self._watches or self._drivers):
            return  # nobody has asked for a device: there may be no trio
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as closing:
                for name in list(self._opened):
                    closing.start_soon(self.close, name)
                for watch in list(self._watches):
                    closing.start_soon(watch.close)
            while self._drivers:
                _, driver = self._drivers.popitem()
                await driver.close()

    def _driver(self, kind: DeviceKind) -> DeviceDriver:
        if self._closed:
            raise _shut_down()
        driver = self._drivers.get(kind)
        if driver is None:
            factory = self._factories.get(kind)
            if factory is None:
                raise DeviceError("unsupported", f"there is no driver for {kind} devices")
            driver = self._drivers[kind] = factory()
        return driver

    async def _close(self, connection: str, place: _Open) -> None:
        try:
            if place.connection is not None:
                await place.connection.close()
        finally:
            self._forget(connection, place)

    def _forget(self, connection: str, place: _Open) -> None:
        if self._opened.get(connection) is place:
            del self._opened[connection]
            _IN_USE.give_back(id(self._factories), place.kind, place.key)


class _Open:
    """A device that is open, or about to be: ``settled`` when it is known whether it is."""

    def __init__(self, kind: DeviceKind, key: str, use: _Use) -> None:
        self.kind = kind
        self.key = key
        self.use = use
        self.connection: DeviceConnection | None = None
        self.unwanted = False
        self.settled = trio.Event()


class _Watch:
    """A watch that is known to who shuts down."""

    def __init__(self, watch: DeviceWatch, all_of_them: set[_Watch]) -> None:
        self._watch = watch
        self._all = all_of_them
        all_of_them.add(self)

    async def next(self) -> DeviceChange:
        return await self._watch.next()

    async def close(self) -> None:
        try:
            await self._watch.close()
        finally:
            self._all.discard(self)


def _shut_down() -> DeviceError:
    return DeviceError("gone", "the devices have been shut down")
