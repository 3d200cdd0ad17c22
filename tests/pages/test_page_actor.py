"""The actor ``page/<id>`` and the session's list of pages, in conversation."""

from __future__ import annotations

import pytest

from partita.actors.kernel.behavior import Decision
from partita.actors.kernel.context import Context
from partita.actors.pages import behavior as page
from partita.actors.pages import ledger
from partita.actors.pages.frames import (
    document_of,
    initiator_of_fetch,
    initiator_of_navigation,
    initiator_of_typed,
    is_within_another_site,
)
from partita.actors.pages.navigation import document_url, is_shown, resolved
from partita.events.errors import InvalidURL
from partita.events.network import Initiator
from partita.events.pages import (
    AddFrame,
    ClosePage,
    CommitNavigation,
    EndPage,
    FrameState,
    OpenPage,
    PagesState,
    PageState,
    StartPage,
)
from partita.events.system import Recover, Tell
from partita.events.types import Message

SHOP = "https://shop.example/cart"


class Conversation:
    """One page."""

    def __init__(self) -> None:
        self.state = PageState()

    def say(self, message: Message) -> Decision:
        ctx = Context(seed=b"s", position=1, now_us=1, actor="page/p1")
        decision = page.behavior.decide[type(message)](self.state, message, ctx)
        for event in decision.events:
            self.state = page.behavior.evolve[type(event)](self.state, event)
        return decision

    def frames(self) -> dict[int, tuple[str, int | None]]:
        return {number: (frame.url, frame.parent) for number, frame in self.state.frames.items()}


def opened() -> Conversation:
    talk = Conversation()
    talk.say(StartPage("p1", SHOP))
    return talk


def test_a_page_begins_with_its_main_frame_once() -> None:
    talk = opened()
    assert talk.frames() == {0: (SHOP, None)}
    assert not talk.say(StartPage("p2", "https://other.example/")).events
    assert talk.state.id == "p1"


def test_frames_are_numbered_and_no_number_is_used_twice() -> None:
    talk = opened()
    assert talk.say(AddFrame(0, "about:blank")).reply == 1
    assert talk.say(AddFrame(1, "https://a.example/")).reply == 2
    assert talk.say(AddFrame(9, "https://a.example/")).reply is None
    talk.say(CommitNavigation(0, SHOP))
    assert talk.say(AddFrame(0, "https://b.example/")).reply == 3


def test_a_navigation_takes_the_frames_within_along_and_keeps_the_policy() -> None:
    talk = opened()
    talk.say(AddFrame(0, "https://a.example/"))
    talk.say(AddFrame(1, "https://b.example/"))
    talk.say(AddFrame(0, "https://c.example/"))
    assert talk.say(CommitNavigation(1, "https://d.example/", "no-referrer")).reply is True
    assert talk.frames() == {0: (SHOP, None), 1: ("https://d.example/", 0), 3: ("https://c.example/", 0)}
    assert talk.state.frames[1].referrer_policy == "no-referrer"
    talk.say(CommitNavigation(0, "https://e.example/"))
    assert talk.frames() == {0: ("https://e.example/", None)}


def test_nothing_happens_to_a_page_that_is_closed() -> None:
    talk = opened()
    assert talk.say(ClosePage()).effects == (Tell(to="session", message=EndPage("p1")),)
    for message in (ClosePage(), AddFrame(0, SHOP), CommitNavigation(0, SHOP), StartPage("p1", SHOP)):
        assert not talk.say(message).events
    assert talk.say(CommitNavigation(0, SHOP)).reply is False
    assert talk.state.frames == {}


@pytest.mark.parametrize("message", [ClosePage(), AddFrame(0, SHOP), CommitNavigation(0, SHOP)])
def test_nothing_happens_to_a_page_that_never_was(message: Message) -> None:
    assert not Conversation().say(message).events


# -- the session's list -----------------------------------------------------------------------------------------------------


def test_the_session_gives_a_page_its_id_and_knows_it_until_it_ends() -> None:
    ctx = Context(seed=b"s", position=7, now_us=1, actor="session")
    decision = ledger.open_page(PagesState(), OpenPage(SHOP), ctx)
    page_id = decision.reply
    assert isinstance(page_id, str)
    assert decision.effects == (Tell(to=f"page/{page_id}", message=StartPage(page_id, SHOP)),)
    (added,) = decision.events
    state = ledger.behavior.evolve[type(added)](PagesState(("other",)), added)
    assert state.open == ("other", page_id)
    (ended,) = ledger.end(state, EndPage(page_id), ctx).events
    assert ledger.behavior.evolve[type(ended)](state, ended).open == ("other",)
    assert not ledger.end(state, EndPage("unknown"), ctx).events


def test_an_opening_closes_the_pages_of_the_last_process() -> None:
    ctx = Context(seed=b"s", position=7, now_us=1, actor="session")
    effects = ledger.recover(PagesState(("p1", "p2")), Recover(2), ctx).effects
    assert effects == (Tell(to="page/p1", message=ClosePage()), Tell(to="page/p2", message=ClosePage()))


