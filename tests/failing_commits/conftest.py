"""A session on a disk whose commits fail when they are told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from durability.faulty_disk import FaultyDisk, partitions_in_memory_on
from servers.loopback import LoopbackServer

from partita.session import Session
from partita.system import System


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def session(tmp_path: Path, disk: FaultyDisk) -> Iterator[Session]:
    with System(data_dir=tmp_path, snapshot_every_turns=40) as system:
        with partitions_in_memory_on(disk):
            opened = system.from_partition("faulty")
        opened.set_download_path(str(tmp_path / "downloads"))
        opened.flush().get(30)
        yield opened


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running
