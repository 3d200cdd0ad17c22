"""Failures that are kept: the file, and what a wrong one is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys import simulated

from partita.errors import SimulationError
from partita.simulations.failures import FOLDER, failure_of, keep, kept_failures
from partita.simulations.outcome import Plan
from partita.simulations.plans import Run

PLAN = Plan(faults=simulated.CULPRITS, steps=(5, 17), schedule=40)


def test_a_kept_failure_is_one_file_that_reads_back(tmp_path: Path) -> None:
    failure = failure_of(
        simulated.flawed("shop", 7, "kernel", PLAN, None), PLAN, found="2026-01-31", fixed="sync before the reply"
    )
    path = keep(failure, tmp_path / "failures")
    assert path.name == "shop-7.json"
    assert json.loads(path.read_text()) == {
        "scenario": "shop",
        "level": "kernel",
        "seed": 7,
        "plan": {"faults": [["network.reset", 3], ["disk.full", 1]], "steps": [5, 17], "schedule": 40},
        "checker": "acknowledged-turns",
        "what": "turn 42 is gone",
        "fixed": "sync before the reply",
        "found": "2026-01-31",
    }
    assert kept_failures(tmp_path / "failures") == [failure]
    assert failure.run == Run("shop", 7, "kernel", PLAN)


def test_the_two_levels_of_a_seed_have_files_of_their_own(tmp_path: Path) -> None:
    for level in ("kernel", "trio"):
        keep(failure_of(simulated.flawed("shop", 7, level, PLAN, None), PLAN, found="2026-01-31"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop-7-trio.json", "shop-7.json"]
    assert {failure.level for failure in kept_failures(tmp_path)} == {"kernel", "trio"}


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop-7.json").write_text('{"scenario": 3}')
    with pytest.raises(SimulationError, match=r"shop-7\.json is no kept failure"):
        kept_failures(tmp_path)


def test_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert kept_failures(tmp_path / "nowhere") == []


def test_the_package_s_own_folder_can_be_read() -> None:
    assert FOLDER.is_dir()
    kept_failures()
