"""Session cookies end with their process, or are kept (FEATURES C29, WANTS 1)."""

from __future__ import annotations

from cookies.jar import SECOND, Jar, causes

from partita.events.cookies import PersistSessionCookies, SessionCookiesEnded, SessionCookiesKept
from partita.events.system import Recover

URL = "https://shop.example/"


def begin_process(jar: Jar) -> list[str]:
    """Another process opens the partition: what happened to the jar."""
    jar.now_us += SECOND
    return [type(event).__name__ for event in jar.tell(Recover(1)).events]


def jar_with(*lines: str) -> Jar:
    jar = Jar()
    jar.receive(URL, *lines)
    return jar


def test_session_cookies_end_with_the_process() -> None:
    jar = jar_with("session=1", "kept=2; Max-Age=600")
    assert begin_process(jar) == ["SessionCookiesEnded"]
    assert jar.names() == ["kept"]
    assert begin_process(jar) == []


def test_with_the_option_they_are_kept() -> None:
    jar = jar_with("session=1")
    jar.tell(PersistSessionCookies(True))
    assert begin_process(jar) == ["SessionCookiesKept"]
    assert begin_process(jar) == []
    assert jar.names() == ["session"]


def test_turning_it_off_ends_those_of_earlier_processes_and_no_others() -> None:
    jar = jar_with("earlier=1", "again=2", "changed=3")
    jar.tell(PersistSessionCookies(True))
    begin_process(jar)
    jar.receive(URL, "this=4", "again=2", "changed=5", "kept=6; Max-Age=60")
    kept_until_us = jar.state.kept_until_us
    decision = jar.tell(PersistSessionCookies(False))
    assert decision.events[-1] == SessionCookiesEnded(kept_until_us)
    assert causes(decision.events) == []
    assert sorted(jar.names()) == ["again", "changed", "kept", "this"]
    assert begin_process(jar) == ["SessionCookiesEnded"]
    assert jar.names() == ["kept"]


def test_turning_it_off_in_the_process_that_turned_it_on_ends_nothing() -> None:
    jar = jar_with("session=1")
    jar.tell(PersistSessionCookies(True))
    assert len(jar.tell(PersistSessionCookies(False)).events) == 1
    assert jar.names() == ["session"]


def test_saying_it_twice_changes_nothing() -> None:
    jar = Jar()
    assert not jar.tell(PersistSessionCookies(False)).events
    jar.tell(PersistSessionCookies(True))
    assert not jar.tell(PersistSessionCookies(True)).events


def test_a_cookie_that_was_given_an_older_creation_date_is_of_the_process_that_set_it() -> None:
    jar = jar_with("session=1")
    jar.tell(PersistSessionCookies(True))
    begin_process(jar)
    jar.set(URL, "old", "v", creation_date=1.0)
    jar.tell(PersistSessionCookies(False))
    assert jar.names() == ["old"]


def test_the_mark_moves_with_each_process_that_has_set_some() -> None:
    jar = jar_with("first=1")
    jar.tell(PersistSessionCookies(True))
    begin_process(jar)
    jar.receive(URL, "second=2")
    jar.events.clear()
    begin_process(jar)
    assert jar.events == [SessionCookiesKept(jar.state.newest_us)]
    jar.tell(PersistSessionCookies(False))
    assert jar.state.count == 0
