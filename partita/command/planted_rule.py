"""The one rule that the tour changes, to show what a divergence looks like: a change anybody could make in passing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from partita.actors.session.behavior import BEHAVIORS
from partita.events.cookies import CookiesReceived, CookieStored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partita.actors.kernel.behavior import Behavior, Decide, Decision
    from partita.actors.kernel.context import Context
    from partita.events.session import SessionState
    from partita.events.types import Event, Message

_receive: Final = BEHAVIORS["session"].decide[CookiesReceived]


def receive_cookies_as_strict(state: SessionState, message: Message, ctx: Context) -> Decision:
    """The cookies of a response, with one change: a cookie that names no SameSite is ``strict``."""
    decision = _receive(state, message, ctx)
    return msgspec.structs.replace(decision, events=tuple(map(_stricter, decision.events)))


def _stricter(event: Event) -> Event:
    if isinstance(event, CookieStored) and event.cookie.same_site == "unspecified":
        return msgspec.structs.replace(event, cookie=msgspec.structs.replace(event.cookie, same_site="strict"))
    return event


def changed_behaviors() -> Mapping[str, Behavior[Any]]:
    """Today's behaviors, with that one row replaced."""
    session = BEHAVIORS["session"]
    decide: dict[type[Message], Decide] = {**session.decide, CookiesReceived: receive_cookies_as_strict}
    return {**BEHAVIORS, "session": msgspec.structs.replace(session, decide=decide)}
