"""A copy of the package with one bug in it, and commands that run there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from .bugs import PlantedBug

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ("events", "store", "actors", "simulations", "partita")
PATIENCE_S: Final = 900.0


class Done(Struct, frozen=True):
    """A command as one types it, and how it ended."""

    line: str
    status: int
    out: str
    err: str


class Copy:
    """A checkout's package in a folder of its own. Commands run in ``desk``, an empty folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.code = folder / "code"
        self.desk = folder / "desk"
        self.desk.mkdir(parents=True, exist_ok=True)
        for name in PACKAGE:
            shutil.copytree(
                ROOT / name, self.code / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "failures")
            )

    def plant(self, bug: PlantedBug) -> None:
        path = self.code / bug.file
        text = path.read_text(encoding="utf-8")
        count = text.count(bug.right)
        assert count == 1, f"{bug.name}: what it changes stands {count} times in {bug.file}, not once"
        path.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")

    def partita(self, *words: object) -> Done:
        """``partita`` with these words, by the code of the copy."""
        return self.run("partita", *words)

    def run(self, module: str, *words: object) -> Done:
        return run(self.code, self.desk, module, *words)


def planted(bug: PlantedBug, folder: Path) -> Copy:
    """A copy with this bug."""
    copy = Copy(folder)
    copy.plant(bug)
    return copy


def run(code: Path, desk: Path, module: str, *words: object) -> Done:
    """Run a module's command in ``desk``, by the package in ``code``."""
    # Where it sees one of the last two, pytest says more.
    left_out = {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "CI", "BUILD_NUMBER"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    done = subprocess.run(
        # -P: the package is that of the path, whatever lies here
        [sys.executable, "-P", "-m", module, *map(str, words)],
        cwd=desk,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH")])),
            "PARTITA_HOME": str(desk / "home"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": f"-q -p no:cacheprovider --rootdir {shlex.quote(str(desk))}",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    line = shlex.join([*(("partita",) if module == "partita" else ("python", "-m", module)), *map(str, words)])
    return Done(line, done.returncode, done.stdout, done.stderr)
