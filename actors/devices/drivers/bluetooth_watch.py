"""Which Bluetooth LE devices are near: scanning, as long as somebody watches.

One scanner is for all who watch. BlueZ forgets a device that has not been heard for half a minute, and it is gone here then;
elsewhere nobody says so, and it is gone when it has not been heard for three minutes, as in Chromium.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import trio
from msgspec import Struct
from msgspec.structs import replace

from partita.actors.devices.drivers.asyncio_thread import AsyncioThread
from partita.actors.devices.drivers.bluetooth_failures import NO_LIBRARY, failed
from partita.actors.devices.drivers.changes import Sighting, Told
from partita.actors.devices.drivers.threads import Bell
from partita.events.device_facts import AttachedDevice, BluetoothFacts, DeviceChange
from partita.events.errors import DeviceError

RSSI_S: Final = 1.0
"""So often at most is somebody told of a device of which nothing has changed but how strong its signal is."""
_TICK_S: Final = 1.0
_SILENT_S: Final = 180.0
_STARTING_S: Final = 15.0
_NOT_MEASURED: Final = -127  # bleak's word for it


class Neighbor(Struct, frozen=True):
    """A device that has been heard. ``handle``: bleak's own, to connect with."""

    device: AttachedDevice
    handle: Any
    heard_s: float


