"""A Ctrl-C, wherever it comes, leaves a session that goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import FrameType

import pytest
from servers.loopback import LoopbackServer, sends

import partita
from partita.session import Session

PATIENCE_S = 30

Call = Callable[[Session, str, Path], object]

CALLS: dict[str, Call] = {
    "cookies.get": lambda session, url, folder: session.cookies.get().get(),
    "cookies.set": lambda session, url, folder: session.cookies.set(url=url, name="basket", value="apples").get(),
    "set_user_agent": lambda session, url, folder: session.set_user_agent("tester/1"),
    "fetch": lambda session, url, folder: session.fetch(url).get(),
    "download_url": lambda session, url, folder: session.download_url(url, directory=folder).get().finished().get(),
    "log.turns": lambda session, url, folder: list(session.log.turns()),
}


class CtrlC:
    """Once, at the n-th place where CPython looks for signals: where a function begins, where a built-in one has returned."""

    def __init__(self, place: int) -> None:
        self.left = place

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return"):
            self.left -= 1
            if not self.left:
                sys.setprofile(None)
                raise KeyboardInterrupt

    @property
    def came(self) -> bool:
        return self.left <= 0

    def during(self, call: Callable[[], object]) -> None:
        try:
            sys.setprofile(self)
            call()
        finally:
            sys.setprofile(None)


pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # CPython swallows one in a generator that it throws away
)


@pytest.fixture(autouse=True)
def main_thread() -> None:
    assert threading.current_thread() is threading.main_thread(), "no other thread hears of signals"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("partition", ["persist:work", "scratch"])
def test_a_session_goes_on_after_a_ctrl_c_anywhere(
    system: partita.System, server: LoopbackServer, tmp_path: Path, partition: str, name: str
) -> None:
    session, url = system.from_partition(partition), server.on("/file.bin", sends(b"content"))
    swallowed = 0
    for place in count(1):
        ctrl_c = CtrlC(place)
        try:
            ctrl_c.during(lambda: CALLS[name](session, url, tmp_path / "files"))
        except KeyboardInterrupt:
            pass
        else:
            swallowed += ctrl_c.came
        if not ctrl_c.came:
            break
        session.cookies.get().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
    assert place > 10
    assert swallowed <= 2, "in generators"


@pytest.mark.parametrize("name", ["cookies.set", "log.turns"])
@pytest.mark.parametrize("partition", ["persist:work", "scratch"])
def test_a_system_is_closed_by_a_ctrl_c_that_leaves_it(
    tmp_path: Path, server: LoopbackServer, partition: str, name: str
) -> None:
    """While the exception still holds what was broken off."""
    url = server.on("/file.bin", sends(b"content"))
    for place in count(1, 3):
        ctrl_c = CtrlC(place)
        with suppress(KeyboardInterrupt), partita.System(data_dir=tmp_path / str(place)) as system:
            session = system.from_partition(partition)
            ctrl_c.during(lambda: CALLS[name](session, url, tmp_path))  # noqa: B023
        if not ctrl_c.came:
            break
    assert place > 10
