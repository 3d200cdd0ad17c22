"""A broker's rows about choosers: who is asked what, what is offered meanwhile, and what comes of it (FEATURES E12 to E22).

::

    request ──▶ pending: somebody is to choose ──▶ chosen: a grant ──▶ the page is answered
                   │ the list changes: offered, withdrawn
                   ╰─ cancelled · the document is gone · the port cannot · the process ends

A chooser is opened once it is known what is attached; a list may be empty, and fill up while it is open.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from partita.actors.devices.offering import offered
from partita.actors.devices.standing import chosen_grant, origin_of_asker
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.device_filters import BluetoothRequest
from partita.events.devices import (
    AnswerChooser,
    AnswerPage,
    BrokerAnswer,
    BrokerState,
    ChooseDevice,
    Chooser,
    ChooserClosed,
    ChooserOpened,
    DeviceGrant,
    DeviceGranted,
    DeviceOffered,
    DeviceWithdrawn,
    KnownDevice,
    PutRequest,
)
from partita.events.permissions import Asker
from partita.events.system import Tell
from partita.events.types import Effect, Event

CANCELLED: Final = BrokerAnswer("cancelled")


def told(asker: Asker, ticket: str, answer: BrokerAnswer) -> Tell[AnswerPage]:
    """The answer, on its way to the page that asked."""
    return Tell(to=f"page/{asker.page}", message=AnswerPage(ticket, answer))


def opened_chooser(state: BrokerState, message: PutRequest, request: ChooseDevice, ctx: Context) -> Decision:
    """Ask somebody, unless a check has said no: then there is nothing to choose from (FEATURES E12)."""
    if not request.permitted:
        return Decision(effects=(told(message.asker, message.ticket, CANCELLED),))
    listed = offered(state.devices.values(), request.request)
    chooser = Chooser(message.asker, message.ticket, request.request, listed, request.handler)
    return Decision(events=(ChooserOpened(ctx.id(), chooser),))


def relisted(state: BrokerState, devices: Mapping[str, KnownDevice]) -> Iterator[Event]:
    """What each chooser is told when what is attached has changed: only of what comes into its list, or leaves it."""
    before = {known.device_id: known for known in state.devices.values()}
    now = {known.device_id: known for known in devices.values()}
    for name, chooser in state.choosers.items():
        listed = offered(devices.values(), chooser.request)
        for device_id in chooser.offered:
            if device_id not in listed:
                yield DeviceWithdrawn(name, device_id, before[device_id])
        for device_id in listed:
            is_told_again = isinstance(chooser.request, BluetoothRequest) and before.get(device_id) != now[device_id]
            if device_id not in chooser.offered or is_told_again:
                yield DeviceOffered(name, device_id)


def answered(state: BrokerState, message: AnswerChooser, ctx: Context) -> Decision:
    """The first answer counts. A device that is not in the list is no choice."""
    chooser = state.choosers.get(message.chooser)
    if chooser is None:
        return NOTHING
    if not message.device_id:
        return _closed(message.chooser, chooser, CANCELLED)
    known = next((known for known in state.devices.values() if known.device_id == message.device_id), None)
    if known is None or message.device_id not in chooser.offered:
        return _closed(message.chooser, chooser, BrokerAnswer("unknown_device", failure=message.device_id[:200]))
    closed = _closed(message.chooser, chooser, BrokerAnswer("ok", (known.device_id,)))
    grant = chosen_grant(state, known, is_handled=chooser.handler is not None)
    if grant is None:
        return closed
    request = chooser.request
    services = request.services if isinstance(request, BluetoothRequest) else ()
    manufacturers = request.manufacturers if isinstance(request, BluetoothRequest) else ()
    granted = DeviceGranted(
        origin_of_asker(chooser.asker.requesting_origin), DeviceGrant(grant, services, manufacturers)
    )
    return Decision(events=(*closed.events, granted), effects=closed.effects)


def refused_choosers(
    state: BrokerState, names: tuple[str, ...], answer: BrokerAnswer, *, is_told: bool = True
) -> Decision:
    """Nobody will choose any more."""
    events: list[Event] = []
    effects: list[Effect] = []
    for name in names:
        closed = _closed(name, state.choosers[name], answer)
        events.extend(closed.events)
        effects.extend(closed.effects if is_told else ())
    return Decision(events=tuple(events), effects=tuple(effects))


def _closed(name: str, chooser: Chooser, answer: BrokerAnswer) -> Decision:
    return Decision(
        events=(ChooserClosed(name, answer),),
        effects=(told(chooser.asker, chooser.ticket, answer),),
    )


# -- how it evolves ---------------------------------------------------------------------------------------------------


def chooser_opened(state: BrokerState, event: ChooserOpened) -> BrokerState:
    return replace(state, choosers={**state.choosers, event.chooser: event.opened})


def device_offered(state: BrokerState, event: DeviceOffered) -> BrokerState:
    chooser = state.choosers[event.chooser]
    if event.device_id in chooser.offered:
        return state
    return _with(state, event.chooser, replace(chooser, offered=(*chooser.offered, event.device_id)))


def device_withdrawn(state: BrokerState, event: DeviceWithdrawn) -> BrokerState:
    chooser = state.choosers[event.chooser]
    left = tuple(device_id for device_id in chooser.offered if device_id != event.device_id)
    return _with(state, event.chooser, replace(chooser, offered=left))


def chooser_closed(state: BrokerState, event: ChooserClosed) -> BrokerState:
    return replace(state, choosers={name: one for name, one in state.choosers.items() if name != event.chooser})


def device_granted(state: BrokerState, event: DeviceGranted) -> BrokerState:
    """A grant for the same takes the place of the one before: of a Bluetooth device, what may be used adds up."""
    before = state.grants.get(event.origin, ())
    same = next((one for one in before if one.grant == event.grant.grant), None)
    grant = event.grant
    if same is not None:
        services = tuple(dict.fromkeys((*same.services, *grant.services)))
        grant = DeviceGrant(grant.grant, services, tuple(dict.fromkeys((*same.manufacturers, *grant.manufacturers))))
    left = tuple(one for one in before if one is not same)
    return replace(state, grants={**state.grants, event.origin: (*left, grant)})


def _with(state: BrokerState, name: str, chooser: Chooser) -> BrokerState:
    return replace(state, choosers={**state.choosers, name: chooser})
