"""The way of one session to its brokers: what pages ask, what devices send, and the handlers that are asked about devices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from partita.actors.devices.carriers import INCOMING, PAIRING, IncomingFrom
from partita.actors.devices.shown import shown
from partita.actors.devices.standing import may_have
from partita.actors.devices.usb_block_list import PROTECTED_CLASSES
from partita.actors.kernel.checking import checked
from partita.actors.kernel.future import Future, resolved
from partita.actors.kernel.raised import failure_of
from partita.actors.pages.brokers import broker_of
from partita.actors.pages.frames import document_of
from partita.actors.pages.sites import origin_of
from partita.devices.errors import error_of
from partita.devices.operation import OperationFuture
from partita.devices.pairing import PairingDesk
from partita.devices.requests import DevicePermission, USBProtectedClasses
from partita.devices.telling import DeviceTelling
from partita.events.device_connections import CloseConnection, PerformOperation
from partita.events.device_facts import DeviceKind
from partita.events.device_transfers import Incoming, Operation, TransferResult
from partita.events.devices import (
    AskBroker,
    BrokerAnswer,
    BrokerRequest,
    BrokerState,
    ChooseDevice,
    KnownDevice,
    NoteDeviceCheck,
    Verdict,
    WatchDevices,
)
from partita.events.errors import SystemClosed, UsageError

if TYPE_CHECKING:
    from partita.actors.kernel.carrying import Call
    from partita.actors.kernel.partition import Partition
    from partita.emitter import Emitter
    from partita.events.device_filters import ChooserRequest
    from partita.follower import Follower
    from partita.frame import FrameTree
    from partita.permissions import PermissionDesk
    from partita.system import System

T = TypeVar("T")

MOST_EARLY: Final = 1000
"""What a device sends before its page has heard that it is open is kept for it, so many at most."""

Take = Callable[[Incoming], "Future[None] | None"]
"""What a device sends goes there; a future holds it back until there is room."""

_TAKEN: Final[Future[None]] = resolved(None)


class _Taker(NamedTuple):
    take: Take
    closed: Callable[[bool], object]


class _Refused(Future[None]):
    """What a broker is asked with for an operation: its effect answers the call, and the broker only when it refuses."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def set(self, value: Any = None) -> None:
        """It has let it pass."""

    def set_exception(self, exc_info: Any = None) -> None:
        """It has not."""
        self._call.reject(exc_info)


