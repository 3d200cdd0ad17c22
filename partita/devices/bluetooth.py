"""``page.navigator.bluetooth``: Web Bluetooth (https://webbluetoothcg.github.io/web-bluetooth/) in snake_case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from partita.actors.devices.bluetooth_filters import bluetooth_request
from partita.actors.devices.standing import standing
from partita.actors.kernel.future import Future, resolved
from partita.devices.errors import refusal
from partita.devices.frame import DeviceFrame, WebDevice
from partita.devices.gatt import RemoteServer
from partita.devices.operation import OperationFuture
from partita.events.device_facts import BluetoothFacts
from partita.events.device_transfers import OpenBluetooth, Operation, TransferResult
from partita.events.devices import BrokerAnswer, KnownDevice
from partita.events.errors import NetworkError, NotFoundError

T = TypeVar("T")

TIMEOUT_S: Final = 30.0
"""How long a device may take (Bluetooth Core 3.F.3.3.3, the transaction timeout of ATT)."""


class Bluetooth:
    """``navigator.bluetooth``."""

    def __init__(self, frame: DeviceFrame) -> None:
        self._frame = frame
        self._objects: dict[str, WebBluetoothDevice] = {}

    def request_device(
        self,
        *,
        filters: Iterable[Mapping[str, object]] | None = None,
        accept_all_devices: bool = False,
        optional_services: Iterable[str | int] = (),
        optional_manufacturer_data: Iterable[int] = (),
    ) -> Future[WebBluetoothDevice]:
        """Have somebody choose a device that is near (``select-bluetooth-device``, of the page), while it is looked for.

        What the origin is granted with it are the services of the filters and the optional ones. See
        :func:`partita.actors.devices.bluetooth_filters.bluetooth_request` for filters and for what is raised. Fails with
        :class:`NotFoundError` when none is chosen, or where there is no Bluetooth.
        """
        request = bluetooth_request(
            filters=filters,
            accept_all_devices=accept_all_devices,
            optional_services=optional_services,
            optional_manufacturer_data=optional_manufacturer_data,
        )
        return self._frame.choose("bluetooth", request).map(self._chosen)

    def _chosen(self, answer: BrokerAnswer) -> WebBluetoothDevice:
        if (error := refusal(answer, "bluetooth")) is not None:
            raise error
        for known in self._frame.chosen("bluetooth", answer.ids[0]):
            return self._object(known)
        raise NotFoundError("The device is out of range.")

    def get_devices(self) -> Future[list[WebBluetoothDevice]]:
        """The devices that the document may have, as far as they have been seen."""
        desk, origin = self._frame.desk, self._frame.origin
        known = desk.state("bluetooth").devices.values()
        return resolved([self._object(one) for one in known if desk.may_have("bluetooth", origin, one)])

    def _object(self, known: KnownDevice) -> WebBluetoothDevice:
        found = self._objects.get(known.id)
        if found is None:
            found = self._objects[known.id] = WebBluetoothDevice(self._frame, known)
        return found


class WebBluetoothDevice(WebDevice):
    """A device as a document has it (Web Bluetooth: BluetoothDevice). Event: ``gattserverdisconnected``.

    ``id``: what it is known by, as long as the process lasts; ``name``: what it calls itself; ``gatt``: its server.
    """

    def __init__(self, frame: DeviceFrame, known: KnownDevice) -> None:
        super().__init__(frame, "bluetooth", known, ("gattserverdisconnected",))
        facts = known.device.facts
        assert isinstance(facts, BluetoothFacts), "a Bluetooth device has these"
        self.name: Final = facts.name or None
        self.gatt: Final = RemoteServer(self)
        self._is_connected = False

    @property
    def id(self) -> str:
        """See :attr:`device_id`."""
        return self.device_id

    # -- for its server ---------------------------------------------------------------------------------------------

    @property
    def frame(self) -> DeviceFrame:
        """The frame whose document has it."""
        return self._frame

    @property
    def granted_services(self) -> tuple[str, ...]:
        """The UUIDs of those that the document may use."""
        state = self._frame.desk.state("bluetooth")
        found = standing(state, self._frame.origin, self._attachment)
        return () if found is None else found.services

    def connect(self) -> Future[None]:
        """See :meth:`RemoteServer.connect`."""

        def on_open(_: None) -> None:
            self._is_connected = True

        return self._open(OpenBluetooth(), self.gatt.take).map(on_open)

    def perform(
        self, operation: Operation, make: Callable[[TransferResult], T], data: bytes = b""
    ) -> OperationFuture[T]:
        """Do something with one of its attributes."""
        if not self.opened:
            raise NetworkError("GATT Server is disconnected. Cannot perform GATT operations. (Re)connect first.")
        return self._perform(operation, make, data, TIMEOUT_S)

    def _closed(self, gone: bool) -> None:  # noqa: ARG002  # the shape of each
        self.gatt.lost()
        if self._is_connected:
            self._is_connected = False
            self._emit("gattserverdisconnected", self)

    def __repr__(self) -> str:
        return f"<WebBluetoothDevice {self.name!r}>"
