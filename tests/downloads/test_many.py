"""A thousand downloads at once: all come, in their turn, in little memory and a short log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen
from servers.virtual import Bench, run

import partita
from partita.events.downloads import DownloadCompleted, DownloadProgressed, FetchDownload
from partita.simulations.internet import Entity, serve
from partita.store.codec import Codec

COUNT = 1_000
AT_ONCE = 32
SIZE_BYTES = 10_000
SLOW_BYTES = 65_536
SLOW_S = 10.0


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


def test_the_log_grows_by_two_kib_a_download_and_second_at_most() -> None:
    """A thousand slow ones, in virtual time, all that the log holds of them counted in."""
    body = bytes(SLOW_BYTES)
    codec = Codec(seal=lambda secret: secret.reveal_text().encode(), unseal=bytes.decode)

    async def program(bench: Bench) -> tuple[int, float]:
        with bench.system() as system:
            session = system.from_partition("many")
            session.set_download_path("/files")
            session.limit_downloads(concurrent=AT_ONCE, per_host=AT_ONCE)
            begun = [session.download_url(f"https://slow.test/{number}.bin") for number in range(COUNT)]
            for future in begun:
                assert await (await future).finished() == "completed"
            turns = list(session.log.turns())
        begun_us: dict[str, int] = {}
        active_us = 0
        for turn in turns:
            if any(isinstance(effect, FetchDownload) for effect in turn.effects):
                begun_us[turn.actor] = turn.time
            if any(isinstance(event, DownloadCompleted) for event in turn.events):
                active_us += turn.time - begun_us[turn.actor]
        assert len(begun_us) == COUNT
        return sum(len(codec.encode(turn)) for turn in turns), active_us / 1e6

    hosts = {"slow.test": lambda request: serve(request, Entity(body, e_tag='"v1"'))}
    settings = {"network.bandwidth": SLOW_BYTES / SLOW_S, "network.chunk_bytes": SLOW_BYTES / 64}
    log_bytes, active_s = run("kernel", program, hosts=hosts, settings=settings)
    assert active_s >= COUNT * SLOW_S, "they are as slow as that"
    assert log_bytes <= active_s * 2048, f"{log_bytes / active_s:.0f} bytes a download and second"
