"""Runs that once failed, kept as files in ``simulations/failures/`` and run for ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from partita.events.errors import SimulationError
from partita.simulations.outcome import Level, Outcome, Plan
from partita.simulations.plans import Run

FOLDER: Final = Path(__file__).parent / "failures"


class KeptFailure(Struct, frozen=True, kw_only=True):
    """One of them. ``what``: what the checker saw; ``fixed``: what was done about it; ``found``: the date, ``YYYY-MM-DD``."""

    scenario: str
    level: Level
    seed: int
    plan: Plan
    checker: str
    what: str
    fixed: str
    found: str

    @property
    def name(self) -> str:
        """Its file's name, without ``.json``."""
        level = "" if self.level == "kernel" else f"-{self.level}"
        return f"{self.scenario}-{self.seed}{level}"

    @property
    def run(self) -> Run:
        """What to run."""
        return Run(self.scenario, self.seed, self.level, self.plan)


def failure_of(outcome: Outcome, plan: Plan, *, found: str, fixed: str = "") -> KeptFailure:
    """The failure that this outcome of a run with this plan shows. ``found``: today's date, ``YYYY-MM-DD``."""
    violation = outcome.violations[0]
    return KeptFailure(
        scenario=outcome.scenario,
        level=outcome.level,
        seed=outcome.seed,
        plan=plan,
        checker=violation.checker,
        what=violation.what,
        fixed=fixed,
        found=found,
    )


def keep(failure: KeptFailure, folder: Path = FOLDER) -> Path:
    """Write it to its file, in place of what was known of that seed before; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{failure.name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(failure), indent=2) + b"\n")
    return path


def kept_failures(folder: Path = FOLDER) -> list[KeptFailure]:
    """All of them, by name. Raises :class:`SimulationError` for a file that is none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=KeptFailure))
        except msgspec.DecodeError as error:
            raise SimulationError(f"{path} is no kept failure: {error}") from error
    return found
