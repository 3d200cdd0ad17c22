"""Listeners are asked as an exchange asks them: the hooks of the state, in order, through the handlers port."""

from __future__ import annotations

from typing import Any

import trio

import partita
from partita.actors.web_request.details import Details, WebRequestResponse
from partita.actors.web_request.filters import handler_name, hooks_for
from partita.events.session import SessionState
from partita.events.web_request import Hook, Stage, WebRequestState

URL = "https://shop.test/basket"


def details(**changes: Any) -> Details:
    given: dict[str, Any] = {"id": 1, "url": URL, "method": "GET", "resource_type": "xhr", "timestamp": 0.0, **changes}
    return Details(**given)


def hooks_of(session: partita.Session) -> WebRequestState:
    state = session._partition.actor("session").state
    assert isinstance(state, SessionState)
    return state.web_request


def due(session: partita.Session, stage: Stage, told: Details) -> tuple[Hook, ...]:
    return hooks_for(hooks_of(session), stage, told.url, told.resource_type)


async def answers(session: partita.Session, stage: Stage, told: Details | None = None) -> list[Any]:
    """What each listener of a stage that is due answers."""
    told = told or details()
    handlers, key = session._system.handlers, session._partition.key
    return [await handlers.ask(key, handler_name(hook.id), told) for hook in due(session, stage, told)]


def ask(session: partita.Session, stage: Stage, told: Details | None = None) -> WebRequestResponse | None:
    """What the one listener of a stage answers."""

    async def main() -> list[Any]:
        return await answers(session, stage, told)

    (answer,) = trio.run(main)
    assert answer is None or isinstance(answer, WebRequestResponse)
    return answer
