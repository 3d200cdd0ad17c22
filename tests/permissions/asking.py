"""Handlers that wait until the test lets them answer, and what the log says of questions."""

from __future__ import annotations

import threading
from typing import Any

import partita
from partita.events.permissions import PermissionAnswer, PermissionsState, QuestionSettled

PATIENCE_S = 20.0


class Waiting:
    """A handler that tells when it is asked, and answers when it is let go."""

    def __init__(self, answer: object = True) -> None:
        self.answer = answer
        self.asked = threading.Event()
        self.go = threading.Event()
        self.requests: list[Any] = []

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        self.asked.set()
        assert self.go.wait(PATIENCE_S)
        return self.answer

    def wait_until_asked(self) -> None:
        assert self.asked.wait(PATIENCE_S)


def answers(session: partita.Session) -> list[PermissionAnswer]:
    """What the log says was answered, in order."""
    session.flush().get(PATIENCE_S)
    return [
        event.answer
        for turn in session.log.turns(actor="session")
        for event in turn.events
        if isinstance(event, QuestionSettled)
    ]


def wait_until_pending(session: partita.Session, count: int) -> None:
    """Come back when so many questions wait for their handlers."""
    for _ in range(10_000):
        session.flush().get(PATIENCE_S)
        if len(permissions_of(session).pending) == count:
            return
    raise AssertionError(f"{permissions_of(session).pending} are pending, not {count}")


def permissions_of(session: partita.Session) -> PermissionsState:
    return session._state.permissions
