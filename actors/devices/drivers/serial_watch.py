"""Which serial ports come and go: told by udev where it runs, else seen by looking once a second."""

from __future__ import annotations

import importlib
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import trio

from partita.actors.devices.drivers.changes import Sighting, Told
from partita.actors.devices.drivers.serial_ports import SLICE_S, attached_ports
from partita.actors.devices.drivers.workers import Bell, Worker
from partita.events.device_facts import DeviceChange
from partita.events.errors import DeviceError

POLL_S: Final = 1.0
UDEV_POLL_S: Final = 10.0
"""Where udev runs, looking is but a precaution."""
_UDEV_RUNS: Final = Path("/run/udev/control")


class SerialWatch:
    """A :class:`~partita.actors.kernel.device_ports.DeviceWatch`, on a thread of its own."""

    def __init__(self) -> None:
        self._bell = Bell()
        self._told = Told()
        self._lock = threading.Lock()  # guards what follows
        self._now: dict[str, Sighting] | None = None
        self._failed: DeviceError | None = None
        self._closed = threading.Event()
        self._looking = Worker("serial watch", self._look)

    async def next(self) -> DeviceChange:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.next`."""
        await trio.lowlevel.checkpoint()
        while True:
            with self._lock:
                if self._closed.is_set():
                    raise DeviceError("gone", "nobody watches the serial ports any more")
                if self._failed is not None:
                    raise DeviceError(self._failed.failure, str(self._failed))
                change = None if self._now is None else self._told.next(self._now)
            if change is not None:
                return change
            await self._bell.wait()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceWatch.close`."""
        self._closed.set()
        self._bell.ring()
        with trio.CancelScope(shield=True):
            await self._looking.ended()

    def _look(self) -> None:
        unplugged: Counter[str] = Counter()
        try:
            plugging = _Plugging(self._closed)
            while not self._closed.is_set():
                now = {one.key: Sighting(one, unplugged[one.key]) for one in attached_ports()}
                with self._lock:
                    self._now = now
                self._bell.ring()
                unplugged.update(plugging.wait())
        except Exception as error:  # noqa: BLE001  # whatever it is, who watches is told
            with self._lock:
                if isinstance(error, DeviceError):
                    self._failed = error
                else:
                    self._failed = DeviceError("failed", f"the serial ports cannot be watched: {error}")
            self._bell.ring()


class _Plugging:
    """When it is time to look, because udev says so or because nobody else would."""

    def __init__(self, closed: threading.Event) -> None:
        self._closed = closed
        self._monitor = _udev_monitor()
        self._look_after_s = UDEV_POLL_S if self._monitor is not None and _UDEV_RUNS.exists() else POLL_S

    def wait(self) -> list[str]:
        """Block until then. The keys of those of which udev says that they were unplugged."""
        until = time.monotonic() + self._look_after_s
        while not self._closed.is_set() and (left_s := until - time.monotonic()) > 0:
            if self._monitor is None:
                self._closed.wait(left_s)
            elif (event := self._monitor.poll(min(SLICE_S, left_s))) is not None:
                return self._unplugged(event)
        return []

    def _unplugged(self, event: Any) -> list[str]:
        """Of this event, and of all that have come with it."""
        assert self._monitor is not None
        keys = []
        while event is not None:
            if event.action == "remove" and event.device_node:
                keys.append(event.device_node)
            event = self._monitor.poll(0)
        return keys


def _udev_monitor() -> Any:
    """pyudev's; None where it is not installed or cannot be had."""
    try:
        pyudev: Any = importlib.import_module("pyudev")
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        monitor.filter_by("tty")
        monitor.start()
    except (ImportError, OSError):
        return None
    return monitor
