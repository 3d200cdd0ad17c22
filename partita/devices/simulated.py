"""Simulated devices in a live system: for tests of programs, and for bugs that are hunted without the hardware (WANTS 30)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import trio

from partita.actors.kernel.device_ports import DeviceWatch, Pair
from partita.actors.live_world.clocks import SystemClock
from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import OpenOptions
from partita.simulations.devices.bus import Bus, SimulatedDevices
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.faults import Faults
from partita.simulations.life import Life


class SimulatedBus:
    """What is plugged in, for ``System(devices=bus)``: nothing goes wrong with it by itself, and it has no latency.

    One bus serves one system at a time. Devices are plugged in and pulled out from any thread; what they do is done on the
    system's own.
    """

    def __init__(self) -> None:
        self._bus: Final = Bus(Faults(0, {}), SystemClock(), is_watched=False)
        self._loop: tuple[int, trio.lowlevel.TrioToken] | None = None

    @property
    def plugged(self) -> Mapping[str, SimulatedDevice]:
        """The devices that are plugged in, by their keys."""
        return self._bus.plugged

    def plug(self, *devices: SimulatedDevice) -> None:
        """Plug them in. Raises :class:`ValueError` when something of the same key is."""
        for device in devices:
            self._do(lambda device=device: self._bus.plug(device))  # type: ignore[misc]

    def unplug(self, key: str) -> None:
        """Pull it out; nothing happens when there is none. Who waits for it is told that it is gone."""
        self._do(lambda: self._bus.unplug(key))

    def port(self) -> SimulatedDevices:
        """The port ``devices`` on it, for one system."""
        self._loop = None
        return _Port(self._bus, Life(0), self._noted)

    def _noted(self) -> None:
        """A system's loop is here."""
        self._loop = threading.get_ident(), trio.lowlevel.current_trio_token()

    def _do(self, work: Callable[[], object]) -> None:
        loop = self._loop
        if loop is None or loop[0] == threading.get_ident():
            work()
            return
        try:
            trio.from_thread.run_sync(work, trio_token=loop[1])
        except trio.RunFinishedError:  # the system has been closed
            self._loop = None
            work()


class _Port(SimulatedDevices):
    def __init__(self, bus: Bus, life: Life, noted: Callable[[], None]) -> None:
        super().__init__(bus, life)
        self._noted = noted

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        self._noted()
        return await super().watch(kind)

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:
        self._noted()
        await super().open(connection, kind, key, options, pair)
