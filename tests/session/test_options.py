from __future__ import annotations

from pathlib import Path

import pytest

import partita
from partita.events.cookies import SessionCookiesPersisted


def test_an_option_that_there_is_not_or_that_is_no_such_thing_is_refused(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        for options, error, text in (
            ({"cash": True}, TypeError, "no option 'cash'"),
            ({"cache": 1}, TypeError, "cache is a bool, not 1"),
            ({"max_cache_size": "1G"}, TypeError, "a number of bytes, not '1G'"),
            ({"max_cache_size": 0}, ValueError, "above 0"),
        ):
            with pytest.raises(error, match=text):
                system.from_partition("persist:a", **options)
        assert not (tmp_path / "Partitions").exists()


def test_session_cookies_outlive_the_process_when_that_is_wanted(tmp_path: Path) -> None:
    def cookies(persist: bool, *, sets: bool = False) -> list[str]:
        with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:a", persist_session_cookies=persist)
            if sets:
                session.cookies.set(url="https://a.test/", name="sid", value="1").get()
            return [cookie.name for cookie in session.cookies.get().get()]

    assert cookies(True, sets=True) == ["sid"]
    assert cookies(True) == ["sid"]
    assert cookies(False) == []
    assert cookies(True) == []


def test_options_that_change_nothing_leave_no_turn(tmp_path: Path) -> None:
    for _ in range(2):
        with partita.System(data_dir=tmp_path) as system:
            session = system.from_partition("persist:a", persist_session_cookies=True, max_cache_size=1 << 20)
            session.flush().get()
            turns = [event for turn in session.log.turns() for event in turn.events]
    assert sum(isinstance(event, SessionCookiesPersisted) for event in turns) == 1


def test_options_count_when_a_session_is_opened_and_not_when_it_is_open(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:a", cache=False)
        assert system.from_partition("persist:a", cache=True) is session
        session.flush().get()
        assert session.log.position == 2  # the opening, and the option
