"""What a sweep has found so far: sums, counts, and the first failures. It stays small however many seeds there are."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct, field

from partita.simulations.outcome import Level, Outcome

KEPT = 20
"""So many failures, and so many defects, are kept whole: those of the lowest seeds. The others are counted."""

T = TypeVar("T")
OfASeed = TypeVar("OfASeed", Outcome, "Defect")

Row = tuple[str, str, str]
"""A cell of the coverage table: kind of actor, its state, message."""


class Defect(Struct, frozen=True):
    """A seed whose run raised or took its worker along: a defect of the simulation, not of what it simulates."""

    seed: int
    what: str


class SweepReport(Struct, kw_only=True):
    """What came of the seeds that were run.

    ``reached``, ``coverage``: in how many runs. ``struck``: how often each fault did. ``failed`` and ``by_checker`` count
    failing seeds; ``failures`` are the first of them, ``defects`` the first of those that could not be run to their end.
    ``wall_s`` is how long it took, over all sessions of an interrupted sweep.
    """

    scenario: str
    level: Level
    start: int
    stop: int
    done: int = 0
    turns: int = 0
    crashes: int = 0
    virtual_us: int = 0
    wall_s: float = 0.0
    failed: int = 0
    broken: int = 0
    reached: dict[str, int] = field(default_factory=dict)
    coverage: dict[Row, int] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)
    by_checker: dict[str, int] = field(default_factory=dict)
    failures: list[Outcome] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    resumed: int = 0
    note: str = ""

    @property
    def total(self) -> int:
        """How many seeds were asked for."""
        return self.stop - self.start

    @property
    def finished(self) -> bool:
        """Whether all of them were run."""
        return self.done == self.total

    @property
    def ok(self) -> bool:
        """Whether no checker complained and every seed came to its end."""
        return not self.failed and not self.broken

    def add(self, outcome: Outcome) -> None:
        """One run more."""
        self.done += 1
        self.turns += outcome.turns
        self.crashes += outcome.crashes
        self.virtual_us += round(outcome.virtual_s * 1e6)
        _count(self.reached, dict.fromkeys(outcome.reached))
        _count(self.coverage, dict.fromkeys(outcome.coverage))
        _count(self.struck, (fault.name for fault in outcome.faults))
        if not outcome.ok:
            self.failed += 1
            _count(self.by_checker, dict.fromkeys(violation.checker for violation in outcome.violations))
            _keep(self.failures, outcome)

    def add_defect(self, defect: Defect) -> None:
        """One seed more, which did not come to its end."""
        self.done += 1
        self.broken += 1
        _keep(self.defects, defect)

    def merge(self, other: SweepReport) -> None:
        """Take another's counts in; the times stay."""
        self.done += other.done
        self.turns += other.turns
        self.crashes += other.crashes
        self.virtual_us += other.virtual_us
        self.failed += other.failed
        self.broken += other.broken
        for mine, theirs in (
            (self.reached, other.reached),
            (self.struck, other.struck),
            (self.by_checker, other.by_checker),
        ):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        for row, count in other.coverage.items():
            self.coverage[row] = self.coverage.get(row, 0) + count
        for failure in other.failures:
            _keep(self.failures, failure)
        for defect in other.defects:
            _keep(self.defects, defect)


def _count(counts: dict[T, int], seen: Iterable[T]) -> None:
    for one in seen:
        counts[one] = counts.get(one, 0) + 1


def _keep(kept: list[OfASeed], one: OfASeed) -> None:
    bisect.insort(kept, one, key=lambda other: other.seed)
    del kept[KEPT:]


class Ranges(Struct):
    """Which seeds are done: disjoint ranges ``(start, stop)`` in order, few since seeds are handed out in order."""

    items: list[tuple[int, int]] = field(default_factory=list)

    def add(self, start: int, stop: int) -> None:
        """``start`` up to, not including, ``stop``."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.items, (start, stop)]):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self.items = merged

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The ranges between ``start`` and ``stop`` that are not done."""
        found = []
        at = start
        for first, last in self.items:
            if at < first:
                found.append((at, min(first, stop)))
            at = max(at, last)
        if at < stop:
            found.append((at, stop))
        return found
