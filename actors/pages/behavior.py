"""The actor ``page/<id>``: a tree of frames. It is open between ``StartPage`` and ``ClosePage``, and has frames then.

::

    no frames ──start──▶ main frame ──add frame, navigate──▶ frames ──close──▶ no frames

To a page that is not open, nothing happens: who asks it is told so by the reply. What its documents ask of permissions is in
:mod:`partita.actors.pages.asking`, what they have at device brokers in :mod:`partita.actors.pages.brokers`.
"""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

import msgspec

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.actors.pages import asking, brokers
from partita.events.devices import AnswerPage, AskBroker, BrokerAnswered, BrokerAsked
from partita.events.pages import (
    MAIN_FRAME,
    AddFrame,
    ClosePage,
    CommitNavigation,
    EndPage,
    FrameAdded,
    FrameState,
    Navigated,
    PageClosed,
    PageOpened,
    PageState,
    StartPage,
)
from partita.events.permissions import AnswerPermission, AskPermission, PermissionAnswered, PermissionAsked
from partita.events.system import Tell

SESSION: Final = "session"


def start(state: PageState, message: StartPage, ctx: Context) -> Decision:
    """Once."""
    return NOTHING if state.id else Decision(events=(PageOpened(message.id, message.url, message.opener),))


def add_frame(state: PageState, message: AddFrame, ctx: Context) -> Decision:
    """The numbers of a page's frames are never used twice."""
    if message.parent not in state.frames:
        return NOTHING
    number = state.frames_made
    return Decision(events=(FrameAdded(number, FrameState(message.url, "", message.parent)),), reply=number)


def commit_navigation(state: PageState, message: CommitNavigation, ctx: Context) -> Decision:
    """Not to where there is no frame any more: the page was closed, or the frame went with the document around it."""
    if message.frame not in state.frames:
        return Decision(reply=False)
    frames = tuple(
        number for number in state.frames if number == message.frame or _is_within(state, number, message.frame)
    )
    gone = _documents_gone(state, frames)
    return Decision(
        events=(Navigated(message.frame, message.url, message.referrer_policy), *gone.events),
        effects=gone.effects,
        reply=True,
        answers=gone.answers,
    )


def _documents_gone(state: PageState, frames: tuple[int, ...]) -> Decision:
    """What their documents have asked, and have at the brokers, goes with them."""
    asked = asking.withdrawn(state, tuple(ticket for ticket, frame in state.asking.items() if frame in frames))
    devices = brokers.withdrawn(state, frames)
    return Decision(
        events=(*asked.events, *devices.events),
        effects=(*asked.effects, *devices.effects),
        answers=(*asked.answers, *devices.answers),
    )


def close(state: PageState, message: ClosePage, ctx: Context) -> Decision:
    """Once; the session strikes it off its list."""
    if not state.frames:
        return NOTHING
    gone = _documents_gone(state, tuple(state.frames))
    return Decision(
        events=(PageClosed(), *gone.events),
        effects=(Tell(to=SESSION, message=EndPage(state.id)), *gone.effects),
        answers=gone.answers,
    )


def opened(state: PageState, event: PageOpened) -> PageState:
    """The main frame."""
    return PageState(id=event.id, frames={MAIN_FRAME: FrameState(event.url)}, frames_made=1, opener=event.opener)


def frame_added(state: PageState, event: FrameAdded) -> PageState:
    """One more."""
    frames = {**state.frames, event.frame: event.state}
    return msgspec.structs.replace(state, frames=frames, frames_made=event.frame + 1)


def navigated(state: PageState, event: Navigated) -> PageState:
    """Another document; what was within the last one is gone."""
    frames = {number: frame for number, frame in state.frames.items() if not _is_within(state, number, event.frame)}
    frames[event.frame] = msgspec.structs.replace(
        frames[event.frame], url=event.url, referrer_policy=event.referrer_policy
    )
    return msgspec.structs.replace(state, frames=frames)


def _is_within(state: PageState, number: int, ancestor: int) -> bool:
    parent = state.frames[number].parent
    while parent is not None:
        if parent == ancestor:
            return True
        parent = state.frames[parent].parent
    return False


def closed(state: PageState, event: PageClosed) -> PageState:
    """No frame is left."""
    return msgspec.structs.replace(state, frames={})


behavior: Final[Behavior[PageState]] = Behavior(
    kind="page",
    initial=PageState,
    decide={
        StartPage: start,
        AddFrame: add_frame,
        CommitNavigation: commit_navigation,
        ClosePage: close,
        AskPermission: asking.ask,
        AnswerPermission: asking.answer,
        AskBroker: brokers.ask,
        AnswerPage: brokers.answer,
    },
    evolve={
        PageOpened: opened,
        FrameAdded: frame_added,
        Navigated: navigated,
        PageClosed: closed,
        PermissionAsked: asking.asked,
        PermissionAnswered: asking.answered,
        BrokerAsked: brokers.asked,
        BrokerAnswered: brokers.answered,
    },
)
