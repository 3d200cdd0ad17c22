"""Protocol handlers: which scheme has one, and which may have privileges. The functions themselves never enter state."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from partita.actors.kernel.behavior import NOTHING, Behavior, Decide, Decision, Evolve
from partita.actors.kernel.context import Context
from partita.events.protocols import (
    BUILT_IN,
    PrivilegedSchemesSet,
    ProtocolsState,
    RemoveSchemeHandler,
    SchemeHandler,
    SchemeHandlerRemoved,
    SchemeHandlersCleared,
    SchemeHandlerSet,
    SetPrivilegedSchemes,
    SetSchemeHandler,
)
from partita.events.system import Recover
from partita.events.types import Event, Message


def set_handler(state: ProtocolsState, message: SetSchemeHandler, ctx: Context) -> Decision:
    """FEATURES R11, R19: false when the scheme has one. What is built in counts as registered."""
    handler = message.handler
    if handler.scheme in _slot(state, intercepts=handler.intercepts):
        return Decision(reply=False)
    if handler.scheme in BUILT_IN and not handler.intercepts:
        return Decision(reply=False)
    return Decision(events=(SchemeHandlerSet(handler),), reply=True)


def remove_handler(state: ProtocolsState, message: RemoveSchemeHandler, ctx: Context) -> Decision:
    """FEATURES R17, R24, H2."""
    handler = _slot(state, intercepts=message.intercepts).get(message.scheme)
    if handler is None:
        return Decision(reply=None)
    return Decision(events=(SchemeHandlerRemoved(handler),), reply=handler)


def set_privileged(state: ProtocolsState, message: SetPrivilegedSchemes, ctx: Context) -> Decision:
    """They are the process's: what the log knows is what decisions are made by (DESIGN, 4)."""
    if message.schemes == state.privileged:
        return NOTHING
    return Decision(events=(PrivilegedSchemesSet(message.schemes),))


def clear_handlers(state: ProtocolsState, message: Recover, ctx: Context) -> Decision:
    """DESIGN, 5: an opening clears all handlers."""
    return Decision(events=(SchemeHandlersCleared(),)) if state.registered or state.intercepted else NOTHING


def handler_set(state: ProtocolsState, event: SchemeHandlerSet) -> ProtocolsState:
    """It is the only one of its kind for its scheme."""
    handler = event.handler
    return _with_slot(
        state, {**_slot(state, intercepts=handler.intercepts), handler.scheme: handler}, intercepts=handler.intercepts
    )


def handler_removed(state: ProtocolsState, event: SchemeHandlerRemoved) -> ProtocolsState:
    """The scheme may be given another."""
    intercepts = event.handler.intercepts
    left = {
        scheme: handler
        for scheme, handler in _slot(state, intercepts=intercepts).items()
        if scheme != event.handler.scheme
    }
    return _with_slot(state, left, intercepts=intercepts)


def handlers_cleared(state: ProtocolsState, event: SchemeHandlersCleared) -> ProtocolsState:
    """Privileges stay until somebody says otherwise."""
    return replace(state, registered={}, intercepted={})


def privileged_set(state: ProtocolsState, event: PrivilegedSchemesSet) -> ProtocolsState:
    """They take the place of those before."""
    return replace(state, privileged=event.schemes)


def _slot(state: ProtocolsState, *, intercepts: bool) -> dict[str, SchemeHandler]:
    return state.intercepted if intercepts else state.registered


def _with_slot(state: ProtocolsState, slot: dict[str, SchemeHandler], *, intercepts: bool) -> ProtocolsState:
    return replace(state, intercepted=slot) if intercepts else replace(state, registered=slot)


DECIDE: Final = dict[type[Message], Decide](
    {
        SetSchemeHandler: set_handler,
        RemoveSchemeHandler: remove_handler,
        SetPrivilegedSchemes: set_privileged,
        Recover: clear_handlers,
    }
)

EVOLVE: Final = dict[type[Event], Evolve[ProtocolsState]](
    {
        SchemeHandlerSet: handler_set,
        SchemeHandlerRemoved: handler_removed,
        SchemeHandlersCleared: handlers_cleared,
        PrivilegedSchemesSet: privileged_set,
    }
)

behavior: Final = Behavior(kind="protocols", initial=ProtocolsState, decide=DECIDE, evolve=EVOLVE)
