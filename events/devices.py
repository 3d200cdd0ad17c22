"""The device brokers' vocabulary (FEATURES E12 to E23, F18, F19; DESIGN, 11).

A broker is ``broker/hid``, ``broker/usb``, ``broker/serial`` or ``broker/bluetooth``: an actor of a partition. It knows what is
attached, which origin was granted what, which choosers are open and which devices. It speaks to the hardware through the port
``devices`` only. Who asks is a frame of a page: its request goes by the page, which says who that is.

What is done with devices that are open: :mod:`partita.events.device_connections`.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from partita.events.device_connections import BrokerReason, Connection, PendingPairing
from partita.events.device_facts import AttachedDevice, DeviceChange, DeviceKind
from partita.events.device_filters import ChooserRequest
from partita.events.device_grants import Grant
from partita.events.device_transfers import OpenOptions
from partita.events.permissions import Asker
from partita.events.types import AwaitedEffect, Effect, Event, Message, Outcome, Recovery, State


class KnownDevice(Struct, frozen=True, array_like=True):
    """What is attached, or, of a HID device, one interface of it.

    ``id``: of this attachment of it, 32 hexadecimal digits, which nobody else has; ``device_id``: the same for all interfaces
    of one device.
    """

    id: str
    device_id: str
    device: AttachedDevice


class DeviceGrant(Struct, frozen=True, array_like=True):
    """What an origin was granted. ``services``: of a Bluetooth device, those that it may use; ``manufacturers``: whose data."""

    grant: Grant
    services: tuple[str, ...] = ()
    manufacturers: tuple[int, ...] = ()


class Verdict(Struct, frozen=True, array_like=True):
    """What a device permission handler of that number has said, outside of any turn (FEATURES F18)."""

    handler: int
    granted: bool


class Chooser(Struct, frozen=True, array_like=True):
    """One that is open. ``offered``: the ids (``device_id``) in its list, in order. ``handler``: see :class:`ChooseDevice`."""

    asker: Asker
    ticket: str
    request: ChooserRequest
    offered: tuple[str, ...] = ()
    handler: int | None = None


class BrokerAnswer(Struct, frozen=True, array_like=True):
    """What came of a request. ``ids``: of the device that was chosen (``device_id``), or of the connection."""

    reason: BrokerReason
    ids: tuple[str, ...] = ()
    failure: str = ""


# -- what pages ask, by their actors -----------------------------------------------------------------------------------


class ChooseDevice(Struct, frozen=True, array_like=True, tag="choose"):
    """Open a chooser. ``handler``: the number of the device permission handler that is set: then it alone decides later on.

    ``permitted``: what a check of the permission has said; without it, nobody is asked and nothing is chosen.
    """

    request: ChooserRequest
    handler: int | None = None
    permitted: bool = True


class ConnectDevice(Struct, frozen=True, array_like=True, tag="connect"):
    """Open a device."""

    known_id: str
    options: OpenOptions
    verdict: Verdict | None = None
    protected_classes: tuple[str, ...] | None = None


class ForgetDevice(Struct, frozen=True, array_like=True, tag="forget"):
    """Give the grant back; what the origin has open of it is closed (FEATURES E15, E19, E23).

    ``known``: the device as the page knew it, which says what is given back when it is unplugged.
    """

    device_id: str
    known: KnownDevice | None = None


BrokerRequest = ChooseDevice | ConnectDevice | ForgetDevice


class AskBroker(Message, frozen=True, tag="devices.ask/1"):
    """A frame asks a broker. The reply is a :class:`BrokerAnswer`, when it is there. Asked twice, it is the same request."""

    ticket: str
    frame: int
    kind: DeviceKind
    request: BrokerRequest


class AnswerPage(Message, frozen=True, tag="devices.answer_page/1"):
    """A broker's word to the page."""

    ticket: str
    answer: BrokerAnswer


class BrokerAsked(Event, frozen=True, tag="devices.asked/1"):
    """A frame of the page waits for a broker."""

    ticket: str
    frame: int
    kind: DeviceKind


class BrokerAnswered(Event, frozen=True, tag="devices.answered/1"):
    """It has its answer."""

    ticket: str
    answer: BrokerAnswer


# -- what brokers are told ---------------------------------------------------------------------------------------------


class ConfigureBroker(Message, frozen=True, tag="devices.configure/1"):
    """``keeps_grants``: whether lasting grants outlive the process."""

    keeps_grants: bool


class PutRequest(Message, frozen=True, tag="devices.put_request/1"):
    """A page's word: one of its documents asks."""

    asker: Asker
    ticket: str
    request: BrokerRequest


class WithdrawDocuments(Message, frozen=True, tag="devices.withdraw/1"):
    """A page's word: what these frames showed is gone. What they asked is refused, what they have open is closed."""

    page: str
    frames: tuple[int, ...]


class WatchDevices(Message, frozen=True, tag="devices.watch/1"):
    """Know what is attached. The reply is a :class:`BrokerAnswer`, once the broker does, or cannot."""


