"""The file of a net log, over the port ``files``. How it stays valid at every moment is told in :mod:`.layout`."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from typing import Final

from partita.actors.kernel.file_ports import Files, OpenFile
from partita.actors.net_log.layout import TAIL, Lines, Size, joined, placed
from partita.actors.net_log.parts import Merging

NEW_SUFFIX: Final = ".inprogress"
"""What is written anew has this name, beside the log's, until it takes its place."""

COPY_BYTES: Final = 1 << 20
"""How much of the file is copied at once."""


class LogFile:
    """A net log on the disk. Not for several tasks at once.

    Raises :class:`OSError` from all that writes; what is under its name is then still valid, and whole up to some entry.
    """

    def __init__(self, files: Files, path: str, head: bytes, size: Size, *, private: bool = False) -> None:
        """``head``: all that stands before the first entry. ``private``: nobody but the user may read it."""
        self._files = files
        self._path = path
        self._head = head
        self._size = size
        self._private = private
        self._file: OpenFile | None = None
        self._at = len(head)
        self._end = len(head)
        self._left: Sequence[bytes] = ()  # what was to be added when something came in between
        self.is_there = False
        """Whether it has its name."""

    async def open(self) -> None:
        """Be there, without an entry. What was there under the name before is gone."""
        await self._write_anew(room=True)

    async def add(self, entries: Sequence[bytes]) -> None:
        """Have these entries at the end. Where there is a limit, the oldest go for them."""
        self._left = [*self._left, *entries]
        if self._file is not None:
            put = placed(self._left, self._at, self._end, first=self._at == len(self._head))
            if put.data:
                await self._file.write(self._at, put.data)
                self._at += len(put.data)
            self._left = put.left
        if self._left:
            await self._write_anew(room=True)

    async def finish(self) -> None:
        """Be as it is to stay: without room, every entry in one piece, and on the disk."""
        await self._write_anew(room=False)

    async def close(self) -> None:
        """Let go of the file as it is."""
        file, self._file = self._file, None
        if file is not None:
            await file.close()

    async def _write_anew(self, *, room: bool) -> None:
        """Another file with the entries of this one, and those that are left; it gets the name, and this one is gone."""
        new_path = self._path + NEW_SUFFIX
        new = await self._files.open(new_path, private=self._private)
        try:
            try:
                at = await self._copied(new)
                blanks = self._size.room_after(at - len(self._head)) if room else 0
                end = at
                for start in range(0, blanks, COPY_BYTES):
                    end = await _written(new, end, b" " * min(COPY_BYTES, blanks - start))
                await new.write(end, TAIL)
                await new.sync()
            finally:
                await new.close()
            await self.close()  # not every system renames over a file that is open
            await self._files.rename(new_path, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                await self._files.remove(new_path)
            raise
        self._at, self._end, self._left, self.is_there = at, end, (), True
        if room:
            self._file = await self._files.open(self._path, emptied=False, must_exist=True)

    async def _copied(self, new: OpenFile) -> int:
        """Write the head and all entries; where the last one ends."""
        start = await _written(new, 0, self._head)
        used = self._at - start
        kept, entries = self._size.shared(used, self._left)
        lines, merging = Lines(skip_first=kept < used), Merging()
        at, place = start, self._at - kept
        if kept:
            old = await self._files.open_to_read(self._path)
            try:
                while place < self._at:
                    text = await old.read(place, min(COPY_BYTES, self._at - place))
                    if not text:
                        raise OSError(errno.EIO, "something else has made the net log shorter", self._path)
                    place += len(text)
                    at = await _written(new, at, joined(merging.feed_all(lines.feed(text)), first=at == start))
            finally:
                await old.close()
        left = [*merging.feed_all(lines.rest()), *merging.rest(), *entries]
        return await _written(new, at, joined(left, first=at == start))


async def _written(file: OpenFile, at: int, data: bytes) -> int:
    """Where it ends."""
    if data:
        await file.write(at, data)
    return at + len(data)
