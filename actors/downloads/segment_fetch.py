"""Carries out ``FetchSegment``, and what the fetch of a divided download does between its head and its end.

Both do the same: bring a segment, ask for the next, until there is none. Where a segment ends may change while it is brought:
the download's state is looked at before each chunk is written.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from partita.actors.downloads import interruptions, ranges
from partita.actors.downloads.body import Body
from partita.actors.downloads.bursts import BURST_FROM_BYTES, take_bursts
from partita.actors.downloads.codings import is_coded
from partita.actors.downloads.part_file import PartFile, Reporter
from partita.actors.downloads.published import UnwantedError, newest
from partita.actors.downloads.rates import Pace
from partita.actors.kernel.file_ports import OpenFile
from partita.actors.kernel.world import Carriers, Door, NetworkResponse
from partita.actors.network.exchange import Answer, exchange
from partita.actors.network.fields import Fields
from partita.actors.network.http import NetError
from partita.actors.network.redirects import Outgoing
from partita.events.download_segments import FetchSegment, NextSegment, ReportSegment, SegmentBroke, SegmentDone
from partita.events.downloads import AwaitDownload, DownloadOrder, DownloadState, ReportProgress
from partita.events.errors import StoreError
from partita.events.points import reached
from partita.events.types import Outcome

IDLE_S: Final = 300.0
"""How long the server may say nothing before the download is interrupted."""


class _Led(dict[tuple[str, str], OpenFile]):
    """By partition and actor: the part file that the fetch which leads has open. Helpers write into that, not by its name."""


@contextlib.contextmanager
def led(door: Door, file: OpenFile) -> Iterator[None]:
    """Within it, helpers write into this file."""
    files, key = door.world.shared.of(_Led), (door.partition, door.actor)
    files[key] = file
    try:
        yield
    finally:
        files.pop(key, None)


class NoRangeError(Exception):
    """The server did not send that part of that file."""


class BusyError(NoRangeError):
    """It may send it later: in ``wait_s`` seconds, or when it likes (0)."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


async def asked_of(door: Door, order: DownloadOrder, more: Fields = ()) -> Answer:
    """The answer to a download's request, its body unread. Raises :class:`NetError`."""
    headers = tuple((name, value.reveal_text()) for name, value in order.headers)
    asked = Outgoing(
        "GET",
        order.url,
        (*headers, *more),
        timeout_s=IDLE_S,
        accept_encoding="identity",
        uses_cache=False,  # its bytes have a file of their own
        resource_type="other",
        initiator=order.origin.initiator,
    )
    return await exchange(door, asked)


async def reported(door: Door, progress: ReportProgress | ReportSegment) -> None:
    """Tell a download, and come back when the log has it: while commits fail, it waits (DESIGN, 8)."""
    await door.ask(progress)
    await door.durable()


class Worker:
    """One connection of a divided download."""

    def __init__(self, door: Door, effect: FetchSegment) -> None:
        self._door = door
        self._effect = effect
        self._pace = Pace(door, effect.order.options.rate_bytes_s)
        self._response: NetworkResponse | None = None
        self._part: PartFile | None = None

    async def go_on(self) -> None:
        """Bring what else there is to do, until there is nothing. Raises as :meth:`bring`."""
        while (following := await self._door.ask(NextSegment(self._effect.id))) != ():
            if isinstance(following, tuple):
                reached("download.takes_another_segment")
                await self.bring(*following)
            elif following is not True:
                raise UnwantedError

    async def bring(self, start: int, end: int) -> None:
        """Ask for a segment, and write it. Raises :class:`NetError`, ``OSError``, :class:`NoRangeError`."""
        condition = ranges.validator(self._effect.e_tag, self._effect.last_modified)
        assert condition is not None, "a file is divided that can be named"
        answer = await asked_of(self._door, self._effect.order, ranges.range_fields(start, condition, end))
        self._response = response = answer.response
        fit = ranges.fit(
            response.status,
            response.headers,
            offset=start,
            total_bytes=self._effect.total_bytes,
            e_tag=self._effect.e_tag,
            last_modified=self._effect.last_modified,
        )
        if fit != "goes on" or is_coded(response.headers):
            refusal = f"{answer.request.url} answered {response.status} {response.reason} to a range".rstrip()
            if not interruptions.is_busy(response.status):
                raise NoRangeError(refusal)
            now_us = self._door.world.clock.now_us()
            raise BusyError(refusal, interruptions.retry_after_s(response.status, response.headers, now_us))
        file = await self._led_file().again()
        self._part = PartFile(
            file, start, self._door.world.clock, self.reporter(start), shared_by=self._effect.order.options.segments
        )
        await self.receive(Body(response), self._part)
        await self.close()

    def _led_file(self) -> OpenFile:
        """The file of the one that leads: what else might have its name by now would have none of the other segments."""
        file = self._door.world.shared.of(_Led).get((self._door.partition, self._door.actor))
        if file is None:
            raise OSError(errno.EBADF, "Whoever leads has closed it", self._effect.part_path)
        return file

    def reporter(self, start: int) -> Reporter:
        """What a part file tells its checkpoints to."""
        return lambda synced_bytes: reported(self._door, ReportSegment(self._effect.id, start, synced_bytes))

    async def receive(self, body: Body, part: PartFile) -> None:
        """Write what comes, up to the segment's end. Raises :class:`NetError`, ``OSError``."""
        async for chunk in body:
            room = self._end() - part.received_bytes
            if room > 0:
                await part.add(chunk if len(chunk) <= room else chunk[:room])
                await self._pace.keep(len(chunk))
            if len(chunk) >= room:
                break
            if len(chunk) >= BURST_FROM_BYTES and part.can_take:
                await take_bursts(body, part, self._is_free, self._end)
                if part.received_bytes >= self._end():
                    break
            if self._download().paused:
                await part.checkpoint()
                await self._door.ask(AwaitDownload("running"))
        await part.checkpoint()
        if part.received_bytes < self._end():
            raise NetError("ERR_CONTENT_LENGTH_MISMATCH", "the range was shorter than announced")

    async def settle(self) -> None:
        """What has come so far is worth keeping."""
        if self._part is not None:
            with contextlib.suppress(OSError, StoreError):
                await self._part.checkpoint()

    async def close(self) -> None:
        """Let go of the connection and of the file."""
        response, self._response = self._response, None
        part, self._part = self._part, None
        try:
            if response is not None:
                await response.close()
        finally:
            if part is not None:
                await part.close()

    def _is_free(self) -> bool:
        return self._pace.is_free and not self._download().paused

    def _download(self) -> DownloadState:
        return newest(self._door, self._effect.order)

    def _end(self) -> int:
        for segment in self._download().segments:
            if segment.effect_id == self._effect.id:
                return segment.end
        raise UnwantedError


async def fetch_segment(effect: FetchSegment, door: Door) -> Outcome:
    """Bring it, and what else there is to do."""
    worker = Worker(door, effect)
    try:
        await worker.bring(effect.start, effect.end)
        await worker.go_on()
    except UnwantedError:
        return SegmentDone(effect.id)
    except NetError as error:
        reached("download.helper_broke")
        await worker.settle()
        return SegmentBroke(effect.id, f"{interruptions.of_net_error(error)}: {error}")
    except (NoRangeError, OSError, StoreError) as error:
        return SegmentBroke(effect.id, str(error))
    else:
        return SegmentDone(effect.id)
    finally:
        await worker.close()


CARRIERS: Final[Carriers] = {FetchSegment: fetch_segment}
