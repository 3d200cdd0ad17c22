"""A broker's rows about what is attached: asked for when it is first needed, and followed from then on (FEATURES E13 to E22).

::

    nobody watches ──watch──▶ asked ──first change──▶ listed ──changes──▶ listed
          ▲                                             │
          ╰────────────── the port cannot, closing ─────╯

Ids are drawn here: a partition's pages know a device by a name that no other partition knows it by, and that ends when it is
unplugged. Bluetooth devices are watched while a chooser is open: that is when the radio scans. They are not forgotten after it.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from partita.actors.devices.choosing import refused_choosers, relisted
from partita.actors.devices.identity import known_again
from partita.actors.devices.letting_go import let_go
from partita.actors.devices.shown import attached_of
from partita.actors.devices.standing import all_attached, origins_with, upkept
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.device_connections import BrokerReason
from partita.events.device_facts import AttachedDevice, DeviceKind, HIDFacts
from partita.events.devices import (
    BrokerAnswer,
    BrokerState,
    DeviceAttached,
    DeviceDetached,
    DevicesChanged,
    DevicesListed,
    DeviceUpdated,
    GrantsChanged,
    KnownDevice,
    StopWatch,
    Watch,
    WatchBegun,
    WatchDevices,
    WatchEnded,
    WatchStopped,
)
from partita.events.system import EffectLost, EffectSettled
from partita.events.types import Event

LISTED: Final = "listed"
"""What those wait for who want to know what is attached."""

OK: Final = BrokerAnswer("ok")


def kind_of(ctx: Context) -> DeviceKind:
    """Whose broker it is: the second part of its name."""
    kind: DeviceKind = ctx.actor.partition("/")[2]  # type: ignore[assignment]  # the names of brokers are these
    return kind


def begun(state: BrokerState, ctx: Context) -> Decision:
    """Watch, when nobody does."""
    if state.watch:
        return NOTHING
    watch = ctx.id()
    return Decision(events=(WatchBegun(watch),), effects=(Watch(id=watch, kind=kind_of(ctx)),))


def watch(state: BrokerState, message: WatchDevices, ctx: Context) -> Decision:
    """Answered at once where it is known already."""
    if state.is_listed and state.watch:
        return Decision(reply=OK)
    begin = begun(state, ctx)
    return Decision(events=begin.events, effects=begin.effects, waits=LISTED)


def changed(state: BrokerState, message: DevicesChanged, ctx: Context) -> Decision:
    """What came and went, one by one, and what becomes of grants, connections and choosers."""
    if message.watch != state.watch:
        return NOTHING
    devices, events = _exchanged(state, message, ctx)
    kept = upkept(state.grants, state.devices.values(), devices.values())
    if kept is not state.grants:
        events.append(GrantsChanged(kept))
    if not state.is_listed:
        events.append(DevicesListed())
    left = {known.id for known in devices.values()}
    dropped = tuple(name for name, connection in state.connections.items() if connection.known_id not in left)
    closing = let_go(state, dropped)
    return Decision(
        events=(*events, *closing.events, *relisted(state, devices)),
        effects=closing.effects,
        answers=() if state.is_listed else ((LISTED, OK),),
    )


def _exchanged(state: BrokerState, message: DevicesChanged, ctx: Context) -> tuple[dict[str, KnownDevice], list[Event]]:
    """What is attached after it, and what has happened."""
    devices = dict(state.devices)
    unplugged = [devices.pop(key) for key in dict.fromkeys(_gone(state, message, ctx)) if key in devices]
    events: list[Event] = [DeviceDetached(known, origins_with(state, known)) for known in unplugged]
    for device in message.change.attached:
        before = devices.get(device.key)
        if before is not None and _is_same(before.device, device):
            if before.device != device:
                devices[device.key] = KnownDevice(before.id, before.device_id, device)
                events.append(DeviceUpdated(devices[device.key]))
            continue
        if before is not None:
            events.append(DeviceDetached(before, origins_with(state, before)))
            del devices[device.key]
        known = devices[device.key] = _named(device, devices, ctx)
        kept = upkept(state.grants, state.devices.values(), devices.values())
        around = replace(state, devices=devices, grants=kept)
        events.append(DeviceAttached(known, origins_with(around, known), first=message.first))
    return devices, events


def _gone(state: BrokerState, message: DevicesChanged, ctx: Context) -> tuple[str, ...]:
    """The keys of what is gone: of a list of all that is attached, what an earlier watch knew and this one does not."""
    if not message.first or kind_of(ctx) == "bluetooth":
        return message.change.detached
    here = {device.key for device in message.change.attached}
    return tuple(key for key in state.devices if key not in here)


def _is_same(before: AttachedDevice, now: AttachedDevice) -> bool:
    """Whether the key still means the same device, which at most says something else of itself."""
    old, new = KnownDevice("", "", before), KnownDevice("", "", now)
    return known_again(attached_of(new), [attached_of(old)]) is not None


def _named(device: AttachedDevice, devices: dict[str, KnownDevice], ctx: Context) -> KnownDevice:
    """With ids. An interface of a HID device that is known already shares that one's."""
    name = ctx.id()
    if isinstance(device.facts, HIDFacts):
        found = attached_of(KnownDevice(name, name, device))
        shared = known_again(found, all_attached(devices.values()))
        if shared is not None:
            return KnownDevice(name, shared.attachment, device)
    return KnownDevice(name, name, device)


