"""A broker's rows about open devices: opening, what is done with them, closing, forgetting.

::

    connect ──▶ opening ──▶ open ──close, forget, document gone, unplugged──▶ closing ──▶ gone
                   ╰───────── the port cannot ────────────────────────────────────────────▲

What is done with an open device leaves no turn by itself: an operation is looked at here, and goes to the port.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from msgspec.structs import replace

from partita.actors.devices.choosing import told
from partita.actors.devices.letting_go import let_go, pairings_of
from partita.actors.devices.listing import kind_of
from partita.actors.devices.protecting import protection
from partita.actors.devices.standing import may_have, origin_of_asker, standing, without
from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.events.device_connections import (
    BrokerReason,
    CarryOut,
    CloseConnection,
    Connection,
    ConnectionBegun,
    ConnectionClosed,
    ConnectionClosing,
    ConnectionEnded,
    ConnectionOpened,
    ConnectionReady,
    HoldConnection,
    NoteIncoming,
    NoteOperation,
    NoteServices,
    NoteTransfer,
    OperationNoted,
    PerformOperation,
    ServicesNoted,
    TransferNoted,
)
from partita.events.devices import (
    BrokerAnswer,
    BrokerState,
    ConnectDevice,
    DeviceRevoked,
    ForgetDevice,
    KnownDevice,
    PutRequest,
)
from partita.events.errors import DeviceError
from partita.events.types import Effect


def connected(state: BrokerState, message: PutRequest, request: ConnectDevice, ctx: Context) -> Decision:
    """Open a device that the asker's origin may have."""
    known = known_by_id(state, request.known_id)
    if known is None:
        return _refused(message, "no_such_device")
    if not may_have(state, origin_of_asker(message.asker.requesting_origin), known, request.verdict):
        return _refused(message, "not_granted")
    name = ctx.id()
    connection = Connection(
        message.asker,
        message.ticket,
        known.id,
        known.device.key,
        protected_classes=request.protected_classes,
    )
    return Decision(
        events=(ConnectionBegun(name, connection),),
        effects=(HoldConnection(id=name, kind=kind_of(ctx), key=known.device.key, options=request.options),),
    )


def known_by_id(state: BrokerState, known_id: str) -> KnownDevice | None:
    """The attachment of that id; None when it is gone."""
    return next((known for known in state.devices.values() if known.id == known_id), None)


def known_of(state: BrokerState, connection: Connection) -> KnownDevice | None:
    """What a connection is to; None when it is gone, whatever is attached in its place."""
    known = state.devices.get(connection.key)
    return known if known is not None and known.id == connection.known_id else None


def _refused(message: PutRequest, reason: BrokerReason) -> Decision:
    return Decision(effects=(told(message.asker, message.ticket, BrokerAnswer(reason)),))


def opened(state: BrokerState, message: ConnectionOpened, ctx: Context) -> Decision:
    """The page has its connection, unless it is being closed already."""
    connection = state.connections.get(message.connection)
    if connection is None or connection.phase != "opening":
        return NOTHING
    answer = BrokerAnswer("ok", (message.connection,))
    return Decision(
        events=(ConnectionReady(message.connection),),
        effects=(told(connection.asker, connection.ticket, answer),),
    )


def ended(state: BrokerState, message: ConnectionEnded, ctx: Context) -> Decision:
    """Whoever waits for its opening, or its closing, is answered."""
    return _gone(state, message.effect_id, message.reason, message.failure)


def lost(state: BrokerState, name: str, error: str) -> Decision:
    """A defect of what holds it."""
    return _gone(state, name, "failed", error)


def _gone(state: BrokerState, name: str, reason: BrokerReason, failure: str) -> Decision:
    connection = state.connections.get(name)
    if connection is None:
        return NOTHING
    if connection.phase == "closing":  # that it is gone is what was wanted
        reason, failure = "ok", ""
    effects: tuple[Effect, ...] = ()
    if connection.phase == "opening":
        answer = BrokerAnswer("gone" if reason == "ok" else reason, failure=failure)
        effects = (told(connection.asker, connection.ticket, answer),)
    pairings = pairings_of(state, name)
    return Decision(
        events=(*pairings.events, ConnectionClosed(name, reason, failure)),
        effects=(*pairings.effects, *effects),
        answers=(*pairings.answers, (name, None)),
    )


