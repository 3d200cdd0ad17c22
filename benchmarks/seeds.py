"""Whole runs of the scenarios that partita is tested by: seeds a second of one process, and how much virtual time passes.

simloop publishes 394 seeds a second on ten jobs, and 2,000 virtual seconds a second.
"""

from __future__ import annotations

import time
import warnings
from functools import partial
from typing import Final, get_args

from benchmarks.measuring import ABSENT, TIMES, Bench, Row, interleaved, median
from partita.simulation import run_seed, scenario_names
from partita.simulations.outcome import Level, Plan

GOALS: Final[dict[Level, float | None]] = {"kernel": 39.4, "trio": None}
"""Seeds a second of one job."""


def rows(bench: Bench) -> list[Row]:
    """Every scenario has the same seeds; a level's figure is over all of them."""
    names = [name for name, _ in scenario_names()]
    count = bench.sizes.seeds * len(names)
    levels: tuple[Level, ...] = get_args(Level)
    virtual_s = dict.fromkeys(levels, 0.0)

    def rate(level: Level) -> float:
        passed_s = 0.0
        began = time.thread_time()
        for name in names:
            for seed in range(bench.sizes.seeds):
                outcome = run_seed(name, seed, level, Plan(), None)
                assert outcome.ok, outcome.violations
                passed_s += outcome.virtual_s
        virtual_s[level] = passed_s
        return count / (time.thread_time() - began)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scenario's users are cut off as their process crashes
        figures = interleaved(bench.sizes.rounds, {level: partial(rate, level) for level in levels})
    found = [
        Row(
            name=f"seeds-{level}",
            what=f"seeds a second of one job, {len(names)} scenarios, level {level}",
            ours=f"{1e3 / median(figures[level]):.1f} ms",
            peer=ABSENT,
            score=median(figures[level]),
            unit="/s",
            goal=GOALS[level],
            rounds=figures[level],
        )
        for level in levels
    ]
    for level in levels:
        passed = [each * virtual_s[level] / count for each in figures[level]]
        found.append(
            Row(
                name=f"virtual-time-{level}",
                what=f"virtual hours an hour of one job, level {level}",
                ours=f"{virtual_s[level] / count:.0f} s a seed",
                peer=ABSENT,
                score=median(passed),
                unit=TIMES,
                goal=5_000,
                rounds=passed,
            )
        )
    return found
