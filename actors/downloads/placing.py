"""The names of a download's file: kept free before there is a file, and given to it in the end.

A fast disk has many small files in the time that a hop to a thread and a sync of a folder take: where the files port can do
several things in one step, it is asked to.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable
from itertools import count, islice
from pathlib import PurePath
from typing import Final

from partita.actors.downloads.naming import candidates
from partita.actors.downloads.stopping import is_leaving
from partita.actors.kernel.file_ports import Files
from partita.actors.kernel.file_steps import PlacingFiles
from partita.actors.kernel.world import Clock

MOST_NAMES: Final = 10_000
"""How many names of the form ``name (n)`` are tried."""


class Names:
    """Those that one fetch keeps free. ``made``: on the disk, and no turn knows of them yet."""

    def __init__(self, files: Files, clock: Clock) -> None:
        self.made: list[str] = []
        self._files = files
        self._clock = clock

    async def choose(self, directory: str, name: str) -> tuple[str, str]:
        """A target of that name or one like it, and a part file. Raises :class:`OSError`."""
        files = self._files
        if isinstance(files, PlacingFiles):
            both = await self._claim_both(files, str(PurePath(directory, next(candidates(name)))))
            if both is not None:
                return both
        target = await self.another(directory, name)
        return target, await self.beside(target)

    async def another(self, directory: str, name: str) -> str:
        """A target alone, of that name or one like it. Raises :class:`OSError`."""
        return await self._claim(str(PurePath(directory, other)) for other in candidates(name))

    async def beside(self, target: str) -> str:
        """A part file for that target. Raises :class:`OSError`."""
        return await self._claim(f"{target}.{number}.part" if number else f"{target}.part" for number in count())

    async def _claim_both(self, files: PlacingFiles, target: str) -> tuple[str, str] | None:
        both = (target, f"{target}.part")
        if any(is_leaving(self._clock, path) for path in both) or not await files.claim_both(*both):
            return None
        self.made += both
        return both

    async def _claim(self, paths: Iterable[str]) -> str:
        for path in islice(paths, MOST_NAMES):
            if not is_leaving(self._clock, path) and await self._files.claim(path):
                self.made.append(path)
                return path
        raise OSError(errno.EEXIST, f"{MOST_NAMES} files of that name are there")


async def put_in_place(files: Files, source: str, target: str, *, url: str, referrer: str, over_nothing: bool) -> None:
    """Give a whole, synced file its name, and note where it came from. Raises :class:`OSError`."""
    if isinstance(files, PlacingFiles):
        await files.put_in_place(source, target, url=url, referrer=referrer, over_nothing=over_nothing)
        return
    with contextlib.suppress(OSError):  # a file system may have no place for it
        await files.mark(source, url, referrer)
    await files.rename(source, target, over_nothing=over_nothing)
