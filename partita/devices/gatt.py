"""A Bluetooth device's GATT server, and what is in it (Web Bluetooth 5 and 6). Made by :mod:`partita.devices.bluetooth`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from partita.actors.devices.bluetooth_uuids import BluetoothUUID
from partita.actors.devices.gatt_block_list import is_blocked
from partita.actors.kernel.future import Future, resolved
from partita.devices.frame import as_bytes
from partita.emitter import Emitter
from partita.events.device_transfers import (
    DiscoverServices,
    GATTCharacteristic,
    GATTDescriptor,
    GATTService,
    Incoming,
    ReadAttribute,
    StartNotifications,
    StopNotifications,
    TransferResult,
    WriteAttribute,
)
from partita.events.errors import InvalidStateError, NetworkError, NotFoundError, NotSupportedError, SecurityError

if TYPE_CHECKING:
    from partita.devices.bluetooth import WebBluetoothDevice

Data = bytes | bytearray | memoryview
Name = str | int
T = TypeVar("T")

_LONGEST: Final = 512
"""Bytes of an attribute's value (Bluetooth Core 3.F.3.2.9)."""


class RemoteServer:
    """A device's GATT server (Web Bluetooth 5.2). ``device``: whose it is."""

    def __init__(self, device: WebBluetoothDevice) -> None:
        self.device: Final = device
        self._services: Future[tuple[RemoteService, ...]] | None = None
        self._by_handle: dict[int, RemoteCharacteristic] = {}

    @property
    def connected(self) -> bool:
        """Whether it is connected."""
        return self.device.opened

    def connect(self) -> Future[RemoteServer]:
        """Connect. Fine when it is connected. Fails with :class:`SecurityError`, :class:`NetworkError`."""
        if self.connected:
            return resolved(self)
        return self.device.connect().map(lambda _: self)

    def disconnect(self) -> Future[None]:
        """Disconnect; ``gattserverdisconnected`` follows."""
        return self.device.close()

    def get_primary_service(self, service: Name) -> Future[RemoteService]:
        """The first of this UUID: a name (``"heart_rate"``), a number, or a full UUID.

        Raises :class:`SecurityError` for one that was not named when the device was chosen, :class:`NetworkError` when it is not
        connected. Fails with :class:`NotFoundError` when the device has none.
        """
        return self.get_primary_services(service).map(lambda found: found[0])

    def get_primary_services(self, service: Name | None = None) -> Future[list[RemoteService]]:
        """All of one UUID, or all that the document may use. See :meth:`get_primary_service`."""
        uuid = None if service is None else BluetoothUUID.get_service(service)
        allowed = self.device.granted_services
        if uuid is not None and uuid not in allowed:
            raise SecurityError(
                f"Origin is not allowed to access the service {uuid}: name it in optional_services, or in a filter."
            )
        if not self.connected:
            raise NetworkError("GATT Server is disconnected. Cannot retrieve services. (Re)connect first.")
        return self._all().map(lambda found: _found(found, uuid, "Services", lambda one: one.uuid in allowed))

    def _all(self) -> Future[tuple[RemoteService, ...]]:
        """Looked up once a connection."""
        if self._services is None or (self._services.done and self._services.failure() is not None):
            self._services = self.device.perform(DiscoverServices(), self._made)
        return self._services

    def _made(self, result: TransferResult) -> tuple[RemoteService, ...]:
        services = tuple(RemoteService(self.device, service) for service in result.services)
        for service in services:
            for characteristic in service.characteristics:
                self._by_handle[characteristic.handle] = characteristic
        return services

    # -- for its device ---------------------------------------------------------------------------------------------

    def take(self, incoming: Incoming) -> None:
        """A value has come unasked."""
        characteristic = self._by_handle.get(incoming.channel)
        if characteristic is not None:
            characteristic.take(incoming.data)

    def lost(self) -> None:
        """It is connected no longer: what was known of it is nothing any more."""
        self._services = None
        self._by_handle = {}


class RemoteService:
    """A primary service (Web Bluetooth 6.2). ``uuid``: full, in lower case."""

    def __init__(self, device: WebBluetoothDevice, service: GATTService) -> None:
        self.device: Final = device
        self.uuid: Final = service.uuid
        self.is_primary: Final = True
        self.characteristics: Final = tuple(
            RemoteCharacteristic(self, characteristic) for characteristic in service.characteristics
        )

    def get_characteristic(self, characteristic: Name) -> Future[RemoteCharacteristic]:
        """The first of this UUID. Raises :class:`SecurityError` for one on the block list; fails with :class:`NotFoundError`."""
        return self.get_characteristics(characteristic).map(lambda found: found[0])

    def get_characteristics(self, characteristic: Name | None = None) -> Future[list[RemoteCharacteristic]]:
        """All of one UUID, or all, but those on the block list."""
        uuid = None if characteristic is None else BluetoothUUID.get_characteristic(characteristic)
        _not_blocked(uuid)
        return _now(lambda: _found(self.characteristics, uuid, "Characteristics", lambda one: not is_blocked(one.uuid)))

    def __repr__(self) -> str:
        return f"<RemoteService {self.uuid}>"


class CharacteristicValue(msgspec.Struct, frozen=True):
    """The event ``characteristicvaluechanged``."""

    characteristic: RemoteCharacteristic
    value: bytes


