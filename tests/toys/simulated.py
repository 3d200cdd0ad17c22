"""Runs that only look like simulations: pure functions of seed and plan, with failures planted in them."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from partita.simulations.faults import Fault
from partita.simulations.knobs import Knobs
from partita.simulations.outcome import Level, Outcome, Plan, Violation

CULPRITS = (Fault("network.reset", 3), Fault("disk.full", 1))
GUILTY_STEPS = (5, 17)
ENOUGH_DRAWS = 37
ALL_FAULTS = (*(Fault("network.reset", number) for number in range(1, 8)), Fault("disk.full", 1), Fault("disk.slow", 4))
ALL_STEPS = tuple(range(1, 31))
DRAWS = 200


def outcome(
    scenario: str,
    seed: int,
    level: Level,
    *,
    violations: tuple[Violation, ...] = (),
    faults: tuple[Fault, ...] = (),
    steps: tuple[int, ...] = (),
    draws: int = 0,
) -> Outcome:
    return Outcome(
        scenario=scenario,
        level=level,
        seed=seed,
        knobs=Knobs({"network.reset": 0.25}, {"hosts": 3.0}),
        digest=hashlib.sha256(f"{scenario} {seed} {level} {faults} {steps} {draws}".encode()).hexdigest(),
        turns=5 + 2 * len(steps),
        crashes=seed % 2,
        virtual_s=60.0,
        violations=violations,
        faults=faults,
        steps=steps,
        draws=draws,
        reached=("download.resumed",) if seed % 10 == 0 else (),
        coverage=(("session", "open", "cookies.set/1"),),
        last_turns=("41 session SetCookie", "42 session Fetch") if violations else (),
    )


def fine(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Nothing ever goes wrong."""
    if log_path is not None:
        log_path.write_text("a log")
    return outcome(scenario, seed, level)


def flawed(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Seeds 7, 107, 207, ... fail, as long as two faults and two steps are there and enough of the schedule is drawn."""
    faults = tuple(fault for fault in ALL_FAULTS if plan.faults is None or fault in plan.faults)
    steps = tuple(step for step in ALL_STEPS if plan.steps is None or step in plan.steps)
    draws = DRAWS if plan.schedule is None else plan.schedule
    found: tuple[Violation, ...] = ()
    if seed % 100 == 7 and set(CULPRITS) <= set(faults) and set(GUILTY_STEPS) <= set(steps) and draws >= ENOUGH_DRAWS:
        found = (Violation("acknowledged-turns", "turn 42 is gone", 42),)
    elif seed % 100 == 7 and not faults:
        found = (Violation("another", "this is not the same failure"),)
    return outcome(scenario, seed, level, violations=found, faults=faults, steps=steps, draws=draws)


def raising(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Seed 13 cannot be run to its end."""
    if seed == 13:
        raise ZeroDivisionError("seed 13 divides by zero")
    return outcome(scenario, seed, level)


def deadly(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Seeds 13 and 250 take their process along."""
    if seed in (13, 250):
        os._exit(3)
    return outcome(scenario, seed, level)


def always_deadly(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """No seed is survived."""
    os._exit(3)


def slow(scenario: str, seed: int, level: Level, plan: Plan, log_path: Path | None) -> Outcome:
    """Five milliseconds, and a line in the file ``$SEEDS_RUN``: which seeds were run, and how often."""
    time.sleep(0.005)
    with Path(os.environ["SEEDS_RUN"]).open("a") as file:
        file.write(f"{seed}\n")
    return flawed(scenario, seed, level, plan, log_path)
