"""What the interfaces of one document share: who they are, what they ask, and when their objects are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from partita.actors.devices.offering import handed_over
from partita.actors.kernel.future import Future, resolved
from partita.devices.errors import error_of, not_open, refusal
from partita.devices.operation import OperationFuture
from partita.emitter import Emitter
from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import OpenOptions, Operation, TransferResult
from partita.events.devices import BrokerAnswer, ConnectDevice, ForgetDevice, KnownDevice
from partita.events.errors import DOMException, InvalidStateError, UsageError

if TYPE_CHECKING:
    from partita.devices.desk import DeviceDesk, Take
    from partita.devices.requests import ConnectionEventName
    from partita.events.device_filters import ChooserRequest
    from partita.frame import FrameTree

R = TypeVar("R")
T = TypeVar("T")


class DeviceFrame:
    """One frame of a page, as its devices' objects know it."""

    def __init__(self, tree: FrameTree, number: int) -> None:
        self.tree: Final = tree
        self.number: Final = number

    @property
    def desk(self) -> DeviceDesk:
        """The session's."""
        return self.tree.devices

    @property
    def origin(self) -> str:
        """Of what the frame shows now. Raises :class:`UsageError` when it is gone."""
        return self.desk.origin(self.tree, self.number)

    @property
    def is_gone(self) -> bool:
        """Whether the frame is."""
        return self.number not in self.tree.state.frames

    def permits(self, permission: str) -> bool:
        """What a check of the permission says (FEATURES E12)."""
        return self.tree.desk.check(self.tree, self.number, permission, {})

    def choose(self, kind: DeviceKind, request: ChooserRequest) -> Future[BrokerAnswer]:
        """Have somebody choose; HID, USB and serial ports are permissions as well, which are checked first."""
        permitted = kind == "bluetooth" or self.permits(kind)
        return self.desk.choose(self.tree, self.number, kind, request, permitted=permitted)

    def chosen(self, kind: DeviceKind, device_id: str) -> tuple[KnownDevice, ...]:
        """What comes with the device that was chosen."""
        return handed_over(self.desk.state(kind).devices.values(), device_id)

    def granted(self, kind: DeviceKind, make: Callable[[KnownDevice], R]) -> Future[list[R]]:
        """Those that the document may have, in the order in which they were attached."""
        origin = self.origin  # raises when the frame is gone
        listed = self.desk.listed(kind)

        def found(_: object) -> list[R]:
            devices = self.desk.state(kind).devices.values()
            granted = [known for known in devices if self.desk.may_have(kind, origin, known)]
            shown = {one.id for known in granted for one in handed_over(granted, known.device_id)}
            return [make(known) for known in granted if known.id in shown]

        return listed.map(found)

    def is_told(self, kind: DeviceKind, known: KnownDevice, origins: tuple[str, ...]) -> bool:
        """Whether the document is told that this device has come, or gone. ``origins``: those with a grant for it."""
        if self.is_gone:
            return False
        try:
            origin = self.origin
        except UsageError:  # it went just now
            return False
        verdict = self.desk.verdict(kind, origin, known)
        return origin in origins or (verdict is not None and verdict.granted)


class WebDevices(Emitter):
    """``navigator.hid``, ``navigator.usb``, ``navigator.serial``: events ``connect`` and ``disconnect``."""

    def __init__(self, frame: DeviceFrame, kind: DeviceKind) -> None:
        super().__init__(("connect", "disconnect"), frame.desk.callbacks)
        self._frame = frame
        self._kind: DeviceKind = kind
        self._objects: dict[str, WebDevice] = {}
        self._is_heard = False

    def _first_listener(self) -> None:
        if not self._is_heard:
            self._is_heard = True
            self._frame.desk.telling.hear(self._kind, self._heard)

    def _heard(self, name: ConnectionEventName, known: KnownDevice, origins: tuple[str, ...]) -> bool:
        """See :data:`partita.devices.telling.Hears`: not once the frame is gone."""
        if self.listener_count(name) and self._frame.is_told(self._kind, known, origins):
            self._emit(name, self._event(self._object(known)))
        if name == "disconnect":
            self._objects.pop(known.id, None)
        return not self._frame.is_gone

    def _event(self, device: WebDevice) -> object:
        return device

    def _object(self, known: KnownDevice) -> WebDevice:
        """The document's object for a device: the same one as long as it stays attached."""
        found = self._objects.get(known.id)
        if found is None:
            attached = {one.id for one in self._frame.desk.state(self._kind).devices.values()}
            self._objects = {name: device for name, device in self._objects.items() if name in attached}
            found = self._objects[known.id] = self._make(known)
        return found

    def _make(self, known: KnownDevice) -> WebDevice:
        raise NotImplementedError


