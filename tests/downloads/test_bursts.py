"""Large bodies that flow fast: a thread takes them from the connection to the file, and the loop still has its say."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from downloads.receiving import MIB, NAME, Downloads, sha256, with_downloads
from servers.loopback import PATIENCE_S, LoopbackServer, ServedFile, sends

import partita
from partita.actors.downloads import carriers
from partita.actors.downloads.part_file import CHECKPOINT_BYTES
from partita.actors.live_world import disk, filling
from partita.actors.live_world.files import DiskFiles
from partita.actors.network.transport import bursts
from partita.events.download_options import DownloadLimits, DownloadOptions
from partita.events.download_queue import LimitDownloads
from partita.events.downloads import AwaitDownload, CancelDownload, DownloadProgressed, PauseDownload, ResumeDownload

CONTENT = os.urandom(18 * MIB + 1)


class Watch:
    """Looks at each piece that a burst receives. ``came``: how much, one by one. ``at``: called in the thread, in front of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.came: list[int] = []
        self.at: Callable[[], None] = lambda: None
        receive = bursts.SocketSource.receive_into

        def receive_into(source: bursts.SocketSource, buffer: memoryview) -> int:
            self.at()
            self.came.append(receive(source, buffer))
            return self.came[-1]

        monkeypatch.setattr(bursts.SocketSource, "receive_into", receive_into)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Bursts begin after any chunk, and none ends before its time because the server is slow."""
    monkeypatch.setattr(carriers, "BURST_FROM_BYTES", 1)
    monkeypatch.setattr(bursts, "DRY_MS", PATIENCE_S * 1000)
    return Watch(monkeypatch)


class Standing:
    """The burst's thread stands still after so many pieces."""

    def __init__(self, watch: Watch, pieces: int) -> None:
        self.stands = threading.Event()
        self.may_go_on = threading.Event()

        def at() -> None:
            if len(watch.came) == pieces:
                self.stands.set()
                assert self.may_go_on.wait(PATIENCE_S)

        watch.at = at

    async def wait(self) -> None:
        assert await trio.to_thread.run_sync(self.stands.wait, PATIENCE_S)


@pytest.fixture
def standing(watch: Watch) -> Iterator[Standing]:
    stands = Standing(watch, pieces=2)
    yield stands
    stands.may_go_on.set()


def progress(downloads: Downloads, download: str) -> list[int]:
    events = downloads.partition.events(f"download/{download}")
    return [event.received_bytes for event in events if isinstance(event, DownloadProgressed)]


async def no_thread_works(downloads: Downloads) -> None:
    files = downloads.partition.world.files
    assert isinstance(files, DiskFiles)
    with trio.fail_after(PATIENCE_S):
        while files.under_way:
            await trio.lowlevel.checkpoint()


def descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))


# -- what comes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 5 * MIB - 1, 6 * MIB, 6 * MIB + 1, len(CONTENT)]
)
def test_the_file_is_the_body_and_a_checkpoint_never_more_than_its_bytes(
    size: int, watch: Watch, server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT[:size])
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "completed")
        assert downloads.state(download).received_bytes == size
        told = progress(downloads, download)
        assert told == list(range(CHECKPOINT_BYTES, size + 1, CHECKPOINT_BYTES))

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert sum(watch.came) > size - MIB


def test_a_burst_has_its_time_and_then_the_loop_has_a_say(
    watch: Watch, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BURST_S", 0.0)
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "completed")
        assert progress(downloads, download) == list(range(CHECKPOINT_BYTES, len(CONTENT) + 1, CHECKPOINT_BYTES))

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_a_slow_server_is_waited_for_by_the_loop(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "BURST_FROM_BYTES", 1)
    watch = Watch(monkeypatch)
    file = ServedFile(CONTENT, hold_at=6 * MIB)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.partition.until(lambda: downloads.state(download).received_bytes >= 3 * MIB)
        assert await trio.to_thread.run_sync(file.held.wait, PATIENCE_S)
        await no_thread_works(downloads)
        file.go_on.set()
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert 0 in watch.came


def test_the_connection_is_used_by_the_next_download(watch: Watch, server: LoopbackServer, tmp_path: Path) -> None:
    urls = [server.on(f"/{number}.bin", ServedFile(CONTENT[number:])) for number in range(3)]

    async def work(downloads: Downloads) -> None:
        for url in urls:
            await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    assert server.connections == 1
    assert all((tmp_path / f"{number}.bin").read_bytes() == CONTENT[number:] for number in range(3))


