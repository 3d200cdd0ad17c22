"""What a download leaves is deleted when everybody has left it, and nobody comes before that."""

from __future__ import annotations

import os
from pathlib import Path

import trio
import trio.testing
from downloads.receiving import MIB, Downloads, held, with_downloads
from servers.loopback import LoopbackServer, ServedFile

from partita.actors.live_world.files import DiskFile, DiskFiles
from partita.events.downloads import CancelDownload, InterruptDownload

CONTENT = bytes(range(256)) * (8 * MIB // 256)


class SlowFile(DiskFile):
    """Its first write takes until ``go_on``, whoever is cancelled meanwhile: a thread's work is not taken back."""

    def __init__(self, descriptor: int, path: str, files: SlowFiles) -> None:
        status = os.fstat(descriptor)
        super().__init__(descriptor, path, (status.st_dev, status.st_ino), status.st_size, files)
        self._slow = files

    async def write(self, offset: int, data: bytes) -> None:
        with trio.CancelScope(shield=True):
            self._slow.said.append("write")
            self._slow.is_slow.set()
            await self._slow.go_on.wait()
            await super().write(offset, data)
            self._slow.said.append("written")


class SlowFiles(DiskFiles):
    """Notes what is asked of it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.is_slow = trio.Event()
        self.go_on = trio.Event()

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> SlowFile:
        file = await super().open(path, emptied=emptied, must_exist=must_exist, private=private)
        descriptor, file._descriptor = file._descriptor, None
        assert descriptor is not None
        return SlowFile(descriptor, path, self)

    async def size(self, path: str) -> int | None:
        self.said.append("size")
        return await super().size(path)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        self.said.append("remove")
        await super().remove(path, only_if_empty=only_if_empty)


def test_the_next_fetch_begins_when_the_one_that_was_stopped_has_left_the_file(
    server: LoopbackServer, tmp_path: Path
) -> None:
    served = ServedFile(CONTENT, hold_at=MIB)
    url = server.on("/data.bin", served)
    files = SlowFiles()

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await files.is_slow.wait()
        await held(served)
        order = downloads.state(download).order
        assert order is not None
        await downloads.say(download, InterruptDownload(order, "NETWORK_DISCONNECTED"))
        await downloads.go_on(download)
        await trio.testing.wait_all_tasks_blocked()
        assert files.said == ["write"], "the next one waits"
        assert len(server.seen) == 1
        served.go_on.set()
        files.go_on.set()
        await downloads.until(download, "completed")

    with_downloads(tmp_path, work, files=files)
    assert files.said[:3] == ["write", "written", "size"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_cancelled_one_is_deleted_when_it_has_been_left(server: LoopbackServer, tmp_path: Path) -> None:
    served = ServedFile(CONTENT, hold_at=MIB)
    url = server.on("/data.bin", served)
    files = SlowFiles()

    async def work(downloads: Downloads) -> None:
        download = await downloads.begin(url)
        await files.is_slow.wait()
        await downloads.say(download, CancelDownload())
        await trio.testing.wait_all_tasks_blocked()
        assert files.said == ["write"]
        served.go_on.set()
        files.go_on.set()
        await downloads.until(download, "cancelled")

    with_downloads(tmp_path, work, files=files)
    assert files.said[:3] == ["write", "written", "remove"]
    assert [what for what in files.said if what != "size"] == ["write", "written", "remove", "remove", "remove"]
    assert list(tmp_path.iterdir()) == []