class DevicesChanged(Message, frozen=True, tag="devices.changed/1"):
    """The port's word. ``first``: all that is attached as the watch begins."""

    watch: str
    change: DeviceChange
    first: bool = False

    @property
    def said_by(self) -> str:
        """See :attr:`Message.said_by`: who has missed a change, knows nothing for sure any more."""
        return self.watch


class WatchEnded(Outcome, frozen=True, tag="devices.watch_ended/1"):
    """Nobody watches any more: the port cannot, or it was stopped. ``reason``: ``ok`` for that."""

    reason: BrokerReason
    failure: str = ""


class AnswerChooser(Message, frozen=True, tag="devices.answer_chooser/1"):
    """Somebody has chosen ``device_id``; empty: nothing. What comes after the first answer is ignored."""

    chooser: str
    device_id: str = ""


class NoteDeviceCheck(Message, frozen=True, tag="devices.note_check/1"):
    """FEATURES F18: a device permission handler was asked, outside of any turn, and said this."""

    origin: str
    device_id: str
    verdict: Verdict
    failure: str = ""


# -- what happens to them ----------------------------------------------------------------------------------------------


class BrokerConfigured(Event, frozen=True, tag="devices.configured/1"):
    keeps_grants: bool


class WatchBegun(Event, frozen=True, tag="devices.watch_begun/1"):
    """The port is asked what is attached."""

    watch: str


class WatchStopped(Event, frozen=True, tag="devices.watch_stopped/1"):
    """Nobody knows any more what is attached."""

    reason: BrokerReason
    failure: str = ""


class DevicesListed(Event, frozen=True, tag="devices.listed/1"):
    """The broker knows what is attached."""


class DeviceAttached(Event, frozen=True, tag="devices.attached/1"):
    """It was plugged in, or found as the watch began. ``origins``: those that have a grant for it.

    ``first``: it was there already: no page is told.
    """

    known: KnownDevice
    origins: tuple[str, ...] = ()
    first: bool = False


class DeviceUpdated(Event, frozen=True, tag="devices.updated/1"):
    """It says something else of itself."""

    known: KnownDevice


class DeviceDetached(Event, frozen=True, tag="devices.detached/1"):
    """It was unplugged. ``origins``: those that had a grant for it."""

    known: KnownDevice
    origins: tuple[str, ...] = ()


class ChooserOpened(Event, frozen=True, tag="devices.chooser_opened/1"):
    """FEATURES E12, E16, E20: somebody is to choose."""

    chooser: str
    opened: Chooser


class DeviceOffered(Event, frozen=True, tag="devices.offered/1"):
    """FEATURES E13, E17, E21: a chooser's list has one more. For Bluetooth: or one that says something else of itself."""

    chooser: str
    device_id: str


class DeviceWithdrawn(Event, frozen=True, tag="devices.withdrawn/1"):
    """FEATURES E14, E18, E22: a chooser's list has one less. ``device``: as it was."""

    chooser: str
    device_id: str
    device: KnownDevice


class ChooserClosed(Event, frozen=True, tag="devices.chooser_closed/1"):
    """Somebody has chosen, or nobody will."""

    chooser: str
    answer: BrokerAnswer


class DeviceGranted(Event, frozen=True, tag="devices.granted/1"):
    origin: str
    grant: DeviceGrant


class GrantsChanged(Event, frozen=True, tag="devices.grants_changed/1"):
    """What is left of all grants: after a device was unplugged, or a twin was plugged in, or an opening."""

    grants: dict[str, tuple[DeviceGrant, ...]]


class DeviceRevoked(Event, frozen=True, tag="devices.revoked/1"):
    """FEATURES E15, E19, E23: a document of the origin has given the device back. ``grants``: what the origin has left."""

    origin: str
    known: KnownDevice
    grants: tuple[DeviceGrant, ...]
    frame: int = 0
    page: str = ""


class DeviceChecked(Event, frozen=True, tag="devices.checked/1"):
    """A device permission handler has answered. The state is what it was."""

    origin: str
    device_id: str
    granted: bool
    handler: int


# -- what the world is to do -------------------------------------------------------------------------------------------


class Watch(AwaitedEffect, frozen=True, tag="devices.watch_effect/1"):
    """Tell what is attached, and what changes, until it is stopped."""

    recovery: ClassVar[Recovery | None] = "fail"
    kind: DeviceKind


class StopWatch(Effect, frozen=True, tag="devices.stop_watch/1"):
    """Watch no longer."""

    watch: str


class BrokerState(State, frozen=True, tag="devices.state/1"):
    """One broker.

    ``watch``: the effect that watches; ``is_listed``: whether ``devices``, by the port's keys, are all that are attached.
    ``grants`` are by origin (``https://shop.example``), ``choosers`` and ``connections`` by their ids, ``pairings`` by their
    effects.
    """

    watch: str = ""
    is_listed: bool = False
    keeps_grants: bool = False
    devices: dict[str, KnownDevice] = field(default_factory=dict)
    grants: dict[str, tuple[DeviceGrant, ...]] = field(default_factory=dict)
    choosers: dict[str, Chooser] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    pairings: dict[str, PendingPairing] = field(default_factory=dict)
