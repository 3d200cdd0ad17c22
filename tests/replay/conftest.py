from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, redirects, sends

import partita

URL = "https://shop.example/"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[partita.System]:
    with partita.System(data_dir=tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def session(system: partita.System) -> partita.Session:
    """A session with a little history: turns 2 to 7."""
    opened = system.from_partition("persist:history")
    for name in ("a", "b", "c"):
        opened.cookies.set(url=URL, name=name, value=f"{name}1", expiration_date=4e9).get()
    opened.set_user_agent("shop/1.0")
    opened.cookies.set(url=URL, name="a", value="a2", expiration_date=4e9).get()
    opened.cookies.remove(URL, "b").get()
    return opened


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """Its ``/login`` sets a cookie and leads to ``/home``."""
    with LoopbackServer() as running:
        running.on("/login", redirects("/home", cookies=("sid=1; Max-Age=600",)))
        running.on("/home", sends(b"home"))
        yield running
