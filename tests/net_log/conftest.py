from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer

import partita
from partita.session import Session

PATIENCE_S = 60.0


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as listening:
        yield listening


@pytest.fixture
def system(tmp_path: Path) -> Iterator[partita.System]:
    with partita.System(data_dir=tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def session(system: partita.System) -> Session:
    return system.from_partition("persist:work")
