"""The session's part in a request: it hands it on. Nothing changes, so no turn is recorded."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.network import (
    CloseAllConnections,
    CloseConnections,
    Fetch,
    OpenConnections,
    Preconnect,
    Revalidate,
    RevalidateCached,
    SendRequest,
)
from partita.events.types import State


def fetch(state: State, message: Fetch, ctx: Context) -> Decision:
    """Send it."""
    return Decision(
        effects=(
            SendRequest(
                call_id=message.call_id,
                method=message.method,
                url=message.url,
                headers=message.headers,
                redirect=message.redirect,
                credentials=message.credentials,
                timeout_s=message.timeout_s,
                cache=message.cache,
                bypass_custom_protocol_handlers=message.bypass_custom_protocol_handlers,
                resource_type=message.resource_type,
                initiator=message.initiator,
                streamed=message.streamed,
            ),
        )
    )


def revalidate(state: State, message: RevalidateCached, ctx: Context) -> Decision:
    """Ask again, once; two that were served stale at the same time may ask twice."""
    return Decision(
        effects=(
            Revalidate(
                url=message.url,
                headers=message.headers,
                credentials=message.credentials,
                timeout_s=message.timeout_s,
                resource_type=message.resource_type,
                initiator=message.initiator,
            ),
        )
    )


def preconnect(state: State, message: Preconnect, ctx: Context) -> Decision:
    """Open them."""
    return Decision(effects=(OpenConnections(message.url, message.num_sockets),))


def close_all_connections(state: State, message: CloseAllConnections, ctx: Context) -> Decision:
    """Close them."""
    return Decision(effects=(CloseConnections(message.call_id),))


behavior: Final[Behavior[State]] = Behavior(
    kind="network",
    initial=State,
    decide={
        Fetch: fetch,
        RevalidateCached: revalidate,
        Preconnect: preconnect,
        CloseAllConnections: close_all_connections,
    },
    evolve={},
)
