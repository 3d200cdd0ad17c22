"""The session's part: which pages are open. None outlives the process that opened it."""

# Every decide and evolve has the same shape, whatever it needs of it.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Final

from partita.actors.kernel.behavior import NOTHING, Behavior, Decision
from partita.actors.kernel.context import Context
from partita.events.pages import ClosePage, EndPage, OpenPage, PageAdded, PageEnded, PagesState, StartPage
from partita.events.system import Recover, Tell


def actor_of(page_id: str) -> str:
    """The name of a page's actor."""
    return f"page/{page_id}"


def open_page(state: PagesState, message: OpenPage, ctx: Context) -> Decision:
    """Give it an id and an actor."""
    page_id = ctx.id()
    return Decision(
        events=(PageAdded(page_id),),
        effects=(Tell(to=actor_of(page_id), message=StartPage(page_id, message.url, message.opener)),),
        reply=page_id,
    )


def end(state: PagesState, message: EndPage, ctx: Context) -> Decision:
    """Off the list."""
    return Decision(events=(PageEnded(message.id),)) if message.id in state.open else NOTHING


def recover(state: PagesState, message: Recover, ctx: Context) -> Decision:
    """The pages of the last process went with it; each of them says so itself (:class:`EndPage`)."""
    return Decision(effects=tuple(Tell(to=actor_of(page_id), message=ClosePage()) for page_id in state.open))


def added(state: PagesState, event: PageAdded) -> PagesState:
    """The youngest is last."""
    return PagesState((*state.open, event.id))


def ended(state: PagesState, event: PageEnded) -> PagesState:
    """Gone from the list; the turns of its actor stay in the log."""
    return PagesState(tuple(page_id for page_id in state.open if page_id != event.id))


behavior: Final[Behavior[PagesState]] = Behavior(
    kind="pages",
    initial=PagesState,
    decide={OpenPage: open_page, EndPage: end, Recover: recover},
    evolve={PageAdded: added, PageEnded: ended},
)
