"""A session is closed while its downloads are under way: what is left on the disk is what somebody can use."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from servers.loopback import PATIENCE_S, LoopbackServer, ServedFile

import partita
from partita.errors import PartitaError

MIB = 1 << 20
CONTENT = bytes(range(256)) * (4 * MIB // 256)


def coming(session: partita.Session, file: ServedFile, server: LoopbackServer, folder: Path) -> partita.DownloadItem:
    session.set_download_path(str(folder))
    item = session.download_url(server.on("/film.bin", file)).get(PATIENCE_S)
    assert file.held.wait(PATIENCE_S)
    return item


@pytest.mark.parametrize("name", ["persist:work", "work"])
def test_what_is_cancelled_at_the_last_moment_leaves_nothing(server: LoopbackServer, tmp_path: Path, name: str) -> None:
    file = ServedFile(CONTENT, hold_at=2 * MIB)
    with partita.System(data_dir=tmp_path / "data") as system:
        coming(system.from_partition(name), file, server, tmp_path / "files").cancel()
    file.go_on.set()
    assert list((tmp_path / "files").iterdir()) == []


def test_what_nobody_can_go_on_with_leaves_nothing(server: LoopbackServer, tmp_path: Path) -> None:
    """A partition in memory is gone with its process: so is what has come of its downloads, whether they run or not."""
    file, cut = ServedFile(CONTENT, hold_at=2 * MIB), ServedFile(CONTENT, hang_up_at=[MIB])
    with partita.System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("memory")
        coming(session, file, server, tmp_path / "files")
        interrupted = session.download_url(server.on("/cut.bin", cut)).get(PATIENCE_S)
        assert interrupted.stopped().get(PATIENCE_S) == "interrupted"
        kept = session.download_url(server.on("/kept.bin", ServedFile(CONTENT))).get(PATIENCE_S)
        assert kept.finished().get(PATIENCE_S) == "completed"
    file.go_on.set()
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["kept.bin"]


def test_what_was_asked_for_just_before_the_closing_leaves_nothing(server: LoopbackServer, tmp_path: Path) -> None:
    file, go_on = ServedFile(CONTENT, hold_at=2 * MIB), threading.Event()
    system = partita.System(data_dir=tmp_path / "data")
    session = system.from_partition("memory")
    session.set_download_path(str(tmp_path))
    partition = session._partition
    partition.kernel.call_soon(lambda: go_on.wait(PATIENCE_S))  # meanwhile, no turn is taken
    begun = session.download_url(server.on("/film.bin", file))
    closing = threading.Thread(target=system.close)
    closing.start()
    while not partition.closed:
        closing.join(0.001)
    go_on.set()
    closing.join(PATIENCE_S)
    file.go_on.set()
    assert isinstance(begun.failure(), PartitaError)
    assert [item.get_state() for item in session.downloads()] == ["cancelled"]
    assert list(tmp_path.glob("film*")) == []


def test_what_can_be_gone_on_with_stays(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=2 * MIB)
    with partita.System(data_dir=tmp_path / "data") as system:
        coming(system.from_partition("persist:work"), file, server, tmp_path / "files")
    file.go_on.set()
    with partita.System(data_dir=tmp_path / "data") as system:
        (item,) = system.from_partition("persist:work").downloads()
        assert item.last_reason == "USER_SHUTDOWN"
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
    assert (tmp_path / "files" / "film.bin").read_bytes() == CONTENT


def test_a_fork_in_memory_leaves_the_files_of_the_partition_that_it_came_from(
    server: LoopbackServer, tmp_path: Path
) -> None:
    cut = ServedFile(CONTENT, hang_up_at=[3 * MIB])
    with partita.System(data_dir=tmp_path / "data") as system:
        session = system.from_partition("persist:work")
        session.set_download_path(str(tmp_path / "files"))
        item = session.download_url(server.on("/cut.bin", cut)).get(PATIENCE_S)
        assert item.stopped().get(PATIENCE_S) == "interrupted"
        fork = session.fork("branch")
        assert [one.get_state() for one in fork.downloads()] == ["interrupted"]
        fork.close()
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
    assert "range" in {name.lower() for name, _ in server.seen[1].headers}
