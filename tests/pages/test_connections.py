"""Connections ahead of requests, and the event ``preconnect`` (FEATURES E7, F10, F11)."""

from __future__ import annotations

import gzip
import threading

import pytest
from servers.loopback import LoopbackServer, Reply, Seen, sends

import partita
from partita.connections import Preconnect
from partita.errors import NetError, SystemClosed

PATIENCE_S = 30.0
HTML = ("Content-Type", "text/html")


class Asked:
    """The events ``preconnect`` of a session, in order."""

    def __init__(self, session: partita.Session) -> None:
        self.events: list[Preconnect] = []
        self._told = threading.Condition()
        session.on("preconnect", self._take)

    def _take(self, event: Preconnect) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()

    def wait_for(self, count: int) -> list[Preconnect]:
        with self._told:
            assert self._told.wait_for(lambda: len(self.events) >= count, PATIENCE_S), self.events
            return self.events


def wait_for_connections(server: LoopbackServer, count: int) -> None:
    """The server has accepted so many, and nobody has asked for anything yet."""
    server.wait_for_connections(count)
    assert not server.seen


# -- preconnect -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [None, "", " ", "no url", "http://", "https://a b/", 7])
def test_preconnect_needs_a_url(session: partita.Session, url: str) -> None:
    with pytest.raises(TypeError, match=r"^Must pass non-empty valid url to session\.preconnect\.$"):
        session.preconnect(url=url)


@pytest.mark.parametrize("sockets", [0, 7, -1, 1.5, "2", True, None])
def test_preconnect_opens_one_to_six_sockets(session: partita.Session, sockets: int) -> None:
    with pytest.raises(TypeError, match=r"^numSocketsToPreconnect is outside range \[1,6\]$"):
        session.preconnect(url="https://a.example", num_sockets=sockets)


def test_sockets_that_were_opened_ahead_are_used(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b"x"))
    session.preconnect(url=f"{url}?only#the-origin-counts", num_sockets=2)
    wait_for_connections(server, 2)
    session.fetch(url).get(PATIENCE_S)
    assert server.connections == 2


def test_a_preconnect_to_nobody_is_nobodys_business(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b"x"))
    session.preconnect(url="http://127.0.0.1:1/")
    session.preconnect(url="file:///etc")
    assert session.fetch(url).get(PATIENCE_S).text == "x"


def test_a_preconnect_of_the_program_is_no_event(server: LoopbackServer, session: partita.Session) -> None:
    page = session.new_page()
    asked = Asked(session)
    session.preconnect(url=server.url("/"))
    url = server.on("/", sends(b"<link rel=preconnect href=http://127.0.0.1:1/>", headers=[HTML]))
    page.load_url(url).get(PATIENCE_S)
    assert [event.preconnect_url for event in asked.wait_for(1)] == ["http://127.0.0.1:1/"]


def test_preconnect_leaves_no_turn(server: LoopbackServer, session: partita.Session) -> None:
    session.preconnect(url=server.url("/"))
    wait_for_connections(server, 1)
    assert [type(turn.message).__name__ for turn in session.log.turns()] == ["Recover"]


# -- what documents hint at ---------------------------------------------------------------------------------------------------


def test_a_loaded_document_hints_by_its_link_field_and_its_elements(
    server: LoopbackServer, session: partita.Session
) -> None:
    with LoopbackServer() as cdn:
        body = f"<base href='{cdn.url('/')}'><link rel=preconnect href=img crossorigin><p>{'x' * 100_000}</p>"
        link = '<http://127.0.0.1:1/a>; rel="preconnect"; crossorigin=use-credentials, <http://127.0.0.1:2/>; rel=dns-prefetch'
        headers = [HTML, ("Link", link), ("Content-Encoding", "gzip")]
        url = server.on("/", sends(gzip.compress(body.encode()), headers=headers))
        asked = Asked(session)
        assert session.new_page().load_url(url).get(PATIENCE_S).text == body
        assert asked.wait_for(2) == [
            Preconnect("http://127.0.0.1:1/", allow_credentials=True),
            Preconnect(cdn.url("/"), allow_credentials=False),
        ]
        wait_for_connections(cdn, 1)


