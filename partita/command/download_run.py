"""One run of ``partita download``: from what is wanted to how each download ends."""

from __future__ import annotations

import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import RenderableType
from rich.live import Live

from partita.command.download_jobs import Batch, Job, Wanted
from partita.command.download_outcome import Outcome
from partita.command.download_places import Place
from partita.command.download_table import table
from partita.command.ending import Signals
from partita.command.printing import console
from partita.command.sessions import opened_quietly
from partita.download_arguments import HowToGoOn
from partita.errors import UnobservedFailure
from partita.session import Session

TICK_S: Final = 0.2
ROOM: Final = 4
"""Lines of the terminal that the table's head, its sum and what stands around it take."""


class Plan(NamedTuple):
    """What a command line asks for."""

    wanted: list[Wanted]
    place: Place
    how: HowToGoOn
    resume: bool
    partition: str | None
    data_dir: Path | None
    concurrent: int | None
    rate_bytes_s: int | None


class Report:
    """How it went. ``kept``: in a partition that can be opened again; ``stop``: what ended it before its end."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.complete_before: set[str | None] = set()
        self.kept = False
        self.stop: KeyboardInterrupt | None = None

    @property
    def left(self) -> int:
        """How many could go on, if they were kept."""
        return sum(outcome.can_resume if self.kept else outcome.state == "interrupted" for outcome in self.outcomes)

    @property
    def is_good(self) -> bool:
        """Whether all that was wanted is there."""
        return self.stop is None and all(outcome.state == "completed" for outcome in self.outcomes)


def run(plan: Plan) -> Report:
    """Do it, until nothing more comes or somebody stops it; the session is closed then."""
    report = Report()
    try:
        with opened_quietly(plan.partition, plan.data_dir) as (session, signals):
            report.kept = session.is_persistent()
            _run(plan, session, report, signals)
    except KeyboardInterrupt as stop:
        warnings.simplefilter("ignore", UnobservedFailure)  # whoever would have looked has been told to stop
        report.stop = stop
    return report


def _run(plan: Plan, session: Session, report: Report, signals: Signals) -> None:
    batch = Batch(session)
    try:
        with signals.raising():
            new = batch.sort(plan.wanted, plan.place, plan.how) if plan.resume else plan.wanted
        session.limit_downloads(concurrent=plan.concurrent, per_host=plan.concurrent, rate=plan.rate_bytes_s)
        batch.resume(plan.how)
        for one in new:
            signals.check()
            batch.begin(one, plan.place, plan.how)
        _watch(batch.jobs, signals)
    finally:
        report.outcomes = [job.outcome(kept=report.kept) for job in batch.jobs]
        report.complete_before = {job.item.id for job in batch.jobs if job.already and job.item is not None}


def _watch(jobs: list[Job], signals: Signals) -> None:
    """Come back when no job has more to wait for; meanwhile, show how far they are."""
    out = console(error=True)
    bell = threading.Lock()
    bell.acquire()

    def ring() -> None:
        with suppress(RuntimeError):  # it rings already
            bell.release()

    def shown() -> RenderableType:
        return table([job.line() for job in jobs], most=max(1, out.height - ROOM), width=out.width)

    live = Live(console=out, auto_refresh=False, get_renderable=shown) if sys.stderr.isatty() else None
    try:
        if live is not None:
            live.start()
        waiting = jobs
        while True:
            waiting = [job for job in waiting if job.advance(ring)]
            if live is not None:
                live.refresh()
            if not waiting:
                return
            with signals.raising():
                bell.acquire(timeout=TICK_S)
    finally:
        if live is not None:
            live.stop()
