"""``python -m tests.planted.renew``: the seeds that find the planted bugs in today's code, and the guide's transcript of one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from . import transcript
from .bugs import BUGS, TOLD, PlantedBug
from .hunting import Hunt, hunt
from .planting import Copy, planted

STEP: Final = 100
FAR: Final = 5000


def main() -> None:
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as folder:
            seed, found = _first(bug, Path(folder))
        before, after = found.turns
        known = "as is written" if seed == bug.seed else f"and seed={bug.seed} is written in bugs.py"
        print(f"{bug.name}: seed={seed}, {known}; turns {before} → {after}")
        if bug is TOLD:
            transcript.renew(found)
            print(f"written anew: {transcript.GUIDE}")


def _first(bug: PlantedBug, folder: Path) -> tuple[int, Hunt]:
    """The first seed whose failure leads all the way to a test, and what is said on it."""
    for seed in _failing(bug, planted(bug, folder / "sweep")):
        copy = planted(bug, folder / str(seed))
        try:
            found = hunt(bug, copy, start=0, seeds=seed + 1) if bug is TOLD else hunt(bug, copy, start=seed, seeds=1)
            found.check(bug)
        except AssertionError as error:
            print(f"{bug.name}: seed {seed} will not do: {str(error).splitlines()[0]}")
        else:
            return seed, found
    raise SystemExit(f"{bug.name}: no seed up to {FAR} will do")


def _failing(bug: PlantedBug, copy: Copy) -> Iterator[int]:
    for start in range(0, FAR, STEP):
        sweep = ("simulate", bug.scenario, "--start", start, "--seeds", STEP, "--no-shrink", "--json")
        report = json.loads(copy.partita(*sweep).out)
        yield from (failure["seed"] for failure in report["failures"])


if __name__ == "__main__":
    main()
