"""The session's part in a request: it hands it on. Nothing changes, so no turn is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from partita.actors.kernel.behavior import Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.network import Fetch, SendRequest
from partita.events.types import Message, State


def fetch(state: State, message: Fetch, ctx: Context) -> Decision:  # noqa: ARG001  # the shape of every decide
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


DECIDE: Final = dict[type[Message], Callable[..., Decision]]({Fetch: fetch})

behavior: Final[Behavior[State]] = Behavior(kind="network", initial=State, decide=DECIDE, evolve={})
