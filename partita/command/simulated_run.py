"""One run of a scenario, told."""

import shlex
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from partita.command.code_version import code_version
from partita.command.printing import console, counted, print_json
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.plans import Run, plan_text
from partita.simulations.sweep import Work

LAST_TURNS: Final = 12


def simulate_one(
    work: Work, scenario: str, seed: int, level: Level, plan: Plan, *, out: Path | None, as_json: bool
) -> bool:
    """Run it and tell; whether no checker complained. The last line is ``log`` and the log's digest."""
    version = code_version()
    outcome = work(scenario, seed, level, plan, out)
    if as_json:
        plain = {"version": version, "out": None if out is None else str(out)}
        print_json(outcome_to_plain(outcome, plan) | plain)
        return outcome.ok
    to = console()
    to.print(Text(f"{scenario}, seed {seed}, level {level}, {version}", style="bold"))
    print_run(to, outcome)
    if plan != Plan():
        to.print(f"by the plan {plan_text(plan)}")
    if outcome.ok:
        to.print(Text("no checker complained", style="green"))
    else:
        print_failure(to, outcome, plan)
    if out is not None:
        to.print(f"kept in {out}")
        to.print(f"look into it with: partita debug {shlex.quote(str(out))}")
    elif not outcome.ok:
        print_how_to_keep(to, outcome, plan)
    to.print(f"log {outcome.digest}")
    return outcome.ok


def print_run(to: Console, outcome: Outcome) -> None:
    """The knobs, and the figures."""
    to.print(outcome.knobs.told())
    crashes = "1 crash" if outcome.crashes == 1 else f"{outcome.crashes} crashes"
    to.print(
        f"{counted(outcome.turns, 'turn')}, {counted(len(outcome.steps), 'step')} of users,"
        f" {counted(len(outcome.faults), 'fault')} struck, {crashes}, {outcome.virtual_s:.1f} virtual seconds"
    )


def print_failure(to: Console, outcome: Outcome, plan: Plan) -> None:
    """What the checkers saw, the last turns, and the command that runs it again."""
    for violation in outcome.violations:
        where = "" if violation.position is None else f" at {violation.position}"
        to.print(Text(f"{violation.checker}{where}: ", style="bold red").append(violation.what, style="default"))
    if outcome.last_turns:
        to.print("the last turns:")
        for turn in outcome.last_turns[-LAST_TURNS:]:
            to.print(f"  {turn}")
    to.print(f"run again with: {Run(outcome.scenario, outcome.seed, outcome.level, plan).command()}")


def print_how_to_keep(to: Console, outcome: Outcome, plan: Plan) -> None:
    """The command that keeps the run's log, for the debugger."""
    command = Run(outcome.scenario, outcome.seed, outcome.level, plan).command()
    to.print(f"keep its log with: {command} --out {outcome.scenario}-{outcome.seed}.log")


def outcome_to_plain(outcome: Outcome, plan: Plan) -> dict[str, object]:
    """All that a run says, as plain data."""
    return {
        "scenario": outcome.scenario,
        "seed": outcome.seed,
        "level": outcome.level,
        "plan": plan_text(plan),
        "command": Run(outcome.scenario, outcome.seed, outcome.level, plan).command(),
        "ok": outcome.ok,
        "digest": outcome.digest,
        "turns": outcome.turns,
        "crashes": outcome.crashes,
        "virtual_s": outcome.virtual_s,
        "odds": outcome.knobs.odds,
        "settings": outcome.knobs.settings,
        "violations": [
            {"checker": violation.checker, "what": violation.what, "position": violation.position}
            for violation in outcome.violations
        ],
        "faults": [f"{fault.name}:{fault.number}" for fault in outcome.faults],
        "steps": list(outcome.steps),
        "draws": outcome.draws,
        "reached": list(outcome.reached),
        "last_turns": list(outcome.last_turns),
    }
