"""Appending to the log, without actors: batches of 1,000 turns, encoding, checksum, chain and index included."""

from __future__ import annotations

from benchmarks.measuring import Bench, Row, compared, interleaved, rate
from benchmarks.raw_lmdb import BATCH, RawLog
from benchmarks.workload import opened, recorded_turns


def rows(bench: Bench) -> list[Row]:
    """See the module."""
    batches = bench.sizes.batches
    with opened(bench.scratch / "partition") as store, RawLog(bench.folder("raw")) as raw:
        append = store._log.append  # noqa: SLF001  # the log alone: what the committer adds is in the rows of tell and ask

        def ours() -> float:
            turns = recorded_turns(store.position + 1, batches * BATCH)
            made = [turns[start : start + BATCH] for start in range(0, len(turns), BATCH)]

            def work() -> None:
                for batch in made:
                    append(batch)

            return rate(batches * BATCH, work)

        def peer() -> float:
            made = [raw.records(BATCH) for _ in range(batches)]

            def work() -> None:
                for batch in made:
                    raw.commit(batch)

            return rate(batches * BATCH, work)

        figures = interleaved(bench.sizes.rounds, {"partita": ours, "LMDB": peer})
        assert store.position == (bench.sizes.rounds + 1) * batches * BATCH, "every turn is in the log"
    what = "append, batches of 1,000, encode included / raw LMDB"
    return [compared("append", what, figures, ours="partita", peer="LMDB", floor=0.7, goal=0.8)]
