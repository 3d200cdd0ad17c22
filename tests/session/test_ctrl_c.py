"""A Ctrl-C, wherever it comes, leaves a session that goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
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


def interrupted(call: Callable[[], object], place: int) -> bool:
    """Whether the call was long enough to be interrupted there."""
    ctrl_c = CtrlC(place)
    try:
        sys.setprofile(ctrl_c)
        call()
    except KeyboardInterrupt:
        assert ctrl_c.came
    finally:
        sys.setprofile(None)
    return ctrl_c.came


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # one in a generator that is thrown away
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("partition", ["persist:work", "scratch"])
def test_a_session_goes_on_after_a_ctrl_c_anywhere(
    system: partita.System, server: LoopbackServer, tmp_path: Path, partition: str, name: str
) -> None:
    assert threading.current_thread() is threading.main_thread(), "no other thread hears of signals"
    session, url = system.from_partition(partition), server.on("/file.bin", sends(b"content"))
    files = tmp_path / "files"
    for place in count(1):
        if not interrupted(lambda: CALLS[name](session, url, files), place):
            break
        session.cookies.get().get(PATIENCE_S)
        session.flush().get(PATIENCE_S)
    assert place > 10