def test_a_document_hints_before_it_has_come_whole(server: LoopbackServer, session: partita.Session) -> None:
    asked = Asked(session)
    hinted = threading.Event()

    def slow(seen: Seen, reply: Reply) -> None:
        head = b"<link rel=preconnect href=http://127.0.0.1:1/>" + b" " * 8192
        reply.head(200, [HTML, ("Content-Length", str(len(head) + 3))])
        reply.write(head)
        asked.wait_for(1)
        hinted.set()
        reply.write(b"end")

    server.on("/", slow)
    session.new_page().load_url(server.url("/")).get(PATIENCE_S)
    assert hinted.is_set()


def test_what_no_page_has_loaded_hints_at_nothing(server: LoopbackServer, session: partita.Session) -> None:
    asked = Asked(session)
    body = b"<link rel=preconnect href=http://127.0.0.1:1/>"
    server.on("/doc", sends(body, headers=[HTML]))
    server.on("/page", sends(b"<link rel=preconnect href=http://127.0.0.1:2/>", headers=[HTML]))
    page = session.new_page(server.url("/page"))
    session.fetch(server.url("/doc")).get(PATIENCE_S)
    page.fetch("/doc").get(PATIENCE_S)
    page.new_frame().navigate("/page").get(PATIENCE_S)
    assert [event.preconnect_url for event in asked.wait_for(1)] == ["http://127.0.0.1:2/"]


# -- close_all_connections ----------------------------------------------------------------------------------------------------


def test_closing_all_connections_fails_what_is_under_way(server: LoopbackServer, session: partita.Session) -> None:
    go_on = threading.Event()

    def slow(seen: Seen, reply: Reply) -> None:
        assert go_on.wait(PATIENCE_S)
        reply.send(b"late")

    server.on("/slow", slow)
    url = server.on("/x", sends(b"x"))
    waiting = session.fetch(server.url("/slow"))
    server.wait_for(1)
    assert session.close_all_connections().get(PATIENCE_S) is None
    with pytest.raises(NetError, match="ERR_ABORTED"):
        waiting.get(PATIENCE_S)
    go_on.set()
    assert session.fetch(url).get(PATIENCE_S).text == "x"


def test_requests_that_were_begun_just_before_are_under_way(server: LoopbackServer, session: partita.Session) -> None:
    go_on = threading.Event()
    url = server.on("/silent", lambda seen, reply: go_on.wait(PATIENCE_S))
    waiting = [session.fetch(url) for _ in range(60)]
    session.close_all_connections().get(PATIENCE_S)
    for each in waiting:
        with pytest.raises(NetError, match="ERR_ABORTED"):
            each.get(PATIENCE_S)
    go_on.set()


def test_idle_connections_are_closed_as_well(server: LoopbackServer, session: partita.Session) -> None:
    url = server.on("/x", sends(b"x"))
    session.fetch(url).get(PATIENCE_S)
    session.fetch(url).get(PATIENCE_S)
    assert server.connections == 1
    session.close_all_connections().get(PATIENCE_S)
    session.fetch(url).get(PATIENCE_S)
    assert server.connections == 2


def test_one_sessions_connections_are_not_another_ones(
    server: LoopbackServer, system: partita.System, session: partita.Session
) -> None:
    url = server.on("/x", sends(b"x"))
    session.fetch(url).get(PATIENCE_S)
    system.from_partition("other").close_all_connections().get(PATIENCE_S)
    session.fetch(url).get(PATIENCE_S)
    assert server.connections == 1


def test_a_closed_session_has_no_connections(session: partita.Session) -> None:
    session.close()
    with pytest.raises(SystemClosed):
        session.close_all_connections().get(PATIENCE_S)
    with pytest.raises(SystemClosed):
        session.preconnect(url="http://127.0.0.1:1/")
