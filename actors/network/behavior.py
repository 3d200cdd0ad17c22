"""The session's part in a request: it hands it on. Nothing changes, so no turn is recorded."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.network import Fetch, SendRequest
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
            ),
        )
    )


behavior: Final[Behavior[State]] = Behavior(kind="network", initial=State, decide={Fetch: fetch}, evolve={})
