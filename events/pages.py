"""The pages' vocabulary (API.md, Pages).

A page is ``page/<id>``: a tree of frames, each with the URL of its document, and nothing that renders them. It lives as
long as the process that opened it: the session keeps the list of those that are open, and ends them when the partition is
opened again.
"""

from __future__ import annotations

from msgspec import Struct, field

from partita.events.network import ReferrerPolicy
from partita.events.types import Event, Message, State

MAIN_FRAME = 0
"""The number of a page's main frame."""


class FrameState(Struct, frozen=True, array_like=True, gc=False):
    """A frame: the URL of its document, without user, password and fragment, and how that document lets itself be named.

    ``parent`` is the number of the frame that it is in; None for the main frame.
    """

    url: str
    referrer_policy: ReferrerPolicy = ""
    parent: int | None = None


class OpenPage(Message, frozen=True, tag="pages.open/1"):
    """A new page that shows ``url``. The reply is its id.

    ``opener``: a number that its process has given to no other page. A position, and an id with it, may come again after a
    commit that failed (DESIGN, 8); who opens a page knows by this number whether it is still the one.
    """

    url: str
    opener: int = 0


class StartPage(Message, frozen=True, tag="pages.start/1"):
    """The session's word to the new page's actor."""

    id: str
    url: str
    opener: int = 0


class AddFrame(Message, frozen=True, tag="pages.add_frame/1"):
    """A new frame within ``parent``. The reply is its number; None when the page or the parent is gone."""

    parent: int
    url: str


class CommitNavigation(Message, frozen=True, tag="pages.commit_navigation/1"):
    """A frame shows another document from now on. The reply is whether there was such a frame."""

    frame: int
    url: str
    referrer_policy: ReferrerPolicy = ""


class ClosePage(Message, frozen=True, tag="pages.close/1"):
    """It is closed, and takes its frames along."""


class EndPage(Message, frozen=True, tag="pages.end/1"):
    """The page's word to the session: it is closed."""

    id: str


class PageAdded(Event, frozen=True, tag="pages.added/1"):
    """The session has one page more."""

    id: str


class PageEnded(Event, frozen=True, tag="pages.ended/1"):
    """The session has one page less."""

    id: str


class PageOpened(Event, frozen=True, tag="pages.opened/1"):
    """The page's actor has its first document."""

    id: str
    url: str
    opener: int = 0


class FrameAdded(Event, frozen=True, tag="pages.frame_added/1"):
    """A frame more."""

    frame: int
    state: FrameState


class Navigated(Event, frozen=True, tag="pages.navigated/1"):
    """A frame shows another document; the frames of the last one are gone."""

    frame: int
    url: str
    referrer_policy: ReferrerPolicy = ""


class PageClosed(Event, frozen=True, tag="pages.closed/1"):
    """Nothing comes of it any more."""


class PagesState(State, frozen=True, tag="pages.state/1"):
    """The session's part: the ids of the open pages, oldest first."""

    open: tuple[str, ...] = ()


class PageState(State, frozen=True, tag="page.state/1"):
    """One page. It has frames while it is open, the main frame under number 0; ``frames_made`` counts all there ever were.

    ``asking``: what waits for an answer about a permission, by ticket, with the frame that asked; ``at_brokers``: the same of
    what device brokers were asked; ``brokers``: the actors of those that the page has spoken to.
    """

    id: str = ""
    frames: dict[int, FrameState] = field(default_factory=dict)
    frames_made: int = 0
    asking: dict[str, int] = field(default_factory=dict)
    opener: int = 0
    at_brokers: dict[str, int] = field(default_factory=dict)
    brokers: tuple[str, ...] = ()
