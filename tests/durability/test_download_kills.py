"""SIGKILL in the middle of downloads, again and again: the file is whole in the end, and next to nothing is fetched twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from durability.children import PATIENCE_S, Child
from durability.download_kills import run_fills, run_kills
from durability.mounts import needs_mounts
from servers.loopback import LoopbackServer, ServedFile
from servers.nginx import needs_nginx

from partita.events.downloads import FilesDiscarded
from partita.session import Session
from partita.store.names import folder_name
from partita.store.partition import PartitionStore
from partita.system import System


@needs_nginx
def test_ten_kills_of_three_downloads_leave_whole_files(tmp_path: Path) -> None:
    tally = run_kills(tmp_path, kills=10, downloads=3, size_bytes=24 << 20, rate="20m")
    assert tally.kills == 10
    assert any(tally.unreported), "no kill came between two checkpoints"


@needs_nginx
def test_five_kills_of_two_downloads_over_four_connections_leave_whole_files(tmp_path: Path) -> None:
    tally = run_kills(tmp_path, kills=5, downloads=2, size_bytes=24 << 20, rate="3m", segments=4)
    assert tally.kills == 5


@needs_nginx
@needs_mounts
def test_a_disk_that_runs_full_six_times_leaves_whole_files(tmp_path: Path) -> None:
    tally = run_fills(tmp_path, fills=6, downloads=2, size_bytes=24 << 20, rate="3m")
    assert tally.kills == 6, "a fill met no download"


@needs_nginx
@needs_mounts
def test_a_disk_that_runs_full_harms_nobody_who_has_his_room(tmp_path: Path) -> None:
    tally = run_fills(tmp_path, fills=2, downloads=2, size_bytes=24 << 20, rate="20m", reserves=True)
    assert tally.kills == 0


def wait_for_effects(session: Session) -> None:
    """Until the log says of all that is in flight what came of it."""
    partition = session._partition
    settled = threading.Event()

    def look(position: int) -> None:
        if not any(actor.pending for actor in list(partition.actors.values())):
            settled.set()

    partition.subscribe(look)
    look(partition.position)
    assert settled.wait(PATIENCE_S)


def test_what_was_cancelled_is_deleted_by_the_next_process_if_the_kill_came_before(tmp_path: Path) -> None:
    served = ServedFile(bytes(4 << 20), hold_at=1 << 20)
    with LoopbackServer() as server:
        url = server.on("/large.bin", served)
        with Child("cancelling.py", tmp_path / "data", "persist:downloads", tmp_path / "files", url) as child:
            assert child.line() == f"deleting {tmp_path / 'files' / 'large.bin.part'}"
            child.kill()
        served.go_on.set()
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["large.bin", "large.bin.part"]
    with System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:downloads")
        (item,) = session.downloads()
        assert item.get_state() == "cancelled"
        wait_for_effects(session)
    assert list((tmp_path / "files").iterdir()) == []
    with PartitionStore.read(tmp_path / "data" / "Partitions" / folder_name("downloads")) as store:
        assert isinstance(list(store.turns(1))[-1].message, FilesDiscarded), "a third process has nothing to do"


@pytest.mark.slow
@needs_nginx
def test_three_hundred_kills_of_thirty_downloads_leave_whole_files(tmp_path: Path) -> None:
    assert run_kills(tmp_path, kills=300, downloads=30, size_bytes=256 << 20, rate="20m").kills == 300
