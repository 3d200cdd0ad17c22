"""Files in a place of their own: a playback writes nothing where the application wrote when it was recorded."""

from __future__ import annotations

from pathlib import Path, PurePath, PureWindowsPath

from partita.actors.kernel.file_ports import Files, OpenFile, ReadableFile
from partita.actors.kernel.file_steps import BusyFiles


class FilesBelow:
    """The port ``files``, with every path moved below a folder."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        self._folder = folder

    def path_of(self, path: str | PurePath) -> Path:
        """Where the file of a recorded path lies."""
        pure = PureWindowsPath(path) if "\\" in str(path) else PurePath(path)
        drive = pure.drive.strip("\\/:").replace("\\", "_")
        parts = [part for part in pure.parts if part not in (pure.anchor, "..")]
        return self._folder.joinpath(*([drive] if drive else []), *parts)

    @property
    def under_way(self) -> int:
        """See :class:`~partita.actors.kernel.file_steps.BusyFiles`."""
        return self._files.under_way if isinstance(self._files, BusyFiles) else 0

    async def open(
        self, path: str, *, emptied: bool = True, must_exist: bool = False, private: bool = False
    ) -> OpenFile:
        """See :class:`~partita.actors.kernel.file_ports.Files`; so for the rest."""
        return await self._files.open(self._at(path), emptied=emptied, must_exist=must_exist, private=private)

    async def open_to_read(self, path: str) -> ReadableFile:
        """What the playback has written there; else the file itself, which is only read."""
        try:
            return await self._files.open_to_read(self._at(path))
        except FileNotFoundError:
            return await self._files.open_to_read(path)

    async def size(self, path: str) -> int | None:
        return await self._files.size(self._at(path))

    async def claim(self, path: str) -> bool:
        return await self._files.claim(self._at(path))

    async def free_bytes(self, path: str) -> int | None:
        return await self._files.free_bytes(self._at(path))

    async def rename(self, source: str, target: str, *, over_nothing: bool = False) -> None:
        await self._files.rename(self._at(source), self._at(target), over_nothing=over_nothing)

    async def mark(self, path: str, url: str, referrer: str = "") -> None:
        await self._files.mark(self._at(path), url, referrer)

    async def remove(self, path: str, *, only_if_empty: bool = False) -> None:
        await self._files.remove(self._at(path), only_if_empty=only_if_empty)

    def _at(self, path: str) -> str:
        return str(self.path_of(path))
