"""Who watches a simulated bus, and who has a device of it open."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from partita.actors.kernel.device_ports import Pair
from partita.actors.kernel.future import Future
from partita.events.device_facts import DeviceChange, DeviceKind
from partita.events.device_transfers import (
    ClearHalt,
    ControlTransfer,
    Incoming,
    IsochronousTransferIn,
    IsochronousTransferOut,
    Operation,
    TransferIn,
    TransferOut,
    TransferResult,
)
from partita.events.errors import DeviceError
from partita.simulations.devices.device import SimulatedDevice
from partita.simulations.devices.waiting import rung_within
from partita.simulations.life import Life

if TYPE_CHECKING:
    from partita.simulations.devices.bus import Bus

LATEST_S: Final = 20.0

_MAY_STALL: Final = (
    ControlTransfer,
    TransferIn,
    TransferOut,
    IsochronousTransferIn,
    IsochronousTransferOut,
    ClearHalt,
)
"""Only USB has endpoints, which halt; elsewhere, what a device does not do fails."""


class Watch:
    """Somebody watches one kind of devices. What a fault has unplugged comes back while it waits."""

    def __init__(self, bus: Bus, life: Life, kind: DeviceKind, first: DeviceChange) -> None:
        self.bus = bus
        self.life = life
        self.kind = kind
        self._changes = deque([first])
        self._bell: Future[None] | None = None
        self._closed = False

    def tell(self, change: DeviceChange) -> None:
        """Something has changed."""
        self._changes.append(change)
        self._ring()

    async def next(self) -> DeviceChange:
        """See :class:`partita.actors.kernel.device_ports.DeviceWatch`."""
        while not self._changes:
            self.life.check()
            if self._closed:
                raise DeviceError("gone", "nobody watches any more")
            bell: Future[None] = Future()
            self._bell = bell
            if not self._changes:  # not told from another thread just now
                await rung_within(self.bus.clock, self.bus.next_due_s(), bell)
            self.bus.plug_what_is_due()
        return self._changes.popleft()

    async def close(self) -> None:
        """See there."""
        if not self._closed:
            self._closed = True
            self.bus.forget_watch(self)
            self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.settle(None)
            self._bell = None


class Connection:
    """A device that is open. ``name``: the one that who opened it gave it."""

    def __init__(self, bus: Bus, life: Life, name: str, device: SimulatedDevice, pair: Pair) -> None:
        self.bus = bus
        self.life = life
        self.name = name
        self.device = device
        self.pair = pair
        self.ended = ""
        self._incoming: deque[Incoming] = deque()
        self._bell: Future[None] = Future()
        self._waiting: set[Future[None]] = set()
        self._is_open = True
        device.connect(self._take)

    @property
    def is_of_use(self) -> bool:
        """Whether the device is there, and the process that has it open."""
        return self.life.alive and not self.ended

    def _take(self, incoming: Incoming) -> None:
        """On any thread: the device of a live system sends when its test says so."""
        self._incoming.append(incoming)
        self._bell.settle(None)

    def end(self, why: str) -> None:
        """Nothing comes of it any more; whoever waits is told."""
        self.ended = self.ended or why
        self.device.disconnect(self._take)
        self._bell.settle(None)
        for waiting in tuple(self._waiting):
            waiting.settle(None)

    def _check(self) -> None:
        self.life.check()
        if self.ended:
            raise DeviceError("gone", self.ended)

    def perform(
        self, operation: Operation, data: bytes, timeout_s: float | None
    ) -> TransferResult | Awaitable[TransferResult]:
        """See :class:`partita.actors.kernel.device_ports.DeviceConnection`; so for the rest."""
        self._check()
        if not self.bus.answers_at_once:
            return self._perform(operation, data, timeout_s)
        answer = self._asked(operation, data)
        if isinstance(answer, TransferResult):
            return answer
        return self._answered(answer, operation, data, timeout_s)

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
        if isinstance(operation, _MAY_STALL) and strikes("device.stalls") is not None:
            return TransferResult(status="stall")
        if strikes("device.silent") is not None:
            await self._pause(timeout_s)
            raise self._late(timeout_s)
        return await self._answered(self._asked(operation, data), operation, data, timeout_s)

    def _asked(self, operation: Operation, data: bytes) -> TransferResult | DeviceError | None:
        self.bus.note(self, operation)
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
                raise self._late(timeout_s)
            answer = self.device.perform(operation, data)
        if isinstance(answer, DeviceError):
            raise answer
        return answer

    def _late(self, timeout_s: float | None) -> DeviceError:
        return DeviceError("timeout", f"{self.device.key} has not answered within {timeout_s:g} s")

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

    async def _pause(self, seconds: float | None) -> None:
        """So long, unless the connection ends before; None: until it does."""
        await self._until(Future(), seconds)

    async def _until(self, waiting: Future[None], seconds: float | None) -> None:
        self._waiting.add(waiting)
        try:
            await rung_within(self.bus.clock, seconds, waiting)
        finally:
            self._waiting.discard(waiting)
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
        if self._is_open:
            self._is_open = False
            self.device.disconnect(self._take)
            self.bus.forget_connection(self)