class DeviceDesk:
    """One for each session. ``emitter``: the session, which tells of choosers and of what is revoked."""

    def __init__(
        self, partition: Partition, system: System, follower: Follower, permissions: PermissionDesk, emitter: Emitter
    ) -> None:
        self.partition: Final = partition
        self.callbacks: Final = system.callbacks
        self._permissions: Final = permissions
        self._open: dict[str, _Taker] = {}
        self._early: dict[str, list[Incoming]] = {}
        self._lock = threading.Lock()
        self.telling: Final = DeviceTelling(self, follower, permissions, emitter)
        self.pairing: Final = PairingDesk(permissions)
        system.handlers.set(partition.key, INCOMING, cast("Any", self._take))
        system.handlers.set(partition.key, PAIRING, cast("Any", self.pairing.ask))

    def state(self, kind: DeviceKind) -> BrokerState:
        """The newest of a broker."""
        return cast("BrokerState", self.partition.actor(broker_of(kind)).state)

    # -- what pages ask ---------------------------------------------------------------------------------------------

    def listed(self, kind: DeviceKind) -> Future[BrokerState]:
        """The broker's state, once it knows what is attached. Fails with a :class:`DOMException` where it cannot."""
        self.telling.follow()
        state = self.state(kind)
        if state.is_listed and state.watch:
            return resolved(state)
        answered: Future[BrokerAnswer] = self.partition.ask(WatchDevices(), to=broker_of(kind))
        known: Future[BrokerState] = Future()

        def on_answer() -> None:
            error = answered.failure()
            if error is None and answered.outcome().reason != "ok":
                error = error_of(answered.outcome().reason, answered.outcome().failure)
            if error is not None:
                known.set_exception(error)
            else:
                known.set(self.state(kind))

        answered.when_done(on_answer)
        return known

    def watch(self, kind: DeviceKind) -> None:
        """Have it known what is attached; nobody waits."""
        self.partition.tell(WatchDevices(), to=broker_of(kind))

    def choose(
        self, tree: FrameTree, number: int, kind: DeviceKind, request: ChooserRequest, *, permitted: bool
    ) -> Future[BrokerAnswer]:
        """Have somebody choose a device; the answer names it. Bluetooth is looked for while he does."""
        asked = ChooseDevice(request, self._permissions.state.handlers.get("device"), permitted)
        if kind == "bluetooth" or not permitted:
            self.telling.follow()
            return self.ask(tree, number, kind, asked)
        chosen: Future[BrokerAnswer] = Future()
        listed = self.listed(kind)

        def on_listed() -> None:
            error = listed.failure()
            if error is not None:
                chosen.set_exception(error)
                return
            try:
                answered = self.ask(tree, number, kind, asked)
            except UsageError as gone:
                chosen.set_exception(gone)
                return
            _into(answered, chosen)

        listed.when_done(on_listed)
        return chosen

    def ask(self, tree: FrameTree, number: int, kind: DeviceKind, request: BrokerRequest) -> Future[BrokerAnswer]:
        """A frame asks a broker. Raises :class:`UsageError` when the frame is gone."""
        tree.state_with(number)
        self.telling.follow()
        if tree.is_anothers:
            raise UsageError("the page is gone: its opening could not be written")
        message = checked(AskBroker(tree.next_ticket(), number, kind, request))
        return self.partition.ask(message, to=tree.actor)

    def perform(
        self,
        kind: DeviceKind,
        connection: str,
        operation: Operation,
        make: Callable[[TransferResult], T],
        *,
        data: bytes,
        timeout: float | None,
    ) -> OperationFuture[T]:
        """Do something with an open device; ``make`` has the port's result. Fails with a :class:`DOMException`."""
        carrying = self.partition.carrying
        number = carrying.number()
        message = checked(PerformOperation(connection, operation, number, timeout))
        future = OperationFuture(carrying, number, kind, make)
        _, call = carrying.open_call(data, future, number)
        self.partition.ask(message, to=broker_of(kind), durable=False, future=_Refused(call))
        return future

    def close(self, kind: DeviceKind, connection: str) -> Future[None]:
        """Close a connection; done when the device can be opened again."""
        closed: Future[None] = self.partition.ask(CloseConnection(connection), to=broker_of(kind))
        return closed

    # -- who may have what ------------------------------------------------------------------------------------------

    def origin(self, tree: FrameTree, number: int) -> str:
        """The origin of what a frame shows, serialized."""
        return origin_of(document_of(tree.state_with(number), number).url)

    def verdict(self, kind: DeviceKind, origin: str, known: KnownDevice) -> Verdict | None:
        """What the device permission handler says (FEATURES F18); None where there is none, or none is asked."""
        handler = None if kind == "bluetooth" else self._permissions.state.handlers.get("device")
        if handler is None:
            return None
        granted, failed_with = False, None
        try:
            told = DevicePermission(cast("Any", kind), origin, cast("Any", shown(known)))
            granted = self._permissions.asked_at_once("device", handler, told)
        except Exception as error:  # noqa: BLE001  # whatever the program's own code raises
            failed_with = error
        verdict = Verdict(handler, granted)
        failure = "" if failed_with is None else failure_of(failed_with)
        with suppress(SystemClosed):  # what is told last, while it closes, is not noted
            self.partition.tell(checked(NoteDeviceCheck(origin, known.device_id, verdict, failure)), to=broker_of(kind))
        if failed_with is not None:
            self._permissions.report("device", kind, origin, failed_with)
        return verdict

    def may_have(self, kind: DeviceKind, origin: str, known: KnownDevice) -> bool:
        """Whether a page of the origin may have the device."""
        return may_have(self.state(kind), origin, known, self.verdict(kind, origin, known))

    def protected_classes(self) -> tuple[str, ...] | None:
        """What the handler of protected USB classes says (WANTS 73); None: as the list has it."""
        handler = self._permissions.state.handlers.get("usb_protected_classes")
        if handler is None:
            return None
        try:
            said = self._permissions.said_at_once(handler, USBProtectedClasses(tuple(PROTECTED_CLASSES.values())))
            return _classes(said)
        except Exception as error:  # noqa: BLE001  # whatever the program's own code raises
            self._permissions.report("usb_protected_classes", "usb", "its interfaces", error)
            return None

    # -- what devices send ------------------------------------------------------------------------------------------

    def connect(self, kind: DeviceKind, connection: str, take: Take, closed: Callable[[bool], object]) -> None:
        """From now on, what comes on the connection goes to ``take``; what has come before, at once.

        ``closed`` is called when it is no more, once: whether that is because the device is gone, as far as is known.
        """
        taker = _Taker(take, closed)
        while True:
            with self._lock:
                early = self._early.pop(connection, ())
                if not early:  # only then: what comes now may not overtake it
                    self._open[connection] = taker
                    break
            for incoming in early:
                take(incoming)
        if connection not in self.state(kind).connections:  # it has ended before anybody knew of it
            self.disconnected(connection)

    def disconnected(self, connection: str, *, gone: bool = False) -> None:
        """It is no more. ``gone``: because its device is."""
        with self._lock:
            taker = self._open.pop(connection, None)
            self._early.pop(connection, None)
        if taker is not None:
            taker.closed(gone)

    def _take(self, request: object) -> Future[None]:
        assert isinstance(request, IncomingFrom)
        with self._lock:
            taker = self._open.get(request.connection)
            if taker is None:
                early = self._early.setdefault(request.connection, [])
                if len(early) < MOST_EARLY:
                    early.append(request.incoming)
                return _TAKEN
        return taker.take(request.incoming) or _TAKEN


def _into(source: Future[BrokerAnswer], target: Future[BrokerAnswer]) -> None:
    def on_done() -> None:
        error = source.failure()
        if error is not None:
            target.set_exception(error)
        else:
            target.set(source.outcome())

    source.when_done(on_done)


def _classes(said: object) -> tuple[str, ...]:
    if isinstance(said, str) or not isinstance(said, Sequence):
        raise TypeError(f"a handler of protected classes answers a list of names, not {said!r:.200}")
    known = tuple(PROTECTED_CLASSES.values())
    for name in said:
        if name not in known:
            raise TypeError(f"{name!r:.200} is no protected class: they are {', '.join(known)}")
    return tuple(said)
