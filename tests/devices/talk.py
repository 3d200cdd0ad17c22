"""A broker in conversation, taking turns as the kernel would; and devices for it."""

from __future__ import annotations

from typing import Any, TypeVar

from partita.actors.devices.behavior import behavior
from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.kernel.turning import decide_turn
from partita.events.device_connections import ConnectionBegun, ConnectionOpened
from partita.events.device_facts import AttachedDevice, BluetoothFacts, DeviceChange, DeviceFacts, HIDFacts
from partita.events.device_filters import ChooserRequest, HIDRequest
from partita.events.device_transfers import OpenHID
from partita.events.devices import (
    AnswerPage,
    BrokerAnswer,
    BrokerRequest,
    BrokerState,
    ChooseDevice,
    ChooserOpened,
    ConnectDevice,
    DevicesChanged,
    KnownDevice,
    PutRequest,
    Verdict,
    WatchDevices,
)
from partita.events.permissions import Asker
from partita.events.system import EffectSettled, Tell
from partita.events.types import AwaitedEffect, Event, Message

from .descriptors import KEYBOARD, SCALE

E = TypeVar("E", bound=Event)

SHOP = "https://shop.example"
BANK = "https://bank.example"


def asker(page: str = "p", frame: int = 0, origin: str = SHOP) -> Asker:
    return Asker(page, frame, f"{origin}/cart", f"{origin}/", f"{origin}/")


def hid(
    key: str, serial_number: str = "", *, place: str = "", descriptor: bytes = SCALE, product_id: int = 1
) -> AttachedDevice:
    return AttachedDevice(key, place or key, HIDFacts(0x1209, product_id, "Scale", serial_number, descriptor))


def belt(key: str, name: str = "Belt") -> AttachedDevice:
    facts: DeviceFacts = BluetoothFacts(name)
    return AttachedDevice(key, key, facts)


KEYED_SCALE = SCALE + KEYBOARD


class Talk:
    """One broker. ``said``: what pages were answered last."""

    def __init__(self, kind: str = "hid") -> None:
        self.kind = kind
        self.state = BrokerState()
        self.effects: dict[str, AwaitedEffect] = {}
        self.turns = 0

    def say(self, message: Message) -> Decision:
        self.turns += 1
        ctx = Context(seed=b"s", position=self.turns, now_us=self.turns * 1000, actor=f"broker/{self.kind}")
        decision = decide_turn(behavior.decide, self.state, self.effects, message, ctx)
        if decision is None:
            return Decision()
        for event in decision.events:
            if isinstance(event, EffectSettled):
                self.effects.pop(event.effect_id, None)
            elif type(event) in behavior.evolve:
                self.state = behavior.evolve[type(event)](self.state, event)
        self.effects |= {effect.id: effect for effect in decision.effects if isinstance(effect, AwaitedEffect)}
        return decision

    def watching(self, *devices: AttachedDevice) -> Talk:
        """The broker knows what is attached: these."""
        if not self.state.watch:
            self.say(WatchDevices())
        self.say(DevicesChanged(self.state.watch, DeviceChange(attached=devices), first=True))
        return self

    def change(self, *attached: AttachedDevice, gone: tuple[str, ...] = ()) -> Decision:
        return self.say(DevicesChanged(self.state.watch, DeviceChange(attached, gone)))

    def put(self, request: BrokerRequest, *, ticket: str = "1/1", **of: Any) -> Decision:
        return self.say(PutRequest(asker(**of), ticket, request))

    def choose(self, request: ChooserRequest | None = None, *, handler: int | None = None, **of: Any) -> ChooserOpened:
        decision = self.put(ChooseDevice(request or HIDRequest(), handler), **of)
        return one(decision, ChooserOpened)

    def connect(self, key: str, *, verdict: Verdict | None = None, is_open: bool = True, **of: Any) -> str:
        """A connection to what is attached under that key; its name."""
        request = ConnectDevice(self.known(key).id, OpenHID(), verdict)
        name = one(self.put(request, **of), ConnectionBegun).id
        if is_open:
            self.say(ConnectionOpened(name))
        return name

    def known(self, key: str) -> KnownDevice:
        return self.state.devices[key]


def one(decision: Decision, kind: type[E]) -> E:
    """The only event of that kind."""
    (found,) = (event for event in decision.events if isinstance(event, kind))
    return found


def kinds(decision: Decision) -> list[str]:
    """The names of its events, in order."""
    return [type(event).__name__ for event in decision.events]


def told(decision: Decision) -> list[tuple[str, str, BrokerAnswer]]:
    """Which pages are answered what: page, ticket, answer."""
    return [
        (effect.to.removeprefix("page/"), effect.message.ticket, effect.message.answer)
        for effect in decision.effects
        if isinstance(effect, Tell) and isinstance(effect.message, AnswerPage)
    ]


def reasons(decision: Decision) -> list[str]:
    return [answer.reason for _, _, answer in told(decision)]
