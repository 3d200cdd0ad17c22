from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.seeing import Witness
from servers.streams import StreamServer

import partita


@pytest.fixture
def server() -> Iterator[StreamServer]:
    with StreamServer() as running:
        yield running


@pytest.fixture
def base(server: StreamServer) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path / "data") as system:
        yield system.from_partition("persist:client")


@pytest.fixture
def witness(session: partita.Session) -> Witness:
    return Witness(session)
