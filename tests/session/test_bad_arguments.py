"""A wrong argument is refused at the call, by its name, and changes nothing: above all it never reaches the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import partita

URL = "https://a.example/"

WRONG: dict[str, Callable[[Any], object]] = {
    "secure": lambda s: s.cookies.set(url=URL, name="n", value="v", secure="yes"),
    "http_only": lambda s: s.cookies.set(url=URL, name="n", value="v", http_only=None),
    "expiration_date": lambda s: s.cookies.set(url=URL, name="n", value="v", expiration_date="tomorrow"),
    "same_site": lambda s: s.cookies.set(url=URL, name="n", value="v", same_site=[]),
    "url": lambda s: s.cookies.remove(5, "n"),
    "name": lambda s: s.cookies.get(name=5),
    "path": lambda s: s.set_download_path(b"/bytes"),
    "user_agent": lambda s: s.set_user_agent(7),
}

UNWRITABLE: dict[str, Callable[[Any], object]] = {
    "name": lambda s: s.cookies.set(url=URL, name="\ud800", value="v"),
    "value": lambda s: s.cookies.set(url=URL, name="n", value="\ud800"),
    "nan": lambda s: s.cookies.set(url=URL, name="n", value="v", expiration_date=float("nan")),
    "huge": lambda s: s.cookies.set(url=URL, name="n", value="v", expiration_date=10**30),
    "path": lambda s: s.set_download_path("/tmp/\udcff"),
}


@pytest.mark.parametrize("field", WRONG)
def test_an_argument_of_the_wrong_type_is_a_type_error_that_names_it(tmp_path: Path, field: str) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:a")
        session.flush().get()
        before = session.log.position
        with pytest.raises(TypeError, match=field):
            WRONG[field](session)
        session.flush().get()
        assert session.log.position == before
    with partita.System(data_dir=tmp_path) as system:
        assert system.from_partition("persist:a").cookies.get().get() == []


@pytest.mark.parametrize("case", UNWRITABLE)
def test_an_argument_that_no_log_can_hold_is_refused(tmp_path: Path, case: str) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("persist:a")
        session.flush().get()
        before = session.log.position
        with pytest.raises((ValueError, TypeError)):
            UNWRITABLE[case](session)
        session.flush().get()
        assert session.log.position == before


def test_a_date_as_an_integer_will_do(tmp_path: Path) -> None:
    with partita.System(data_dir=tmp_path) as system:
        session = system.from_partition("a")
        session.cookies.set(url=URL, name="n", value="v", expiration_date=4_000_000_000).get()
        assert len(session.cookies.get().get()) == 1
