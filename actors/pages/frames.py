"""A page's tree of frames, and who speaks when a request comes out of one of them. Pure."""

from __future__ import annotations

from partita.actors.pages.navigation import BLANK
from partita.actors.pages.sites import same_origin, same_site
from partita.events.network import Initiator, ReferrerPolicy, RequestMode
from partita.events.pages import MAIN_FRAME, FrameState, PageState

NO_REFERRER = ""
CLIENT = "about:client"
"""What a script calls its own document, where a referrer is asked for (Fetch standard 5.4)."""


def document_of(state: PageState, number: int) -> FrameState:
    """The document that a frame's requests come from: a blank one is its creator's (HTML standard 7.3.1.2)."""
    frame = state.frames[number]
    while frame.url == BLANK and frame.parent is not None:
        frame = state.frames[frame.parent]
    return frame


def is_within_another_site(state: PageState, number: int | None) -> bool:
    """Whether a frame, or one around it, is of another site than the main frame (RFC 6265bis 5.2.1)."""
    top_level_url = state.frames[MAIN_FRAME].url
    while number is not None and number != MAIN_FRAME:
        if not same_site(document_of(state, number).url, top_level_url):
            return True
        number = state.frames[number].parent
    return False


def initiator_of_fetch(
    state: PageState, number: int, mode: RequestMode, policy: ReferrerPolicy, referrer: str | None
) -> Initiator:
    """Of a request that a frame's document makes.

    ``policy``: the request's own, empty for the document's. ``referrer``: what is to be named in place of the document, empty for
    nothing; a URL that is not of its origin is not named (Fetch standard 5.4, step 14).
    """
    document = document_of(state, number)
    if referrer == CLIENT or (referrer and not same_origin(referrer, document.url)):
        referrer = None
    return Initiator(
        page=state.id,
        url=document.url,
        top_level_url=state.frames[MAIN_FRAME].url,
        mode=mode,
        referrer_policy=policy or document.referrer_policy,
        referrer=referrer,
        cross_site_ancestor=is_within_another_site(state, number),
    )


def initiator_of_navigation(state: PageState, number: int, *, user_activated: bool) -> Initiator:
    """Of a link or a form of a frame's document that leads the same frame elsewhere."""
    document = document_of(state, number)
    return Initiator(
        page=state.id,
        url=document.url,
        top_level_url=state.frames[MAIN_FRAME].url,
        mode="navigate",
        referrer_policy=document.referrer_policy,
        user_activated=user_activated,
        cross_site_ancestor=is_within_another_site(state, state.frames[number].parent),
    )


def initiator_of_typed(state: PageState, policy: ReferrerPolicy, referrer: str) -> Initiator:
    """Of a navigation of the main frame that no document began."""
    return Initiator(
        page=state.id,
        url="",
        top_level_url=state.frames[MAIN_FRAME].url,
        mode="navigate",
        referrer_policy=policy,
        user_activated=True,
        referrer=referrer,
    )