class RemoteCharacteristic(Emitter):
    """A characteristic (Web Bluetooth 6.3). Event: ``characteristicvaluechanged``.

    ``properties``: what can be done with it: ``"read"``, ``"write"``, ``"write-without-response"``, ``"notify"``, ...; ``value``:
    the last that has come, None at first.
    """

    def __init__(self, service: RemoteService, characteristic: GATTCharacteristic) -> None:
        super().__init__(("characteristicvaluechanged",), service.device.frame.desk.callbacks)
        self.service: Final = service
        self.uuid: Final = characteristic.uuid
        self.handle: Final = characteristic.handle
        self.properties: Final = frozenset(characteristic.properties)
        self.value: bytes | None = None
        self._descriptors = tuple(RemoteDescriptor(self, descriptor) for descriptor in characteristic.descriptors)

    def read_value(self) -> Future[bytes]:
        """Ask for its value. Fails with :class:`SecurityError` for one on the block list, with :class:`NetworkError`.

        Raises :class:`NetworkError` when it is not connected, :class:`NotSupportedError` for one that cannot be read.
        """
        if "read" not in self.properties:
            raise NotSupportedError("GATT operation not permitted: the characteristic cannot be read.")

        def value(result: TransferResult) -> bytes:
            self.take(result.data)
            return result.data

        return self.service.device.perform(ReadAttribute(self.handle), value)

    def write_value_with_response(self, value: Data) -> Future[None]:
        """Write it; done when the device has said so. At most 512 bytes. See :meth:`read_value`."""
        return self._write(value, "write", with_response=True)

    def write_value_without_response(self, value: Data) -> Future[None]:
        """Write it; done when it has gone out."""
        return self._write(value, "write-without-response", with_response=False)

    def _write(self, value: Data, needed: str, *, with_response: bool) -> Future[None]:
        content = _value(value)
        if needed not in self.properties:
            raise NotSupportedError(f"GATT operation not permitted: the characteristic has not {needed!r}.")

        def on_written(_: TransferResult) -> None:
            self.value = content

        return self.service.device.perform(WriteAttribute(self.handle, with_response), on_written, content)

    def start_notifications(self) -> Future[RemoteCharacteristic]:
        """From now on, ``characteristicvaluechanged`` tells of each value. See :meth:`read_value`."""
        if self.properties.isdisjoint(("notify", "indicate")):
            raise NotSupportedError("GATT operation not permitted: the characteristic does not notify.")
        return self.service.device.perform(StartNotifications(self.handle), lambda _: self)

    def stop_notifications(self) -> Future[RemoteCharacteristic]:
        """Not any more."""
        return self.service.device.perform(StopNotifications(self.handle), lambda _: self)

    def get_descriptor(self, descriptor: Name) -> Future[RemoteDescriptor]:
        """The first of this UUID. Raises :class:`SecurityError` for one on the block list; fails with :class:`NotFoundError`."""
        return self.get_descriptors(descriptor).map(lambda found: found[0])

    def get_descriptors(self, descriptor: Name | None = None) -> Future[list[RemoteDescriptor]]:
        """All of one UUID, or all, but those on the block list."""
        uuid = None if descriptor is None else BluetoothUUID.get_descriptor(descriptor)
        _not_blocked(uuid)
        return _now(lambda: _found(self._descriptors, uuid, "Descriptors", lambda one: not is_blocked(one.uuid)))

    def take(self, value: bytes) -> None:
        """A value has come."""
        self.value = value
        self._emit("characteristicvaluechanged", CharacteristicValue(self, value))

    def __repr__(self) -> str:
        return f"<RemoteCharacteristic {self.uuid}>"


class RemoteDescriptor:
    """A descriptor (Web Bluetooth 6.4). ``value``: the last that has come, None at first."""

    def __init__(self, characteristic: RemoteCharacteristic, descriptor: GATTDescriptor) -> None:
        self.characteristic: Final = characteristic
        self.uuid: Final = descriptor.uuid
        self.value: bytes | None = None
        self._handle = descriptor.handle

    def read_value(self) -> Future[bytes]:
        """Ask for its value. See :meth:`RemoteCharacteristic.read_value`."""

        def value(result: TransferResult) -> bytes:
            self.value = result.data
            return result.data

        return self.characteristic.service.device.perform(ReadAttribute(self._handle), value)

    def write_value(self, value: Data) -> Future[None]:
        """Write it. At most 512 bytes. See :meth:`RemoteCharacteristic.read_value`."""
        content = _value(value)

        def on_written(_: TransferResult) -> None:
            self.value = content

        return self.characteristic.service.device.perform(WriteAttribute(self._handle), on_written, content)

    def __repr__(self) -> str:
        return f"<RemoteDescriptor {self.uuid}>"


_Attribute = TypeVar("_Attribute", RemoteService, RemoteCharacteristic, RemoteDescriptor)


def _found(
    all_of_them: Iterable[_Attribute], uuid: str | None, what: str, is_allowed: Callable[[_Attribute], bool]
) -> list[_Attribute]:
    found = [one for one in all_of_them if uuid in (None, one.uuid) and is_allowed(one)]
    if not found:
        raise NotFoundError(f"No {what} {f'matching UUID {uuid} ' if uuid else ''}found.")
    return found


def _now(find: Callable[[], T]) -> Future[T]:
    """What is known already, as a future."""
    future: Future[T] = Future()
    try:
        future.set(find())
    except NotFoundError as error:
        future.set_exception(error)
    return future


def _not_blocked(uuid: str | None) -> None:
    if uuid is not None and is_blocked(uuid):
        raise SecurityError(f"the attribute {uuid} is on the block list: no page may have it")


def _value(value: Data) -> bytes:
    content = as_bytes(value)
    if len(content) > _LONGEST:
        raise InvalidStateError(f"Value can't exceed {_LONGEST} bytes: these are {len(content)}.")
    return content
