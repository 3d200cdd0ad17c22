"""A child that downloads to a disk of its own, which it fills and frees again and again.

    filling.py HOME FOLDER FILLS SEED FREE_MIB SIZE_BYTES [--reserves] URL...

Started in a mount namespace of its own, it mounts a tmpfs on FOLDER, with room for all files and ``FREE_MIB`` more. Whenever the
downloads have come further by a random number of bytes it fills the disk, waits until each has stopped, looks at why, tries
once on the full disk, makes room, and resumes. Unless ``--reserves``, the disk is one that reserves nothing: where room can be
had beforehand, a disk that runs full harms nobody.

It says ``filled BYTES...`` each time: how much of each file lay there that nobody had reported, and which will be fetched twice.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from durability.children import PATIENCE_S, say

from partita.actors.live_world import disk as disk_calls
from partita.downloads import DownloadDone, DownloadItem, DownloadUpdated
from partita.system import System

PAGE = 4096
LEFT_BYTES = 1 << 20
LOOKED_AT_BYTES = 8 << 20
MS_REMOUNT = 32


def reserve_nothing(descriptor: int, size_bytes: int) -> None:
    """In the place of ``disk.reserve``: a file system without ``fallocate``."""


class Disk:
    """A tmpfs that is made smaller, and then filled: the room of many files would take seconds to write, and they go on."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._size_bytes = size_bytes
        self._filler = folder / "filler"
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)], check=True, timeout=30
        )

    def fill(self) -> None:
        """To the last page."""
        while not self._has_size(self._used_bytes() + LEFT_BYTES):  # more has come meanwhile than would find room
            pass
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(64 * PAGE)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC
        assert os.statvfs(self._folder).f_bavail == 0

    def make_room(self) -> None:
        assert self._has_size(self._size_bytes)
        self._filler.unlink()

    def _used_bytes(self) -> int:
        there = os.statvfs(self._folder)
        return (there.f_blocks - there.f_bfree) * there.f_frsize

    def _has_size(self, size_bytes: int) -> bool:
        """Give it that size, as ``mount -o remount`` does; whether what is there has room in it."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"tmpfs", bytes(self._folder), b"tmpfs", MS_REMOUNT, f"size={size_bytes}".encode()):
            assert ctypes.get_errno() == errno.EINVAL, os.strerror(ctypes.get_errno())
            return False
        return True


class Progress:
    """How far all of them have come, in bytes of this run."""

    def __init__(self) -> None:
        self._received: dict[str, int] = {}
        self._further = threading.Condition()

    def tell(self, item: DownloadItem, event: DownloadUpdated | DownloadDone) -> None:
        with self._further:
            self._received[item.id] = item.get_received_bytes()
            self._further.notify_all()

    def wait_for(self, more_bytes: int, items: list[DownloadItem]) -> None:
        """Come back when they have come that much further, or all have ended."""
        with self._further:
            until = sum(self._received.values()) + more_bytes

            def is_there() -> bool:
                return sum(self._received.values()) >= until or all(item.has_ended() for item in items)

            assert self._further.wait_for(is_there, PATIENCE_S)


def unreported_bytes(item: DownloadItem, content: bytes) -> int:
    """What lies in its part file behind the last report. What was reported last is looked at; all of it is in the end."""
    received = item.get_received_bytes()
    begin = max(0, received - LOOKED_AT_BYTES)
    with Path(f"{item.save_path}.part").open("rb") as part:
        part.seek(begin)
        assert part.read(received - begin) == content[begin:received], "what was reported is there"
        return max(0, part.seek(0, os.SEEK_END) - received)


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--reserves"]
    home, where, fills, seed, free_mib, size_bytes, *urls = arguments
    if "--reserves" not in sys.argv:
        disk_calls.reserve = reserve_nothing
    chance, folder, size = random.Random(int(seed)), Path(where), int(size_bytes)
    content = (Path(home).parent / "content").read_bytes()
    disk = Disk(folder, len(urls) * size + (int(free_mib) << 20))
    progress = Progress()
    with System(data_dir=home) as system:
        session = system.from_partition("persist:downloads")
        session.set_download_path(where)
        items = [session.download_url(url).get() for url in urls]
        for item in items:
            item.on("updated", partial(progress.tell, item))
            item.on("done", partial(progress.tell, item))
        for _ in range(int(fills)):
            progress.wait_for(chance.randrange(size // 8), items)
            if all(item.has_ended() for item in items):
                break
            disk.fill()
            lost = []
            for item in items:
                state = item.stopped().get(PATIENCE_S)
                if state == "completed":
                    continue
                assert (state, item.last_reason) == ("interrupted", "FILE_NO_SPACE"), (state, item.last_reason)
                lost.append(unreported_bytes(item, content))
                item.resume()
                assert item.stopped().get(PATIENCE_S) == "interrupted"
                assert item.last_reason == "FILE_NO_SPACE", item.last_reason_detail
            say("filled", *lost)
            disk.make_room()
            for item in items:
                item.resume()
        say("end", *(item.finished().get(PATIENCE_S) for item in items))
    for item in items:
        assert Path(item.get_save_path()).read_bytes() == content, item
    say("done")


if __name__ == "__main__":
    main()
