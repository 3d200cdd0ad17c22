"""Which code it is that runs."""

import subprocess
from pathlib import Path

import partita


def code_version() -> str:
    """``commit 0123456789ab``, with ``-dirty`` when files were changed since; ``partita 0.1.0`` outside of a checkout."""
    root = Path(str(partita.__file__)).resolve().parent.parent
    if (root / ".git").exists():
        line = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        try:
            done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603  # nothing of it comes from outside
        except (OSError, subprocess.TimeoutExpired):
            pass
        else:
            if done.returncode == 0:
                return f"commit {done.stdout.strip()}"
    return f"partita {partita.__version__}"