def close(state: BrokerState, message: CloseConnection, ctx: Context) -> Decision:
    """Fine when it is gone already."""
    connection = state.connections.get(message.connection)
    if connection is None:
        return NOTHING
    if connection.phase == "closing":
        return Decision(waits=message.connection)
    closing = let_go(state, (message.connection,))
    return Decision(events=closing.events, effects=closing.effects, waits=message.connection)


def forgotten(state: BrokerState, message: PutRequest, request: ForgetDevice, ctx: Context) -> Decision:
    """FEATURES E15, E19, E23: the grant is gone, and what the origin has open of the device."""
    origin = origin_of_asker(message.asker.requesting_origin)
    found = [known for known in state.devices.values() if known.device_id == request.device_id]
    if not found and request.known is not None and request.known.device_id == request.device_id:
        found = [request.known]  # it was unplugged, and may come back
    if not found:
        return _refused(message, "no_such_device")
    ids = {known.id for known in found}
    open_ones = tuple(
        name
        for name, connection in state.connections.items()
        if connection.known_id in ids and origin_of_asker(connection.asker.requesting_origin) == origin
    )
    closing = let_go(state, open_ones)
    revoked = DeviceRevoked(origin, found[0], without(state, origin, found[0]), message.asker.frame, message.asker.page)
    return Decision(
        events=(revoked, *closing.events),
        effects=(*closing.effects, told(message.asker, message.ticket, BrokerAnswer("ok"))),
    )


def perform(state: BrokerState, message: PerformOperation, ctx: Context) -> Decision:
    """Hand it to the port, unless the device is not open, or no page may do that."""
    connection = state.connections.get(message.connection)
    if connection is None or connection.phase != "open":
        return Decision(refusal=DeviceError("gone", "the device is not open (any more)"))
    known = known_of(state, connection)
    if known is None:
        return Decision(refusal=DeviceError("gone", "the device was unplugged"))
    services = _granted_services(state, connection, known) if connection.services else ()
    protected = protection(message.operation, connection, known, services)
    if protected is not None:
        return Decision(refusal=DeviceError("protected", protected))
    return Decision(
        effects=(CarryOut(message.connection, message.operation, message.call_id, message.timeout_s, ctx.position - 1),)
    )


def _granted_services(state: BrokerState, connection: Connection, known: KnownDevice) -> tuple[str, ...]:
    grant = standing(state, origin_of_asker(connection.asker.requesting_origin), known)
    return () if grant is None else grant.services


def note_services(state: BrokerState, message: NoteServices, ctx: Context) -> Decision:
    """What may be read and written is decided by them."""
    connection = state.connections.get(message.connection)
    if connection is None or connection.services == message.services:
        return NOTHING
    return Decision(events=(ServicesNoted(message.connection, message.services),))


def note_operation(state: BrokerState, message: NoteOperation, ctx: Context) -> Decision:
    """What was done before it is done before it when it is played back, too."""
    return Decision(events=(OperationNoted(message.connection),))


def note(state: BrokerState, message: NoteTransfer | NoteIncoming, ctx: Context) -> Decision:
    """The log has it."""
    return Decision(events=(TransferNoted(message.connection),))


# -- how it evolves ---------------------------------------------------------------------------------------------------


def begun(state: BrokerState, event: ConnectionBegun) -> BrokerState:
    return replace(state, connections={**state.connections, event.id: event.connection})


def ready(state: BrokerState, event: ConnectionReady) -> BrokerState:
    return _in_phase(state, event.id, replace(state.connections[event.id], phase="open"))


def closing(state: BrokerState, event: ConnectionClosing) -> BrokerState:
    return _in_phase(state, event.id, replace(state.connections[event.id], phase="closing"))


def closed(state: BrokerState, event: ConnectionClosed) -> BrokerState:
    return replace(state, connections={name: one for name, one in state.connections.items() if name != event.id})


def revoked(state: BrokerState, event: DeviceRevoked) -> BrokerState:
    left = {origin: grants for origin, grants in state.grants.items() if origin != event.origin}
    return replace(state, grants={**left, event.origin: event.grants} if event.grants else left)


def services_noted(state: BrokerState, event: ServicesNoted) -> BrokerState:
    return _in_phase(state, event.connection, replace(state.connections[event.connection], services=event.services))


def noted(state: BrokerState, event: TransferNoted) -> BrokerState:
    return state


def operation_noted(state: BrokerState, event: OperationNoted) -> BrokerState:
    return state


def _in_phase(state: BrokerState, name: str, connection: Connection) -> BrokerState:
    return replace(state, connections={**state.connections, name: connection})
