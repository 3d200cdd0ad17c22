"""A page's part in permissions: which of its documents asks, and what it waits for (FEATURES F15e, F15f, F16b to F16f).

Its rows of the page's table. A document's questions end with it: they are refused, and the session is told.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.kernel.behavior import NOTHING, Decision
from partita.actors.kernel.context import Context
from partita.actors.pages.frames import document_of
from partita.actors.pages.sites import OPAQUE, origin_of
from partita.events.errors import UsageError
from partita.events.pages import MAIN_FRAME, PageState
from partita.events.permissions import (
    AnswerPermission,
    Asker,
    AskPermission,
    PermissionAnswer,
    PermissionAnswered,
    PermissionAsked,
    PutQuestion,
    Question,
    WithdrawQuestions,
)
from partita.events.system import Tell

SESSION: Final = "session"
FROM_THE_MAIN_FRAME: Final = frozenset({"pointerLock"})
"""These always appear to come from the main frame (FEATURES F15a)."""

GONE: Final = PermissionAnswer(granted=False, reason="document_gone")


def shown_origin(url: str) -> str:
    """An origin as handlers are told it (FEATURES F16): with a slash at its end, ``file:///``, or ``null``."""
    origin = origin_of(url)
    if origin == OPAQUE:
        return "file:///" if url.startswith("file:") else OPAQUE
    return f"{origin}/"


def asker_of(state: PageState, number: int, permission: str) -> Asker:
    """Who asks, when the frame ``number`` does. A blank document is its creator's."""
    frame = MAIN_FRAME if permission in FROM_THE_MAIN_FRAME else number
    return Asker(
        page=state.id,
        frame=frame,
        requesting_url=state.frames[frame].url,
        requesting_origin=shown_origin(document_of(state, frame).url),
        embedding_origin=shown_origin(state.frames[MAIN_FRAME].url),
    )


def ask(state: PageState, message: AskPermission, ctx: Context) -> Decision:
    """Tell the session, and wait. Said again, after a commit that failed, it is no second request.

    Who has a page whose opening was undone, and whose id is another's now, does not speak for that one.
    """
    if message.ticket in state.asking:
        return Decision(waits=message.ticket)
    if message.frame not in state.frames or not message.ticket.startswith(f"{state.opener}/"):
        return Decision(refusal=UsageError("the frame is gone: its page was closed, or its document has changed"))
    asker = asker_of(state, message.frame, message.permission)
    if message.permitted not in ("", asker.requesting_origin):
        return Decision(reply=GONE)
    details = message.details
    if message.permission == "media" and details.security_origin is None:
        details = msgspec.structs.replace(details, security_origin=asker.requesting_origin)
    question = Question(asker, message.ticket, message.permission, details, message.display)
    return Decision(
        events=(PermissionAsked(message.ticket, message.frame),),
        effects=(Tell(to=SESSION, message=PutQuestion(question)),),
        waits=message.ticket,
    )


def answer(state: PageState, message: AnswerPermission, ctx: Context) -> Decision:
    """To whoever waits. One that was withdrawn has been refused."""
    if message.ticket not in state.asking:
        return NOTHING
    return Decision(
        events=(PermissionAnswered(message.ticket, message.answer),),
        answers=((message.ticket, message.answer),),
    )


def withdrawn(state: PageState, tickets: tuple[str, ...]) -> Decision:
    """What it comes to that the documents which asked these are gone."""
    if not tickets:
        return NOTHING
    return Decision(
        events=tuple(PermissionAnswered(ticket, GONE) for ticket in tickets),
        effects=(Tell(to=SESSION, message=WithdrawQuestions(state.id, tickets)),),
        answers=tuple((ticket, GONE) for ticket in tickets),
    )


def asked(state: PageState, event: PermissionAsked) -> PageState:
    """One question more."""
    return msgspec.structs.replace(state, asking={**state.asking, event.ticket: event.frame})


def answered(state: PageState, event: PermissionAnswered) -> PageState:
    """One less."""
    left = {ticket: frame for ticket, frame in state.asking.items() if ticket != event.ticket}
    return msgspec.structs.replace(state, asking=left)