def ended(state: BrokerState, message: WatchEnded, ctx: Context) -> Decision:
    """Nobody watches. What was open goes on, as long as it can; choosers have nothing to list any more."""
    return _stopped(state, message.reason, message.failure, ctx)


def lost(state: BrokerState, message: EffectLost, ctx: Context) -> Decision:
    """A defect of the watching."""
    return _stopped(state, "failed", message.error, ctx)


def _stopped(state: BrokerState, reason: BrokerReason, failure: str, ctx: Context) -> Decision:
    answer = BrokerAnswer("ended" if reason == "ok" else reason, failure=failure)
    refused = refused_choosers(state, tuple(state.choosers), answer)
    return Decision(
        events=(*refused.events, WatchStopped(reason, failure)),
        effects=refused.effects,
        answers=((LISTED, answer),),
    )


def idle_stop(state: BrokerState, ctx: Context, *, choosers_left: int) -> Decision:
    """The radio scans no longer than a chooser is open (Web Bluetooth 3); elsewhere, watching costs nothing."""
    if kind_of(ctx) != "bluetooth" or choosers_left or not state.watch:
        return NOTHING
    return Decision(
        events=(WatchStopped("ok"), EffectSettled(state.watch)),
        effects=(StopWatch(state.watch),),
    )


# -- how it evolves ---------------------------------------------------------------------------------------------------


def watch_begun(state: BrokerState, event: WatchBegun) -> BrokerState:
    return replace(state, watch=event.watch, is_listed=False)


def watch_stopped(state: BrokerState, event: WatchStopped) -> BrokerState:
    return replace(state, watch="", is_listed=False)


def devices_listed(state: BrokerState, event: DevicesListed) -> BrokerState:
    return replace(state, is_listed=True)


def attached(state: BrokerState, event: DeviceAttached) -> BrokerState:
    return replace(state, devices={**state.devices, event.known.device.key: event.known})


def updated(state: BrokerState, event: DeviceUpdated) -> BrokerState:
    return replace(state, devices={**state.devices, event.known.device.key: event.known})


def detached(state: BrokerState, event: DeviceDetached) -> BrokerState:
    return replace(state, devices={key: known for key, known in state.devices.items() if known.id != event.known.id})


def grants_changed(state: BrokerState, event: GrantsChanged) -> BrokerState:
    return replace(state, grants=event.grants)
