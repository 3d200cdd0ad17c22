"""Carries out ``FetchDownload``, over ports and the door only.

What goes wrong is an outcome: the network's errors, the disk's, the server's statuses. Whatever happens, the connection
and the file are closed, and no file but an empty one stays behind that no turn knows of.
"""

from __future__ import annotations

import errno
from typing import Final

from msgspec.structs import replace

from partita.actors.downloads import integrity, interruptions, ranges
from partita.actors.downloads.answers import since_us, whole_bytes
from partita.actors.downloads.body import Body
from partita.actors.downloads.bursts import BURST_FROM_BYTES, take_bursts
from partita.actors.downloads.claims import is_of_another
from partita.actors.downloads.codings import decoder_of, is_coded
from partita.actors.downloads.leading import Leader
from partita.actors.downloads.naming import suggested_name
from partita.actors.downloads.part_file import PartFile
from partita.actors.downloads.placing import Place
from partita.actors.downloads.published import UnwantedError, newest
from partita.actors.downloads.rates import Pace
from partita.actors.downloads.renamed import has_its_name
from partita.actors.downloads.segment_fetch import CARRIERS as OF_SEGMENTS
from partita.actors.downloads.segment_fetch import BusyError, NoRangeError, asked_of, led, reported
from partita.actors.downloads.sniffing import is_sniffed, sniffed_type
from partita.actors.downloads.stopping import CARRIERS as STOPPING
from partita.actors.downloads.timers import wait_to_retry
from partita.actors.kernel.file_ports import BeingWrittenError
from partita.actors.kernel.world import Carriers, Door, NetworkResponse
from partita.actors.network.decoding import Decoder
from partita.actors.network.exchange import Answer
from partita.actors.network.fields import Fields, first
from partita.actors.network.http import NetError
from partita.events.download_retries import WaitToRetry
from partita.events.download_segments import DivideDownload, ReportSegment
from partita.events.downloads import (
    AwaitDownload,
    DownloadBroke,
    DownloadFinished,
    DownloadHead,
    DownloadHeadFields,
    DownloadNotWanted,
    DownloadState,
    FetchDownload,
    Reason,
    ReportProgress,
)
from partita.events.errors import StoreError
from partita.events.points import reached
from partita.events.types import Outcome

ROOM_FROM_BYTES: Final = 1 << 20
"""A smaller file is just written: asking whether there is room would take longer."""

_GONE: Final = "the part file was moved, deleted or replaced, or is another's"


async def fetch_download(effect: FetchDownload, door: Door) -> Outcome | None:
    """Bring the bytes to the file; None when the download no longer wants them."""
    fetch = _Fetch(effect, door)
    try:
        return await fetch.run()
    except NetError as error:
        return await fetch.broke_off(interruptions.of_net_error(error), f"{error}: {error.detail}")
    except OSError as error:
        if fetch.is_gone(error):
            reached("download.part_file_gone")
            return fetch.broke(interruptions.of_file_error(error), f"{_GONE}: {error}", spoiled=True, gone=True)
        return fetch.broke(interruptions.of_file_error(error), str(error))
    except StoreError as error:  # the log cannot be read or written: what it cannot be told has not happened
        return fetch.broke("FILE_TRANSIENT_ERROR", str(error))
    finally:
        await fetch.close()


