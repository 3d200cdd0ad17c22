"""Safeguards of downloads that wait for places, go on by themselves, and have digests."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

FETCH: Final = "actors.downloads.carriers:_Fetch"
PLACE: Final = "actors.downloads.placing:Place"

DOWNLOADS: Final = (
    Mutation(
        name="download.digest_not_checked",
        gone="a file is completed whatever its digest is",
        edits=(Edit(f"{FETCH}._put_in_place", "if wrong is not None:", "if False:"),),
        scenarios=("queueing",),
    ),
    Mutation(
        name="queue.limits_not_looked_at",
        gone="whoever comes has a place",
        edits=(
            Edit(
                "actors.downloads.places:has_room",
                "return len(state.running) < limits.concurrent and state.busy.get(host, 0) < limits.per_host",
                "return True",
            ),
        ),
        scenarios=("queueing",),
    ),
    Mutation(
        name="queue.place_stays_taken",
        gone="a download that has ended keeps its place",
        edits=(Edit("actors.downloads.ledger:_ended", "places.released(state, entry)", "state"),),
        scenarios=("queueing",),
    ),
    Mutation(
        name="queue.place_kept_while_interrupted",
        gone="a download that was interrupted keeps others waiting",
        edits=(
            Edit(
                "actors.downloads.behavior:broke",
                "return changed(state, (event, *settled_helpers, *events), (*stop_helpers, *effects, releasing(state)))",
                "return changed(state, (event, *settled_helpers, *events), (*stop_helpers, *effects))",
            ),
        ),
        scenarios=("queueing",),
    ),
    Mutation(
        name="queue.places_outlive_the_process",
        gone="places that downloads had when the process ended stay taken",
        edits=(
            Edit("actors.downloads.ledger:recover", "(PlacesCleared(),) if state.running or state.lines else ()", "()"),
        ),
        scenarios=("queueing",),
    ),
    Mutation(
        name="download.rate_not_kept",
        gone="a download is as fast as it goes, whatever its rate",
        edits=(Edit("actors.downloads.rates:Pace.keep", "max(own_s, shared_s)", "0.0"),),
        scenarios=("queueing",),
    ),
    Mutation(
        name="retry.not_begun_again",
        gone="what waited for a retry when the process ended is not carried out again (re-issue)",
        edits=(Edit("actors.kernel.turning:decide_turn", 'if effect.recovery == "reissue"', "if False"),),
        scenarios=("queueing",),
    ),
    # -- the file and the log ------------------------------------------------------------------------------------------------
    Mutation(
        name="download.file_ahead_of_the_log",
        gone="a file is written behind a checkpoint that the log does not have yet",
        edits=(Edit("actors.downloads.segment_fetch:reported", "await door.durable()", "pass"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="download.file_before_its_name",
        gone="a file is written that the log does not know yet",
        edits=(Edit(f"{FETCH}._take", "await self._door.durable()", "pass"),),
        scenarios=("downloads",),
    ),
    # -- what a cancelled one leaves -----------------------------------------------------------------------------------------
    Mutation(
        name="download.not_discarded_after_a_crash",
        gone="a file whose deletion was cut short by the end of the process stays",
        edits=(
            Edit("actors.kernel.turning:decide_turn", 'if effect.recovery == "reissue"', "if False"),
            Edit("actors.kernel.turning:_failed", 'if effect.recovery == "fail"', ""),
        ),
        scenarios=("downloads",),
    ),
    Mutation(
        name="download.whole_file_left",
        gone="a file that has its name, and of which no turn told before a crash, stays when its download is cancelled",
        edits=(Edit("actors.downloads.stopping:discard_files", "await _is_whole(effect, door)", "False"),),
        scenarios=("downloads",),
    ),
    Mutation(
        name="download.coded_file_unknown_after_a_crash",
        gone="a file whose coding was undone, and that got its name just before a crash, is not known again",
        edits=(Edit("actors.downloads.answers:whole_bytes", "or (state.received_bytes if state.is_whole else 0)", ""),),
        scenarios=("coded_files",),
    ),
    Mutation(
        name="download.any_part_is_whole",
        gone="a part of a file of unknown length that somebody has given its name counts for all of it",
        edits=(Edit("actors.downloads.answers:whole_bytes", "if state.is_whole else 0", "if True else 0"),),
        scenarios=("coded_files",),
    ),
    Mutation(
        name="download.part_file_made_anew",
        gone="a download that goes on makes the part file anew that somebody has just deleted, with a hole for what it had",
        edits=(
            Edit("simulations.disk.files:SimulatedFiles.open", "if must_exist:", "if False:"),
            Edit(f"{FETCH}._open", "if file.size_bytes < keep_bytes:", "if False:"),
        ),
        scenarios=("downloads", "moving_target"),
        on_the_disk=True,
    ),
    Mutation(
        name="download.part_file_of_another_kept",
        gone="a download whose part file somebody has deleted asks for the one that got the name, which its owner has open",
        edits=(
            Edit("actors.downloads.evolution:_interrupted", '"" if event.gone else state.part_path', "state.part_path"),
            Edit("actors.downloads.placing:Place._choose_another", "not await file.opened.is_there()", "False"),
        ),
        scenarios=("moving_target",),
    ),
    Mutation(
        name="download.known_again_and_not_synced",
        gone="a file that had its name before the crash is known again, and a power cut may take that back",
        edits=(Edit(f"{FETCH}._is_named", "await self._files.rename(target, target)", "pass"),),
        scenarios=("queueing", "downloads"),
    ),
    Mutation(
        name="download.files_of_another_taken",
        gone="a download whose files were deleted goes on in those of the next one, which has got the same names",
        edits=(
            Edit(f"{FETCH}._is_taken", "self._place.is_elsewhere and", "False and"),
            Edit(f"{FETCH}._usable_offset", "self._place.leave_part()", "pass"),
            Edit("simulations.disk.files:SimulatedFiles.open", "if medium.is_written(file):", "if False:"),
        ),
        scenarios=("downloads", "queueing", "moving_target"),
    ),
    Mutation(
        name="download.files_of_another_discarded",
        gone="with a download whose files were deleted those of the next one go, which has got the same names",
        edits=(Edit("actors.downloads.stopping:_delete", "if not is_of_another(door, path):", "if True:"),),
        scenarios=("downloads", "queueing"),
    ),
    # -- codings, and what other programs write -------------------------------------------------------------------------------
    Mutation(
        name="coding.not_undone",
        gone="a file is stored as its server has coded it on the way",
        edits=(Edit(f"{FETCH}._decoder_of", "return decoder_of(coding, mime_type, name)", "return None"),),
        scenarios=("coded_files",),
    ),
    Mutation(
        name="download.other_programs_file_replaced",
        gone="a file that another program has put where a download was to go is replaced",
        edits=(Edit(f"{PLACE}.give_name", "self.is_elsewhere and state.claimed", "False"),),
        scenarios=("coded_files",),
    ),
    Mutation(
        name="download.other_programs_file_in_the_way",
        gone="a download whose name another program has got chooses no other",
        edits=(Edit(f"{PLACE}.give_name", "if not over_nothing:", "if True:"),),
        scenarios=("coded_files",),
    ),
    Mutation(
        name="download.other_programs_file_discarded",
        gone="what another program has put in the place of a download that is cancelled is deleted with it",
        edits=(Edit("actors.downloads.stopping:_delete", "only_if_empty=True", "only_if_empty=False"),),
        scenarios=("coded_files",),
    ),
    # -- several connections ------------------------------------------------------------------------------------------------
    Mutation(
        name="segments.not_waited_for",
        gone="the connection that leads finishes the file while others are still bringing theirs",
        edits=(
            Edit("actors.downloads.segments:next_segment", "return Decision(waits=WORK)", "return Decision(reply=())"),
        ),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.end_of_a_helper_not_told",
        gone="the connection that leads is not woken when a helper has ended",
        edits=(Edit("actors.downloads.segments:_ended", ", answers=((WORK, True),)", ""),),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.part_file_cut",
        gone="a download that goes on cuts off what segments have brought behind its beginning",
        edits=(Edit(f"{FETCH}._open", "max(offset, self._effect.kept_bytes)", "offset"),),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.pieces_of_another_file",
        gone="what segments have brought of a file that has changed since counts for the new one",
        edits=(
            Edit(
                "actors.downloads.evolution:_head_received",
                "state.pieces if event.head.status == ranges.PARTIAL else ()",
                "state.pieces",
            ),
        ),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.waiting_not_answered",
        gone="who waits for more to do when the download stops waits for ever",
        edits=(Edit("actors.downloads.answers:changed", "if state.segments and not after.segments:", "if False:"),),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.any_range_taken",
        gone="a helper takes whatever range of whatever file it is sent",
        edits=(Edit("actors.downloads.segment_fetch:Worker.bring", 'fit != "goes on" or', ""),),
        scenarios=("segments",),
    ),
    Mutation(
        name="segments.written_into_the_next_ones",
        gone="a helper writes into whatever has the part file's name: that of the next download, when somebody deleted its own",
        edits=(
            Edit(
                "actors.downloads.segment_fetch:Worker.bring",
                "await self._led_file().again()",
                "await self._door.world.files.open(self._effect.part_path, emptied=False)",
            ),
            Edit("simulations.disk.files:SimulatedFiles.open", "if medium.is_written(file):", "if False:"),
        ),
        scenarios=("segments",),
    ),
)
