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
from partita.actors.downloads.offer import HANDLER, DownloadAnswer, DownloadOffer
from partita.actors.downloads.published import UnwantedError, newest
from partita.actors.downloads.stopping import is_leaving, leave
from partita.actors.kernel.file_ports import Files
from partita.actors.kernel.file_steps import PlacingFiles
from partita.actors.kernel.world import Clock, Door
from partita.events.downloads import ChooseTarget, DownloadOrder, FetchDownload
from partita.events.points import reached

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


class Place:
    """Where the file of one fetch goes: while it comes, and in the end. Both are empty before they are chosen."""

    def __init__(self, effect: FetchDownload, door: Door) -> None:
        self.target_path = effect.target_path
        self.part_path = effect.part_path
        self._effect = effect
        self._door = door
        self._files = door.world.files
        self._names = Names(door.world.files, door.world.clock)
        self._renamed = False

    async def choose(self, name: str) -> bool:
        """Ask ``will-download``, keep the names free, tell the download; False when it was refused.

        Raises :class:`OSError`, and :class:`UnwantedError`.
        """
        order = self._effect.order
        answer = await self._ask_handler(DownloadOffer(order.id, name, order.save_path))
        if answer.prevented:
            return False
        target = answer.save_path or order.save_path
        claimed = target is None
        if target is None:
            target, part = await self._names.choose(order.directory, name)
        else:
            part = await self._names.beside(target)
        await self._tell(target, part, claimed=claimed)
        return True

    async def give_name(self) -> None:
        """Move the part file there: all of it has come, and is synced. Raises :class:`OSError`, and :class:`UnwantedError`."""
        state = newest(self._door, self._effect.order)
        is_elsewhere = self.part_path != self.target_path  # else it is moved onto itself: its folder is synced (F28)
        over_nothing = is_elsewhere and state.claimed
        url, referrer = self._marked_url(), _referrer(self._effect.order)
        leave(self._door, self.part_path)
        while not self._renamed:
            part, target = self.part_path, self.target_path
            try:
                await put_in_place(self._files, part, target, url=url, referrer=referrer, over_nothing=over_nothing)
                self._renamed = True
            except FileExistsError:
                if not over_nothing:
                    raise
                await self._choose_another()

    async def clear_up(self) -> None:
        """Remove the names that no turn knows of, and the file whose download was cancelled while it got its own."""
        try:
            if self._renamed and self._is_cancelled() and not self._door.stopped:
                await self._door.durable()  # it may be undone yet; once it is not, it stops this fetch
        finally:
            cancelled = [self.target_path] if self._renamed and self._is_cancelled() else []
            for path in (*self._names.made, *cancelled):
                with contextlib.suppress(OSError):
                    await self._files.remove(path)

    def _is_cancelled(self) -> bool:
        return newest(self._door, self._effect.order).phase == "cancelled"

    async def _choose_another(self) -> None:
        """Another program has got the name that was kept free: its file stays, and this one gets the next name."""
        name = newest(self._door, self._effect.order).filename
        target = await self._names.another(self._effect.order.directory, name)
        reached("download.name_taken_by_another")
        await self._tell(target, self.part_path, claimed=True)
        await self._door.durable()  # a crash must not leave a file under a name that nobody knows

    async def _tell(self, target: str, part: str, *, claimed: bool) -> None:
        if not await self._door.ask(ChooseTarget(self._effect.id, target, part, claimed)):
            raise UnwantedError
        self._names.made.clear()
        self.target_path, self.part_path = target, part

    async def _ask_handler(self, offer: DownloadOffer) -> DownloadAnswer:
        """A listener that raises has been reported by the port, and has no say (API.md, rule 4)."""
        try:
            answer = await self._door.world.handlers.ask(self._door.partition, HANDLER, offer)
        except Exception:  # noqa: BLE001
            return DownloadAnswer()
        return answer if isinstance(answer, DownloadAnswer) else DownloadAnswer()

    def _marked_url(self) -> str:
        head = newest(self._door, self._effect.order).head
        return self._effect.order.url if head is None or not head.url_chain else head.url_chain[-1]


def _referrer(order: DownloadOrder) -> str:
    return next((value.reveal_text() for name, value in order.headers if name.lower() == "referer"), "")


async def put_in_place(files: Files, source: str, target: str, *, url: str, referrer: str, over_nothing: bool) -> None:
    """Give a whole, synced file its name, and note where it came from. Raises :class:`OSError`."""
    if isinstance(files, PlacingFiles):
        await files.put_in_place(source, target, url=url, referrer=referrer, over_nothing=over_nothing)
        return
    with contextlib.suppress(OSError):  # a file system may have no place for it
        await files.mark(source, url, referrer)
    await files.rename(source, target, over_nothing=over_nothing)
