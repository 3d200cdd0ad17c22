"""The simulated bus: what is plugged in, who watches, who has what open. It outlives the processes that use it.

:class:`SimulatedDevices` is the port ``devices`` of one process on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from partita.actors.kernel.context import Random
from partita.actors.kernel.device_ports import DeviceConnection, DeviceWatch, Pair
from partita.actors.kernel.world import Clock
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import OpenOptions, Operation
from partita.events.errors import DeviceError
from partita.simulations.devices.connection import LATEST_S, Connection, Watch
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.faults import Faults
from partita.simulations.life import Life

FAULTS: Final[Mapping[str, float]] = {
    "device.busy": 0.05,  # another program has it just now
    "device.denied": 0.02,
    "device.late": 0.1,  # it answers, or is open, after a while
    "device.silent": 0.02,  # it does not answer at all
    "device.stalls": 0.05,
    "device.fails": 0.02,
    "device.unplugged": 0.02,  # in the middle of it
}
"""What may go wrong with a device, each with its highest odds."""

SETTINGS: Final[Mapping[str, tuple[float, ...]]] = {"device.latency_s": (0.0, 0.0001, 0.001, 0.05)}
"""How long an operation takes, and an opening."""

BACK_AFTER_S: Final = 30.0
"""What a fault has unplugged is plugged in again within so many seconds."""

CLOCK_STEP_S: Final = 1e-6
"""Who sleeps until something is due wakes up after that, and not a moment before."""


class Carried(Struct, frozen=True):
    """An operation that reached a device. ``life``: the number of the process; ``connection``: its name for it."""

    life: int
    connection: str
    key: str
    operation: Operation


class Bus:
    """What is plugged in. ``carried``: all operations that reached a device, in order; ``plugs``: how often one was plugged.

    ``answers_at_once``: whether nothing can go wrong, and nothing takes time. ``is_watched``: whether somebody will look at what
    was carried; else it is not kept.
    """

    def __init__(
        self, faults: Faults, clock: Clock, *, settings: Mapping[str, float] | None = None, is_watched: bool = True
    ) -> None:
        self.faults = faults
        self.clock = clock
        self.latency_s = (settings or {}).get("device.latency_s", 0.0)
        self.answers_at_once = not faults.may_strike("device.") and not self.latency_s
        self.carried: list[Carried] = []
        self._is_watched = is_watched
        self.plugs = 0
        self._plugged: dict[str, SimulatedDevice] = {}
        self._watches: list[Watch] = []
        self._connections: list[Connection] = []
        self._later: list[tuple[float, SimulatedDevice]] = []

    @property
    def plugged(self) -> Mapping[str, SimulatedDevice]:
        """By their keys."""
        return self._plugged

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Those that are open, oldest first."""
        return tuple(self._connections)

    @property
    def watched(self) -> tuple[DeviceKind, ...]:
        """The kinds that somebody watches, each as often as somebody does."""
        return tuple(watch.kind for watch in self._watches)

    def plug(self, device: SimulatedDevice) -> None:
        """It is attached. Raises :class:`ValueError` when something of that key is."""
        if device.key in self._plugged:
            raise ValueError(f"{device.key!r} is plugged in already")
        self.plugs += 1
        self._plugged[device.key] = device
        self._tell(DeviceChange(attached=(device.attached(),)), device)

    def unplug(self, key: str) -> SimulatedDevice | None:
        """It is gone: who has it open, or waits for it, is told so. None when there is none."""
        device = self._plugged.pop(key, None)
        if device is not None:
            self._tell(DeviceChange(detached=(key,)), device)
            for connection in self.connections:
                if connection.device is device:
                    connection.end(f"{key} was unplugged")
        return device

    def change(self, device: SimulatedDevice) -> None:
        """What is plugged in says something else of itself now."""
        self._tell(DeviceChange(attached=(device.attached(),)), device)

    def port(self, life: Life | None = None) -> SimulatedDevices:
        """The port of one process."""
        self.bury()
        return SimulatedDevices(self, Life(0) if life is None else life)

    def bury(self) -> None:
        """What processes had that have ended is nobody's any more."""
        for connection in self.connections:
            if not connection.life.alive:
                connection.abandon()
        self._watches = [watch for watch in self._watches if watch.life.alive]

    def heal(self) -> None:
        """What faults have unplugged is plugged in again."""
        self.plug_what_is_due(at_once=True)

    def _tell(self, change: DeviceChange, device: SimulatedDevice) -> None:
        kind = kind_of(device)
        for watch in tuple(self._watches):
            if watch.kind == kind:
                watch.tell(change)

    # -- for its ports ------------------------------------------------------------------------------------------------

    def watch(self, life: Life, kind: DeviceKind) -> Watch:
        """Somebody watches."""
        self.plug_what_is_due()
        here = tuple(device.attached() for device in self._plugged.values() if kind_of(device) == kind)
        watch = Watch(self, life, kind, DeviceChange(attached=here))
        self._watches.append(watch)
        return watch

    async def open(self, life: Life, name: str, kind: DeviceKind, key: str, pair: Pair) -> Connection:
        """Somebody opens a device. It may be unplugged, or opened by somebody else, while that takes its time."""
        device = self._openable(kind, key)
        if self.faults.strikes("device.busy") is not None:
            raise DeviceError("busy", f"another program has {key!r}")
        if self.faults.strikes("device.denied") is not None:
            raise DeviceError("denied", f"{key!r} is not for this user")
        late = self.faults.strikes("device.late")
        seconds = self.latency_s + (0.0 if late is None else late.random() * LATEST_S)
        if seconds:
            await self.clock.sleep(seconds)
        if (random := self.faults.strikes("device.unplugged")) is not None:
            self.unplug_for_a_while(device, random)
        if device.pairing is not None and self._plugged.get(key) is device:
            answer = await pair(device.pairing)
            if not device.is_paired_by(answer):
                raise DeviceError("rejected", f"{key!r} was not paired")
        life.check()
        if self._openable(kind, key) is not device:
            raise DeviceError("gone", f"{key!r} was unplugged")
        connection = Connection(self, life, name, device, pair)
        self._connections.append(connection)
        device.opened()
        return connection

    def _openable(self, kind: DeviceKind, key: str) -> SimulatedDevice:
        device = self._plugged.get(key)
        if device is None or kind_of(device) != kind:
            raise DeviceError("not_found", f"there is no {kind} device {key!r}")
        if any(one.device is device and one.is_of_use for one in self._connections):
            raise DeviceError("busy", f"{key!r} is open already")
        return device

    def note(self, connection: Connection, operation: Operation) -> None:
        """An operation reaches its device."""
        if self._is_watched:
            self.carried.append(Carried(connection.life.number, connection.name, connection.device.key, operation))

    def forget_watch(self, watch: Watch) -> None:
        """It has been closed."""
        self._watches = [one for one in self._watches if one is not watch]

    def forget_connection(self, connection: Connection) -> None:
        """It has been closed."""
        self._connections.remove(connection)
        connection.device.closed()

    # -- what faults unplug -------------------------------------------------------------------------------------------

    def unplug_for_a_while(self, device: SimulatedDevice, random: Random) -> None:
        """A bad cable: it is gone, and comes back."""
        if self._plugged.get(device.key) is device:
            self._later.append((self.clock.monotonic() + random.random() * BACK_AFTER_S, device))
            self.unplug(device.key)

    def next_due_s(self) -> float | None:
        """In how many seconds the next of them comes back; None when none is to."""
        if not self._later:
            return None
        return max(0.0, min(at_s for at_s, _ in self._later) - self.clock.monotonic()) + CLOCK_STEP_S

    def plug_what_is_due(self, *, at_once: bool = False) -> None:
        """Those that were to come back by now do, unless something else is in their place."""
        now = self.clock.monotonic()
        due = [device for at_s, device in self._later if at_once or at_s <= now]
        self._later = [] if at_once else [(at_s, device) for at_s, device in self._later if at_s > now]
        for device in due:
            if device.key not in self._plugged:
                self.plug(device)


def kind_of(device: SimulatedDevice) -> DeviceKind:
    """Whose broker it is at: the tag of its facts."""
    kind: DeviceKind = device.facts().__struct_config__.tag  # type: ignore[assignment]  # their tags are these
    return kind


class SimulatedDevices:
    """The port ``devices`` of one process on a bus: :class:`partita.actors.kernel.device_ports.Devices`."""

    def __init__(self, bus: Bus, life: Life) -> None:
        self._bus = bus
        self._life = life
        self._connections: dict[str, Connection] = {}

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """See :class:`partita.actors.kernel.device_ports.Devices`; so for the rest."""
        self._life.check()
        return self._bus.watch(self._life, kind)

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:  # noqa: ARG002  # the port's method
        self._life.check()
        self._connections[connection] = await self._bus.open(self._life, connection, kind, key, pair)

    def connection(self, connection: str) -> DeviceConnection:
        found = self._connections.get(connection)
        if found is None:
            raise DeviceError("gone", "it is not open any more")
        return found

    async def close(self, connection: str) -> None:
        found = self._connections.pop(connection, None)
        if found is not None:
            await found.close()

    async def shut_down(self) -> None:
        for name in list(self._connections):
            await self.close(name)
