"""Opening a long log: the folder, its lock and keys, the check of its tail, a new epoch on the disk, and all states folded."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import ABSENT, TIMES, Bench, Row, interleaved, median, ratios
from benchmarks.workload import BEHAVIORS, PATH, opened, recorded_turns
from partita.actors.kernel.fold import fingerprint, fold
from partita.events.preferences import PreferencesState
from partita.store.codec import RecordedTurn
from partita.store.committer import Committer
from partita.store.snapshots import ActorImage, Snapshot

TAIL = 1_000
BATCH = 4_000


def build_log(directory: Path, turns: int, *, tail: int, tail_batch: int) -> None:
    """A log of so many turns, with a snapshot in front of the last ``tail`` of them."""
    with opened(directory) as store:
        committer: Committer[tuple[RecordedTurn]] = store.committer(_nothing, _raise)
        while store.position < turns - tail:
            count = min(BATCH, turns - tail - store.position)
            for turn in recorded_turns(store.position + 1, count):
                committer.submit((turn,))
            if store.position + count == turns - tail:
                images: list[ActorImage[Any, Any]] = [
                    ActorImage("session", "session", PreferencesState(download_path=PATH))
                ]
                committer.snapshot(Snapshot(turns - tail, fingerprint(BEHAVIORS), images))
            while committer.commit_once():
                pass
        while store.position < turns:
            for turn in recorded_turns(store.position + 1, tail_batch):
                committer.submit((turn,))
            committer.commit_once()


def open_ms(directory: Path, turns: int) -> float:
    """From the folder to the states."""
    began = time.perf_counter()
    with opened(directory) as store:
        folded = fold(store, BEHAVIORS)
        took_ms = (time.perf_counter() - began) * 1e3
    assert folded.position == turns
    assert isinstance(folded.images["session"][0], PreferencesState)
    return took_ms


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    long = bench.sizes.log_turns
    short = long // 100 if long > 100 * TAIL else 2 * TAIL
    build_log(bench.scratch / "long", long, tail=TAIL, tail_batch=TAIL)
    build_log(bench.scratch / "short", short, tail=TAIL, tail_batch=TAIL)
    build_log(bench.scratch / "crumbs", short, tail=TAIL, tail_batch=1)
    figures = interleaved(
        bench.sizes.openings,
        {
            "long": lambda: open_ms(bench.scratch / "long", long),
            "short": lambda: open_ms(bench.scratch / "short", short),
            "crumbs": lambda: open_ms(bench.scratch / "crumbs", short),
        },
    )
    growth = ratios(figures["long"], figures["short"])
    return [
        Row(
            name="open",
            what=f"open a log of {long:,} turns, a snapshot and a tail of 1,000",
            ours=f"{median(figures['long']):.2f} ms",
            peer=ABSENT,
            score=median(figures["long"]),
            unit="ms",
            better="lower",
            floor=10,
            goal=5,
            rounds=figures["long"],
        ),
        Row(
            name="open-growth",
            what=f"the same / a log of {short:,} turns",
            ours=f"{median(figures['long']):.2f} ms",
            peer=f"{median(figures['short']):.2f} ms",
            score=median(growth),
            unit=TIMES,
            better="lower",
            goal=1.2,
            rounds=growth,
        ),
        Row(
            name="open-crumbs",
            what="open a log whose tail of 1,000 is in 1,000 batches",
            ours=f"{median(figures['crumbs']):.2f} ms",
            peer=ABSENT,
            score=median(figures["crumbs"]),
            unit="ms",
            better="lower",
            rounds=figures["crumbs"],
        ),
    ]


def _nothing(entries: object) -> None:
    pass


def _raise(error: Exception) -> None:
    raise error
