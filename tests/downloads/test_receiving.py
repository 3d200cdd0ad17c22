"""Downloads on a real server, a real disk: from the request to the file, and everything that gets in between."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import trio
from downloads.receiving import MIB, Downloads, held, sha256, with_downloads
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen, ServedFile, redirects, sends

from partita.actors.downloads.offer import DownloadAnswer, DownloadOffer
from partita.events.downloads import (
    AwaitDownload,
    CancelDownload,
    DownloadCompleted,
    DownloadHeadReceived,
    DownloadProgressed,
    DownloadStarted,
    PauseDownload,
    ResumeDownload,
    TargetChosen,
)
from partita.events.errors import DownloadFailed, DownloadRefused
from partita.events.secret import Secret

CONTENT = os.urandom(12 * MIB)


def test_a_download_becomes_a_file_and_every_step_a_turn(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url, headers=(("X-One", Secret("1")),))
        assert await downloads.say(download, AwaitDownload("announced")) == "receiving"
        assert await downloads.say(download, AwaitDownload("done")) == "completed"
        await downloads.until(download, "completed")
        state = downloads.state(download)
        assert state.target_path == str(tmp_path / "data.bin")
        assert (state.received_bytes, state.filename) == (len(CONTENT), "data.bin")
        kinds = [type(event) for event in downloads.partition.events(f"download/{download}")]
        assert kinds[:3] == [DownloadStarted, DownloadHeadReceived, TargetChosen]
        assert set(kinds[3:-1]) == {DownloadProgressed}
        assert kinds[-1] is DownloadCompleted
        assert downloads.partition.states["session"].downloads.items[download].ended
        assert downloads.handlers.asked == [("will-download", DownloadOffer(download, "data.bin"))]

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]
    (seen,) = server.seen
    assert (seen.header("x-one"), seen.header("accept-encoding"), seen.header("range")) == ("1", "identity", None)


def test_a_name_that_is_taken_gets_a_number(server: LoopbackServer, tmp_path: Path) -> None:
    headers = [("Content-Disposition", 'attachment; filename="../a.txt"')]
    url = server.on("/x", sends(b"new", headers=headers))
    (tmp_path / "_a.txt").write_text("old")

    async def work(downloads: Downloads) -> None:
        for _ in range(2):
            await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    names = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert names == {"_a.txt": "old", "_a (1).txt": "new", "_a (2).txt": "new"}


def test_a_listener_chooses_the_file_and_its_folders_are_made(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/x", sends(b"new"))
    chosen = tmp_path / "deep" / "er" / "mine.txt"

    async def work(downloads: Downloads) -> None:
        downloads.handlers.named["will-download"] = lambda offer: DownloadAnswer(save_path=str(chosen))
        await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    assert chosen.read_text() == "new"
    assert [path.name for path in chosen.parent.iterdir()] == ["mine.txt"]


def test_a_listener_prevents_a_download_and_nothing_is_left(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/x", ServedFile(CONTENT))

    async def work(downloads: Downloads) -> None:
        downloads.handlers.named["will-download"] = lambda offer: DownloadAnswer(prevented=True)
        download = await downloads.begin(url)
        with pytest.raises(DownloadRefused):
            await downloads.say(download, AwaitDownload("announced"))
        await downloads.until(download, "refused")
        assert downloads.partition.states["session"].downloads.items == {}

    with_downloads(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


def test_a_listener_that_raises_has_no_say(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/x.txt", sends(b"new"))

    def broken(offer: object) -> object:
        raise RuntimeError("a defect of the program")

    async def work(downloads: Downloads) -> None:
        downloads.handlers.named["will-download"] = broken
        await downloads.until(await downloads.begin(url), "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "x.txt").read_text() == "new"


def test_a_pause_holds_the_connection(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=2 * MIB)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.say(download, PauseDownload())
        file.go_on.set()
        await downloads.partition.until(lambda: downloads.state(download).received_bytes > 0)
        assert downloads.state(download).received_bytes < len(CONTENT)
        assert downloads.state(download).phase == "receiving"
        await downloads.say(download, ResumeDownload())
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert len(server.seen) == 1
    assert sha256(tmp_path / "data.bin") == file.sha256


def test_cancelling_deletes_what_was_received(server: LoopbackServer, tmp_path: Path) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB)
    url = server.on("/data.bin", file)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await held(file)
        await downloads.until(download, "receiving")
        assert downloads.files() == ["data.bin", "data.bin.part"]
        await downloads.say(download, CancelDownload())
        await downloads.until(download, "cancelled")
        assert downloads.files() == []
        assert await downloads.say(download, AwaitDownload("done")) == "cancelled"
        file.go_on.set()

    with_downloads(tmp_path, work)


def test_cancelling_an_interrupted_download_deletes_what_was_received(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/data.bin", ServedFile(CONTENT, hang_up_at=[5 * MIB]))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        await downloads.say(download, CancelDownload())
        await downloads.until(download, "cancelled")

    with_downloads(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


def test_cancelling_before_the_server_answers_is_possible(server: LoopbackServer, tmp_path: Path) -> None:
    release = threading.Event()

    def answer(seen: Seen, reply: Reply) -> None:
        assert release.wait(PATIENCE_S)
        reply.hang_up()

    url = server.on("/x", answer)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await trio.to_thread.run_sync(server.wait_for, 1)
        await downloads.say(download, CancelDownload())
        await downloads.until(download, "cancelled")
        with pytest.raises(DownloadFailed):
            await downloads.say(download, AwaitDownload("announced"))

    try:
        with_downloads(tmp_path, work)
    finally:
        release.set()


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "SERVER_BAD_CONTENT"), (403, "SERVER_FORBIDDEN"), (503, "SERVER_FAILED"), (206, "SERVER_FAILED")],
)
def test_a_response_that_is_no_file_says_why(server: LoopbackServer, tmp_path: Path, status: int, reason: str) -> None:
    url = server.on("/x", sends(b"sorry", status=status))

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        with pytest.raises(DownloadFailed, match=f"{reason} .*{status}"):
            await downloads.say(download, AwaitDownload("announced"))
        assert (await downloads.until(download, "interrupted")).reason == reason
        assert downloads.handlers.asked == []

    with_downloads(tmp_path, work)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_interrupts(server: LoopbackServer, tmp_path: Path) -> None:
    url = server.on("/x", sends(b"x"))
    (tmp_path / "file").write_text("in the way")

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url, save_path=str(tmp_path / "file" / "x"))
        state = await downloads.until(download, "interrupted")
        assert state.reason == "FILE_FAILED"

    with_downloads(tmp_path, work)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_body_of_unknown_length_and_an_empty_one_are_whole(server: LoopbackServer, tmp_path: Path) -> None:
    def until_the_end(seen: Seen, reply: Reply) -> None:
        reply.head(200, {"Connection": "close"})
        reply.write(CONTENT[:100_000])
        reply.hang_up()

    server.on("/open.bin", until_the_end)
    server.on("/empty.bin", sends(b""))

    async def work(downloads: Downloads) -> None:
        for path, size in (("/open.bin", 100_000), ("/empty.bin", 0)):
            state = await downloads.until(await downloads.begin(server.url(path)), "completed")
            assert state.received_bytes == size
            assert (tmp_path / path[1:]).stat().st_size == size

    with_downloads(tmp_path, work)


def test_redirects_and_cookies_are_the_sessions(server: LoopbackServer, tmp_path: Path) -> None:
    start = server.on("/start", redirects("/files/end.txt", cookies=("a=1",)))
    server.on("/files/end.txt", sends(b"here"))

    async def work(downloads: Downloads) -> None:
        state = await downloads.until(await downloads.begin(start), "completed")
        assert state.head is not None
        assert state.head.url_chain == (start, server.url("/files/end.txt"))
        assert state.filename == "end.txt"

    with_downloads(tmp_path, work)
    assert server.seen[1].header("cookie") == "a=1"


def test_two_downloads_into_one_file_do_not_mix(server: LoopbackServer, tmp_path: Path) -> None:
    first = ServedFile(b"1" * (2 * MIB), hold_at=MIB)
    second = ServedFile(b"2" * (2 * MIB), hold_at=MIB)
    urls = (server.on("/1", first), server.on("/2", second))
    target = tmp_path / "one.bin"

    async def work(downloads: Downloads) -> None:
        ids = [await downloads.begin(url, save_path=str(target)) for url in urls]
        await held(first)
        await held(second)
        for download in ids:
            await downloads.until(download, "receiving")
        parts = {downloads.state(download).part_path for download in ids}
        assert parts == {str(target) + ".part", str(target) + ".1.part"}
        first.go_on.set()
        second.go_on.set()
        for download in ids:
            await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(target) in (first.sha256, second.sha256)
    assert [path.name for path in tmp_path.iterdir()] == ["one.bin"]
