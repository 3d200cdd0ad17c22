"""A failing run is made as small as it can be, and stays the same failure."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from msgspec.structs import replace
from toys import simulated

from partita.errors import NotReproduced
from partita.simulations.faults import Fault
from partita.simulations.outcome import Level, Outcome, Plan, Violation
from partita.simulations.shrink import Progress, fewest, shrink


def failing(seed: int = 7) -> Outcome:
    return simulated.flawed("shop", seed, "kernel", Plan(), None)


class Counting:
    """Work that counts how often it is asked, and raises Ctrl-C at some number."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.plans: list[Plan] = []
        self._interrupt_at = interrupt_at

    def __call__(self, scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        self.plans.append(plan)
        if len(self.plans) == self._interrupt_at:
            raise KeyboardInterrupt
        return simulated.flawed(scenario, seed, level, plan, log_path)


SMALLEST = Plan(faults=simulated.CULPRITS, steps=simulated.GUILTY_STEPS, schedule=simulated.ENOUGH_DRAWS)


def test_what_is_left_is_what_it_takes_and_no_more() -> None:
    shrunk = shrink(simulated.flawed, failing())
    assert shrunk.plan == SMALLEST
    assert shrunk.finished
    assert shrunk.checker == "acknowledged-turns"
    assert shrunk.after.faults == simulated.CULPRITS
    assert shrunk.after.steps == simulated.GUILTY_STEPS
    assert shrunk.after.turns == 9
    assert shrunk.told() == f"faults 9 → 2, steps 30 → 2, turns 65 → 9, after {shrunk.runs} runs"


def test_it_shrinks_the_same_way_every_time_and_runs_no_plan_twice() -> None:
    first, second = Counting(), Counting()
    shrink(first, failing())
    shrink(second, failing())
    assert first.plans == second.plans
    assert len(set(first.plans)) == len(first.plans)
    assert len(first.plans) < 150


def test_another_checker_s_complaint_is_another_failure() -> None:
    """Without faults, the toy fails in another checker: shrinking must not follow it there."""
    shrunk = shrink(simulated.flawed, failing())
    assert {violation.checker for violation in shrunk.after.violations} == {"acknowledged-turns"}


def test_a_failure_that_needs_no_fault_and_no_step_shrinks_to_nothing() -> None:
    def always(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        return simulated.outcome(
            scenario,
            seed,
            level,
            violations=(Violation("c", "always"),),
            faults=simulated.ALL_FAULTS if plan.faults is None else plan.faults,
            steps=simulated.ALL_STEPS if plan.steps is None else plan.steps,
            draws=100,
        )

    shrunk = shrink(always, always("shop", 1, "kernel", Plan(), None))
    assert shrunk.plan == Plan(faults=(), steps=(), schedule=0)


def test_faults_are_tried_again_when_the_steps_have_gone() -> None:
    """The second fault is only needed to get past a step that turns out not to be needed."""

    def work(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        faults = (Fault("a", 1), Fault("b", 1)) if plan.faults is None else plan.faults
        steps = (1, 2) if plan.steps is None else plan.steps
        fails = Fault("a", 1) in faults and 1 in steps and (2 not in steps or Fault("b", 1) in faults)
        found = (Violation("c", "x"),) if fails else ()
        return simulated.outcome(scenario, seed, level, violations=found, faults=faults, steps=steps, draws=9)

    shrunk = shrink(work, work("shop", 1, "kernel", Plan(), None))
    assert shrunk.plan == Plan(faults=(Fault("a", 1),), steps=(1,), schedule=0)


def test_a_run_that_raises_is_no_smaller_failure() -> None:
    def work(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        if plan.steps == ():
            raise ZeroDivisionError
        return simulated.flawed(scenario, seed, level, plan, log_path)

    assert shrink(work, failing()).plan == SMALLEST


def test_what_does_not_fail_again_is_said() -> None:
    with pytest.raises(NotReproduced, match="seed 7 of shop does not fail again in acknowledged-turns"):
        shrink(simulated.fine, failing())


def test_a_run_that_did_not_fail_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to shrink"):
        shrink(simulated.fine, failing(seed=8))


def test_given_up_it_keeps_the_smallest_so_far() -> None:
    shrunk = shrink(simulated.flawed, failing(), runs_at_most=20)
    assert not shrunk.finished
    assert shrunk.runs == 20
    assert "not all was tried" in shrunk.told()
    assert not simulated.flawed("shop", 7, "kernel", shrunk.plan, None).ok
    assert len(shrunk.after.faults) < 9


def test_a_deadline_is_asked_before_each_run() -> None:
    left = iter([False] * 12 + [True])
    shrunk = shrink(simulated.flawed, failing(), give_up=lambda: next(left))
    assert shrunk.runs == 12


def test_it_tells_how_far_it_is() -> None:
    seen: list[Progress] = []
    shrink(simulated.flawed, failing(), on_progress=seen.append)
    assert list(dict.fromkeys(one.phase for one in seen)) == [
        "again", "end", "faults", "steps", "schedule", "sooner", "done",
    ]  # fmt: skip
    assert [one.best.turns for one in seen] == sorted((one.best.turns for one in seen), reverse=True)


@pytest.mark.parametrize("at", [3, 10, 30, 45])
def test_an_interrupted_shrink_goes_on_with_the_best_so_far(tmp_path: Path, at: int) -> None:
    kept = tmp_path / "deep" / "shrink.json"
    with pytest.raises(KeyboardInterrupt):
        shrink(Counting(interrupt_at=at), failing(), resume=kept)
    assert kept.exists()
    again, whole = Counting(), Counting()
    shrunk = shrink(again, failing(), resume=kept)
    shrink(whole, failing())
    assert shrunk.plan == SMALLEST
    assert again.plans[0] != Plan() or at == 3
    assert len(again.plans) <= len(whole.plans)
    assert not kept.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"scenario":"other","level":"kernel","seed":7,"checker":"acknowledged-turns","plan":{}}']
)
def test_what_is_kept_of_something_else_is_not_gone_on_with(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "shrink.json"
    kept.write_bytes(content)
    counting = Counting()
    assert shrink(counting, failing(), resume=kept).plan == SMALLEST
    assert counting.plans[0] == Plan()


def test_a_kept_plan_that_no_longer_fails_is_let_go(tmp_path: Path) -> None:
    kept = tmp_path / "shrink.json"
    kept.write_text(
        '{"scenario":"shop","level":"kernel","seed":7,"checker":"acknowledged-turns","plan":{"faults":[["gone",1]]}}'
    )
    assert shrink(simulated.flawed, failing(), resume=kept).plan == SMALLEST


@pytest.mark.parametrize("seed", range(40))
def test_the_fewest_are_such_that_none_can_be_taken_away(seed: int) -> None:
    chance = random.Random(seed)
    items = tuple(range(chance.randint(0, 60)))
    needed = {item for item in items if chance.random() < 0.15}
    found = fewest(items, lambda some: needed <= set(some))
    assert found == tuple(sorted(needed))


def test_the_fewest_of_a_failure_that_is_not_monotone_still_fail() -> None:
    def fails(some: tuple[int, ...]) -> bool:
        return sum(some) % 7 == 3

    items = tuple(range(1, 18)) if sum(range(1, 18)) % 7 == 3 else (1, 2, 7, 14, 21, 28)
    found = fewest(items, fails)
    assert fails(found)
    assert not any(fails(found[:at] + found[at + 1 :]) for at in range(len(found)))


def test_a_fault_is_made_to_strike_sooner_where_that_makes_the_run_shorter() -> None:
    def work(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        """Fails by a crash from the third on; every step before the crash is needed for it to come."""
        crash = next((fault for fault in plan.faults or (Fault("crash", 20),) if fault.name == "crash"), None)
        steps = tuple(step for step in range(1, 31) if plan.steps is None or step in plan.steps)
        fails = crash is not None and 3 <= crash.number <= len(steps)
        return simulated.outcome(
            scenario,
            seed,
            level,
            violations=(Violation("lost", "it is gone"),) if fails else (),
            faults=() if crash is None else (crash,),
            steps=steps if plan.faults is None else steps[: crash.number if crash else 0],
        )

    shrunk = shrink(work, work("shop", 7, "kernel", Plan(), None))
    assert shrunk.plan.faults == (Fault("crash", 3),)
    assert len(shrunk.after.steps) == 3


def test_what_comes_after_the_complaint_is_cut_off() -> None:
    def work(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
        outcome = simulated.flawed(scenario, seed, level, plan, log_path)
        return replace(outcome, turns=3) if plan.until_complaint and not outcome.ok else outcome

    shrunk = shrink(work, failing())
    assert shrunk.plan == replace(SMALLEST, until_complaint=True)
    assert shrunk.after.turns == 3
