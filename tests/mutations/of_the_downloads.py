"""Safeguards of downloads that wait for places, go on by themselves, and have digests."""

from __future__ import annotations

from typing import Final

from .edits import Edit
from .mutation import Mutation

FETCH: Final = "actors.downloads.carriers:_Fetch"

DOWNLOADS: Final = (
    Mutation(
        name="download.digest_not_checked",
        gone="a file is completed whatever its digest is",
        edits=(Edit(f"{FETCH}._finish", "if wrong is not None:", "if False:"),),
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
                "return changed(state, (event, *events), (*effects, releasing(state)))",
                "return changed(state, (event, *events), effects)",
            ),
        ),
        scenarios=("queueing",),
    ),
    Mutation(
        name="retry.not_begun_again",
        gone="what waited for a retry when the process ended is not carried out again (re-issue)",
        edits=(Edit("actors.kernel.turning:decide_turn", 'if effect.recovery == "reissue"', "if False"),),
        scenarios=("queueing",),
    ),
)
