"""A sweep, from the command line: progress while it runs, then the figures, the failures, and the first of them shrunk."""

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from partita.command.cluster import Workers
from partita.command.code_version import code_version
from partita.command.ending import complain
from partita.command.printing import console, counted, plain_table, print_json
from partita.command.simulated_run import outcome_to_plain, print_failure, print_how_to_keep, print_run
from partita.command.sweep_progress import status, sweep_progress
from partita.errors import NotReproduced
from partita.simulations import shrink as shrinking
from partita.simulations.code import Mark, marks
from partita.simulations.failures import failure_of, keep
from partita.simulations.outcome import Level, Plan
from partita.simulations.plans import Run, plan_text
from partita.simulations.shrink import Shrunk
from partita.simulations.sweep import Work, checkpoint_name, processes, processors, sweep
from partita.simulations.tally import SweepReport

SHOWN: Final = 5
"""So many failures are shown in full; of the others, the command."""
SHRINK_S: Final = 120.0


def on_this_machine(jobs: int | None) -> Workers:
    """So many processes; one for each processor unless told otherwise."""
    count = jobs or processors()
    return Workers(partial(processes, count), count, counted(count, "job"))


class Sweeping:
    """One sweep. ``directory``: where an interrupted one is kept."""

    def __init__(
        self,
        work: Work,
        scenario: str,
        seeds: range,
        level: Level,
        workers: Workers,
        *,
        directory: Path,
        fresh: bool,
        shrinks: bool,
        keeps: bool,
        tells_marks: bool,
        tells_coverage: bool,
        as_json: bool,
    ) -> None:
        self._work = work
        self._scenario = scenario
        self._seeds = seeds
        self._level: Level = level
        self._workers = workers
        self._directory = directory
        self._checkpoint = directory / checkpoint_name(scenario, level, seeds)
        self._fresh = fresh
        self._shrinks = shrinks
        self._keeps = keeps
        self._tells_marks = tells_marks
        self._tells_coverage = tells_coverage
        self._as_json = as_json
        self._out = Console(quiet=True) if as_json else console()

    def run(self) -> bool:
        """Sweep and tell; whether no checker complained."""
        version = code_version()
        if self._fresh:
            self._checkpoint.unlink(missing_ok=True)
        seeds = f"seeds {self._seeds.start} to {self._seeds.stop - 1}"
        self._out.print(
            Text(f"{self._scenario}, {seeds}, level {self._level}, {self._workers.told}, {version}", style="bold")
        )
        try:
            report = self._swept()
        finally:
            self._workers.close()
        shrunk = self._shrunk(report)
        kept = self._kept(report, shrunk)
        unreached = _unreached(report) if self._tells_marks or self._as_json else []
        if self._as_json:
            print_json(report_to_plain(report, version, shrunk, kept, unreached))
        else:
            self._tell(report, shrunk, kept, unreached, version)
        self._checkpoint.unlink(missing_ok=True)  # only now: whatever was interrupted before goes on where it was
        return report.ok

    # -- doing ------------------------------------------------------------------------------------------------------

    def _swept(self) -> SweepReport:
        done = 0
        with sweep_progress(len(self._seeds)) as tell:

            def on_progress(report: SweepReport) -> None:
                nonlocal done
                done = report.done
                tell(report)

            try:
                report = sweep(
                    self._work,
                    self._scenario,
                    self._seeds,
                    level=self._level,
                    executor=self._workers.executor,
                    jobs=self._workers.jobs,
                    checkpoint=self._checkpoint,
                    on_progress=on_progress,
                )
            except KeyboardInterrupt:
                complain(f"interrupted after {done} of {len(self._seeds)} seeds: the same command goes on there")
                raise
        if report.note:
            complain(report.note)
        return report

    def _shrunk(self, report: SweepReport) -> Shrunk | None:
        if not self._shrinks or not report.failures:
            return None
        first = report.failures[0]
        until = time.monotonic() + SHRINK_S
        with status(f"shrinking seed {first.seed}") as show:

            def on_progress(progress: shrinking.Progress) -> None:
                best = progress.best
                show(
                    f"shrinking seed {first.seed} ({progress.phase}): {counted(len(best.faults), 'fault')},"
                    f" {counted(len(best.steps), 'step')}, {counted(best.turns, 'turn')}, run {progress.runs}"
                )

            try:
                return shrinking.shrink(
                    self._work,
                    first,
                    give_up=lambda: time.monotonic() > until,
                    on_progress=on_progress,
                    resume=self._directory / f"{self._scenario}-{self._level}-{first.seed}.shrink",
                )
            except NotReproduced as error:
                complain(str(error))
                return None
            except KeyboardInterrupt:
                complain("interrupted while shrinking: the same command goes on there")
                raise

    def _kept(self, report: SweepReport, shrunk: Shrunk | None) -> Path | None:
        if not self._keeps or not report.failures:
            return None
        outcome, plan = (report.failures[0], Plan()) if shrunk is None else (shrunk.after, shrunk.plan)
        return keep(failure_of(outcome, plan, found=datetime.now(UTC).date().isoformat()))

    # -- telling ----------------------------------------------------------------------------------------------------

    def _tell(
        self, report: SweepReport, shrunk: Shrunk | None, kept: Path | None, unreached: list[Mark], version: str
    ) -> None:
        out = self._out
        print_figures(out, report)
        if self._tells_coverage:
            _print_coverage(out, report)
        if self._tells_marks:
            _print_marks(out, report, unreached)
        for defect in report.defects[:SHOWN]:
            out.print(Text(f"\nseed {defect.seed} could not be run to its end", style="bold red"))
            out.print(defect.what.rstrip())
            out.print(f"run again with: {Run(report.scenario, defect.seed, report.level).command()}")
        for failure in report.failures[:SHOWN]:
            out.print(Text(f"\nseed {failure.seed} failed, {version}", style="bold red"))
            print_run(out, failure)
            print_failure(out, failure, Plan())
        if len(report.failures) > SHOWN:
            out.print("\nand these:")
            for failure in report.failures[SHOWN:]:
                out.print(f"  {Run(failure.scenario, failure.seed, failure.level).command()}")
        if shrunk is not None:
            out.print(Text(f"\nseed {shrunk.before.seed} shrunk: {shrunk.told()}", style="bold"))
            print_failure(out, shrunk.after, shrunk.plan)
            print_how_to_keep(out, shrunk.after, shrunk.plan)
        if kept is not None:
            out.print(f"kept in {kept}: say there what was fixed")
        if report.ok:
            out.print(Text("no checker complained", style="green"))


