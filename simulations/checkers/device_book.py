"""What happened at one broker, read turn by turn from the log, with a book of its own (FEATURES E12 to E23, F18, F19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partita.events.device_connections import (
    Connection,
    ConnectionBegun,
    ConnectionClosed,
    ConnectionClosing,
    ConnectionReady,
    PairingAsked,
    PairingSettled,
)
from partita.events.devices import (
    AnswerChooser,
    Chooser,
    ChooserClosed,
    ChooserOpened,
    ConfigureBroker,
    ConnectDevice,
    DeviceAttached,
    DeviceDetached,
    DeviceOffered,
    DeviceRevoked,
    DeviceUpdated,
    DeviceWithdrawn,
    KnownDevice,
    PutRequest,
    Verdict,
    WatchEnded,
    WithdrawDocuments,
)
from partita.events.system import EffectLost, Recover, ShutDown, TurnFailed
from partita.events.types import Event, Message
from partita.simulations.checker import Broken
from partita.simulations.checkers.device_grants import GrantBook

CLOSED_BY: Final[Mapping[str, tuple[type[Message], ...]]] = {
    "ok": (AnswerChooser,),
    "cancelled": (AnswerChooser,),
    "unknown_device": (AnswerChooser,),
    "document_gone": (WithdrawDocuments,),
    "ended": (Recover, ShutDown, WatchEnded),
}
"""What the turn that closes a chooser is about, by the reason. Others are those of a watch that cannot go on."""


class DeviceBook:
    """One broker's. ``verdicts``: what device permission handlers have granted: origin and ``device_id``."""

    def __init__(self, kind: str, verdicts: set[tuple[str, str]]) -> None:
        self.kind = kind
        self.grants = GrantBook()
        self.devices: dict[str, KnownDevice] = {}
        self.choosers: dict[str, Chooser] = {}
        self.offered: dict[str, list[str]] = {}
        self.connections: dict[str, Connection] = {}
        self.pairings: dict[str, str] = {}
        self.closing: set[str] = set()
        self.begun: dict[str, tuple[Connection, KnownDevice]] = {}
        self.closed: dict[tuple[str, str], tuple[Chooser, ChooserClosed]] = {}
        self.changes: list[tuple[int, DeviceAttached | DeviceDetached]] = []
        self._verdicts = verdicts
        self._keeps = False
        self._used: set[str] = set()
        self._position = 0

    def read(self, position: int, message: Message, events: tuple[Event, ...]) -> None:
        """One turn."""
        self._position = position
        if any(isinstance(event, TurnFailed) for event in events):
            return  # what a defect has dropped, nobody has heard
        before = list(self.devices.values())
        if isinstance(message, ConfigureBroker):
            self._keeps = message.keeps_grants
        if isinstance(message, Recover):
            self.grants.end_process(keeps=self._keeps)
        for event in events:
            self._note(message, event)
        self.grants.changed(before, self.devices.values())
        self._nothing_stays(message, [event for event in events if isinstance(event, DeviceRevoked)])

    def _broken(self, what: str) -> Broken:
        return Broken(f"broker/{self.kind}: {what}", self._position)

    def _once(self, name: str) -> None:
        if name in self._used:
            raise self._broken(f"the id {name} was given before")
        self._used.add(name)

    def _note(self, message: Message, event: Event) -> None:  # noqa: C901, PLR0912  # a row for each event
        match event:
            case DeviceAttached(known):
                self._attach(known)
                self.changes.append((self._position, event))
            case DeviceUpdated(known):
                if self.devices[known.device.key].id != known.id:
                    raise self._broken(f"{known.device.key} is updated, and is another device")
                self.devices[known.device.key] = known
            case DeviceDetached(known):
                if self.devices.pop(known.device.key, None) is None:
                    raise self._broken(f"{known.device.key} is unplugged, and was not there")
                self.changes.append((self._position, event))
            case ChooserOpened(name, opened):
                self._once(name)
                self.choosers[name], self.offered[name] = opened, list(opened.offered)
            case DeviceOffered(name, device_id):
                if self.kind != "bluetooth" and device_id in self.offered[name]:
                    raise self._broken(f"the chooser {name} is told twice of {device_id}")
                if device_id not in self.offered[name]:
                    self.offered[name].append(device_id)
            case DeviceWithdrawn(name, device_id):
                self.offered[name].remove(device_id)
            case ChooserClosed():
                self._close_chooser(message, event)
            case DeviceRevoked(origin, known):
                self.grants.give_back(origin, known)
            case ConnectionBegun(name, connection):
                self._connect(message, name, connection)
            case ConnectionReady(name):
                if name not in self.connections or name in self.closing:
                    raise self._broken(f"the connection {name} is open, and nobody opens it")
            case ConnectionClosing(name):
                self.closing.add(name)
            case ConnectionClosed(name):
                if self.connections.pop(name, None) is None:
                    raise self._broken(f"the connection {name} is closed twice, or was never there")
                self.closing.discard(name)
            case PairingAsked(question, connection_id):
                self._once(question)
                self.pairings[question] = connection_id
            case PairingSettled(question):
                if self.pairings.pop(question, None) is None:
                    raise self._broken(f"the pairing {question} is settled twice")
            case _:
                pass

    def _attach(self, known: KnownDevice) -> None:
        self._once(known.id)
        if known.device.key in self.devices:
            raise self._broken(f"{known.device.key} is plugged in, and was there already")
        self.devices[known.device.key] = known

    def _close_chooser(self, message: Message, event: ChooserClosed) -> None:
        chooser, answer = self.choosers.pop(event.chooser, None), event.answer
        if chooser is None:
            raise self._broken(f"the chooser {event.chooser} is closed twice, or was never open")
        if not isinstance(message, CLOSED_BY.get(answer.reason, (WatchEnded, EffectLost))):
            raise self._broken(f"a chooser is closed for the reason {answer.reason} by {type(message).__name__}")
        offered = self.offered.pop(event.chooser)
        self.closed[chooser.asker.page, chooser.ticket] = chooser, event
        if not isinstance(message, AnswerChooser):
            return
        named = message.device_id
        fits = {"ok": named in offered, "cancelled": not named, "unknown_device": bool(named) and named not in offered}
        if not fits[answer.reason]:
            raise self._broken(f"{named!r} was named of {offered}, and the chooser is closed as {answer.reason}")
        if answer.reason == "ok":
            known = self._known(named)
            around = self.devices.values()
            self.grants.choose(origin_of(chooser), known, around, is_handled=chooser.handler is not None)

    def _known(self, device_id: str) -> KnownDevice:
        for known in self.devices.values():
            if known.device_id == device_id:
                return known
        raise self._broken(f"{device_id} is not attached")

    def _connect(self, message: Message, name: str, connection: Connection) -> None:
        self._once(name)
        assert isinstance(message, PutRequest)
        assert isinstance(message.request, ConnectDevice)
        known = next((one for one in self.devices.values() if one.id == connection.known_id), None)
        if known is None:
            raise self._broken(f"{connection.known_id} is opened, and is not attached")
        origin = origin_of(connection)
        if not self._may_open(origin, known, message.request.verdict):
            raise self._broken(f"{origin} opens {known.device.key}, which it was not granted")
        self.connections[name] = connection
        self.begun[name] = connection, known

    def _may_open(self, origin: str, known: KnownDevice, verdict: Verdict | None) -> bool:
        if verdict is None:
            return self.grants.may_have(origin, known, self.devices.values())
        if self.grants.has_attachment(origin, known):
            return True
        return verdict.granted and (origin, known.device_id) in self._verdicts

    def _nothing_stays(self, message: Message, revoked: list[DeviceRevoked]) -> None:
        """Of what is unplugged, given back, or of a document that is gone."""
        here = {known.id: known.device_id for known in self.devices.values()}
        given_back = {(event.origin, event.known.device_id) for event in revoked}
        for name, connection in self.connections.items():
            if name in self.closing:
                continue
            if connection.known_id not in here or _is_gone(connection, message):
                raise self._broken(f"the connection {name} stays, and its device, or its document, is gone")
            if (origin_of(connection), here[connection.known_id]) in given_back:
                raise self._broken(f"the connection {name} stays, and its device was given back")
        for name, chooser in self.choosers.items():
            if _is_gone(chooser, message):
                raise self._broken(f"the chooser {name} stays open, and its document is gone")
        for question, name in self.pairings.items():
            if name not in self.connections:
                raise self._broken(f"the pairing {question} is asked for a connection that is no more")


def origin_of(asked: Chooser | Connection) -> str:
    """As grants have it."""
    return asked.asker.requesting_origin.rstrip("/")


def _is_gone(asked: Chooser | Connection, message: Message) -> bool:
    return (
        isinstance(message, WithdrawDocuments)
        and asked.asker.page == message.page
        and asked.asker.frame in message.frames
    )
