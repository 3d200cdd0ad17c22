"""Pages as a program uses them, against a real server that is two sites: ``127.0.0.1`` and ``localhost``."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio
from servers.loopback import Answer, LoopbackServer, Reply, Seen, redirects, sends

import partita
from partita.errors import InvalidURL, NetError, UsageError
from partita.frame import DidNavigate

PATIENCE_S = 30.0
OTHER = "localhost"


def html(body: str = "", *headers: tuple[str, str]) -> Answer:
    return sends(body.encode(), headers=[("Content-Type", "text/html"), *headers])


def told(seen: Seen) -> dict[str, str]:
    """What a request says of where it comes from, in short."""
    names = {
        "origin": "origin",
        "referer": "referer",
        "cookie": "cookie",
        "sec-fetch-site": "site",
        "sec-fetch-mode": "mode",
        "sec-fetch-dest": "dest",
        "sec-fetch-user": "user",
    }
    return {names[name]: value for name, value in seen.headers if name in names}


# -- loading --------------------------------------------------------------------------------------------------------------


def test_a_page_shows_what_it_has_loaded_after_all_redirects(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/start", redirects("/shop?x=1#top"))
    server.on("/shop", html("hello"))
    page = session.new_page()
    assert (page.get_url(), page.main_frame.origin) == ("about:blank", "null")
    response = page.load_url(server.url("/start")).get(PATIENCE_S)
    assert response.text == "hello"
    assert page.get_url() == page.main_frame.url == server.url("/shop?x=1")
    assert page.main_frame.origin == server.url("")
    for seen in server.seen:
        assert told(seen) == {"site": "none", "mode": "navigate", "dest": "document", "user": "?1"}
    assert (server.seen[0].header("accept") or "").startswith("text/html,")
    assert server.seen[0].header("upgrade-insecure-requests") == "1"


def test_a_page_can_be_loaded_under_trio(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/shop", html("hello"))

    async def main() -> None:
        async with partita.System(data_dir=tmp_path / "data") as system:
            page = system.from_partition("pages").new_page()
            assert (await page.load_url(url)).text == "hello"
            assert (await page.fetch("/shop")).text == "hello"
            assert page.get_url() == url

    trio.run(main)


def test_listeners_are_told_of_the_new_document(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/missing", lambda seen, reply: reply.send(b"", status=404))
    page = session.new_page()
    events: list[DidNavigate] = []
    told_of = threading.Event()
    page.on("did-navigate", lambda event: (events.append(event), told_of.set()))
    page.load_url(url).get(PATIENCE_S)
    assert told_of.wait(PATIENCE_S)
    assert events == [DidNavigate(url, 404, "Not Found")]


@pytest.mark.parametrize(
    "answer", [sends(status=204), sends(b"file", headers=[("Content-Disposition", 'attachment; filename="x"')])]
)
def test_what_is_no_document_leaves_the_page_as_it_is(
    server: LoopbackServer, session: partita.Session, answer: Answer
) -> None:
    url = server.on("/no-document", answer)
    page = session.new_page(server.url("/shop"))
    assert page.load_url(url).get(PATIENCE_S).status_code in (200, 204)
    assert page.get_url() == server.url("/shop")


def test_a_failure_leaves_the_page_as_it_is(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/gone", lambda seen, reply: reply.hang_up())
    page = session.new_page(server.url("/shop"))
    with pytest.raises(NetError, match="ERR_EMPTY_RESPONSE"):
        page.load_url(url).get(PATIENCE_S)
    assert page.get_url() == server.url("/shop")


def test_a_navigation_that_another_one_overtakes_is_aborted(server: LoopbackServer, session: partita.Session) -> None:
    go_on = threading.Event()

    def slow(seen: Seen, reply: Reply) -> None:
        assert go_on.wait(PATIENCE_S)
        reply.send(b"late")

    server.on("/slow", slow)
    server.on("/fast", html())
    page = session.new_page()
    first = page.load_url(server.url("/slow"))
    server.wait_for(1)
    page.load_url(server.url("/fast")).get(PATIENCE_S)
    go_on.set()
    with pytest.raises(NetError, match="ERR_ABORTED"):
        first.get(PATIENCE_S)
    assert page.get_url() == server.url("/fast")


def test_a_navigation_can_be_given_up(server: LoopbackServer, session: partita.Session) -> None:
    go_on = threading.Event()

    def slow(seen: Seen, reply: Reply) -> None:
        assert go_on.wait(PATIENCE_S)
        reply.send(b"late")

    url = server.on("/slow", slow)
    page = session.new_page(server.url("/shop"))
    loading = page.load_url(url)
    server.wait_for(1)
    loading.cancel()
    with pytest.raises(NetError, match="ERR_ABORTED"):
        loading.get(PATIENCE_S)
    go_on.set()
    assert page.get_url() == server.url("/shop")


def test_a_load_may_name_a_referrer_an_agent_and_fields_of_its_own(
    server: LoopbackServer, session: partita.Session
) -> None:
    url = server.on("/shop", html())
    page = session.new_page()
    page.load_url(
        url,
        http_referrer=partita.Referrer("https://search.example/q?x", "origin"),
        user_agent="mine/1",
        extra_headers={"X-Mine": "1", "Accept": "text/plain"},
        post_data=b"a=1",
    ).get(PATIENCE_S)
    seen = server.seen[0]
    assert (seen.method, seen.body, seen.header("user-agent")) == ("POST", b"a=1", "mine/1")
    assert (seen.header("x-mine"), seen.header("accept")) == ("1", "text/plain")
    assert told(seen)["referer"] == "https://search.example/"
    assert told(seen)["origin"] == "null"
    page.load_url(url, http_referrer=server.url("/before?x")).get(PATIENCE_S)
    assert told(server.seen[1])["referer"] == server.url("/before?x")
    with pytest.raises(ValueError, match="policy"):
        page.load_url(url, http_referrer=partita.Referrer(url, "never"))


# -- requests -------------------------------------------------------------------------------------------------------------


def test_a_pages_requests_say_where_they_come_from(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/api", sends(b"{}"))
    page = session.new_page(server.url("/shop?id=7#top"))
    origin, full = server.url(""), server.url("/shop?id=7")
    page.fetch("api").get(PATIENCE_S)
    page.fetch("/api", method="POST", json={"a": 1}).get(PATIENCE_S)
    page.fetch(server.url("/api", OTHER)).get(PATIENCE_S)
    page.fetch(server.url("/api", OTHER), mode="no-cors", resource_type="image").get(PATIENCE_S)
    assert [told(seen) for seen in server.seen] == [
        {"referer": full, "site": "same-origin", "mode": "cors", "dest": "empty"},
        {"origin": origin, "referer": full, "site": "same-origin", "mode": "cors", "dest": "empty"},
        {"origin": origin, "referer": f"{origin}/", "site": "cross-site", "mode": "cors", "dest": "empty"},
        {"referer": f"{origin}/", "site": "cross-site", "mode": "no-cors", "dest": "image"},
    ]


def test_a_redirect_to_another_site_is_told_there(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/away", redirects(server.url("/back", OTHER)))
    server.on("/back", redirects(server.url("/api")))
    server.on("/api", sends(b"{}"))
    page = session.new_page(server.url("/shop?id=7"))
    page.fetch("/away").get(PATIENCE_S)
    origin = server.url("")
    assert [told(seen) for seen in server.seen] == [
        {"referer": server.url("/shop?id=7"), "site": "same-origin", "mode": "cors", "dest": "empty"},
        {"origin": origin, "referer": f"{origin}/", "site": "cross-site", "mode": "cors", "dest": "empty"},
        {"origin": "null", "referer": f"{origin}/", "site": "cross-site", "mode": "cors", "dest": "empty"},
    ]


def test_the_documents_referrer_policy_holds_until_the_next_document(
    server: LoopbackServer, session: partita.Session
) -> None:
    server.on("/shop", html("", ("Referrer-Policy", "no-referrer-when-downgrade, no-referrer")))
    server.on("/open", html())
    server.on("/api", sends(b"{}"))
    page = session.new_page()
    page.load_url(server.url("/shop")).get(PATIENCE_S)
    page.fetch("/api").get(PATIENCE_S)
    page.fetch("/api", referrer_policy="origin").get(PATIENCE_S)
    page.load_url(server.url("/open")).get(PATIENCE_S)
    page.fetch("/api").get(PATIENCE_S)
    page.fetch("/api", referrer="/other").get(PATIENCE_S)
    page.fetch("/api", referrer="").get(PATIENCE_S)
    said = [told(seen).get("referer") for seen in server.seen if seen.path == "/api"]
    assert said == [None, server.url("/"), server.url("/open"), server.url("/other"), None]


def test_a_redirect_can_change_the_referrer_policy(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/away", sends(status=302, headers=[("Location", "/api"), ("Referrer-Policy", "no-referrer")]))
    server.on("/api", sends(b"{}"))
    session.new_page(server.url("/shop")).fetch("/away").get(PATIENCE_S)
    assert [told(seen).get("referer") for seen in server.seen] == [server.url("/shop"), None]


def test_what_the_caller_says_goes_before_what_the_page_would(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/api", sends(b"{}"))
    session.new_page(url).fetch(url, method="POST", headers={"Origin": "https://mine.example"}).get(PATIENCE_S)
    assert told(server.seen[0])["origin"] == "https://mine.example"


def test_cookies_go_where_the_page_may_send_them(server: LoopbackServer, session: partita.Session) -> None:
    for host in ("127.0.0.1", OTHER):
        for same_site in ("strict", "lax", "no_restriction"):
            session.cookies.set(
                url=server.url("/", host), name=same_site[:2], value="1", same_site=same_site, secure=True
            ).get(PATIENCE_S)
    server.on("/api", sends(b"{}"))
    here, there = server.url("/api"), server.url("/api", OTHER)
    page = session.new_page(server.url("/shop"))
    page.fetch(here).get(PATIENCE_S)
    page.fetch(here, credentials="omit").get(PATIENCE_S)
    page.fetch(there).get(PATIENCE_S)
    page.fetch(there, credentials="include").get(PATIENCE_S)
    page.main_frame.navigate(there).get(PATIENCE_S)
    page.load_url(there).get(PATIENCE_S)
    assert [sorted((told(seen).get("cookie") or "").split("; ")) for seen in server.seen] == [
        ["la=1", "no=1", "st=1"],
        [""],
        [""],
        ["no=1"],
        ["la=1", "no=1"],
        ["la=1", "no=1", "st=1"],
    ]


def test_a_cookie_of_a_cross_site_response_is_kept_when_credentials_were_sent(
    server: LoopbackServer, session: partita.Session
) -> None:
    setting = [("Set-Cookie", "none=1; SameSite=None; Secure"), ("Set-Cookie", "lax=1; SameSite=Lax")]
    server.on("/api", sends(b"{}", headers=setting))
    page = session.new_page(server.url("/shop"))
    page.fetch(server.url("/api", OTHER)).get(PATIENCE_S)
    assert session.cookies.get(url=server.url("/", OTHER)).get(PATIENCE_S) == []
    page.fetch(server.url("/api", OTHER), credentials="include").get(PATIENCE_S)
    kept = session.cookies.get(url=server.url("/", OTHER)).get(PATIENCE_S)
    assert [cookie.name for cookie in kept] == ["none"]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mode": "navigate"}, ValueError, "mode is one of"),
        ({"mode": "same-origin"}, ValueError, "mode is one of"),
        ({"referrer_policy": "never"}, ValueError, "referrer_policy is one of"),
        ({"resource_type": "mainFrame"}, ValueError, "load_url"),
        ({"credentials": "some"}, ValueError, "credentials is one of"),
        ({"method": "TRACE"}, ValueError, "TRACE"),
    ],
)
def test_a_wrong_option_is_refused_at_the_call(
    server: LoopbackServer, session: partita.Session, options: dict[str, str], error: type[Exception], text: str
) -> None:
    page = session.new_page(server.url("/shop"))
    with pytest.raises(error, match=text):
        page.fetch("/api", **options)  # type: ignore[arg-type]
    assert not server.seen


@pytest.mark.parametrize("url", ["/relative", "data:text/html,x", "https://", "no url", 7])
def test_a_url_that_cannot_be_loaded_is_refused_at_the_call(session: partita.Session, url: str) -> None:
    page = session.new_page()
    with pytest.raises(InvalidURL):
        page.load_url(url)
    with pytest.raises(InvalidURL):
        session.new_page(url)
    with pytest.raises(InvalidURL):
        page.fetch(url)
    assert page.get_url() == "about:blank"


# -- frames ---------------------------------------------------------------------------------------------------------------


def test_a_frame_of_another_site_is_a_third_party(server: LoopbackServer, session: partita.Session) -> None:
    for same_site in ("strict", "no_restriction"):
        session.cookies.set(
            url=server.url("/", OTHER), name=same_site[:2], value="1", same_site=same_site, secure=True
        ).get(PATIENCE_S)
    server.on("/api", sends(b"{}"))
    server.on("/ad", html())
    page = session.new_page(server.url("/shop"))
    frame = page.new_frame()
    assert (frame.url, frame.origin, frame.parent, frame.top) == (
        "about:blank",
        server.url(""),
        page.main_frame,
        page.main_frame,
    )
    frame.navigate(server.url("/ad", OTHER)).get(PATIENCE_S)
    assert (frame.url, frame.origin) == (server.url("/ad", OTHER), server.url("", OTHER))
    assert page.get_url() == server.url("/shop")
    frame.fetch("/api").get(PATIENCE_S)
    assert [told(seen) for seen in server.seen] == [
        {
            "referer": server.url("/"),
            "site": "cross-site",
            "mode": "navigate",
            "dest": "iframe",
            "user": "?1",
            "cookie": "no=1",
        },
        {
            "referer": server.url("/ad", OTHER),
            "site": "same-origin",
            "mode": "cors",
            "dest": "empty",
            "cookie": "no=1",
        },
    ]


def test_partitioned_cookies_are_those_of_the_page_around(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/set", sends(b"", headers=[("Set-Cookie", "p=1; Secure; SameSite=None; Partitioned; Path=/")]))
    server.on("/api", sends(b"{}"))
    page = session.new_page(server.url("/shop"))
    frame = page.new_frame(server.url("/ad", OTHER))
    frame.fetch("/set").get(PATIENCE_S)
    frame.fetch("/api").get(PATIENCE_S)
    session.new_page(server.url("/ad", OTHER)).fetch("/api").get(PATIENCE_S)
    assert [told(seen).get("cookie") for seen in server.seen] == [None, "p=1", None]


def test_frames_go_with_the_document_around_them(server: LoopbackServer, session: partita.Session) -> None:
    server.on("/next", html())
    page = session.new_page(server.url("/shop"))
    inner = page.new_frame("/a").new_frame("/b")
    assert inner.url == server.url("/b")
    page.load_url(server.url("/next")).get(PATIENCE_S)
    assert inner.detached
    for gone in (lambda: inner.url, lambda: inner.fetch("/x"), lambda: inner.navigate("/x"), inner.new_frame):
        with pytest.raises(UsageError, match="gone"):
            gone()


# -- the end of a page ----------------------------------------------------------------------------------------------------


def test_a_closed_page_does_nothing_more(server: LoopbackServer, session: partita.Session) -> None:
    page = session.new_page(server.url("/shop"))
    assert not page.is_destroyed()
    page.close()
    page.close()
    assert page.is_destroyed()
    assert page.get_url() == ""
    with pytest.raises(UsageError):
        page.fetch("/x")
    with pytest.raises(UsageError):
        page.load_url(server.url("/x"))
    assert not server.seen
    assert "closed" in repr(page)
    assert "detached" in repr(page.main_frame)


def test_pages_have_ids_of_their_own(session: partita.Session) -> None:
    assert len({session.new_page().id for _ in range(5)}) == 5


def test_a_page_does_not_outlive_its_process(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        page = system.from_partition("persist:shop").new_page("https://shop.example/")
        assert page.get_url() == "https://shop.example/"
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:shop")
        session.flush().get(PATIENCE_S)
        closed = [event for turn in session.log.turns(actor=f"page/{page.id}") for event in turn.events]
        assert [type(event).__name__ for event in closed] == ["PageOpened", "PageClosed"]


# -- session-created ------------------------------------------------------------------------------------------------------


def test_each_new_session_is_told_once(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        created: list[partita.Session] = []
        system.on("session-created", created.append)
        first = system.from_partition("a")
        assert system.from_partition("a") is first
        second = system.from_partition("persist:b")
        fork = first.fork("c")
        first.close()
        again = system.from_partition("a")
    assert created == [first, second, fork, again]
