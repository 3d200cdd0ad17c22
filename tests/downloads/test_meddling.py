"""Somebody moves, deletes or replaces the file of a download while it comes: what is called complete is complete all the same."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from downloads.ranging import CONTENT, DIGEST, Ranges
from downloads.receiving import MIB, Downloads, held, sha256, with_downloads
from servers.loopback import PATIENCE_S, LoopbackServer, Reply, Seen, ServedFile

import partita
from partita.actors.downloads.offer import HANDLER, DownloadAnswer
from partita.actors.live_world import disk
from partita.actors.live_world.files import DiskFile, DiskFiles
from partita.events.downloads import CancelDownload


@pytest.fixture
def session(tmp_path: Path) -> Iterator[partita.Session]:
    with partita.System(data_dir=tmp_path / "home") as system:
        session = system.from_partition("persist:meddled")
        session.set_download_path(str(tmp_path / "files"))
        yield session


def replace(part: Path, instead: bytes | None) -> None:
    part.rename(part.with_name("kept open"))  # so that its number is not given to the other
    if instead is not None:
        part.write_bytes(instead)


async def taken_away(downloads: Downloads, url: str, file: ServedFile, instead: bytes | None) -> str:
    """A download whose part file somebody has moved while it came, and that has missed it."""
    download = await downloads.begin(url)
    await held(file)
    await downloads.until(download, "receiving")
    replace(Path(downloads.state(download).part_path), instead)
    file.go_on.set()
    await downloads.until(download, "interrupted")
    return download


@pytest.mark.parametrize("instead", [None, b"", b"of another program"])
def test_a_part_file_that_is_deleted_or_replaced_while_it_comes_gets_no_name(
    server: LoopbackServer, tmp_path: Path, instead: bytes | None
) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB)
    url = server.on("/data.bin", file)
    part = tmp_path / "data.bin.part"

    async def work(downloads: Downloads) -> None:
        download = await taken_away(downloads, url, file, instead)
        state = downloads.state(download)
        assert (state.reason, state.received_bytes) == ("FILE_FAILED", 0)
        assert "moved, deleted or replaced" in state.detail
        assert (tmp_path / "data.bin").stat().st_size == 0, "it holds the name, and no more"
        assert instead is None or part.read_bytes() == instead
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert server.seen[1].header("range") is None
    assert instead is None or part.read_bytes() == instead, "it went on under another name"


def test_cancelling_leaves_what_somebody_has_put_in_the_part_files_place(
    server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT, hold_at=5 * MIB)
    url = server.on("/data.bin", file)
    part = tmp_path / "data.bin.part"

    async def work(downloads: Downloads) -> None:
        download = await taken_away(downloads, url, file, b"of another program")
        await downloads.say(download, CancelDownload())
        await downloads.until(download, "cancelled")

    with_downloads(tmp_path, work)
    assert part.read_bytes() == b"of another program"
    assert not (tmp_path / "data.bin").exists(), "the name that was kept free is free again"


def test_two_downloads_never_write_into_one_file(
    server: LoopbackServer, session: partita.Session, tmp_path: Path
) -> None:
    """Another partition takes over what this one is still receiving."""
    file, rest = ServedFile(CONTENT, hold_at=5 * MIB), ServedFile(CONTENT)
    item = session.download_url(server.on("/data.bin", file)).get(PATIENCE_S)
    assert file.held.wait(PATIENCE_S)
    part = tmp_path / "files" / "data.bin.part"
    with partita.System(data_dir=tmp_path / "other home") as system:
        other = (
            system.from_partition("persist:other")
            .create_interrupted_download(
                path=str(part), url_chain=[server.on("/again", rest)], offset=MIB, length=len(CONTENT), e_tag='"v1"'
            )
            .get(PATIENCE_S)
        )
        other.resume()
        assert other.stopped().get(PATIENCE_S) == "interrupted"
        assert "another file by now" in other._state.detail
        file.go_on.set()
        assert item.finished().get(PATIENCE_S) == "completed"
        assert sha256(tmp_path / "files" / "data.bin") == file.sha256
        other.resume()
        assert other.finished().get(PATIENCE_S) == "completed"
    assert sha256(part) == rest.sha256


def test_segments_do_not_go_on_in_a_new_file(server: LoopbackServer, session: partita.Session, tmp_path: Path) -> None:
    """Several connections write into one file: one that is made anew has only what came afterwards."""
    deleted = threading.Event()

    def waits_in_the_middle(start: int, end: int) -> None:
        if start:  # helpers have not opened the file before they have an answer
            assert deleted.wait(PATIENCE_S)

    ranges = Ranges(waits_in_the_middle)
    item = session.download_url(server.on("/big.zip", ranges), segments=4).get(PATIENCE_S)
    server.wait_for(4)
    (tmp_path / "files" / "big.zip.part").rename(tmp_path / "moved")
    deleted.set()
    assert item.stopped().get(PATIENCE_S) == "interrupted"
    assert (item._state.reason, item.get_received_bytes(), item._state.pieces) == ("FILE_FAILED", 0, ())
    item.resume()
    assert item.finished().get(PATIENCE_S) == "completed"
    assert hashlib.sha256((tmp_path / "files" / "big.zip").read_bytes()).digest() == DIGEST
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["big.zip"]


def test_what_is_deleted_while_the_rest_is_asked_for_is_not_made_anew(server: LoopbackServer, tmp_path: Path) -> None:
    part = tmp_path / "data.bin.part"
    file = ServedFile(CONTENT, hang_up_at=[5 * MIB])

    def deletes(seen: Seen, reply: Reply) -> None:
        if len(server.seen) == 2:
            assert seen.header("range")
            part.unlink()
        file(seen, reply)

    url = server.on("/data.bin", deletes)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await downloads.until(download, "interrupted")
        await downloads.go_on(download)
        state = await downloads.until(download, "interrupted")
        assert state.reason == "FILE_FAILED"
        assert not part.exists()
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "data.bin") == file.sha256
    assert server.seen[2].header("range") is None


@pytest.mark.parametrize("then", ["resumed", "cancelled"])
def test_a_part_of_unknown_length_that_somebody_gave_the_name_is_not_the_whole(
    server: LoopbackServer, tmp_path: Path, then: str
) -> None:
    def sends_chunks(seen: Seen, reply: Reply) -> None:
        reply.head(200, [("Transfer-Encoding", "chunked"), ("ETag", '"v1"')])
        part = CONTENT if len(server.seen) > 1 else CONTENT[: 5 * MIB]
        reply.write(b"%x\r\n%b\r\n" % (len(part), part))
        if len(server.seen) == 1:
            reply.hang_up()
        reply.write(b"0\r\n\r\n")

    url = server.on("/f.bin", sends_chunks)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert state.received_bytes == 5 * MIB
        (tmp_path / "f.bin.part").rename(tmp_path / "f.bin")
        if then == "cancelled":
            await downloads.say(download, CancelDownload())
            await downloads.until(download, "cancelled")
            return
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT[: 5 * MIB], "it is somebody's file now"
    assert sorted(os.listdir(tmp_path)) == ["f.bin"] if then == "cancelled" else ["f (1).bin", "f.bin"]
    assert then == "cancelled" or (tmp_path / "f (1).bin").read_bytes() == CONTENT


@pytest.mark.parametrize("then", ["resumed", "cancelled"])
def test_who_has_got_the_names_of_a_download_whose_files_were_deleted_keeps_them(
    server: LoopbackServer, tmp_path: Path, then: str
) -> None:
    old, new = ServedFile(CONTENT, hang_up_at=[5 * MIB]), ServedFile(CONTENT[::-1], hold_at=6 * MIB)
    versions = iter([old, new, old])

    def serves(seen: Seen, reply: Reply) -> None:
        next(versions)(seen, reply)

    url = server.on("/f.bin", serves)

    async def work(downloads: Downloads) -> None:
        first = await downloads.begin(url)
        await downloads.until(first, "interrupted")
        for name in downloads.files():
            (tmp_path / name).unlink()
        second = await downloads.begin(url)
        await held(new)
        assert downloads.state(second).part_path == downloads.state(first).part_path
        if then == "resumed":
            await downloads.go_on(first)
            await downloads.partition.until(lambda: downloads.state(first).phase == "completed")
        else:
            await downloads.say(first, CancelDownload())
        await downloads.partition.until(lambda: len(downloads.partition.begun) == 1)
        new.go_on.set()
        await downloads.until(second, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "f.bin") == new.sha256
    assert sorted(os.listdir(tmp_path)) == ["f.bin"] if then == "cancelled" else ["f (1).bin", "f.bin"]
    assert then == "cancelled" or sha256(tmp_path / "f (1).bin") == old.sha256


class SlowToOpen(DiskFiles):
    """The first file that is opened for writing takes until ``go_on``."""

    def __init__(self) -> None:
        super().__init__()
        self.is_opening, self.go_on = trio.Event(), trio.Event()

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> DiskFile:
        if not self.is_opening.is_set():
            self.is_opening.set()
            await self.go_on.wait()
        return await super().open(path, emptied=emptied, must_exist=must_exist, private=private)


def test_what_another_has_got_while_a_part_file_was_opened_is_not_cut(server: LoopbackServer, tmp_path: Path) -> None:
    one, two = ServedFile(CONTENT), ServedFile(CONTENT[::-1], hang_up_at=[6 * MIB])
    urls = server.on("/1/f.bin", one), server.on("/2/f.bin", two)
    files = SlowToOpen()

    async def work(downloads: Downloads) -> None:
        first = await downloads.begin(urls[0])
        await files.is_opening.wait()
        for name in downloads.files():
            (tmp_path / name).unlink()
        second = await downloads.begin(urls[1])
        await downloads.partition.until(lambda: downloads.state(second).phase == "interrupted")
        files.go_on.set()
        await downloads.until(first, "interrupted")
        assert (tmp_path / "f.bin.part").stat().st_size == 6 * MIB
        for download in (first, second):
            await downloads.go_on(download)
            await downloads.until(download, "completed")

    with_downloads(tmp_path, work, files=files)
    assert {path.name: sha256(path) for path in tmp_path.iterdir()} == {"f.bin": two.sha256, "f (1).bin": one.sha256}
    assert [seen.header("range") for seen in server.seen if seen.path == "/2/f.bin"] == [None, f"bytes={6 * MIB}-"]


@pytest.mark.parametrize("then", ["the younger is cancelled", "the younger goes on first", "both go on"])
def test_of_two_downloads_with_the_same_names_the_younger_has_them(
    server: LoopbackServer, tmp_path: Path, then: str
) -> None:
    """Both are interrupted, and their bytes differ: no file has some of each."""
    one, two = ServedFile(CONTENT, hang_up_at=[5 * MIB]), ServedFile(CONTENT[::-1], hang_up_at=[6 * MIB])
    urls = server.on("/1/f.bin", one), server.on("/2/f.bin", two)

    async def work(downloads: Downloads) -> None:
        first = await downloads.begin(urls[0])
        await downloads.until(first, "interrupted")
        for name in downloads.files():
            (tmp_path / name).unlink()
        second = await downloads.begin(urls[1])
        await downloads.until(second, "interrupted")
        if then == "the younger is cancelled":
            await downloads.say(second, CancelDownload())
            await downloads.until(second, "cancelled")
            assert downloads.files() == []
        else:
            await downloads.go_on(second)
        if then == "the younger goes on first":
            await downloads.until(second, "completed")
        await downloads.go_on(first)
        await downloads.until(first, "completed")
        await downloads.until(second, "completed", "cancelled")

    with_downloads(tmp_path, work)
    if then == "the younger is cancelled":
        assert {path.name: sha256(path) for path in tmp_path.iterdir()} == {"f.bin": one.sha256}
        return
    assert {path.name: sha256(path) for path in tmp_path.iterdir()} == {"f.bin": two.sha256, "f (1).bin": one.sha256}
    assert [seen.header("range") for seen in server.seen if seen.path == "/2/f.bin"] == [None, f"bytes={6 * MIB}-"]


@pytest.mark.parametrize("sends_its_length", [True, False])
@pytest.mark.parametrize("then", ["resumed", "cancelled"])
def test_a_name_that_was_given_and_may_not_last_is_given_all_the_same(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, *, sends_its_length: bool
) -> None:
    """The file is moved, and then its folder cannot be synced."""
    put_in_place = disk.put_in_place

    def fails_in_the_end(*arguments: Any) -> None:
        put_in_place(*arguments)
        raise OSError(errno.EIO, "Input/output error")

    def sends(seen: Seen, reply: Reply) -> None:
        if sends_its_length:
            reply.send(CONTENT)
            return
        reply.head(200, [("Transfer-Encoding", "chunked")])
        reply.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))

    monkeypatch.setattr(disk, "put_in_place", fails_in_the_end)
    url = server.on("/f.bin", sends)

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        state = await downloads.until(download, "interrupted")
        assert (state.reason, state.received_bytes) == ("FILE_FAILED", len(CONTENT))
        if then == "cancelled":
            await downloads.say(download, CancelDownload())
            await downloads.until(download, "cancelled")
            return
        await downloads.go_on(download)
        state = await downloads.until(download, "completed")
        assert state.received_bytes == len(CONTENT)

    with_downloads(tmp_path, work)
    assert len(server.seen) == 1, "nothing was missing"
    assert sorted(os.listdir(tmp_path)) == ([] if then == "cancelled" else ["f.bin"])
    assert then == "cancelled" or (tmp_path / "f.bin").read_bytes() == CONTENT


def test_a_folder_in_the_place_of_the_file_is_found_before_the_first_byte(
    server: LoopbackServer, tmp_path: Path
) -> None:
    file = ServedFile(CONTENT)
    url = server.on("/data.bin", file)
    (tmp_path / "folder").mkdir()

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url, save_path=str(tmp_path / "folder"))
        state = await downloads.until(download, "interrupted")
        assert (state.reason, state.received_bytes, state.target_path) == ("FILE_FAILED", 0, "")
        assert "Is a directory" in state.detail
        assert downloads.files() == ["folder"]
        answer = DownloadAnswer(save_path=str(tmp_path / "folder" / "data.bin"))
        downloads.handlers.named[HANDLER] = lambda offer: answer
        await downloads.go_on(download)
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work)
    assert sha256(tmp_path / "folder" / "data.bin") == file.sha256
