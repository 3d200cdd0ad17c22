"""The actor ``broker/<kind>``: what it decides, and how it evolves. Its rows are in the modules beside this one.

| message            | leads to                                                                            | rows in        |
|--------------------|-------------------------------------------------------------------------------------|----------------|
| ConfigureBroker    | configured, when that is another                                                    | here           |
| WatchDevices       | the port is asked what is attached, once                                            | ``listing``    |
| DevicesChanged     | devices attached, updated, detached; choosers and grants follow                     | ``listing``    |
| WatchEnded         | choosers are refused; the next request tries again                                  | ``listing``    |
| PutRequest         | a chooser opens, a device is opened, or given back                                  | here           |
| AnswerChooser      | a grant, and the page is answered                                                   | ``choosing``   |
| ConnectionOpened   | the page has its connection                                                         | ``connecting`` |
| ConnectionEnded    | it is gone; who waits is answered                                                   | ``connecting`` |
| CloseConnection    | closing                                                                             | ``connecting`` |
| PerformOperation   | the port does it; no turn                                                           | ``connecting`` |
| AskPairing, ...    | the pairing handler is asked, and answers                                           | ``pairing``    |
| Note...            | the log has it                                                                      | ``connecting`` |
| WithdrawDocuments  | what documents asked is refused, and what they have open is closed                  | here           |
| EffectLost         | a defect: whoever waits is told                                                     | here           |
| Recover, ShutDown  | nothing is attached, open or asked any more; grants stay that may                   | here           |
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from partita.actors.devices import choosing, connecting, listing, pairing
from partita.actors.devices.letting_go import let_go
from partita.actors.devices.standing import lasting
from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.device_connections import (
    AskPairing,
    CloseConnection,
    ConnectionBegun,
    ConnectionClosed,
    ConnectionClosing,
    ConnectionEnded,
    ConnectionOpened,
    ConnectionReady,
    NoteIncoming,
    NoteOperation,
    NoteServices,
    NoteTransfer,
    OperationNoted,
    PairingAnswered,
    PairingAsked,
    PairingSettled,
    PerformOperation,
    ServicesNoted,
    TransferNoted,
)
from partita.events.devices import (
    AnswerChooser,
    BrokerAnswer,
    BrokerConfigured,
    BrokerState,
    ChooseDevice,
    ChooserClosed,
    ChooserOpened,
    ConfigureBroker,
    ConnectDevice,
    DeviceAttached,
    DeviceChecked,
    DeviceDetached,
    DeviceGranted,
    DeviceOffered,
    DeviceRevoked,
    DevicesChanged,
    DevicesListed,
    DeviceUpdated,
    DeviceWithdrawn,
    ForgetDevice,
    GrantsChanged,
    NoteDeviceCheck,
    PutRequest,
    WatchBegun,
    WatchDevices,
    WatchEnded,
    WatchStopped,
    WithdrawDocuments,
)
from partita.events.system import EffectLost, Recover, ShutDown
from partita.events.types import Event

GONE: Final = BrokerAnswer("document_gone")
ENDED: Final = BrokerAnswer("ended")


def configure(state: BrokerState, message: ConfigureBroker, ctx: Context) -> Decision:
    if message.keeps_grants == state.keeps_grants:
        return NOTHING
    return Decision(events=(BrokerConfigured(message.keeps_grants),))


def put(state: BrokerState, message: PutRequest, ctx: Context) -> Decision:
    """By what is asked. A chooser needs somebody who watches, and for Bluetooth that is when it begins."""
    match message.request:
        case ChooseDevice() as request:
            opened = choosing.opened_chooser(state, message, request, ctx)
            watched = listing.begun(state, ctx) if opened.events else NOTHING
            return Decision(events=(*watched.events, *opened.events), effects=(*watched.effects, *opened.effects))
        case ConnectDevice() as request:
            return connecting.connected(state, message, request, ctx)
        case ForgetDevice() as request:
            return connecting.forgotten(state, message, request, ctx)


def answer_chooser(state: BrokerState, message: AnswerChooser, ctx: Context) -> Decision:
    """The last chooser that closes ends a scan."""
    return _scanning(state, choosing.answered(state, message, ctx), ctx)


def withdraw(state: BrokerState, message: WithdrawDocuments, ctx: Context) -> Decision:
    """Its documents are gone: the page has refused what they asked itself."""

    def is_of(page: str, frame: int) -> bool:
        return page == message.page and frame in message.frames

    choosers = tuple(name for name, one in state.choosers.items() if is_of(one.asker.page, one.asker.frame))
    connections = tuple(name for name, one in state.connections.items() if is_of(one.asker.page, one.asker.frame))
    refused = choosing.refused_choosers(state, choosers, GONE, is_told=False)
    closing = let_go(state, connections, is_told=False)
    both = Decision(events=(*refused.events, *closing.events), effects=(*refused.effects, *closing.effects))
    return _scanning(state, both, ctx)


def _scanning(state: BrokerState, decision: Decision, ctx: Context) -> Decision:
    closed = sum(isinstance(event, ChooserClosed) for event in decision.events)
    if not closed:
        return decision
    stop = listing.idle_stop(state, ctx, choosers_left=len(state.choosers) - closed)
    return Decision(
        events=(*decision.events, *stop.events),
        effects=(*decision.effects, *stop.effects),
        answers=decision.answers,
    )


def note_check(state: BrokerState, message: NoteDeviceCheck, ctx: Context) -> Decision:
    """FEATURES F18: who asked for what, and what was said, is in the log; nothing else comes of it."""
    verdict = message.verdict
    return Decision(events=(DeviceChecked(message.origin, message.device_id, verdict.granted, verdict.handler),))


def checked(state: BrokerState, event: DeviceChecked) -> BrokerState:
    return state


def lost(state: BrokerState, message: EffectLost, ctx: Context) -> Decision:
    """Of whatever effect it was."""
    if message.effect_id == state.watch:
        return listing.lost(state, message, ctx)
    if message.effect_id in state.pairings:
        return pairing.lost(state, message.effect_id, message.error)
    return connecting.lost(state, message.effect_id, message.error)


def recover(state: BrokerState, message: Recover, ctx: Context) -> Decision:
    """The process that had all this is gone; the pages that asked are, too. The kernel settles the effects."""
    grants = lasting(state.grants) if state.keeps_grants else {}
    events: list[Event] = list(_ends(state))
    events.extend(ConnectionClosed(name, "ended") for name in state.connections)
    if grants != state.grants:
        events.append(GrantsChanged(grants))
    events.extend(DeviceDetached(known) for known in state.devices.values())
    if state.watch:
        events.append(WatchStopped("ended"))
    return Decision(events=tuple(events))


def shut_down(state: BrokerState, message: ShutDown, ctx: Context) -> Decision:
    """The same, where there is time to say so; the next opening does the rest. Who waits for an answer is told by the kernel."""
    refused = choosing.refused_choosers(state, tuple(state.choosers), ENDED)
    settled = tuple(event for event in _ends(state) if isinstance(event, PairingSettled))
    closed = tuple(ConnectionClosed(name, "ended") for name in state.connections)
    return Decision(events=(*refused.events, *settled, *closed), effects=refused.effects)


def recovers(state: BrokerState) -> bool:
    """Whether the next process would take for its own what was this one's."""
    kept = lasting(state.grants) if state.keeps_grants else {}
    ends = state.watch or state.devices or state.choosers or state.connections or state.pairings
    return bool(ends) or state.grants != kept


