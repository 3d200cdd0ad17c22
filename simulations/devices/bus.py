"""The simulated bus: what is plugged in, who watches, who has what open. It outlives the processes that use it.

:class:`SimulatedDevices` is the port ``devices`` of one process on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from partita.actors.kernel.context import Random
from partita.actors.kernel.device_ports import DeviceConnection, DeviceWatch, Pair
from partita.actors.kernel.future import Future
from partita.actors.kernel.world import Clock
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import Incoming, OpenOptions, Operation, TransferResult
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.faults import Faults
from partita.simulations.internet.deadlines import Within
from partita.simulations.life import Life

FAULTS: Final[Mapping[str, float]] = {
    "device.busy": 0.05,  # another program has it just now
    "device.denied": 0.02,
    "device.late": 0.1,  # it answers, after a while
    "device.silent": 0.02,  # it does not answer at all
    "device.stalls": 0.05,
    "device.fails": 0.02,
    "device.unplugged": 0.02,  # in the middle of it
}
"""What may go wrong with a device, each with its highest odds."""

SETTINGS: Final[Mapping[str, tuple[float, ...]]] = {"device.latency_s": (0.0, 0.0001, 0.001, 0.05)}
"""How long an operation takes."""

LATEST_S: Final = 20.0
BACK_AFTER_S: Final = 30.0
"""What a fault has unplugged is plugged in again within so many seconds."""


Waits = Callable[[Clock, float, Future[None]], Awaitable[None]]
"""Waits so many seconds for a future, and raises :class:`TimeoutError` then."""


class Bus:
    """What is plugged in. ``carried``: for each device's key, how many operations reached it.

    ``within``: what waits in the kernel that it is used under; the simulation kernel's, unless it is said otherwise.
    """

    def __init__(
        self,
        faults: Faults,
        clock: Clock,
        *,
        settings: Mapping[str, float] | None = None,
        within: Waits = Within,
    ) -> None:
        self.faults = faults
        self.clock = clock
        self.within = within
        self.latency_s = (settings or {}).get("device.latency_s", 0.0)
        self.carried: dict[str, int] = {}
        self.answers_at_once = not faults.may_strike("device.") and not self.latency_s
        self._plugged: dict[str, SimulatedDevice] = {}
        self._watches: list[_Watch] = []
        self._connections: list[_Connection] = []
        self._later: list[tuple[float, SimulatedDevice]] = []

    @property
    def plugged(self) -> Mapping[str, SimulatedDevice]:
        """By their keys."""
        return self._plugged

    def plug(self, device: SimulatedDevice) -> None:
        """It is attached. Raises :class:`ValueError` when something of that key is."""
        if device.key in self._plugged:
            raise ValueError(f"{device.key!r} is plugged in already")
        self._plugged[device.key] = device
        self._tell(DeviceChange(attached=(device.attached(),)), device)

    def unplug(self, key: str) -> SimulatedDevice | None:
        """It is gone: who has it open, or waits for it, is told so. None when there is none."""
        device = self._plugged.pop(key, None)
        if device is not None:
            self._tell(DeviceChange(detached=(key,)), device)
            for connection in [one for one in self._connections if one.device is device]:
                connection.end(f"{key} was unplugged")
        return device

    def port(self, life: Life | None = None) -> SimulatedDevices:
        """The port of one process. What those had that have ended is nobody's any more."""
        for connection in [one for one in self._connections if not one.life.alive]:
            connection.abandon()
        self._watches = [watch for watch in self._watches if watch.life.alive]
        return SimulatedDevices(self, Life(0) if life is None else life)

    def _tell(self, change: DeviceChange, device: SimulatedDevice) -> None:
        kind = kind_of(device)
        for watch in self._watches:
            if watch.kind == kind:
                watch.tell(change)

    # -- for its ports ------------------------------------------------------------------------------------------------

    def watch(self, life: Life, kind: DeviceKind) -> _Watch:
        """Somebody watches."""
        here = tuple(device.attached() for device in self._plugged.values() if kind_of(device) == kind)
        watch = _Watch(life, kind, DeviceChange(attached=here), self._forget_watch)
        self._watches.append(watch)
        return watch

    def open(self, life: Life, kind: DeviceKind, key: str, pair: Pair) -> _Connection:
        """Somebody opens a device."""
        device = self._plugged.get(key)
        if device is None or kind_of(device) != kind:
            raise DeviceError("not_found", f"there is no {kind} device {key!r}")
        if self.faults.strikes("device.busy") is not None:
            raise DeviceError("busy", f"another program has {key!r}")
        if self.faults.strikes("device.denied") is not None:
            raise DeviceError("denied", f"{key!r} is not for this user")
        if any(one.device is device and one.life.alive and not one.has_ended for one in self._connections):
            raise DeviceError("busy", f"{key!r} is open already")
        connection = _Connection(self, life, device, pair, self._forget)
        self._connections.append(connection)
        return connection

    def _forget_watch(self, watch: _Watch) -> None:
        if watch in self._watches:
            self._watches.remove(watch)

    def _forget(self, connection: _Connection) -> None:
        self._connections.remove(connection)

    def unplug_for_a_while(self, device: SimulatedDevice, random: Random) -> None:
        """A bad cable: it is gone, and comes back."""
        if self._plugged.get(device.key) is device:
            self.unplug(device.key)
            self._later.append((self.clock.monotonic() + random.random() * BACK_AFTER_S, device))

    def plug_what_is_due(self, *, at_once: bool = False) -> None:
        """What a fault has unplugged, and was to come back by now."""
        now = self.clock.monotonic()
        due = [device for at_s, device in self._later if at_once or at_s <= now]
        self._later = [(at_s, device) for at_s, device in self._later if device not in due]
        for device in due:
            if device.key not in self._plugged:
                self.plug(device)


