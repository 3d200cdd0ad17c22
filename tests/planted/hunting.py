"""From a sweep to a written test, in five commands; each but the last says the next."""

from __future__ import annotations

import re
import shlex
from typing import Final

from msgspec import Struct

from .bugs import PlantedBug
from .planting import ROOT, Copy, Done, run

MOST_TURNS: Final = 30
"""A shrunk run has fewer."""


class Hunt(Struct, frozen=True):
    """What was typed, and what it said. ``mended``: the last command again, by the right code."""

    sweep: Done
    kept: Done
    looked: Done
    written: Done
    failed: Done
    mended: Done

    @property
    def turns(self) -> tuple[int, int]:
        """Of the failing run: as it was found, and shrunk."""
        found = re.search(r"shrunk: .*turns (\d+) → (\d+)", self.sweep.out)
        assert found is not None, self.sweep.out
        return int(found[1]), int(found[2])

    def check(self, bug: PlantedBug) -> None:
        """Raise :class:`AssertionError` where it does not show this bug."""
        assert re.search(rf"^{bug.checker}( at \d+)?: ", self.kept.out, re.MULTILINE), self.kept.out
        assert self.turns[1] < MOST_TURNS, self.sweep.out
        place = -1
        for words in bug.told:
            place = self.looked.out.find(words, place + 1)
            assert place >= 0, f"{words!r} is not in what the debugger says, or not there:\n{self.looked.out}"
        assert f"{bug.should_be}: does not hold today" in self.written.out, self.written.out
        assert (self.failed.status, self.mended.status) == (1, 0), self.failed.out + self.mended.out
        assert "1 failed, 1 passed" in self.failed.out
        assert "2 passed" in self.mended.out


def hunt(bug: PlantedBug, copy: Copy, *, start: int, seeds: int) -> Hunt:
    """Sweep, keep the log, look into it, write the test, run it. Raises :class:`AssertionError` where one does not lead on."""
    start = max(start, 0)
    first = ["--start", start] if start else []
    sweep = copy.partita("simulate", bug.scenario, *first, "--seeds", seeds)
    assert sweep.status == 1, (
        f"no seed from {start} to {start + seeds - 1} finds {bug.name}; `python -m tests.planted.renew` looks for one\n"
        f"{sweep.out}{sweep.err}"
    )
    kept = copy.partita(*_proposed(sweep, "keep its log with: partita "))
    looked = copy.partita(*_proposed(kept, "look into it with: partita "), "-c", bug.looking)
    words = _proposed(looked, "should it be otherwise? partita ")
    test = f"test_{bug.name}.py"
    written = copy.partita(*(bug.should_be if word == "EXPR" else word for word in words), "--out", test)
    how = _proposed(written, "run it with: python -m ")
    return Hunt(sweep, kept, looked, written, copy.run(*how), run(ROOT, copy.desk, *how))


def _proposed(done: Done, lead: str) -> list[str]:
    found = re.search(rf"{re.escape(lead)}(.*)$", done.out, re.MULTILINE)
    assert found is not None, f"{done.line} does not say {lead!r}:\n{done.out}{done.err}"
    return shlex.split(found[1])
