"""A connection to the GATT server of one device, through bleak. Runs in asyncio.

    operation ──▶ attempt ──▶ done
                     │ "not paired"
                     ▼
                  pairing (one at a time) ──▶ attempt once more

Each attempt is a race against the loss of the link and against its time.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from partita.actors.devices.drivers.bluetooth_failures import connecting_failed, failed, wants_pairing
from partita.actors.devices.drivers.bluetooth_watch import Neighbor
from partita.events.device_transfers import (
    DONE,
    DiscoverServices,
    GATTCharacteristic,
    GATTDescriptor,
    GATTService,
    Incoming,
    Operation,
    ReadAttribute,
    StartNotifications,
    StopNotifications,
    TransferResult,
    WriteAttribute,
)
from partita.events.errors import DeviceError

T = TypeVar("T")

CONNECTING_S: Final = 30.0
ANSWER_S: Final = 30.0
"""ATT's own limit for an answer (Bluetooth Core 5.4, 3.F.3.3.3), for who sets none."""
_DISCONNECTING_S: Final = 5.0


class Link:
    """One connection. ``on_value``: told each value that is notified; ``on_end``: told once why there will be no more.

    ``pair``: makes the link one that is paired, given the device's path; None where bleak or the system does that by itself.
    """

    def __init__(
        self,
        neighbor: Neighbor,
        on_value: Callable[[Incoming], None],
        on_end: Callable[[DeviceError], None],
        pair: Callable[[str], Awaitable[None]] | None,
    ) -> None:
        self._key = neighbor.device.key
        self._neighbor = neighbor
        self._on_value = on_value
        self._on_end = on_end
        self._pair = pair
        self._client: Any = None
        self._connected = False
        self._end: asyncio.Future[DeviceError] = asyncio.get_running_loop().create_future()
        self._pairing = asyncio.Lock()
        self._pairings = 0
        self._notifying: set[int] = set()
        self._letting_go: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Raises ``DeviceError``."""
        bleak = importlib.import_module("bleak")
        self._client = bleak.BleakClient(self._neighbor.handle, lambda _: self._lost(), timeout=CONNECTING_S)
        try:
            await asyncio.wait_for(self._client.connect(), CONNECTING_S + 1)
        except BaseException as error:
            self._finish(connecting_failed(self._key, error))
            await self._let_go()
            if isinstance(error, Exception):
                raise connecting_failed(self._key, error) from error
            raise
        self._connected = True
        if not self._client.is_connected:
            self._lost()

    async def carry_out(self, operation: Operation, data: bytes, timeout_s: float | None) -> TransferResult:
        """See :meth:`partita.actors.kernel.device_ports.DeviceConnection.perform`. The time is that of each attempt."""
        doing = f"{type(operation).__name__} of {self._key}"
        pairings = self._pairings
        try:
            return await self._unless_lost(lambda: self._attempt(operation, data), timeout_s)
        except Exception as error:
            if self._pair is None or not wants_pairing(error):
                raise self._why(doing, error) from error
        try:
            await self._unless_lost(lambda: self._have_paired(pairings), float("inf"))
            return await self._unless_lost(lambda: self._attempt(operation, data), timeout_s)
        except Exception as error:
            raise self._why(doing, error) from error

    async def close(self) -> None:
        """Disconnect; what is under way fails."""
        self._finish(DeviceError("gone", f"{self._key} has been disconnected from"))
        await self._let_go()

    # -- its end --------------------------------------------------------------------------------------------------------

    def _lost(self) -> None:
        if not self._connected or self._end.done():  # bleak may try again to connect; or we have disconnected
            return
        self._finish(DeviceError("gone", f"the link to {self._key} is lost: it disconnected, or is out of range"))
        self._letting_go = asyncio.get_running_loop().create_task(self._let_go())  # the bus connection is still there

    def _finish(self, end: DeviceError) -> None:
        if not self._end.done():
            self._end.set_result(end)
            self._on_end(end)

    async def _let_go(self) -> None:
        if self._client is None:
            return
        with suppress(Exception):
            await asyncio.wait_for(self._client.disconnect(), _DISCONNECTING_S)

    def _why(self, doing: str, error: Exception) -> DeviceError:
        if self._end.done() or not self._client.is_connected:
            self._finish(DeviceError("gone", f"the link to {self._key} is lost"))
            return DeviceError("gone", str(self._end.result()))
        return failed(doing, error)

    async def _unless_lost(self, work: Callable[[], Coroutine[Any, Any, T]], timeout_s: float | None) -> T:
        """Raises ``DeviceError`` or ``TimeoutError``, and what the work raises."""
        if self._end.done():
            raise self._end.result()
        limit_s = ANSWER_S if timeout_s is None else timeout_s
        task = asyncio.get_running_loop().create_task(work())
        try:
            limit = None if limit_s == float("inf") else limit_s
            either: set[asyncio.Future[Any]] = {task, self._end}
            await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self._end.done():
                raise DeviceError("gone", str(self._end.result()))
            raise TimeoutError(f"no answer within {limit_s:g} s")
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_look_at)

    # -- operations -----------------------------------------------------------------------------------------------------

    async def _have_paired(self, pairings: int) -> None:
        """Pair, unless somebody has while we waited for our turn: ``pairings`` is how often that had been done before."""
        assert self._pair is not None
        async with self._pairing:
            if self._pairings == pairings:
                await self._pair(str(self._neighbor.handle.details["path"]))
                self._pairings += 1

    async def _attempt(self, operation: Operation, data: bytes) -> TransferResult:
        client = self._client
        match operation:
            case DiscoverServices():
                return TransferResult(services=_services(client.services))
            case ReadAttribute(handle):
                attribute, is_descriptor = self._attribute(handle)
                read = client.read_gatt_descriptor if is_descriptor else client.read_gatt_char
                return TransferResult(data=bytes(await read(attribute)))
            case WriteAttribute(handle, with_response):
                attribute, is_descriptor = self._attribute(handle)
                if is_descriptor:
                    await client.write_gatt_descriptor(attribute, data)
                else:
                    await client.write_gatt_char(attribute, data, response=with_response)
                return TransferResult(bytes_written=len(data))
            case StartNotifications(handle):
                if handle not in self._notifying:
                    await client.start_notify(self._characteristic(handle), self._listener(handle))
                    self._notifying.add(handle)
                return DONE
            case StopNotifications(handle):
                if handle in self._notifying:
                    await client.stop_notify(self._characteristic(handle))
                    self._notifying.discard(handle)
                return DONE
            case _:
                raise DeviceError("unsupported", f"{type(operation).__name__} is nothing for a Bluetooth device")

    def _listener(self, handle: int) -> Callable[[Any, bytearray], None]:
        return lambda _, value: self._on_value(Incoming(handle, bytes(value)))

    def _attribute(self, handle: int) -> tuple[Any, bool]:
        """Bleak's own for it, and whether it is a descriptor. Raises ``DeviceError``."""
        services = self._client.services
        characteristic = services.get_characteristic(handle)
        if characteristic is not None:
            return characteristic, False
        descriptor = services.get_descriptor(handle)
        if descriptor is None:
            raise DeviceError("not_found", f"{self._key} has no attribute with the handle {handle}")
        return descriptor, True

    def _characteristic(self, handle: int) -> Any:
        attribute, is_descriptor = self._attribute(handle)
        if is_descriptor:
            raise DeviceError(
                "unsupported", f"the handle {handle} of {self._key} is a descriptor's: it notifies nobody"
            )
        return attribute


def _services(found: Any) -> tuple[GATTService, ...]:
    return tuple(
        GATTService(
            service.handle,
            service.uuid.lower(),
            tuple(
                GATTCharacteristic(
                    one.handle,
                    one.uuid.lower(),
                    tuple(one.properties),
                    tuple(
                        GATTDescriptor(each.handle, each.uuid.lower())
                        for each in sorted(one.descriptors, key=lambda each: each.handle)
                    ),
                )
                for one in sorted(service.characteristics, key=lambda one: one.handle)
            ),
        )
        for service in sorted(found, key=lambda service: service.handle)
        if _is_primary(service)
    )


def _is_primary(service: Any) -> bool:
    """BlueZ lists the others as well, and says which they are."""
    properties = service.obj[1] if isinstance(service.obj, tuple) else {}
    return bool(properties.get("Primary", True))


def _look_at(task: asyncio.Task[Any]) -> None:
    """Nobody else does, and asyncio would complain."""
    if not task.cancelled():
        task.exception()