class WebDevice(Emitter):
    """A device as a document has it: it can be opened, closed and given back."""

    def __init__(self, frame: DeviceFrame, kind: DeviceKind, known: KnownDevice, events: tuple[str, ...] = ()) -> None:
        super().__init__(events, frame.desk.callbacks)
        self._frame = frame
        self._kind: DeviceKind = kind
        self._attachment = known
        self._connection = ""
        self._is_opening = False
        self._was_closed = False

    @property
    def device_id(self) -> str:
        """What choosers and handlers know it by; another one each time that it is attached."""
        return self._attachment.device_id

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        connection = self._frame.desk.state(self._kind).connections.get(self._connection)
        return connection is not None and connection.phase == "open"

    def _open(self, options: OpenOptions, take: Take) -> Future[None]:
        """Open it. Fails with :class:`InvalidStateError` when it is open, or is being opened."""
        if self.opened or self._is_opening:
            raise InvalidStateError("The device is already open, or being opened.")
        frame, kind, desk = self._frame, self._kind, self._frame.desk
        verdict = desk.verdict(kind, frame.origin, self._attachment)
        protected = desk.protected_classes() if kind == "usb" else None
        request = ConnectDevice(self._attachment.id, options, verdict, protected)
        self._is_opening, self._was_closed = True, False
        try:
            answered = desk.ask(frame.tree, frame.number, kind, request)
        except BaseException:
            self._is_opening = False
            raise
        done: Future[None] = Future()

        def on_answer() -> None:
            self._is_opening = False
            error = answered.failure()
            if error is None:
                answer = answered.outcome()
                error = refusal(answer, kind)
                if error is None:
                    self._connection = answer.ids[0]
                    desk.connect(kind, self._connection, take, self._closed)
            if error is not None:
                done.set_exception(error)
            else:
                done.set(None)

        answered.when_done(on_answer)
        return done

    def _closed(self, gone: bool) -> None:
        """The connection is no more."""

    @property
    def _is_attached(self) -> bool:
        devices = self._frame.desk.state(self._kind).devices
        return any(known.id == self._attachment.id for known in devices.values())

    def _not_open(self) -> DOMException:
        """Why nothing can be done with it: it was unplugged, or is not open."""
        return not_open() if self._is_attached else error_of("gone", kind=self._kind)

    def close(self) -> Future[None]:
        """Close it; done when it can be opened again. Fine when it is not open."""
        connection, self._connection = self._connection, ""
        self._was_closed = True
        if not connection:
            return resolved(None)
        closed: Future[None] = Future()
        closing = self._frame.desk.close(self._kind, connection)

        def on_closed() -> None:
            error = closing.failure()
            if error is None:
                closed.set(None)
                return
            self._connection = (
                self._connection or connection
            )  # it could not be written, and is undone: it is open still
            closed.set_exception(error)

        closing.when_done(on_closed)
        return closed

    def forget(self) -> Future[None]:
        """Give the grant back: the origin has the device no longer, and what is open of it is closed (FEATURES E15, E19, E23)."""
        request = ForgetDevice(self._attachment.device_id, self._attachment)

        def given_back(answer: BrokerAnswer) -> None:
            if (error := refusal(answer, self._kind)) is not None:
                raise error

        return self._frame.desk.ask(self._frame.tree, self._frame.number, self._kind, request).map(given_back)

    def _perform(
        self,
        operation: Operation,
        make: Callable[[TransferResult], T],
        data: bytes = b"",
        timeout: float | None = None,
    ) -> OperationFuture[T]:
        if not self.opened:
            raise self._not_open()
        return self._frame.desk.perform(self._kind, self._connection, operation, make, data=data, timeout=timeout)


def nothing(_: TransferResult) -> None:
    """What comes of an operation that has no result."""


def as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    """What is sent. Raises :class:`TypeError` for what is no bytes."""
    if isinstance(data, bytes):
        return data
    if not isinstance(data, bytearray | memoryview):
        raise TypeError(f"data are bytes, not {type(data).__name__}")
    return bytes(data)
