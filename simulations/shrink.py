"""A failing run, made smaller while it goes on failing in the same checker.

What comes after the complaint is cut off. Then faults are taken away, then users' steps (both by delta debugging: Zeller and
Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), then the schedule is made plain from some draw on, then
faults are made to strike sooner, so that what came before them is no longer needed. All that is done again while it helps: with
fewer steps, fewer faults may do. The same run always shrinks to the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita.events.errors import NotReproduced
from partita.simulations.faults import Fault
from partita.simulations.outcome import Outcome, Plan
from partita.simulations.sweep import Work

T = TypeVar("T")

RUNS_AT_MOST: Final = 2_000

SOONEST: Final = 24
"""So many places are tried for a fault to strike at, from the first on."""

ROUNDS: Final = 4

Phase = Literal["again", "end", "faults", "steps", "schedule", "sooner", "done"]


class Shrunk(Struct, frozen=True, kw_only=True):
    """How small it became. ``finished``: nothing more can be taken away one by one; else it was given up before that."""

    checker: str
    plan: Plan
    before: Outcome
    after: Outcome
    runs: int
    finished: bool

    def told(self) -> str:
        """On one line."""
        before, after = self.before, self.after
        sizes = [
            f"{what} {was} → {now}"
            for what, was, now in (
                ("faults", len(before.faults), len(after.faults)),
                ("steps", len(before.steps), len(after.steps)),
                ("turns", before.turns, after.turns),
            )
        ]
        given_up = "" if self.finished else "; not all was tried"
        return f"{', '.join(sizes)}, after {self.runs} runs{given_up}"


class Progress(Struct, frozen=True):
    """Where a shrink is: ``plan`` and ``best`` are the smallest so far."""

    phase: Phase
    runs: int
    plan: Plan
    best: Outcome


class _Kept(Struct, frozen=True):
    """The best plan so far, on disk."""

    scenario: str
    level: str
    seed: int
    checker: str
    plan: Plan


class _Enough(Exception):  # no error: shrinking is given up, and keeps what it has
    pass


def shrink(
    work: Work,
    outcome: Outcome,
    *,
    runs_at_most: int = RUNS_AT_MOST,
    give_up: Callable[[], bool] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    resume: Path | None = None,
) -> Shrunk:
    """Make a failing run smaller.

    ``outcome``: of a run with nothing left out. ``runs_at_most``: give up after so many; ``give_up``: asked before each run
    whether to give up now (a deadline, say). ``resume``: a file that keeps the best plan so far; when it is there already and
    that plan still fails in the same checker, it is gone on with. It is deleted at the end, unless shrinking was given up.

    Raises :class:`NotReproduced` when the run does not fail again.
    """
    if outcome.ok:
        raise ValueError("nothing to shrink: no checker complained")
    return _Shrinking(
        work, outcome, runs_at_most=runs_at_most, give_up=give_up, on_progress=on_progress, resume=resume
    ).run()


class _Shrinking:
    def __init__(
        self,
        work: Work,
        outcome: Outcome,
        *,
        runs_at_most: int,
        give_up: Callable[[], bool] | None,
        on_progress: Callable[[Progress], None] | None,
        resume: Path | None,
    ) -> None:
        self._work = work
        self._before = outcome
        self._checker = outcome.violations[0].checker
        self._runs_at_most = runs_at_most
        self._give_up = give_up
        self._on_progress = on_progress
        self._path = resume
        self._failed: dict[Plan, bool] = {}
        self._runs = 0
        self._plan = Plan()
        self._best = outcome
        self._phase: Phase = "again"

    def run(self) -> Shrunk:
        finished = True
        try:
            self._begin()
            for _ in range(ROUNDS):
                before = self._best
                self._round()
                if self._best is before:
                    break
            self._enter("done")
        except _Enough:
            finished = False
        if finished and self._path is not None:
            self._path.unlink(missing_ok=True)
        return Shrunk(
            checker=self._checker,
            plan=self._plan,
            before=self._before,
            after=self._best,
            runs=self._runs,
            finished=finished,
        )

    def _round(self) -> None:
        self._enter("end")
        self._fails(replace(self._plan, until_complaint=True), in_fewer_turns=True)
        self._enter("faults")
        self._less_faults()
        self._enter("steps")
        self._less_steps()
        self._enter("schedule")
        self._plainer_schedule()
        self._enter("sooner")
        self._sooner_faults()

    def _begin(self) -> None:
        kept = self._kept()
        if (kept is None or not self._fails(kept)) and not self._fails(Plan()):
            before = self._before
            raise NotReproduced(
                f"seed {before.seed} of {before.scenario} does not fail again in {self._checker}:"
                " something in it comes from outside of the simulation, or the code has changed"
            )

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._tell()

    # -- taking away ------------------------------------------------------------------------------------------------

    def _less_faults(self) -> None:
        self._fails(replace(self._plan, faults=self._best.faults))
        if self._plan.faults is not None:
            fewest(self._plan.faults, lambda faults: self._fails(replace(self._plan, faults=faults)))

    def _less_steps(self) -> None:
        self._fails(replace(self._plan, steps=self._best.steps))
        if self._plan.steps is not None:
            fewest(self._plan.steps, lambda steps: self._fails(replace(self._plan, steps=steps)))

    def _sooner_faults(self) -> None:
        for fault in self._plan.faults or ():
            others = tuple(other for other in self._plan.faults or () if other != fault)
            for number in range(1, min(fault.number, SOONEST + 1)):
                sooner = Fault(fault.name, number)
                plan = replace(self._plan, faults=(*others, sooner))
                if sooner not in others and self._fails(plan, in_fewer_turns=True):
                    break

    def _plainer_schedule(self) -> None:
        fails, passes = self._best.draws, 0
        if self._fails(replace(self._plan, schedule=0)):
            return
        while fails - passes > 1:
            middle = (passes + fails) // 2
            if self._fails(replace(self._plan, schedule=middle)):
                fails = middle
            else:
                passes = middle

    # -- running ----------------------------------------------------------------------------------------------------

    def _fails(self, plan: Plan, *, in_fewer_turns: bool = False) -> bool:
        """Whether the run still fails in the same checker with this plan; if so, this plan is the best from now on.

        ``in_fewer_turns``: one that takes as many turns as the best is none, for it takes nothing away.
        """
        known = self._failed.get(plan)
        if known is not None:
            return known
        if self._runs >= self._runs_at_most or (self._give_up is not None and self._give_up()):
            raise _Enough
        self._runs += 1
        before = self._before
        try:
            outcome = self._work(before.scenario, before.seed, before.level, plan, None)
        except Exception:  # noqa: BLE001  # a run that breaks in another way is none that fails in this one
            failed = False
        else:
            failed = any(violation.checker == self._checker for violation in outcome.violations)
            failed = failed and not (in_fewer_turns and outcome.turns >= self._best.turns)
            if failed:
                self._plan, self._best = plan, outcome
                self._keep()
        self._failed[plan] = failed
        self._tell()
        return failed

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(self._phase, self._runs, self._plan, self._best))

    # -- keeping ----------------------------------------------------------------------------------------------------

    def _kept(self) -> Plan | None:
        if self._path is None:
            return None
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.DecodeError):  # a damaged one costs time, nothing else
            return None
        return kept.plan if kept == self._as_kept(kept.plan) else None

    def _as_kept(self, plan: Plan) -> _Kept:
        before = self._before
        return _Kept(before.scenario, before.level, before.seed, self._checker, plan)

    def _keep(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_name(self._path.name + ".new")
            beside.write_bytes(msgspec.json.encode(self._as_kept(self._plan)))
            beside.replace(self._path)


def fewest(items: tuple[T, ...], fails: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    """The fewest of these that still fail, in their order: none of them can be taken away alone.

    ``fails`` has said, or would say, True for all of them.
    """
    if not items or fails(()):
        return ()
    pieces = 2
    while len(items) > 1:
        size = -(-len(items) // pieces)
        for start in range(0, len(items), size):
            without = items[:start] + items[start + size :]
            if without and fails(without):
                items = without
                pieces = max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(2 * pieces, len(items))
    return items
