"""The connection of a divided download that asked for all of it: it brings the first segment, and sees to it that all comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from partita.actors.downloads.body import Body
from partita.actors.downloads.part_file import PartFile
from partita.actors.downloads.pieces import first_missing
from partita.actors.downloads.published import UnwantedError, newest
from partita.actors.downloads.segment_fetch import BusyError, NoRangeError, Worker
from partita.actors.kernel.world import Door
from partita.actors.network.http import NetError
from partita.events.download_segments import FetchSegment, LeaveSegment
from partita.events.downloads import AwaitDownload, DownloadHeadFields, DownloadState, FetchDownload
from partita.events.points import reached

BUSY_WAITS_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How long to wait for a busy server, where several connections were tried: some allow one, and see late that it has ended."""


class Leader:
    """Begins where ``start`` bytes of the file are there."""

    def __init__(self, door: Door, effect: FetchDownload, part_path: str, start: int, head: DownloadHeadFields) -> None:
        self._door = door
        self._effect = effect
        self._total_bytes = head.total_bytes
        self._worker = Worker(
            door,
            FetchSegment(
                effect.id,
                effect.order,
                part_path,
                start=start,
                end=head.total_bytes,
                total_bytes=head.total_bytes,
                e_tag=head.e_tag,
                last_modified=head.last_modified,
            ),
        )

    async def bring(self, body: Body, part: PartFile, let_go: Callable[[], Awaitable[None]]) -> None:
        """Bring the first segment, and what else there is to do; ``let_go`` closes the response of ``body``.

        Raises :class:`NetError`, ``OSError``, :class:`NoRangeError`, :class:`UnwantedError`: then the file is not complete.
        """
        reached("download.divided")
        try:
            await self._worker.receive(body, part)
            await let_go()  # what follows is for others to bring
            await self._go_on()
        except (NetError, NoRangeError):
            await part.checkpoint()
            await self._worker.settle()
            await let_go()
            if not await self._others_bring_the_rest():
                raise
        finally:
            await self._worker.close()

    async def _go_on(self) -> None:
        """Until nothing is left; a server that is busy with the others is asked once more when those have ended."""
        waits = iter(BUSY_WAITS_S)
        came_bytes = self._download().received_bytes
        while True:
            try:
                return await self._worker.go_on()
            except BusyError as busy:
                await self._worker.close()
                if await self._others_bring_the_rest():
                    return None
                now_bytes = self._download().received_bytes
                if now_bytes > came_bytes:
                    came_bytes, waits = now_bytes, iter(BUSY_WAITS_S)
                wait_s = next(waits, None)
                if wait_s is None or busy.wait_s > BUSY_WAITS_S[-1]:
                    raise
                reached("download.waits_for_a_busy_server")
                await self._door.world.clock.sleep(max(wait_s, busy.wait_s))
                await self._door.ask(AwaitDownload("running"))

    async def _others_bring_the_rest(self) -> bool:
        """It has no connection: wait for the helpers, and see whether they have brought all of it."""
        while (left := await self._door.ask(LeaveSegment(self._effect.id))) != ():
            if left is not True:
                raise UnwantedError
        if first_missing(self._download().pieces) < self._total_bytes:
            return False
        reached("download.helpers_bring_the_rest")
        return True

    def _download(self) -> DownloadState:
        return newest(self._door, self._effect.order)
