from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer

import partita


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as listening:
        yield listening


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path / "data") as system:
        yield system.from_partition("persist:jar")