class _Fetch:
    def __init__(self, effect: FetchDownload, door: Door) -> None:
        self._effect = effect
        self._door = door
        self._files = door.world.files
        self._response: NetworkResponse | None = None
        self._part: PartFile | None = None
        self._place = Place(effect, door)
        self._kept_bytes = effect.offset  # of what the part file held before this fetch opened it
        self._goes_on = False  # what the part file holds counts
        self._leads = False  # others bring segments of the file

    async def run(self) -> Outcome | None:
        await self._door.alone()  # one that was stopped may be about to leave the file
        if self._download().effect_id != self._effect.id:
            return None
        try:
            offset = await self._usable_offset()
            if offset is None:
                return DownloadFinished(self._effect.id, whole_bytes(self._download()))
            return await self._request(offset)
        except UnwantedError:
            return None

    def _download(self) -> DownloadState:
        return newest(self._door, self._effect.order)

    # -- where to go on -----------------------------------------------------------------------------------------------

    async def _usable_offset(self) -> int | None:
        """How much of the part file counts; None when the file is complete and has its name already."""
        effect = self._effect
        if not effect.part_path:
            return 0
        if self._is_taken():
            reached("download.name_of_another")
            self._place.leave()
            return 0
        size = await self._files.size(effect.part_path)
        if size is None and await self._is_named():
            return None
        condition = ranges.validator(effect.e_tag, effect.last_modified)
        if size is not None and size < max(effect.offset, effect.kept_bytes):
            if self._place.is_elsewhere:  # else it was taken over as it is
                reached("download.part_file_too_short")
                self._place.leave_part()  # so much was synced: it is another file
            return 0
        if size is None or condition is None:
            return 0
        self._goes_on = effect.offset > 0 or effect.kept_bytes > 0
        return effect.offset

    def _is_taken(self) -> bool:
        """Whether another download has the part file's name."""
        return self._place.is_elsewhere and is_of_another(self._door, self._place.part_path)

    async def _is_named(self) -> bool:
        """Whether all of it has its name already: the process ended before the log had that, and perhaps before the disk had."""
        effect, state = self._effect, self._download()
        target, digests = effect.target_path, effect.order.options.integrity
        if is_of_another(self._door, target):
            return False
        if not await has_its_name(self._door, effect.part_path, target, whole_bytes(state), since_us=since_us(state)):
            return False
        if await integrity.mismatch(self._files, target, digests) is not None:
            return False
        reached("download.renamed_before_the_crash")
        await self._files.rename(target, target)  # onto itself: its folder is synced
        return True

    async def _request(self, offset: int) -> Outcome:
        effect = self._effect
        if offset and offset == effect.total_bytes:
            await self._open(offset, effect.total_bytes)
            return await self._finish(effect.total_bytes)
        while True:
            answer = await self._ask_for(offset)
            response = answer.response
            fit = ranges.fit(
                response.status,
                response.headers,
                offset=offset,
                total_bytes=effect.total_bytes,
                e_tag=effect.e_tag,
                last_modified=effect.last_modified,
                is_range=self._goes_on,
            )
            if fit == "failed":
                reason = interruptions.of_status(response.status)
                detail = f"{answer.request.url} answered {response.status} {response.reason}".rstrip()
                wait_s = interruptions.retry_after_s(response.status, response.headers, self._door.world.clock.now_us())
                return self.broke("SERVER_FAILED" if reason == "NONE" else reason, detail, wait_s)
            if fit == "goes on" and not is_coded(response.headers):
                reached("download.goes_on_by_range")
                return await self._take(answer, offset)
            offset, self._goes_on = 0, False
            if fit == "begins again":
                reached("download.begins_again")
                return await self._take(answer, 0)
            await self._close_response()

    async def _ask_for(self, offset: int) -> Answer:
        effect = self._effect
        condition = ranges.validator(effect.e_tag, effect.last_modified)
        more = ranges.range_fields(offset, condition) if self._goes_on and condition is not None else ()
        answer = await asked_of(self._door, effect.order, more)
        self._response = answer.response
        return answer

    # -- where it goes ------------------------------------------------------------------------------------------------

    async def _take(self, answer: Answer, offset: int) -> Outcome:
        """Tell the head, find the place, receive the body."""
        response = answer.response
        body = Body(response)
        decoder = self._decoder_of(answer)
        status, headers = response.status, response.headers
        head = ranges.head_of(answer.url_chain, status, headers, offset, is_decoded=decoder is not None)
        if offset == 0 and decoder is None:
            head = await _sniffed(head, headers, body)
        head = ranges.continued(head, self._download().head)
        name = await self._door.ask(DownloadHead(self._effect.id, head))
        if not isinstance(name, str):
            reached("download.unwanted")
            raise UnwantedError
        self._kept_bytes = offset  # what was received before belongs to another head
        if not self._place.target_path and not await self._place.choose(name):
            return DownloadNotWanted(self._effect.id)
        if not self._place.part_path:
            await self._place.choose_part()
        # A crash must not leave a file that nobody knows, nor bytes that pass for another head's.
        await self._door.durable()
        await self._open(offset, head.total_bytes)
        if decoder is None:
            if await self._is_divided():
                return await self._lead(head, body)
            await self._receive(body)
            return await self._finish(head.total_bytes)
        came_bytes = await self._receive_decoded(body, decoder)
        announced_bytes = ranges.total_of(status, headers, 0)
        if announced_bytes and came_bytes != announced_bytes:
            return self._wrong_length(announced_bytes, came_bytes)
        return await self._finish(0)

    def _decoder_of(self, answer: Answer) -> Decoder | None:
        headers = answer.response.headers
        coding = first(headers, "content-encoding")
        if not coding:
            return None
        mime_type = first(headers, "content-type") or ""
        name = suggested_name(answer.url_chain[-1], first(headers, "content-disposition") or "", mime_type)
        return decoder_of(coding, mime_type, name)

    # -- the body -----------------------------------------------------------------------------------------------------

    async def _open(self, offset: int, total_bytes: int) -> None:
        """Open the part file, and have room for the rest: a full disk is told before the first byte, not after the last."""
        missing_bytes = total_bytes - offset
        if missing_bytes >= ROOM_FROM_BYTES:
            free_bytes = await self._files.free_bytes(self._place.part_path)
            if free_bytes is not None and free_bytes < missing_bytes:
                raise OSError(errno.ENOSPC, f"{missing_bytes} bytes are to come, and there is room for {free_bytes}")
        self._check_not_taken()  # while the server was waited for
        keep_bytes = max(offset, self._effect.kept_bytes) if self._goes_on else 0
        if self._effect.part_path and not self._goes_on:
            # Somebody may have deleted it: a power cut must not bring that back.
            await self._files.claim(self._place.part_path)
        try:
            file = await self._files.open(self._place.part_path, emptied=False, must_exist=keep_bytes > 0)
        except BeingWrittenError as error:
            raise self._another_file() from error
        segments = self._effect.order.options.segments
        self._part = PartFile(file, offset, self._door.world.clock, self._report, shared_by=segments)
        self._check_not_taken()  # while it was opened
        if file.size_bytes < keep_bytes:
            raise self._another_file()
        if file.size_bytes > keep_bytes:
            await file.cut(keep_bytes)
        if missing_bytes >= ROOM_FROM_BYTES:
            await file.reserve(total_bytes)

    def _check_not_taken(self) -> None:
        if self._is_taken():
            raise self._another_file()

    def _another_file(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "It is another file by now", self._place.part_path)

    async def _report(self, synced_bytes: int) -> None:
        if self._leads:
            await reported(self._door, ReportSegment(self._effect.id, self._kept_bytes, synced_bytes))
        else:
            await reported(self._door, ReportProgress(self._effect.id, synced_bytes))

    async def _is_divided(self) -> bool:
        """Whether others help: they begin as soon as the file is open."""
        if self._effect.order.options.segments > 1 or self._effect.kept_bytes:
            self._leads = await self._door.ask(DivideDownload(self._effect.id)) is True
        return self._leads

    async def _lead(self, head: DownloadHeadFields, body: Body) -> Outcome:
        """Bring the first segment, and what else there is to do; the file is complete when nothing is."""
        part = self._part
        assert part is not None
        leader = Leader(self._door, self._effect, self._place.part_path, self._kept_bytes, head)
        try:
            with led(self._door, part.opened):
                await leader.bring(body, part, self._close_response)
        except BusyError as busy:
            return self.broke("SERVER_FAILED", str(busy), busy.wait_s)
        except NoRangeError as error:
            return self.broke("SERVER_NO_RANGE", str(error))
        return await self._put_in_place(part, head.total_bytes)

    async def _receive(self, body: Body) -> None:
        part = self._part
        assert part is not None
        pace = Pace(self._door, self._effect.order.options.rate_bytes_s)
        async for chunk in body:
            await part.add(chunk)
            await pace.keep(len(chunk))
            if len(chunk) >= BURST_FROM_BYTES and part.can_take:
                await take_bursts(body, part, lambda: pace.is_free and not self._download().paused)
            if self._download().paused:
                await self._pause(part)

    async def _pause(self, part: PartFile) -> None:
        """Read no further; the server is held back by the connection (FEATURES L8)."""
        await part.checkpoint()
        await self._door.ask(AwaitDownload("running"))

    async def _receive_decoded(self, body: Body, decoder: Decoder) -> int:
        """The same for a body whose coding is undone; returns how many bytes came."""
        part = self._part
        assert part is not None
        came_bytes = 0
        pace = Pace(self._door, self._effect.order.options.rate_bytes_s)
        async for chunk in body:
            came_bytes += len(chunk)
            for piece in decoder.feed(chunk):
                await part.add(piece)
            await pace.keep(len(chunk))
            if self._download().paused:
                await self._pause(part)
        return came_bytes

    async def _finish(self, total_bytes: int) -> Outcome:
        part = self._part
        assert part is not None
        await part.finish()
        if total_bytes and part.received_bytes != total_bytes:
            return self._wrong_length(total_bytes, part.received_bytes)
        if not total_bytes:  # so that the file is known again if the process ends before its renaming is in the log
            await reported(self._door, ReportProgress(self._effect.id, part.received_bytes, is_whole=True))
        return await self._put_in_place(part, part.received_bytes)

    async def _put_in_place(self, part: PartFile, received_bytes: int) -> Outcome:
        """Give the file its name: all of it is there, and synced."""
        await part.close()
        wrong = await integrity.mismatch(self._files, self._place.part_path, self._effect.order.options.integrity)
        if wrong is not None:
            return self.broke("FILE_HASH_MISMATCH", wrong, spoiled=True)
        await self._place.give_name(part)
        return DownloadFinished(self._effect.id, received_bytes)

    def _wrong_length(self, announced_bytes: int, came_bytes: int) -> Outcome:
        detail = f"{announced_bytes} bytes were announced, {came_bytes} came"
        return self.broke("SERVER_CONTENT_LENGTH_MISMATCH", detail)

    # -- how it ends --------------------------------------------------------------------------------------------------

    async def broke_off(self, reason: Reason, detail: str) -> Outcome:
        """The network failed: what has come so far is worth keeping."""
        if self._part is not None:
            try:
                await (self._part.checkpoint() if self._leads else self._part.sync())
            except OSError as error:
                return self.broke(interruptions.of_file_error(error), str(error))
            except StoreError as error:
                return self.broke("FILE_TRANSIENT_ERROR", str(error))
        return self.broke(reason, detail)

    def is_gone(self, error: OSError) -> bool:
        """Whether it says that what lies under the part file's name is not what was written; not so of a whole drive."""
        return isinstance(error, FileNotFoundError) and error.filename == self._place.part_path != ""

    def broke(
        self, reason: Reason, detail: str, retry_after_s: float = 0.0, *, spoiled: bool = False, gone: bool = False
    ) -> Outcome:
        """See :class:`DownloadBroke`."""
        received = self._kept_bytes if self._part is None else self._part.synced_bytes
        return DownloadBroke(self._effect.id, reason, 0 if spoiled else received, detail, retry_after_s, spoiled, gone)

    async def close(self) -> None:
        """Also when the fetch was stopped: the ports' ``close`` and ``remove`` run to their end."""
        try:
            await self._close_response()
        finally:
            if self._part is not None:
                await self._part.close()
            await self._place.clear_up()

    async def _close_response(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.close()


async def _sniffed(head: DownloadHeadFields, headers: Fields, body: Body) -> DownloadHeadFields:
    """What the file is by its first bytes, where the server does not know (FEATURES L13)."""
    nosniff = (first(headers, "x-content-type-options") or "").strip().lower() == "nosniff"
    if not is_sniffed(head.mime_type, nosniff=nosniff):
        return head
    return replace(head, mime_type=sniffed_type(head.mime_type, await body.first(), nosniff=nosniff))


CARRIERS: Final[Carriers] = {
    FetchDownload: fetch_download,
    **STOPPING,
    WaitToRetry: wait_to_retry,
    **OF_SEGMENTS,
}
