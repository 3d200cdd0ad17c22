"""Three planted bugs, each from the sweep that finds it to the test that keeps it away."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import pytest

from . import transcript
from .bugs import BUGS, TOLD, PlantedBug
from .hunting import Hunt, hunt
from .planting import planted

BEFORE: Final = 2
"""So many seeds that fail in nothing are swept before the one that does."""

FAR: Final = 1000

each_bug = pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> object:
    @functools.cache
    def of(name: str) -> Hunt:
        (bug,) = (bug for bug in BUGS if bug.name == name)
        start = 0 if bug is TOLD else bug.seed - BEFORE  # the guide begins at the beginning
        copy = planted(bug, tmp_path_factory.mktemp(bug.kind))
        return hunt(bug, copy, start=start, seeds=bug.seed - start + 1)

    return of


@each_bug
def test_a_planted_bug_is_found_shrunk_explained_and_turned_into_a_test(bug: PlantedBug, hunted) -> None:
    hunted(bug.name).check(bug)


def test_the_guide_tells_what_the_commands_say(hunted) -> None:
    told = transcript.blocks(hunted(TOLD.name))
    assert transcript.blocks_of() == told, "`python -m tests.planted.renew` writes the transcript anew"


@pytest.mark.slow
@each_bug
def test_a_sweep_from_the_first_seed_finds_a_planted_bug(bug: PlantedBug, tmp_path: Path) -> None:
    swept = planted(bug, tmp_path).partita("simulate", bug.scenario, "--seeds", FAR, "--no-shrink")
    assert swept.status == 1, swept.err
    assert f"{bug.checker} " in swept.out
