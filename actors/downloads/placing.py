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

from partita.actors.downloads.claims import is_of_another, note_choice
from partita.actors.downloads.naming import candidates
from partita.actors.downloads.offer import HANDLER, DownloadAnswer, DownloadOffer
from partita.actors.downloads.part_file import PartFile
from partita.actors.downloads.published import UnwantedError, newest
from partita.actors.downloads.stopping import is_leaving, leave
from partita.actors.kernel.file_ports import Files, OpenFile
from partita.actors.kernel.file_steps import PlacingFiles
from partita.actors.kernel.shared import Shared
from partita.actors.kernel.world import Door
from partita.events.downloads import ChooseTarget, DownloadOrder, FetchDownload
from partita.events.points import reached

MOST_NAMES: Final = 10_000
"""How many names of the form ``name (n)`` are tried."""


class Names:
    """Those that one fetch keeps free. ``made``: on the disk, and no turn knows of them yet."""

    def __init__(self, files: Files, shared: Shared) -> None:
        self.made: list[str] = []
        self._files = files
        self._shared = shared

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
        if any(is_leaving(self._shared, path) for path in both) or not await files.claim_both(*both):
            return None
        self.made += both
        return both

    async def _claim(self, paths: Iterable[str]) -> str:
        for path in islice(paths, MOST_NAMES):
            if not is_leaving(self._shared, path) and await self._files.claim(path):
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
        self._names = Names(door.world.files, door.world.shared)
        self._renamed = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether the part file has a name of its own; one that was taken over comes where it is to stay (F28)."""
        return self.part_path != self.target_path

    def leave(self) -> None:
        """It has none any more."""
        self.target_path = self.part_path = ""

    def leave_part(self) -> None:
        """What lies there is another's."""
        self.part_path = ""

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
            await self._check_no_folder(target)
            part = await self._names.beside(target)
        await self._tell(target, part, claimed=claimed)
        return True

    async def choose_part(self) -> None:
        """Another name for what comes, where that of before is no longer its own. Raises as :meth:`choose`."""
        claimed, target = newest(self._door, self._effect.order).claimed, self.target_path
        is_taken_over = not claimed and self._effect.order.origin.earlier is not None
        if is_taken_over or (claimed and is_of_another(self._door, target)):  # what lies there is not the download's
            claimed, target = True, await self._another_name()
        reached("download.another_part_file")
        await self._tell(target, await self._names.beside(target), claimed=claimed)

    async def give_name(self, file: PartFile) -> None:
        """Move the part file there: all of it has come, and is synced. Raises :class:`OSError`, and :class:`UnwantedError`.

        ``FileNotFoundError``: what lies there is not the ``file`` that was written.
        """
        state = newest(self._door, self._effect.order)
        over_nothing = self.is_elsewhere and state.claimed  # else it may be moved onto itself: its folder is synced
        url, referrer = self._marked_url(), _referrer(self._effect.order)
        leave(self._door, self.part_path)
        while not self._renamed:
            if over_nothing and is_of_another(self._door, self.target_path):
                await self._choose_another(file)
            part, target = self.part_path, self.target_path
            try:
                await put_in_place(
                    self._files, file.opened, part, target, url=url, referrer=referrer, over_nothing=over_nothing
                )
                self._renamed = True
            except FileExistsError:
                if not over_nothing:
                    raise
                await self._choose_another(file)
            except FileNotFoundError:
                raise
            except OSError:
                self._renamed = await self._is_gone(part)  # it may have been moved, and not synced
                raise

    async def clear_up(self) -> None:
        """Remove the names that no turn knows of, and the file of a download that was cancelled.

        Who deletes what that left may have been there before the file was: at a closing he does not wait.
        """
        try:
            if self._is_cancelled() and not self._door.stopped:
                await self._door.durable()  # it may be undone yet; once it is not, it stops this fetch
        finally:
            own = self.target_path if self._renamed else self.part_path
            cancelled = own and self._is_cancelled() and not is_of_another(self._door, own)
            for path in (*self._names.made, *([own] if cancelled else [])):
                with contextlib.suppress(OSError):
                    await self._files.remove(path)

    async def _is_gone(self, path: str) -> bool:
        with contextlib.suppress(OSError):
            return await self._files.size(path) is None
        return False

    def _is_cancelled(self) -> bool:
        return newest(self._door, self._effect.order).phase == "cancelled"

    async def _check_no_folder(self, target: str) -> None:
        """Before the first byte, not after the last. What else is there is replaced."""
        try:
            file = await self._files.open_to_read(target)
        except IsADirectoryError:
            raise
        except OSError:  # there is none, or nobody may read it
            return
        await file.close()

    async def _choose_another(self, file: PartFile) -> None:
        """Another program has got the name that was kept free: its file stays, and this one gets the next name."""
        if not await file.opened.is_there():  # the part file's name is chosen again with it
            raise FileNotFoundError(errno.ENOENT, "It is another file, or none", self.part_path)
        target = await self._another_name()
        reached("download.name_taken_by_another")
        await self._tell(target, self.part_path, claimed=True)
        await self._door.durable()  # a crash must not leave a file under a name that nobody knows

    async def _another_name(self) -> str:
        return await self._names.another(self._effect.order.directory, newest(self._door, self._effect.order).filename)

    async def _tell(self, target: str, part: str, *, claimed: bool) -> None:
        if not await self._door.ask(ChooseTarget(self._effect.id, target, part, claimed)):
            raise UnwantedError
        self._names.made.clear()
        note_choice(self._door, target, part)
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


async def put_in_place(
    files: Files, opened: OpenFile, source: str, target: str, *, url: str, referrer: str, over_nothing: bool
) -> None:
    """Give a whole, synced file its name, and note where it came from. Raises :class:`OSError`."""
    if isinstance(files, PlacingFiles):
        await files.put_in_place(opened, source, target, url=url, referrer=referrer, over_nothing=over_nothing)
        return
    if not await opened.is_there():
        raise FileNotFoundError(errno.ENOENT, "It is another file, or none", source)
    with contextlib.suppress(OSError):  # a file system may have no place for it
        await files.mark(source, url, referrer)
    await files.rename(source, target, over_nothing=over_nothing)
