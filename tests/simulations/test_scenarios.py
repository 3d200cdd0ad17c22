"""Each scenario, under some seeds: nobody complains, and it is not idle."""

from __future__ import annotations

import gc

import pytest

from partita.simulations.outcome import Level
from partita.simulations.run import Run
from partita.simulations.scenario import scenarios
from partita.simulations.world import World
from partita.system import System

NAMES = list(scenarios())
SEEDS: dict[Level, int] = {"kernel": 25, "trio": 8}
TURNS = 20


def test_there_are_six_scenarios_and_more_in_the_order_of_their_names() -> None:
    assert len(NAMES) >= 6
    assert sorted(NAMES) == NAMES
    assert all(scenario.summary for scenario in scenarios().values())


@pytest.mark.parametrize("level", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_nobody_complains_and_every_step_is_taken(name: str, level: Level) -> None:
    scenario = scenarios()[name]
    names = {step: called for called, step in scenario.steps.items()}
    turns, crashes, taken, complaints = 0, 0, set(), []
    for seed in range(SEEDS[level]):
        run = Run(scenario, seed, System, level=level)
        steps = {number: names[step] for user in run.users.steps for number, step in user}
        outcome = run.go()
        complaints += [f"seed {seed}: {violation}" for violation in outcome.violations]
        turns += outcome.turns
        crashes += outcome.crashes
        taken.update(steps[number] for number in outcome.steps)
    assert not complaints, "\n".join(complaints)
    assert taken == set(names.values())  # a step that is twice as likely has two names
    assert turns >= TURNS * SEEDS[level]
    assert crashes or level == "trio", "no process crashed"


@pytest.mark.parametrize("level", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_run_leaves_nothing_in_memory(name: str, level: Level) -> None:
    """Nor do sessions that were refused something, or that hold secrets: ``gc=False`` must not lead back to its holder."""
    before = set(map(id, _worlds()))
    for seed in range(6):
        Run(scenarios()[name], seed, System, level=level).go()
    assert not [world for world in _worlds() if id(world) not in before]


def _worlds() -> list[World]:
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, World)]