def _ends(state: BrokerState) -> list[Event]:
    events: list[Event] = [ChooserClosed(name, ENDED) for name in state.choosers]
    events.extend(
        PairingSettled(question, pending.connection, confirmed=False, failure="the process has ended")
        for question, pending in state.pairings.items()
    )
    return events


def configured(state: BrokerState, event: BrokerConfigured) -> BrokerState:
    return replace(state, keeps_grants=event.keeps_grants)


behavior: Final[Behavior[BrokerState]] = Behavior(
    kind="broker",
    initial=BrokerState,
    recovers=recovers,
    decide={
        ConfigureBroker: configure,
        WatchDevices: listing.watch,
        DevicesChanged: listing.changed,
        WatchEnded: listing.ended,
        PutRequest: put,
        AnswerChooser: answer_chooser,
        ConnectionOpened: connecting.opened,
        ConnectionEnded: connecting.ended,
        CloseConnection: connecting.close,
        PerformOperation: connecting.perform,
        NoteServices: connecting.note_services,
        NoteDeviceCheck: note_check,
        NoteOperation: connecting.note_operation,
        NoteTransfer: connecting.note,
        NoteIncoming: connecting.note,
        AskPairing: pairing.ask,
        PairingAnswered: pairing.answered,
        WithdrawDocuments: withdraw,
        EffectLost: lost,
        Recover: recover,
        ShutDown: shut_down,
    },
    evolve={
        BrokerConfigured: configured,
        DeviceChecked: checked,
        WatchBegun: listing.watch_begun,
        WatchStopped: listing.watch_stopped,
        DevicesListed: listing.devices_listed,
        DeviceAttached: listing.attached,
        DeviceUpdated: listing.updated,
        DeviceDetached: listing.detached,
        GrantsChanged: listing.grants_changed,
        ChooserOpened: choosing.chooser_opened,
        ChooserClosed: choosing.chooser_closed,
        DeviceOffered: choosing.device_offered,
        DeviceWithdrawn: choosing.device_withdrawn,
        DeviceGranted: choosing.device_granted,
        DeviceRevoked: connecting.revoked,
        ConnectionBegun: connecting.begun,
        ConnectionReady: connecting.ready,
        ConnectionClosing: connecting.closing,
        ConnectionClosed: connecting.closed,
        ServicesNoted: connecting.services_noted,
        OperationNoted: connecting.operation_noted,
        TransferNoted: connecting.noted,
        PairingAsked: pairing.pairing_asked,
        PairingSettled: pairing.pairing_settled,
    },
)
