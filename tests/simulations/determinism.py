"""Equal seeds, equal logs: each is run by two processes with different hash seeds, and what they export is compared to the byte.

    python -m tests.simulations.determinism --seeds 1000 --level kernel

The seeds are spread over all scenarios. Each process is this module again, told its share of the seeds; it prints a line for
each, with the SHA-256 of the file that the run exported and that of its outcome as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from partita.simulation import run_seed, scenario_names
from partita.simulations.outcome import Level, Plan

ROOT = Path(__file__).resolve().parents[2]
HASH_SEEDS = (1, 4242)


class Run(NamedTuple):
    """What one process says of one seed."""

    scenario: str
    seed: int
    exported: str
    outcome: str
    turns: int
    ok: bool


def shares(seeds: int, jobs: int) -> list[range]:
    """The numbers of the runs of each of ``jobs`` processes; a number is a seed, and says which scenario."""
    return [range(job, seeds, jobs) for job in range(jobs)]


def told(numbers: Sequence[int], level: Level) -> Iterator[Run]:
    """Run these, here."""
    names = [name for name, _ in scenario_names()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        for number in numbers:
            scenario, seed = names[number % len(names)], number // len(names)
            outcome = run_seed(scenario, seed, level, Plan(), path)
            exported = path.read_bytes() if path.exists() else b"none: " + outcome.digest.encode()
            path.unlink(missing_ok=True)
            as_json = msgspec.json.encode(outcome)
            digests = (hashlib.sha256(content).hexdigest() for content in (exported, as_json))
            yield Run(scenario, seed, *digests, outcome.turns, outcome.ok)


class _Process:
    """Runs its share, and prints it."""

    def __init__(self, numbers: range, level: Level, hash_seed: int) -> None:
        words = [sys.executable, "-m", "tests.simulations.determinism", "--level", level]
        words += ["--share", f"{numbers.start}:{numbers.stop}:{numbers.step}"]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": os.pathsep.join(paths)}
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)

    def runs(self) -> Iterator[Run]:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                yield Run(*msgspec.json.decode(line, type=tuple[str, int, str, str, int, bool]))
        if self._process.wait():
            raise RuntimeError(f"a process ended with {self._process.returncode}")


class Comparison(NamedTuple):
    """What came of it. ``different``: a line for each seed whose two runs differ."""

    runs: int
    turns: int
    failed: int
    different: list[str]


def compare(seeds: int, level: Level, *, jobs: int | None = None) -> Comparison:
    """Run so many twice. ``jobs``: processes of each hash seed; together they fill the processors by default."""
    jobs = jobs or max(1, (os.cpu_count() or 2) // 2)
    pairs = [[_Process(share, level, hash_seed) for hash_seed in HASH_SEEDS] for share in shares(seeds, jobs)]
    runs = turns = failed = 0
    different = []
    for one, other in pairs:
        for left, right in itertools.zip_longest(one.runs(), other.runs()):
            run = left or right
            runs, turns, failed = runs + 1, turns + run.turns, failed + (not run.ok)
            if left != right:
                what = (
                    "exported logs" if left is None or right is None or left.exported != right.exported else "outcomes"
                )
                different.append(f"{run.scenario}, seed {run.seed}, level {level}: the {what} differ")
    return Comparison(runs, turns, failed, different)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--level", choices=("kernel", "trio"), default="kernel")
    parser.add_argument("--jobs", type=int, help="processes of each hash seed")
    parser.add_argument("--share", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    level = cast("Level", asked.level)
    if asked.share is not None:
        for run in told(range(*map(int, asked.share.split(":"))), level):
            print(msgspec.json.encode(run).decode(), flush=True)
        return 0
    began = time.monotonic()
    found = compare(asked.seeds, level, jobs=asked.jobs)
    for line in found.different:
        print(line)
    names = len(scenario_names())
    equal = found.runs - len(found.different)
    print(
        f"{found.runs} seeds over {names} scenarios at the level {level}, {found.turns} turns, each run in two processes with"
        f" different hash seeds: {equal} exported equal files, {len(found.different)} different"
        f" ({found.failed} with complaints; {time.monotonic() - began:.0f} s)"
    )
    return bool(found.different)


if __name__ == "__main__":
    sys.exit(main())
