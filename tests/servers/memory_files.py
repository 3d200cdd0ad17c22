"""The files port in memory, of a disk on which nothing goes wrong: also where no thread may write."""

from __future__ import annotations

import errno


class MemoryFiles:
    def __init__(self) -> None:
        self.content: dict[str, bytearray] = {}

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> MemoryFile:
        if must_exist and path not in self.content:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        content = self.content.setdefault(path, bytearray())
        if emptied:
            content.clear()
        return MemoryFile(self, path, content)

    async def size(self, path: str) -> int | None:
        return len(self.content[path]) if path in self.content else None

    async def claim(self, path: str) -> bool:
        if path in self.content:
            return False
        self.content[path] = bytearray()
        return True

    async def free_bytes(self, path: str) -> int | None:
        return None

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        """Nobody asks where it came from."""

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        self.content[target] = self.content.pop(source)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        if not (only_if_empty and self.content.get(path)):
            self.content.pop(path, None)


class MemoryFile:
    def __init__(self, files: MemoryFiles, path: str, content: bytearray) -> None:
        self.size_bytes = len(content)
        self._files, self._path, self._content = files, path, content

    async def again(self) -> MemoryFile:
        return MemoryFile(self._files, self._path, self._content)

    async def cut(self, size_bytes: int) -> None:
        del self._content[size_bytes:]

    async def is_there(self) -> bool:
        return self._files.content.get(self._path) is self._content

    async def reserve(self, size_bytes: int) -> None:
        """There is room."""

    async def write(self, offset: int, data: bytes) -> None:
        self._content[offset : offset + len(data)] = data

    async def sync(self) -> None:
        """It is all there is."""

    async def close(self) -> None:
        """Nothing to close."""
