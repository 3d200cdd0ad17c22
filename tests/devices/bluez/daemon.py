"""A small ``org.bluez``: one adapter, and the peripherals that it is told of, on the bus in ``DBUS_SYSTEM_BUS_ADDRESS``.

What it does is from BlueZ's own ``doc/org.bluez.*.rst`` and from what it does where these are silent: the agent that is asked is
that of the connection which called ``Pair``; insufficient authentication is ``NotPermitted``, "Not paired".

It is told what happens in its world by lines of JSON on standard input, and answers each with a line on standard output.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from typing import Any

import msgspec
from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from devices.bluez.peripheral import Description, Peripheral

from partita.events.device_transfers import (
    DiscoverServices,
    Incoming,
    Operation,
    ReadAttribute,
    StartNotifications,
    StopNotifications,
    TransferResult,
    WriteAttribute,
)
from partita.events.errors import DeviceError

ADAPTER = "/org/bluez/hci0"
ERROR = "org.bluez.Error."
DEVICE = "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"


class Objects:
    """D-Bus objects with their properties, and the signals that say what changes."""

    def __init__(self, bus: MessageBus) -> None:
        self.all: dict[str, dict[str, dict[str, Variant]]] = {}
        self._bus = bus

    def add(self, path: str, interface: str, **properties: Variant) -> None:
        self.all.setdefault(path, {})[interface] = properties
        self._bus.send(
            Message.new_signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: properties}])
        )

    def change(self, path: str, interface: str, **properties: Variant) -> None:
        self.all[path][interface].update(properties)
        self._bus.send(
            Message.new_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])
        )

    def remove(self, path: str) -> None:
        """It, and all below it."""
        for each in [each for each in self.all if each == path or each.startswith(path + "/")]:
            interfaces = list(self.all.pop(each))
            self._bus.send(Message.new_signal("/", OBJECTS, "InterfacesRemoved", "oas", [each, interfaces]))


class Bluez:
    """The daemon. Its world's events are the methods without an underscore."""

    def __init__(self, bus: MessageBus, *, powered: bool = True, has_adapter: bool = True) -> None:
        self._bus = bus
        self._objects = Objects(bus)
        self._near: dict[str, Peripheral] = {}
        self._unreachable: set[str] = set()
        self._agents: dict[str, str] = {}
        self._scanning: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: list[str] = []
        self._pairing: dict[str, asyncio.Task[None]] = {}
        self._objects.all["/org/bluez"] = {"org.bluez.AgentManager1": {}}
        if has_adapter:
            self._objects.all[ADAPTER] = {
                "org.bluez.Adapter1": {
                    "Address": Variant("s", "00:00:00:00:00:01"),
                    "Powered": Variant("b", powered),
                    "Discovering": Variant("b", False),
                    "Roles": Variant("as", ["central"]),
                }
            }
        bus.add_message_handler(self._handle)

    # -- what happens ---------------------------------------------------------------------------------------------------

    def appear(self, description: dict[str, Any]) -> None:
        """A peripheral comes into range."""
        peripheral = Peripheral(msgspec.convert(description, Description, strict=False, str_keys=True))
        self._near[peripheral.key] = peripheral
        if self._scanning:
            self._advertise(peripheral)

    def advertise(self, key: str, **changed: Any) -> None:
        """It says something else of itself."""
        peripheral = self._near[key]
        made_of = {**msgspec.to_builtins(peripheral.description, str_keys=True), **changed}
        peripheral.description = msgspec.convert(made_of, Description, strict=False, str_keys=True)
        self._objects.change(_path(key), DEVICE, **_advertised(peripheral))

    def forget(self, key: str) -> None:
        """It has not been heard for long."""
        del self._near[key]
        self._objects.remove(_path(key))

    def lose(self, key: str) -> None:
        """Its link is lost."""
        path = _path(key)
        self._objects.change(path, DEVICE, ServicesResolved=Variant("b", False))
        for each in [each for each in self._objects.all if each.startswith(path + "/service") and each.count("/") == 5]:
            self._objects.remove(each)
        self._objects.change(path, DEVICE, Connected=Variant("b", False))
        self._near[key].disconnected()

    def move_away(self, key: str) -> None:
        """It cannot be connected to any more, and does not say so."""
        self._unreachable.add(key)

    def notify(self, key: str, handle: int, value: str) -> None:
        """It notifies; the value is in hexadecimal digits."""
        self._near[key].notify(handle, bytes.fromhex(value))

    def state(self) -> dict[str, object]:
        """What others have made of the daemon."""
        return {
            "scanning": len(self._scanning),
            "agents": len(self._agents),
            "connected": [key for key in self._near if self._property(key, "Connected")],
            "paired": [key for key in self._near if self._near[key].is_paired],
            "pairing": len(self._pairing),
            "seen": self._seen,
        }

    # -- D-Bus ----------------------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> bool | None:
        if message.message_type == MessageType.SIGNAL and message.member == "NameOwnerChanged":
            self._agents.pop(message.body[0], None)
            self._scanning.discard(message.body[0])
            return None
        if message.message_type != MessageType.METHOD_CALL or message.interface == "org.freedesktop.DBus.Peer":
            return None
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _answer(self, message: Message) -> None:
        try:
            if message.path != "/" and message.path not in self._objects.all:
                raise DBusError("org.freedesktop.DBus.Error.UnknownObject", f"no {message.path}")
            answer = await self._called(message)
        except DBusError as error:
            self._bus.send(Message.new_error(message, error.type, error.text))
        else:
            if answer is not None:
                self._bus.send(Message.new_method_return(message, *answer))

    async def _called(self, message: Message) -> tuple[str, list[Any]] | None:
        """The signature and the values of the reply; None: none is sent."""
        path, body = message.path, message.body
        match message.interface, message.member:
            case _, "GetManagedObjects":
                return "a{oa{sa{sv}}}", [self._objects.all]
            case "org.bluez.AgentManager1", "RegisterAgent":
                if message.sender in self._agents:
                    raise DBusError(ERROR + "AlreadyExists", "Already Exists")
                self._agents[message.sender] = body[0]
            case "org.bluez.AgentManager1", "UnregisterAgent":
                self._agents.pop(message.sender)
            case "org.bluez.Adapter1", "SetDiscoveryFilter":
                pass
            case "org.bluez.Adapter1", "StartDiscovery":
                if message.sender in self._scanning:
                    raise DBusError(ERROR + "InProgress", "Operation already in progress")
                self._scanning.add(message.sender)
                for peripheral in self._near.values():
                    self._advertise(peripheral)
            case "org.bluez.Adapter1", "StopDiscovery":
                self._scanning.discard(message.sender)
            case "org.bluez.Device1", "Connect":
                self._connect(self._at(path))
            case "org.bluez.Device1", "Disconnect":
                if (pairing := self._pairing.get(path)) is not None:
                    pairing.cancel()
                self.lose(self._at(path).key)
            case "org.bluez.Device1", "Pair":
                await self._pair_or_fail(path, message.sender)
            case "org.bluez.Device1", "CancelPairing":
                if (pairing := self._pairing.get(path)) is not None:
                    pairing.cancel()
            case _:
                return self._attribute_called(message)
        return "", []

    def _attribute_called(self, message: Message) -> tuple[str, list[Any]] | None:
        handle = int(message.path[-4:], 16)
        operation: Operation
        match message.member:
            case "ReadValue":
                operation, data = ReadAttribute(handle), b""
            case "WriteValue":
                operation, data = WriteAttribute(handle), bytes(message.body[0])
                kind = message.body[1]["type"].value
                self._seen.append(f"{kind} {handle}")
            case "StartNotify":
                operation, data = StartNotifications(handle), b""
            case "StopNotify":
                operation, data = StopNotifications(handle), b""
            case _:
                raise DBusError("org.freedesktop.DBus.Error.UnknownMethod", f"{message.interface}.{message.member}")
        result = self._at(message.path.partition("/service")[0]).perform(operation, data)
        if isinstance(result, DeviceError):
            raise _att_error(result, message.member)
        if result is None:
            self._seen.append(f"mute {handle}")
            return None
        return ("ay", [result.data]) if message.member == "ReadValue" else ("", [])

    # -- devices --------------------------------------------------------------------------------------------------------

    def _at(self, path: str) -> Peripheral:
        for key, peripheral in self._near.items():
            if _path(key) == path:
                return peripheral
        raise DBusError("org.freedesktop.DBus.Error.UnknownObject", path)

    def _property(self, key: str, name: str) -> bool:
        return bool(self._objects.all.get(_path(key), {}).get(DEVICE, {}).get(name, Variant("b", False)).value)

    def _advertise(self, peripheral: Peripheral) -> None:
        path = _path(peripheral.key)
        if path in self._objects.all:
            self._objects.change(path, DEVICE, **_advertised(peripheral))
            return
        self._objects.add(
            path,
            DEVICE,
            Address=Variant("s", peripheral.key),
            AddressType=Variant("s", "random"),
            Adapter=Variant("o", ADAPTER),
            Paired=Variant("b", peripheral.is_paired),
            Connected=Variant("b", False),
            ServicesResolved=Variant("b", False),
            **_advertised(peripheral),
        )

    def _connect(self, peripheral: Peripheral) -> None:
        if peripheral.key in self._unreachable:
            raise DBusError(ERROR + "Failed", "Software caused connection abort")
        path = _path(peripheral.key)
        peripheral.send = lambda incoming: self._value(path, incoming)
        self._objects.change(path, DEVICE, Connected=Variant("b", True))
        found = peripheral.perform(DiscoverServices(), b"")
        assert isinstance(found, TransferResult)
        for service in found.services:
            at = f"{path}/service{service.handle:04x}"
            self._objects.add(
                at,
                "org.bluez.GattService1",
                UUID=Variant("s", service.uuid),
                Primary=Variant("b", True),
                Device=Variant("o", path),
            )
            for one in service.characteristics:
                of = f"{at}/char{one.handle:04x}"
                self._objects.add(
                    of,
                    CHARACTERISTIC,
                    UUID=Variant("s", one.uuid),
                    Service=Variant("o", at),
                    Flags=Variant("as", list(one.properties)),
                    Value=Variant("ay", b""),
                    MTU=Variant("q", 247),
                )
                for each in one.descriptors:
                    self._objects.add(
                        f"{of}/desc{each.handle:04x}",
                        DESCRIPTOR,
                        UUID=Variant("s", each.uuid),
                        Characteristic=Variant("o", of),
                    )
        self._objects.change(path, DEVICE, ServicesResolved=Variant("b", True))

    def _value(self, path: str, incoming: Incoming) -> None:
        for each in self._objects.all:
            if each.startswith(path) and each.endswith(f"/char{incoming.channel:04x}"):
                self._objects.change(each, CHARACTERISTIC, Value=Variant("ay", incoming.data))

    # -- pairing --------------------------------------------------------------------------------------------------------

    async def _pair_or_fail(self, path: str, sender: str) -> None:
        peripheral = self._at(path)
        if peripheral.is_paired:
            raise DBusError(ERROR + "AlreadyExists", "Already Exists")
        if sender not in self._agents:
            raise DBusError(ERROR + "AuthenticationFailed", "the connection that pairs has no agent")
        task = asyncio.get_running_loop().create_task(self._pair(path, sender, *peripheral.description.pairing))
        self._pairing[path] = task
        try:
            await task
        except asyncio.CancelledError:
            self._ask_nobody(sender)
            raise DBusError(ERROR + "AuthenticationCanceled", "Authentication Canceled") from None
        finally:
            del self._pairing[path]
        peripheral.is_paired = True
        self._objects.change(path, DEVICE, Paired=Variant("b", True))

    async def _pair(self, path: str, sender: str, kind: str, value: str) -> None:
        match kind:
            case "confirm":
                await self._asked(sender, "RequestAuthorization", "o", path)
            case "confirmPin":
                await self._asked(sender, "RequestConfirmation", "ou", path, int(value))
            case "pin":
                if await self._asked(sender, "RequestPinCode", "o", path) != [value]:
                    raise DBusError(ERROR + "AuthenticationFailed", "Authentication Failed")
            case "passkey":
                if await self._asked(sender, "RequestPasskey", "o", path) != [int(value)]:
                    raise DBusError(ERROR + "AuthenticationFailed", "Authentication Failed")
            case _:
                await self._asked(sender, "DisplayPasskey", "ouq", path, int(value), 0)

    async def _asked(self, sender: str, member: str, signature: str, *body: object) -> list[Any]:
        self._seen.append(member)
        reply = await self._bus.call(self._to_agent(sender, member, signature, *body))
        if reply.message_type == MessageType.ERROR:
            self._seen.append(reply.error_name)
            raise DBusError(ERROR + "AuthenticationRejected", "Authentication Rejected")
        return list(reply.body)

    def _ask_nobody(self, sender: str) -> None:
        if sender in self._agents:
            self._bus.send(self._to_agent(sender, "Cancel", ""))

    def _to_agent(self, sender: str, member: str, signature: str, *body: object) -> Message:
        return Message(
            destination=sender,
            path=self._agents[sender],
            interface="org.bluez.Agent1",
            member=member,
            signature=signature,
            body=list(body),
        )