def print_figures(out: Console, report: SweepReport) -> None:
    """How many, how fast, what struck, who complained."""
    figures = _figures(report)
    out.print(
        f"{counted(report.done, 'seed')} in {report.wall_s:.1f} s: {figures['seeds_per_s']:,.0f} seeds/s,"
        f" {figures['turns_per_s']:,.0f} turns/s, {figures['virtual_hours_per_hour']:,.0f} virtual hours an hour"
    )
    out.print(
        f"{counted(report.turns, 'turn')}, {report.crashes} crashes, {report.virtual_us / 3.6e9:.1f} virtual hours"
    )
    struck = [f"{name} {count}" for name, count in sorted(report.struck.items())]
    out.print(f"faults struck: {', '.join(struck) or 'none'}")
    if report.failed:
        by_checker = [f"{name} {count}" for name, count in sorted(report.by_checker.items())]
        out.print(Text(f"{counted(report.failed, 'seed')} failed: {', '.join(by_checker)}", style="bold red"))
    if report.broken:
        out.print(Text(f"{counted(report.broken, 'seed')} could not be run to the end", style="bold red"))


def _figures(report: SweepReport) -> dict[str, float]:
    wall_s = max(report.wall_s, 1e-9)
    return {
        "seeds_per_s": report.done / wall_s,
        "turns_per_s": report.turns / wall_s,
        "virtual_hours_per_hour": report.virtual_us / 1e6 / wall_s,
    }


def _unreached(report: SweepReport) -> list[Mark]:
    return [mark for mark in marks() if mark.name not in report.reached and mark.name not in report.struck]


def _print_marks(out: Console, report: SweepReport, unreached: list[Mark]) -> None:
    table = plain_table("mark", "seeds that reached it", "where")
    for mark in unreached:
        table.add_row(mark.name, Text("none", style="red"), mark.where)
    for name, count in sorted(report.reached.items()):
        table.add_row(name, str(count), "")
    out.print(table)


def _print_coverage(out: Console, report: SweepReport) -> None:
    table = plain_table("actor", "state", "message", "seeds")
    for (kind, state, message), count in sorted(report.coverage.items()):
        table.add_row(kind, state, message, str(count))
    out.print(table)


def report_to_plain(
    report: SweepReport, version: str, shrunk: Shrunk | None, kept: Path | None, unreached: list[Mark]
) -> dict[str, object]:
    """All that a sweep says, as plain data."""
    return {
        "scenario": report.scenario,
        "level": report.level,
        "version": version,
        "start": report.start,
        "stop": report.stop,
        "ok": report.ok,
        "done": report.done,
        "turns": report.turns,
        "crashes": report.crashes,
        "virtual_s": report.virtual_us / 1e6,
        "wall_s": report.wall_s,
        **_figures(report),
        "failed": report.failed,
        "broken": report.broken,
        "by_checker": dict(sorted(report.by_checker.items())),
        "struck": dict(sorted(report.struck.items())),
        "reached": dict(sorted(report.reached.items())),
        "unreached": [{"name": mark.name, "kind": mark.kind, "where": mark.where} for mark in unreached],
        "coverage": [
            {"actor": kind, "state": state, "message": message, "seeds": count}
            for (kind, state, message), count in sorted(report.coverage.items())
        ],
        "failures": [outcome_to_plain(failure, Plan()) for failure in report.failures],
        "defects": [{"seed": defect.seed, "what": defect.what} for defect in report.defects],
        "shrunk": None if shrunk is None else _shrunk_to_plain(shrunk),
        "kept": None if kept is None else str(kept),
    }


def _shrunk_to_plain(shrunk: Shrunk) -> dict[str, object]:
    return {
        "checker": shrunk.checker,
        "plan": plan_text(shrunk.plan),
        "runs": shrunk.runs,
        "finished": shrunk.finished,
        "before": _size(shrunk.before.turns, shrunk.before.faults, shrunk.before.steps),
        "after": _size(shrunk.after.turns, shrunk.after.faults, shrunk.after.steps),
        "run": outcome_to_plain(shrunk.after, shrunk.plan),
    }


def _size(turns: int, faults: tuple[object, ...], steps: tuple[int, ...]) -> dict[str, int]:
    return {"faults": len(faults), "steps": len(steps), "turns": turns}