# -- what comes by chunks -----------------------------------------------------------------------------------------------


def test_a_rate_is_kept_by_chunks(watch: Watch, server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/data.bin", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        await downloads.until(await downloads.begin(url, options=DownloadOptions(rate_bytes_s=1 << 40)), "completed")
        await downloads.partition.ask("session", LimitDownloads(DownloadLimits(rate_bytes_s=1 << 40)))
        await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    assert watch.came == []


def test_what_is_decoded_comes_by_chunks(watch: Watch, server: LoopbackServer, tmp_path: Path) -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/octet-stream")]
    url = server.on("/data.bin", sends(gzip.compress(CONTENT, 1), headers=headers))

    async def work(downloads: Downloads) -> None:
        await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert watch.came == []


# -- what comes in between ----------------------------------------------------------------------------------------------


def test_a_pause_takes_effect_when_the_burst_ends(
    watch: Watch, standing: Standing, server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await standing.wait()
        told = downloads.state(download).received_bytes
        await downloads.say(download, PauseDownload())
        standing.may_go_on.set()
        await downloads.partition.until(lambda: AwaitDownload("running") in downloads.said(download))
        received_bytes = downloads.state(download).received_bytes
        assert received_bytes <= told + 2 * CHECKPOINT_BYTES < len(CONTENT)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert downloads.state(download).received_bytes == received_bytes
        await downloads.say(download, ResumeDownload())
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert len(server.seen) == 1
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_cancelling_ends_a_burst_before_anything_is_closed(
    watch: Watch, standing: Standing, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/data.bin", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await standing.wait()
        before = descriptors()
        await downloads.say(download, CancelDownload())
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert downloads.partition.under_way
        assert before <= descriptors()
        pieces = len(watch.came)
        standing.may_go_on.set()
        await downloads.until(download, "cancelled")
        assert watch.came[pieces:] == [0]
        assert len(before - descriptors()) >= 2
        assert downloads.files() == []

    with_downloads(tmp_path, work)


def test_closing_all_connections_ends_a_burst(
    watch: Watch, standing: Standing, server: LoopbackServer, tmp_path: Path
) -> None:
    url = server.on("/data.bin", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await standing.wait()
        pieces, before = len(watch.came), descriptors()
        await downloads.partition.world.network.close_connections(NAME)
        assert before <= descriptors()
        standing.may_go_on.set()
        state = await downloads.until(download, "interrupted")
        assert "ERR_ABORTED" in state.detail
        assert watch.came[pieces:] == [0]
        assert sum(watch.came) <= state.received_bytes < len(CONTENT)

    with_downloads(tmp_path, work)


def test_closing_the_system_ends_a_burst_and_it_goes_on_in_the_next_one(
    watch: Watch, standing: Standing, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = bursts.SocketSource.stop

    def stopping(source: bursts.SocketSource) -> None:
        stop(source)
        standing.may_go_on.set()

    monkeypatch.setattr(bursts.SocketSource, "stop", stopping)
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:p")
        session.set_download_path(str(tmp_path))
        session.download_url(url)
        assert standing.stands.wait(PATIENCE_S)
    assert watch.came[2:] == [0]
    with partita.System(data_dir=tmp_path / "home") as system:
        (item,) = system.from_partition("persist:p").downloads()
        assert item.get_state() == "interrupted"
        item.resume()
        assert item.finished().get(PATIENCE_S) == "completed"
    assert sha256(tmp_path / "data.bin") == file.sha256


@pytest.mark.parametrize("cut_at", [MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 6 * MIB + 12_345, 12 * MIB])
def test_a_server_that_breaks_off_within_a_burst_costs_nothing_that_had_come(
    cut_at: int, watch: Watch, server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT, hang_up_at=[cut_at])
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert (state.reason, state.received_bytes) == ("SERVER_CONTENT_LENGTH_MISMATCH", cut_at)
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert server.seen[1].header("range") == f"bytes={cut_at}-"


def test_a_disk_that_fails_to_sync_has_reported_nothing(
    watch: Watch, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "sync", fails)
    url = server.on("/data.bin", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert state.reason == "FILE_FAILED"
        assert state.received_bytes == 0
        assert progress(downloads, download) == []

    with_downloads(tmp_path, work, files=DiskFiles())
