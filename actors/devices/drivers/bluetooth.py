"""Bluetooth LE through bleak: a :class:`~partita.actors.kernel.device_ports.DeviceDriver`, on an asyncio thread of its own.

    trio: BluetoothDriver, BluetoothWatch, BluetoothConnection
    ───────────────── asyncio_thread ─────────────────────────
    asyncio: Neighborhood (scanning), Link (one a connection), PairingAgent

On Linux, pairing goes through BlueZ and an agent of our own, which asks the ``pair`` function given to ``open()``. On macOS and
Windows bleak and the system pair by themselves and ask the user with windows of their own: ``pair`` is never called there.

What bleak cannot do: where a characteristic notifies and is read as well, BlueZ reports what was read as a notification too.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import trio

from partita.actors.devices.drivers.asyncio_thread import AsyncioThread
from partita.actors.devices.drivers.bluetooth_link import Link
from partita.actors.devices.drivers.bluetooth_watch import BluetoothWatch, Neighborhood
from partita.actors.devices.drivers.bluez_agent import PairingAgent
from partita.actors.devices.drivers.threads import Bell
from partita.actors.kernel.device_ports import Pair, PairingAnswer, PairingQuestion
from partita.events.device_transfers import Incoming, OpenBluetooth, OpenOptions, Operation, TransferResult
from partita.events.errors import DeviceError

FINDING_S: Final = 10.0
MOST_VALUES: Final = 10_000
"""Values that are kept for who does not receive them. Nothing holds back a device that notifies: with more, the link is cut."""


class BluetoothDriver:
    """All Bluetooth LE devices. The keys are their addresses (on macOS, the UUIDs that it gives them).

    To be used in the trio run in which it is made.
    """

    def __init__(self) -> None:
        self._thread = AsyncioThread("bluetooth", self._at_end, _let_go_of_bleak)
        self._neighborhood: Neighborhood | None = None
        self._agent: PairingAgent | None = None
        self._links: set[Link] = set()

    async def watch(self) -> BluetoothWatch:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.watch`: scans until all watches are closed.

        Raises ``DeviceError``: ``unsupported`` without bleak, D-Bus, BlueZ or an adapter that is turned on, ``denied``; the text
        says what to do.
        """
        watch = BluetoothWatch(self._thread, await self._near())
        await watch.begin()
        return watch

    async def open(self, key: str, options: OpenOptions, pair: Pair) -> BluetoothConnection:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.open`: connects to the GATT server, and finds its services.

        Raises ``DeviceError``: ``not_found`` when it is not heard for 10 s, ``gone`` or ``timeout`` when it is out of range,
        and what :meth:`watch` raises.
        """
        if not isinstance(options, OpenBluetooth):
            raise DeviceError("unsupported", f"{type(options).__name__} opens no Bluetooth device")
        near = await self._near()
        connection = BluetoothConnection(self._thread)
        try:
            await self._thread.run(lambda: self._connect(key, near, connection, pair))
        except trio.Cancelled:
            await connection.close()  # it may have been connected to
            raise
        return connection

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceDriver.close`."""
        await self._thread.close()

    async def _near(self) -> Neighborhood:
        async def make() -> Neighborhood:
            if self._neighborhood is None:
                self._neighborhood = Neighborhood()
            return self._neighborhood

        return await self._thread.run(make)

    # -- in the asyncio loop --------------------------------------------------------------------------------------------

    async def _connect(self, key: str, near: Neighborhood, connection: BluetoothConnection, pair: Pair) -> None:
        neighbor = await near.found(key, FINDING_S)
        if neighbor is None:
            raise DeviceError("not_found", f"there is no Bluetooth device {key}: it was not heard for {FINDING_S:g} s")
        paired = await self._pairing(pair)

        def ended(end: DeviceError) -> None:
            self._links.discard(link)
            connection.finish(end)

        connection.link = link = Link(neighbor, connection.take, ended, paired)
        self._links.add(link)
        await link.connect()

    async def _pairing(self, pair: Pair) -> Callable[[str], Awaitable[None]] | None:
        if sys.platform != "linux":
            return None
        if self._agent is None:
            self._agent = PairingAgent()
        agent = self._agent
        await agent.register()

        async def ask(question: PairingQuestion) -> PairingAnswer:
            return await self._thread.ask(pair, question)

        async def paired(device: str) -> None:
            await agent.pair(device, ask)

        return paired

    async def _at_end(self) -> None:
        try:
            await asyncio.gather(*(link.close() for link in tuple(self._links)))
        finally:
            if self._agent is not None:
                await self._agent.close()


class BluetoothConnection:
    """A :class:`~partita.actors.kernel.device_ports.DeviceConnection` on the trio side. ``link``: its other half."""

    def __init__(self, thread: AsyncioThread) -> None:
        self.link: Link | None = None
        self._thread = thread
        self._bell = Bell()
        self._values: deque[Incoming] = deque()
        self._end: DeviceError | None = None

    async def perform(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.perform`.

        ``timeout_s`` (30 s where it is None) is for the device's answer; where that is to pair first, the user has the time that
        BlueZ gives him, and the device as much again.
        """
        link = self.link
        assert link is not None, "it is connected before anybody has it"
        return await self._thread.run(lambda: link.carry_out(operation, data, timeout_s))

    async def receive(self) -> Incoming:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.receive`. What came before the end is given first."""
        await trio.lowlevel.checkpoint()
        while not self._values:
            if self._end is not None:
                raise DeviceError(self._end.failure, str(self._end))
            await self._bell.wait()
        return self._values.popleft()

    async def close(self) -> None:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.close`. A pairing that is under way is given up."""
        self._values.clear()
        if (link := self.link) is not None:
            with trio.CancelScope(shield=True), suppress(DeviceError):
                await self._thread.run(link.close)

    # -- in the asyncio loop --------------------------------------------------------------------------------------------

    def take(self, incoming: Incoming) -> None:
        """A value has come."""
        if self._end is not None:
            return
        self._values.append(incoming)
        if len(self._values) > MOST_VALUES:
            self.finish(DeviceError("failed", f"nobody has received what was notified, {MOST_VALUES} values"))
        self._bell.ring()

    def finish(self, end: DeviceError) -> None:
        """There will be no more; the first to say so says why."""
        if self._end is None:
            self._end = end
        self._bell.ring()


def _let_go_of_bleak() -> None:
    """Close the bus connection that bleak has for this loop.

    bleak does it, in the same way, when another loop asks for one: that may be never.
    """
    if sys.platform != "linux":
        return
    with suppress(ImportError, AttributeError):
        managers = importlib.import_module("bleak.backends.bluezdbus.manager")._global_instances  # noqa: SLF001
        manager = managers.pop(asyncio.get_running_loop(), None)
        if manager is not None and manager._bus is not None:  # noqa: SLF001
            manager._bus._finalize(None)  # noqa: SLF001
