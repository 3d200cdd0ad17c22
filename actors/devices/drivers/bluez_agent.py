"""Pairing through BlueZ: an ``org.bluez.Agent1`` of our own (its ``doc/org.bluez.Agent.rst``), over dbus-fast. Runs in asyncio.

BlueZ asks the agent of the bus connection that calls ``Pair``. So the agent pairs on its own connection, and need not become
the default agent: the pairings of the rest of the desktop stay with the desktop's. What a device wants pairs or not:

    BlueZ calls                           who asked for the pairing is asked     with
    ────────────────────────────────────────────────────────────────────────────────────────────────────
    RequestAuthorization                  confirm                                nothing
    RequestConfirmation(passkey)          confirmPin                             the passkey as 6 digits
    RequestPinCode, RequestPasskey        providePin                             nothing
    DisplayPinCode, DisplayPasskey        nobody: there is no kind for it        (Chromium cancels as well)
    AuthorizeService                      nobody: it is refused                  (we offer no services)
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from partita.actors.devices.drivers.bluetooth_failures import failed, of_dbus
from partita.actors.kernel.device_ports import PairingAnswer, PairingQuestion
from partita.events.errors import DeviceError

Ask = Callable[[PairingQuestion], Awaitable[PairingAnswer]]

_BLUEZ: Final = "org.bluez"
_AGENT: Final = "org.bluez.Agent1"
_DEVICE: Final = "org.bluez.Device1"
_CAPABILITY: Final = "KeyboardDisplay"
_CALL_S: Final = 10.0
_PAIRING_S: Final = 120.0
_MOST_PIN_BYTES: Final = 16
_PASSKEYS: Final = 1_000_000
_numbers: Final = itertools.count(1)


class PairingAgent:
    """One for the process and the driver. All of it runs in one asyncio loop."""

    def __init__(self) -> None:
        self._path = f"/partita/agent{next(_numbers)}"
        self._bus: Any = None
        self._who: dict[str, Ask] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._registering = asyncio.Lock()

    async def register(self) -> None:
        """Be known to BlueZ; again where it has forgotten, as after a restart. Raises ``DeviceError``."""
        async with self._registering:
            if self._bus is None or not self._bus.connected:
                self._bus = await self._connected()
            reply = await self._call(
                "/org/bluez", "org.bluez.AgentManager1", "RegisterAgent", "os", self._path, _CAPABILITY
            )
        if reply.error_name not in (None, "org.bluez.Error.AlreadyExists"):
            raise of_dbus("registering the pairing agent", reply.error_name, _text(reply))

    async def pair(self, device: str, ask: Ask) -> None:
        """Pair with the device of that object path. Raises ``DeviceError`` ``rejected`` when it, or who is asked, refuses."""
        await self.register()
        self._who[device] = ask
        done = False
        try:
            reply = await self._call(device, _DEVICE, "Pair", timeout_s=_PAIRING_S)
            done = True
        finally:
            del self._who[device]
            if not done and self._bus is not None and self._bus.connected:
                self._bus.send(self._message(device, _DEVICE, "CancelPairing"))
            self._stop_asking(device)
        if reply.error_name not in (None, "org.bluez.Error.AlreadyExists"):
            raise DeviceError("rejected", f"pairing failed: {_text(reply)}")

    async def close(self) -> None:
        """Be known to BlueZ no longer."""
        bus, self._bus = self._bus, None
        if bus is None:
            return
        for task in self._tasks:
            task.cancel()
        try:
            with suppress(Exception):
                unregister = self._message("/org/bluez", "org.bluez.AgentManager1", "UnregisterAgent", "o", self._path)
                await asyncio.wait_for(bus.call(unregister), _CALL_S)
        finally:
            bus.disconnect()
        with suppress(Exception):
            await asyncio.wait_for(bus.wait_for_disconnect(), _CALL_S)

    # -- the bus --------------------------------------------------------------------------------------------------------

    async def _connected(self) -> Any:
        aio = importlib.import_module("dbus_fast.aio")
        auth = None
        if (uid := os.environ.get("BLEAK_DBUS_AUTH_UID", "")).isdecimal():  # as bleak does, for containers
            auth = importlib.import_module("dbus_fast.auth").AuthExternal(uid=int(uid))
        bus = aio.MessageBus(bus_type=importlib.import_module("dbus_fast").BusType.SYSTEM, auth=auth)
        try:
            await asyncio.wait_for(bus.connect(), _CALL_S)
        except BaseException as error:
            bus.disconnect()
            if isinstance(error, Exception):
                raise failed("connecting to the system's message bus", error) from error
            raise
        bus.add_message_handler(self._handle)
        return bus

    async def _call(self, path: str, interface: str, member: str, *arguments: Any, timeout_s: float = _CALL_S) -> Any:
        signature, *body = arguments or ("",)
        try:
            return await asyncio.wait_for(
                self._bus.call(self._message(path, interface, member, signature, *body)), timeout_s
            )
        except Exception as error:
            raise failed(f"{interface}.{member}", error) from error

    @staticmethod
    def _message(path: str, interface: str, member: str, signature: str = "", *body: Any) -> Any:
        return importlib.import_module("dbus_fast").Message(
            destination=_BLUEZ, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )

    # -- what BlueZ calls -----------------------------------------------------------------------------------------------

    def _handle(self, message: Any) -> Any:
        fast = importlib.import_module("dbus_fast")
        if message.message_type != fast.MessageType.METHOD_CALL or message.interface != _AGENT:
            return None
        if message.member in ("Cancel", "Release"):
            for device in tuple(self._asking):
                self._stop_asking(device)
            return fast.Message.new_method_return(message)
        device = str(message.body[0]) if message.body else ""
        task = asyncio.get_running_loop().create_task(self._reply(message, device))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._asking[device] = task
        return True

    async def _reply(self, message: Any, device: str) -> None:
        fast = importlib.import_module("dbus_fast")
        try:
            signature, body = await self._answer(message.member, device, message.body[1:])
            reply = fast.Message.new_method_return(message, signature, body)
        except asyncio.CancelledError:
            reply = fast.Message.new_error(message, "org.bluez.Error.Canceled", "nobody waits for the answer any more")
        except Exception as error:  # noqa: BLE001  # whatever who was asked raises, it is no consent
            reply = fast.Message.new_error(message, "org.bluez.Error.Rejected", str(error))
        if self._asking.get(device) is asyncio.current_task():
            del self._asking[device]
        if self._bus is not None and self._bus.connected:
            self._bus.send(reply)

    async def _answer(self, member: str, device: str, arguments: list[Any]) -> tuple[str, list[Any]]:
        """The signature and the values of the reply. Raises ``DeviceError`` to refuse."""
        ask = self._who.get(device)
        if ask is None:
            raise DeviceError("rejected", f"nobody here has asked to pair with {device}")
        match member:
            case "RequestAuthorization":
                question = PairingQuestion("confirm")
            case "RequestConfirmation":
                question = PairingQuestion("confirmPin", f"{arguments[0]:06d}")
            case "RequestPinCode" | "RequestPasskey":
                question = PairingQuestion("providePin")
            case _:
                raise DeviceError("rejected", f"{member} cannot be answered here")
        answer = await ask(question)
        if not answer.confirmed:
            raise DeviceError("rejected", "the user has refused")
        pin = answer.pin.strip()
        match member:
            case "RequestPinCode":
                if not 1 <= len(pin.encode()) <= _MOST_PIN_BYTES:
                    raise DeviceError("rejected", "a PIN has 1 to 16 bytes")
                return "s", [pin]
            case "RequestPasskey":
                if not (pin.isascii() and pin.isdecimal() and int(pin) < _PASSKEYS):
                    raise DeviceError("rejected", "a passkey has at most 6 digits")
                return "u", [int(pin)]
            case _:
                return "", []

    def _stop_asking(self, device: str) -> None:
        task = self._asking.pop(device, None)
        if task is not None:
            task.cancel()


def _text(reply: Any) -> str:
    return f"{reply.error_name}: {' '.join(map(str, reply.body))}"
