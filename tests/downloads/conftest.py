from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer

import partita


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def system(tmp_path: Path) -> Iterator[partita.System]:
    with partita.System(data_dir=tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def session(system: partita.System, tmp_path: Path) -> partita.Session:
    opened = system.from_partition("persist:work")
    opened.set_download_path(str(tmp_path / "files"))
    return opened
