"""A thousand downloads at once: all come, in their turn, in little memory and a short log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen

import partita
from partita.events.downloads import DownloadProgressed

COUNT = 1_000
AT_ONCE = 32
SIZE_BYTES = 10_000


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells so simply")
def test_a_thousand_downloads_are_queued_and_all_come(server: LoopbackServer, tmp_path: Path) -> None:
    def serve(seen: Seen, reply: Reply) -> None:
        reply.send(b"x" * SIZE_BYTES)

    urls = [server.on(f"/{number}.bin", serve) for number in range(COUNT)]
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:many")
        session.set_download_path(str(tmp_path / "files"))
        session.limit_downloads(concurrent=AT_ONCE, per_host=AT_ONCE)
        most_running = 0
        idle_bytes = resident_bytes()

        def count(event: partita.WillDownload) -> None:
            nonlocal most_running
            most_running = max(most_running, len(session._state.downloads.running))

        session.on("will-download", count)
        begun = [session.download_url(url) for url in urls]
        items = [future.get(PATIENCE_S) for future in begun]
        assert {item.finished().get(PATIENCE_S) for item in items} == {"completed"}
        assert resident_bytes() - idle_bytes <= 64 << 20
        assert 1 < most_running <= AT_ONCE
        turns = [turn for turn in session.log.turns() if any(isinstance(e, DownloadProgressed) for e in turn.events)]
        assert len(turns) <= COUNT, "a small file has no checkpoint but its end"
    files = list((tmp_path / "files").iterdir())
    assert len(files) == COUNT
    assert all(path.stat().st_size == SIZE_BYTES for path in files)