# -- who speaks --------------------------------------------------------------------------------------------------------------

TREE = PageState(
    id="p1",
    frames={
        0: FrameState(SHOP, "origin"),
        1: FrameState("https://www.shop.example/", "", 0),
        2: FrameState("https://ads.example/", "no-referrer", 1),
        3: FrameState("about:blank", "", 2),
        4: FrameState(SHOP, "", 2),
    },
    frames_made=5,
)


def test_a_blank_frame_speaks_as_the_document_around_it() -> None:
    assert [document_of(TREE, number).url for number in range(5)] == [
        SHOP,
        "https://www.shop.example/",
        "https://ads.example/",
        "https://ads.example/",
        SHOP,
    ]


def test_a_frame_within_another_site_stays_within_it() -> None:
    assert [is_within_another_site(TREE, number) for number in range(5)] == [False, False, True, True, True]


def test_a_frames_requests_name_its_document_and_the_page() -> None:
    assert initiator_of_fetch(TREE, 3, "cors", "", None) == Initiator(
        page="p1",
        url="https://ads.example/",
        top_level_url=SHOP,
        referrer_policy="no-referrer",
        cross_site_ancestor=True,
    )
    assert initiator_of_fetch(TREE, 0, "no-cors", "unsafe-url", "").referrer == ""
    assert initiator_of_fetch(TREE, 0, "cors", "unsafe-url", None).referrer_policy == "unsafe-url"


@pytest.mark.parametrize(
    ("referrer", "named"),
    [
        (None, None),
        ("", ""),
        ("about:client", None),
        ("https://shop.example/x", "https://shop.example/x"),
        ("https://other.example/", None),
    ],
)
def test_only_a_url_of_the_same_origin_can_be_named_as_referrer(referrer: str | None, named: str | None) -> None:
    assert initiator_of_fetch(TREE, 0, "cors", "", referrer).referrer == named


def test_a_navigation_is_judged_by_the_frames_around_the_one_that_it_replaces() -> None:
    within = initiator_of_navigation(TREE, 2, user_activated=True)
    assert (within.url, within.mode, within.user_activated) == ("https://ads.example/", "navigate", True)
    assert not within.cross_site_ancestor
    assert initiator_of_navigation(TREE, 4, user_activated=False).cross_site_ancestor
    typed = initiator_of_typed(TREE, "origin", "https://search.example/")
    assert (typed.url, typed.referrer, typed.referrer_policy) == ("", "https://search.example/", "origin")


# -- URLs and responses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("x", "https://shop.example/a/x"),
        ("/x?y#z", "https://shop.example/x?y#z"),
        ("../x", "https://shop.example/x"),
        ("?q", "https://shop.example/a/b?q"),
        ("", "https://shop.example/a/b"),
        ("//cdn.example/x", "https://cdn.example/x"),
        (" http://other.example/ ", "http://other.example/"),
        ("app://bundle/x", "app://bundle/x"),
    ],
)
def test_a_relative_url_is_resolved_against_the_document(text: str, url: str) -> None:
    assert resolved("https://shop.example/a/b", text, {"app"}) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("x?y", "app://bundle/a/x?y"),
        ("/x", "app://bundle/x"),
        ("../../x", "app://bundle/x"),
        ("//other/x", "app://other/x"),
    ],
)
def test_a_document_of_a_standard_scheme_has_relative_urls_as_well(text: str, url: str) -> None:
    assert resolved("app://bundle/a/b", text, {"app"}) == url
    with pytest.raises(InvalidURL, match="relative"):
        resolved("app://bundle/a/b", text, ())


def test_a_blank_page_has_nothing_to_resolve_against() -> None:
    assert resolved("about:blank", "https://shop.example/", ()) == "https://shop.example/"
    with pytest.raises(InvalidURL, match="relative"):
        resolved("about:blank", "/x", ())
    with pytest.raises(InvalidURL):
        resolved(SHOP, 7, ())  # type: ignore[arg-type]


def test_a_page_keeps_no_password_and_no_fragment() -> None:
    assert document_url("https://me:secret@SHOP.example#x", frozenset()) == "https://shop.example/"
    assert document_url("About:Blank", frozenset()) == document_url("", frozenset()) == "about:blank"
    assert document_url("app://bundle/x", frozenset({"app"})) == "app://bundle/x"
    with pytest.raises(InvalidURL):
        document_url("data:text/html,x", frozenset())
    with pytest.raises(InvalidURL):
        document_url("/x", frozenset())


@pytest.mark.parametrize(
    ("status", "headers", "shown"),
    [
        (200, (), True),
        (404, (), True),
        (204, (), False),
        (205, (), False),
        (200, (("Content-Disposition", "Attachment; filename=x"),), False),
        (200, (("Content-Disposition", "inline"),), True),
    ],
)
def test_a_response_without_a_document_shows_none(
    status: int, headers: tuple[tuple[str, str], ...], shown: bool
) -> None:
    assert is_shown(status, headers) is shown