def _path(key: str) -> str:
    return f"{ADAPTER}/dev_{key.replace(':', '_')}"


def _advertised(peripheral: Peripheral) -> dict[str, Variant]:
    facts = peripheral.facts()
    said = {
        "Alias": Variant("s", facts.name or peripheral.key.replace(":", "-")),
        "UUIDs": Variant("as", list(facts.services)),
        "ManufacturerData": Variant(
            "a{qv}", {key: Variant("ay", data) for key, data in facts.manufacturer_data.items()}
        ),
        "ServiceData": Variant("a{sv}", {key: Variant("ay", data) for key, data in facts.service_data.items()}),
    }
    if facts.name:
        said["Name"] = Variant("s", facts.name)
    if facts.rssi is not None:
        said["RSSI"] = Variant("n", facts.rssi)
    if facts.tx_power is not None:
        said["TxPower"] = Variant("n", facts.tx_power)
    return said


def _att_error(error: DeviceError, member: str) -> DBusError:
    """``create_gatt_dbus_error()`` of BlueZ's ``src/gatt-client.c``."""
    found = re.search(r"ATT error 0x([0-9a-f]{2})", str(error))
    code = int(found[1], 16) if found else 0x0E
    match code:
        case 0x02 | 0x03:
            return DBusError(ERROR + "NotPermitted", f"{'Read' if member == 'ReadValue' else 'Write'} not permitted")
        case 0x05 | 0x0C | 0x0F:
            return DBusError(ERROR + "NotPermitted", "Not paired")
        case 0x06:
            return DBusError(ERROR + "NotSupported", "Operation is not supported")
        case 0x08:
            return DBusError(ERROR + "NotAuthorized", "Operation Not Authorized")
        case _:
            return DBusError(ERROR + "Failed", f"Operation failed with ATT error: 0x{code:02x}")


async def main() -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    bluez = Bluez(bus, powered="off" not in sys.argv, has_adapter="no-adapter" not in sys.argv)
    await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=["type='signal',member='NameOwnerChanged'"],
        )
    )
    await bus.request_name("org.bluez")
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    os.write(1, b"{}\n")
    while line := await commands.readline():
        command = msgspec.json.decode(line)
        answer = getattr(bluez, command.pop("do"))(**command)
        os.write(1, msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
