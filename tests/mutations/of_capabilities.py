"""Safeguards of downloads, cookies and webRequest."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

FETCH: Final = "actors.downloads.carriers:_Fetch"
FIT: Final = "actors.downloads.ranges:fit"
EXCHANGE: Final = "actors.network.exchange"

CAPABILITIES: Final = (
    # -- part files -------------------------------------------------------------------------------------------------------
    Mutation(
        name="part_file.reported_before_synced",
        gone="a checkpoint reports bytes that are not on the disk yet",
        edits=(
            Edit(
                "actors.downloads.part_file:PartFile.checkpoint",
                "if await self.sync():\n        await self._report(self.synced_bytes)",
                "await self._write()\n"
                "    self._checked_at = self._clock.monotonic()\n"
                "    if self.synced_bytes != self.received_bytes:\n"
                "        self.synced_bytes = self.received_bytes\n"
                "        await self._report(self.synced_bytes)",
            ),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="part_file.renamed_before_synced",
        gone="a file has its name before its last bytes are on the disk",
        edits=(
            Edit("actors.downloads.part_file:PartFile.finish", "isinstance(self._file, FinishingFile)", "False"),
            Edit("actors.downloads.part_file:PartFile.finish", "await self.sync()", "await self._write()"),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="part_file.renamed_without_its_folder",
        gone="a download is completed before the name of its file is on the disk",
        edits=(
            Edit(
                "simulations.disk.files:SimulatedFiles.rename",
                "medium.sync_folder(folder_of(target))",
                "pass",
            ),
            Edit(
                "simulations.disk.files:SimulatedFiles.rename",
                "medium.sync_folder(folder_of(source))",
                "pass",
            ),
        ),
        scenarios=("downloads",),
        on_the_disk=True,
    ),
    Mutation(
        name="part_file.not_cut",
        gone="what an older version of a file left in the part file stays behind a shorter one",
        edits=(Edit(f"{FETCH}._open", "if file.size_bytes > keep_bytes:", "if False:"),),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="range.whole_taken_for_the_rest",
        gone="the whole file, sent in place of its rest, is put behind what has come before",
        edits=(
            Edit(
                f"{FETCH}._request", "        offset, self._goes_on = 0, False\n", "        asked, offset = offset, 0\n"
            ),
            Edit(f"{FETCH}._request", "self._take(answer, 0)", "self._take(answer, asked)"),
        ),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="part_file.shorter_than_reported",
        gone="nobody looks whether the part file holds what was reported",
        edits=(
            Edit(
                f"{FETCH}._usable_offset",
                "if size is not None and size < max(effect.offset, effect.kept_bytes):",
                "if False:",
            ),
            Edit(f"{FETCH}._open", "if file.size_bytes < keep_bytes:", "if False:"),
        ),
        scenarios=("downloads", "moving_target"),
    ),
    # -- ranges -----------------------------------------------------------------------------------------------------------
    Mutation(
        name="range.content_range_not_read",
        gone="a part of the file is taken for the one that was asked for (Content-Range)",
        edits=(Edit(FIT, "or int(match[1]) != offset", ""),),
        scenarios=("downloads", "moving_target"),
    ),
    Mutation(
        name="range.no_if_range",
        gone="the rest is asked for of whatever the file is now (If-Range), and its validators are not compared",
        edits=(
            Edit("actors.downloads.ranges:range_fields", '("If-Range", condition)', ""),
            Edit(FIT, "and same_tag and same_date", ""),
        ),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="range.weak_validator",
        gone="a weak entity tag is trusted to tell bytes apart",
        edits=(Edit("actors.downloads.ranges:validator", 'and not e_tag.startswith("W/")', ""),),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="range.tag_not_compared",
        gone="the rest of another file is taken from a server that ignores If-Range and gives entity tags",
        edits=(Edit(FIT, "and same_tag", ""),),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="range.date_not_compared",
        gone="the rest of another file is taken from a server that ignores If-Range and gives dates",
        edits=(Edit(FIT, "and same_date", ""),),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="download.size_not_checked",
        gone="a download is completed with fewer bytes than were announced",
        edits=(Edit(f"{FETCH}._finish", "if total_bytes and part.received_bytes != total_bytes:", "if False:"),),
        scenarios=("moving_target", "downloads"),
    ),
    Mutation(
        name="download.name_not_claimed",
        gone="two downloads choose the same file",
        edits=(
            Edit(
                "actors.downloads.placing:Names._claim",
                "await self._files.claim(path)",
                "(await self._files.claim(path) or True)",
            ),
            Edit("actors.downloads.placing:Names._claim_both", "not await files.claim_both(*both)", "True"),
        ),
        scenarios=("downloads", "moving_target"),
    ),
    Mutation(
        name="download.files_stay_open",
        gone="a fetch that ends does not close its file",
        edits=(Edit(f"{FETCH}.close", "await self._part.close()", "pass"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="download.responses_stay_open",
        gone="a fetch that ends does not close its response",
        edits=(Edit(f"{FETCH}.close", "await self._close_response()", "pass"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="download.first_turn_lost",
        gone="a download whose first turn was lost with the process stays unknown to its actor",
        edits=(Edit("actors.downloads.ledger:recover", "if not entry.ended", "if False"),),
        scenarios=("downloads", "prompts"),
    ),
    Mutation(
        name="download.taken_over_name_unsynced",
        gone="a file that was taken over gets no rename onto itself, so that its name may be gone after a power cut",
        edits=(
            Edit(
                "actors.downloads.placing:Place.give_name",
                "await put_in_place(",
                "not self.is_elsewhere or await put_in_place(",
            ),
        ),
        scenarios=("taken_over",),
    ),
    # -- cookies ----------------------------------------------------------------------------------------------------------
    Mutation(
        name="cookies.touched_each_time",
        gone="every use of a cookie is recorded (no threshold)",
        edits=(
            Edit("actors.cookies.matching:stale_keys", "> STALE_AFTER_US", "> 0"),
            Edit("actors.cookies.behavior:touch_cookies", "> STALE_AFTER_US", "> 0"),
        ),
        scenarios=("browsing",),
    ),
    Mutation(
        name="cookies.of_the_session_stay",
        gone="session cookies outlive the process that set them",
        edits=(
            Edit(
                "actors.cookies.behavior:end_session_cookies",
                "return Decision(events=(SessionCookiesEnded(),))",
                "pass",
            ),
        ),
        scenarios=("cookies",),
    ),
    Mutation(
        name="preferences.of_the_session_stay",
        gone="the user agent outlives the process that set it",
        edits=(
            Edit(
                "actors.preferences.behavior:recover",
                "return Decision(events=(UserAgentForgotten(),))",
                "return NOTHING",
            ),
        ),
        scenarios=("cookies",),
    ),
    # -- webRequest -------------------------------------------------------------------------------------------------------
    Mutation(
        name="web_request.hooks_stay",
        gone="hooks outlive the process that their listeners were in",
        edits=(Edit("actors.web_request.behavior:recover", "if state.hooks", "if False"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.cancel_not_heard",
        gone="a request goes out that a listener has cancelled",
        edits=(Edit(f"{EXCHANGE}.before:before_request_answered", "if answer.cancel:", "if False:"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.late_cancel_not_heard",
        gone="a response comes that a listener has cancelled",
        edits=(Edit(f"{EXCHANGE}.receiving:headers_received_answered", "if answer.cancel:", "if False:"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.raising_is_no_refusal",
        gone="a request goes on whose listener raised",
        edits=(Edit("hook_listener:HookListener._refuse", "answer.settle(_CANCEL)", "answer.settle(None)"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.late_is_no_refusal",
        gone="a request goes on whose listener did not answer in time",
        edits=(Edit("actors.kernel.handler_table:_Patience.answer_of", "raise HandlerTimeout(late)", "return None"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.filter_not_read",
        gone="a listener is asked about requests that its filter leaves out",
        edits=(Edit("actors.web_request.filters:hooks_for", "if _compiled_filter", "if True or _compiled_filter"),),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.listeners_out_of_order",
        gone="listeners of one loop begin in any order",
        edits=(
            Edit("actors.kernel.delivery:_TrioLoop._run_all", "popleft()", "pop()"),
            Edit("actors.kernel.async_callbacks:AsyncCallbacks._run_next", "popleft()", "pop()"),
        ),
        scenarios=("web_requests",),
    ),
    Mutation(
        name="web_request.upload_not_replaced",
        gone="the body goes out that a listener has replaced",
        edits=(Edit(f"{EXCHANGE}.before:before_request_answered", "if answer.upload_data is not None:", "if False:"),),
        scenarios=("web_requests",),
    ),
)