class Neighborhood:
    """All devices that are near, while anybody wants to know. Lives in an asyncio loop; :meth:`now` is for any thread."""

    def __init__(self) -> None:
        self._near: dict[str, Neighbor] = {}
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}
        self._scanner: Any = None
        self._forgetting: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    def now(self) -> dict[str, Neighbor]:
        """Those that are near, by their keys."""
        with self._lock:
            return dict(self._near)

    async def listen(self, who: object, on_change: Callable[[], None]) -> None:
        """Scan until :meth:`ignore`; ``on_change`` is called in the loop. Raises ``DeviceError`` where that cannot be done."""
        async with self._starting:
            if self._scanner is None:
                await self._start()
            self._listeners[who] = on_change

    async def ignore(self, who: object) -> None:
        """Scan no longer for this one; nothing happens when it did not listen."""
        async with self._starting:
            self._listeners.pop(who, None)
            if not self._listeners:
                await self._stop()

    async def found(self, key: str, limit_s: float) -> Neighbor | None:
        """The device of that key: at once when it is known, else when it is heard; None when it is not, in time."""
        if (known := self.now().get(key)) is not None:
            return known
        heard = asyncio.Event()
        await self.listen(heard, lambda: heard.set() if key in self._near else None)
        try:
            if key not in self._near:
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), limit_s)
            return self.now().get(key)
        finally:
            await self.ignore(heard)

    async def _start(self) -> None:
        try:
            bleak = importlib.import_module("bleak")
        except ImportError as error:
            raise DeviceError("unsupported", NO_LIBRARY) from error
        try:
            scanner = bleak.BleakScanner(self._heard)
            starting = asyncio.ensure_future(scanner.start())
            try:
                await asyncio.wait_for(asyncio.shield(starting), _STARTING_S)
            except asyncio.CancelledError:  # cancelled itself, it would leave the adapter scanning
                with suppress(Exception):
                    await asyncio.wait_for(starting, _STARTING_S)
                    await asyncio.wait_for(scanner.stop(), _STARTING_S)
                raise
            finally:
                starting.cancel()
        except Exception as error:
            raise failed("scanning", error) from error
        self._scanner = scanner
        self._forgetting = asyncio.get_running_loop().create_task(self._forget_those_who_left())

    async def _stop(self) -> None:
        scanner, self._scanner = self._scanner, None
        forgetting, self._forgetting = self._forgetting, None
        if forgetting is not None:
            forgetting.cancel()
        if scanner is not None:
            with suppress(Exception):  # the adapter may be gone
                await asyncio.wait_for(scanner.stop(), _STARTING_S)
        with self._lock:
            self._near.clear()

    def _heard(self, handle: Any, advertisement: Any) -> None:
        neighbor = Neighbor(attached(handle, advertisement), handle, asyncio.get_running_loop().time())
        with self._lock:
            was = self._near.get(neighbor.device.key)
            self._near[neighbor.device.key] = neighbor
        if was is None or was.device != neighbor.device:
            self._tell()

    async def _forget_those_who_left(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            here = self._scanner.discovered_devices_and_advertisement_data
            long_ago_s = asyncio.get_running_loop().time() - _SILENT_S
            with self._lock:
                left = [
                    key
                    for key, near in self._near.items()
                    if (key not in here if sys.platform == "linux" else near.heard_s < long_ago_s)
                ]
                for key in left:
                    del self._near[key]
            if left:
                self._tell()

    def _tell(self) -> None:
        for on_change in tuple(self._listeners.values()):
            on_change()


class BluetoothWatch:
    """A :class:`~partita.actors.kernel.device_ports.DeviceWatch` on the trio side."""

    def __init__(self, thread: AsyncioThread, neighborhood: Neighborhood) -> None:
        self._thread = thread
        self._neighborhood = neighborhood
        self._bell = Bell()
        self._told = ToldOfNeighbors()
        self._closed = False

    async def begin(self) -> None:
        """Raises ``DeviceError`` where nothing can be watched."""
        await self._thread.run(lambda: self._neighborhood.listen(self, self._bell.ring))

    async def next(self) -> DeviceChange:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.next`."""
        await trio.lowlevel.checkpoint()
        while not self._closed:
            devices = {key: near.device for key, near in self._neighborhood.now().items()}
            change, due_s = self._told.next(devices, trio.current_time())
            if change is not None:
                return change
            with trio.CancelScope(deadline=due_s):
                await self._bell.wait()
        raise DeviceError("gone", "nobody watches for Bluetooth devices any more")

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.close`."""
        self._closed = True
        self._bell.ring()
        with trio.CancelScope(shield=True), suppress(DeviceError):
            await self._thread.run(lambda: self._neighborhood.ignore(self))


class ToldOfNeighbors:
    """What one watcher has been told, and when: how strong a signal is changes with each advertisement. Pure."""

    def __init__(self) -> None:
        self._told = Told()
        self._at_s: dict[str, float] = {}

    def next(self, devices: dict[str, AttachedDevice], now_s: float) -> tuple[DeviceChange | None, float]:
        """What to tell him now, which counts as told; and when there will be more to tell if nothing happens till then."""
        sightings = {}
        due_s = float("inf")
        for key, device in devices.items():
            was = self._told.of(key)
            if was is not None and was.device != device and _but_for_rssi(was.device) == _but_for_rssi(device):
                then_s = self._at_s[key] + RSSI_S
                if now_s < then_s:
                    due_s = min(due_s, then_s)
                    sightings[key] = was
                    continue
            sightings[key] = Sighting(device)
        change = self._told.next(sightings)
        if change is not None:
            self._at_s.update({device.key: now_s for device in change.attached})
            for key in change.detached:
                self._at_s.pop(key, None)
        return change, due_s


def attached(handle: Any, advertisement: Any) -> AttachedDevice:
    """What bleak heard, as facts."""
    details = handle.details if isinstance(handle.details, dict) else {}
    facts = BluetoothFacts(
        name=advertisement.local_name or handle.name or "",
        services=tuple(sorted(uuid.lower() for uuid in advertisement.service_uuids)),
        manufacturer_data={company: bytes(data) for company, data in sorted(advertisement.manufacturer_data.items())},
        service_data={uuid.lower(): bytes(data) for uuid, data in sorted(advertisement.service_data.items())},
        rssi=None if advertisement.rssi in (None, _NOT_MEASURED) else advertisement.rssi,
        tx_power=advertisement.tx_power,
        appearance=details.get("props", {}).get("Appearance"),
    )
    return AttachedDevice(handle.address, _adapter(str(details.get("path", ""))), facts)


def _adapter(path: str) -> str:
    """The adapter of a device's object path (``/org/bluez/hci0/dev_...``): as near to a place as there is. Empty elsewhere."""
    return path.rpartition("/")[0].rpartition("/")[2]


def _but_for_rssi(device: AttachedDevice) -> AttachedDevice:
    assert isinstance(device.facts, BluetoothFacts), "neighbors are Bluetooth devices"
    return replace(device, facts=replace(device.facts, rssi=None))
