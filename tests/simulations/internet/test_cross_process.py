"""The same seeds give the same logs at the trio level, whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from servers import virtual

ROOT = Path(__file__).resolve().parents[3]
SEEDS = 20


def digests(hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(Path(virtual.__file__)), str(SEEDS)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_two_processes_with_two_hash_seeds_write_the_same_logs() -> None:
    logs = digests("1")
    assert logs == digests("2")
    assert len(set(logs)) == SEEDS
