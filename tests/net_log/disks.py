"""The files port in memory, of a system that can be killed in the middle of any write."""

from __future__ import annotations

import errno

from partita.actors.net_log.layout import PAGE_BYTES


class Disk:
    """``moments(path)``: what is there under a name after each thing that the system does, and where a kill can cut it.

    A system copies a write page by page: a kill leaves whole pages of it. ``fails_at``: the number of the call that fails.
    """

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.files: dict[str, bytearray] = {}
        self.moments: list[dict[str, bytes]] = []
        self.open_files = 0
        self.calls = 0
        self.written_bytes = 0
        self._fails_at = fails_at

    def seen(self, path: str) -> list[bytes]:
        return [moment[path] for moment in self.moments if path in moment]

    def moment(self) -> None:
        self.moments.append({path: bytes(content) for path, content in self.files.items()})

    def call(self, path: str) -> None:
        self.calls += 1
        if self.calls == self._fails_at:
            raise OSError(errno.ENOSPC, "No space left on device", path)

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> OpenFile:
        self.call(path)
        content = self.files.setdefault(path, bytearray())
        if emptied:
            content.clear()
        self.moment()
        return OpenFile(self, path, content)

    async def open_to_read(self, path: str) -> ReadableFile:
        self.call(path)
        return ReadableFile(self, self.files[path])

    async def size(self, path: str) -> int | None:
        return len(self.files[path]) if path in self.files else None

    async def claim(self, path: str) -> bool:
        raise NotImplementedError

    async def free_bytes(self, path: str) -> int | None:
        return None

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        """Nobody asks where it came from."""

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        self.call(source)
        self.files[target] = self.files.pop(source)
        self.moment()

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        self.files.pop(path, None)


class OpenFile:
    def __init__(self, disk: Disk, path: str, content: bytearray) -> None:
        self._disk, self._path, self._content = disk, path, content
        self.size_bytes = len(content)
        self._open = True
        disk.open_files += 1

    async def again(self) -> OpenFile:
        raise NotImplementedError

    async def cut(self, size_bytes: int) -> None:
        raise NotImplementedError

    async def is_there(self) -> bool:
        return True

    async def reserve(self, size_bytes: int) -> None:
        """There is room."""

    async def write(self, offset: int, data: bytes) -> None:
        self._disk.call(self._path)
        self._disk.written_bytes += len(data)
        start = offset
        while start < offset + len(data):
            end = min((start // PAGE_BYTES + 1) * PAGE_BYTES, offset + len(data))
            self._content[start:end] = data[start - offset : end - offset]
            self._disk.moment()
            start = end

    async def sync(self) -> None:
        self._disk.call(self._path)

    async def close(self) -> None:
        self._disk.open_files -= self._open
        self._open = False


class ReadableFile:
    def __init__(self, disk: Disk, content: bytearray) -> None:
        self._disk, self._content = disk, content
        self._open = True
        self.size_bytes = len(content)
        self.modified_us = 0
        disk.open_files += 1

    async def read(self, offset: int, count: int) -> bytes:
        return bytes(self._content[offset : offset + count])

    async def close(self) -> None:
        self._disk.open_files -= self._open
        self._open = False