def kind_of(device: SimulatedDevice) -> DeviceKind:
    """Whose broker it is at: the tag of its facts."""
    kind: DeviceKind = device.facts().__struct_config__.tag  # type: ignore[assignment]  # their tags are these
    return kind


class _Watch:
    def __init__(self, life: Life, kind: DeviceKind, first: DeviceChange, forget: Callable[[_Watch], None]) -> None:
        self.life = life
        self.kind = kind
        self._changes = deque([first])
        self._forget = forget
        self._bell: Future[None] | None = None
        self._closed = False

    def tell(self, change: DeviceChange) -> None:
        self._changes.append(change)
        self._ring()

    async def next(self) -> DeviceChange:
        while not self._changes:
            if self._closed:
                raise DeviceError("gone", "nobody watches any more")
            self._bell = Future()
            await self._bell
        return self._changes.popleft()

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._forget(self)
            self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.settle(None)
            self._bell = None


class _Connection:
    def __init__(
        self, bus: Bus, life: Life, device: SimulatedDevice, pair: Pair, forget: Callable[[_Connection], None]
    ) -> None:
        self.bus = bus
        self.life = life
        self.device = device
        self.pair = pair
        self._forget = forget
        self._incoming: deque[Incoming] = deque()
        self._bell: Future[None] = Future()
        self._waiting: dict[int, Future[None]] = {}
        self._waits = 0
        self._ended = ""
        self._is_open = True
        device.connect(self._take)

    def _take(self, incoming: Incoming) -> None:
        """On any thread: the device of a live system sends when its test says so."""
        self._incoming.append(incoming)
        self._bell.settle(None)

    @property
    def has_ended(self) -> bool:
        """Whether the device is gone, or the connection was closed."""
        return bool(self._ended)

    def end(self, why: str) -> None:
        """Nothing comes of it any more; whoever waits is told."""
        self._ended = self._ended or why
        self._bell.settle(None)
        for waiting in tuple(self._waiting.values()):
            waiting.settle(None)

    def _check(self) -> None:
        self.life.check()
        if self._ended:
            raise DeviceError("gone", self._ended)

    def perform(
        self, operation: Operation, data: bytes, timeout_s: float | None
    ) -> TransferResult | Awaitable[TransferResult]:
        self._check()
        if self.bus.answers_at_once:
            answer = self._asked(operation, data)
            if isinstance(answer, TransferResult):
                return answer
            return self._answered(answer, operation, data, timeout_s)
        return self._perform(operation, data, timeout_s)

    async def _perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        bus, strikes = self.bus, self.bus.faults.strikes
        if bus.latency_s:
            await self._pause(bus.latency_s)
        if (random := strikes("device.late")) is not None:
            await self._pause(min(random.random() * LATEST_S, LATEST_S if timeout_s is None else timeout_s * 0.9))
        if (random := strikes("device.unplugged")) is not None:
            bus.unplug_for_a_while(self.device, random)
            self._check()
        if strikes("device.fails") is not None:
            raise DeviceError("failed", f"{self.device.key} did not do it")
        if strikes("device.stalls") is not None:
            return TransferResult(status="stall")
        answer = None if strikes("device.silent") is not None else self._asked(operation, data)
        return await self._answered(answer, operation, data, timeout_s)

    def _asked(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        carried = self.bus.carried
        carried[self.device.key] = carried.get(self.device.key, 0) + 1
        return self.device.perform(operation, data)

    async def _answered(
        self,
        answer: TransferResult | DeviceError | None,
        operation: Operation,
        data: bytes,
        timeout_s: float | None,
    ) -> TransferResult:
        """What it says, as soon as it does; in time, or not at all."""
        until_s = None if timeout_s is None else self.bus.clock.monotonic() + timeout_s
        while answer is None:
            left_s = None if until_s is None else until_s - self.bus.clock.monotonic()
            if not await self._changed(left_s):
                raise DeviceError("timeout", f"{self.device.key} has not answered within {timeout_s:g} s")
            answer = self.device.perform(operation, data)
        if isinstance(answer, DeviceError):
            raise answer
        return answer

    async def _changed(self, seconds: float | None) -> bool:
        """Wait so long at most for the device to change; None: as long as it is connected. Whether it has."""
        waiting: Future[None] = Future()
        changed: list[bool] = []

        def on_change() -> None:
            changed.append(True)
            waiting.settle(None)

        self.device.when_changed(on_change)
        try:
            await self._until(waiting, seconds)
        finally:
            self.device.waits_no_longer(on_change)
        return bool(changed)

    async def _pause(self, seconds: float) -> None:
        """So long, unless the connection ends before."""
        await self._until(Future(), seconds)

    async def _until(self, waiting: Future[None], seconds: float | None) -> None:
        self._waits += 1
        name = self._waits
        self._waiting[name] = waiting
        try:
            await (waiting if seconds is None else self.bus.within(self.bus.clock, seconds, waiting))
        except TimeoutError:
            pass
        finally:
            del self._waiting[name]
        self._check()

    async def receive(self) -> Incoming:
        while True:
            self._bell = Future()  # before it is looked, so that nothing comes in between
            if self._incoming:
                break
            self._check()
            await self._bell
        self.life.check()
        return self._incoming.popleft()

    async def close(self) -> None:
        if self._is_open:
            self.abandon()
            self.end("the connection was closed")

    def abandon(self) -> None:
        """Its process has ended: nobody is told."""
        self._is_open = False
        self.device.disconnect(self._take)
        self._forget(self)


class SimulatedDevices:
    """The port ``devices`` of one process on a bus: :class:`partita.actors.kernel.device_ports.Devices`."""

    def __init__(self, bus: Bus, life: Life) -> None:
        self._bus = bus
        self._life = life
        self._connections: dict[str, _Connection] = {}

    async def watch(self, kind: DeviceKind) -> DeviceWatch:
        """See :class:`partita.actors.kernel.device_ports.Devices`; so for the rest."""
        self._life.check()
        return self._bus.watch(self._life, kind)

    async def open(self, connection: str, kind: DeviceKind, key: str, options: OpenOptions, pair: Pair) -> None:  # noqa: ARG002  # the port's method
        self._life.check()
        self._connections[connection] = self._bus.open(self._life, kind, key, pair)

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
