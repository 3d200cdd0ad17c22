"""Equal seeds, equal logs, whatever the hash seed of the process."""

from __future__ import annotations

import determinism
import pytest

from partita.simulations.outcome import Level
from partita.simulations.scenario import scenarios

SCENARIOS = len(scenarios())


def expect_equal(level: Level, seeds: int) -> None:
    found = determinism.compare(seeds, level)
    assert not found.different, "\n".join(found.different)
    assert (found.runs, found.failed) == (seeds, 0)
    assert found.turns > 10 * seeds


@pytest.mark.parametrize(("level", "each"), [("kernel", 10), ("trio", 3)])
def test_each_scenario_has_equal_logs_and_outcomes_in_two_processes(level: Level, each: int) -> None:
    expect_equal(level, each * SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize(("level", "seeds"), [("kernel", 1000), ("trio", 200)])
def test_a_great_many_seeds_have_equal_logs(level: Level, seeds: int) -> None:
    expect_equal(level, seeds)


def test_the_seeds_are_spread_over_the_processes_and_all_are_run() -> None:
    shares = determinism.shares(10, 3)
    assert sorted(number for share in shares for number in share) == list(range(10))


def test_the_runs_of_one_process_are_those_of_another_seed_for_seed() -> None:
    first = list(determinism.told(range(0, 4, 2), "kernel"))
    assert first == list(determinism.told(range(0, 4, 2), "kernel"))
    assert len({run.exported for run in first}) == 2
