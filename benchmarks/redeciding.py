"""Deciding every turn of a log again, beside folding it."""

from __future__ import annotations

from benchmarks.measuring import Bench, Row, compared, interleaved, rate
from benchmarks.opening import build_log
from benchmarks.workload import BEHAVIORS, opened
from partita.actors.kernel.fold import fold
from partita.actors.replay.redecide import redecide
from partita.store.partition import PartitionStore

BATCH_TURNS = 1_000


def rows(bench: Bench) -> list[Row]:
    """A log without a snapshot, its checksums verified by both."""
    turns = bench.sizes.events
    directory = bench.scratch / "redecided"
    build_log(directory, turns, tail=turns, tail_batch=BATCH_TURNS)
    with opened(directory) as store:
        figures = interleaved(
            bench.sizes.rounds,
            {
                "redecide": lambda: rate(turns, lambda: _redecide(store, turns)),
                "fold": lambda: rate(turns, lambda: _fold(store, turns)),
            },
        )
    return [compared("redecide", "every turn decided again / replay by fold", figures, ours="redecide", peer="fold")]


def _redecide(store: PartitionStore, turns: int) -> None:
    report = redecide(store, BEHAVIORS)
    assert report.turns == turns
    assert report.agrees, report.divergences[0]


def _fold(store: PartitionStore, turns: int) -> None:
    assert fold(store, BEHAVIORS).position == turns
